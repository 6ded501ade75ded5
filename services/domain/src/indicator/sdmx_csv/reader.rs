//! Reads a file row by row, without holding more of it than the checked observations.

use std::{
    io::{self, Read},
    sync::Arc,
};

use unicode_normalization::is_nfc;

use super::{
    ACTION, STRUCTURE_ID,
    header::{Artefact, ArtefactKind, Columns, is_sdmx},
};
use crate::{
    area::AreaList,
    indicator::{Action, Checker, Dataset, Place, Raw, Structure, StructureRef, Violations},
    reason,
};

/// How large a file may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes.
    pub bytes: u64,
    /// Most rows, the header not counted.
    pub rows: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 2 << 30, rows: 10_000_000 }
    }
}

/// A file that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The structure that it follows.
    pub structure: StructureRef,
    /// The dataflow that it names, when it names one instead of the structure.
    pub dataflow: Option<StructureRef>,
    /// What it contains, in order.
    pub datasets: Vec<Dataset>,
}

/// Why a file was not accepted. Nothing of it takes effect.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The input could not be read.
    #[error("reading the file")]
    Io(#[source] io::Error),
    /// The first row is not that of SDMX-CSV 2.0.
    #[error("the file does not begin with STRUCTURE,STRUCTURE_ID,ACTION")]
    Header,
    /// The structure or dataflow of the first row is not known.
    #[error("the file follows a structure that is not registered")]
    UnknownStructure,
    /// The file is larger than allowed.
    #[error("the file is larger than allowed")]
    TooLarge,
    /// Rows break the rules.
    #[error(transparent)]
    Invalid(#[from] Violations),
}

impl ImportError {
    /// The stable reason; a file with violations has one per violation.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Io(_) => reason::FILE_UNREADABLE,
            Self::Header => reason::CSV_HEADER_INVALID,
            Self::UnknownStructure => reason::STRUCTURE_UNKNOWN,
            Self::TooLarge => reason::SUBMISSION_TOO_LARGE,
            Self::Invalid(_) => reason::SUBMISSION_INVALID,
        }
    }
}

/// Reads and checks a whole file. `lookup` finds the structure that an artefact stands for.
///
/// # Errors
/// [`ImportError`]; with [`ImportError::Invalid`] every violation was counted.
pub fn import<'s>(
    input: impl Read,
    lookup: impl FnOnce(&Artefact) -> Option<&'s Structure>,
    areas: &'s AreaList,
    limits: Limits,
) -> Result<Import, ImportError> {
    // One byte more than allowed tells a file that is too large from one that just fits.
    let input = input.take(limits.bytes.saturating_add(1));
    let mut file = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(input);
    let mut record = csv::StringRecord::new();
    if next(&mut file, &mut record)? != Next::Row || !is_sdmx(&record) {
        return Err(ImportError::Header);
    }
    let header = record.clone();

    // Rows that cannot be read before the first that can: what they follow is not known yet.
    let mut unreadable = Violations::default();
    let mut current = next(&mut file, &mut record)?;
    while let Next::NotUtf8(line) = current {
        unreadable.add(reason::TEXT_NOT_UTF8, Place::Line(line), None);
        within(&limits, unreadable.total(), &file)?;
        current = next(&mut file, &mut record)?;
    }
    if current == Next::End {
        if unreadable.is_empty() {
            unreadable.add(reason::SUBMISSION_EMPTY, Place::Whole, None);
        }
        return Err(unreadable.into());
    }
    let artefact = Artefact::parse(cell(&record, 0), cell(&record, 1)).ok_or(ImportError::UnknownStructure)?;
    let structure = lookup(&artefact).ok_or(ImportError::UnknownStructure)?;
    let mut count = unreadable.total();
    let mut checker = Checker::new(structure, areas).with_violations(unreadable);
    let mut rows = Rows::new(&header, [cell(&record, 0), cell(&record, 1)], &mut checker);
    while current != Next::End {
        count += 1;
        within(&limits, count, &file)?;
        match current {
            Next::NotUtf8(line) => checker.violation(reason::TEXT_NOT_UTF8, Place::Line(line), None),
            Next::Row | Next::End => rows.check(&record, &mut checker),
        }
        current = next(&mut file, &mut record)?;
    }
    let dataflow = (artefact.kind == ArtefactKind::Dataflow).then_some(artefact.reference);
    Ok(Import { structure: structure.reference().clone(), dataflow, datasets: checker.finish()? })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Row,
    NotUtf8(u64),
    End,
}

fn next<R: Read>(file: &mut csv::Reader<R>, record: &mut csv::StringRecord) -> Result<Next, ImportError> {
    let line = file.position().line();
    match file.read_record(record) {
        Ok(true) => Ok(Next::Row),
        Ok(false) => Ok(Next::End),
        Err(error) => match error.into_kind() {
            csv::ErrorKind::Utf8 { pos, .. } => Ok(Next::NotUtf8(pos.map_or(line, |pos| pos.line()))),
            csv::ErrorKind::Io(error) => Err(ImportError::Io(error)),
            other => Err(ImportError::Io(io::Error::other(format!("{other:?}")))),
        },
    }
}

fn cell(record: &csv::StringRecord, column: usize) -> &str {
    record.get(column).unwrap_or_default()
}

fn within<R: std::io::Read>(limits: &Limits, rows: u64, file: &csv::Reader<R>) -> Result<(), ImportError> {
    if rows > limits.rows || file.position().byte() > limits.bytes { Err(ImportError::TooLarge) } else { Ok(()) }
}

/// What stays the same from row to row.
struct Rows {
    columns: Columns,
    width: usize,
    artefact: [Box<str>; 2],
    action: Option<Action>,
    names: [Arc<str>; 2],
    header: Vec<Arc<str>>,
    key: String,
}

impl Rows {
    fn new(header: &csv::StringRecord, artefact: [&str; 2], checker: &mut Checker<'_>) -> Self {
        Self {
            columns: Columns::find(header, checker),
            width: header.len(),
            artefact: artefact.map(Into::into),
            action: None,
            names: [STRUCTURE_ID, ACTION].map(Into::into),
            header: header.iter().map(Into::into).collect(),
            key: String::new(),
        }
    }

    fn check(&mut self, record: &csv::StringRecord, checker: &mut Checker<'_>) {
        let place = Place::Line(record.position().map_or(0, csv::Position::line));
        if record.len() != self.width {
            return checker.violation(reason::CSV_ROW_MALFORMED, place, None);
        }
        if [cell(record, 0), cell(record, 1)] != [&*self.artefact[0], &*self.artefact[1]] {
            return checker.violation(reason::STRUCTURE_MISMATCH, place, Some(&self.names[0]));
        }
        let action = match cell(record, 2) {
            "M" => Action::Merge,
            "R" => Action::Replace,
            "D" => Action::Delete,
            "I" | "A" => return checker.violation(reason::ACTION_DEPRECATED, place, Some(&self.names[1])),
            _ => return checker.violation(reason::ACTION_UNKNOWN, place, Some(&self.names[1])),
        };
        if self.action.replace(action) != Some(action) {
            checker.begin(action);
        }
        if !record.as_slice().is_ascii() && self.denormalized(record, place, checker) {
            return;
        }
        self.key.clear();
        for (index, column) in self.columns.dimensions.iter().enumerate() {
            if index > 0 {
                self.key.push('.');
            }
            let code = column.map_or("", |column| cell(record, column));
            if code.contains('.') {
                let component = column.and_then(|column| self.header.get(column));
                return checker.violation(reason::CODE_NOT_IN_LIST, place, component);
            }
            self.key.push_str(code);
        }
        let attributes = self.columns.attributes.iter();
        let raw = Raw {
            key: &self.key,
            period: self.columns.period.map_or("", |column| cell(record, column)),
            value: self.columns.value.map(|column| cell(record, column)).filter(|text| !text.is_empty()),
            attributes: attributes.map(|(at, id)| (&**id, cell(record, *at))).filter(|(_, text)| !text.is_empty()),
        };
        checker.row(place, &raw);
    }

    /// Reports every cell whose text is not in NFC.
    fn denormalized(&self, record: &csv::StringRecord, place: Place, checker: &mut Checker<'_>) -> bool {
        let mut found = false;
        for (text, component) in record.iter().zip(&self.header) {
            if !is_nfc(text) {
                checker.violation(reason::TEXT_NOT_NFC, place, Some(component));
                found = true;
            }
        }
        found
    }
}

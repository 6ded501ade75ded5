//! What is wrong with a file, for people and as JSON: every violation counted, the first hundred with line, column and
//! reason, never with the content of a cell.

use std::fmt;

use nhipcau_domain::indicator::{Place, sdmx_csv::ImportError};
use nhipcau_proto::indicator::v1 as pb;
use serde::Serialize;

use crate::{client::Refused, terminal::counted};

/// A file that is not accepted.
#[derive(Debug, Serialize)]
pub(super) struct Faulty {
    /// Stable reason of docs/errors.md.
    reason: String,
    violation_count: u64,
    violations: Vec<Fault>,
}

#[derive(Debug, Serialize)]
struct Fault {
    /// Line of the file, from 1; none when the file as a whole is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    /// Row of the file, from 1 without the header, where the access point found what was not found here.
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<u64>,
    /// Place in the request, where no row of the file is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    component: Option<String>,
    reason: String,
}

impl Faulty {
    /// What reading the file found.
    pub(super) fn read(error: &ImportError) -> Self {
        let (mut violations, mut violation_count) = (Vec::new(), 0);
        if let ImportError::Invalid(found) = error {
            violation_count = found.total();
            violations.extend(found.listed().iter().map(|violation| Fault {
                line: if let Place::Line(line) = violation.place { Some(line) } else { None },
                row: None,
                field: None,
                component: violation.component.as_ref().map(ToString::to_string),
                reason: violation.reason.to_owned(),
            }));
        }
        Self { reason: error.reason().to_owned(), violation_count, violations }
    }

    /// What the access point found beyond that, because it uses another release of the directory.
    pub(super) fn answered(refused: &Refused, datasets: &[pb::Dataset]) -> Self {
        let fault = |(field, reason): (&str, &str)| {
            let found = row(field, datasets);
            Fault {
                line: None,
                row: found.map(|(row, _)| row),
                field: found.is_none().then(|| field.to_owned()),
                component: found.and_then(|(_, component)| component).map(str::to_owned),
                reason: reason.to_owned(),
            }
        };
        let violations = refused.violations().map(fault).collect();
        Self { reason: refused.reason().to_owned(), violation_count: refused.violation_count(), violations }
    }
}

/// The row of the file and the component that a place of the request means: each row became one observation, in the
/// order of the file.
fn row<'f>(field: &'f str, datasets: &[pb::Dataset]) -> Option<(u64, Option<&'f str>)> {
    let (dataset, rest) = index(field, "datasets[")?;
    let (block, rest) = index(rest.strip_prefix('.')?, "blocks[")?;
    let (observation, rest) = index(rest.strip_prefix('.')?, "time_periods[")?;
    let rows = |blocks: &[pb::SeriesBlock]| blocks.iter().map(|block| block.time_periods.len()).sum::<usize>();
    let before = datasets.get(..dataset)?.iter().map(|dataset| rows(&dataset.blocks)).sum::<usize>();
    let before = before + rows(datasets.get(dataset)?.blocks.get(..block)?);
    Some(((before + observation + 1) as u64, rest.strip_prefix('.')))
}

/// The number behind a prefix and in front of `]`, and what follows.
fn index<'f>(field: &'f str, prefix: &str) -> Option<(usize, &'f str)> {
    let (number, rest) = field.strip_prefix(prefix)?.split_once(']')?;
    Some((number.parse().ok()?, rest))
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.reason)?;
        for fault in &self.violations {
            match (fault.line, fault.row, &fault.field) {
                (Some(line), ..) => write!(f, "\n  line {line}")?,
                (_, Some(row), _) => write!(f, "\n  row {row}")?,
                (.., Some(field)) => write!(f, "\n  {field}")?,
                (None, None, None) => write!(f, "\n  the file")?,
            }
            if let Some(component) = &fault.component {
                write!(f, ", {component}")?;
            }
            write!(f, ": {}", fault.reason)?;
        }
        let more = self.violation_count.saturating_sub(self.violations.len() as u64);
        if more > 0 {
            write!(f, "\n  … and {more} more")?;
        }
        if self.violation_count > 0 {
            write!(f, "\n{}; nothing of the file took effect", counted(self.violation_count, "violation"))?;
        }
        Ok(())
    }
}

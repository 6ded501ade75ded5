//! Writes datasets as SDMX-CSV 2.0: the columns in the order of the structure, UTF-8, comma, LF.

use std::{io::Write, sync::Arc};

use super::{ACTION, Artefact, PRESENT, STRUCTURE, STRUCTURE_ID};
use crate::indicator::{Attributes, Dataset, Deletion, Key, Observation, Period, State, Structure, Value};

/// Writing the file failed.
#[derive(Debug, thiserror::Error)]
#[error("writing SDMX-CSV")]
pub struct ExportError(#[from] csv::Error);

/// Writes one file. What was written before an error is not a complete file.
#[derive(Debug)]
pub struct Exporter<'s, W: Write> {
    file: csv::Writer<W>,
    structure: &'s Structure,
    kind: &'static str,
    reference: Box<str>,
    wildcards: Box<[&'static str]>,
}

impl<'s, W: Write> Exporter<'s, W> {
    /// Begins a file with its header. The artefact is what the rows name: the structure or a dataflow of it.
    ///
    /// # Errors
    /// [`ExportError`] when the output does.
    pub fn new(output: W, structure: &'s Structure, artefact: &Artefact) -> Result<Self, ExportError> {
        let mut file = csv::WriterBuilder::new().flexible(true).from_writer(output);
        for name in [STRUCTURE, STRUCTURE_ID, ACTION] {
            file.write_field(name)?;
        }
        for dimension in structure.dimensions() {
            file.write_field(&*dimension.id)?;
        }
        file.write_field(Structure::TIME_PERIOD)?;
        file.write_field(Structure::OBS_VALUE)?;
        for attribute in structure.attributes() {
            file.write_field(&*attribute.id)?;
        }
        file.write_record(None::<&[u8]>)?;
        let wildcards = vec![""; structure.dimensions().len()].into();
        let (kind, reference) = (artefact.kind.as_str(), artefact.reference.as_str().into());
        Ok(Self { file, structure, kind, reference, wildcards })
    }

    /// Writes the current state of an observation, as a REPLACE: what queries are answered with.
    ///
    /// # Errors
    /// [`ExportError`] when the output does.
    pub fn state(&mut self, key: &Key, period: Period, state: &State) -> Result<(), ExportError> {
        self.observation("R", key, period, state.value.as_ref(), &state.attributes)
    }

    /// Writes a dataset of a submission under its own action.
    ///
    /// # Errors
    /// [`ExportError`] when the output does.
    pub fn dataset(&mut self, dataset: &Dataset) -> Result<(), ExportError> {
        let mut rows = |action, rows: &[Observation]| {
            rows.iter().try_for_each(|o| self.observation(action, &o.key, o.period, o.value.as_ref(), &o.attributes))
        };
        match dataset {
            Dataset::Merge(observations) => rows("M", observations),
            Dataset::Replace(observations) => rows("R", observations),
            Dataset::Delete(deletions) => deletions.iter().try_for_each(|deletion| self.deletion(deletion)),
        }
    }

    /// Ends the file and returns the output.
    ///
    /// # Errors
    /// [`ExportError`] when the last bytes cannot be written.
    pub fn finish(self) -> Result<W, ExportError> {
        self.file.into_inner().map_err(|error| ExportError(error.into_error().into()))
    }

    fn observation(
        &mut self,
        action: &str,
        key: &Key,
        period: Period,
        value: Option<&Value>,
        attributes: &Attributes,
    ) -> Result<(), ExportError> {
        self.row(action, key.codes(), &period.to_string(), value.map_or("", Value::as_str), |id| {
            attributes.get(id).unwrap_or_default()
        })
    }

    fn deletion(&mut self, deletion: &Deletion) -> Result<(), ExportError> {
        let pattern = deletion.pattern.to_string();
        let period = deletion.period.map_or_else(String::new, |period| period.to_string());
        let value = if deletion.parts.value { PRESENT } else { "" };
        let named: &[Arc<str>] = &deletion.parts.attributes;
        let mark = |id: &str| if named.iter().any(|other| **other == *id) { PRESENT } else { "" };
        if pattern.is_empty() {
            let wildcards = self.wildcards.clone();
            self.row("D", wildcards.iter().copied(), &period, value, mark)
        } else {
            self.row("D", pattern.split('.'), &period, value, mark)
        }
    }

    fn row<'r>(
        &mut self,
        action: &str,
        codes: impl Iterator<Item = &'r str>,
        period: &str,
        value: &str,
        attribute: impl Fn(&str) -> &'r str,
    ) -> Result<(), ExportError> {
        for cell in [self.kind, &self.reference, action] {
            self.file.write_field(cell)?;
        }
        for code in codes {
            self.file.write_field(code)?;
        }
        self.file.write_field(period)?;
        self.file.write_field(value)?;
        for column in self.structure.attributes() {
            self.file.write_field(attribute(&column.id))?;
        }
        self.file.write_record(None::<&[u8]>)?;
        Ok(())
    }
}

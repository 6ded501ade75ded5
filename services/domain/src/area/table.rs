//! Reads the plain CSV tables that code lists are kept in: a fixed header, then rows of cells.

use std::io::Read;

use jiff::civil::Date;
use unicode_normalization::is_nfc;

use super::{ErrorKind, FileError, Validity};

/// A table that is being read. Refuses any other header, rows of another length, and text that is not in NFC.
pub(crate) struct Table<R> {
    reader: csv::Reader<R>,
    row: csv::StringRecord,
    line: u64,
}

impl<R: Read> Table<R> {
    /// Opens a table with exactly these columns.
    pub(crate) fn open(input: R, columns: &[&str]) -> Result<Self, FileError> {
        let mut reader = csv::ReaderBuilder::new().from_reader(input);
        let header = reader.headers().map_err(|error| FileError { line: 1, kind: ErrorKind::Csv(error) })?;
        if !header.iter().eq(columns.iter().copied()) {
            return Err(FileError { line: 1, kind: ErrorKind::Header(columns.join(",")) });
        }
        Ok(Self { reader, row: csv::StringRecord::new(), line: 1 })
    }

    /// Moves to the next row; false at the end.
    pub(crate) fn advance(&mut self) -> Result<bool, FileError> {
        let read = self.reader.read_record(&mut self.row);
        self.line = self.row.position().map_or(self.line, csv::Position::line);
        let more = read.map_err(|error| {
            let line = error.position().map_or(self.line, csv::Position::line);
            FileError { line, kind: ErrorKind::Csv(error) }
        })?;
        if !self.row.iter().all(|cell| cell.is_ascii() || is_nfc(cell)) {
            return Err(self.fault(ErrorKind::Cell("text not in NFC")));
        }
        Ok(more)
    }

    /// The text of a cell.
    pub(crate) fn text(&self, column: usize) -> &str {
        self.row.get(column).unwrap_or_default()
    }

    /// The text of a cell that must not be empty.
    pub(crate) fn required(&self, column: usize, name: &'static str) -> Result<&str, FileError> {
        match self.text(column) {
            "" => Err(self.fault(ErrorKind::Cell(name))),
            text => Ok(text),
        }
    }

    /// Two neighbouring cells with the first and the last day.
    pub(crate) fn validity(&self, column: usize) -> Result<Validity, FileError> {
        let validity = Validity { from: self.date(column)?, until: self.date(column + 1)? };
        if validity.is_ordered() { Ok(validity) } else { Err(self.fault(ErrorKind::Dates)) }
    }

    /// An error at the current line.
    pub(crate) fn fault(&self, kind: ErrorKind) -> FileError {
        FileError { line: self.line, kind }
    }

    fn date(&self, column: usize) -> Result<Option<Date>, FileError> {
        match self.text(column) {
            "" => Ok(None),
            text if text.len() == 10 => text.parse().map(Some).map_err(|_| self.fault(ErrorKind::Cell("date"))),
            _ => Err(self.fault(ErrorKind::Cell("date"))),
        }
    }
}

//! Why a code list file was not accepted. Names the line, never the content.

/// A code list file that cannot be used; nothing of it was taken over.
#[derive(Debug, thiserror::Error)]
#[error("code list, line {line}: {kind}")]
pub struct FileError {
    /// Line in the file, from 1; 0 when the file as a whole is meant.
    pub line: u64,
    /// What is wrong there.
    pub kind: ErrorKind,
}

/// What is wrong in a code list file.
#[derive(Debug, thiserror::Error)]
pub enum ErrorKind {
    /// Not CSV, not UTF-8, or rows of unequal length.
    #[error("not readable as CSV")]
    Csv(#[source] csv::Error),
    /// The columns are not the expected ones in the expected order.
    #[error("expected the columns {0}")]
    Header(String),
    /// A cell does not have the syntax of its column.
    #[error("{0} is malformed")]
    Cell(&'static str),
    /// A range of dates ends before it begins.
    #[error("the last day is before the first")]
    Dates,
    /// The same code is in force twice on one day.
    #[error("the code is in force twice on one day")]
    Overlap,
    /// The row refers to something that the files do not contain.
    #[error("refers to an unknown {0}")]
    Unknown(&'static str),
}

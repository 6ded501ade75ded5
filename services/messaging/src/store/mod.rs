//! The one store of an access point: SQLite in WAL mode with `synchronous=FULL`, one writer, one narrow
//! transaction.
//!
//! A committed transaction is on disk. Every transaction of the writer checks the fencing epoch, so that a process that
//! lost its place cannot write. SQL text is SQLite's, kept close to what PostgreSQL takes too: numbered placeholders,
//! RETURNING through `query`.

pub(crate) mod blob;
pub(crate) mod evidence;
pub(crate) mod held;
pub(crate) mod inbox;
pub(crate) mod issued;
pub mod operations;
pub(crate) mod outbox;
pub(crate) mod positions;
mod reader;
pub(crate) mod retention;
mod sqlite;
mod tx;

pub use held::receipt_of;
pub use reader::Readers;
pub use sqlite::Store;
pub use tx::{Row, Tx, Value};

/// Why the store failed. After any of these the process must stop: what is in memory can no longer be trusted
/// to match the disk, and a start is a recovery.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// SQLite failed, for instance because the disk is full or broken.
    #[error("the store could not be read or written")]
    Sqlite(#[from] rusqlite::Error),
    /// Another process has taken the store over.
    #[error("another process has taken over the store")]
    Fenced,
    /// A row does not hold what this version wrote.
    #[error("the store holds a row of another shape: {0}")]
    Corrupt(&'static str),
    /// The store was written by a newer version.
    #[error("the store has schema version {found}, this program knows up to {known}")]
    TooNew {
        /// Version in the file.
        found: i64,
        /// Newest version known.
        known: i64,
    },
    /// The store was written by a development version before the first release; there is no way from it to this one.
    #[error("the store has schema version {found}, this program needs {known} and cannot take it over")]
    TooOld {
        /// Version in the file.
        found: i64,
        /// Version needed.
        known: i64,
    },
    /// The process is ending and reads no more.
    #[error("the process is ending")]
    Ended,
}

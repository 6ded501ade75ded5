//! The one store of an access point: SQLite in WAL mode with `synchronous=FULL`, or PostgreSQL; one writer, one narrow
//! transaction.
//!
//! A committed transaction is on disk. Every transaction of the writer checks the fencing epoch, so that a process that
//! lost its place cannot write. One SQL text goes to both: numbered placeholders, RETURNING through `query`, no
//! function, literal or implicit number that only one of them has (`LENGTH(x) = 0` for empty bytes, CASE for the
//! greater of two). Only the words for the types of columns are translated, in `postgres`.

pub(crate) mod blob;
pub(crate) mod carriage;
mod copy;
pub(crate) mod evidence;
pub(crate) mod held;
pub(crate) mod inbox;
pub(crate) mod issued;
mod location;
pub(crate) mod lost;
mod memory;
mod opened;
pub mod operations;
pub(crate) mod outbox;
pub(crate) mod positions;
mod postgres;
mod reader;
pub(crate) mod retention;
mod scratch;
pub(crate) mod sent;
mod sqlite;
mod tx;
pub(crate) mod waiting;

pub use copy::copy;
pub use evidence::is_erased;
pub use held::{is_received, receipt_of, refusal_of};
pub use location::{Location, Server};
pub use lost::{LostPeriod, lost_periods};
pub use opened::Store;
pub use postgres::Claim;
pub use reader::Readers;
pub use scratch::scratch_url;
pub use sqlite::steps;
pub use tx::{Row, Tx, Value};

/// Why the store failed. After any of these the process must stop: what is in memory can no longer be trusted
/// to match the disk, and a start is a recovery.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// SQLite failed, for instance because the disk is full or broken.
    #[error("the store could not be read or written")]
    Sqlite(#[from] rusqlite::Error),
    /// The PostgreSQL server cannot be reached, or has ended the session. Trying again later may help.
    #[error("the store's server cannot be reached: {0}")]
    Unreachable(String),
    /// PostgreSQL failed. The text names the kind of failure: what the server says beyond that may repeat a row.
    #[error("the store could not be read or written: {0}")]
    Postgres(String),
    /// The server does not promise what a store needs.
    #[error("the PostgreSQL server's setting {0} is not one that keeps what is confirmed")]
    Server(&'static str),
    /// The address of the server cannot be used.
    #[error("the address of the store {0}")]
    Address(&'static str),
    /// The file of certificates for the server cannot be used.
    #[error("the certificates that the store's server is known by could not be read")]
    Certificates,
    /// Another process is the active one.
    #[error("another process runs on this store")]
    InUse,
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

impl Error {
    /// Whether the same may be tried again later: a disk without room or that fails, or a server that is away.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        use rusqlite::ErrorCode::{DiskFull, SystemIoFailure};
        match self {
            Self::Sqlite(error) => matches!(error.sqlite_error_code(), Some(DiskFull | SystemIoFailure)),
            Self::Unreachable(_) => true,
            _ => false,
        }
    }
}

/// The version of SQLite in this program.
#[must_use]
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}

/// The version of the tables of a store, none where there is no store yet. Reads only: a running process keeps its
/// place. Of a server also looks whether it promises what a store needs.
///
/// # Errors
/// [`Error`] when it cannot be read, or is no store.
pub fn version(location: &Location) -> Result<Option<i64>, Error> {
    match location {
        Location::File(path) if !path.exists() => Ok(None),
        Location::File(_) => reader::Link::open(location)?.read(|tx| {
            tx.query("SELECT value FROM fence", &[], |_| Ok(()))?;
            tx.query_one("SELECT user_version FROM pragma_user_version", &[], |row| row.int(0))
        }),
        Location::Server(server) => Claim::on(server)?.version(),
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        use std::error::Error as _;
        match error.code().map(tokio_postgres::error::SqlState::code) {
            // The server ends sessions, is starting or has no room.
            Some(code) if ["08", "53", "57"].iter().any(|class| code.starts_with(class)) => {
                Self::Unreachable(format!("SQLSTATE {code}"))
            }
            Some(code) => Self::Postgres(format!("SQLSTATE {code}")),
            // What failed is the network's or this program's and repeats no row.
            None => {
                let text = error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
                let is_network = error.source().is_some_and(|source| source.is::<std::io::Error>());
                if error.is_closed() || is_network { Self::Unreachable(text) } else { Self::Postgres(text) }
            }
        }
    }
}

//! Reading beside the writer: a few read-only connections on threads that may wait.
//!
//! A read sees one committed state of the whole store and never delays a commit. Nothing can be written through it.

use std::{
    panic,
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::{Connection, OpenFlags, TransactionBehavior, config::DbConfig};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    Error, Location, Tx,
    postgres::{self, Session},
};

/// Read-only connections to one store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Readers {
    pool: Arc<Pool>,
    places: Arc<Semaphore>,
}

#[derive(Debug)]
struct Pool {
    links: Mutex<Vec<Link>>,
    location: Location,
}

/// A connection that only reads.
#[derive(Debug)]
pub(super) enum Link {
    Sqlite(Connection),
    Postgres(Session),
}

/// A connection on loan; goes back whatever happens to the work.
struct Loan {
    link: Option<Link>,
    pool: Arc<Pool>,
    // Dropped after the connection is back.
    _place: OwnedSemaphorePermit,
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.pool.links.lock().unwrap_or_else(PoisonError::into_inner).extend(self.link.take());
    }
}

impl Readers {
    /// Opens the connections to a store that its writer has open.
    ///
    /// # Errors
    /// [`Error`] when it cannot be opened.
    pub fn open(location: impl Into<Location>, connections: usize) -> Result<Self, Error> {
        let location = location.into();
        let opened = (0..connections.max(1)).map(|_| Link::open(&location)).collect::<Result<Vec<_>, _>>()?;
        let places = Arc::new(Semaphore::new(opened.len()));
        Ok(Self { pool: Arc::new(Pool { links: Mutex::new(opened), location }), places })
    }

    /// Runs work on one committed state of the store, waiting for a free connection. The work may take long, but
    /// holds its connection as long.
    ///
    /// # Errors
    /// What the work returns; [`Error`] when the store cannot be read or the process ends.
    ///
    /// # Panics
    /// When the work does.
    pub async fn read<T, E>(&self, work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| Error::Ended)?;
        let pool = Arc::clone(&self.pool);
        let reading = tokio::task::spawn_blocking(move || {
            let link = pool.links.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut loan = Loan { link, pool, _place: place };
            let link = loan.link.as_mut().ok_or(Error::Ended)?;
            // A server may have ended it; nothing was read by it then.
            if link.is_gone() {
                *link = Link::open(&loan.pool.location)?;
            }
            link.read(work)
        });
        match reading.await {
            Ok(result) => result,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => panic::resume_unwind(panic),
                Err(_) => Err(Error::Ended.into()),
            },
        }
    }
}

impl Link {
    pub(super) fn open(location: &Location) -> Result<Self, Error> {
        let path = match location {
            Location::File(path) => path,
            Location::Server(server) => return Ok(Self::Postgres(Session::connect(server)?)),
        };
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        connection.set_prepared_statement_cache_capacity(128);
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(Self::Sqlite(connection))
    }

    fn is_gone(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(session) => session.is_closed(),
        }
    }

    pub(super) fn read<T, E: From<Error>>(&mut self, work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>) -> Result<T, E> {
        let connection = match self {
            Self::Sqlite(connection) => connection,
            Self::Postgres(session) => return postgres::read(session, work),
        };
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Deferred).map_err(Error::from)?;
        let result = work(&mut Tx::in_file(&transaction));
        transaction.finish().map_err(Error::from)?;
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Store, Value};

    const INSERT: &str = "INSERT INTO meta (name, value) VALUES ($1, $2)";
    const NAMES: &str = "SELECT name FROM meta ORDER BY name";

    fn opened(connections: usize) -> (tempfile::TempDir, Store, Readers) {
        let directory = tempfile::tempdir().unwrap();
        let location = Location::scratch(directory.path()).unwrap();
        let mut store = Store::open(&location).unwrap();
        store.transaction(|tx| tx.execute(INSERT, &["a".into(), Value::Blob(b"x")])).unwrap();
        let readers = Readers::open(&location, connections).unwrap();
        (directory, store, readers)
    }

    #[tokio::test]
    async fn a_read_sees_what_is_committed_and_nothing_else() {
        let (_directory, mut store, readers) = opened(2);
        let names = || readers.read(|tx| tx.query(NAMES, &[], |row| row.text(0)));
        assert_eq!(names().await.unwrap(), ["a"]);
        let failed: Result<(), Error> = store.transaction(|tx| {
            tx.execute(INSERT, &["b".into(), Value::Blob(b"x")])?;
            Err(Error::Corrupt("on purpose"))
        });
        assert!(failed.is_err());
        assert_eq!(names().await.unwrap(), ["a"]);
        store.transaction(|tx| tx.execute(INSERT, &["c".into(), Value::Blob(b"x")])).unwrap();
        assert_eq!(names().await.unwrap(), ["a", "c"]);
    }

    #[tokio::test]
    async fn nothing_can_be_written_through_a_reader() {
        let (_directory, _store, readers) = opened(1);
        let written = readers.read(|tx| tx.execute(INSERT, &["b".into(), Value::Blob(b"x")])).await;
        assert!(matches!(written, Err(Error::Sqlite(_) | Error::Postgres(_))));
    }

    #[tokio::test]
    async fn more_reads_than_connections_wait_for_each_other() {
        let (_directory, _store, readers) = opened(2);
        let reads = (0..20).map(|_| readers.read(|tx| tx.query(NAMES, &[], |row| row.text(0))));
        for names in futures_util::future::join_all(reads).await {
            assert_eq!(names.unwrap(), ["a"]);
        }
    }

    #[tokio::test]
    async fn a_panic_in_a_read_is_the_readers_own_and_the_connection_comes_back() {
        let (_directory, _store, readers) = opened(1);
        let other = readers.clone();
        let task = tokio::spawn(async move { other.read(|_| -> Result<(), Error> { panic!("on purpose") }).await });
        assert!(task.await.unwrap_err().is_panic());
        assert_eq!(readers.read(|tx| tx.query(NAMES, &[], |row| row.text(0))).await.unwrap(), ["a"]);
    }
}

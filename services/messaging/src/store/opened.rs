//! A store that is open for its one writer, wherever it lies.

use super::{Claim, Error, Location, Tx, postgres::Postgres, sqlite::Sqlite};

/// An access point's store, held by its one writer.
#[derive(Debug)]
pub struct Store(Kind);

#[derive(Debug)]
enum Kind {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Store {
    /// Opens or creates the store and takes it over: any other process that still has it open can no longer
    /// commit.
    ///
    /// # Errors
    /// [`Error`] when it cannot be opened, is not a store or is of another version than this program's.
    pub fn open(location: impl Into<Location>) -> Result<Self, Error> {
        Ok(Self(match location.into() {
            Location::File(path) => Kind::Sqlite(Sqlite::open(&path)?),
            Location::Server(server) => Kind::Postgres(Postgres::open(&server)?),
        }))
    }

    /// Opens or creates the store in the place that was taken.
    ///
    /// # Errors
    /// [`Error`] when it was not taken, or is of another version than this program's.
    pub fn open_in(claim: Claim) -> Result<Self, Error> {
        Ok(Self(Kind::Postgres(claim.open()?)))
    }

    pub(super) fn at_server(store: Postgres) -> Self {
        Self(Kind::Postgres(store))
    }

    /// A store in memory, for the simulation.
    ///
    /// # Errors
    /// [`Error`] when SQLite fails.
    pub fn in_memory() -> Result<Self, Error> {
        Ok(Self(Kind::Sqlite(Sqlite::in_memory()?)))
    }

    /// A store in memory with the content of an [`image`](Self::image).
    ///
    /// # Errors
    /// [`Error`] when the image is not a store.
    pub fn from_image(image: &[u8]) -> Result<Self, Error> {
        Ok(Self(Kind::Sqlite(Sqlite::from_image(image)?)))
    }

    /// The committed content as the bytes of a file of SQLite.
    ///
    /// # Errors
    /// [`Error`] when the store cannot be read.
    pub fn image(&mut self) -> Result<Vec<u8>, Error> {
        match &mut self.0 {
            Kind::Sqlite(store) => store.image(),
            Kind::Postgres(store) => store.image(),
        }
    }

    /// Adds the tables of a service, before its first transaction. The text must be idempotent
    /// (`CREATE … IF NOT EXISTS`).
    ///
    /// # Errors
    /// [`Error`] when the store fails.
    pub fn add_tables(&mut self, schema: &'static str) -> Result<(), Error> {
        match &mut self.0 {
            Kind::Sqlite(store) => store.add_tables(schema),
            Kind::Postgres(store) => store.add_tables(schema),
        }
    }

    /// Runs one transaction and commits it to disk.
    ///
    /// # Errors
    /// What the work returns, after rolling back; [`Error::Fenced`] when the store was taken over.
    pub fn transaction<T, E: From<Error>>(&mut self, work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>) -> Result<T, E> {
        match &mut self.0 {
            Kind::Sqlite(store) => store.transaction(work),
            Kind::Postgres(store) => store.transaction(work),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Value;

    const INSERT: &str = "INSERT INTO meta (name, value) VALUES ($1, $2)";

    fn names(tx: &mut Tx<'_>) -> Result<Vec<String>, Error> {
        tx.query("SELECT name FROM meta ORDER BY name", &[], |row| row.text(0))
    }

    #[test]
    fn a_disk_without_room_passes_and_a_file_that_is_no_store_does_not() {
        let failed = |code| Error::from(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None));
        assert!(failed(rusqlite::ffi::SQLITE_FULL).is_passing());
        assert!(failed(rusqlite::ffi::SQLITE_IOERR_FSYNC).is_passing());
        assert!(!failed(rusqlite::ffi::SQLITE_NOTADB).is_passing());
    }

    #[test]
    fn a_failed_transaction_leaves_nothing() {
        let mut store = Store::scratch().unwrap();
        let failed: Result<(), Error> = store.transaction(|tx| {
            tx.execute(INSERT, &["a".into(), Value::Blob(b"x")])?;
            Err(Error::Corrupt("on purpose"))
        });
        assert!(failed.is_err());
        assert!(store.transaction(names).unwrap().is_empty());
    }

    #[test]
    fn a_failed_savepoint_undoes_only_itself() {
        let mut store = Store::scratch().unwrap();
        let names = store
            .transaction(|tx| {
                tx.execute(INSERT, &["kept".into(), Value::Blob(b"")])?;
                let undone: Result<(), Error> = tx.savepoint(|tx| {
                    tx.execute(INSERT, &["undone".into(), Value::Blob(b"")])?;
                    Err(Error::Corrupt("on purpose"))
                });
                assert!(undone.is_err());
                names(tx)
            })
            .unwrap();
        assert_eq!(names, ["kept"]);
    }

    #[test]
    fn a_transaction_remembers_nothing_of_a_savepoint_that_was_undone() {
        let mut store = Store::scratch().unwrap();
        let remembered = store.transaction(|tx| {
            tx.savepoint(|tx| {
                tx.memory::<Vec<u8>>().push(1);
                Ok::<_, Error>(())
            })?;
            let undone: Result<(), Error> = tx.savepoint(|tx| {
                assert_eq!(*tx.memory::<Vec<u8>>(), [1], "what was read before it is still known in it");
                tx.memory::<Vec<u8>>().push(2);
                Err(Error::Corrupt("on purpose"))
            });
            assert!(undone.is_err());
            Ok::<_, Error>(tx.memory::<Vec<u8>>().clone())
        });
        assert!(remembered.unwrap().is_empty());
    }

    #[test]
    fn a_savepoint_whose_statement_failed_undoes_only_itself() {
        let mut store = Store::scratch().unwrap();
        let names = store.transaction(|tx| {
            tx.execute(INSERT, &["kept".into(), Value::Blob(b"")])?;
            let twice = tx.savepoint(|tx| tx.execute(INSERT, &["kept".into(), Value::Blob(b"")]));
            assert!(twice.is_err());
            tx.execute(INSERT, &["later".into(), Value::Blob(b"")])?;
            names(tx)
        });
        assert_eq!(names.unwrap(), ["kept", "later"]);
    }

    #[test]
    fn a_second_process_fences_the_first_off() {
        let dir = tempfile::tempdir().unwrap();
        let location = Location::scratch(dir.path()).unwrap();
        let mut first = Store::open(&location).unwrap();
        let mut second = Store::open(&location).unwrap();
        let late = first.transaction(|tx| tx.execute(INSERT, &["late".into(), Value::Blob(b"")]));
        // A server has ended the first one's session.
        assert!(matches!(late, Err(Error::Fenced | Error::Unreachable(_))), "{late:?}");
        assert!(second.transaction(names).unwrap().is_empty());
    }

    #[test]
    fn an_image_holds_what_was_committed() {
        let mut store = Store::scratch().unwrap();
        store.transaction(|tx| tx.execute(INSERT, &["a".into(), Value::Blob(b"x")])).unwrap();
        let mut copy = Store::scratch_from(&store.image().unwrap()).unwrap();
        assert_eq!(copy.transaction(names).unwrap(), ["a"]);
    }
}

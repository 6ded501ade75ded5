//! Opening SQLite so that a commit is on disk, fencing other processes off, and migrating.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::{Error, Tx};

/// Of all tables, those of the services too; rises with every change of one.
const SCHEMA_VERSION: i64 = 7;
/// Memory for pages: 32 MiB. SQLite takes a negative number for KiB.
const CACHE: i64 = -32 * 1024;
const SCHEMA: &str = include_str!("schema.sql");

/// An access point's store, held by its one writer.
pub struct Store {
    connection: Connection,
    fence: i64,
}

impl Store {
    /// Opens or creates the store and takes it over: any other process that still has it open can no longer
    /// commit.
    ///
    /// # Errors
    /// [`Error`] when the file cannot be opened, is not a store or is newer than this program.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::take_over(Connection::open(path)?)
    }

    /// A store in memory, for the simulation.
    ///
    /// # Errors
    /// [`Error`] when SQLite fails.
    pub fn in_memory() -> Result<Self, Error> {
        Self::take_over(Connection::open_in_memory()?)
    }

    /// A store in memory with the content of an [`image`](Self::image).
    ///
    /// # Errors
    /// [`Error`] when the image is not a store.
    pub fn from_image(image: &[u8]) -> Result<Self, Error> {
        let mut connection = Connection::open_in_memory()?;
        connection.deserialize_read_exact("main", image, image.len(), false)?;
        Self::take_over(connection)
    }

    /// The committed content as bytes.
    ///
    /// # Errors
    /// [`Error`] when SQLite fails.
    pub fn image(&mut self) -> Result<Vec<u8>, Error> {
        Ok(self.connection.serialize("main")?.to_vec())
    }

    /// Adds the tables of a service, before its first transaction. The text must be idempotent
    /// (`CREATE … IF NOT EXISTS`).
    ///
    /// # Errors
    /// [`Error`] when SQLite fails.
    pub fn add_tables(&mut self, schema: &'static str) -> Result<(), Error> {
        Ok(self.connection.execute_batch(schema)?)
    }

    /// Runs one transaction and commits it to disk.
    ///
    /// # Errors
    /// What the work returns, after rolling back; [`Error::Fenced`] when the store was taken over.
    pub fn transaction<T, E: From<Error>>(&mut self, work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>) -> Result<T, E> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(Error::from)?;
        let fence: i64 = transaction
            .prepare_cached("SELECT value FROM fence")
            .and_then(|mut s| s.query_row([], |row| row.get(0)))
            .map_err(Error::from)?;
        if fence != self.fence {
            return Err(Error::Fenced.into());
        }
        let result = work(&mut Tx::new(&transaction))?;
        transaction.commit().map_err(Error::from)?;
        Ok(result)
    }

    fn take_over(mut connection: Connection) -> Result<Self, Error> {
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        connection.set_prepared_statement_cache_capacity(256);
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        // What a group of calls touches stays in memory; with SQLite's 2 MiB it is read and written several times over.
        connection.pragma_update(None, "cache_size", CACHE)?;
        // So do the pages that a savepoint may put back, instead of going to a file of their own.
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if version > SCHEMA_VERSION {
            return Err(Error::TooNew { found: version, known: SCHEMA_VERSION });
        }
        if version != 0 && version < SCHEMA_VERSION {
            return Err(Error::TooOld { found: version, known: SCHEMA_VERSION });
        }
        if version == 0 {
            transaction.execute_batch(SCHEMA)?;
            transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        }
        let old: Option<i64> = transaction.query_row("SELECT value FROM fence", [], |row| row.get(0)).optional()?;
        let fence = old.unwrap_or(0) + 1;
        transaction.execute("DELETE FROM fence", [])?;
        transaction.execute("INSERT INTO fence (value) VALUES (?1)", [fence])?;
        transaction.commit()?;
        Ok(Self { connection, fence })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Value;

    #[test]
    fn a_failed_transaction_leaves_nothing() {
        let mut store = Store::in_memory().unwrap();
        let failed: Result<(), Error> = store.transaction(|tx| {
            tx.execute("INSERT INTO meta (name, value) VALUES ($1, $2)", &["a".into(), Value::Blob(b"x")])?;
            Err(Error::Corrupt("on purpose"))
        });
        assert!(failed.is_err());
        let rows = store.transaction(|tx| tx.query("SELECT name FROM meta", &[], |row| row.text(0))).unwrap();
        assert!(rows.is_empty());
    }

    #[test]
    fn a_failed_savepoint_undoes_only_itself() {
        let mut store = Store::in_memory().unwrap();
        let names = store
            .transaction(|tx| {
                let insert = "INSERT INTO meta (name, value) VALUES ($1, $2)";
                tx.execute(insert, &["kept".into(), Value::Blob(b"")])?;
                let undone: Result<(), Error> = tx.savepoint(|tx| {
                    tx.execute(insert, &["undone".into(), Value::Blob(b"")])?;
                    Err(Error::Corrupt("on purpose"))
                });
                assert!(undone.is_err());
                tx.query("SELECT name FROM meta", &[], |row| row.text(0))
            })
            .unwrap();
        assert_eq!(names, ["kept"]);
    }

    #[test]
    fn every_commit_waits_for_the_disk() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store.db")).unwrap();
        let pragma = |name| store.connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
        let full = 2;
        assert_eq!(pragma("synchronous"), full);
    }

    #[test]
    fn a_second_process_fences_the_first_off() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let mut first = Store::open(&path).unwrap();
        let mut second = Store::open(&path).unwrap();
        assert!(matches!(first.transaction(|_| Ok::<_, Error>(())), Err(Error::Fenced)));
        second.transaction(|_| Ok::<_, Error>(())).unwrap();
    }

    #[test]
    fn a_store_of_another_schema_is_refused() {
        for version in [SCHEMA_VERSION - 1, SCHEMA_VERSION + 1] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("store.db");
            let store = Store::open(&path).unwrap();
            store.connection.pragma_update(None, "user_version", version).unwrap();
            drop(store);
            let refused = Store::open(&path).err();
            assert!(matches!(refused, Some(Error::TooOld { .. } | Error::TooNew { .. })), "{refused:?}");
        }
    }

    #[test]
    fn an_image_holds_what_was_committed() {
        let mut store = Store::in_memory().unwrap();
        store
            .transaction(|tx| {
                tx.execute("INSERT INTO meta (name, value) VALUES ($1, $2)", &["a".into(), Value::Blob(b"x")])
            })
            .unwrap();
        let mut copy = Store::from_image(&store.image().unwrap()).unwrap();
        let rows = copy.transaction(|tx| tx.query("SELECT name FROM meta", &[], |row| row.text(0))).unwrap();
        assert_eq!(rows, ["a"]);
    }
}

//! Opening SQLite so that a commit is on disk, fencing other processes off, and refusing tables of another
//! version.

use std::{cell::Cell, cmp::Ordering, path::Path};

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, config::DbConfig};

use super::{Error, Tx};

/// Of all tables, those of the services too; rises with every change of one.
pub(super) const SCHEMA_VERSION: i64 = 19;
/// Memory for pages: 32 MiB. SQLite takes a negative number for KiB.
const CACHE: i64 = -32 * 1024;
/// Pages of the log that wait until they are copied into the file: 32 MiB.
const LOG: i64 = 8 * 1024;
pub(super) const SCHEMA: &str = include_str!("schema.sql");
/// Instructions of SQLite that are counted as one step.
const STEP: i32 = 100;

thread_local! {
    static STEPS: Cell<u64> = const { Cell::new(0) };
}

/// How many hundred instructions SQLite has run on this thread, by its own count: what statements cost, whatever the
/// disk and the machine do. Nothing of a store at a server.
#[must_use]
pub fn steps() -> u64 {
    STEPS.get()
}

/// A store in a file or in memory, held by its one writer.
#[derive(Debug)]
pub(super) struct Sqlite {
    connection: Connection,
    fence: i64,
}

impl Sqlite {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        Self::take_over(Connection::open(path)?)
    }

    pub(super) fn in_memory() -> Result<Self, Error> {
        Self::take_over(Connection::open_in_memory()?)
    }

    pub(super) fn from_image(image: &[u8]) -> Result<Self, Error> {
        let mut connection = Connection::open_in_memory()?;
        connection.deserialize_read_exact("main", image, image.len(), false)?;
        Self::take_over(connection)
    }

    pub(super) fn image(&mut self) -> Result<Vec<u8>, Error> {
        Ok(self.connection.serialize("main")?.to_vec())
    }

    pub(super) fn add_tables(&mut self, schema: &str) -> Result<(), Error> {
        Ok(self.connection.execute_batch(schema)?)
    }

    pub(super) fn transaction<T, E: From<Error>>(
        &mut self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(Error::from)?;
        let fence: i64 = transaction
            .prepare_cached("SELECT value FROM fence")
            .and_then(|mut s| s.query_row([], |row| row.get(0)))
            .map_err(Error::from)?;
        if fence != self.fence {
            return Err(Error::Fenced.into());
        }
        let result = work(&mut Tx::in_file(&transaction))?;
        transaction.commit().map_err(Error::from)?;
        Ok(result)
    }

    fn take_over(mut connection: Connection) -> Result<Self, Error> {
        let count = || {
            STEPS.set(STEPS.get() + 1);
            false
        };
        connection.progress_handler(STEP, Some(count))?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        connection.set_prepared_statement_cache_capacity(256);
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        // What a group of calls touches stays in memory; with SQLite's 2 MiB it is read and written several times over.
        connection.pragma_update(None, "cache_size", CACHE)?;
        // So do the pages that a savepoint may put back, instead of going to a file of their own.
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        // Else a statement is planned anew each time that another value is bound to it.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        // What many groups have changed goes to the file once, and less often in the way of a commit.
        connection.pragma_update(None, "wal_autocheckpoint", LOG)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if version == 0 {
            transaction.execute_batch(SCHEMA)?;
            transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        } else {
            check_version(version)?;
        }
        let old: Option<i64> = transaction.query_row("SELECT value FROM fence", [], |row| row.get(0)).optional()?;
        let fence = old.unwrap_or(0) + 1;
        transaction.execute("DELETE FROM fence", [])?;
        transaction.execute("INSERT INTO fence (value) VALUES (?1)", [fence])?;
        transaction.commit()?;
        Ok(Self { connection, fence })
    }
}

/// Whether this program can use a store of a version.
pub(super) fn check_version(found: i64) -> Result<(), Error> {
    match found.cmp(&SCHEMA_VERSION) {
        Ordering::Equal => Ok(()),
        Ordering::Greater => Err(Error::TooNew { found, known: SCHEMA_VERSION }),
        Ordering::Less => Err(Error::TooOld { found, known: SCHEMA_VERSION }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_commit_waits_for_the_disk() {
        let dir = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&dir.path().join("store.db")).unwrap();
        let pragma = |name| store.connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
        let full = 2;
        assert_eq!(pragma("synchronous"), full);
    }

    #[test]
    fn a_statement_is_planned_once_whatever_is_bound_to_it() {
        let store = Sqlite::in_memory().unwrap();
        let sql = "SELECT name FROM meta WHERE name > $1 ORDER BY name LIMIT $2";
        let mut statement = store.connection.prepare(sql).unwrap();
        for limit in 1..4 {
            assert!(!statement.exists(rusqlite::params!["a", limit]).unwrap());
        }
        assert_eq!(statement.get_status(rusqlite::StatementStatus::RePrepare), 0);
    }

    #[test]
    fn a_store_of_another_schema_is_refused() {
        for version in [SCHEMA_VERSION - 1, SCHEMA_VERSION + 1] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("store.db");
            let store = Sqlite::open(&path).unwrap();
            store.connection.pragma_update(None, "user_version", version).unwrap();
            drop(store);
            let refused = Sqlite::open(&path).err();
            assert!(matches!(refused, Some(Error::TooOld { .. } | Error::TooNew { .. })), "{refused:?}");
        }
    }
}

//! PostgreSQL as the store: a server that keeps what it confirms, one active process, and others that stand by.
//!
//! Who is active holds an advisory lock in the session that it writes by. It goes with the session, so that what a dead
//! process had begun is undone before another is active. A process that is stopped, or cut off, keeps its session open:
//! whoever stands by has the server end a session that has been silent for ten seconds, by the server's clock; a
//! writer is heard four times a second. What wakes up then has no session to write by, and never makes another.
//!
//! Every transaction asks for the lock again and reads the fencing epoch behind it. Behind a pooler that gives another
//! session for each transaction every one of them fails so, rather than that two processes write.

mod session;
mod value;

use super::{
    Error, Tx, copy,
    location::Server,
    sqlite::{SCHEMA, SCHEMA_VERSION, Sqlite, check_version},
};
pub(super) use session::Session;
pub(super) use value::int;

/// What the server must promise: settings and the values that will do.
const DEMANDED: [(&str, &[&str]); 5] = [
    ("fsync", &["on"]),
    ("full_page_writes", &["on"]),
    ("synchronous_commit", &["on", "remote_apply"]),
    ("track_activities", &["on"]),
    ("server_encoding", &["UTF8"]),
];

/// The number of the lock: one of ours, and that of the schema that the tables are in.
const KEY: &str = "SELECT (1852336483::BIGINT << 32) | oid::BIGINT FROM pg_namespace WHERE nspname = current_schema()";

/// Ends the sessions that hold the lock.
const END: &str = "SELECT pg_terminate_backend(a.pid) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid \
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 \
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
    AND ((l.classid::BIGINT << 32) | l.objid::BIGINT) = $1";

/// The same, where nothing has been heard of the client.
const END_SILENT: &str = "SELECT pg_terminate_backend(a.pid) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid \
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 \
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
    AND ((l.classid::BIGINT << 32) | l.objid::BIGINT) = $1 \
    AND a.state_change < clock_timestamp() - INTERVAL '10 seconds' \
    AND (a.state LIKE 'idle%' OR a.wait_event_type = 'Client')";

/// The place of the active process: asked for, then held.
#[derive(Debug)]
pub struct Claim {
    session: Session,
    key: i64,
}

impl Claim {
    /// Connects and looks whether the server promises what a store needs.
    ///
    /// # Errors
    /// [`Error::Server`] when it does not; other [`Error`]s when it cannot be reached.
    pub fn on(server: &Server) -> Result<Self, Error> {
        let session = Session::connect(server)?;
        for (name, values) in DEMANDED {
            let found = session.batch(&format!("SHOW {name}"))?;
            let found = found.first().and_then(|row| row.first()).map(String::as_str).unwrap_or_default();
            if !values.contains(&found) {
                return Err(Error::Server(name));
            }
        }
        let key = session.query(KEY, &[])?.first().map(|row| int(row, 0)).transpose()?;
        Ok(Self { session, key: key.ok_or(Error::Server("search_path"))? })
    }

    /// Tries to become the active process. Where another is and is silent, has its session ended, so that the next try
    /// succeeds.
    ///
    /// # Errors
    /// [`Error`] when the server cannot be asked.
    pub fn try_take(&self) -> Result<bool, Error> {
        let is_taken = self.is_free()?;
        if !is_taken {
            self.session.query(END_SILENT, &[self.key.into()])?;
        }
        Ok(is_taken)
    }

    /// The version of the tables, none where there are none.
    pub(super) fn version(&self) -> Result<Option<i64>, Error> {
        if !has_store(&self.session)? {
            return Ok(None);
        }
        self.session.query("SELECT value FROM store_version", &[])?.first().map(|row| int(row, 0)).transpose()
    }

    fn is_free(&self) -> Result<bool, Error> {
        let taken = self.session.query("SELECT pg_try_advisory_lock($1)", &[self.key.into()])?;
        Ok(taken.first().map(|row| int(row, 0)).transpose()? == Some(1))
    }

    /// Becomes the active process, whoever is.
    fn take_over(&self) -> Result<(), Error> {
        if !self.is_free()? {
            self.session.query(END, &[self.key.into()])?;
            let wait = format!("SET lock_timeout TO '10s'; SELECT pg_advisory_lock({}); RESET lock_timeout", self.key);
            self.session.batch(&wait)?;
        }
        Ok(())
    }

    /// Opens the store: its tables are made where there are none, and the fencing epoch rises.
    ///
    /// # Errors
    /// [`Error::InUse`] when the place was not taken; other [`Error`]s when this is no store of this version.
    pub(super) fn open(self) -> Result<Postgres, Error> {
        let Self { session, key } = self;
        let transaction = Open::begin(&session, "BEGIN ISOLATION LEVEL READ COMMITTED")?;
        let locked = session.query("SELECT pg_try_advisory_xact_lock($1)", &[key.into()])?;
        if locked.first().map(|row| int(row, 0)).transpose()? != Some(1) {
            return Err(Error::InUse);
        }
        if !has_store(&session)? {
            session.batch(&translated(SCHEMA))?;
            session.batch("CREATE TABLE store_version (value BIGINT NOT NULL)")?;
            session.execute("INSERT INTO store_version (value) VALUES ($1)", &[SCHEMA_VERSION.into()])?;
        }
        let version = session.query("SELECT value FROM store_version", &[])?;
        check_version(version.first().map(|row| int(row, 0)).transpose()?.unwrap_or(0))?;
        let old = session.query("SELECT value FROM fence", &[])?.first().map(|row| int(row, 0)).transpose()?;
        let fence = old.unwrap_or(0) + 1;
        session.execute("DELETE FROM fence", &[])?;
        session.execute("INSERT INTO fence (value) VALUES ($1)", &[fence.into()])?;
        transaction.commit()?;
        let begin = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_try_advisory_xact_lock({key}); SELECT value FROM fence"
        );
        Ok(Postgres { session, begin, fence: fence.to_string(), added: Vec::new() })
    }
}

/// A store at a server, held by its one writer.
#[derive(Debug)]
pub(super) struct Postgres {
    session: Session,
    begin: String,
    fence: String,
    /// Tables of services, for the image.
    added: Vec<&'static str>,
}

impl Postgres {
    pub(super) fn open(server: &Server) -> Result<Self, Error> {
        let claim = Claim::on(server)?;
        claim.take_over()?;
        claim.open()
    }

    pub(super) fn add_tables(&mut self, schema: &'static str) -> Result<(), Error> {
        self.run(schema)?;
        self.added.push(schema);
        Ok(())
    }

    fn run(&self, schema: &str) -> Result<(), Error> {
        let transaction = self.begin()?;
        self.session.batch(&translated(schema))?;
        transaction.commit()
    }

    /// The content as a file of SQLite has it.
    pub(super) fn image(&self) -> Result<Vec<u8>, Error> {
        let mut memory = Sqlite::in_memory()?;
        self.added.iter().try_for_each(|schema| memory.add_tables(schema))?;
        self.transaction(|from| memory.transaction(|to| copy::all(from, to)))?;
        memory.image()
    }

    /// Takes the content of an image in place of its own.
    pub(super) fn put_back(mut self, image: &[u8]) -> Result<Self, Error> {
        let mut memory = Sqlite::from_image(image)?;
        let made = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type DESC";
        for text in memory.transaction(|tx| tx.query(made, &[], |row| row.text(0)))? {
            let text = ["CREATE TABLE ", "CREATE INDEX ", "CREATE UNIQUE INDEX "]
                .iter()
                .fold(text, |text, begin| text.replacen(begin, &format!("{begin}IF NOT EXISTS "), 1));
            self.run(&text)?;
        }
        memory.transaction(|from| self.transaction(|to| copy::all(from, to)))?;
        let fence = self.session.query("SELECT value FROM fence", &[])?;
        self.fence = fence.first().map(|row| int(row, 0)).transpose()?.unwrap_or_default().to_string();
        Ok(self)
    }

    pub(super) fn transaction<T, E: From<Error>>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let transaction = self.begin()?;
        let result = work(&mut Tx::at_server(&self.session))?;
        transaction.commit()?;
        Ok(result)
    }

    fn begin(&self) -> Result<Open<'_>, Error> {
        let open = Open { session: &self.session, is_open: true };
        let found: Vec<String> = self.session.batch(&self.begin)?.into_iter().flatten().collect();
        match found.as_slice() {
            [locked, fence] if locked == "t" && *fence == self.fence => Ok(open),
            _ => Err(Error::Fenced),
        }
    }
}

fn has_store(session: &Session) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'store_version'";
    Ok(!session.query(sql, &[])?.is_empty())
}

/// Runs work that only reads, on one committed state.
pub(super) fn read<T, E: From<Error>>(
    session: &Session,
    work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let transaction = Open::begin(session, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
    let result = work(&mut Tx::at_server(session));
    drop(transaction);
    result
}

/// An open transaction, which is undone unless it is committed, whatever happens to the work.
struct Open<'s> {
    session: &'s Session,
    is_open: bool,
}

impl<'s> Open<'s> {
    fn begin(session: &'s Session, sql: &str) -> Result<Self, Error> {
        session.batch(sql)?;
        Ok(Self { session, is_open: true })
    }

    /// On disk when this returns. A transaction in which a statement failed cannot be committed: the server would undo
    /// it at COMMIT and call that a success, so it is asked for something first.
    fn commit(mut self) -> Result<(), Error> {
        self.session.batch("SELECT 1; COMMIT")?;
        self.is_open = false;
        Ok(())
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if self.is_open {
            // Fails only when the session is gone, and the transaction with it.
            drop(self.session.batch("ROLLBACK"));
        }
    }
}

/// The text of tables as PostgreSQL takes it: integers of 64 bits, bytes, and text ordered by its bytes, as in SQLite.
fn translated(schema: &str) -> String {
    schema.replace(" INTEGER", " BIGINT").replace(" BLOB", " BYTEA").replace(" TEXT", " TEXT COLLATE \"C\"")
}

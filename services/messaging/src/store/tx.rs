//! The narrow transaction that everything writes through.

use std::mem;

use rusqlite::types::{ToSqlOutput, ValueRef};

use super::{
    Error,
    memory::Memory,
    postgres::{self, Session},
};

/// A parameter of a statement.
#[derive(Debug, Clone, Copy)]
pub enum Value<'v> {
    /// NULL.
    Null,
    /// A 64-bit integer.
    Int(i64),
    /// Text.
    Text(&'v str),
    /// Bytes.
    Blob(&'v [u8]),
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<i32> for Value<'_> {
    fn from(value: i32) -> Self {
        Self::Int(i64::from(value))
    }
}

impl From<u64> for Value<'_> {
    /// Numbers beyond 2⁶³ never occur: positions, times and counters start small.
    fn from(value: u64) -> Self {
        Self::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl<'v> From<&'v str> for Value<'v> {
    fn from(value: &'v str) -> Self {
        Self::Text(value)
    }
}

impl<'v> From<&'v [u8]> for Value<'v> {
    fn from(value: &'v [u8]) -> Self {
        Self::Blob(value)
    }
}

impl<'v> From<&'v Vec<u8>> for Value<'v> {
    fn from(value: &'v Vec<u8>) -> Self {
        Self::Blob(value)
    }
}

impl<'v, const N: usize> From<&'v [u8; N]> for Value<'v> {
    fn from(value: &'v [u8; N]) -> Self {
        Self::Blob(value)
    }
}

impl<'v, T: Into<Value<'v>>> From<Option<T>> for Value<'v> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(i) => ValueRef::Integer(*i),
            Self::Text(t) => ValueRef::Text(t.as_bytes()),
            Self::Blob(b) => ValueRef::Blob(b),
        }))
    }
}

/// A row of an answer, read by column number.
pub struct Row<'r>(Found<'r>);

enum Found<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r tokio_postgres::Row),
}

impl<'r> Row<'r> {
    /// A column that both libraries read into the same type.
    fn get<T: rusqlite::types::FromSql + tokio_postgres::types::FromSql<'r>>(&self, column: usize) -> Result<T, Error> {
        Ok(match self.0 {
            Found::Sqlite(row) => row.get(column)?,
            Found::Postgres(row) => row.try_get(column)?,
        })
    }

    /// An integer.
    ///
    /// # Errors
    /// [`Error`] when the column holds something else.
    pub fn int(&self, column: usize) -> Result<i64, Error> {
        match self.0 {
            Found::Sqlite(row) => Ok(row.get(column)?),
            Found::Postgres(row) => postgres::int(row, column),
        }
    }

    /// A counter, position or size.
    ///
    /// # Errors
    /// [`Error`] when the column holds something else or a negative number.
    pub fn number(&self, column: usize) -> Result<u64, Error> {
        u64::try_from(self.int(column)?).map_err(|_| Error::Corrupt("a negative number"))
    }

    /// Text.
    ///
    /// # Errors
    /// [`Error`] when the column holds something else.
    pub fn text(&self, column: usize) -> Result<String, Error> {
        self.get(column)
    }

    /// Bytes.
    ///
    /// # Errors
    /// [`Error`] when the column holds something else.
    pub fn blob(&self, column: usize) -> Result<Vec<u8>, Error> {
        self.get(column)
    }

    /// Bytes or NULL.
    ///
    /// # Errors
    /// [`Error`] when the column holds something else.
    pub fn optional_blob(&self, column: usize) -> Result<Option<Vec<u8>>, Error> {
        self.get(column)
    }

    /// Bytes of a fixed length.
    ///
    /// # Errors
    /// [`Error`] when the column holds something else.
    pub fn array<const N: usize>(&self, column: usize) -> Result<[u8; N], Error> {
        <[u8; N]>::try_from(self.blob(column)?).map_err(|_| Error::Corrupt("bytes of another length"))
    }
}

/// An open transaction: the writer's, or one that only reads.
pub struct Tx<'c> {
    pub(super) connection: Connection<'c>,
    memory: Memory,
}

#[derive(Clone, Copy)]
pub(super) enum Connection<'c> {
    Sqlite(&'c rusqlite::Connection),
    Postgres(&'c Session),
}

impl<'c> Tx<'c> {
    pub(super) fn in_file(connection: &'c rusqlite::Connection) -> Self {
        Self { connection: Connection::Sqlite(connection), memory: Memory::default() }
    }

    pub(super) fn at_server(session: &'c Session) -> Self {
        Self { connection: Connection::Postgres(session), memory: Memory::default() }
    }

    /// Runs a statement and says how many rows it changed.
    ///
    /// # Errors
    /// [`Error`] when the store failed.
    pub fn execute(&mut self, sql: &'static str, parameters: &[Value<'_>]) -> Result<usize, Error> {
        match self.connection {
            Connection::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(sql)?;
                Ok(statement.execute(rusqlite::params_from_iter(parameters))?)
            }
            Connection::Postgres(session) => {
                Ok(usize::try_from(session.execute(sql, parameters)?).unwrap_or(usize::MAX))
            }
        }
    }

    /// Runs a query and maps every row.
    ///
    /// # Errors
    /// [`Error`] when the store failed, or what `map` returns.
    pub fn query<T>(
        &mut self,
        sql: &'static str,
        parameters: &[Value<'_>],
        mut map: impl FnMut(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        match self.connection {
            Connection::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(sql)?;
                let mut rows = statement.query(rusqlite::params_from_iter(parameters))?;
                let mut out = Vec::new();
                while let Some(row) = rows.next()? {
                    out.push(map(&Row(Found::Sqlite(row)))?);
                }
                Ok(out)
            }
            Connection::Postgres(session) => {
                session.query(sql, parameters)?.iter().map(|row| map(&Row(Found::Postgres(row)))).collect()
            }
        }
    }

    /// Runs a query of at most one row.
    ///
    /// # Errors
    /// [`Error`] when the store failed, or what `map` returns.
    pub fn query_one<T>(
        &mut self,
        sql: &'static str,
        parameters: &[Value<'_>],
        map: impl FnMut(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        Ok(self.query(sql, parameters, map)?.pop())
    }

    /// Runs a piece of work that is undone as a whole when it fails.
    ///
    /// # Errors
    /// What the work returns, or [`Error`] when the store failed.
    pub fn savepoint<T, E: From<Error>>(&mut self, work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>) -> Result<T, E> {
        self.execute("SAVEPOINT work", &[])?;
        let mut inner = Tx { connection: self.connection, memory: mem::take(&mut self.memory) };
        let result = work(&mut inner);
        if result.is_ok() {
            self.memory = inner.memory;
        } else {
            self.execute("ROLLBACK TO work", &[])?;
        }
        self.execute("RELEASE work", &[])?;
        result
    }

    /// What this transaction remembers of a type: nothing of a savepoint that was undone, nor of what was before it.
    pub fn memory<T: Default + 'static>(&mut self) -> &mut T {
        self.memory.of()
    }

    /// Whether there is a table of this name.
    pub(super) fn has_table(&mut self, name: &str) -> Result<bool, Error> {
        let sql = match self.connection {
            Connection::Sqlite(_) => "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1",
            Connection::Postgres(_) => "SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = $1",
        };
        Ok(self.query_one(sql, &[name.into()], |row| row.int(0))?.is_some())
    }
}

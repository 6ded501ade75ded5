//! The narrow transaction that everything writes through.

use rusqlite::types::{ToSqlOutput, ValueRef};

use super::Error;

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
pub struct Row<'r>(&'r rusqlite::Row<'r>);

impl Row<'_> {
    /// An integer.
    ///
    /// # Errors
    /// [`Error`] when the column holds something else.
    pub fn int(&self, column: usize) -> Result<i64, Error> {
        Ok(self.0.get(column)?)
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
        Ok(self.0.get(column)?)
    }

    /// Bytes.
    ///
    /// # Errors
    /// [`Error`] when the column holds something else.
    pub fn blob(&self, column: usize) -> Result<Vec<u8>, Error> {
        Ok(self.0.get(column)?)
    }

    /// Bytes or NULL.
    ///
    /// # Errors
    /// [`Error`] when the column holds something else.
    pub fn optional_blob(&self, column: usize) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.0.get(column)?)
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
    connection: &'c rusqlite::Connection,
}

impl<'c> Tx<'c> {
    pub(super) fn new(connection: &'c rusqlite::Connection) -> Self {
        Self { connection }
    }

    /// Runs a statement and says how many rows it changed.
    ///
    /// # Errors
    /// [`Error::Sqlite`].
    pub fn execute(&mut self, sql: &'static str, parameters: &[Value<'_>]) -> Result<usize, Error> {
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.execute(rusqlite::params_from_iter(parameters))?)
    }

    /// Runs a query and maps every row.
    ///
    /// # Errors
    /// [`Error::Sqlite`] or what `map` returns.
    pub fn query<T>(
        &mut self,
        sql: &'static str,
        parameters: &[Value<'_>],
        mut map: impl FnMut(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(rusqlite::params_from_iter(parameters))?;
        let mut out = Vec::new();
        while let Some(row) = rows.next()? {
            out.push(map(&Row(row))?);
        }
        Ok(out)
    }

    /// Runs a query of at most one row.
    ///
    /// # Errors
    /// [`Error::Sqlite`] or what `map` returns.
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
    /// What the work returns, or [`Error::Sqlite`].
    pub fn savepoint<T, E: From<Error>>(&mut self, work: impl FnOnce(&mut Tx<'_>) -> Result<T, E>) -> Result<T, E> {
        self.connection.execute_batch("SAVEPOINT work").map_err(Error::from)?;
        let result = work(&mut Tx { connection: self.connection });
        let end = if result.is_ok() { "RELEASE work" } else { "ROLLBACK TO work; RELEASE work" };
        self.connection.execute_batch(end).map_err(Error::from)?;
        result
    }
}

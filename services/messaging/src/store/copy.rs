//! Copying a store row by row, from a file to a server or back: to move it, to look at a server's with what reads
//! files, and to put a test's store back.
//!
//! The copy is of one committed state. Rows are carried as they are; nothing is decided about them.

use rusqlite::types::ValueRef;
use tokio_postgres::types::Type;

use super::{Error, Location, Store, Tx, Value, reader::Link, tx::Connection};

/// Rows that a server is asked for at once.
const FETCH: &str = "FETCH 500 FROM copied";

struct Table {
    name: String,
    columns: Vec<String>,
}

enum Owned {
    Null,
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
}

impl Owned {
    fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Int(value) => Value::Int(*value),
            Self::Text(text) => Value::Text(text),
            Self::Blob(bytes) => Value::Blob(bytes),
        }
    }

    fn of_file(value: ValueRef<'_>) -> Result<Self, Error> {
        Ok(match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(value) => Self::Int(value),
            ValueRef::Text(text) => {
                Self::Text(String::from_utf8(text.to_vec()).map_err(|_| Error::Corrupt("text that is not UTF-8"))?)
            }
            ValueRef::Blob(bytes) => Self::Blob(bytes.to_vec()),
            ValueRef::Real(_) => return Err(Error::Corrupt("a number with a point")),
        })
    }

    fn of_server(row: &tokio_postgres::Row, column: usize) -> Result<Self, Error> {
        let ty = row.columns().get(column).map(tokio_postgres::Column::type_);
        Ok(match ty {
            Some(&Type::TEXT) => row.try_get::<_, Option<_>>(column)?.map_or(Self::Null, Self::Text),
            Some(&Type::BYTEA) => row.try_get::<_, Option<_>>(column)?.map_or(Self::Null, Self::Blob),
            _ => row.try_get::<_, Option<_>>(column)?.map_or(Self::Null, Self::Int),
        })
    }
}

/// Copies a store to where there is none yet. `schemas`: the tables of the services.
///
/// # Errors
/// [`Error::InUse`] when there is something in the other place; other [`Error`]s when one of the two fails.
pub fn copy(from: &Location, to: &Location, schemas: &[&'static str]) -> Result<u64, Error> {
    let mut source = Link::open(from)?;
    let mut target = Store::open(to)?;
    let known = source.read(tables)?;
    let is_there = |schema: &str| {
        let made = schema.split("CREATE TABLE IF NOT EXISTS ").nth(1).and_then(|made| made.split(' ').next());
        made.is_some_and(|first| known.iter().any(|name| name == first))
    };
    // Only of the services that the store ever had.
    schemas.iter().copied().filter(|schema| is_there(schema)).try_for_each(|schema| target.add_tables(schema))?;
    source.read(|from| {
        target.transaction(|to| {
            let fence = to.query_one("SELECT value FROM fence", &[], |row| row.number(0))?;
            if fence != Some(1) || !is_empty(to)? {
                return Err(Error::InUse);
            }
            all(from, to)
        })
    })
}

fn is_empty(tx: &mut Tx<'_>) -> Result<bool, Error> {
    let found = "SELECT 1 FROM outbox UNION SELECT 1 FROM received UNION SELECT 1 FROM meta LIMIT 1";
    Ok(tx.query_one(found, &[], |row| row.int(0))?.is_none())
}

/// Copies the rows of all tables in place of what is there; says how many there were.
pub(super) fn all(from: &mut Tx<'_>, to: &mut Tx<'_>) -> Result<u64, Error> {
    let known = tables(to)?;
    let mut count = 0;
    for table in tables(from)? {
        if !known.contains(&table) {
            return Err(Error::Corrupt("a table that this program does not know"));
        }
        let table = Table { columns: columns(from, &table)?, name: table };
        run(to, &format!("DELETE FROM {}", table.name), &[])?;
        let places = (1..=table.columns.len()).map(|number| format!("${number}")).collect::<Vec<_>>().join(", ");
        let insert = format!("INSERT INTO {} ({}) VALUES ({places})", table.name, table.columns.join(", "));
        each(from, &table, |row| {
            count += 1;
            let values: Vec<Value<'_>> = row.iter().map(Owned::value).collect();
            run(to, &insert, &values)
        })?;
    }
    Ok(count)
}

fn tables(tx: &mut Tx<'_>) -> Result<Vec<String>, Error> {
    let sql = match tx.connection {
        Connection::Sqlite(_) => "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
        Connection::Postgres(_) => {
            "SELECT tablename::TEXT FROM pg_tables WHERE schemaname = current_schema() AND tablename <> 'store_version'"
        }
    };
    tx.query(sql, &[], |row| row.text(0))
}

fn columns(tx: &mut Tx<'_>, table: &str) -> Result<Vec<String>, Error> {
    let sql = match tx.connection {
        Connection::Sqlite(_) => "SELECT name FROM pragma_table_info($1) ORDER BY cid",
        Connection::Postgres(_) => {
            "SELECT column_name::TEXT FROM information_schema.columns WHERE table_schema = current_schema() \
             AND table_name = $1 ORDER BY ordinal_position"
        }
    };
    tx.query(sql, &[table.into()], |row| row.text(0))
}

fn each(tx: &mut Tx<'_>, table: &Table, mut take: impl FnMut(&[Owned]) -> Result<(), Error>) -> Result<(), Error> {
    let (width, sql) = (table.columns.len(), format!("SELECT {} FROM {}", table.columns.join(", "), table.name));
    match tx.connection {
        Connection::Sqlite(connection) => {
            let mut statement = connection.prepare(&sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let row = (0..width).map(|column| Owned::of_file(row.get_ref(column)?));
                take(&row.collect::<Result<Vec<_>, _>>()?)?;
            }
        }
        Connection::Postgres(session) => {
            session.batch(&format!("DECLARE copied CURSOR FOR {sql}"))?;
            loop {
                let rows = session.query_once(FETCH)?;
                for row in &rows {
                    let row = (0..width).map(|column| Owned::of_server(row, column));
                    take(&row.collect::<Result<Vec<_>, _>>()?)?;
                }
                if rows.is_empty() {
                    break;
                }
            }
            session.batch("CLOSE copied")?;
        }
    }
    Ok(())
}

fn run(tx: &mut Tx<'_>, sql: &str, values: &[Value<'_>]) -> Result<(), Error> {
    match tx.connection {
        Connection::Sqlite(connection) => {
            connection.prepare_cached(sql)?.execute(rusqlite::params_from_iter(values))?;
        }
        Connection::Postgres(session) => {
            session.execute(sql, values)?;
        }
    }
    Ok(())
}

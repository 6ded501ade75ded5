//! Stores for tests: in memory or in a file, or, where the environment says so, at a PostgreSQL server, each in a
//! schema of its own. So the same tests run on both.

use std::{env, path::Path};

use uuid::Uuid;

use super::{
    Error, Location, Server, Store,
    postgres::{Postgres, Session},
};

/// Names a server for tests, such as `postgres:///postgres?host=/run/postgresql`.
const SERVER: &str = "NHIPCAU_TEST_POSTGRES";

/// Says `postgres` where tests that run on either are to use the server.
const STORE: &str = "NHIPCAU_TEST_STORE";

impl Location {
    /// A place for a store that nobody else has: a file in the directory, or a schema of its own.
    ///
    /// # Errors
    /// [`Error`] when the server cannot be used.
    pub fn scratch(directory: &Path) -> Result<Self, Error> {
        Ok(schema()?.map_or_else(|| Self::File(directory.join("store.db")), Self::from))
    }
}

impl Store {
    /// An empty store that nobody else has.
    ///
    /// # Errors
    /// [`Error`] when it cannot be made.
    pub fn scratch() -> Result<Self, Error> {
        schema()?.map_or_else(Self::in_memory, Self::open)
    }

    /// A store that nobody else has with the content of an [`image`](Self::image).
    ///
    /// # Errors
    /// [`Error`] when the image is not a store.
    pub fn scratch_from(image: &[u8]) -> Result<Self, Error> {
        match schema()? {
            None => Self::from_image(image),
            Some(server) => Ok(Self::at_server(Postgres::open(&server)?.put_back(image)?)),
        }
    }
}

fn schema() -> Result<Option<Server>, Error> {
    let is_server = env::var(STORE).is_ok_and(|store| store == "postgres");
    if is_server { Server::new(&scratch_url()?, None, None).map(Some) } else { Ok(None) }
}

/// The address of a schema of its own at the server for tests.
///
/// # Errors
/// [`Error`] when there is none, or it cannot be used.
pub fn scratch_url() -> Result<String, Error> {
    let missing = Error::Address("is not named: run the tests by `make test`, which starts a server");
    let url = env::var(SERVER).map_err(|_| missing)?;
    let schema = format!("test_{}", Uuid::new_v4().simple());
    // So that tests can write zeros in the same words.
    let zeroblob = "CREATE FUNCTION zeroblob(BIGINT) RETURNS BYTEA LANGUAGE SQL IMMUTABLE \
                    AS $$ SELECT decode(repeat('00', $1::INTEGER), 'hex') $$";
    let begin = format!("CREATE SCHEMA {schema}; SET search_path TO {schema}; {zeroblob}");
    Session::connect(&Server::new(&url, None, None)?)?.batch(&begin)?;
    Ok(format!("{url}&options=-c%20search_path%3D{schema}"))
}

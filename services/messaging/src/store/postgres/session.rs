//! A connection to a PostgreSQL server, used like SQLite's: by one thread at a time, which waits for each answer.
//!
//! The client is a library for tokio. Its other half, which reads and writes the socket, runs on a thread of its own
//! that ends with the session; whoever waits here needs no runtime, and may stand in one.

use std::{
    cell::RefCell,
    collections::HashMap,
    pin::pin,
    sync::{Arc, mpsc},
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use tokio::runtime;
use tokio_postgres::{Client, NoTls, Row, SimpleQueryMessage, Statement, config::Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::store::{Error, Value, location::Server};

/// An open connection with the statements that it has prepared.
pub(in crate::store) struct Session {
    client: Client,
    statements: RefCell<HashMap<String, Statement>>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Session")
    }
}

impl Session {
    /// Connects.
    pub(in crate::store) fn connect(server: &Server) -> Result<Self, Error> {
        let (config, tls) = (server.config.clone(), tls(server)?);
        let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(|_| Error::Ended)?;
        let (sender, connected) = mpsc::channel();
        let drive = move || runtime.block_on(drive(&config, tls, &sender));
        thread::Builder::new().name("postgres".to_owned()).spawn(drive).map_err(|_| Error::Ended)?;
        let client = connected.recv().map_err(|_| Error::Ended)??;
        let session = Self { client, statements: RefCell::default() };
        session.batch("SET client_min_messages TO warning")?;
        Ok(session)
    }

    /// Whether the server has ended it.
    pub(in crate::store) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Runs statements without parameters; the values of every row that they answer, as text.
    pub(in crate::store) fn batch(&self, sql: &str) -> Result<Vec<Vec<String>>, Error> {
        let read = |message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|column| row.get(column).unwrap_or_default().to_owned()).collect())
            }
            _ => None,
        };
        Ok(wait(self.client.simple_query(sql))?.into_iter().filter_map(read).collect())
    }

    /// Runs a statement and says how many rows it changed.
    pub(in crate::store) fn execute(&self, sql: &str, parameters: &[Value<'_>]) -> Result<u64, Error> {
        let statement = self.prepared(sql)?;
        Ok(wait(self.client.execute_raw(&statement, parameters.iter().copied()))?)
    }

    /// Runs a query.
    pub(in crate::store) fn query(&self, sql: &str, parameters: &[Value<'_>]) -> Result<Vec<Row>, Error> {
        use futures_util::TryStreamExt as _;
        let statement = self.prepared(sql)?;
        Ok(wait(async { self.client.query_raw(&statement, parameters.iter().copied()).await?.try_collect().await })?)
    }

    /// Runs a statement without parameters whose columns are others every time.
    pub(in crate::store) fn query_once(&self, sql: &str) -> Result<Vec<Row>, Error> {
        let statement = wait(self.client.prepare(sql))?;
        Ok(wait(self.client.query(&statement, &[]))?)
    }

    fn prepared(&self, sql: &str) -> Result<Statement, Error> {
        if let Some(statement) = self.statements.borrow().get(sql) {
            return Ok(statement.clone());
        }
        let statement = wait(self.client.prepare(sql))?;
        self.statements.borrow_mut().insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

/// Connects, hands the client over, and serves it until it is dropped or the server is gone; then every call fails.
async fn drive(
    config: &Config,
    tls: Option<MakeRustlsConnect>,
    connected: &mpsc::Sender<Result<Client, tokio_postgres::Error>>,
) {
    // Fails only when nobody waits for the client any more.
    match tls {
        Some(tls) => match config.connect(tls).await {
            Ok((client, connection)) => {
                drop(connected.send(Ok(client)));
                drop(connection.await);
            }
            Err(error) => drop(connected.send(Err(error))),
        },
        None => match config.connect(NoTls).await {
            Ok((client, connection)) => {
                drop(connected.send(Ok(client)));
                drop(connection.await);
            }
            Err(error) => drop(connected.send(Err(error))),
        },
    }
}

fn tls(server: &Server) -> Result<Option<MakeRustlsConnect>, Error> {
    let Some(path) = &server.roots else { return Ok(None) };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|_| Error::Certificates)? {
        let added = certificate.ok().and_then(|certificate| roots.add(certificate).ok());
        added.ok_or(Error::Certificates)?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| Error::Certificates)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Some(MakeRustlsConnect::new(config)))
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits on this thread for what the session's own thread brings.
fn wait<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

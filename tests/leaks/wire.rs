//! What goes over links: a tap that passes everything on and remembers it, and one that also ends TLS on both sides,
//! as the broker does, so that what the broker sees is what is remembered.

use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result};
use nhipcau_tests::world::World;
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// What was said, in the order in which it was heard.
pub(crate) type Record = Arc<Mutex<Vec<u8>>>;

/// Listens in; gone when it is dropped.
#[derive(Debug)]
pub(crate) struct Tap {
    pub(crate) port: u16,
    record: Record,
    accepting: JoinHandle<()>,
}

impl Tap {
    /// In front of a door of an access point: what goes by is kept as it is.
    pub(crate) async fn before_door(port: u16) -> Result<Self> {
        Self::open(move |near, record| async move {
            let far = TcpStream::connect(("127.0.0.1", port)).await?;
            pass(near, far, &record).await;
            Ok(())
        })
        .await
    }

    /// In the broker's place, for the access point of a name: what the broker would see is kept.
    pub(crate) async fn as_broker(world: &World, name: &str) -> Result<Self> {
        let port: u16 = world.broker_address()?.rsplit(':').next().context("a port")?.parse()?;
        let (acceptor, connector) = (acceptor(world)?, connector(world, name)?);
        Self::open(move |mut near, record| {
            let (acceptor, connector) = (acceptor.clone(), connector.clone());
            async move {
                let mut far = TcpStream::connect(("127.0.0.1", port)).await?;
                // The server speaks one line before TLS begins.
                let mut line = Vec::new();
                while line.last() != Some(&b'\n') {
                    line.push(far.read_u8().await?);
                }
                record.lock().unwrap().extend(&line);
                near.write_all(&line).await?;
                let far = connector.connect(ServerName::try_from("localhost")?, far).await?;
                let near = acceptor.accept(near).await?;
                pass(near, far, &record).await;
                Ok(())
            }
        })
        .await
    }

    async fn open<F>(carry: impl Fn(TcpStream, Record) -> F + Send + 'static) -> Result<Self>
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let record = Record::default();
        let kept = record.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                // A connection that breaks is its two ends' to notice.
                tokio::spawn(carry(near, kept.clone()));
            }
        });
        Ok(Self { port, record, accepting })
    }

    /// Everything so far.
    pub(crate) fn heard(&self) -> Vec<u8> {
        self.record.lock().unwrap().clone()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn pass(near: impl AsyncRead + AsyncWrite, far: impl AsyncRead + AsyncWrite, record: &Record) {
    let (near, far) = (split(near), split(far));
    tokio::join!(one_way(near.0, far.1, record), one_way(far.0, near.1, record));
}

/// Keeps each direction apart until it pauses, so that a word stays whole.
async fn one_way(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, record: &Record) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read) = from.read(&mut buffer).await {
        record.lock().unwrap().extend(&buffer[..read]);
        if read == 0 || to.write_all(&buffer[..read]).await.is_err() || to.flush().await.is_err() {
            break;
        }
    }
    // The other side learns that nothing more comes.
    drop(to.shutdown().await);
}

fn certificates(world: &World, path: &str) -> Result<Vec<CertificateDer<'static>>> {
    let file = std::fs::read(world.path(path))?;
    Ok(CertificateDer::pem_slice_iter(&file).collect::<Result<_, _>>()?)
}

fn acceptor(world: &World) -> Result<TlsAcceptor> {
    let key = PrivateKeyDer::from_pem_file(world.path("nats/tls/server.key"))?;
    let config = ServerConfig::builder_with_provider(default_provider().into())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(certificates(world, "nats/tls/server.pem")?, key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn connector(world: &World, name: &str) -> Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates(world, &format!("{name}/tls/broker-ca.pem"))?);
    let key = PrivateKeyDer::from_pem_file(world.path(format!("{name}/tls/broker.key")))?;
    let config = ClientConfig::builder_with_provider(default_provider().into())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_client_auth_cert(certificates(world, &format!("{name}/tls/broker.pem"))?, key)?;
    Ok(TlsConnector::from(Arc::new(config)))
}

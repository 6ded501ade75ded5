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

/// What was said on each way of each connection, so that a word stays whole whatever was said meanwhile elsewhere.
#[derive(Debug, Clone, Default)]
struct Record(Arc<Mutex<Vec<Vec<u8>>>>);

impl Record {
    /// A way that nothing was said on yet.
    fn way(&self) -> Way {
        let mut ways = self.0.lock().unwrap();
        ways.push(Vec::new());
        Way { record: self.clone(), at: ways.len() - 1 }
    }
}

/// One way of one connection.
struct Way {
    record: Record,
    at: usize,
}

impl Way {
    fn hear(&self, bytes: &[u8]) {
        self.record.0.lock().unwrap()[self.at].extend(bytes);
    }
}

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
            pass((near, &record.way()), (far, &record.way())).await;
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
                let theirs = record.way();
                theirs.hear(&line);
                near.write_all(&line).await?;
                let far = connector.connect(ServerName::try_from("localhost")?, far).await?;
                let near = acceptor.accept(near).await?;
                pass((near, &record.way()), (far, &theirs)).await;
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

    /// Everything so far, each way of each connection by itself.
    pub(crate) fn heard(&self) -> Vec<Vec<u8>> {
        self.record.0.lock().unwrap().clone()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Carries what each side says, and hears it.
async fn pass<N, F>((near, ours): (N, &Way), (far, theirs): (F, &Way))
where
    N: AsyncRead + AsyncWrite,
    F: AsyncRead + AsyncWrite,
{
    let (near, far) = (split(near), split(far));
    tokio::join!(one_way(near.0, far.1, ours), one_way(far.0, near.1, theirs));
}

async fn one_way(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, way: &Way) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read) = from.read(&mut buffer).await {
        way.hear(&buffer[..read]);
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

#[tokio::test]
async fn a_word_in_two_pieces_is_heard_whole_whatever_is_said_the_other_way_between_them() {
    let record = Record::default();
    let ((mut near, tapped_near), (tapped_far, mut far)) = (tokio::io::duplex(64), tokio::io::duplex(64));
    let (ours, theirs) = (record.way(), record.way());
    let talking = async {
        near.write_all(b"Ho\xc3").await.unwrap();
        far.read_exact(&mut [0; 3]).await.unwrap();
        far.write_all(b"between").await.unwrap();
        near.read_exact(&mut [0; 7]).await.unwrap();
        near.write_all(b"\xa0ng").await.unwrap();
        far.read_exact(&mut [0; 3]).await.unwrap();
        drop((near, far));
    };
    tokio::join!(pass((tapped_near, &ours), (tapped_far, &theirs)), talking);
    assert_eq!(*record.0.lock().unwrap(), ["Hoàng".as_bytes().to_vec(), b"between".to_vec()]);
}

//! A link between an access point and the broker that can be held up in either direction, or cut.
//!
//! What is held up is not lost: it goes on when the link is open again, as after a partition of a network, unless
//! somebody gave the connection up meanwhile. Nothing is read of what goes through, which is TLS.

use anyhow::{Context as _, Result};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

/// What a link lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Gate {
    /// From the access point to the broker.
    up: bool,
    /// From the broker to the access point.
    down: bool,
    /// Rises with every cut: connections of an earlier number end.
    cuts: u64,
}

/// A link; it is gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Link {
    port: u16,
    gate: watch::Sender<Gate>,
    accepting: JoinHandle<()>,
}

impl Link {
    /// A link to a NATS URL.
    pub(crate) async fn to(broker: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let target = broker.rsplit(':').next().context("a port")?.parse::<u16>()?;
        let gate = watch::Sender::new(Gate { up: true, down: true, cuts: 0 });
        let seen = gate.subscribe();
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                connections.spawn(carry(near, target, seen.clone()));
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { port, gate, accepting })
    }

    /// Where the access point connects instead.
    pub(crate) fn address(&self) -> String {
        format!("tls://localhost:{}", self.port)
    }

    /// Lets these directions through and holds the others up.
    pub(crate) fn let_through(&self, up: bool, down: bool) {
        self.gate.send_modify(|gate| (gate.up, gate.down) = (up, down));
    }

    /// Ends every connection.
    pub(crate) fn cut(&self) {
        self.gate.send_modify(|gate| gate.cuts += 1);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn carry(near: TcpStream, target: u16, mut gate: watch::Receiver<Gate>) {
    let Ok(far) = TcpStream::connect(("127.0.0.1", target)).await else { return };
    let cuts = gate.borrow_and_update().cuts;
    let (near, far) = (near.into_split(), far.into_split());
    tokio::select! {
        () = pass(near.0, far.1, gate.clone(), |gate| gate.up) => {}
        () = pass(far.0, near.1, gate.clone(), |gate| gate.down) => {}
        _ = gate.wait_for(|gate| gate.cuts != cuts) => {}
    }
}

/// Passes on what comes, while its direction is open.
async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut gate: watch::Receiver<Gate>,
    is_open: impl Fn(&Gate) -> bool,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read) = from.read(&mut buffer).await {
        let opened = gate.wait_for(&is_open).await.is_ok();
        if read == 0 || !opened || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

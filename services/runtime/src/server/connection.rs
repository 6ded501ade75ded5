//! Connections of calling systems: accepted, shaken hands with beside each other, named once, and cut when told or when
//! the certificate ends that was shown.
//!
//! Whoever is slow to shake hands delays nobody, and a system that has its share of connections gets no more. tonic
//! cannot end a connection that will not end by itself; a connection that fails when it is told to makes every end
//! bounded, also that of a stream under a certificate.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use prometheus_client::metrics::gauge::Gauge;
use rustls::pki_types::{CertificateDer, UnixTime};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
    time::{Sleep, sleep, timeout},
};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::Connected;

use super::{
    shares::{Share, Shares},
    terms::{Entry, Place},
};
use crate::{caller::Shown, metrics::Calls, validity};

/// Handshakes at once; more wait in the listener's queue.
const HANDSHAKES: usize = 256;

/// How long a handshake may take.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);

/// After a failure to accept, which is nearly always a lack of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// Makes connections.
#[derive(Clone)]
pub(super) struct Acceptor {
    pub(super) entry: Entry,
    pub(super) shares: Shares,
    pub(super) cut: CancellationToken,
    pub(super) calls: Calls,
}

impl Acceptor {
    /// Accepts for as long as somebody takes the connections.
    pub(super) async fn run(self, listener: TcpListener, arrivals: mpsc::Sender<Connection>) {
        let mut handshakes = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept(), if handshakes.len() < HANDSHAKES => match accepted {
                    Ok((stream, _)) => {
                        let (acceptor, arrivals) = (self.clone(), arrivals.clone());
                        handshakes.spawn(async move {
                            if let Some(connection) = acceptor.handshake(stream).await {
                                // Nobody takes it when the door is closing.
                                drop(arrivals.send(connection).await);
                            }
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "A connection could not be accepted.");
                        sleep(PAUSE).await;
                    }
                },
                Some(_) = handshakes.join_next() => {}
                () = arrivals.closed() => return,
            }
        }
    }

    async fn handshake(&self, stream: TcpStream) -> Option<Connection> {
        // Without it only small answers would be slower.
        drop(stream.set_nodelay(true));
        let terms = self.entry.terms();
        let stream = match timeout(HANDSHAKE_WITHIN, terms.tls.accept(stream)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::debug!(%error, "A handshake failed.");
                return None;
            }
            Err(_) => {
                tracing::debug!("A handshake took too long.");
                return None;
            }
        };
        let leaf = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let (shown, end) = (Shown::by(leaf), Box::pin(sleep(left(leaf))));
        let known = self.entry.identify(&shown);
        let system = known.0.as_ref().ok().map(|caller| caller.name());
        let Some(share) = self.shares.connections.take(system.as_ref(), 1) else {
            self.calls.crowded(system.as_ref());
            return None;
        };
        let open = self.calls.connections.clone();
        open.inc();
        let place = self.entry.note(&shown, &terms, &self.cut);
        let cut = Box::pin(place.cut.clone().cancelled_owned());
        Some(Connection { stream, shown, cut, end, open, _held: (place, share) })
    }
}

/// How long a certificate is still good, by the clock that the handshake went by.
fn left(leaf: Option<&CertificateDer<'_>>) -> Duration {
    let end = leaf.and_then(|leaf| u64::try_from(validity::of(leaf).ok()?.end.as_second()).ok());
    if end.is_none() {
        tracing::warn!("A caller's certificate does not tell when it ends: its connection is closed.");
    }
    let end = end.unwrap_or_default();
    // Its last second is included.
    Duration::from_secs(end.saturating_add(1).saturating_sub(UnixTime::now().as_secs()))
}

/// A connection whose caller has shown a name.
pub(super) struct Connection {
    stream: TlsStream<TcpStream>,
    shown: Shown,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Ends with the certificate that was shown.
    end: Pin<Box<Sleep>>,
    open: Gauge,
    _held: (Place, Share),
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.open.dec();
    }
}

impl Connected for Connection {
    /// Put into the extensions of every request of the connection.
    type ConnectInfo = Shown;

    fn connect_info(&self) -> Shown {
        self.shown.clone()
    }
}

impl Connection {
    fn live(&mut self, context: &mut Context<'_>) -> io::Result<Pin<&mut TlsStream<TcpStream>>> {
        if self.cut.as_mut().poll(context).is_ready() || self.end.as_mut().poll(context).is_ready() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(Pin::new(&mut self.stream))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.live(context)?.poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.live(context)?.poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.live(context)?.poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.live(context)?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.live(context)?.poll_shutdown(context)
    }
}

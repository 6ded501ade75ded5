//! The server of the duty page: HTTP/1.1 over TLS 1.3, for browsers, which show no certificate.
//!
//! `bind → serve`: binding fails early and says the address. Connections are bounded in number, altogether and of one
//! address, and in time, so that whoever is slow or silent keeps nobody else out for long. Told to stop, it lets nobody
//! in any more and answers what was asked already; it never ends by itself.

use std::{future::pending, io, net::SocketAddr, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use nhipcau_runtime::config;
use tokio::{
    net::{TcpListener, TcpStream},
    pin, select,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::{
    duty::{self, Counts, Needs},
    slots::{Slot, Slots},
    tls::{Renewal, TlsError},
};

/// How long a handshake may take. A weak connection needs several seconds.
const HANDSHAKE: Duration = Duration::from_secs(15);
/// How long the head of a request may take, and a connection may be silent.
const HEAD: Duration = Duration::from_secs(20);
/// How long a connection may last in all.
const AGE: Duration = Duration::from_secs(300);
/// Bytes of the head of a request.
const HEAD_BYTES: usize = 16 << 10;
/// After a failure to accept, which is nearly always a lack of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// Why the page cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be bound.
    #[error("the address {0} of the duty page could not be bound")]
    Bind(SocketAddr, #[source] io::Error),
    /// Its certificate or key cannot be used.
    #[error("the TLS files of the duty page cannot be used")]
    Tls(#[from] TlsError),
}

/// A bound server that lets nobody in yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    tls: Renewal,
    counts: Counts,
}

impl Server {
    /// Binds the address and reads the certificate.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn bind(config: &config::DutyPage) -> Result<Self, Error> {
        let tls = Renewal::read(config)?;
        let bind = async {
            let listener = TcpListener::bind(config.listen).await?;
            listener.local_addr().map(|address| (listener, address))
        };
        let (listener, address) = bind.await.map_err(|source| Error::Bind(config.listen, source))?;
        Ok(Self { listener, address, tls, counts: Counts::default() })
    }

    /// The address, with the port that was chosen.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Renews its certificate.
    #[must_use]
    pub fn renewal(&self) -> Renewal {
        self.tls.clone()
    }

    /// What the page counts.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts.clone()
    }

    /// Serves until told to stop, and then answers what was asked. Never ends.
    pub async fn serve(self, needs: Needs, stop: CancellationToken) {
        let pages = duty::pages(needs, self.counts);
        let slots = Slots::new();
        loop {
            let accept = async {
                let room = slots.room().await;
                (room, self.listener.accept().await)
            };
            let (room, accepted) = select! {
                accepted = accept => accepted,
                () = stop.cancelled() => break,
            };
            match accepted {
                Ok((stream, peer)) => {
                    // Closed at once where its address has too many; who comes from there waits for one to end.
                    let Some(slot) = slots.take(room, peer.ip()) else { continue };
                    let (tls, pages, stop) = (self.tls.acceptor(), pages.clone(), stop.clone());
                    tokio::spawn(connection(stream, tls, pages, stop, slot));
                }
                Err(error) => {
                    tracing::warn!(%error, "A connection to the duty page could not be accepted.");
                    sleep(PAUSE).await;
                }
            }
        }
        drop(self.listener);
        pending().await
    }
}

async fn connection(stream: TcpStream, tls: TlsAcceptor, pages: Router, stop: CancellationToken, _slot: Slot) {
    let Ok(Ok(stream)) = timeout(HANDSHAKE, tls.accept(stream)).await else {
        tracing::debug!("A handshake with the duty page failed.");
        return;
    };
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(HEAD_BYTES);
    let serving = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(pages));
    pin!(serving);
    let is_over = select! {
        _ = &mut serving => true,
        () = stop.cancelled() => false,
        () = sleep(AGE) => false,
    };
    if !is_over {
        serving.as_mut().graceful_shutdown();
        // Longer than any request may take.
        drop(timeout(AGE, serving).await);
    }
}

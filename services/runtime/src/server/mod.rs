//! The gRPC door: TLS 1.3 with a client certificate always, named callers, bounded calls, health and reflection, and
//! an end that is orderly and bounded.
//!
//! `bind → start → withdraw → drain`: binding fails early and says the port; after withdrawing, health says
//! NOT_SERVING while calls still come in; draining closes the listener, lets calls in progress finish within the grace
//! and then cuts their connections.

mod connection;
mod door;
mod method;
mod shares;
mod terms;
#[cfg(test)]
pub(crate) mod tests;
mod tls;

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::response::IntoResponse;
use futures_util::stream;
use jiff::Timestamp;
use prometheus_client::{metrics::gauge::Gauge, registry::Registry};
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;
use tonic::{body::Body, codegen::http, server::NamedService, service::Routes};
use tonic_health::{ServingStatus, server::HealthReporter};

use self::{
    connection::Acceptor,
    door::{Door, Rules},
    method::Methods,
    shares::Shares,
    terms::Entry,
};
use crate::{caller::Systems, config, metrics::Calls};

/// A silent peer is asked for a sign of life after this time …
const KEEPALIVE: Duration = Duration::from_secs(30);
/// … and given up when it gives none in this.
const KEEPALIVE_PATIENCE: Duration = Duration::from_secs(20);

/// Connections are asked to be made again, so that a certificate's end takes effect.
const CONNECTION_AGE: Duration = Duration::from_secs(60 * 60);

/// How long cut connections may take to notice.
const CUT_PATIENCE: Duration = Duration::from_secs(2);

/// Why the door cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be bound.
    #[error("the address {0} could not be bound")]
    Bind(SocketAddr, #[source] io::Error),
    /// Certificate, key or authorities cannot be used.
    #[error("the TLS files of the server cannot be used")]
    Tls(#[from] tls::Error),
    /// The contracts cannot be described: a fault of this program.
    #[error("the contracts could not be described")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// Takes renewed certificates, authorities and systems into use while the door is open. Cheap to clone.
#[derive(Clone)]
pub struct Renewal(Entry);

impl Renewal {
    /// Reads the files again and takes them and the systems into use, all or nothing; says whether anything has
    /// changed.
    ///
    /// # Errors
    /// [`Error::Tls`] when a file cannot be used: everything stays as it is.
    pub fn renew(&self, config: &config::Server, systems: Systems, now: Timestamp) -> Result<bool, Error> {
        self.0.renew(config, systems, now)
    }
}

/// The services that are served.
#[derive(Debug, Clone, Default)]
pub struct Services {
    routes: Routes,
    names: Vec<&'static str>,
}

impl Services {
    /// Adds a generated server.
    #[must_use]
    pub fn with<S>(mut self, service: S) -> Self
    where
        S: tower::Service<http::Request<Body>, Error = Infallible> + NamedService + Clone + Send + Sync + 'static,
        S::Response: IntoResponse,
        S::Future: Send + 'static,
    {
        self.routes = self.routes.add_service(service);
        self.names.push(S::NAME);
        self
    }
}

/// A bound door that nobody is let in by yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    config: config::Server,
    acceptor: Acceptor,
    calls: Calls,
    ending: CancellationToken,
    cut: CancellationToken,
}

impl Server {
    /// Binds the address and reads the certificates.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn bind(config: &config::Server, systems: Systems, registry: &mut Registry) -> Result<Self, Error> {
        let entry = Entry::read(config, systems)?;
        let bind = async {
            let listener = TcpListener::bind(config.listen).await?;
            listener.local_addr().map(|address| (listener, address))
        };
        let (listener, address) = bind.await.map_err(|source| Error::Bind(config.listen, source))?;
        let calls = Calls::register(registry);
        let cut = CancellationToken::new();
        let shares = Shares::of(config);
        let acceptor = Acceptor { entry, shares, cut: cut.clone(), calls: calls.clone() };
        Ok(Self { listener, address, config: config.clone(), acceptor, calls, ending: CancellationToken::new(), cut })
    }

    /// The address, with the port that was chosen.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Cancelled when draining begins. Services end their streams then, with [`Refusal::shutting_down`].
    ///
    /// [`Refusal::shutting_down`]: crate::status::Refusal::shutting_down
    #[must_use]
    pub fn ending(&self) -> CancellationToken {
        self.ending.clone()
    }

    /// Renews what callers are let in by.
    #[must_use]
    pub fn renewal(&self) -> Renewal {
        Renewal(self.acceptor.entry.clone())
    }

    /// Lets callers in.
    ///
    /// # Errors
    /// [`Error::Reflection`].
    pub async fn start(self, services: Services) -> Result<Serving, Error> {
        let Services { mut routes, mut names } = services;
        names.push("");
        let health = HealthReporter::new();
        for name in &names {
            health.set_service_status(*name, ServingStatus::Serving).await;
        }
        let service = tonic_health::server::HealthService::from_health_reporter(health.clone());
        routes = routes.add_service(tonic_health::pb::health_server::HealthServer::new(service));
        if self.config.reflection {
            let builder = || {
                tonic_reflection::server::Builder::configure()
                    .register_encoded_file_descriptor_set(nhipcau_proto::DESCRIPTORS)
                    .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            };
            routes = routes.add_service(builder().build_v1()?).add_service(builder().build_v1alpha()?);
        }
        let door = Door {
            routes: routes.prepare(),
            rules: Arc::new(Rules {
                timeout: self.config.timeout,
                entry: self.acceptor.entry.clone(),
                shares: self.acceptor.shares.clone(),
                methods: Methods::known(),
                calls: self.calls.clone(),
            }),
        };
        let (arrivals, arrived) = mpsc::channel(16);
        let accepting = tokio::spawn(self.acceptor.run(self.listener, arrivals));
        let incoming = stream::unfold(arrived, |mut arrived| async move {
            arrived.recv().await.map(|connection| (Ok::<_, Infallible>(connection), arrived))
        });
        let server = tonic::transport::Server::builder()
            .max_concurrent_streams(self.config.streams)
            .max_connection_age(CONNECTION_AGE)
            .http2_keepalive_interval(Some(KEEPALIVE))
            .http2_keepalive_timeout(Some(KEEPALIVE_PATIENCE));
        let ending = self.ending.clone();
        let serving = tokio::spawn(server.serve_with_incoming_shutdown(door, incoming, ending.cancelled_owned()));
        let open = self.calls.connections;
        Ok(Serving { health, names, accepting, serving, ending: self.ending, cut: self.cut, open })
    }
}

/// A door that callers come in by.
#[derive(Debug)]
pub struct Serving {
    health: HealthReporter,
    names: Vec<&'static str>,
    accepting: JoinHandle<()>,
    serving: JoinHandle<Result<(), tonic::transport::Error>>,
    ending: CancellationToken,
    cut: CancellationToken,
    open: Gauge,
}

/// How the door was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Every call in progress was answered.
    Whole,
    /// Connections were cut, with calls in progress on them.
    Cut(i64),
}

impl Serving {
    /// Says NOT_SERVING of every service from now on, and still serves.
    pub async fn withdraw(&self) {
        for name in &self.names {
            self.health.set_service_status(*name, ServingStatus::NotServing).await;
        }
    }

    /// Lets nobody in any more and waits for the calls in progress, at most for the grace; then cuts.
    pub async fn drain(mut self, grace: Duration) -> Drained {
        self.withdraw().await;
        self.accepting.abort();
        self.ending.cancel();
        if timeout(grace, &mut self.serving).await.is_ok() {
            return Drained::Whole;
        }
        let open = self.open.get();
        self.cut.cancel();
        if timeout(CUT_PATIENCE, &mut self.serving).await.is_err() {
            self.serving.abort();
        }
        Drained::Cut(open)
    }
}

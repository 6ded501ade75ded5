//! Metrics of the process: the registry that parts add theirs to, what the runtime itself counts, and `/metrics`.
//!
//! Every name, unit and help text of the runtime is here. Label values are names of methods and systems, codes, reasons
//! and kinds, all from closed sets: nothing a caller sends becomes a label.

use std::{
    fmt, io,
    net::SocketAddr,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use axum::{Router, http::header, routing::get};
use nhipcau_messaging::{nats::Counters, reconcile::Reconciler};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _},
    metrics::{
        MetricType,
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::{ConstGauge, Gauge},
        histogram::Histogram,
    },
    registry::{Registry, Unit},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{access_point::Disk, caller::SystemName, distribution::Courier};

/// A registry whose names all begin with `nhipcau_`.
#[must_use]
pub fn registry() -> Registry {
    Registry::with_prefix("nhipcau")
}

/// What the door counts.
#[derive(Debug, Clone)]
pub(crate) struct Calls {
    answered: Family<CallLabels, Counter>,
    seconds: Histogram,
    limited: Family<SystemLabels, Counter>,
    crowded: Family<SystemLabels, Counter>,
    pub(crate) connections: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    method: Arc<str>,
    code: &'static str,
    reason: String,
}

/// A name of the configuration; empty for whoever it does not name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SystemLabels {
    system: String,
}

impl Calls {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        // From 1 ms to 16 s.
        let buckets = (0..15).map(|power| 0.001 * f64::from(1 << power));
        let calls = Self {
            answered: Family::default(),
            seconds: Histogram::new(buckets),
            limited: Family::default(),
            crowded: Family::default(),
            connections: Gauge::default(),
        };
        registry.register("calls", "Calls by how they were answered.", calls.answered.clone());
        registry.register_with_unit("call", "Time until calls were answered.", Unit::Seconds, calls.seconds.clone());
        registry.register("calls_limited", "Calls beyond the rate of their system.", calls.limited.clone());
        let closed = "Connections closed because their system had its share open.";
        registry.register("connections_closed", closed, calls.crowded.clone());
        registry.register("connections", "Open connections of calling systems.", calls.connections.clone());
        calls
    }

    pub(crate) fn limited(&self, caller: Option<&SystemName>) {
        let system = caller.map(ToString::to_string).unwrap_or_default();
        self.limited.get_or_create(&SystemLabels { system }).inc();
    }

    pub(crate) fn crowded(&self, caller: Option<&SystemName>) {
        let system = caller.map(ToString::to_string).unwrap_or_default();
        self.crowded.get_or_create(&SystemLabels { system }).inc();
    }

    pub(crate) fn answered(&self, method: &Arc<str>, code: &'static str, reason: String, took: Duration) {
        let labels = CallLabels { method: Arc::clone(method), code, reason };
        self.answered.get_or_create(&labels).inc();
        self.seconds.observe(took.as_secs_f64());
    }
}

/// What people must look at.
#[derive(Debug, Clone)]
pub(crate) struct Alarms(Family<AlarmLabels, Counter<u64, AtomicU64>>);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AlarmLabels {
    kind: String,
}

impl Alarms {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let alarms = Self(Family::default());
        registry.register("alarms", "Alarms by kind; docs/errors.md says what to do.", alarms.0.clone());
        alarms
    }

    pub(crate) fn raised(&self, kind: String) {
        self.0.get_or_create(&AlarmLabels { kind }).inc();
    }
}

/// The counts of the transport, read when somebody looks.
#[derive(Debug)]
pub(crate) struct Broker(pub(crate) Arc<Counters>);

impl Collector for Broker {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let totals = self.0.totals();
        let counts = [
            ("broker_delivered", "Deliveries handed on to the engine.", totals.delivered),
            ("broker_signals", "Signals handed on to the engine.", totals.signals),
            ("broker_acknowledged", "Deliveries acknowledged.", totals.acknowledged),
            ("broker_lapsed", "Deliveries not acknowledged in time.", totals.lapsed),
            ("broker_foreign", "Messages on subjects that no access point has.", totals.foreign),
            ("broker_stored", "Publishes that the broker stored.", totals.stored),
            ("broker_full", "Publishes refused because a share is full.", totals.full),
            ("broker_unanswered", "Publishes without an answer.", totals.unanswered),
            ("broker_shed", "Outputs without room or connection.", totals.shed),
            ("broker_slow", "Messages dropped by the client.", totals.slow),
            ("broker_denied", "Requests refused by permissions.", totals.denied),
            ("broker_connected", "Connections made.", totals.connected),
        ];
        encode(encoder, &counts)
    }
}

/// The counts of the reconciler that compares with peers, read when somebody looks.
#[derive(Debug)]
pub(crate) struct Reconciliation(pub(crate) Reconciler);

impl Collector for Reconciliation {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let totals = self.0.totals();
        let counts = [
            ("reconciliation_answered", "Questions of peers that were answered.", totals.answered),
            ("reconciliation_shed", "Questions of peers beyond their quota.", totals.shed),
            ("reconciliation_disbelieved", "Questions and answers not believed.", totals.disbelieved),
            ("reconciliation_unasked", "Answers that nobody waits for.", totals.unasked),
        ];
        encode(encoder, &counts)
    }
}

/// How much room the disk of the store has, read when somebody looks.
#[derive(Debug)]
pub(crate) struct Free(pub(crate) Disk);

impl Collector for Free {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Ok(free) = self.0.free() else { return Ok(()) };
        let help = "Free space on the disk of the store.";
        let metric = encoder.encode_descriptor("disk_free", help, Some(&Unit::Bytes), MetricType::Gauge)?;
        ConstGauge::new(free).encode(metric)
    }
}

/// The counts of the courier that brings the directory, read when somebody looks.
#[derive(Debug)]
pub(crate) struct Distribution(pub(crate) Courier);

impl Collector for Distribution {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let totals = self.0.totals();
        let counts = [
            ("directory_taken", "Releases that came over the bus and are in use.", totals.taken),
            ("directory_heard", "How often bulletins or revocations came over the bus and are in use.", totals.heard),
            ("directory_refused", "Newer releases of peers that were refused.", totals.refused),
            ("directory_served", "Pieces of the directory handed out to peers.", totals.served),
            ("directory_shed", "Questions for the directory that were not answered.", totals.shed),
            ("directory_unasked", "Pieces of the directory that nobody waits for.", totals.unasked),
        ];
        encode(encoder, &counts)
    }
}

fn encode(mut encoder: DescriptorEncoder<'_>, counts: &[(&str, &str, u64)]) -> fmt::Result {
    for (name, help, value) in counts {
        let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        ConstCounter::new(*value).encode(metric)?;
    }
    Ok(())
}

/// The listener behind `/metrics`.
#[derive(Debug)]
pub struct Endpoint {
    listener: TcpListener,
    address: SocketAddr,
}

impl Endpoint {
    /// Binds the address.
    ///
    /// # Errors
    /// When it cannot be bound.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Ok(Self { address: listener.local_addr()?, listener })
    }

    /// The address, with the port that was chosen.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until told to stop.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(self, registry: Registry, stop: CancellationToken) -> io::Result<()> {
        let registry = Arc::new(registry);
        let page = move || {
            let registry = Arc::clone(&registry);
            async move {
                let mut text = String::new();
                // Fails only when a metric cannot write into a string.
                let written = prometheus_client::encoding::text::encode(&mut text, &registry);
                let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                written
                    .map(|()| ([(header::CONTENT_TYPE, kind)], text))
                    .map_err(|_| axum::http::StatusCode::INTERNAL_SERVER_ERROR)
            }
        };
        let routes = Router::new().route("/metrics", get(page));
        axum::serve(self.listener, routes).with_graceful_shutdown(stop.cancelled_owned()).await
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpStream,
    };

    use super::*;

    async fn get(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn what_was_counted_is_served_and_the_endpoint_ends_when_told() {
        let mut registry = registry();
        let calls = Calls::register(&mut registry);
        let alarms = Alarms::register(&mut registry);
        registry.register_collector(Box::new(Broker(Arc::default())));
        calls.answered(&"a.B/C".into(), "OK", String::new(), Duration::from_millis(3));
        alarms.raised("Fork".to_owned());
        let endpoint = Endpoint::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let (address, stop) = (endpoint.local_addr(), CancellationToken::new());
        let serving = tokio::spawn(endpoint.serve(registry, stop.clone()));
        let page = get(address, "/metrics").await;
        for line in [
            "nhipcau_calls_total{method=\"a.B/C\",code=\"OK\",reason=\"\"} 1",
            "nhipcau_call_seconds_bucket{le=\"0.004\"} 1",
            "nhipcau_alarms_total{kind=\"Fork\"} 1",
            "nhipcau_broker_shed_total 0",
            "nhipcau_connections 0",
        ] {
            assert!(page.contains(line), "{line} is missing in {page}");
        }
        assert!(get(address, "/").await.starts_with("HTTP/1.1 404"));
        stop.cancel();
        serving.await.unwrap().unwrap();
    }
}

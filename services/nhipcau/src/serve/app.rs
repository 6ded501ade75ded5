//! An access point put together from its configuration: addresses bound first, then everything started, then run.
//!
//! Nothing here decides anything; it only joins the runtime and the services.

use std::{fmt, net::SocketAddr, sync::Arc};

use nhipcau_indicators::{Indicators, metrics::Metric};
use nhipcau_proto::indicator::v1::{
    indicator_service_server::IndicatorServiceServer, indicator_watch_service_server::IndicatorWatchServiceServer,
};
use nhipcau_runtime::{
    access_point::{AccessPoint, Loaded, Part},
    clock::Clock,
    config::{self, Config},
    metrics::{self, Endpoint},
    process::Process,
    server::{Server, Services},
};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{MetricType, counter::ConstCounter},
};
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    broker,
    parts::{self, Service},
    reload::Reload,
};
use crate::{
    exit::{Code, Failure, OrExit as _},
    registry,
};

/// A running access point whose door is open.
pub(crate) struct App {
    process: Process,
    reload: Reload,
    services: Vec<&'static str>,
    address: SocketAddr,
    metrics: Option<SocketAddr>,
    shutdown: config::Shutdown,
}

impl App {
    /// Binds the addresses, reads the files and starts everything. Does not wait for the broker.
    ///
    /// # Errors
    /// [`Code::Configuration`]: a file, an address or the store cannot be used. Nothing was sent.
    pub(crate) async fn build(config: &Config, clock: &Clock) -> Result<Self, Failure> {
        let mut counts = metrics::registry();
        let endpoint = match config.metrics {
            Some(address) => Some(Endpoint::bind(address).await.or_exit(Code::Configuration)?),
            None => None,
        };
        let server = Server::bind(&config.server, config.systems.clone(), &mut counts);
        let server = server.await.or_exit(Code::Configuration)?;
        let (address, metrics) = (server.local_addr(), endpoint.as_ref().map(Endpoint::local_addr));

        let loaded = Loaded::load(config, clock).or_exit(Code::Configuration)?;
        let release = Arc::clone(&loaded.releases().borrow());
        let read = registry::read(&config.directory, &release).or_exit(Code::Configuration)?;
        let (newer, tables) = watch::channel(Arc::new(read));
        let reload = Reload::listen(config.directory.clone(), newer).or_exit(Code::Failed)?;

        let chosen = parts::chosen(&config.services);
        let indicators = chosen.contains(&Service::Indicators).then(|| Indicators::new(tables));
        let mut brought = Vec::new();
        if let Some(service) = &indicators {
            counts.register_collector(Box::new(Counted(service.clone())));
            let handlers: Vec<Box<dyn nhipcau_messaging::handler::Handler>> = vec![Box::new(service.handler())];
            brought.push(Part { tables: vec![nhipcau_indicators::SCHEMA], handlers });
        }
        let access_point = loaded.start(brought, &mut counts).await.or_exit(Code::Configuration)?;
        let broker = broker::follow(access_point.broker(), &mut counts);
        // Ends with the transport, whose state it follows.
        drop(broker);

        let mut services = Services::default();
        if let Some(service) = indicators {
            services = with_indicators(services, &service, config, &access_point, server.ending());
        }
        let serving = server.start(services).await.or_exit(Code::Failed)?;
        let process = Process { access_point, serving, metrics: endpoint.map(|endpoint| (endpoint, counts)) };
        let services = chosen.into_iter().map(Service::name).collect();
        Ok(Self { process, reload, services, address, metrics, shutdown: config.shutdown })
    }

    /// Where systems call.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where metrics are, if anywhere.
    pub(crate) fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics
    }

    /// What is served.
    pub(crate) fn services(&self) -> &[&'static str] {
        &self.services
    }

    /// Runs until told to stop, and ends in order.
    ///
    /// # Errors
    /// [`Code::Failed`] when the writer ended by itself; start again, which is a recovery.
    pub(crate) async fn run(self, stop: CancellationToken) -> Result<(), Failure> {
        let mut beside = JoinSet::new();
        beside.spawn(self.reload.run(self.process.access_point.reloader()));
        self.process.run(self.shutdown, stop).await.or_exit(Code::Failed)
    }
}

fn with_indicators(
    services: Services,
    service: &Indicators,
    config: &Config,
    access_point: &AccessPoint,
    ending: CancellationToken,
) -> Services {
    let limit = config.server.message_bytes;
    let door = service.door(access_point.handle(), access_point.readers(), config.access_point.clone(), ending);
    services
        .with(IndicatorServiceServer::new(door.clone()).max_decoding_message_size(limit))
        .with(IndicatorWatchServiceServer::new(door).max_decoding_message_size(limit))
}

/// The counts of the statistics, read when somebody looks.
struct Counted(Indicators);

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counted")
    }
}

impl Collector for Counted {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for (metric, value) in self.0.counters().read() {
            let (name, help) = plain(metric);
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            ConstCounter::new(value).encode(metric)?;
        }
        Ok(())
    }
}

/// Without what the registry and the format add by themselves.
fn plain((name, help): Metric) -> (&'static str, &'static str) {
    let name = name.strip_prefix("nhipcau_").unwrap_or(name);
    (name.strip_suffix("_total").unwrap_or(name), help)
}

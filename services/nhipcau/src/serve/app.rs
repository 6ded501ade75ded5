//! An access point put together from its configuration: files read, addresses bound, everything started, then run.
//!
//! Nothing here decides anything; it only joins the runtime and the services.

use std::{error::Error as StdError, io, net::SocketAddr, path::PathBuf, sync::Arc};

use nhipcau_messaging::store;
use nhipcau_runtime::{
    access_point::{self, Loaded, Place},
    clock::Clock,
    config::{self, Config},
    metrics::{self, Endpoint},
    notify::{Notifiers, Ticking},
    process::Process,
    server::Server,
    waking::Notices,
};
use tokio::{pin, select, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    broker,
    duty_page::{self, Page},
    parts::{self, Parts, Service},
    reload::Reload,
    renewal::{Ends, Renewal, Targets},
    rotation::Rotation,
};
use crate::{
    exit::{Code, Failure, OrExit as _},
    registry,
};

/// A disk without room or a server that is away is none of the configuration's fault: starting again later helps.
pub(super) fn failure(error: access_point::Error) -> Failure {
    let mut chain = std::iter::successors(Some(&error as &(dyn StdError + 'static)), |&error| error.source());
    let is_passing = chain.any(|error| {
        let of_store = error.downcast_ref::<store::Error>().is_some_and(store::Error::is_passing);
        let no_room =
            |error: &io::Error| matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        of_store || error.downcast_ref().is_some_and(no_room)
    });
    Failure::new(if is_passing { Code::Unavailable } else { Code::Configuration }, error)
}

/// A running access point whose door is open.
pub(crate) struct App {
    process: Process,
    reload: Reload,
    renewal: Renewal,
    rotation: Rotation,
    notices: Option<Ticking<Notices>>,
    page: Option<(Page, CancellationToken)>,
    services: Vec<&'static str>,
    address: SocketAddr,
    metrics: Option<SocketAddr>,
    duty_page: Option<SocketAddr>,
    shutdown: config::Shutdown,
}

impl App {
    /// Reads the files that a configuration names, which was read from `source`, binds the addresses and starts
    /// everything, in a place that was taken: a second process is told that, and not that a port is taken. Does not
    /// wait for the broker.
    ///
    /// # Errors
    /// [`Code::Configuration`]: a file, an address or the store cannot be used. Nothing was sent.
    pub(crate) async fn build(
        place: Place,
        source: Option<PathBuf>,
        config: &Config,
        clock: &Clock,
    ) -> Result<Self, Failure> {
        let mut counts = metrics::registry();
        let loaded = Loaded::load_in(place, config, clock).map_err(failure)?;
        let release = Arc::clone(&loaded.releases().borrow());
        let tables = registry::read(&config.directory, &release).or_exit(Code::Configuration)?;
        let reload = Reload::listen(config, tables, &release, clock).or_exit(Code::Failed)?;

        let notifiers = Notifiers::open(&config.duty).or_exit(Code::Configuration)?;

        let endpoint = match config.metrics {
            Some(address) => Some(Endpoint::bind(address).await.or_exit(Code::Configuration)?),
            None => None,
        };
        let page = match &config.duty.page {
            Some(page) => Some(nhipcau_gateway::Server::bind(page).await.or_exit(Code::Configuration)?),
            None => None,
        };
        let server = Server::bind(&config.server, config.systems.clone(), &mut counts);
        let server = server.await.or_exit(Code::Configuration)?;
        let (address, metrics) = (server.local_addr(), endpoint.as_ref().map(Endpoint::local_addr));
        let duty_page = page.as_ref().map(nhipcau_gateway::Server::local_addr);
        let page_renewal = page.as_ref().map(nhipcau_gateway::Server::renewal);

        let chosen = parts::chosen(&config.services);
        let releases = loaded.releases();
        let parts = Parts::new(&chosen, config, reload.sources(releases.clone()), clock);
        let access_point = loaded.start(parts.bring(&mut counts), &mut counts).await.map_err(failure)?;
        broker::follow(access_point.broker(), &mut counts);
        let notices = parts
            .notices(&access_point)
            .map(|it| Ticking::new(it, reload.rosters(), notifiers.clone(), clock.clone(), access_point.alarm()));
        if let Some(notices) = &notices {
            counts.register_collector(Box::new(notices.counts()));
        }
        let page = page.zip(parts.duty_doors(config, &access_point, &server.ending())).map(|(page, doors)| {
            counts.register_collector(Box::new(page.counts()));
            let needs = duty_page::needs(doors, (reload.rosters(), releases), notifiers, clock);
            ((page, needs), server.ending())
        });
        let services = parts.doors(config, &access_point, &server.ending());
        let targets = Targets {
            server: server.renewal(),
            broker: access_point.renewal(),
            page: page_renewal,
            alarm: access_point.alarm(),
            ends: Ends::register(&mut counts),
        };
        let renewal = Renewal::new(source, config, clock, targets);
        let rotation = Rotation::new(config, clock, access_point.alarm());
        let serving = server.start(services).await.or_exit(Code::Failed)?;
        let process = Process { access_point, serving, metrics: endpoint.map(|endpoint| (endpoint, counts)) };
        let services = chosen.into_iter().map(Service::name).collect();
        let shutdown = config.shutdown;
        Ok(Self { process, reload, renewal, rotation, notices, page, services, address, metrics, duty_page, shutdown })
    }

    /// Where systems call.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where metrics are, if anywhere.
    pub(crate) fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics
    }

    /// Where the duty page is, if anywhere.
    pub(crate) fn duty_page_address(&self) -> Option<SocketAddr> {
        self.duty_page
    }

    /// What is served.
    pub(crate) fn services(&self) -> &[&'static str] {
        &self.services
    }

    /// Runs until told to stop, and ends in order.
    ///
    /// # Errors
    /// [`Code::Failed`] when the writer, or what sees to reloads or to notices, ended by itself; start again, which is
    /// a recovery.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), Failure> {
        // Ends when it is dropped.
        let mut beside = JoinSet::new();
        if let Some(arrivals) = self.process.access_point.arrivals() {
            let reloader = self.process.access_point.reloader();
            beside.spawn(self.reload.run(reloader, (self.renewal, self.rotation), arrivals));
        }
        if let Some(notices) = self.notices {
            beside.spawn(notices.run());
        }
        if let Some(((page, needs), ending)) = self.page {
            beside.spawn(page.serve(needs, ending));
        }
        let ending = stop.child_token();
        together(self.process.run(self.shutdown, ending.clone()), beside, &ending).await
    }
}

/// Runs a process and what runs beside it for ever. When something of that ends all the same, the process is ended in
/// order: better none, which is seen and started again, than one that tells nobody.
async fn together<E: StdError + Send + Sync + 'static>(
    process: impl Future<Output = Result<(), E>>,
    mut beside: JoinSet<()>,
    ending: &CancellationToken,
) -> Result<(), Failure> {
    pin!(process);
    select! {
        result = &mut process => return result.or_exit(Code::Failed),
        Some(_) = beside.join_next() => {}
    }
    tracing::error!("A task that should run for ever has ended, and with it the process.");
    ending.cancel();
    process.await.or_exit(Code::Failed)?;
    Err(Failure::because(Code::Failed, "a task that should run for ever has ended".to_owned()))
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn a_task_beside_the_process_that_ends_ends_the_process_with_a_failure() {
        let ending = CancellationToken::new();
        let (mut beside, process) = (JoinSet::new(), ending.clone());
        beside.spawn(pending());
        beside.spawn(async { panic!("on purpose") });
        let process = async move {
            process.cancelled().await;
            io::Result::Ok(())
        };
        together(process, beside, &ending).await.unwrap_err();
        assert!(ending.is_cancelled());
        for beside in [JoinSet::new(), [pending()].into_iter().collect()] {
            together(ready(io::Result::Ok(())), beside, &CancellationToken::new()).await.unwrap();
        }
    }
    #[test]
    fn a_start_without_room_on_the_disk_is_tried_again_and_one_that_a_person_must_mend_is_not() {
        let start = |error: io::Error| access_point::Error::Start(error.into());
        let code = |error| failure(error).code();
        assert_eq!(code(start(io::ErrorKind::StorageFull.into())), Code::Unavailable);
        assert_eq!(code(start(io::ErrorKind::PermissionDenied.into())), Code::Configuration);
        assert_eq!(code(access_point::Error::Home(io::ErrorKind::QuotaExceeded.into())), Code::Unavailable);
        assert_eq!(code(store::Error::Unreachable(String::new()).into()), Code::Unavailable);
        assert_eq!(code(store::Error::Fenced.into()), Code::Configuration);
    }
}

//! The life of a process once everything is bound and started: it serves until told to stop or until its writer ends,
//! and then ends in order.
//!
//! Health says NOT_SERVING → a pause for load balancers → nothing more is taken from the broker → services end their
//! streams and calls in progress finish → the writer finishes and what it signed is sent. Bounded by the grace;
//! whatever is left is what every start recovers.

use std::time::{Duration, Instant};

use nhipcau_messaging::writer;
use prometheus_client::registry::Registry;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    access_point::AccessPoint,
    config,
    metrics::Endpoint,
    server::{Drained, Serving},
    telemetry::chain,
};

/// What the writer and the broker get of the grace even when calls used all of it.
const LAST: Duration = Duration::from_secs(2);

/// Everything that a process runs.
#[derive(Debug)]
pub struct Process {
    /// Keeps and exchanges.
    pub access_point: AccessPoint,
    /// Lets callers in.
    pub serving: Serving,
    /// Shows metrics, where somebody wants them.
    pub metrics: Option<(Endpoint, Registry)>,
}

impl Process {
    /// Runs until `stop` is cancelled or the writer ends, and then ends everything.
    ///
    /// # Errors
    /// [`writer::Error`] when the writer ended by itself; the process should exit with a failure and be started again.
    pub async fn run(self, config: config::Shutdown, stop: CancellationToken) -> Result<(), writer::Error> {
        let Self { mut access_point, serving, metrics } = self;
        let ended = CancellationToken::new();
        let page = metrics.map(|(endpoint, registry)| tokio::spawn(endpoint.serve(registry, ended.clone())));
        tokio::select! {
            () = stop.cancelled() => tracing::info!("The process is ending."),
            () = access_point.failed() => tracing::error!("The writer has ended, and with it the process."),
        }
        serving.withdraw().await;
        if stop.is_cancelled() {
            sleep(config.pause).await;
        }
        let begun = Instant::now();
        access_point.quiesce().await;
        if let Drained::Cut(open) = serving.drain(config.grace.saturating_sub(LAST).max(config.grace / 2)).await {
            tracing::warn!(open, "Connections were cut because calls did not finish in time.");
        }
        let result = access_point.stop(config.grace.saturating_sub(begun.elapsed()).max(LAST)).await;
        if let Err(error) = &result {
            tracing::error!(error = %chain(error), "The access point stopped.");
        }
        ended.cancel();
        if let Some(page) = page {
            page.abort();
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;
    use crate::{access_point::tests::Home, metrics::registry, server::tests::World};

    fn grace(milliseconds: u64) -> config::Shutdown {
        config::Shutdown { pause: Duration::ZERO, grace: Duration::from_millis(milliseconds) }
    }

    #[tokio::test]
    async fn a_told_process_ends_whole_and_frees_its_store() {
        let (home, world) = (Home::new(), World::new());
        let (serving, _) = world.start().await;
        let endpoint = Endpoint::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let process = Process { access_point: home.start().await, serving, metrics: Some((endpoint, registry())) };
        let stop = CancellationToken::new();
        let running = tokio::spawn(process.run(grace(20_000), stop.clone()));
        assert!(home.load().is_err());
        stop.cancel();
        running.await.unwrap().unwrap();
        assert!(home.load().is_ok());
    }

    #[tokio::test]
    async fn a_process_whose_writer_ends_ends_with_a_failure() {
        let (home, world) = (Home::new(), World::new());
        let (serving, _) = world.start().await;
        let access_point = home.start().await;
        let handle = access_point.handle();
        let process = Process { access_point, serving, metrics: None };
        let running = tokio::spawn(process.run(grace(20_000), CancellationToken::new()));
        // A writer that panics ends its thread.
        let lost = handle.call(|_, _, _| -> Result<(), ()> { panic!("on purpose") }).await;
        assert!(lost.is_err());
        let ended = timeout(Duration::from_secs(20), running).await.unwrap().unwrap();
        assert!(matches!(ended, Err(writer::Error::Panicked)), "{ended:?}");
    }

    #[tokio::test]
    async fn an_end_is_bounded_when_a_stream_does_not_end() {
        let (home, world) = (Home::new(), World::new());
        let (serving, address) = world.start().await;
        let _watch = world.watch(address).await;
        let process = Process { access_point: home.start().await, serving, metrics: None };
        let stop = CancellationToken::new();
        stop.cancel();
        timeout(Duration::from_secs(20), process.run(grace(200), stop)).await.unwrap().unwrap();
    }
}

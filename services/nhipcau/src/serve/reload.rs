//! A newer release of the directory on SIGHUP: read whole, its tables included, and only then taken into use.

use std::{io, sync::Arc};

use nhipcau_indicators::Registry;
use nhipcau_runtime::{
    access_point::{Error, Reloader},
    config,
    telemetry::chain,
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    task::spawn_blocking,
};

use crate::registry;

/// What happens on SIGHUP.
pub(super) struct Reload {
    hangup: Signal,
    directory: config::Directory,
    registry: watch::Sender<Arc<Registry>>,
}

impl Reload {
    /// From now on a SIGHUP is kept instead of ending the process.
    ///
    /// # Errors
    /// When signals cannot be listened to.
    pub(super) fn listen(directory: config::Directory, registry: watch::Sender<Arc<Registry>>) -> io::Result<Self> {
        Ok(Self { hangup: signal(SignalKind::hangup())?, directory, registry })
    }

    /// Reloads at every signal, for ever. What is refused is logged and changes nothing.
    pub(super) async fn run(mut self, reloader: Reloader) {
        while self.hangup.recv().await.is_some() {
            match self.once(&reloader).await {
                Ok(true) => {}
                Ok(false) => tracing::info!("The directory has no newer release."),
                Err(error) => {
                    let error = chain(&*error).to_string();
                    tracing::error!(error, "The newer release was not taken; the one in use stays.");
                }
            }
        }
    }

    async fn once(&self, reloader: &Reloader) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
        let (files, directory) = (reloader.clone(), self.directory.clone());
        let read = move || -> Result<_, Box<dyn std::error::Error + Send + Sync>> {
            let Some(release) = files.newer()? else { return Ok(None) };
            let registry = registry::read(&directory, &release)?;
            Ok(Some((release, registry)))
        };
        let Some((release, registry)) = spawn_blocking(read).await?? else { return Ok(false) };
        // First what figures are checked against: a figure that a peer accepts by the newer release must fit here.
        self.registry.send_replace(Arc::new(registry));
        reloader.install(release).await.map_err(Box::<Error>::new)?;
        Ok(true)
    }
}

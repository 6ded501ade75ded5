//! Newer releases of the directory while the access point runs.
//!
//! In two steps, so that services can look at a release before it counts: what they cannot use, for instance because
//! a table is missing, is not taken and the one in use stays.

use std::sync::Arc;

use nhipcau_domain::directory::Release;
use nhipcau_messaging::{engine::Input, writer::Handle};
use tokio::sync::watch;

use super::Error;
use crate::{clock::Clock, config, directory};

/// Takes newer releases into use. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Reloader {
    pub(super) config: config::Directory,
    pub(super) clock: Clock,
    pub(super) releases: watch::Sender<Arc<Release>>,
    pub(super) handle: Handle,
}

impl Reloader {
    /// Verifies the directory's files again. Gives the newest release where it is newer than the one in use, or has
    /// more revoked.
    ///
    /// # Errors
    /// [`Error::Directory`] when a file is refused.
    pub fn newer(&self) -> Result<Option<Arc<Release>>, Error> {
        let release = directory::load(&self.config, self.clock.now(), true)?;
        let supersedes = release.supersedes(&self.releases.borrow());
        Ok(supersedes.then(|| Arc::new(release)))
    }

    /// Puts a release that came over the bus among the directory's files, so that a restart has it.
    ///
    /// # Errors
    /// [`Error::Directory`] when it cannot be written.
    pub fn keep(&self, release: &Release) -> Result<(), Error> {
        Ok(directory::keep(&self.config, release)?)
    }

    /// Takes a release into use, unless one as new is.
    ///
    /// # Errors
    /// [`Error::Stopped`] when the writer has ended.
    pub async fn install(&self, release: Arc<Release>) -> Result<(), Error> {
        let version = release.version();
        let supersedes = release.supersedes(&self.releases.borrow());
        if supersedes {
            self.handle.input(Input::Release(Arc::clone(&release))).await?;
            self.releases.send_replace(release);
            tracing::info!(version, "A newer directory release is in use.");
        }
        Ok(())
    }
}

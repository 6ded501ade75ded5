//! Newer releases of the directory while the access point runs.
//!
//! In two steps, so that services can look at a release before it counts: what they cannot use, for instance because
//! a table is missing, is not taken and the one in use stays.

use std::sync::Arc;

use nhipcau_domain::directory::Release;
use nhipcau_messaging::{engine::Input, writer::Handle};
use tokio::sync::watch;

use super::Error;
use crate::{clock::Clock, config, directory, keys};

/// Takes newer releases into use. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Reloader {
    pub(super) config: config::Directory,
    pub(super) keys: config::Keys,
    pub(super) clock: Clock,
    pub(super) releases: watch::Sender<Arc<Release>>,
    pub(super) handle: Handle,
}

impl Reloader {
    /// Verifies the directory's files again. Gives the newest release where it is newer than the one in use, or has
    /// more revoked or newer bulletins.
    ///
    /// # Errors
    /// [`Error::Directory`] when a file is refused.
    pub fn newer(&self) -> Result<Option<Arc<Release>>, Error> {
        let release = directory::load(&self.config, self.clock.now(), true)?;
        let supersedes = release.supersedes(&self.releases.borrow());
        Ok(supersedes.then(|| Arc::new(release)))
    }

    /// Puts a release that came over the bus, and the bulletins and revocations over it, among the directory's files,
    /// so that a restart has them.
    ///
    /// # Errors
    /// [`Error::Directory`] when it cannot be written.
    pub fn keep(&self, release: &Release) -> Result<(), Error> {
        let is_in_use = release.digest() == self.in_use().digest();
        let kept = if is_in_use { directory::keep_notices } else { directory::keep };
        Ok(kept(&self.config, release)?)
    }

    /// The release in use.
    #[must_use]
    pub fn in_use(&self) -> Arc<Release> {
        Arc::clone(&self.releases.borrow())
    }

    /// Takes a release into use, unless one as new is; first the sealing epochs whose private halves are there, so that
    /// what others seal to a new one can be opened.
    ///
    /// # Errors
    /// [`Error::Stopped`] when the writer has ended.
    pub async fn install(&self, release: Arc<Release>) -> Result<(), Error> {
        let version = release.version();
        let supersedes = release.supersedes(&self.releases.borrow());
        if supersedes {
            match keys::sealing(&self.keys.directory) {
                Ok(secrets) => self.handle.input(Input::Sealing(secrets)).await?,
                // A revocation must not wait for it.
                Err(error) => tracing::error!(%error, "The sealing keys cannot be read; those in memory stay."),
            }
            self.handle.input(Input::Release(Arc::clone(&release))).await?;
            let before = self.releases.send_replace(release).version();
            if before == version {
                tracing::info!(version, "More bulletins or revocations are in use.");
            } else {
                tracing::info!(version, "A newer directory release is in use.");
            }
        }
        Ok(())
    }
}

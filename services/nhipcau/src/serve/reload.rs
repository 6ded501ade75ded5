//! What services look up in a release of the directory, and a newer release, on SIGHUP or over the bus: read whole, its
//! tables included, and only then taken into use; likewise bulletins and revocations over the one in use. Rosters are
//! read by it again. Certificates, logins and systems are renewed beside it, and sealing epochs made.

use std::{io, sync::Arc};

use anyhow::Context as _;
use nhipcau_domain::{area::Areas, directory::Release, duty::Reader, id::AccessPointId, referral::UnitRef};
use nhipcau_indicators::Registry;
use nhipcau_runtime::{
    access_point::Reloader,
    clock::Clock,
    config::{self, Config},
    distribution::Arrival,
    rosters::{self, Rosters},
    telemetry::chain,
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{mpsc, watch},
    task::spawn_blocking,
};

use super::{parts::Sources, renewal::Renewal, rotation::Rotation};
use crate::registry::{self, Tables};

/// What happens on SIGHUP.
pub(super) struct Reload {
    hangup: Signal,
    directory: config::Directory,
    registry: watch::Sender<Arc<Registry>>,
    areas: watch::Sender<Arc<Areas>>,
    access_point: AccessPointId,
    duty: config::Duty,
    rosters: watch::Sender<Rosters>,
    clock: Clock,
}

impl Reload {
    /// From now on a SIGHUP is kept instead of ending the process.
    ///
    /// # Errors
    /// When signals cannot be listened to.
    pub(super) fn listen(
        config: &Config,
        Tables { registry, areas }: Tables,
        release: &Release,
        clock: &Clock,
    ) -> io::Result<Self> {
        let (place, by) = (&config.duty.rosters, Reader { access_point: &config.access_point, release });
        let (rosters, refused) = Rosters::load(place, by, None, clock.now());
        refused.iter().for_each(complain);
        rosters.remember(place).err().iter().for_each(forget);
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            directory: config.directory.clone(),
            registry: watch::Sender::new(registry),
            areas: watch::Sender::new(areas),
            access_point: config.access_point.clone(),
            duty: config.duty.clone(),
            rosters: watch::Sender::new(rosters),
            clock: clock.clone(),
        })
    }

    /// Who is on duty, by the rosters in use.
    pub(super) fn rosters(&self) -> watch::Receiver<Rosters> {
        self.rosters.subscribe()
    }

    /// What services look things up in.
    pub(super) fn sources(&self, releases: watch::Receiver<Arc<Release>>) -> Sources {
        let (access_point, duty) = (self.access_point.clone(), (self.rosters.subscribe(), self.duty.wait));
        Sources { registry: self.registry.subscribe(), areas: self.areas.subscribe(), access_point, releases, duty }
    }

    /// Reloads at every signal and takes what arrives, for ever. What is refused is logged and changes nothing.
    pub(super) async fn run(
        mut self,
        reloader: Reloader,
        (mut renewal, mut rotation): (Renewal, Rotation),
        mut arrivals: mpsc::Receiver<Arrival>,
    ) {
        loop {
            let mut is_asked = false;
            let is_new = tokio::select! {
                Some(()) = self.hangup.recv() => {
                    is_asked = true;
                    let is_new = self.told(&reloader).await;
                    if !is_new {
                        tracing::info!("The directory has no newer release.");
                    }
                    renewal.renew().await;
                    is_new
                }
                () = rotation.due() => true,
                () = renewal.due() => {
                    renewal.look().await;
                    false
                }
                Some(arrival) = arrivals.recv() => {
                    let taken = self.keep(&reloader, &arrival).await;
                    let is_new = taken.is_ok();
                    arrival.answer(taken.map_err(|error| format!("{error:#}")));
                    is_new
                }
                else => return,
            };
            // What is newly in use may have ended an own epoch.
            if is_new && rotation.look(&reloader.in_use()).await {
                self.told(&reloader).await;
            }
            if is_new || is_asked {
                self.read_rosters(reloader.in_use()).await;
            }
        }
    }

    /// Reads every roster by the release in use. What is refused is logged; the one in use stays if it still counts.
    async fn read_rosters(&self, release: Arc<Release>) {
        let (place, before, now) = (self.duty.rosters.clone(), self.rosters.borrow().clone(), self.clock.now());
        let access_point = self.access_point.clone();
        let load = move || {
            let by = Reader { access_point: &access_point, release: &release };
            let (rosters, refused) = Rosters::load(&place, by, Some(&before), now);
            let remembered = rosters.remember(&place);
            (rosters, refused, remembered)
        };
        let Ok((rosters, refused, remembered)) = spawn_blocking(load).await else { return };
        refused.iter().for_each(complain);
        remembered.err().iter().for_each(forget);
        let before = self.rosters.send_replace(rosters.clone());
        for UnitRef { party, unit } in rosters.gone(&before) {
            tracing::warn!(%party, %unit, "The roster of a unit is gone; nobody is told there any more.");
        }
    }

    /// Reloads, and logs what is refused; false when there was nothing.
    async fn told(&self, reloader: &Reloader) -> bool {
        self.once(reloader).await.unwrap_or_else(|error| {
            let error = format!("{error:#}");
            tracing::error!(error, "The newer release was not taken; the one in use stays.");
            true
        })
    }

    /// Keeps what came over the bus only if services can use it, since a restart must not fail on it; from then on it
    /// is like any other release among the files.
    async fn keep(&self, reloader: &Reloader, arrival: &Arrival) -> anyhow::Result<()> {
        let (files, directory, release) = (reloader.clone(), self.directory.clone(), Arc::clone(arrival.release()));
        let keep = move || -> anyhow::Result<()> {
            if release.digest() != files.in_use().digest() {
                registry::read(&directory, &release)?;
            }
            Ok(files.keep(&release)?)
        };
        spawn_blocking(keep).await.context("keeping the release")??;
        self.once(reloader).await?;
        Ok(())
    }

    /// Whether there was a newer release.
    async fn once(&self, reloader: &Reloader) -> anyhow::Result<bool> {
        let (files, directory) = (reloader.clone(), self.directory.clone());
        let read = move || -> anyhow::Result<_> {
            let Some(release) = files.newer()? else { return Ok(None) };
            let is_another = release.digest() != files.in_use().digest();
            let tables = is_another.then(|| registry::read(&directory, &release)).transpose()?;
            Ok(Some((release, tables)))
        };
        let Some((release, tables)) = spawn_blocking(read).await.context("reading the directory")?? else {
            return Ok(false);
        };
        // First what figures are checked against: what a peer accepts by the newer release must fit here.
        if let Some(tables) = tables {
            self.registry.send_replace(tables.registry);
            self.areas.send_replace(tables.areas);
        }
        reloader.install(release).await?;
        Ok(true)
    }
}

/// Says that a roster is not taken.
fn complain(refused: &rosters::Error) {
    let error = chain(refused).to_string();
    tracing::error!(error, "A roster was not taken; one of its unit that is in use stays while it counts.");
}

/// Says that it is not kept which rosters are in use. They are all the same.
fn forget(error: &rosters::Error) {
    let error = chain(error).to_string();
    tracing::error!(error, "Which roster is in use could not be kept; an older one may be taken after a restart.");
}

#[cfg(test)]
mod tests;

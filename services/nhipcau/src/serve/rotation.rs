//! The keys of the access point as time passes: sealing epochs made by schedule, and a word in time before a key ends
//! that nothing replaces by itself.
//!
//! What cannot be done is told to people and tried again at the next look; the present epoch goes on meanwhile.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use nhipcau_domain::{
    directory::Release,
    id::{AccessPointId, KeyId},
};
use nhipcau_messaging::{
    SystemEntropy,
    engine::{Alarm, AlarmKind},
};
use nhipcau_runtime::{
    clock::Clock,
    config::{self, Config},
    keys::{self, Occasion},
};
use tokio::{
    task::spawn_blocking,
    time::{Interval, MissedTickBehavior, interval},
};

use super::renewal;

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_hours(1);

/// The schedule of an access point's keys.
pub(super) struct Rotation {
    access_point: AccessPointId,
    keys: config::Keys,
    directory: config::Directory,
    clock: Clock,
    alarm: Box<dyn FnMut(Alarm) + Send>,
    looks: Interval,
    has_failed: bool,
    /// What was told of each key: how many days are left at most, and when.
    told: BTreeMap<KeyId, (i64, Timestamp)>,
}

impl Rotation {
    pub(super) fn new(config: &Config, clock: &Clock, alarm: Box<dyn FnMut(Alarm) + Send>) -> Self {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            access_point: config.access_point.clone(),
            keys: config.keys.clone(),
            directory: config.directory.clone(),
            clock: clock.clone(),
            alarm,
            looks,
            has_failed: false,
            told: BTreeMap::new(),
        }
    }

    /// Waits for the next look.
    pub(super) async fn due(&mut self) {
        self.looks.tick().await;
    }

    /// Makes and destroys the epochs that are due, and tells people of keys that end. True when there is a bulletin to
    /// be taken into use.
    pub(super) async fn look(&mut self, release: &Release) -> bool {
        let has_spoken = match self.keys.epoch {
            Some(_) => self.rotate().await,
            None => false,
        };
        self.look_ahead(release);
        has_spoken
    }

    async fn rotate(&mut self) -> bool {
        let (id, keys, directory) = (self.access_point.clone(), self.keys.clone(), self.directory.clone());
        let now = self.clock.now();
        let rotate = move || {
            let due = (Occasion::Schedule, keys.epoch.unwrap_or(keys::EPOCH));
            keys::rotate(&id, &keys.directory, &directory, due, now, &mut SystemEntropy)
        };
        match spawn_blocking(rotate).await {
            Ok(Ok(rotated)) => {
                self.has_failed = false;
                if let Some(epoch) = &rotated.made {
                    tracing::info!(key = %epoch.id, start = %epoch.start, "The next sealing epoch is announced.");
                }
                for key in &rotated.destroyed {
                    tracing::info!(%key, "The private half of an old sealing epoch was destroyed.");
                }
                rotated.bulletin.is_some()
            }
            Ok(Err(error)) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "The next sealing epoch could not be made or announced.");
                if !std::mem::replace(&mut self.has_failed, true) {
                    (self.alarm)(Alarm { kind: AlarmKind::RotationFailed, peer: None });
                }
                false
            }
            // The runtime ends.
            Err(_) => false,
        }
    }

    fn look_ahead(&mut self, release: &Release) {
        let now = self.clock.now();
        for (key, end) in ending(&self.access_point, &self.keys, release) {
            match renewal::due(end, now, self.told.get(&key).copied()) {
                Some(stage) if stage < i64::MAX => {
                    tracing::error!(%key, %end, "A key ends soon, or has ended, and nothing replaces it by itself.");
                    (self.alarm)(Alarm { kind: AlarmKind::KeyExpires, peer: None });
                    self.told.insert(key, (stage, now));
                }
                Some(_) => drop(self.told.remove(&key)),
                None => {}
            }
        }
    }
}

/// The keys that nothing replaces by itself, with their ends: the signing key, and without a schedule the last epoch.
pub(crate) fn ending(me: &AccessPointId, keys: &config::Keys, release: &Release) -> Vec<(KeyId, Timestamp)> {
    let signing = keys::signing(&keys.directory).ok();
    let signing = signing.and_then(|key| release.signing_key(me, key.id()));
    let mut ending: Vec<_> = signing.map(|key| (key.id.clone(), key.expire)).into_iter().collect();
    if keys.epoch.is_none() {
        let sealing = release.access_point(me).into_iter().flat_map(|me| me.sealing_keys());
        let last = sealing.filter(|key| key.revoked.is_none()).max_by_key(|key| key.expire);
        ending.extend(last.map(|key| (key.id.clone(), key.expire)));
    }
    ending
}

//! Certificates, the login at the broker and the systems that may call, renewed while the access point serves: when a
//! file changes, or on SIGHUP; and a word in time before a certificate ends.
//!
//! A file counts once two looks have found it the same, so that one that is being written is left alone. What cannot
//! be used is told to people and changes nothing.

use std::{collections::BTreeMap, fs, os::unix::fs::MetadataExt as _, path::PathBuf, time::Duration};

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use nhipcau_messaging::{
    engine::{Alarm, AlarmKind},
    nats,
};
use nhipcau_runtime::{clock::Clock, config::Config, server, validity};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::settings;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Days before its end from which on a certificate is told of, each once.
const AHEAD: [i64; 3] = [60, 30, 7];
/// How often one that has ended is told of again.
const AGAIN: SignedDuration = SignedDuration::from_hours(24);

/// What a file looked like: when it was changed, how long it was, and which one it was.
type Look = BTreeMap<PathBuf, Option<(i64, i64, u64, u64)>>;

/// When certificates end, as numbers for whoever watches.
#[derive(Debug, Clone, Default)]
pub(super) struct Ends(Family<Key, Gauge>);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Key {
    key: &'static str,
}

impl Ends {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let ends = Self::default();
        let help = "When the first certificate of a file expires, in seconds since 1970.";
        registry.register_with_unit("certificate_expiry_timestamp", help, Unit::Seconds, ends.0.clone());
        ends
    }
}

/// What is renewed, and by what.
pub(super) struct Renewal {
    source: Option<PathBuf>,
    config: Config,
    clock: Clock,
    server: server::Renewal,
    broker: nats::Renewal,
    page: Option<nhipcau_gateway::Renewal>,
    alarm: Box<dyn FnMut(Alarm) + Send>,
    ends: Ends,
    looks: Interval,
    /// The files in use, and as they were found last.
    used: Look,
    found: Look,
    /// Why what was renewed last was not taken, each told once.
    refused: Vec<String>,
    /// What was told of each file: how many days are left at most, and when.
    told: BTreeMap<&'static str, (i64, Timestamp)>,
}

/// Where renewed things go.
pub(super) struct Targets {
    pub(super) server: server::Renewal,
    pub(super) broker: nats::Renewal,
    pub(super) page: Option<nhipcau_gateway::Renewal>,
    pub(super) alarm: Box<dyn FnMut(Alarm) + Send>,
    pub(super) ends: Ends,
}

impl Renewal {
    /// Renews what this configuration, read from that file, names.
    pub(super) fn new(source: Option<PathBuf>, config: &Config, clock: &Clock, targets: Targets) -> Self {
        let Targets { server, broker, page, alarm, ends } = targets;
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let used = look(source.as_ref(), config);
        let (config, clock, found, told) = (config.clone(), clock.clone(), used.clone(), BTreeMap::new());
        let refused = Vec::new();
        Self { source, config, clock, server, broker, page, alarm, ends, looks, used, found, refused, told }
    }

    /// Waits for the next look.
    pub(super) async fn due(&mut self) {
        self.looks.tick().await;
    }

    /// Looks at the files, and renews what has changed and come to rest.
    pub(super) async fn look(&mut self) {
        let found = look(self.source.as_ref(), &self.config);
        let is_at_rest = found == self.found;
        self.found = found;
        if is_at_rest && self.found != self.used {
            self.renew().await;
        }
        self.look_ahead();
    }

    /// Reads everything again and takes it into use. A login that was not let in is tried again at the next look.
    pub(super) async fn renew(&mut self) {
        let before = self.used.clone();
        self.used = look(self.source.as_ref(), &self.config);
        let (server, broker, page) = (self.renew_server(), self.renew_broker(&before).await, self.renew_page(&before));
        if let Err(error) = &broker
            && error.downcast_ref::<nats::Error>().is_some_and(|error| matches!(error, nats::Error::Connect(_)))
        {
            self.used = before;
        }
        let refused: Vec<_> =
            [server.err(), broker.err(), page.err()].into_iter().flatten().map(|e| format!("{e:#}")).collect();
        for error in refused.iter().filter(|error| !self.refused.contains(error)) {
            tracing::error!(error, "What was renewed could not be taken; what is in use stays.");
            (self.alarm)(Alarm { kind: AlarmKind::RenewalRefused, peer: None });
        }
        self.refused = refused;
    }

    fn renew_server(&mut self) -> anyhow::Result<()> {
        let config = settings::load(self.source.as_deref()).map_err(|failure| anyhow::anyhow!("{failure}"))?;
        let renewed = self.server.renew(&config.server, config.systems.clone(), self.clock.now());
        if renewed.context("the door")? {
            tracing::info!("Renewed certificates or systems are in use at the door.");
        }
        (self.config.server, self.config.systems) = (config.server, config.systems);
        Ok(())
    }

    async fn renew_broker(&mut self, before: &Look) -> anyhow::Result<()> {
        if self.is_changed("broker", before) {
            self.broker.renew().await.context("the broker")?;
            tracing::info!("A renewed login is in use at the broker.");
        }
        Ok(())
    }

    fn renew_page(&self, before: &Look) -> anyhow::Result<()> {
        let page = self.page.as_ref().zip(self.config.duty.page.as_ref());
        if let Some((page, config)) = page.filter(|_| self.is_changed("duty_page", before)) {
            page.renew(config).context("the duty page")?;
            tracing::info!("A renewed certificate is in use at the duty page.");
        }
        Ok(())
    }

    /// Whether a file whose key begins so is another than before.
    fn is_changed(&self, section: &str, before: &Look) -> bool {
        let files = self.config.files().into_iter().filter(|file| file.key.starts_with(section));
        files.map(|file| file.path).any(|path| before.get(path) != self.used.get(path))
    }

    /// Tells people of certificates that end soon, and shows when.
    fn look_ahead(&mut self) {
        let now = self.clock.now();
        for file in self.config.files() {
            let Some(end) = validity::of_file(file.path).ok().and_then(|all| all.iter().map(|it| it.end).min()) else {
                continue;
            };
            self.ends.0.get_or_create(&Key { key: file.key }).set(end.as_second());
            let told = self.told.get(file.key).copied();
            match due(end, now, told) {
                Some(stage) if stage < i64::MAX => {
                    tracing::error!(file = file.key, %end, "A certificate expires soon, or has expired.");
                    (self.alarm)(Alarm { kind: AlarmKind::CertificateExpires, peer: None });
                    self.told.insert(file.key, (stage, now));
                }
                // Renewed.
                Some(_) => drop(self.told.remove(file.key)),
                None => {}
            }
        }
    }
}

/// Whether it is to be told that something ends: the days left at most, 0 when it has ended. `i64::MAX` when what was
/// told holds no more.
pub(super) fn due(end: Timestamp, now: Timestamp, told: Option<(i64, Timestamp)>) -> Option<i64> {
    let left = end.duration_since(now);
    let stage = if left.is_positive() {
        AHEAD.into_iter().rev().find(|days| left <= SignedDuration::from_hours(24 * days)).unwrap_or(i64::MAX)
    } else {
        0
    };
    let is_told = match told {
        None => stage == i64::MAX,
        Some((before, at)) => stage == before && (stage > 0 || now.duration_since(at) < AGAIN),
    };
    (!is_told).then_some(stage)
}

fn look(source: Option<&PathBuf>, config: &Config) -> Look {
    let files = config.files().into_iter().map(|file| file.path.to_owned());
    let look = |path: PathBuf| {
        let facts = fs::metadata(&path).ok();
        let facts = facts.map(|facts| (facts.mtime(), facts.mtime_nsec(), facts.len(), facts.ino()));
        (path, facts)
    };
    files.chain(source.cloned()).map(look).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_told_once_at_each_distance_and_daily_afterwards() {
        let now: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        let days = |days: i64| now + SignedDuration::from_hours(24 * days);
        let at = |left: i64, told: Option<i64>| due(days(left), now, told.map(|stage| (stage, now)));
        assert_eq!(
            [61, 60, 31, 30, 8, 7, 1, 0, -1].map(|left| at(left, None)),
            [None, Some(60), Some(60), Some(30), Some(30), Some(7), Some(7), Some(0), Some(0)]
        );
        assert_eq!([60, 59, 30].map(|left| at(left, Some(60))), [None, None, Some(30)]);
        assert_eq!(at(400, Some(7)), Some(i64::MAX), "it was renewed");
        let day = SignedDuration::from_hours(24);
        assert_eq!(due(now, now + day, Some((0, now))), Some(0));
        assert_eq!(due(now, now + day / 2, Some((0, now))), None);
    }
}

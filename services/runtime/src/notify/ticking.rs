//! Who sees to notices: on fixed ticks, so that what leaves at night says nothing about when a case arrived, all that
//! was put down and counts still is told.
//!
//! What cannot be told is tried again with growing pauses for as long as it counts, and people hear of it once. The
//! pauses are forgotten with the process; the notices are not. Nothing that fails keeps anything else out: what failed
//! less often goes first, and each way has the time of a tick for itself, however slow another is.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{
    StreamExt as _,
    future::{BoxFuture, join_all},
    stream,
};
use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::{
    duty::{Person, Roster},
    referral::{PersonRef, UnitRef},
};
use nhipcau_messaging::engine::{Alarm, AlarmKind};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};
use tokio::{sync::watch, time::sleep};
use uuid::Uuid;

use super::{Error, Notice, Notifiers, Word};
use crate::{clock::Clock, rosters::Rosters, telemetry::chain};

/// Ticks are at whole multiples of this.
pub const EVERY: SignedDuration = SignedDuration::from_secs(30);
/// For so long a way begins attempts in a tick; with the longest attempt behind it, it is ready for the next.
const BEGIN: Duration = Duration::from_secs(10);
/// Notices told at once by one way.
const AT_ONCE: usize = 8;
/// After so many failures people hear of it; of what nobody can be reached by, at once.
const PATIENCE: u32 = 3;
/// Longest pause between two attempts.
const LONGEST: SignedDuration = SignedDuration::from_mins(8);

/// A notice that was put down and not told yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Its id.
    pub id: Uuid,
    /// At which unit.
    pub unit: UnitRef,
    /// Whom to tell.
    pub person: PersonRef,
}

/// A part of what was put down, in the order in which it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// What is in it.
    pub pending: Vec<Pending>,
    /// Where it ends; none when nothing is behind it.
    pub next: Option<Mark>,
}

/// Where a page ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// When its last notice was put down, in microseconds since 1970.
    pub time: i64,
    /// That notice.
    pub id: Uuid,
}

/// The store did not answer; it is asked again at the next tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the notices could not be read or marked")]
pub struct Failed;

/// Where notices are put down.
pub trait Outbox: Send + Sync {
    /// What was put down, not told yet, and counts still: a page behind another, the oldest first.
    ///
    /// # Errors
    /// [`Failed`].
    fn unsent(&self, after: Option<Mark>) -> BoxFuture<'_, Result<Page, Failed>>;

    /// A notice was told.
    ///
    /// # Errors
    /// [`Failed`]; it is told again.
    fn sent(&self, notice: Uuid) -> BoxFuture<'_, Result<(), Failed>>;
}

/// What became of notices, shown on the page of metrics. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Counts(Arc<Numbers>);

#[derive(Debug, Default)]
struct Numbers {
    told: AtomicU64,
    failed: AtomicU64,
    waiting: AtomicU64,
}

impl Collector for Counts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let told = ("duty_notices_told", "Notices to people on duty that were told.", read(&self.0.told));
        let failed = ("duty_notices_failed", "Attempts to tell people on duty that failed.", read(&self.0.failed));
        for (name, help, value) in [told, failed] {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            ConstCounter::new(value).encode(metric)?;
        }
        let help = "Notices to people on duty that failed and are tried again.";
        let metric = encoder.encode_descriptor("duty_notices_waiting", help, None, MetricType::Gauge)?;
        ConstGauge::new(read(&self.0.waiting)).encode(metric)
    }
}

/// A notice that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Trouble {
    attempts: u32,
    next: Timestamp,
    is_said: bool,
}

/// What an attempt needs; many are made at once.
struct Ways<O> {
    outbox: O,
    rosters: watch::Receiver<Rosters>,
    notifiers: Notifiers,
    clock: Clock,
}

/// Sees to notices.
pub struct Ticking<O> {
    ways: Ways<O>,
    /// [`BEGIN`].
    pub(super) begin: Duration,
    counts: Counts,
    alarm: Box<dyn FnMut(Alarm) + Send>,
    troubles: BTreeMap<Uuid, Trouble>,
}

impl<O: Outbox> Ticking<O> {
    /// Sees to what is put down in `outbox`.
    #[must_use]
    pub fn new(
        outbox: O,
        rosters: watch::Receiver<Rosters>,
        notifiers: Notifiers,
        clock: Clock,
        alarm: Box<dyn FnMut(Alarm) + Send>,
    ) -> Self {
        let (counts, troubles) = (Counts::default(), BTreeMap::new());
        Self { ways: Ways { outbox, rosters, notifiers, clock }, begin: BEGIN, counts, alarm, troubles }
    }

    /// What became of notices.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts.clone()
    }

    /// Ticks for ever.
    pub async fn run(mut self) {
        loop {
            sleep(until_next(self.ways.clock.now())).await;
            self.tick().await;
        }
    }

    /// Tells what is to be told now.
    pub async fn tick(&mut self) {
        let now = self.ways.clock.now();
        let Ok(due) = self.due(now).await else {
            tracing::error!("The notices to people on duty could not be read.");
            return;
        };
        let (rounds, unreached) = self.ways.sorted(due, now);
        for notice in unreached {
            self.failed(notice, &Error::NoWay, now);
        }
        let (ways, begin) = (&self.ways, self.begin);
        let results = join_all(rounds.into_values().map(|round| ways.round(round, begin))).await;
        for (notice, result) in results.into_iter().flatten() {
            match result {
                Ok(()) => self.told(notice),
                Err(error) => self.failed(notice, &error, now),
            }
        }
        self.counts.0.waiting.store(self.troubles.len() as u64, Ordering::Relaxed);
    }

    /// All that is to be told now: first what failed least often, of that the oldest.
    async fn due(&mut self, now: Timestamp) -> Result<Vec<Pending>, Failed> {
        let (mut due, mut known, mut after) = (Vec::new(), BTreeSet::new(), None);
        loop {
            let page = self.ways.outbox.unsent(after).await?;
            known.extend(page.pending.iter().map(|pending| pending.id));
            let is_due = |pending: &Pending| self.troubles.get(&pending.id).is_none_or(|it| it.next <= now);
            due.extend(page.pending.into_iter().filter(is_due));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        self.troubles.retain(|id, _| known.contains(id));
        due.sort_by_key(|pending| self.troubles.get(&pending.id).map_or(0, |trouble| trouble.attempts));
        Ok(due)
    }

    fn told(&mut self, notice: Uuid) {
        self.troubles.remove(&notice);
        self.counts.0.told.fetch_add(1, Ordering::Relaxed);
    }

    fn failed(&mut self, notice: Uuid, error: &Error, now: Timestamp) {
        self.counts.0.failed.fetch_add(1, Ordering::Relaxed);
        let is_unreachable = matches!(error, Error::NoWay);
        let trouble = self.troubles.entry(notice).or_insert(Trouble { attempts: 0, next: now, is_said: false });
        trouble.attempts = trouble.attempts.saturating_add(1);
        let pause = SignedDuration::from_secs(EVERY.as_secs() << trouble.attempts.saturating_sub(1).min(8));
        // Not behind the tick for which it was meant, should this one have begun late.
        trouble.next = now + pause.min(LONGEST) - EVERY / 2;
        let (attempts, error) = (trouble.attempts, &chain(error));
        tracing::warn!(%notice, attempts, %error, "Somebody on duty could not be told.");
        if !trouble.is_said && (trouble.attempts >= PATIENCE || is_unreachable) {
            trouble.is_said = true;
            (self.alarm)(Alarm { kind: AlarmKind::DutyNoticeUndelivered, peer: None });
        }
    }
}

impl<O: Outbox> Ways<O> {
    /// What goes by each way, and whom none reaches.
    fn sorted(&self, due: Vec<Pending>, now: Timestamp) -> (BTreeMap<Box<str>, Vec<Notice>>, Vec<Uuid>) {
        let rosters = self.rosters.borrow();
        let (mut rounds, mut unreached) = (BTreeMap::<_, Vec<_>>::new(), Vec::new());
        for Pending { id, unit, person } in due {
            let roster = rosters.of(&unit).flatten();
            let place = roster.and_then(|roster| place(roster, &person, now));
            let Some(place) = place.filter(|place| self.notifiers.has(&place.channel)) else {
                unreached.push(id);
                continue;
            };
            let (channel, address) = (place.channel.clone(), place.address.clone());
            rounds.entry(channel.clone()).or_default().push(Notice {
                id,
                word: Word::Waiting,
                unit,
                person,
                channel,
                address,
            });
        }
        (rounds, unreached)
    }

    /// Tells by one way what can be begun in the time; the rest is for the next tick.
    async fn round(&self, notices: Vec<Notice>, time: Duration) -> Vec<(Uuid, Result<(), Error>)> {
        let attempt = |notice: Notice| self.attempt(notice);
        stream::iter(notices).take_until(sleep(time)).map(attempt).buffer_unordered(AT_ONCE).collect().await
    }

    async fn attempt(&self, notice: Notice) -> (Uuid, Result<(), Error>) {
        // Of the attempt, not of the tick: a receiver refuses what is old.
        let result = self.notifiers.tell(&notice, self.clock.now()).await;
        if result.is_ok() && self.outbox.sent(notice.id).await.is_err() {
            // It is told again, under the same id.
            tracing::error!("A notice was told and could not be marked.");
        }
        (notice.id, result)
    }
}

/// Where a roster has somebody: in a shift of now, or else in the last that has begun, or else in any.
pub(super) fn place<'r>(roster: &'r Roster, person: &PersonRef, now: Timestamp) -> Option<&'r Person> {
    let is_meant = |it: &&Person| it.person == *person;
    let begun = roster.shifts().iter().rev().filter(|shift| shift.start <= now);
    let mut of_any = begun.chain(roster.shifts()).flat_map(|shift| &shift.people);
    roster.on_duty(now).find(is_meant).or_else(|| of_any.find(is_meant))
}

/// How long until the next whole multiple.
fn until_next(now: Timestamp) -> Duration {
    let every = EVERY.as_millis();
    let left = every - i128::from(now.as_millisecond()).rem_euclid(every);
    Duration::from_millis(left.try_into().unwrap_or_default())
}

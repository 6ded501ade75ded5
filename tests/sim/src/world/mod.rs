//! One run: everything that a seed stands for, and the loop that lets it happen.
//!
//! A run has two times: trouble, in which callers ask and everything breaks, and healing, in which nothing breaks
//! any more and everything that was accepted must come to its end within a bound.

mod callers;
mod ending;
mod insider;
mod nemesis;
mod network;
mod parts;
mod reconciling;
mod running;
mod schemes;

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use jiff::{SignedDuration, Timestamp};
use nhipcau_messaging::engine::{AlarmKind, PublishResult};

use self::{
    callers::Request,
    parts::{AccessPoint, Process, Publish, Rates},
    schemes::Scheme,
};
use crate::{
    Point,
    adapter::BRANCHES,
    bus::{Bus, Delivery},
    checker::Checker,
    coverage::{BLOBS, Coverage, Fault, RECONCILED, TIMERS},
    directory::Programme,
    injection::Enemy,
    prng::Prng,
    queue::{MILLI, Micros, Queue, SECOND},
    trace::Trace,
};

/// Time after which a run that has not drained has failed.
const DRAIN_WITHIN: Micros = 600 * SECOND;

/// Events after which a run goes round in circles.
const EVENTS_LIMIT: u64 = 3_000_000;

/// How many access points may lose history in one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Losses {
    /// At most one access point's store is put back or lives twice.
    One,
    /// Any number of them, at any time. What each has lost of the other may then be gone everywhere, and histories meet
    /// that no store has seen together.
    Many,
    /// Many in every third seed, else one.
    #[default]
    ManyInThird,
}

impl Losses {
    /// Whether any number may lose history in a seed's run.
    fn many_in(self, seed: u64) -> bool {
        match self {
            Self::One => false,
            Self::Many => true,
            Self::ManyInThird => seed % 3 == 2,
        }
    }
}

/// What to run.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The seed.
    pub seed: u64,
    /// How many access points; the seed decides when it is not said.
    pub access_points: Option<usize>,
    /// How many access points may lose history.
    pub losses: Losses,
    /// Whether to keep the trace's lines.
    pub keep_trace: bool,
}

/// How a run went.
#[derive(Debug)]
pub struct Summary {
    /// The seed.
    pub seed: u64,
    /// What went wrong, if anything.
    pub failure: Option<String>,
    /// Stands for the trace.
    pub digest: u64,
    /// The trace, if it was kept.
    pub trace: Vec<String>,
    /// Faults and branches.
    pub coverage: Coverage,
    /// Messages that were committed.
    pub messages: u64,
    /// Messages that a rollback took everywhere.
    pub lost: u64,
    /// Effects on the disks at the end.
    pub effects: u64,
    /// Time from healing until everything was drained.
    pub drained_after: Micros,
}

/// What happens.
#[derive(Debug)]
enum Event {
    /// A process notices that time has passed.
    Tick(u64),
    /// A process works through what has come in.
    Group(u64),
    /// A publish arrives at the broker.
    Publish(Publish),
    /// The broker's answer arrives, or the wait for it ends.
    Published { process: u64, token: u64, result: PublishResult },
    /// A delivery arrives.
    Deliver(Point, Delivery),
    /// An acknowledgement arrives at the broker.
    Acknowledge(u64),
    /// A signal arrives.
    Signal { to: Point, from: Point, bytes: Rc<[u8]> },
    /// A caller thinks of something.
    Call,
    /// A caller asks, or asks again.
    Ask(u64),
    /// A case is erased.
    Erase(u32),
    /// Something breaks.
    Break,
    /// A scheme goes on, or with 0 another begins.
    Scheme(u64),
    /// The enemy puts something on the wire.
    Inject,
    /// An access point that is down starts.
    Start(Point),
    /// A release reaches an access point.
    Release(Point, usize),
    /// An access point begins a sealing epoch.
    Epoch(Point),
    /// The time of trouble is over.
    Heal,
    /// Is everything drained?
    Look,
    /// It was, a while ago.
    Conclude,
}

/// A run.
pub struct World {
    prng: Prng,
    queue: Queue<Event>,
    start: Timestamp,
    programme: Programme,
    rates: Rates,
    bus: Bus,
    enemy: Enemy,
    points: Vec<AccessPoint>,
    processes: BTreeMap<u64, Process>,
    next_process: u64,
    requests: BTreeMap<u64, Request>,
    revoked: BTreeSet<u32>,
    /// Whether any number of access points may lose history.
    many_losses: bool,
    /// The access point whose store was put back or lives twice, where only one may lose history.
    loser: Option<Point>,
    erased: BTreeSet<u32>,
    schemes: BTreeMap<u64, Scheme>,
    begun_schemes: u64,
    checker: Checker,
    coverage: Coverage,
    trace: Trace,
    alarms: BTreeMap<AlarmKind, u64>,
    healed_at: Option<Micros>,
    drained_after: Option<Micros>,
    is_over: bool,
}

/// What ends a run early, in words.
type Failure = String;

/// Runs a seed to its end.
#[must_use]
pub fn run(options: Options) -> Summary {
    let mut world = World::new(options);
    let failure = world.go().err();
    world.summary(options.seed, failure)
}

impl World {
    fn new(options: Options) -> Self {
        let mut prng = Prng::new(options.seed);
        let count = prng.index(4) + 3;
        let count = options.access_points.unwrap_or(count);
        let start: Timestamp = "2026-11-23T01:00:00Z".parse().expect("a time");
        let programme = Programme::new(&mut prng.split(), count, start);
        let rates = Rates::draw(&mut prng);
        let mut coverage = Coverage::default();
        Fault::ALL.iter().for_each(|fault| coverage.add(&format!("{fault:?}"), 0));
        BRANCHES.iter().chain(&BLOBS).chain(&RECONCILED).chain(&TIMERS).for_each(|branch| coverage.add(branch, 0));
        let points = (0..count).map(|_| AccessPoint::draw(&mut prng, &mut coverage)).collect();
        let mut world = Self {
            queue: Queue::default(),
            start,
            programme,
            rates,
            bus: Bus::new(count),
            enemy: Enemy::new(prng.split(), count),
            points,
            processes: BTreeMap::new(),
            next_process: 0,
            requests: BTreeMap::new(),
            revoked: BTreeSet::new(),
            many_losses: options.losses.many_in(options.seed),
            loser: None,
            erased: BTreeSet::new(),
            schemes: BTreeMap::new(),
            begun_schemes: 0,
            checker: Checker::default(),
            coverage,
            trace: Trace::new(options.keep_trace),
            alarms: BTreeMap::new(),
            healed_at: None,
            drained_after: None,
            is_over: false,
            prng,
        };
        world.plan_trouble();
        world
    }

    fn plan_trouble(&mut self) {
        for point in 0..self.points.len() {
            let delay = self.prng.below(2 * SECOND);
            self.queue.plan(delay, Event::Start(point));
        }
        let trouble = self.prng.between(40, 95) * SECOND;
        self.queue.plan(SECOND, Event::Call);
        self.queue.plan(4 * SECOND, Event::Inject);
        self.plan_releases(trouble);
        self.plan_schemes();
        if self.prng.chance(333) {
            (self.rates.crash_before, self.rates.crash_after) = (0, 0);
        } else {
            self.queue.plan(3 * SECOND, Event::Break);
        }
        self.queue.plan(trouble, Event::Heal);
    }

    fn go(&mut self) -> Result<(), Failure> {
        let mut events: u64 = 0;
        while let Some(event) = self.queue.advance() {
            self.happen(event)?;
            events += 1;
            if events > EVENTS_LIMIT {
                return Err("the run goes round in circles".to_owned());
            }
            if self.is_over {
                return Ok(());
            }
        }
        Err("nothing happens any more".to_owned())
    }

    fn happen(&mut self, event: Event) -> Result<(), Failure> {
        match event {
            Event::Tick(process) => self.tick(process),
            Event::Group(process) => return self.group(process),
            Event::Publish(publish) => self.publish_arrives(publish),
            Event::Published { process, token, result } => self.published(process, token, result),
            Event::Deliver(point, delivery) => self.deliver(point, delivery),
            Event::Acknowledge(token) => self.acknowledge(token),
            Event::Signal { to, from, bytes } => self.signal_arrives(to, from, &bytes),
            Event::Call => self.call(),
            Event::Ask(number) => self.ask(number),
            Event::Erase(case) => self.erase_case(case),
            Event::Break => self.break_something(),
            Event::Scheme(number) => self.go_on(number),
            Event::Inject => self.inject(),
            Event::Start(point) => return self.start_point(point),
            Event::Release(point, release) => self.release_arrives(point, release),
            Event::Epoch(point) => self.begin_epoch(point),
            Event::Heal => self.heal(),
            Event::Look => return self.look(),
            Event::Conclude => return self.conclude(),
        }
        if self.bus.take_loss() {
            self.recount();
        }
        Ok(())
    }

    /// Whether the time of trouble is still on.
    fn is_troubled(&self) -> bool {
        self.healed_at.is_none()
    }

    /// Whether something with this rate happens now.
    fn happens(&mut self, per_mille: u64) -> bool {
        self.is_troubled() && per_mille > 0 && self.prng.chance(per_mille)
    }

    /// The clock of an access point.
    fn clock(&self, point: Point) -> Timestamp {
        let elapsed = i64::try_from(self.queue.now()).expect("a short run");
        self.start + SignedDuration::from_micros(elapsed + self.points[point].skew)
    }

    fn latency(&mut self) -> Micros {
        self.prng.between(MILLI, 12 * MILLI)
    }

    fn say(&mut self, what: std::fmt::Arguments<'_>) {
        self.trace.event(self.queue.now(), what);
    }

    fn summary(mut self, seed: u64, failure: Option<Failure>) -> Summary {
        if let Some(failure) = &failure {
            self.say(format_args!("FAILED {failure}"));
        }
        let running: Vec<u64> = self.processes.keys().copied().collect();
        running.iter().for_each(|process| self.count_branches(*process));
        let effects = self.processes.values().map(|process| process.disk.effects.len() as u64).sum();
        Summary {
            seed,
            failure,
            digest: self.trace.digest(),
            trace: self.trace.into_lines(),
            messages: self.checker.ledger.messages.len() as u64,
            lost: self.checker.ledger.lost.len() as u64,
            effects,
            coverage: self.coverage,
            drained_after: self.drained_after.unwrap_or_default(),
        }
    }
}

//! The parts of a world: access points, their processes, and how often what goes wrong.

use std::{
    collections::{BTreeSet, VecDeque},
    rc::Rc,
};

use nhipcau_messaging::engine::Kind;

use crate::{
    Point,
    adapter::{Node, Work},
    coverage::{Coverage, Fault},
    history::Disk,
    prng::Prng,
    queue::{Micros, SECOND},
};

/// A store as it once was, with what the checker knew of it.
#[derive(Debug, Clone)]
pub(super) struct Image {
    pub(super) bytes: Vec<u8>,
    pub(super) disk: Disk,
}

/// What an access point has beside its store.
#[derive(Debug)]
pub(super) struct AccessPoint {
    /// Number of its last start.
    pub(super) starts: u64,
    /// Index of its newest release.
    pub(super) release: usize,
    /// Which of its signing keys it uses.
    pub(super) signing: usize,
    /// Whether it has begun a sealing epoch of its own.
    pub(super) has_epoch: bool,
    /// Minor version of its program.
    pub(super) minor: u32,
    /// How far its clock is off, in microseconds.
    pub(super) skew: i64,
    /// Copies of its store, the newest first.
    pub(super) copies: VecDeque<Image>,
    /// Its store while nothing runs on it.
    pub(super) halted: Option<Image>,
    /// Nothing that it sends gets out before.
    pub(super) out_blocked: Micros,
    /// Nothing that is sent to it gets in before.
    pub(super) in_blocked: Micros,
}

impl AccessPoint {
    pub(super) fn draw(prng: &mut Prng, coverage: &mut Coverage) -> Self {
        let minor = u32::from(!prng.chance(300));
        if minor == 0 {
            coverage.fault(Fault::ProgramOld);
        }
        let mut skew = 0;
        if prng.chance(250) {
            coverage.fault(Fault::ClockWrong);
            skew = any_skew(prng);
        }
        Self {
            starts: 0,
            release: 0,
            signing: 0,
            has_epoch: false,
            minor,
            skew,
            copies: VecDeque::new(),
            halted: None,
            out_blocked: 0,
            in_blocked: 0,
        }
    }
}

/// Up to a day off, either way.
pub(super) fn any_skew(prng: &mut Prng) -> i64 {
    let day = 24 * 3_600 * SECOND;
    i64::try_from(prng.below(2 * day)).expect("two days") - i64::try_from(day).expect("a day")
}

/// A publish on its way to the broker.
#[derive(Debug)]
pub(super) struct Publish {
    pub(super) process: u64,
    pub(super) sender: Point,
    pub(super) kind: Kind,
    /// None for a broadcast.
    pub(super) recipient: Option<Point>,
    pub(super) bytes: Rc<[u8]>,
    pub(super) token: u64,
}

/// A running process of an access point.
pub(super) struct Process {
    pub(super) point: Point,
    pub(super) node: Node,
    pub(super) disk: Disk,
    /// What came in and waits for the next group.
    pub(super) pending: Vec<Work>,
    /// Whether the next group is planned.
    pub(super) is_planned: bool,
    /// It stands still until then.
    pub(super) paused_until: Micros,
    /// How often it had taken which branch when the trace was last told.
    pub(super) told: BTreeSet<(&'static str, u64)>,
}

/// How often, in a thousand, what goes wrong by itself. Every run has its own mixture.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rates {
    pub(super) crash_before: u64,
    pub(super) crash_after: u64,
    pub(super) publish_lost: u64,
    pub(super) answer_lost: u64,
    pub(super) delivery_lost: u64,
    pub(super) delivery_repeated: u64,
    pub(super) delivery_delayed: u64,
    pub(super) acknowledgement_lost: u64,
    pub(super) signal_lost: u64,
    pub(super) signal_repeated: u64,
    pub(super) signal_delayed: u64,
    /// Pause between two calls, in milliseconds.
    pub(super) call_pause: u64,
    /// Pause between two things that break, in milliseconds.
    pub(super) break_pause: u64,
    /// Pause between two injections, in milliseconds.
    pub(super) inject_pause: u64,
}

impl Rates {
    pub(super) fn draw(prng: &mut Prng) -> Self {
        let is_storm = prng.chance(200);
        let mut rate = |most| if prng.chance(600) { prng.between(1, most) } else { 0 };
        Self {
            crash_before: rate(12),
            crash_after: rate(12),
            publish_lost: rate(150),
            answer_lost: rate(150),
            delivery_lost: rate(150),
            delivery_repeated: rate(200),
            delivery_delayed: rate(200),
            acknowledgement_lost: rate(150),
            signal_lost: rate(300),
            signal_repeated: rate(200),
            signal_delayed: rate(200),
            call_pause: prng.between(150, 700),
            break_pause: if is_storm { prng.between(150, 500) } else { prng.between(700, 4_000) },
            inject_pause: prng.between(300, 3_000),
        }
    }
}

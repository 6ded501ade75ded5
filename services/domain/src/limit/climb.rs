//! Climbing the ladder: what the origin does for a need by itself while nobody answers, and when.
//!
//! The steps of all limits of a need are one ladder, in order of their times. A limit that could not be computed is a
//! step of its own that is due at once: who does not know how long somebody may be waited for asks the next level. A
//! step is climbed once; its number is the level of escalation.

use jiff::Timestamp;
use uuid::Uuid;

use crate::referral::{Branch, Revocation, State, Stop, UnitRef, View};

/// What is to be done for a need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Climb {
    /// Nothing, ever: it is served, or whoever opened it has ended it.
    Rest,
    /// Nothing before this time.
    Wait(Timestamp),
    /// The next level is turned to.
    Turn {
        /// Its number, from 1.
        level: u32,
        /// Whom the rule names; `None` for the parent of the unit that was last turned to.
        unit: Option<UnitRef>,
    },
}

/// A branch of the need as its origin holds it.
#[derive(Debug, Clone)]
pub struct Asked<'b> {
    branch: &'b Branch,
    view: View,
}

impl<'b> Asked<'b> {
    /// A branch as it stands.
    #[must_use]
    pub fn new(branch: &'b Branch) -> Self {
        Self { branch, view: branch.view() }
    }

    /// Whoever answered gave it back: what stopped there runs on for the need.
    fn was_handed_back(&self) -> bool {
        self.view.revocation == Some(Revocation::HandedBack)
    }

    /// It was carried out, or its origin says that the need is no more: nobody is to be asked in its place.
    fn is_settled(&self) -> bool {
        let is_met = self.view.revocation == Some(Revocation::NeedMet);
        matches!(self.view.state, State::Completed | State::Closed) || is_met || self.branch.is_over()
    }
}

struct Rung {
    time: Timestamp,
    unit: Option<UnitRef>,
    /// What makes it needless.
    stop: Stop,
}

/// What is due for a need at `now`; of the branches that were opened for it, in any order.
#[must_use]
pub fn climb(need: &[Asked<'_>], now: Timestamp) -> Climb {
    if need.iter().any(Asked::is_settled) {
        return Climb::Rest;
    }
    let climbed = need.iter().map(|asked| asked.view.escalation).max().unwrap_or(0);
    let is_running =
        |stop: Stop| need.iter().all(|asked| asked.was_handed_back() || asked.view.stopped(stop).is_none());
    let next = (1..).zip(ladder(need)).find(|(level, rung)| *level > climbed && is_running(rung.stop));
    match next {
        None => Climb::Rest,
        Some((_, rung)) if rung.time > now => Climb::Wait(rung.time),
        Some((level, rung)) => Climb::Turn { level, unit: rung.unit },
    }
}

/// The branch that hears of an escalation: the one that serves the need, or the last that somebody waits for.
#[must_use]
pub fn told(need: &[Asked<'_>]) -> Option<Uuid> {
    let waited_for = need.iter().filter(|asked| asked.view.state.is_waited_for());
    let latest = waited_for.max_by_key(|asked| (asked.view.state.is_assigned(), asked.branch.opening_time()));
    latest.map(|asked| asked.branch.ids().branch)
}

/// The steps of a need, the same however many branches it has: each carries on the limits of the first.
fn ladder(need: &[Asked<'_>]) -> Vec<Rung> {
    let first = need.iter().map(|asked| asked.branch).min_by_key(|branch| branch.opening_time());
    let Some(first) = first else { return Vec::new() };
    let (opening, opened) = (first.opening(), first.opening_time());
    let unknown =
        (!opening.limit_refusals.is_empty()).then_some(Rung { time: opened, unit: None, stop: Stop::Acknowledged });
    let steps = opening.time_limits.iter().flat_map(|limit| {
        limit.steps.iter().map(|step| Rung { time: step.time, unit: step.unit.clone(), stop: limit.stop })
    });
    let mut ladder: Vec<Rung> = unknown.into_iter().chain(steps).collect();
    ladder.sort_by_key(|rung| rung.time);
    ladder
}

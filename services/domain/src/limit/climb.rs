//! Climbing the ladder: what the origin does for a need by itself while nobody answers, and when.
//!
//! The steps of all limits of a need are one ladder. Limits that could not be computed are together one step that is
//! due at once, until somebody acknowledges: who does not know how long somebody may be waited for asks the next
//! level. A step is climbed once; its number is the level of escalation. An acknowledgement by telephone puts steps
//! off whose limits say so, until it is confirmed or the time for that has passed; then they are due as if nothing
//! had been said. Where the unit that was asked last says that nobody there is left to tell, and nobody elsewhere has
//! acknowledged, the next step is due at once, and that step alone: where nobody could be turned to then, those after
//! it stay where they are.

use jiff::Timestamp;
use uuid::Uuid;

use crate::referral::{Body, Branch, Event, LadderStep, Revocation, Side, State, Stop, TimeLimit, UnitRef, View};

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
        /// Whether that is before its time, because nobody is left to tell where the need is: it then counts only where
        /// somebody can be turned to.
        is_hastened: bool,
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

    /// It was carried out, or its origin says that nobody is to be asked in its place: the need is no more, or asking
    /// does harm.
    fn is_settled(&self) -> bool {
        matches!(self.view.state, State::Completed | State::Closed)
            || matches!(self.view.revocation, Some(Revocation::NeedMet | Revocation::Safety))
            || self.branch.is_over_as(&self.view)
    }

    /// Whether what a limit waits for came, from whoever still has the need, or as a rejection that is the last word.
    /// What somebody said who has it no more, such as that it is not theirs, stops nothing.
    fn has_stopped(&self, stop: Stop, is_last: bool) -> bool {
        let counts = self.view.state.is_waited_for() || self.view.state == State::Rejected && is_last;
        counts && self.view.stopped(stop).is_some()
    }

    fn says(&self, level: u32) -> bool {
        let events = self.branch.log(Side::Origin).events();
        events.iter().any(|event| matches!(event.body, Body::Escalated { level: said } if said == level))
    }

    /// Whether its unit says that nobody there is left to tell, and no level was said since the origin knows of it: one
    /// word hastens one step.
    fn hastens(&self) -> bool {
        let [ours, theirs] = [Side::Origin, Side::Recipient].map(|side| self.branch.log(side).events());
        let said = theirs.iter().rfind(|event| matches!(event.body, Body::Unattended));
        let is_used = said.is_some_and(|said| {
            let is_after = |event: &&Event| event.seen_ordinal() >= said.ordinal;
            ours.iter().filter(is_after).any(|event| matches!(event.body, Body::Escalated { .. }))
        });
        self.view.is_unattended() && !is_used
    }

    /// The order in which branches were opened.
    fn place(&self) -> (Timestamp, Uuid) {
        (self.branch.opening_time(), self.branch.ids().branch)
    }
}

/// What limits that could not be computed count as, which together are one step. No rule has an empty name.
const UNKNOWN: &str = "";

struct Rung<'b> {
    time: Timestamp,
    unit: Option<UnitRef>,
    /// What makes it needless.
    stop: Stop,
    /// The limit whose step it is.
    rule: &'b str,
    /// The same; `None` for what could not be computed.
    limit: Option<&'b TimeLimit>,
}

impl Rung<'_> {
    /// When it is turned to, as far as it alone goes: in its time, or when whoever took the need by telephone has had
    /// theirs to confirm it. Of what was said in several branches the first word counts, also where it no longer
    /// stands.
    fn put_off(&self, need: &[Asked<'_>]) -> Timestamp {
        let Some(limit) = self.limit else { return self.time };
        let is_put_off = need.iter().any(|asked| asked.view.puts_off(limit).is_some());
        let until = need.iter().filter_map(|asked| asked.view.telephoned.as_ref()?.confirmed_by(limit)).min();
        until.filter(|_| is_put_off).map_or(self.time, |until| until.max(self.time))
    }
}

/// A level of the ladder of a need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// Its number, from 1.
    pub level: u32,
    /// When it is turned to.
    pub time: Timestamp,
    /// Whom the rule names; `None` for the parent of the unit that was last turned to.
    pub unit: Option<UnitRef>,
    /// What makes it needless.
    pub stop: Stop,
    /// The limit whose step it is; empty for the one step of all that could not be computed.
    pub rule: Box<str>,
    /// Whether it was said in one of the branches.
    pub is_reached: bool,
    /// When it is turned to instead, because somebody took the need by telephone and has time left to confirm it.
    pub put_off: Option<Timestamp>,
}

/// Every level of a need, of the branches that were opened for it, in any order.
#[must_use]
pub fn levels(need: &[Asked<'_>]) -> Vec<Level> {
    let ahead = ahead(need, &[]);
    let put_off = |level: u32| ahead.iter().find(|rung| rung.level == level).map(|rung| rung.time);
    let level = |(level, rung): (u32, Rung<'_>)| Level {
        level,
        time: rung.time,
        unit: rung.unit,
        stop: rung.stop,
        rule: rung.rule.into(),
        is_reached: need.iter().any(|asked| asked.says(level)),
        put_off: put_off(level).filter(|time| *time > rung.time),
    };
    (1..).zip(ladder(need)).map(level).collect()
}

/// What is due for a need at `now`; of the branches that were opened for it, in any order. Levels that are skipped
/// could be neither said nor turned to.
#[must_use]
pub fn climb(need: &[Asked<'_>], skipped: &[u32], now: Timestamp) -> Climb {
    match ahead(need, skipped).into_iter().next() {
        None => Climb::Rest,
        Some(next) if next.time > now => Climb::Wait(next.time),
        Some(Ahead { level, unit, own_time, .. }) => Climb::Turn { level, unit, is_hastened: own_time > now },
    }
}

/// When the next level is turned to, were somebody left to tell; `None` when that is not later than now.
#[must_use]
pub fn own_time(need: &[Asked<'_>], now: Timestamp) -> Option<Timestamp> {
    ahead(need, &[]).first().map(|next| next.own_time).filter(|time| *time > now)
}

/// A level that is still to be turned to.
struct Ahead {
    level: u32,
    /// When it is turned to.
    time: Timestamp,
    /// The same, were somebody left to tell.
    own_time: Timestamp,
    unit: Option<UnitRef>,
}

/// The levels that are still to be turned to, in their order. One that is put off waits no longer than any that comes
/// after it: none is passed over.
fn ahead(need: &[Asked<'_>], skipped: &[u32]) -> Vec<Ahead> {
    let latest = need.iter().map(|asked| asked.branch.opening_time()).max();
    // Units that were asked together are one: what one of them says is the last word when no other is waited for.
    let is_last = |asked: &Asked<'_>| {
        let time = asked.branch.opening_time();
        let mut others = need.iter().filter(|other| other.branch.opening_time() == time);
        latest == Some(time) && !others.any(|other| other.view.state.is_waited_for())
    };
    if need.iter().any(Asked::is_settled) {
        return Vec::new();
    }
    let ladder: Vec<(u32, Rung<'_>)> = (1..).zip(ladder(need)).collect();
    let is_said = |level: u32| need.iter().any(|asked| asked.says(level));
    let reached = ladder.iter().filter(|(level, _)| is_said(*level)).map(|(level, rung)| (rung.time, *level)).max();
    let is_running = |stop: Stop| !need.iter().any(|asked| asked.has_stopped(stop, is_last(asked)));
    let is_ahead = |(level, rung): &(u32, Rung<'_>)| {
        reached < Some((rung.time, *level)) && !skipped.contains(level) && is_running(rung.stop)
    };
    let mut rungs: Vec<_> = ladder.into_iter().filter(is_ahead).collect();
    rungs.sort_by_key(|(level, rung)| (rung.time, *level));
    let mut latest = Timestamp::MAX;
    let later_first = rungs.into_iter().rev().map(|(level, rung)| {
        latest = latest.min(rung.put_off(need));
        Ahead { level, time: latest, own_time: latest, unit: rung.unit }
    });
    let mut ahead: Vec<_> = later_first.collect();
    ahead.reverse();
    // The word hastens the next step, not the one behind a step that could not be turned to.
    if let (Some(next), Some(time), []) = (ahead.first_mut(), nobody_left(need), skipped) {
        next.time = next.time.min(time);
    }
    ahead
}

/// From when on whoever was asked last, and is waited for still, is not, because nobody there is left to tell, nor has
/// anybody elsewhere seen the need: by the origin's clock alone, whatever that of the unit says. Whoever took it by
/// telephone has their time to confirm it all the same.
fn nobody_left(need: &[Asked<'_>]) -> Option<Timestamp> {
    if need.iter().any(|asked| asked.has_stopped(Stop::Acknowledged, false)) {
        return None;
    }
    let waited_for = || need.iter().filter(|asked| asked.view.state.is_waited_for());
    let latest = waited_for().map(|asked| asked.branch.opening_time()).max()?;
    // Units that were asked together are one.
    if !waited_for().filter(|asked| asked.branch.opening_time() == latest).all(Asked::hastens) {
        return None;
    }
    let taken = need.iter().filter(|asked| asked.view.is_acknowledged_by_telephone());
    taken.filter_map(|asked| asked.view.confirmation_due()).chain([latest]).max()
}

/// The branch that hears of an escalation: the one that serves the need, or the last that somebody waits for.
#[must_use]
pub fn told(need: &[Asked<'_>]) -> Option<Uuid> {
    let waited_for = need.iter().filter(|asked| asked.view.state.is_waited_for());
    let latest = waited_for.max_by_key(|asked| (asked.view.state.is_assigned(), asked.place()));
    latest.map(|asked| asked.branch.ids().branch)
}

/// The steps of a need in the order of their levels. A branch carries on the limits of those before it, so that the
/// first that has a limit speaks for it, and what could be computed only later changes no earlier level.
fn ladder<'b>(need: &[Asked<'b>]) -> Vec<Rung<'b>> {
    let mut branches: Vec<_> = need.iter().collect();
    branches.sort_by_key(|asked| asked.place());
    let mut ladder: Vec<Rung<'b>> = Vec::new();
    let mut rules: Vec<&str> = Vec::new();
    for Asked { branch, .. } in branches {
        let (opening, opened) = (branch.opening(), branch.opening_time());
        let mut added: Vec<Rung<'b>> = Vec::new();
        if !opening.limit_refusals.is_empty() && !rules.contains(&UNKNOWN) {
            rules.push(UNKNOWN);
            added.push(Rung { time: opened, unit: None, stop: Stop::Acknowledged, rule: UNKNOWN, limit: None });
        }
        for limit in &opening.time_limits {
            if rules.contains(&&*limit.rule) {
                continue;
            }
            rules.push(&limit.rule);
            let (rule, stop) = (&*limit.rule, limit.stop);
            let step =
                |step: &LadderStep| Rung { time: step.time, unit: step.unit.clone(), stop, rule, limit: Some(limit) };
            added.extend(limit.steps.iter().map(step));
        }
        added.sort_by_key(|rung| rung.time);
        ladder.extend(added);
    }
    ladder
}

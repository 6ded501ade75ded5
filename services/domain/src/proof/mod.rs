//! What the two logs of a branch prove, told for somebody who was not there: who answered for the child when, and which
//! time limit or promise was broken.
//!
//! [`judge`] asks the same rules as both sides did at the time, and nothing else: the fold for state and
//! responsibility, the conditions of an event for what was lawful with what its writer knew, the time limits as the
//! side signed them with whose event they began. It knows neither signatures nor stores; whoever calls has checked that
//! the events are theirs, and says which of them were received. No finding is a guess: of what the logs do not tell,
//! nothing is said.
//!
//! Leaves out what no log tells: whether a person who is named really looked, what was done outside the system, and
//! what stands in a log beyond its last event here.

#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};

use crate::{
    reason,
    referral::{Branch, Effect, Entry, Event, EventKind, Replay, Side, TimeLimit, View, disclosure, guard},
};

/// How long a message may be without a receipt before its sender is alarmed.
pub const RECEIPT_WAIT: SignedDuration = SignedDuration::from_mins(15);

/// What the other side has said of an event of this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// That it holds it, by a receipt or by an event of its own that names it.
    Held,
    /// That it refused it for good.
    Refused,
}

/// Who answered for the child from an event on, until the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tenure {
    /// Who.
    pub side: Side,
    /// Since when, by the clock of who wrote the event.
    pub since: Timestamp,
    /// The event, by its log and position.
    pub by: (Side, u64),
}

/// Something that was promised, or is the law, and did not happen so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// A time limit passed before it was stopped.
    LimitBroken {
        /// Rule of the directory.
        rule: Box<str>,
        /// Its source.
        citation: String,
        /// By how much: until it was stopped or the branch ended, else until the time of the judgement.
        by: SignedDuration,
        /// It still runs.
        runs: bool,
    },
    /// No person had acknowledged by the time that a limit set for it.
    NoPerson {
        /// Rule of the directory.
        rule: Box<str>,
        /// Its source.
        citation: String,
        /// By how much.
        by: SignedDuration,
        /// Nobody has since.
        runs: bool,
    },
    /// The other side has not said within [`RECEIPT_WAIT`] that it holds an event, or refused it.
    Unreceipted {
        /// Whose event.
        side: Side,
        /// Its position.
        ordinal: u64,
        /// What it says.
        event: EventKind,
        /// It was refused.
        refused: bool,
    },
    /// A side counted the child as handed over by an event that the other side never took.
    ResponsibilityGap {
        /// Who counted so.
        side: Side,
        /// Position of its event.
        ordinal: u64,
        /// Since when.
        since: Timestamp,
    },
    /// Parts of the content were named for disclosure before the recipient's acceptance.
    DisclosedEarly {
        /// Whose event, lawful or not: nobody but the origin discloses.
        side: Side,
        /// Its position.
        ordinal: u64,
    },
    /// An event was not lawful even with what its writer knew.
    Unlawful {
        /// Whose event.
        side: Side,
        /// Its position.
        ordinal: u64,
        /// The rule against it, a constant of [`crate::reason`].
        reason: &'static str,
    },
}

impl Finding {
    /// Its stable name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::LimitBroken { .. } => "LIMIT_BROKEN",
            Self::NoPerson { .. } => "NO_PERSON",
            Self::Unreceipted { .. } => "UNRECEIPTED",
            Self::ResponsibilityGap { .. } => "RESPONSIBILITY_GAP",
            Self::DisclosedEarly { .. } => "DISCLOSED_EARLY",
            Self::Unlawful { .. } => "UNLAWFUL",
        }
    }
}

/// What the logs of a branch say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// State, limits and history.
    pub view: View,
    /// Who answered when, in order, the first from the opening on. No two of one side follow each other.
    pub tenures: Vec<Tenure>,
    /// What was broken.
    pub findings: Vec<Finding>,
}

/// Judges a branch at a time. `delivered` says what the other side has said of an event, by its log and position.
#[must_use]
pub fn judge(branch: &Branch, delivered: impl Fn(Side, u64) -> Option<Delivery>, at: Timestamp) -> Judgement {
    let view = branch.view();
    let tenures = tenures(branch, &view);
    let mut findings = limits(&view, at);
    findings.extend(handed(&tenures, &delivered));
    for side in Side::ALL {
        let mut known = replay(branch, &view);
        for event in branch.log(side).events() {
            findings.extend(unreceipted(event, delivered(side, event.ordinal), at));
            findings.extend(unlawful(&mut known, &view, event));
        }
    }
    Judgement { view, tenures, findings }
}

/// The history once more, event by event: who answers after each.
fn tenures(branch: &Branch, view: &View) -> Vec<Tenure> {
    let (mut replay, mut read) = (replay(branch, view), [0, 0]);
    let mut found: Vec<Tenure> = Vec::new();
    for entry in &view.history {
        let [origin, recipient] = &mut read;
        match entry.side {
            Side::Origin => *origin += 1,
            Side::Recipient => *recipient += 1,
        }
        let side = replay.to(*origin, *recipient).responsible();
        if found.last().is_none_or(|last| last.side != side) {
            found.push(Tenure { side, since: entry.time, by: (entry.side, entry.ordinal) });
        }
    }
    found
}

/// Reads beginnings of the two logs, each event once as far as their order allows.
fn replay<'a>(branch: &'a Branch, view: &'a View) -> Replay<'a> {
    let [origin, recipient] = Side::ALL.map(|side| branch.log(side).events());
    Replay::new((branch.opening(), &view.basis), origin, recipient)
}

/// Limits that passed, of the law and of what was agreed for the first person.
fn limits(view: &View, at: Timestamp) -> Vec<Finding> {
    let mut found = Vec::new();
    let runs = view.state.is_waited_for();
    // As both sides reckon: where a clock is not believed, everybody's time is put forward by as much, but what an
    // answer began is ended by an answer as that clock has it.
    let over = |limit: &TimeLimit, stopped: Option<Timestamp>, due: Timestamp| {
        let (end, is_answer) = match stopped {
            Some(stopped) => (stopped, true),
            None if runs => (at, false),
            None => ended(view),
        };
        let is_same_clock = is_answer && view.begun.iter().any(|begun| begun.rule == limit.rule);
        let end = if is_same_clock { end } else { view.by_the_clock_of(limit, end) };
        let by = end.duration_since(due);
        by.is_positive().then_some((by, runs && stopped.is_none()))
    };
    for limit in &view.time_limits {
        let (rule, citation) = (limit.rule.clone(), limit.citation.as_str().to_owned());
        if let Some((by, runs)) = over(limit, view.stopped(limit.stop), limit.due) {
            found.push(Finding::LimitBroken { rule: rule.clone(), citation: citation.clone(), by, runs });
        }
        let asks = !view.begun.iter().any(|begun| begun.rule == limit.rule);
        let person = over(limit, view.stops.acknowledged, limit.acknowledge_due);
        if let Some((by, runs)) = person.filter(|_| asks) {
            found.push(Finding::NoPerson { rule, citation, by, runs });
        }
    }
    found
}

/// When nobody was waited for any more, and whether by an answer. What is done with the branch later, such as closing
/// or recalling it, ends nothing again.
fn ended(view: &View) -> (Timestamp, bool) {
    let is_end = |entry: &&Entry| matches!(entry.effect, Effect::Took(state) if !state.is_waited_for());
    view.history
        .iter()
        .find(is_end)
        .map_or((view.state_time, false), |entry| (entry.time, entry.side == Side::Recipient))
}

/// Hand-overs of which the other side does not know. Whoever takes the child back knows it without a receipt.
fn handed(tenures: &[Tenure], delivered: &impl Fn(Side, u64) -> Option<Delivery>) -> Vec<Finding> {
    let is_unknown = |tenure: &&Tenure| {
        let (side, ordinal) = tenure.by;
        side != tenure.side && delivered(side, ordinal) != Some(Delivery::Held)
    };
    let gap = |tenure: &Tenure| {
        let (side, ordinal) = tenure.by;
        Finding::ResponsibilityGap { side, ordinal, since: tenure.since }
    };
    tenures.iter().skip(1).filter(is_unknown).map(gap).collect()
}

fn unreceipted(event: &Event, delivery: Option<Delivery>, at: Timestamp) -> Option<Finding> {
    let refused = delivery == Some(Delivery::Refused);
    let waits = delivery.is_none() && at.duration_since(event.time) > RECEIPT_WAIT;
    let (side, ordinal, event) = (event.side, event.ordinal, event.body.kind());
    (refused || waits).then_some(Finding::Unreceipted { side, ordinal, event, refused })
}

/// What is against an event with what its writer knew.
fn unlawful(known: &mut Replay<'_>, view: &View, event: &Event) -> Vec<Finding> {
    let own = event.ordinal.saturating_sub(1);
    let mut reasons = match (event.side, own) {
        (Side::Origin, 0) => {
            let parts: Vec<_> = event.parts.iter().map(|entry| entry.part).collect();
            let stage = disclosure::Stage { kind: view.kind, state: None, event: EventKind::Opened };
            disclosure::objections(stage, &parts, &view.basis, event.time)
        }
        (Side::Origin, _) => guard::objections(known.to(own, event.seen_ordinal()), event),
        (Side::Recipient, _) => guard::objections(known.to(event.seen_ordinal(), own), event),
    };
    let finding = |reason| match reason {
        reason::DISCLOSURE_TOO_EARLY => Finding::DisclosedEarly { side: event.side, ordinal: event.ordinal },
        reason => Finding::Unlawful { side: event.side, ordinal: event.ordinal, reason },
    };
    // Whatever it was broken with, a rule is broken once by an event.
    let mut seen = Vec::new();
    reasons.retain(|reason| {
        !seen.contains(reason) && {
            seen.push(*reason);
            true
        }
    });
    reasons.into_iter().map(finding).collect()
}

//! What is due, and why: the rule, its source, what started the limit and when, the days that were counted, what it
//! waits for, and how much is left.
//!
//! The times are those that were signed. The rules at hand only show where they come from, and whether they would still
//! come out so.

use jiff::{SignedDuration, Timestamp};
use nhipcau_proto::directory::v1::{self as pb, span};

use super::{
    Rules,
    calendar::{Calendars, Day},
    event::Start,
    reckon::end,
};
use crate::referral::{Stop, Text, TimeLimit, View};

/// How a limit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It runs, and so much is left.
    Running(SignedDuration),
    /// It runs and has passed, so long ago.
    Passed(SignedDuration),
    /// What it waited for came at this time, by the clock of who wrote it.
    Stopped {
        /// When.
        at: Timestamp,
        /// By how much too late, if it was.
        late: Option<SignedDuration>,
    },
    /// The branch has ended otherwise, and nothing is waited for.
    Ended,
}

/// One limit, explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Rule of the directory.
    pub rule: Box<str>,
    /// Its legal source.
    pub citation: Text,
    /// What started it: of one of the opening as its rule has it, `None` when the rules at hand do not have that any
    /// more; else the event that carries it.
    pub start_event: Option<Start>,
    /// When it began to run.
    pub start: Timestamp,
    /// When it ends.
    pub due: Timestamp,
    /// What stops it.
    pub stop: Stop,
    /// The days that were looked at, those that count and those that do not; empty when the limit runs by the clock, or
    /// when the rules at hand do not have it.
    pub days: Vec<Day>,
    /// How it stands.
    pub standing: Standing,
    /// Whether it would end at the same time by the rules at hand.
    pub is_as_ruled: bool,
}

/// Explains a limit of a branch as it stands at `at`.
#[must_use]
pub fn explain(limit: &TimeLimit, view: &View, rules: &Rules<'_>, at: Timestamp) -> Explanation {
    let rule = rules.each().find(|rule| *rule.time_limit == *limit.rule);
    let ruled = rule.and_then(|rule| end(rules, rule, rule.limit.as_ref()?, limit.start).ok());
    Explanation {
        rule: limit.rule.clone(),
        citation: limit.citation.clone(),
        start_event: match view.begun.iter().find(|begun| begun.rule == limit.rule) {
            Some(begun) => Some(Start::Written(begun.event)),
            None => rule.and_then(|rule| Start::of_event(&rule.start_event)),
        },
        start: limit.start,
        due: limit.due,
        stop: limit.stop,
        days: rule.map_or_else(Vec::new, |rule| days(rules, rule, limit)),
        standing: standing(limit, view, at),
        is_as_ruled: ruled == Some(limit.due),
    }
}

fn days(rules: &Rules<'_>, rule: &pb::TimeLimit, limit: &TimeLimit) -> Vec<Day> {
    let is_counted = matches!(rule.limit, Some(pb::Span { kind: Some(span::Kind::WorkingDays(_)) }));
    let calendars = is_counted.then(|| Calendars::named(rules, &rule.calendar)).flatten();
    calendars.map_or_else(Vec::new, |calendars| calendars.days(limit.start, limit.due))
}

fn standing(limit: &TimeLimit, view: &View, at: Timestamp) -> Standing {
    if let Some(at) = view.stopped(limit.stop) {
        return Standing::Stopped { at, late: (at > limit.due).then(|| at.duration_since(limit.due)) };
    }
    if !view.state.is_waited_for() {
        return Standing::Ended;
    }
    let left = limit.due.duration_since(view.by_the_clock_of(limit, at));
    if left.is_positive() { Standing::Running(left) } else { Standing::Passed(-left) }
}

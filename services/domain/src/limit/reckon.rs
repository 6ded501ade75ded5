//! Computing the limits of a branch, once: by its origin those that begin with the opening or before it, by its
//! recipient those that begin with an event of its own.
//!
//! A rule counts when it is of the contract, starts with something that holds for branches of this kind, and was in
//! force when it started. A further branch for the same need carries on the limits that earlier openings have, as they
//! are: nobody who waits gets a new clock because somebody else is asked. What an answer began is of its branch alone:
//! whoever is asked in its place has not answered.

use jiff::{SignedDuration, Timestamp};
use nhipcau_proto::directory::v1::{self as pb, span};

use super::{LIMITS, Rules, calendar::Calendars, event::Start, ladder};
use crate::{
    reason,
    referral::{Branch, CITATION, Draft, EventKind, Kind, LimitRefusal, Refusal, Stop, Text, TimeLimit, View},
};

/// Why a limit cannot be computed.
pub(super) type Refused = &'static str;

/// What is known of a need when a branch for it is opened.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Kind of the branch.
    pub kind: Kind,
    /// When the sender received the report.
    pub reported: Timestamp,
    /// When the first branch for the need was opened; for a new need, now.
    pub opened: Timestamp,
    /// Limits of the branches that were opened for the need before.
    pub begun: Vec<TimeLimit>,
}

/// What came of the rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reckoning {
    /// The limits, at most [`LIMITS`], each with its times in order.
    pub limits: Vec<TimeLimit>,
    /// What runs and could not be computed, at most [`LIMITS`].
    pub refused: Vec<LimitRefusal>,
}

/// Computes the limits of a branch.
///
/// A TRANSFER rests on law: one for which the directory has no rule in force has a refusal that says so.
#[must_use]
pub fn reckon(rules: &Rules<'_>, facts: &Facts) -> Reckoning {
    let mut reckoned = Reckoning { limits: carried(&facts.begun), refused: Vec::new() };
    for rule in rules.each() {
        let start = Start::of_event(&rule.start_event).filter(|start| start.is_of_opening(facts.kind));
        let Some(start) = start.map(|start| facts.instant(start)) else { continue };
        if is_in_force(rule, start) && reckoned.limits.iter().all(|limit| *limit.rule != *rule.time_limit) {
            reckoned.take(rule, limit(rules, rule, start));
        }
    }
    if facts.kind == Kind::Transfer && reckoned.is_empty() {
        reckoned.refuse("", Text::default(), reason::LIMIT_RULE_MISSING);
    }
    reckoned
}

/// Computes the limits that begin with an event which is about to be written in a branch that stands so: from its time,
/// by rules that the branch does not have yet, and that wait for something which does not come with it.
#[must_use]
pub fn begun(rules: &Rules<'_>, view: &View, event: &Draft) -> Reckoning {
    let (kind, mut reckoned) = (event.body.kind(), Reckoning::default());
    for rule in rules.each() {
        let start = Start::of_event(&rule.start_event);
        let is_new =
            start.is_some_and(|start| start.is_written_by(kind, view.kind)) && !view.has_rule(&rule.time_limit);
        if is_new && is_in_force(rule, event.time) && !has_come(view.kind, kind, Stop::last(&rule.stop_events)) {
            let limit = if is_bare(rule) { limit(rules, rule, event.time) } else { Err(reason::LIMIT_RULE_UNREADABLE) };
            reckoned.take(rule, limit);
        }
    }
    reckoned
}

/// Whether what a limit waits for comes with the event that would begin it, or came before. In a TRANSFER whoever
/// acknowledges has decided.
fn has_come(branch: Kind, event: EventKind, stop: Option<Stop>) -> bool {
    let decides = (branch, event) == (Kind::Transfer, EventKind::Acknowledged);
    let reached = if decides { Some(Stop::Decided) } else { Stop::of_event(event.name()) };
    stop.is_some_and(|stop| Some(stop) <= reached)
}

/// Whether a rule has nothing that leads to somebody's answer, as one has that starts with an answer.
fn is_bare(rule: &pb::TimeLimit) -> bool {
    rule.escalation.is_empty() && rule.acknowledge_within.is_none() && rule.telephone_confirmation.is_none()
}

impl Facts {
    /// What is known of a need for which these branches have been opened before; without any it begins now.
    #[must_use]
    pub fn of_need<'b>(
        kind: Kind,
        reported: Timestamp,
        now: Timestamp,
        before: impl IntoIterator<Item = &'b Branch>,
    ) -> Self {
        let mut facts = Self { kind, reported, opened: now, begun: Vec::new() };
        for branch in before {
            facts.opened = facts.opened.min(branch.opening_time());
            facts.begun.extend_from_slice(&branch.opening().time_limits);
        }
        facts
    }

    /// When something began, as far as that is believed: no limit begins after its branch was opened.
    fn instant(&self, start: Start) -> Timestamp {
        match start {
            Start::ReportReceived => self.reported.min(self.opened),
            Start::Opened(_) | Start::Written(_) => self.opened,
        }
    }
}

impl Reckoning {
    /// Whether nothing came of the rules.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.limits.is_empty() && self.refused.is_empty()
    }

    fn take(&mut self, rule: &pb::TimeLimit, limit: Result<TimeLimit, Refused>) {
        let is_full = self.limits.len() == LIMITS;
        match if is_full { Err(reason::TOO_MANY) } else { limit } {
            Ok(limit) => self.limits.push(limit),
            Err(reason) => self.refuse(&rule.time_limit, citation(rule).unwrap_or_default(), reason),
        }
    }

    fn refuse(&mut self, rule: &str, citation: Text, reason: Refused) {
        if self.refused.len() < LIMITS {
            self.refused.push(LimitRefusal { rule: rule.into(), citation, reason: reason.into() });
        }
    }
}

/// The limits of earlier branches, of each rule the one that began first.
fn carried(begun: &[TimeLimit]) -> Vec<TimeLimit> {
    let mut carried: Vec<TimeLimit> = Vec::new();
    for limit in begun {
        match carried.iter_mut().find(|earlier| earlier.rule == limit.rule) {
            Some(earlier) if limit.start < earlier.start => earlier.clone_from(limit),
            Some(_) => {}
            None => carried.push(limit.clone()),
        }
    }
    carried.truncate(LIMITS);
    carried
}

fn is_in_force(rule: &pb::TimeLimit, start: Timestamp) -> bool {
    let at = |time: &Option<prost_types::Timestamp>| {
        time.as_ref().and_then(|time| Timestamp::new(time.seconds, time.nanos).ok())
    };
    rule.validity.as_ref().is_some_and(|validity| {
        at(&validity.start_time).is_some_and(|from| from <= start)
            && at(&validity.expire_time).is_none_or(|expire| start < expire)
    })
}

fn limit(rules: &Rules<'_>, rule: &pb::TimeLimit, start: Timestamp) -> Result<TimeLimit, Refused> {
    let end = |span: &pb::Span| end(rules, rule, span, start);
    let due = end(rule.limit.as_ref().ok_or(reason::LIMIT_RULE_UNREADABLE)?)?;
    let steps = ladder::steps(rule, due, end)?;
    // What a rule does not say happens with what follows it, and nothing later than that.
    let escalate = steps.first().map_or(due, |step| step.time);
    let warn = rule.warn_after.as_ref().map_or(Ok(escalate), end)?.min(escalate);
    let confirmation = rule.telephone_confirmation.as_ref().map(duration).transpose()?;
    let acknowledge_due = rule.acknowledge_within.as_ref().map_or(Ok(warn), end)?.min(warn);
    let limit = TimeLimit {
        rule: rule.time_limit.as_str().into(),
        citation: citation(rule).ok_or(reason::LIMIT_RULE_UNREADABLE)?,
        stop: Stop::last(&rule.stop_events).ok_or(reason::LIMIT_RULE_UNREADABLE)?,
        start,
        acknowledge_due,
        warn,
        escalate,
        due,
        steps,
        confirmation,
    };
    if limit.is_ordered() { Ok(limit) } else { Err(reason::LIMIT_RULE_UNREADABLE) }
}

fn duration(span: &prost_types::Duration) -> Result<SignedDuration, Refused> {
    let nanos = SignedDuration::from_nanos(span.nanos.into());
    let span = SignedDuration::from_secs(span.seconds).checked_add(nanos);
    span.filter(SignedDuration::is_positive).ok_or(reason::LIMIT_RULE_UNREADABLE)
}

fn citation(rule: &pb::TimeLimit) -> Option<Text> {
    Text::read(&rule.legal_source, CITATION, "legal_source", &mut Refusal::default())
}

/// When a span of a rule ends that began at `start`.
pub(super) fn end(
    rules: &Rules<'_>,
    rule: &pb::TimeLimit,
    span: &pb::Span,
    start: Timestamp,
) -> Result<Timestamp, Refused> {
    match span.kind {
        Some(span::Kind::Elapsed(elapsed)) => {
            // In a checked release neither is negative, and their sum does not leave the range.
            let nanos = SignedDuration::from_nanos(elapsed.nanos.into());
            let elapsed = SignedDuration::from_secs(elapsed.seconds).checked_add(nanos);
            let end = elapsed.and_then(|elapsed| start.checked_add(elapsed).ok());
            end.filter(|end| *end >= start).ok_or(reason::LIMIT_RULE_UNREADABLE)
        }
        None | Some(span::Kind::WorkingDays(0)) => Err(reason::LIMIT_RULE_UNREADABLE),
        Some(span::Kind::WorkingDays(days)) => {
            let calendars = Calendars::named(rules, &rule.calendar).ok_or(reason::LIMIT_CALENDAR_MISSING)?;
            calendars.end(days, start).ok_or(reason::LIMIT_CALENDAR_ENDED)
        }
    }
}

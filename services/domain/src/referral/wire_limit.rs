//! Time limits, and what stands in place of one that could not be computed, as the contract writes them.

use jiff::SignedDuration;
use nhipcau_proto::referral::v1 as pb;

use super::{
    code::Stop,
    event::{LadderStep, LimitRefusal, TimeLimit},
    text::Text,
    violation::Refusal,
    wire::{CITATION, code, formatted, list, read_unit, reason_name, timestamp, write_time, write_unit},
};
use crate::{limit::STEPS, reason};

/// Reads a time limit.
pub(super) fn read_time_limit(value: &pb::TimeLimit, path: &str, refusal: &mut Refusal) -> Option<TimeLimit> {
    let rule = rule(&value.rule, path, refusal);
    let citation = Text::read(&value.citation, CITATION, &format!("{path}.citation"), refusal);
    let stop = code(Stop::from_wire(value.stop), &format!("{path}.stop"), refusal);
    let mut time = |time: &Option<_>, field| timestamp(time.as_ref(), &format!("{path}.{field}"), refusal);
    let start = time(&value.start_time, "start_time");
    let acknowledge = time(&value.acknowledge_due_time, "acknowledge_due_time");
    let warn = time(&value.warn_time, "warn_time");
    let escalate = time(&value.escalate_time, "escalate_time");
    let due = time(&value.due_time, "due_time");
    let confirmation = value.telephone_confirmation.as_ref();
    let confirmation = confirmation.and_then(|span| duration(span, &format!("{path}.telephone_confirmation"), refusal));
    let steps = list(&value.steps, STEPS, &format!("{path}.steps"), refusal, read_step);
    let is_whole = steps.len() == value.steps.len();
    let limit = TimeLimit {
        rule: rule?,
        citation: citation?,
        stop: stop?,
        start: start?,
        acknowledge_due: acknowledge?,
        warn: warn?,
        escalate: escalate?,
        due: due?,
        steps,
        confirmation,
    };
    if is_whole && !limit.is_ordered() {
        refusal.add(path, reason::TIME_LIMIT_ORDER);
    }
    Some(limit)
}

/// Encodes a time limit.
#[must_use]
pub fn write_time_limit(limit: &TimeLimit) -> pb::TimeLimit {
    let step = |step: &LadderStep| pb::LadderStep {
        step_time: Some(write_time(step.time)),
        unit: step.unit.as_ref().map(write_unit),
    };
    pb::TimeLimit {
        rule: limit.rule.to_string(),
        citation: limit.citation.as_str().to_owned(),
        stop: limit.stop.to_wire(),
        start_time: Some(write_time(limit.start)),
        acknowledge_due_time: Some(write_time(limit.acknowledge_due)),
        warn_time: Some(write_time(limit.warn)),
        escalate_time: Some(write_time(limit.escalate)),
        due_time: Some(write_time(limit.due)),
        steps: limit.steps.iter().map(step).collect(),
        telephone_confirmation: limit
            .confirmation
            .map(|span| prost_types::Duration { seconds: span.as_secs(), nanos: span.subsec_nanos() }),
    }
}

/// Reads a time limit that could not be computed.
pub(super) fn read_limit_refusal(value: &pb::LimitRefusal, path: &str, refusal: &mut Refusal) -> Option<LimitRefusal> {
    let rule = if value.rule.is_empty() { Some("".into()) } else { rule(&value.rule, path, refusal) };
    let citation = Text::read_or_empty(&value.citation, CITATION, &format!("{path}.citation"), refusal);
    let reason = reason_name(&value.reason, &format!("{path}.reason"), refusal);
    Some(LimitRefusal { rule: rule?, citation: citation?, reason: reason? })
}

/// Encodes a time limit that could not be computed.
#[must_use]
pub fn write_limit_refusal(refused: &LimitRefusal) -> pb::LimitRefusal {
    pb::LimitRefusal {
        rule: refused.rule.to_string(),
        citation: refused.citation.as_str().to_owned(),
        reason: refused.reason.to_string(),
    }
}

/// A length of time that is more than none.
fn duration(value: &prost_types::Duration, path: &str, refusal: &mut Refusal) -> Option<SignedDuration> {
    let is_span = value.seconds >= 0 && (0..1_000_000_000).contains(&value.nanos);
    let span = is_span.then(|| SignedDuration::new(value.seconds, value.nanos)).filter(|span| span.is_positive());
    formatted(span.ok_or(()), path, refusal)
}

fn rule(name: &str, path: &str, refusal: &mut Refusal) -> Option<Box<str>> {
    let is_name = (1..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    formatted(is_name.then(|| name.into()).ok_or(()), &format!("{path}.rule"), refusal)
}

fn read_step(value: &pb::LadderStep, path: &str, refusal: &mut Refusal) -> Option<LadderStep> {
    let time = timestamp(value.step_time.as_ref(), &format!("{path}.step_time"), refusal);
    let unit = match &value.unit {
        None => None,
        Some(unit) => Some(read_unit(Some(unit), &format!("{path}.unit"), refusal)?),
    };
    Some(LadderStep { time: time?, unit })
}

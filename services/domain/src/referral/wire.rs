//! Reading single values of the contract: each function returns the value or adds the violation at its path.

use std::collections::BTreeSet;

use jiff::Timestamp;
use nhipcau_proto::referral::v1 as pb;
use uuid::Uuid;

use super::{
    basis::{Basis, Consent},
    code::{Danger, Giver, Scope},
    event::{TimeLimit, UnitRef},
    text::Text,
    violation::Refusal,
};
use crate::{
    id::{PartyId, UnitId},
    reason,
};

pub(super) const CITATION: usize = 200;
const MOST_SCOPES: usize = 16;

/// 0001-01-01T00:00:00Z, the first second that a protobuf timestamp may name.
const EARLIEST: i64 = -62_135_596_800;

pub(super) fn required<T>(value: Option<T>, path: &str, refusal: &mut Refusal) -> Option<T> {
    if value.is_none() {
        refusal.add(path, reason::FIELD_REQUIRED);
    }
    value
}

/// A value in the documented syntax, or a violation.
pub(super) fn formatted<T, E>(value: Result<T, E>, path: &str, refusal: &mut Refusal) -> Option<T> {
    if value.is_err() {
        refusal.add(path, reason::FIELD_FORMAT);
    }
    value.ok()
}

pub(super) fn bytes<const N: usize>(value: &[u8], path: &str, refusal: &mut Refusal) -> Option<[u8; N]> {
    formatted(value.try_into(), path, refusal)
}

pub(super) fn uuid(value: &[u8], path: &str, refusal: &mut Refusal) -> Option<Uuid> {
    let uuid = bytes(value, path, refusal).map(Uuid::from_bytes)?;
    // All zeros name nothing.
    formatted((!uuid.is_nil()).then_some(uuid).ok_or(()), path, refusal)
}

/// A code that must be stated; an unknown number is a value of its own.
pub(super) fn code<C>(value: Option<C>, path: &str, refusal: &mut Refusal) -> Option<C> {
    required(value, path, refusal)
}

/// A list of codes, each of which must be stated.
pub(super) fn codes<C>(
    values: &[i32],
    most: usize,
    from_wire: fn(i32) -> Option<C>,
    path: &str,
    refusal: &mut Refusal,
) -> Vec<C> {
    if values.len() > most {
        refusal.add(path, reason::TOO_MANY);
    }
    let mut codes = Vec::with_capacity(values.len().min(most));
    for (index, value) in values.iter().enumerate().take(most) {
        codes.extend(code(from_wire(*value), &format!("{path}[{index}]"), refusal));
    }
    codes
}

/// Refuses whatever stands in a list a second time.
pub(super) fn unique<T: Ord>(values: &[T], path: &str, refusal: &mut Refusal) {
    let mut seen = BTreeSet::new();
    for (index, value) in values.iter().enumerate() {
        if !seen.insert(value) {
            refusal.add(format!("{path}[{index}]"), reason::FIELD_FORMAT);
        }
    }
}

/// A code that must be known.
pub(super) fn known<C: Copy>(
    value: Option<C>,
    is_known: fn(C) -> bool,
    path: &str,
    refusal: &mut Refusal,
) -> Option<C> {
    let value = required(value, path, refusal)?;
    if is_known(value) {
        return Some(value);
    }
    refusal.add(path, reason::CODE_UNKNOWN);
    None
}

pub(super) fn timestamp(
    value: Option<&prost_types::Timestamp>,
    path: &str,
    refusal: &mut Refusal,
) -> Option<Timestamp> {
    let value = required(value, path, refusal)?;
    let is_time = value.seconds >= EARLIEST && (0..1_000_000_000).contains(&value.nanos);
    let time = if is_time { Timestamp::new(value.seconds, value.nanos).ok() } else { None };
    if time.is_none() {
        refusal.add(path, reason::DATE_INVALID);
    }
    time
}

/// Encodes a time.
#[must_use]
pub fn write_time(time: Timestamp) -> prost_types::Timestamp {
    let (seconds, nanos) = (time.as_second(), time.subsec_nanosecond());
    let before = i64::from(nanos < 0);
    prost_types::Timestamp { seconds: seconds - before, nanos: if nanos < 0 { nanos + 1_000_000_000 } else { nanos } }
}

/// Reads a unit; its absence is a violation.
pub fn read_unit(value: Option<&pb::UnitRef>, path: &str, refusal: &mut Refusal) -> Option<UnitRef> {
    let value = required(value, path, refusal)?;
    unit_of(&value.party, &value.unit, path, refusal)
}

pub(super) fn unit_of(party: &str, unit: &str, path: &str, refusal: &mut Refusal) -> Option<UnitRef> {
    let party = formatted(PartyId::new(party), &format!("{path}.party"), refusal);
    let unit = formatted(UnitId::new(unit), &format!("{path}.unit"), refusal);
    Some(UnitRef { party: party?, unit: unit? })
}

/// Encodes a unit.
#[must_use]
pub fn write_unit(unit: &UnitRef) -> pb::UnitRef {
    pb::UnitRef { party: unit.party.to_string(), unit: unit.unit.to_string() }
}

/// Reads a lawful basis of a request or an event.
pub fn read_basis(value: &pb::LawfulBasis, path: &str, refusal: &mut Refusal) -> Option<Basis> {
    match (&value.consent, &value.statutory_duty, &value.vital_interest) {
        (Some(value), None, None) => consent(value, &format!("{path}.consent"), refusal).map(Basis::Consent),
        (None, Some(duty), None) => {
            let path = format!("{path}.statutory_duty.citation");
            Some(Basis::StatutoryDuty { citation: Text::read(&duty.citation, CITATION, &path, refusal)? })
        }
        (None, None, Some(interest)) => {
            let path = format!("{path}.vital_interest");
            let citation = Text::read(&interest.citation, CITATION, &format!("{path}.citation"), refusal);
            let danger = code(Danger::from_wire(interest.danger), &format!("{path}.danger"), refusal);
            Some(Basis::VitalInterest { citation: citation?, danger: danger? })
        }
        (None, None, None) => {
            refusal.add(path, reason::BASIS_MISSING);
            None
        }
        _ => {
            refusal.add(path, reason::FIELD_FORMAT);
            None
        }
    }
}

fn consent(value: &pb::Consent, path: &str, refusal: &mut Refusal) -> Option<Consent> {
    let giver = known(Giver::from_wire(value.giver), Giver::is_known, &format!("{path}.giver"), refusal);
    if value.scopes.is_empty() {
        refusal.add(format!("{path}.scopes"), reason::FIELD_REQUIRED);
    }
    let scopes = codes(&value.scopes, MOST_SCOPES, Scope::from_wire, &format!("{path}.scopes"), refusal);
    let given = timestamp(value.consent_time.as_ref(), &format!("{path}.consent_time"), refusal);
    let expires =
        value.expire_time.as_ref().and_then(|time| timestamp(Some(time), &format!("{path}.expire_time"), refusal));
    Some(Consent { giver: giver?, scopes, given: given?, expires })
}

/// Encodes a lawful basis.
#[must_use]
pub fn write_basis(basis: &Basis) -> pb::LawfulBasis {
    let mut value = pb::LawfulBasis::default();
    match basis {
        Basis::Consent(consent) => {
            value.consent = Some(pb::Consent {
                giver: consent.giver.to_wire(),
                scopes: consent.scopes.iter().map(|scope| scope.to_wire()).collect(),
                consent_time: Some(write_time(consent.given)),
                expire_time: consent.expires.map(write_time),
            });
        }
        Basis::StatutoryDuty { citation } => {
            value.statutory_duty = Some(pb::StatutoryDuty { citation: citation.as_str().to_owned() });
        }
        Basis::VitalInterest { citation, danger } => {
            value.vital_interest =
                Some(pb::VitalInterest { citation: citation.as_str().to_owned(), danger: danger.to_wire() });
        }
    }
    value
}

/// Reads a time limit.
pub(super) fn read_time_limit(value: &pb::TimeLimit, path: &str, refusal: &mut Refusal) -> Option<TimeLimit> {
    let rule = Some(&value.rule).filter(|rule| {
        (1..=64).contains(&rule.len())
            && rule.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    });
    let rule = formatted(rule.ok_or(()), &format!("{path}.rule"), refusal);
    let citation = Text::read(&value.citation, CITATION, &format!("{path}.citation"), refusal);
    let stop = code(super::Stop::from_wire(value.stop), &format!("{path}.stop"), refusal);
    let start = timestamp(value.start_time.as_ref(), &format!("{path}.start_time"), refusal);
    let acknowledge = timestamp(value.acknowledge_due_time.as_ref(), &format!("{path}.acknowledge_due_time"), refusal);
    let warn = timestamp(value.warn_time.as_ref(), &format!("{path}.warn_time"), refusal);
    let escalate = timestamp(value.escalate_time.as_ref(), &format!("{path}.escalate_time"), refusal);
    let due = timestamp(value.due_time.as_ref(), &format!("{path}.due_time"), refusal);
    let limit = TimeLimit {
        rule: rule?.as_str().into(),
        citation: citation?,
        stop: stop?,
        start: start?,
        acknowledge_due: acknowledge?,
        warn: warn?,
        escalate: escalate?,
        due: due?,
    };
    if !limit.is_ordered() {
        refusal.add(path, reason::TIME_LIMIT_ORDER);
    }
    Some(limit)
}

/// Encodes a time limit.
#[must_use]
pub fn write_time_limit(limit: &TimeLimit) -> pb::TimeLimit {
    pb::TimeLimit {
        rule: limit.rule.to_string(),
        citation: limit.citation.as_str().to_owned(),
        stop: limit.stop.to_wire(),
        start_time: Some(write_time(limit.start)),
        acknowledge_due_time: Some(write_time(limit.acknowledge_due)),
        warn_time: Some(write_time(limit.warn)),
        escalate_time: Some(write_time(limit.escalate)),
        due_time: Some(write_time(limit.due)),
    }
}

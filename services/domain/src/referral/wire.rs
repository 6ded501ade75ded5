//! Reading single values of the contract: each function returns the value or adds the violation at its path.

use std::collections::BTreeSet;

use jiff::Timestamp;
use nhipcau_proto::referral::v1 as pb;
use uuid::Uuid;

use super::{
    basis::{Basis, Consent},
    code::{Danger, Giver, Scope},
    event::UnitRef,
    text::Text,
    violation::Refusal,
};
use crate::{
    id::{PartyId, UnitId},
    reason,
};

/// Longest source of a duty or right, in characters.
pub const CITATION: usize = 200;
const MOST_SCOPES: usize = 16;

/// 0001-01-01T00:00:00Z, the first second that a protobuf timestamp may name.
const EARLIEST: i64 = -62_135_596_800;

pub(crate) fn required<T>(value: Option<T>, path: &str, refusal: &mut Refusal) -> Option<T> {
    if value.is_none() {
        refusal.add(path, reason::FIELD_REQUIRED);
    }
    value
}

/// A value in the documented syntax, or a violation.
pub(crate) fn formatted<T, E>(value: Result<T, E>, path: &str, refusal: &mut Refusal) -> Option<T> {
    if value.is_err() {
        refusal.add(path, reason::FIELD_FORMAT);
    }
    value.ok()
}

pub(crate) fn bytes<const N: usize>(value: &[u8], path: &str, refusal: &mut Refusal) -> Option<[u8; N]> {
    formatted(value.try_into(), path, refusal)
}

pub(crate) fn uuid(value: &[u8], path: &str, refusal: &mut Refusal) -> Option<Uuid> {
    let uuid = bytes(value, path, refusal).map(Uuid::from_bytes)?;
    // All zeros name nothing.
    formatted((!uuid.is_nil()).then_some(uuid).ok_or(()), path, refusal)
}

/// A code that must be stated; an unknown number is a value of its own.
pub(crate) fn code<C>(value: Option<C>, path: &str, refusal: &mut Refusal) -> Option<C> {
    required(value, path, refusal)
}

/// A list of codes, each of which must be stated.
pub(crate) fn codes<C>(
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

/// The entries of a list that can be read; the others are violations, and so is what stands beyond the most.
pub(super) fn list<V, T>(
    values: &[V],
    most: usize,
    path: &str,
    refusal: &mut Refusal,
    read: fn(&V, &str, &mut Refusal) -> Option<T>,
) -> Vec<T> {
    if values.len() > most {
        refusal.add(path, reason::TOO_MANY);
    }
    let values = values.iter().enumerate().take(most);
    values.filter_map(|(index, value)| read(value, &format!("{path}[{index}]"), refusal)).collect()
}

/// Refuses whatever stands in a list a second time.
pub(crate) fn unique<T: Ord>(values: &[T], path: &str, refusal: &mut Refusal) {
    let mut seen = BTreeSet::new();
    for (index, value) in values.iter().enumerate() {
        if !seen.insert(value) {
            refusal.add(format!("{path}[{index}]"), reason::FIELD_FORMAT);
        }
    }
}

/// A code that must be known.
pub(crate) fn known<C: Copy>(
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

/// The name of a reason, `[A-Z][A-Z0-9_]{0,62}`; from another build maybe one that is not known.
pub(super) fn reason_name(name: &str, path: &str, refusal: &mut Refusal) -> Option<Box<str>> {
    let is_name = (1..=63).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    formatted(is_name.then(|| name.into()).ok_or(()), path, refusal)
}

pub(crate) fn timestamp(
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

//! Reads wire fields into types, reporting each violation where it stands. A value is `None` only if a violation
//! was reported for it.

use std::fmt::Arguments;
use std::str::FromStr;

use jiff::{Timestamp, civil::Date};
use nhipcau_proto::directory::v1 as pb;

use super::violation::{Problem, Violations};
pub(super) use crate::id::is_label;

/// When something holds: from start (inclusive) to expiry (exclusive).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// First instant at which it holds.
    pub start: Timestamp,
    /// First instant at which it no longer holds.
    pub expire: Option<Timestamp>,
}

impl Validity {
    /// Holds from the instant on, without a set end.
    #[must_use]
    pub fn from(start: Timestamp) -> Self {
        Self { start, expire: None }
    }

    /// Holds between the two instants.
    #[must_use]
    pub fn between(start: Timestamp, expire: Timestamp) -> Self {
        Self { start, expire: Some(expire) }
    }

    /// As a release states it; `None` for what no release that was verified says.
    #[must_use]
    pub fn read(wire: &pb::Validity) -> Option<Self> {
        validity(Some(wire), &mut Violations::default(), format_args!("validity"))
    }

    /// Whether it holds at the instant.
    #[must_use]
    pub fn contains(&self, at: Timestamp) -> bool {
        self.start <= at && self.expire.is_none_or(|expire| at < expire)
    }
}

/// A name in one or both languages; an absent one is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// Vietnamese.
    pub vi: Box<str>,
    /// English.
    pub en: Box<str>,
}

pub(crate) fn id<T: FromStr>(text: &str, found: &mut Violations, path: Arguments<'_>) -> Option<T> {
    let id = text.parse().ok();
    found.require(id.is_some(), if text.is_empty() { Problem::Missing } else { Problem::Syntax }, path);
    id
}

pub(super) fn key(bytes: &[u8], found: &mut Violations, path: Arguments<'_>) -> Option<[u8; 32]> {
    let key = bytes.try_into().ok();
    found.require(key.is_some(), if bytes.is_empty() { Problem::Missing } else { Problem::Range }, path);
    key
}

pub(crate) fn time(
    wire: Option<&prost_types::Timestamp>,
    found: &mut Violations,
    path: Arguments<'_>,
) -> Option<Timestamp> {
    let Some(wire) = wire else {
        found.add(Problem::Missing, path);
        return None;
    };
    optional_time(Some(wire), found, path)
}

/// As [`time`], except that an absent time is no violation.
pub(super) fn optional_time(
    wire: Option<&prost_types::Timestamp>,
    found: &mut Violations,
    path: Arguments<'_>,
) -> Option<Timestamp> {
    let wire = wire?;
    let time =
        (0..1_000_000_000).contains(&wire.nanos).then(|| Timestamp::new(wire.seconds, wire.nanos).ok()).flatten();
    found.require(time.is_some(), Problem::Time, path);
    time
}

pub(super) fn validity(wire: Option<&pb::Validity>, found: &mut Violations, path: Arguments<'_>) -> Option<Validity> {
    let Some(wire) = wire else {
        found.add(Problem::Missing, path);
        return None;
    };
    let start = time(wire.start_time.as_ref(), found, format_args!("{path}.start_time"))?;
    let expire = optional_time(wire.expire_time.as_ref(), found, format_args!("{path}.expire_time"));
    if expire.is_some_and(|expire| expire <= start) {
        found.add(Problem::EndsBeforeStart, path);
        return None;
    }
    Some(Validity { start, expire })
}

/// Checks a stretch of days: both ends whole dates, the end after the start.
pub(super) fn days(
    start: Option<&nhipcau_proto::google::r#type::Date>,
    end: Option<&nhipcau_proto::google::r#type::Date>,
    found: &mut Violations,
    path: Arguments<'_>,
) {
    let start = date(start, found, format_args!("{path}.start_date"));
    let end = date(end, found, format_args!("{path}.end_date"));
    if let (Some(start), Some(end)) = (start, end) {
        found.require(start < end, Problem::EndsBeforeStart, path);
    }
}

/// A whole date; an absent one is no violation.
pub(super) fn date(
    wire: Option<&nhipcau_proto::google::r#type::Date>,
    found: &mut Violations,
    path: Arguments<'_>,
) -> Option<Date> {
    let wire = wire?;
    let small = |value: i32| i8::try_from(value).ok();
    let date =
        i16::try_from(wire.year).ok().and_then(|year| Date::new(year, small(wire.month)?, small(wire.day)?).ok());
    found.require(date.is_some(), Problem::Time, path);
    date
}

pub(super) fn names(wire: Option<&pb::Names>, found: &mut Violations, path: Arguments<'_>) -> Option<Names> {
    let Some(wire) = wire.filter(|wire| !wire.vi.is_empty() || !wire.en.is_empty()) else {
        found.add(Problem::Missing, path);
        return None;
    };
    found.require(is_name(&wire.vi), Problem::Syntax, format_args!("{path}.vi"));
    found.require(is_name(&wire.en), Problem::Syntax, format_args!("{path}.en"));
    Some(Names { vi: wire.vi.as_str().into(), en: wire.en.as_str().into() })
}

fn is_name(text: &str) -> bool {
    unicode_normalization::is_nfc(text)
        && text.chars().take(1025).count() <= 1024
        && text.trim() == text
        && !text.chars().any(char::is_control)
}

/// `[A-Za-z0-9_@$-]{1,64}`: an identifier of SDMX, or a code.
pub(super) fn is_code(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'@' | b'$' | b'-'))
}

/// `[A-Za-z0-9.+-]{1,32}`: the version of a list or structure.
pub(super) fn is_version(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'+' | b'-'))
}

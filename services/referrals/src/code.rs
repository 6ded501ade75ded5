//! Single values of a request. A code that this build does not know is refused when a calling system sends it; one that
//! arrives from another access point is kept as it is.

use jiff::Timestamp;
use nhipcau_domain::{reason, referral::CLOCK_TOLERANCE};

use crate::error::Error;

/// 0001-01-01T00:00:00Z, the first second that a protobuf timestamp may name.
const EARLIEST: i64 = -62_135_596_800;

/// A code that must be stated and known.
pub(crate) fn known<C: Copy>(code: Option<C>, is_known: fn(C) -> bool, field: &'static str) -> Result<C, Error> {
    code.filter(|code| is_known(*code)).ok_or(Error::Field { field, reason: reason::CODE_UNKNOWN })
}

/// A time that must be stated and have passed.
pub(crate) fn past(
    value: Option<&prost_types::Timestamp>,
    field: &'static str,
    now: Timestamp,
) -> Result<Timestamp, Error> {
    let time = time(value, field)?;
    if is_future(time, now) { Err(Error::Field { field, reason: reason::TIME_IN_FUTURE }) } else { Ok(time) }
}

/// Whether a time that a calling system gave lies ahead by more than clocks differ.
pub(crate) fn is_future(time: Timestamp, now: Timestamp) -> bool {
    time.duration_since(now) > CLOCK_TOLERANCE
}

/// A time that must be stated.
pub(crate) fn time(value: Option<&prost_types::Timestamp>, field: &'static str) -> Result<Timestamp, Error> {
    let value = value.ok_or(Error::Field { field, reason: reason::FIELD_REQUIRED })?;
    let time = Some(value).filter(|time| time.seconds >= EARLIEST && (0..1_000_000_000).contains(&time.nanos));
    let time = time.and_then(|time| Timestamp::new(time.seconds, time.nanos).ok());
    time.ok_or(Error::Field { field, reason: reason::DATE_INVALID })
}

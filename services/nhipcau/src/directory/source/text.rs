//! Values of a source that TOML has no type for: instants, keys, times of the day, lengths of time, areas, dates,
//! references to units.

use jiff::{SignedDuration, Timestamp, civil::Date};
use nhipcau_domain::area::CODE_LIST;
use nhipcau_proto::{directory::v1 as pb, google::r#type as wire};
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::directory::tables::structure_key;

/// An instant: a TOML date and time with its offset from UTC.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Time(pub(super) Timestamp);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = toml::value::Datetime::deserialize(from)?.to_string();
        let time =
            text.parse().map_err(|_| D::Error::custom("a time needs its offset, such as 2026-01-01T00:00:00+07:00"));
        time.map(Self)
    }
}

/// The instant as it travels. The wire counts nanoseconds up from the second, also before 1970.
pub(crate) fn timestamp(time: Timestamp) -> prost_types::Timestamp {
    let nanos = time.as_nanosecond();
    prost_types::Timestamp {
        seconds: nanos.div_euclid(1_000_000_000).try_into().unwrap_or_default(),
        nanos: nanos.rem_euclid(1_000_000_000).try_into().unwrap_or_default(),
    }
}

impl From<Time> for prost_types::Timestamp {
    fn from(Time(time): Time) -> Self {
        timestamp(time)
    }
}

/// From when until when, written beside what it is about.
pub(super) fn validity(start: Time, expire: Option<Time>) -> Option<pb::Validity> {
    Some(pb::Validity { start_time: Some(start.into()), expire_time: expire.map(Into::into) })
}

/// 32 bytes as 64 hexadecimal digits.
#[derive(Debug, Clone)]
pub(super) struct PublicKey(pub(super) Vec<u8>);

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let digits = String::deserialize(from)?;
        let bytes = hex::decode(digits).ok().filter(|bytes| bytes.len() == 32);
        bytes.map(Self).ok_or_else(|| D::Error::custom("a key is 64 hexadecimal digits"))
    }
}

/// A day: a TOML date.
#[derive(Debug, Clone, Copy)]
pub(super) struct Day(Date);

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = toml::value::Datetime::deserialize(from)?.to_string();
        text.parse().map(Self).map_err(|_| D::Error::custom("a day is written 2026-01-01"))
    }
}

impl From<Day> for wire::Date {
    fn from(Day(day): Day) -> Self {
        Self { year: day.year().into(), month: day.month().into(), day: day.day().into() }
    }
}

/// A time of the day, in minutes: `07:30`, and `24:00` for its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Minute(pub(super) u32);

impl<'de> Deserialize<'de> for Minute {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let number = |digits: &str| digits.parse().ok().filter(|_| digits.len() == 2 && !digits.starts_with('+'));
        let time = text.split_once(':').and_then(|(hour, minute)| number(hour).zip(number(minute)));
        let fits = |(hour, minute): &(u32, u32)| *minute < 60 && hour * 60 + minute <= 1440;
        let time = time.filter(fits).ok_or_else(|| D::Error::custom("a time of the day is written 07:30"));
        time.map(|(hour, minute)| Self(hour * 60 + minute))
    }
}

/// A length of time: `{ elapsed = "12h" }` or `{ working_days = 5 }`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(super) enum Span {
    /// By the clock.
    Elapsed(Elapsed),
    /// In working days of the calendar.
    WorkingDays(u32),
}

/// Such as `12h` or `15m`.
#[derive(Debug)]
pub(super) struct Elapsed(SignedDuration);

impl From<Elapsed> for prost_types::Duration {
    fn from(Elapsed(elapsed): Elapsed) -> Self {
        Self { seconds: elapsed.as_secs(), nanos: elapsed.subsec_nanos() }
    }
}

impl<'de> Deserialize<'de> for Elapsed {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map(Self).map_err(|_| D::Error::custom("a length of time is written 12h or 15m"))
    }
}

impl From<Span> for pb::Span {
    fn from(span: Span) -> Self {
        let kind = match span {
            Span::WorkingDays(days) => pb::span::Kind::WorkingDays(days),
            Span::Elapsed(elapsed) => pb::span::Kind::Elapsed(elapsed.into()),
        };
        Self { kind: Some(kind) }
    }
}

/// An administrative unit: `CODE@VERSION`.
#[derive(Debug)]
pub(super) struct Area {
    code: String,
    version: String,
}

impl<'de> Deserialize<'de> for Area {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let (code, version) =
            text.split_once('@').ok_or_else(|| D::Error::custom("an area is written CODE@VERSION"))?;
        Ok(Self { code: code.to_owned(), version: version.to_owned() })
    }
}

impl From<Area> for pb::AreaRef {
    fn from(area: Area) -> Self {
        Self { code_list: CODE_LIST.to_owned(), code_list_version: area.version, code: area.code }
    }
}

/// A unit: `party/unit`.
#[derive(Debug)]
pub(crate) struct UnitName {
    party: String,
    unit: String,
}

impl<'de> Deserialize<'de> for UnitName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let (party, unit) = text.split_once('/').ok_or_else(|| D::Error::custom("a unit is written party/unit"))?;
        Ok(Self { party: party.to_owned(), unit: unit.to_owned() })
    }
}

impl From<UnitName> for pb::UnitRef {
    fn from(name: UnitName) -> Self {
        Self { party: name.party, unit: name.unit }
    }
}

/// A structure: `AGENCY:ID(VERSION)`.
#[derive(Debug)]
pub(super) struct StructureName(pub(super) pb::DataStructureKey);

impl<'de> Deserialize<'de> for StructureName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let key = structure_key(&text).ok_or_else(|| D::Error::custom("a structure is written AGENCY:ID(VERSION)"))?;
        Ok(Self(key))
    }
}

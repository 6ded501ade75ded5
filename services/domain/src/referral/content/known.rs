//! A value that may be unknown, and the salt of a part.

use std::fmt;

use nhipcau_proto::referral::v1 as pb;

use super::super::{code::Unknown, personal::Personal, text::Text, violation::Refusal, wire};
use crate::reason;

/// Longest text of a field in code points.
pub(super) const LONGEST: usize = 2_000;

/// A text about a person, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// The value.
    Value(Personal<Text>),
    /// Why it is unknown.
    Unknown(Unknown),
}

impl Known {
    pub(super) fn read(value: Option<&pb::KnownText>, path: &str, refusal: &mut Refusal) -> Option<Self> {
        let value = wire::required(value, path, refusal)?;
        match (value.value.is_empty(), Unknown::from_wire(value.unknown)) {
            (false, None) => Text::read(&value.value, LONGEST, &format!("{path}.value"), refusal)
                .map(|text| Self::Value(Personal::new(text))),
            (true, Some(unknown)) => Some(Self::Unknown(unknown)),
            (true, None) => {
                refusal.add(path, reason::FIELD_REQUIRED);
                None
            }
            (false, Some(_)) => {
                refusal.add(path, reason::FIELD_FORMAT);
                None
            }
        }
    }

    pub(super) fn write(&self) -> pb::KnownText {
        match self {
            Self::Value(text) => pb::KnownText { value: text.expose().as_str().to_owned(), unknown: 0 },
            Self::Unknown(unknown) => pb::KnownText { value: String::new(), unknown: unknown.to_wire() },
        }
    }
}

/// 32 random bytes of a part or an event, so that the digest which outlives what it says tells nothing about it.
/// Whoever keeps the digest must not keep the salt.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt([u8; 32]);

impl Salt {
    /// Wraps random bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(in crate::referral) fn read(bytes: &[u8], path: &str, refusal: &mut Refusal) -> Option<Self> {
        wire::bytes(bytes, path, refusal).map(Self)
    }

    pub(in crate::referral) fn write(self) -> Vec<u8> {
        self.0.to_vec()
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

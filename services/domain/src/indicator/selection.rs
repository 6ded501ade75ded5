//! Which observations a reader asks for: provider, structure, key pattern, range of periods.

use nhipcau_proto::indicator::v1 as pb;

use super::{InvalidKeyPattern, InvalidPeriod, KeyPattern, Period, PeriodRange, Structure};
use crate::{id::PartyId, reason};

/// A selection that fits its structure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Provider; every provider when absent.
    pub data_provider: Option<PartyId>,
    /// Keys.
    pub pattern: KeyPattern,
    /// Periods.
    pub range: PeriodRange,
}

/// Why a selection cannot be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSelection {
    /// The provider is not the id of a party.
    #[error("data_provider is not the id of a party")]
    DataProvider,
    /// The structure is another one than the selection was read against.
    #[error("structure is not the one that is asked")]
    Structure,
    /// The key pattern does not fit the structure.
    #[error("key_pattern")]
    KeyPattern(#[source] InvalidKeyPattern),
    /// The first or last period is none.
    #[error("{field}")]
    Period {
        /// The field, as the contract names it.
        field: &'static str,
        /// What is wrong with it.
        #[source]
        source: InvalidPeriod,
    },
}

impl InvalidSelection {
    /// The stable reason.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::DataProvider => reason::FIELD_FORMAT,
            Self::Structure => reason::STRUCTURE_UNKNOWN,
            Self::KeyPattern(_) => reason::KEY_PATTERN_MALFORMED,
            Self::Period { .. } => reason::PERIOD_MALFORMED,
        }
    }
}

impl Selection {
    /// Reads a selection against its structure.
    ///
    /// # Errors
    /// [`InvalidSelection`] naming the first field that does not fit.
    pub fn new(wire: &pb::Selection, structure: &Structure) -> Result<Self, InvalidSelection> {
        if wire.structure != structure.reference().as_str() {
            return Err(InvalidSelection::Structure);
        }
        let provider = Some(wire.data_provider.as_str()).filter(|provider| !provider.is_empty());
        let pattern = KeyPattern::new(&wire.key_pattern, structure.dimensions().len());
        Ok(Self {
            data_provider: provider.map(PartyId::new).transpose().map_err(|_| InvalidSelection::DataProvider)?,
            pattern: pattern.map_err(InvalidSelection::KeyPattern)?,
            range: PeriodRange {
                start: period("start_period", &wire.start_period)?,
                end: period("end_period", &wire.end_period)?,
            },
        })
    }
}

fn period(field: &'static str, text: &str) -> Result<Option<Period>, InvalidSelection> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|source| InvalidSelection::Period { field, source })
}

//! Data structures: which dimensions make a key, which attributes an observation may have, and from which lists.

use std::{fmt, str::FromStr, sync::Arc};

use super::{CodeList, codelist::is_code};

/// Names a structure or a dataflow: `AGENCY:ID(VERSION)`, or without the version where there is none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StructureRef(Box<str>);

/// The text does not name a structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a reference to a structure: expected AGENCY:ID(VERSION)")]
pub struct InvalidStructureRef;

impl StructureRef {
    /// Most characters.
    pub const MAX_LEN: usize = 160;

    /// The text as it travels.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for StructureRef {
    type Err = InvalidStructureRef;

    fn from_str(text: &str) -> Result<Self, InvalidStructureRef> {
        let parts = || {
            let (agency, rest) = text.split_once(':')?;
            let (id, version) = match rest.split_once('(') {
                None => (rest, "1.0"),
                Some((id, version)) => (id, version.strip_suffix(')')?),
            };
            let plain = |text: &str| text.split('.').all(is_code);
            (text.len() <= Self::MAX_LEN && plain(agency) && is_code(id) && plain(version)).then_some(())
        };
        parts().map(|()| Self(text.into())).ok_or(InvalidStructureRef)
    }
}

impl fmt::Display for StructureRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A part of every key.
#[derive(Debug, Clone)]
pub struct Dimension {
    /// Id, such as `SEX`.
    pub id: Arc<str>,
    /// The codes it may have.
    pub codes: Arc<CodeList>,
    /// Whether it may also have an administrative unit, written `CODE@VERSION`.
    pub area: bool,
}

/// What an observation may say beside its value.
#[derive(Debug, Clone)]
pub struct Attribute {
    /// Id, such as `OBS_STATUS`.
    pub id: Arc<str>,
    /// The codes it may have; any short text when there is no list.
    pub codes: Option<Arc<CodeList>>,
}

/// A data structure with one measure, `OBS_VALUE`, and one time dimension, `TIME_PERIOD`.
#[derive(Debug, Clone)]
pub struct Structure {
    pub(super) reference: StructureRef,
    pub(super) dimensions: Box<[Dimension]>,
    pub(super) attributes: Box<[Attribute]>,
}

impl Structure {
    /// Id of the dimension that says how often a series has an observation, in structures that have one.
    pub const FREQ: &str = "FREQ";
    /// Id of the time dimension.
    pub const TIME_PERIOD: &str = "TIME_PERIOD";
    /// Id of the measure.
    pub const OBS_VALUE: &str = "OBS_VALUE";

    /// Its name.
    #[must_use]
    pub fn reference(&self) -> &StructureRef {
        &self.reference
    }

    /// The dimensions in key order, without the time dimension.
    #[must_use]
    pub fn dimensions(&self) -> &[Dimension] {
        &self.dimensions
    }

    /// The attributes in export order.
    #[must_use]
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// An attribute by its id.
    #[must_use]
    pub fn attribute(&self, id: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| *attribute.id == *id)
    }
}

//! What a checked submission consists of: datasets under an action, in the order in which they apply.

use std::sync::Arc;

use super::{Key, KeyPattern, Period, Value};

/// What a dataset does with its observations. SDMX also has Information and Append; both are deprecated there and
/// refused here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Given parts are inserted or updated, others stay.
    Merge,
    /// The observation becomes exactly what is given.
    Replace,
    /// The observation, or the named parts of it, ceases to be.
    Delete,
}

/// The attributes of an observation: id and text, ordered by id. Cheap to clone: observations with the same
/// attributes share them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Attributes(Arc<[(Arc<str>, Arc<str>)]>);

impl Attributes {
    pub(super) fn new(mut pairs: Vec<(Arc<str>, Arc<str>)>) -> Self {
        pairs.sort();
        Self(pairs.into())
    }

    /// The text of an attribute.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| **other == *id).map(|(_, text)| &**text)
    }

    /// Id and text of each, ordered by id.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(id, text)| (&**id, &**text))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether both are one set in memory. What repeats from row to row is.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// These, overridden by the newer ones.
    pub(super) fn merged(&self, newer: &Self) -> Self {
        if self.is_empty() || self == newer {
            return newer.clone();
        }
        let kept = self.0.iter().filter(|(id, _)| newer.get(id).is_none());
        Self::new(kept.chain(newer.0.iter()).cloned().collect())
    }

    /// These without those named.
    pub(super) fn without(&self, ids: &[Arc<str>]) -> Self {
        Self(self.0.iter().filter(|(id, _)| !ids.contains(id)).cloned().collect())
    }
}

/// An observation as a MERGE or REPLACE gives it: at least a value or an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// Series.
    pub key: Key,
    /// Period.
    pub period: Period,
    /// Value, where given.
    pub value: Option<Value>,
    /// Attributes that are given.
    pub attributes: Attributes,
}

/// Parts of an observation that a DELETE names. None named means the whole observation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    /// The value.
    pub value: bool,
    /// Attributes by id.
    pub attributes: Box<[Arc<str>]>,
}

impl Parts {
    /// Whether the whole observation is meant.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        !self.value && self.attributes.is_empty()
    }
}

/// What a row of a DELETE removes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// Series.
    pub pattern: KeyPattern,
    /// Period; every period when absent.
    pub period: Option<Period>,
    /// Which parts.
    pub parts: Parts,
}

/// Observations under one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dataset {
    /// Inserts or updates what is given.
    Merge(Vec<Observation>),
    /// Makes each observation exactly what is given.
    Replace(Vec<Observation>),
    /// Removes.
    Delete(Vec<Deletion>),
}

impl Dataset {
    pub(super) fn new(action: Action) -> Self {
        match action {
            Action::Merge => Self::Merge(Vec::new()),
            Action::Replace => Self::Replace(Vec::new()),
            Action::Delete => Self::Delete(Vec::new()),
        }
    }

    /// Its action.
    #[must_use]
    pub fn action(&self) -> Action {
        match self {
            Self::Merge(_) => Action::Merge,
            Self::Replace(_) => Action::Replace,
            Self::Delete(_) => Action::Delete,
        }
    }

    /// How many observations, or rows of a deletion, it has.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Merge(observations) | Self::Replace(observations) => observations.len(),
            Self::Delete(deletions) => deletions.len(),
        }
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

//! What submissions make of observations, applied one after the other: this model numbers them without gaps, stores
//! order them by publishing time and name. Every revision is kept; a submission leaves at most one revision of an
//! observation, its state when the whole submission has applied.
//!
//! [`State`] holds the rules for one observation, which a store applies row by row. [`History`] is the same over a
//! whole structure in memory: the model against which stores are tested.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Attributes, Dataset, Deletion, Key, KeyPattern, Observation, Parts, Period, PeriodRange, Value};

/// What an observation is: a value, attributes, or both. One that has neither does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Value, if it has one.
    pub value: Option<Value>,
    /// Attributes.
    pub attributes: Attributes,
}

impl State {
    /// What a REPLACE makes of any observation.
    #[must_use]
    pub fn replaced(given: &Observation) -> Self {
        Self { value: given.value.clone(), attributes: given.attributes.clone() }
    }

    /// What a MERGE makes of an observation, existing or not.
    #[must_use]
    pub fn merged(current: Option<&Self>, given: &Observation) -> Self {
        let Some(current) = current else { return Self::replaced(given) };
        Self {
            value: given.value.clone().or_else(|| current.value.clone()),
            attributes: current.attributes.merged(&given.attributes),
        }
    }

    /// What a DELETE leaves of an observation.
    #[must_use]
    pub fn without(&self, parts: &Parts) -> Option<Self> {
        if parts.is_whole() {
            return None;
        }
        let left = Self {
            value: self.value.clone().filter(|_| !parts.value),
            attributes: self.attributes.without(&parts.attributes),
        };
        (left.value.is_some() || !left.attributes.is_empty()).then_some(left)
    }
}

/// Which submission, and when it was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Number of the submission at its provider, from 1; after a restored store it can repeat or leave gaps.
    pub ordinal: u64,
    /// When the provider published it, by its own clock, which may go backwards.
    pub publish_time: Timestamp,
}

/// What an observation became through a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// The submission.
    pub stamp: Stamp,
    /// The observation; none when it was deleted.
    pub state: Option<State>,
}

/// A submission that does not follow the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("submission {found} came where {expected} was due")]
pub struct OutOfOrder {
    /// The ordinal that was due.
    pub expected: u64,
    /// The ordinal that came.
    pub found: u64,
}

/// Everything a provider ever published under one structure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    series: BTreeMap<Key, BTreeMap<Period, Vec<Revision>>>,
    stamps: Vec<Stamp>,
}

impl History {
    /// Applies the next submission, whole.
    ///
    /// # Errors
    /// [`OutOfOrder`] when it is not the next one; nothing has changed then.
    pub fn apply(&mut self, stamp: Stamp, datasets: &[Dataset]) -> Result<(), OutOfOrder> {
        let expected = self.stamps.len() as u64 + 1;
        if stamp.ordinal != expected {
            return Err(OutOfOrder { expected, found: stamp.ordinal });
        }
        for dataset in datasets {
            match dataset {
                Dataset::Merge(rows) => rows.iter().for_each(|row| {
                    let revisions = self.revisions_of(row);
                    let current = revisions.last().and_then(|revision| revision.state.as_ref());
                    let state = State::merged(current, row);
                    record(revisions, stamp, Some(state));
                }),
                Dataset::Replace(rows) => {
                    rows.iter().for_each(|row| record(self.revisions_of(row), stamp, Some(State::replaced(row))));
                }
                Dataset::Delete(rows) => rows.iter().for_each(|row| self.delete(stamp, row)),
            }
        }
        self.stamps.push(stamp);
        Ok(())
    }

    /// The matching observations as submission `ordinal` left them, ordered by key and period.
    pub fn as_of<'h>(
        &'h self,
        ordinal: u64,
        pattern: &'h KeyPattern,
        range: PeriodRange,
    ) -> impl Iterator<Item = (&'h Key, Period, &'h State)> {
        self.select(pattern, range).filter_map(move |(key, period, revisions)| {
            let revision = revisions.iter().rev().find(|revision| revision.stamp.ordinal <= ordinal)?;
            Some((key, period, revision.state.as_ref()?))
        })
    }

    /// Every revision of the matching observations, ordered by key, period and ordinal.
    pub fn revisions<'h>(
        &'h self,
        pattern: &'h KeyPattern,
        range: PeriodRange,
    ) -> impl Iterator<Item = (&'h Key, Period, &'h Revision)> {
        self.select(pattern, range)
            .flat_map(|(key, period, revisions)| revisions.iter().map(move |revision| (key, period, revision)))
    }

    fn select<'h>(
        &'h self,
        pattern: &'h KeyPattern,
        range: PeriodRange,
    ) -> impl Iterator<Item = (&'h Key, Period, &'h Vec<Revision>)> {
        self.series.iter().filter(|(key, _)| pattern.matches(key)).flat_map(move |(key, periods)| {
            periods
                .iter()
                .filter(move |(period, _)| range.contains(period))
                .map(move |(period, revisions)| (key, *period, revisions))
        })
    }

    fn revisions_of(&mut self, row: &Observation) -> &mut Vec<Revision> {
        self.series.entry(row.key.clone()).or_default().entry(row.period).or_default()
    }

    fn delete(&mut self, stamp: Stamp, deletion: &Deletion) {
        let matching = self.series.iter_mut().filter(|(key, _)| deletion.pattern.matches(key));
        for (_, periods) in matching {
            for (period, revisions) in periods {
                let current = revisions.last().and_then(|revision| revision.state.as_ref());
                if deletion.period.is_none_or(|wanted| wanted == *period)
                    && let Some(current) = current
                {
                    let state = current.without(&deletion.parts);
                    record(revisions, stamp, state);
                }
            }
        }
    }
}

/// Adds a revision, or completes the one that this submission has already begun.
fn record(revisions: &mut Vec<Revision>, stamp: Stamp, state: Option<State>) {
    match revisions.last_mut() {
        Some(last) if last.stamp.ordinal == stamp.ordinal => last.state = state,
        _ => revisions.push(Revision { stamp, state }),
    }
}

//! Walking the series of a selection in their order: provider, then key.
//!
//! Reads a few hundred series at a time, whatever the selection matches, and stops where the page is full; a token goes
//! on there within the same snapshot, so that nothing is shown twice or left out.

use std::collections::{HashMap, hash_map::Entry};

use nhipcau_domain::indicator::{KeyPattern, Selection};
use nhipcau_messaging::store::{Error as StoreError, Tx};
use nhipcau_proto::indicator::v1 as pb;

use crate::{
    encode,
    error::Error,
    observation,
    page::Place,
    store::{self, NewSubmission, Series},
};

/// Series read at a time.
const BATCH: u64 = 256;

/// The series of a provider that a pattern selects, in the order of their keys, a batch at a time.
pub(crate) struct Batches<'b> {
    structure: &'b str,
    provider: &'b str,
    pattern: &'b KeyPattern,
    prefix: String,
    /// Where the next batch begins; none after the last.
    next: Option<String>,
}

impl<'b> Batches<'b> {
    /// Begins with a key.
    pub(crate) fn new(structure: &'b str, provider: &'b str, pattern: &'b KeyPattern, from: &str) -> Self {
        Self { structure, provider, pattern, prefix: pattern.prefix(), next: Some(from.to_owned()) }
    }

    /// The next batch, of which the pattern may leave nothing; none after the last.
    pub(crate) fn next(&mut self, tx: &mut Tx<'_>) -> Result<Option<Vec<Series>>, StoreError> {
        let Some(from) = self.next.take() else { return Ok(None) };
        let mut batch = store::series_after(tx, self.structure, self.provider, &self.prefix, &from, BATCH)?;
        // Sorts behind the last key and before every other.
        self.next = batch.last().filter(|_| batch.len() as u64 == BATCH).map(|last| format!("{}\u{1}", last.key));
        batch.retain(|series| observation::matches(self.pattern, &series.key));
        Ok(Some(batch))
    }
}

/// Whether a walk goes on.
pub(crate) enum Step {
    On,
    /// It ends, and the answer goes on from what was shown last of this series.
    Stop(Option<(i64, u64)>),
}

/// Visits every series that the selection's pattern matches, from a place on; gives the place where the visitor
/// stopped.
pub(crate) fn walk(
    tx: &mut Tx<'_>,
    structure: &str,
    selection: &Selection,
    from: &Place,
    mut visit: impl FnMut(&mut Tx<'_>, &str, &Series, Option<(i64, u64)>) -> Result<Step, Error>,
) -> Result<Option<Place>, Error> {
    let providers = match &selection.data_provider {
        Some(provider) => vec![provider.to_string()],
        None => store::providers(tx, structure)?,
    };
    for provider in providers.into_iter().filter(|provider| *provider >= from.provider) {
        let begin = if provider == from.provider { from.key.as_str() } else { "" };
        let mut batches = Batches::new(structure, &provider, &selection.pattern, begin);
        while let Some(batch) = batches.next(tx)? {
            for series in &batch {
                let resumed = provider == from.provider && series.key == from.key;
                let shown = if resumed { from.shown } else { None };
                if let Step::Stop(shown) = visit(tx, &provider, series, shown)? {
                    let (snapshot, key) = (from.snapshot, series.key.clone());
                    return Ok(Some(Place { snapshot, provider: provider.clone(), key, shown }));
                }
            }
        }
    }
    Ok(None)
}

/// Submissions by serial, each read once.
#[derive(Debug, Default)]
pub(crate) struct Origins(HashMap<u64, NewSubmission>);

impl Origins {
    /// A submission.
    pub(crate) fn get(&mut self, tx: &mut Tx<'_>, serial: u64) -> Result<&NewSubmission, StoreError> {
        match self.0.entry(serial) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(place) => {
                let submission = store::by_serial(tx, serial)?;
                Ok(place.insert(submission.ok_or(StoreError::Corrupt("a revision of no submission"))?.new))
            }
        }
    }

    /// Where a submission came from.
    pub(crate) fn provenance(&mut self, tx: &mut Tx<'_>, serial: u64) -> Result<pb::Provenance, StoreError> {
        self.get(tx, serial).map(encode::provenance)
    }
}

//! What submissions make of observations in the store.
//!
//! The submissions of a provider apply in the order of publishing time, then id, whatever order they arrived in: both
//! travel in the event, so every access point that holds the same submissions holds the same values. A publisher
//! never uses a time twice, so that its own order is the order of its times; only one that was restored from an older
//! store makes a submission arrive behind a later one, and then what is later is taken back and applied anew.

use std::collections::{BTreeMap, HashMap};

use nhipcau_domain::indicator::KeyPattern;
use nhipcau_messaging::store::{Error, Tx};
use nhipcau_proto::indicator::v1 as pb;

use crate::{
    content,
    observation::{self, State},
    store::{self, NewSubmission, Revision, Slice},
};

/// Stores a submission and applies it; gives its serial. One that is known is not applied again; if this publication
/// of it is earlier than the known one, it moves to the earlier place.
pub(crate) fn store(tx: &mut Tx<'_>, new: &NewSubmission, pieces: &[Vec<u8>]) -> Result<u64, Error> {
    if let Some(known) = store::by_name(tx, &new.provider, new.id)? {
        if new.publish_time < known.new.publish_time {
            store::clear_from(tx, &new.provider, &known.new.structure, new.publish_time, new.id)?;
            store::move_to(tx, known.serial, new)?;
            replay(tx, &NewSubmission { structure: known.new.structure, ..new.clone() })?;
        }
        return Ok(known.serial);
    }
    let serial = store::insert(tx, new, pieces)?;
    let from = store::from_place(tx, &new.provider, &new.structure, new.publish_time, new.id)?;
    if from.len() > 1 {
        store::clear_from(tx, &new.provider, &new.structure, new.publish_time, new.id)?;
        replay(tx, new)?;
    } else {
        apply(tx, serial, new, &content::datasets(pieces)?)?;
    }
    Ok(serial)
}

/// Applies a submission and all that come after it.
fn replay(tx: &mut Tx<'_>, from: &NewSubmission) -> Result<(), Error> {
    for submission in store::from_place(tx, &from.provider, &from.structure, from.publish_time, from.id)? {
        let pieces = store::content(tx, submission.serial)?;
        apply(tx, submission.serial, &submission.new, &content::datasets(&pieces)?)?;
    }
    Ok(())
}

/// Applies what a submission says on top of what the submissions before it left.
fn apply(tx: &mut Tx<'_>, serial: u64, submission: &NewSubmission, datasets: &[pb::Dataset]) -> Result<(), Error> {
    let mut work = Work { tx, serial, submission, series: HashMap::new(), attributes: HashMap::new() };
    for dataset in datasets {
        for block in &dataset.blocks {
            match dataset.action() {
                pb::Action::Merge => work.observations(block, true)?,
                pb::Action::Replace => work.observations(block, false)?,
                pb::Action::Delete => work.deletions(block)?,
                pb::Action::Unspecified => return Err(Error::Corrupt("an action")),
            }
        }
    }
    Ok(())
}

struct Work<'w, 't> {
    tx: &'w mut Tx<'t>,
    serial: u64,
    submission: &'w NewSubmission,
    series: HashMap<String, u64>,
    attributes: HashMap<String, u64>,
}

impl Work<'_, '_> {
    fn observations(&mut self, block: &pb::SeriesBlock, merge: bool) -> Result<(), Error> {
        let series = self.series(&block.key)?;
        for position in 0..block.time_periods.len() {
            let (text, given) = content::row(block, position);
            let period = content::period(text)?;
            let order = observation::order(period);
            let current = if merge { store::current(self.tx, series, order)? } else { None };
            let state = match current {
                Some(current) => current.merged(given),
                None => given,
            };
            self.record(series, order, period.to_string(), Some(state))?;
        }
        Ok(())
    }

    fn deletions(&mut self, block: &pb::SeriesBlock) -> Result<(), Error> {
        let pattern = KeyPattern::new(&block.key, block.key.split('.').count());
        let pattern = pattern.map_err(|_| Error::Corrupt("the key of a deletion"))?;
        let NewSubmission { structure, provider, .. } = self.submission;
        let prefix = pattern.prefix();
        let candidates = store::series_after(self.tx, structure, provider, &prefix, "", i64::MAX as u64)?;
        let wanted = Deletion::of(block)?;
        for series in candidates.iter().filter(|series| observation::matches(&pattern, &series.key)) {
            self.delete(series.serial, &wanted)?;
        }
        Ok(())
    }

    fn delete(&mut self, series: u64, wanted: &Deletion) -> Result<(), Error> {
        let revisions = store::revisions(self.tx, series, Slice { from: wanted.first(), ..Slice::ALL })?;
        for newest in newest(revisions) {
            let Revision { order, period, state: Some(state), .. } = newest else { continue };
            if let Some(left) = wanted.leaves(order, state) {
                self.record(series, order, period, left)?;
            }
        }
        Ok(())
    }

    fn record(&mut self, series: u64, order: i64, period: String, state: Option<State>) -> Result<(), Error> {
        let text = state.as_ref().map_or_else(|| State::default().attributes_text(), State::attributes_text);
        let attributes = match self.attributes.get(&text) {
            Some(serial) => *serial,
            None => {
                let serial = store::attributes(self.tx, &text)?;
                self.attributes.insert(text, serial);
                serial
            }
        };
        store::record(self.tx, series, &Revision { order, period, submission: self.serial, state }, attributes)
    }

    fn series(&mut self, key: &str) -> Result<u64, Error> {
        if let Some(serial) = self.series.get(key) {
            return Ok(*serial);
        }
        let serial = store::intern(self.tx, &self.submission.structure, &self.submission.provider, key)?;
        self.series.insert(key.to_owned(), serial);
        Ok(serial)
    }
}

/// What the rows of a block delete, put together: in which order they do it makes no difference, and so a series is read
/// once however many rows there are.
#[derive(Default)]
struct Deletion {
    /// Of every period.
    always: Option<Named>,
    /// Of single ones, by their place.
    at: BTreeMap<i64, Named>,
}

/// What rows name of an observation.
#[derive(Default)]
struct Named {
    is_whole: bool,
    parts: State,
}

impl Named {
    fn add(&mut self, named: State) {
        self.is_whole |= named.value.is_none() && named.attributes.is_empty();
        self.parts = std::mem::take(&mut self.parts).merged(named);
    }

    fn leaves(&self, state: State) -> Option<State> {
        if self.is_whole { None } else { state.without(&self.parts) }
    }
}

impl Deletion {
    fn of(block: &pb::SeriesBlock) -> Result<Self, Error> {
        let mut deletion = Self::default();
        for position in 0..block.time_periods.len() {
            let (text, named) = content::row(block, position);
            let rows = if text.is_empty() {
                deletion.always.get_or_insert_default()
            } else {
                deletion.at.entry(observation::order(content::period(text)?)).or_default()
            };
            rows.add(named);
        }
        Ok(deletion)
    }

    /// The first place of which anything may be deleted.
    fn first(&self) -> i64 {
        let first = self.at.keys().next().filter(|_| self.always.is_none());
        first.copied().unwrap_or(i64::MIN)
    }

    /// What is left of the observation at a place; `None` when nothing of it is named.
    fn leaves(&self, order: i64, state: State) -> Option<Option<State>> {
        let mut named = self.always.iter().chain(self.at.get(&order));
        let first = named.next()?.leaves(state);
        Some(named.fold(first, |left, named| left.and_then(|state| named.leaves(state))))
    }
}

/// Of revisions by period, the last of each.
pub(crate) fn newest(revisions: Vec<Revision>) -> Vec<Revision> {
    let mut newest: Vec<Revision> = Vec::new();
    for revision in revisions {
        match newest.last_mut() {
            Some(last) if last.order == revision.order => *last = revision,
            _ => newest.push(revision),
        }
    }
    newest
}

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
    select::Batches,
    store::{self, NewSubmission, Revision, Slice},
};

/// Stores a submission, whose content `write` adds under the serial, and applies it; gives the serial. One that is
/// known is not applied again; if this publication of it is earlier than the known one, it moves to the earlier place.
pub(crate) fn store<E: From<Error>>(
    tx: &mut Tx<'_>,
    new: &NewSubmission,
    write: impl FnOnce(&mut Tx<'_>, u64) -> Result<(), E>,
) -> Result<u64, E> {
    if let Some(known) = store::by_name(tx, &new.provider, new.id)? {
        if new.publish_time < known.new.publish_time {
            store::clear_from(tx, &new.provider, &known.new.structure, new.publish_time, new.id)?;
            store::move_to(tx, known.serial, new)?;
            replay(tx, &NewSubmission { structure: known.new.structure, ..new.clone() })?;
        }
        return Ok(known.serial);
    }
    let serial = store::insert(tx, new)?;
    write(tx, serial)?;
    let from = store::from_place(tx, &new.provider, &new.structure, new.publish_time, new.id)?;
    if from.len() > 1 {
        store::clear_from(tx, &new.provider, &new.structure, new.publish_time, new.id)?;
        replay(tx, new)?;
    } else {
        apply(tx, serial, new)?;
    }
    Ok(serial)
}

/// Adds pieces as the content of a submission.
pub(crate) fn write(tx: &mut Tx<'_>, serial: u64, pieces: &[Vec<u8>]) -> Result<(), Error> {
    for (position, piece) in (0..).zip(pieces) {
        store::add_content(tx, serial, position, piece)?;
    }
    Ok(())
}

/// Applies a submission and all that come after it.
fn replay(tx: &mut Tx<'_>, from: &NewSubmission) -> Result<(), Error> {
    for submission in store::from_place(tx, &from.provider, &from.structure, from.publish_time, from.id)? {
        apply(tx, submission.serial, &submission.new)?;
    }
    Ok(())
}

/// Applies what a submission says on top of what the submissions before it left, piece by piece.
fn apply(tx: &mut Tx<'_>, serial: u64, submission: &NewSubmission) -> Result<(), Error> {
    for position in 0.. {
        let Some(piece) = store::content_at(tx, serial, position)? else { break };
        let mut work = Work { tx, serial, submission, series: HashMap::new(), attributes: HashMap::new() };
        for dataset in content::datasets(&[piece])? {
            match dataset.action() {
                pb::Action::Merge => work.observations(&dataset.blocks, true)?,
                pb::Action::Replace => work.observations(&dataset.blocks, false)?,
                pb::Action::Delete => work.deletions(&dataset.blocks)?,
                pb::Action::Unspecified => return Err(Error::Corrupt("an action")),
            }
        }
    }
    Ok(())
}

/// What the rows of a deletion that share a pattern of keys delete, put together: in which order they do it makes no
/// difference, and so a series is read once however many rows there are.
#[derive(Default)]
struct Deletions {
    /// Of every period.
    everywhere: Option<Named>,
    /// Of single ones, by their place in the order of periods.
    somewhere: BTreeMap<i64, (String, Named)>,
}

impl Deletions {
    fn add(&mut self, text: &str, named: State) -> Result<(), Error> {
        let rows = if text.is_empty() {
            self.everywhere.get_or_insert_default()
        } else {
            let period = content::period(text)?;
            let entry = self.somewhere.entry(observation::order(period));
            &mut entry.or_insert_with(|| (period.to_string(), Named::default())).1
        };
        rows.add(named);
        Ok(())
    }

    /// What is left of the observation at a place; `None` when nothing of it is named.
    fn leaves(&self, order: i64, state: State) -> Option<Option<State>> {
        let here = self.somewhere.get(&order).map(|(_, named)| named);
        let mut named = self.everywhere.iter().chain(here);
        let first = named.next()?.leaves(state);
        Some(named.fold(first, |left, named| left.and_then(|state| named.leaves(state))))
    }
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

struct Work<'w, 't> {
    tx: &'w mut Tx<'t>,
    serial: u64,
    submission: &'w NewSubmission,
    series: HashMap<String, u64>,
    attributes: HashMap<String, u64>,
}

impl Work<'_, '_> {
    fn observations(&mut self, blocks: &[pb::SeriesBlock], merge: bool) -> Result<(), Error> {
        blocks.iter().try_for_each(|block| self.block(block, merge))
    }

    fn block(&mut self, block: &pb::SeriesBlock, merge: bool) -> Result<(), Error> {
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

    /// One pass through the series for each pattern of keys, however many rows name it: the rows of a deletion have no
    /// order among them.
    fn deletions(&mut self, blocks: &[pb::SeriesBlock]) -> Result<(), Error> {
        let mut patterns: BTreeMap<&str, Deletions> = BTreeMap::new();
        for block in blocks {
            for position in 0..block.time_periods.len() {
                let (text, named) = content::row(block, position);
                patterns.entry(&block.key).or_default().add(text, named)?;
            }
        }
        let NewSubmission { structure, provider, .. } = self.submission;
        for (key, rows) in patterns {
            let pattern = KeyPattern::new(key, key.split('.').count());
            let pattern = pattern.map_err(|_| Error::Corrupt("the key of a deletion"))?;
            let mut batches = Batches::new(structure, provider, &pattern, "");
            while let Some(batch) = batches.next(self.tx)? {
                for series in batch {
                    self.delete(series.serial, &rows)?;
                }
            }
        }
        Ok(())
    }

    fn delete(&mut self, series: u64, rows: &Deletions) -> Result<(), Error> {
        if rows.everywhere.is_none() {
            for (order, (period, _)) in &rows.somewhere {
                if let Some(state) = store::current(self.tx, series, *order)?
                    && let Some(left) = rows.leaves(*order, state)
                {
                    self.record(series, *order, period.clone(), left)?;
                }
            }
            return Ok(());
        }
        for newest in newest(store::revisions(self.tx, series, Slice::ALL)?) {
            let Revision { order, period, state: Some(state), .. } = newest else { continue };
            if let Some(left) = rows.leaves(order, state) {
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

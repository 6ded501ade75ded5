//! What submissions make of observations in the store.
//!
//! The submissions of a provider apply in the order of publishing time, then id, whatever order they arrived in: both
//! travel in the event, so every access point that holds the same submissions holds the same values. A publisher
//! never uses a time twice, so that its own order is the order of its times; only one that was restored from an older
//! store makes a submission arrive behind a later one, and then what is later is taken back and applied anew.

use std::{collections::BTreeMap, mem};

use nhipcau_domain::indicator::KeyPattern;
use nhipcau_messaging::store::{Error, Tx};
use nhipcau_proto::indicator::v1 as pb;

use crate::{
    content,
    observation::{self, State},
    select::Batches,
    store::{self, NewSubmission, Segment, Slice},
};

/// Stores a submission, whose content `write` gives piece by piece, and applies it; gives the serial. One that is known
/// is not applied again; if this publication of it is earlier than the known one, it moves to the earlier place.
pub(crate) fn store<E: From<Error>>(
    tx: &mut Tx<'_>,
    new: &NewSubmission,
    write: impl FnOnce(&mut Tx<'_>, &mut Intake<'_>) -> Result<(), E>,
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
    let from = store::from_place(tx, &new.provider, &new.structure, new.publish_time, new.id)?;
    let is_last = from.len() == 1;
    let work = is_last.then_some(Work { serial, submission: new, part: 0 });
    write(tx, &mut Intake { serial, position: 0, work })?;
    if !is_last {
        store::clear_from(tx, &new.provider, &new.structure, new.publish_time, new.id)?;
        replay(tx, new)?;
    }
    Ok(serial)
}

/// Takes what a submission says.
pub(crate) struct Intake<'c> {
    serial: u64,
    position: u64,
    /// Where no later submission is known, so that each piece can take effect at once.
    work: Option<Work<'c>>,
}

impl Intake<'_> {
    /// Adds the next piece: what it says, and the same as it is stored.
    pub(crate) fn add(&mut self, tx: &mut Tx<'_>, piece: pb::Chunk, bytes: &[u8]) -> Result<(), Error> {
        store::add_content(tx, self.serial, self.position, bytes)?;
        self.position += 1;
        self.work.as_mut().map_or(Ok(()), |work| work.piece(tx, piece.datasets))
    }

    /// Adds pieces as they are stored.
    pub(crate) fn add_all(&mut self, tx: &mut Tx<'_>, pieces: &[Vec<u8>]) -> Result<(), Error> {
        pieces.iter().try_for_each(|bytes| self.add(tx, content::chunk(bytes)?, bytes))
    }
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
    let mut work = Work { serial, submission, part: 0 };
    for position in 0.. {
        let Some(piece) = store::content_at(tx, serial, position)? else { break };
        work.piece(tx, content::chunk(&piece)?.datasets)?;
    }
    Ok(())
}

/// What the rows of a deletion that share a pattern of keys delete, put together: in which order they do it makes no
/// difference, and so a series is read once however many rows there are.
#[derive(Default)]
struct Deletions {
    /// Of every period.
    everywhere: Option<NamedParts>,
    /// Of single ones, by their place in the order of periods.
    somewhere: BTreeMap<i64, NamedParts>,
}

impl Deletions {
    fn add(&mut self, period: &str, named: State) -> Result<(), Error> {
        let rows = if period.is_empty() {
            self.everywhere.get_or_insert_default()
        } else {
            self.somewhere.entry(observation::order(content::period(period)?)).or_default()
        };
        rows.add(named);
        Ok(())
    }

    /// First and last place in the order of periods that may be touched.
    fn span(&self) -> (i64, i64) {
        let (first, last) = (self.somewhere.first_key_value(), self.somewhere.last_key_value());
        match (&self.everywhere, first, last) {
            (None, Some((first, _)), Some((last, _))) => (*first, *last),
            _ => Slice::ALL.span,
        }
    }

    /// What is left of the observation at a place; `None` when nothing of it is named.
    fn leaves(&self, order: i64, state: State) -> Option<Option<State>> {
        let mut named = self.everywhere.iter().chain(self.somewhere.get(&order));
        let first = named.next()?.leaves(state);
        Some(named.fold(first, |left, named| left.and_then(|state| named.leaves(state))))
    }
}

/// What rows name of an observation.
#[derive(Default)]
struct NamedParts {
    is_whole: bool,
    parts: State,
}

impl NamedParts {
    fn add(&mut self, named: State) {
        self.is_whole |= named.is_nothing();
        self.parts = std::mem::take(&mut self.parts).merged(named);
    }

    fn leaves(&self, state: State) -> Option<State> {
        if self.is_whole { None } else { state.without(&self.parts) }
    }
}

struct Work<'w> {
    serial: u64,
    submission: &'w NewSubmission,
    /// Segments that the submission has so far.
    part: u64,
}

/// An observation of a series: its place in the order of periods, its period, and what becomes of it.
type Outcome = (i64, String, Option<State>);

impl Work<'_> {
    fn piece(&mut self, tx: &mut Tx<'_>, datasets: Vec<pb::Dataset>) -> Result<(), Error> {
        let mut datasets = datasets.into_iter().peekable();
        while let Some(dataset) = datasets.next() {
            let action = dataset.action();
            let mut blocks = dataset.blocks;
            // As no observation is named twice, and deletions have no order among them, these are one.
            while let Some(next) = datasets.next_if(|next| next.action() == action) {
                blocks.extend(next.blocks);
            }
            match action {
                pb::Action::Merge => self.observations(tx, blocks, true)?,
                pb::Action::Replace => self.observations(tx, blocks, false)?,
                pb::Action::Delete => self.deletions(tx, blocks)?,
                pb::Action::Unspecified => return Err(Error::Corrupt("an action")),
            }
        }
        Ok(())
    }

    /// One segment for each series, however many blocks name it.
    fn observations(&mut self, tx: &mut Tx<'_>, blocks: Vec<pb::SeriesBlock>, merge: bool) -> Result<(), Error> {
        let mut by_series: BTreeMap<String, Vec<Outcome>> = BTreeMap::new();
        for mut block in blocks {
            let places = by_series.entry(mem::take(&mut block.key)).or_default();
            places.reserve(block.time_periods.len());
            for (period, given) in content::rows(block) {
                places.push((observation::order(content::period(&period)?), period, Some(given)));
            }
        }
        for (key, mut places) in by_series {
            places.sort_by_key(|(order, ..)| *order);
            let NewSubmission { structure, provider, .. } = self.submission;
            let series = store::intern(tx, structure, provider, &key)?;
            if merge {
                let mut held = Self::held(tx, series, span(&places))?;
                for (order, _, given) in &mut places {
                    if let Some((_, current)) = held.remove(order) {
                        *given = given.take().map(|given| current.merged(given));
                    }
                }
            }
            self.record(tx, series, places)?;
        }
        Ok(())
    }

    /// One pass through the series for each pattern of keys, however many rows name it: the rows of a deletion have no
    /// order among them.
    fn deletions(&mut self, tx: &mut Tx<'_>, blocks: Vec<pb::SeriesBlock>) -> Result<(), Error> {
        let mut patterns: BTreeMap<String, Deletions> = BTreeMap::new();
        for mut block in blocks {
            let rows = patterns.entry(mem::take(&mut block.key)).or_default();
            content::rows(block).try_for_each(|(period, named)| rows.add(&period, named))?;
        }
        let NewSubmission { structure, provider, .. } = self.submission;
        for (key, rows) in patterns {
            let pattern = KeyPattern::new(&key, key.split('.').count());
            let pattern = pattern.map_err(|_| Error::Corrupt("the key of a deletion"))?;
            let mut batches = Batches::new(structure, provider, &pattern, "");
            while let Some(batch) = batches.next(tx)? {
                for series in batch {
                    self.delete(tx, series.serial, &rows)?;
                }
            }
        }
        Ok(())
    }

    fn delete(&mut self, tx: &mut Tx<'_>, series: u64, rows: &Deletions) -> Result<(), Error> {
        let held = Self::held(tx, series, rows.span())?;
        let left =
            held.into_iter().filter_map(|(order, (period, state))| Some((order, period, rows.leaves(order, state)?)));
        let left = left.collect();
        self.record(tx, series, left)
    }

    /// The observations of a series between two places in the order of periods, as far as submissions have applied.
    fn held(tx: &mut Tx<'_>, series: u64, span: (i64, i64)) -> Result<BTreeMap<i64, (String, State)>, Error> {
        let newest = store::newest(store::revisions(tx, series, Slice { span, ..Slice::ALL })?);
        Ok(newest.into_iter().filter_map(|held| Some((held.order, (held.text, held.state?)))).collect())
    }

    /// Notes what observations of a series became, given in the order of periods.
    fn record(&mut self, tx: &mut Tx<'_>, series: u64, places: Vec<Outcome>) -> Result<(), Error> {
        if places.is_empty() {
            return Ok(());
        }
        let span = span(&places);
        let rows = places.into_iter().map(|(_, period, state)| (period, state.unwrap_or_default())).collect();
        let block = content::block(String::new(), rows);
        let segment = Segment { series, submission: self.serial, part: self.part, span, block };
        self.part += 1;
        store::add_segment(tx, &segment)
    }
}

/// First and last of places in their order.
fn span(places: &[Outcome]) -> (i64, i64) {
    let order = |place: Option<&Outcome>| place.map_or(0, |(order, ..)| *order);
    (order(places.first()), order(places.last()))
}

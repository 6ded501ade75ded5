//! What a submission says, in canonical form: datasets by series, in pieces of a size that fits a message. Own and
//! held submissions are stored in this form, so that the same submission is the same bytes at every access point.

use std::{
    collections::{BTreeSet, HashMap},
    iter,
    sync::Arc,
};

use nhipcau_domain::indicator::{Dataset, Period, PeriodRange, wire};
use nhipcau_messaging::{pae, store::Error};
use nhipcau_proto::indicator::v1 as pb;
use prost::Message;

use crate::observation::{Attributes, State};

/// Largest piece, in bytes: what a message on the bulk lane can carry, less room for the rest of an event.
pub(crate) const PIECE_LIMIT: usize = 440 * 1024;
/// Most pieces of a submission, about 430 MiB: what one transaction takes. The contract names the same number.
pub(crate) const PIECES_LIMIT: usize = 1_000;
/// Most datasets of a piece.
const DATASETS_LIMIT: usize = 1_000;
/// Most rows of a submission that delete by a pattern which leaves a dimension open.
pub(crate) const SWEEPS_LIMIT: usize = 1_000;
/// Rows that are written together as long as they fit.
const RUN: usize = 1_000;

/// Writes checked datasets as pieces.
pub(crate) fn pieces(datasets: &[Dataset]) -> Vec<pb::Chunk> {
    let mut parts = Vec::new();
    for dataset in datasets {
        match dataset {
            Dataset::Merge(rows) => split(rows, pb::Action::Merge, wire::write_observations, &mut parts),
            Dataset::Replace(rows) => split(rows, pb::Action::Replace, wire::write_observations, &mut parts),
            Dataset::Delete(rows) => split(rows, pb::Action::Delete, wire::write_deletions, &mut parts),
        }
    }
    pack(parts).into_iter().map(|datasets| pb::Chunk { datasets }).collect()
}

fn split<R>(rows: &[R], action: pb::Action, write: fn(&[R]) -> Vec<pb::SeriesBlock>, parts: &mut Vec<pb::Dataset>) {
    for run in rows.chunks(RUN) {
        let written = pb::Dataset { action: action.into(), observations: Vec::new(), blocks: write(run) };
        if written.encoded_len() + 8 <= PIECE_LIMIT || run.len() < 2 {
            parts.push(written);
            continue;
        }
        let (first, second) = run.split_at(run.len() / 2);
        split(first, action, write, parts);
        split(second, action, write, parts);
    }
}

/// Puts datasets that stand together into groups that fit a message.
pub(crate) fn pack(parts: Vec<pb::Dataset>) -> Vec<Vec<pb::Dataset>> {
    let mut groups: Vec<Vec<pb::Dataset>> = Vec::new();
    let mut size = 0;
    for part in parts {
        let length = part.encoded_len() + 8;
        match groups.last_mut() {
            Some(group) if size + length <= PIECE_LIMIT && group.len() < DATASETS_LIMIT => {
                group.push(part);
                size += length;
            }
            _ => {
                groups.push(vec![part]);
                size = length;
            }
        }
    }
    groups
}

/// The digest of a submission's content.
pub(crate) fn digest(structure: &str, dataflow: &str, pieces: &[Vec<u8>]) -> [u8; 32] {
    let digests: Vec<_> = pieces.iter().map(|piece| pae::sha256(piece)).collect();
    let mut fields: Vec<&[u8]> = vec![structure.as_bytes(), dataflow.as_bytes()];
    fields.extend(digests.iter().map(<[u8; 32]>::as_slice));
    pae::digest_of(&fields)
}

/// How many observations the datasets name. A deletion that leaves a dimension or the period open names none.
pub(crate) fn count(datasets: &[Dataset]) -> u64 {
    let names = |pattern: String| !pattern.is_empty() && pattern.split('.').all(|part| !part.is_empty());
    let counted = datasets.iter().map(|dataset| match dataset {
        Dataset::Merge(rows) | Dataset::Replace(rows) => rows.len(),
        Dataset::Delete(rows) => {
            rows.iter().filter(|row| row.period.is_some() && names(row.pattern.to_string())).count()
        }
    });
    counted.sum::<usize>() as u64
}

/// How many rows delete by a pattern that leaves a dimension open: each pattern is held against every series of its
/// provider at every access point.
pub(crate) fn sweeps(datasets: &[Dataset]) -> usize {
    let is_open = |pattern: String| pattern.is_empty() || pattern.split('.').any(str::is_empty);
    let swept = datasets.iter().map(|dataset| match dataset {
        Dataset::Merge(_) | Dataset::Replace(_) => 0,
        Dataset::Delete(rows) => rows.iter().filter(|row| is_open(row.pattern.to_string())).count(),
    });
    swept.sum()
}

/// Reads a stored piece.
pub(crate) fn chunk(bytes: &[u8]) -> Result<pb::Chunk, Error> {
    pb::Chunk::decode(bytes).map_err(|_| Error::Corrupt("the content of a submission"))
}

/// What a block says of its observations, in its order: the period, empty for every period, and what is given.
pub(crate) fn rows(block: pb::SeriesBlock) -> impl Iterator<Item = (String, State)> {
    let pb::SeriesBlock { time_periods, values, attributes: columns, .. } = block;
    let mut values = values.into_iter();
    // Positions in the columns, and the attributes that stand there: the same for most that follow each other.
    let mut last: (Vec<u32>, Attributes) = Default::default();
    time_periods.into_iter().enumerate().map(move |(row, period)| {
        let value = values.next().filter(|value| !value.is_empty());
        let at = |column: &pb::AttributeColumn| column.positions.get(row).or(column.positions.first()).copied();
        let positions = columns.iter().map(|column| at(column).unwrap_or(0));
        if !positions.clone().eq(last.0.iter().copied()) {
            let given = columns.iter().zip(positions.clone()).filter_map(|(column, at)| {
                let text = column.texts.get(usize::try_from(at).ok()?.checked_sub(1)?)?;
                Some((column.attribute.clone(), text.clone()))
            });
            last = (positions.collect(), Arc::new(given.collect()));
        }
        (period, State { value, attributes: Arc::clone(&last.1) })
    })
}

/// Reads a stored period.
pub(crate) fn period(text: &str) -> Result<Period, Error> {
    text.parse().map_err(|_| Error::Corrupt("a period"))
}

/// Writes observations of a series by columns.
pub(crate) fn block(key: String, rows: Vec<(String, State)>) -> pb::SeriesBlock {
    let has_values = rows.iter().any(|(_, state)| state.value.is_some());
    let mut block = pb::SeriesBlock {
        key,
        time_periods: Vec::with_capacity(rows.len()),
        values: Vec::new(),
        attributes: columns(&rows),
    };
    for (period, state) in rows {
        block.time_periods.push(period);
        if has_values {
            block.values.push(state.value.unwrap_or_default());
        }
    }
    block
}

/// One column per attribute that any of the observations has, ordered by id.
fn columns(rows: &[(String, State)]) -> Vec<pb::AttributeColumn> {
    // Those that stand together and share their attributes have the same place in every column.
    let runs: Vec<_> = rows.chunk_by(|(_, one), (_, next)| Arc::ptr_eq(&one.attributes, &next.attributes)).collect();
    let sets = runs.iter().filter_map(|run| Some((&run.first()?.1.attributes, run.len())));
    let ids: BTreeSet<&String> = sets.clone().flat_map(|(attributes, _)| attributes.keys()).collect();
    let column = |id: &String| {
        let (mut texts, mut known) = (Vec::new(), HashMap::new());
        let mut positions: Vec<u32> = Vec::with_capacity(rows.len());
        for (attributes, length) in sets.clone() {
            let position = attributes.get(id).map_or(0, |text| {
                *known.entry(text).or_insert_with(|| {
                    texts.push(text.clone());
                    u32::try_from(texts.len()).unwrap_or(0)
                })
            });
            positions.extend(iter::repeat_n(position, length));
        }
        if positions.iter().all(|position| Some(position) == positions.first()) {
            positions.truncate(1);
        }
        pb::AttributeColumn { attribute: id.clone(), texts, positions }
    };
    ids.into_iter().map(column).collect()
}

/// What is left of a block for a reader who asked for a range of periods; none when nothing is.
pub(crate) fn cut(mut block: pb::SeriesBlock, range: PeriodRange) -> Result<Option<pb::SeriesBlock>, Error> {
    let key = std::mem::take(&mut block.key);
    let mut left = Vec::new();
    for (text, state) in rows(block) {
        if range.contains(&period(&text)?) {
            left.push((text, state));
        }
    }
    Ok((!left.is_empty()).then(|| self::block(key, left)))
}

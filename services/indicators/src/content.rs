//! What a submission says, in canonical form: datasets by series, in pieces of a size that fits a message. Own and
//! held submissions are stored in this form, so that the same submission is the same bytes at every access point.

use nhipcau_domain::indicator::{Dataset, Period, PeriodRange, wire};
use nhipcau_messaging::{pae, store::Error};
use nhipcau_proto::indicator::v1 as pb;
use prost::Message;

use crate::observation::State;

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
pub(crate) fn pieces(datasets: &[Dataset]) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    for dataset in datasets {
        match dataset {
            Dataset::Merge(rows) => rows.chunks(RUN).for_each(|run| split(run, &Dataset::Merge, &mut parts)),
            Dataset::Replace(rows) => rows.chunks(RUN).for_each(|run| split(run, &Dataset::Replace, &mut parts)),
            Dataset::Delete(rows) => rows.chunks(RUN).for_each(|run| split(run, &Dataset::Delete, &mut parts)),
        }
    }
    pack(parts).into_iter().map(|datasets| pb::Chunk { datasets }.encode_to_vec()).collect()
}

fn split<R: Clone>(rows: &[R], dataset: &impl Fn(Vec<R>) -> Dataset, parts: &mut Vec<pb::Dataset>) {
    let written = wire::write_datasets(&[dataset(rows.to_vec())]);
    let size: usize = written.iter().map(|dataset| dataset.encoded_len() + 8).sum();
    if size <= PIECE_LIMIT || rows.len() < 2 {
        return parts.extend(written);
    }
    let (first, second) = rows.split_at(rows.len() / 2);
    split(first, dataset, parts);
    split(second, dataset, parts);
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

/// Reads stored pieces.
pub(crate) fn datasets(pieces: &[Vec<u8>]) -> Result<Vec<pb::Dataset>, Error> {
    let mut datasets = Vec::new();
    for piece in pieces {
        let chunk = pb::Chunk::decode(piece.as_slice()).map_err(|_| Error::Corrupt("the content of a submission"))?;
        datasets.extend(chunk.datasets);
    }
    Ok(datasets)
}

/// What a block says of the observation at a position: its period, empty for every period, and what is given.
pub(crate) fn row(block: &pb::SeriesBlock, position: usize) -> (&str, State) {
    let period = block.time_periods.get(position).map_or("", String::as_str);
    let value = block.values.get(position).filter(|value| !value.is_empty()).cloned();
    let attributes = block.attributes.iter().filter_map(|column| {
        let at = column.positions.get(position).or_else(|| column.positions.first())?;
        let text = column.texts.get(usize::try_from(*at).ok()?.checked_sub(1)?)?;
        Some((column.attribute.clone(), text.clone()))
    });
    (period, State { value, attributes: attributes.collect() })
}

/// Reads a stored period.
pub(crate) fn period(text: &str) -> Result<Period, Error> {
    text.parse().map_err(|_| Error::Corrupt("a period"))
}

/// Writes observations of a series by columns.
pub(crate) fn block(key: String, rows: &[(String, State)]) -> pb::SeriesBlock {
    let mut ids: Vec<&String> = rows.iter().flat_map(|(_, state)| state.attributes.keys()).collect();
    ids.sort_unstable();
    ids.dedup();
    let column = |id: &String| {
        let mut texts: Vec<String> = Vec::new();
        let mut positions: Vec<u32> = Vec::new();
        for (_, state) in rows {
            positions.push(state.attributes.get(id).map_or(0, |text| {
                let at = texts.iter().position(|known| known == text).unwrap_or_else(|| {
                    texts.push(text.clone());
                    texts.len() - 1
                });
                u32::try_from(at + 1).unwrap_or(0)
            }));
        }
        if positions.iter().all(|position| Some(position) == positions.first()) {
            positions.truncate(1);
        }
        pb::AttributeColumn { attribute: id.clone(), texts, positions }
    };
    let attributes = ids.into_iter().map(column).collect();
    let has_values = rows.iter().any(|(_, state)| state.value.is_some());
    let value = |state: &State| state.value.clone().unwrap_or_default();
    pb::SeriesBlock {
        key,
        time_periods: rows.iter().map(|(period, _)| period.clone()).collect(),
        values: if has_values { rows.iter().map(|(_, state)| value(state)).collect() } else { Vec::new() },
        attributes,
    }
}

/// What is left of a block for a reader who asked for a range of periods; none when nothing is.
pub(crate) fn cut(block: &pb::SeriesBlock, range: PeriodRange) -> Result<Option<pb::SeriesBlock>, Error> {
    let mut rows = Vec::new();
    for position in 0..block.time_periods.len() {
        let (text, state) = row(block, position);
        if range.contains(&period(text)?) {
            rows.push((text.to_owned(), state));
        }
    }
    Ok((!rows.is_empty()).then(|| self::block(block.key.clone(), &rows)))
}

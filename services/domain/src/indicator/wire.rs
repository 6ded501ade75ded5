//! Between checked datasets and the contract: rows and blocks in, blocks out.

use std::{collections::HashMap, iter, sync::Arc};

use nhipcau_proto::indicator::v1 as pb;

use super::{Action, Checker, Dataset, Deletion, Observation, Parts, Place, Raw};
use crate::reason;

/// Hands every row of the datasets to the checker, which collects datasets and violations.
pub fn read_datasets(datasets: &[pb::Dataset], checker: &mut Checker<'_>) {
    for (index, dataset) in datasets.iter().enumerate() {
        let action = match dataset.action() {
            pb::Action::Merge => Action::Merge,
            pb::Action::Replace => Action::Replace,
            pb::Action::Delete => Action::Delete,
            pb::Action::Unspecified => {
                let place = Place::Row { dataset: index, observation: 0 };
                checker.violation(reason::ACTION_UNKNOWN, place, None);
                continue;
            }
        };
        checker.begin(action);
        for (observation, row) in dataset.observations.iter().enumerate() {
            // A map has no order of its own, and the same input must be refused in the same words everywhere.
            let mut attributes: Vec<(&str, &str)> = row.attributes.iter().map(|(id, text)| (&**id, &**text)).collect();
            attributes.sort_unstable();
            let raw = Raw {
                key: &row.key,
                period: &row.time_period,
                value: row.value.as_deref(),
                attributes: attributes.into_iter(),
            };
            checker.row(Place::Row { dataset: index, observation }, &raw);
        }
        for (position, block) in dataset.blocks.iter().enumerate() {
            read_block(index, position, block, action == Action::Delete, checker);
        }
    }
}

/// Most columns of attributes, as the contract says; every row looks at each.
const COLUMNS: usize = 64;

fn read_block(dataset: usize, position: usize, block: &pb::SeriesBlock, is_deletion: bool, checker: &mut Checker<'_>) {
    let rows = block.time_periods.len();
    let fits = |len: usize, one_for_all: bool| len == rows || (one_for_all && len == 1);
    let columns_fit = block.attributes.iter().all(|column| {
        fits(column.positions.len(), true)
            && column.positions.iter().all(|at| usize::try_from(*at).is_ok_and(|at| at <= column.texts.len()))
    });
    if rows == 0
        || block.attributes.len() > COLUMNS
        || !columns_fit
        || !(block.values.is_empty() || fits(block.values.len(), false))
    {
        let place = Place::Block { dataset, block: position, observation: 0 };
        return checker.violation(reason::BLOCK_MALFORMED, place, None);
    }
    let value_at = |row: usize| block.values.get(row).map(String::as_str).filter(|text| !text.is_empty());
    let position_at = |row: usize| {
        let at = move |column: &pb::AttributeColumn| column.positions.get(row).or(column.positions.first()).copied();
        block.attributes.iter().map(move |column| at(column).unwrap_or(0))
    };
    let attributes_at = |row: usize| {
        block.attributes.iter().zip(position_at(row)).filter_map(|(column, at)| {
            let text = column.texts.get(usize::try_from(at).ok()?.checked_sub(1)?)?;
            Some((&*column.attribute, &**text))
        })
    };
    let place = |observation: usize| Place::Block { dataset, block: position, observation };
    if is_deletion {
        for (row, period) in block.time_periods.iter().enumerate() {
            let raw = Raw { key: &block.key, period, value: value_at(row), attributes: attributes_at(row) };
            checker.row(place(row), &raw);
        }
        return;
    }
    let series = checker.series(&block.key);
    // Positions in the columns and the attributes that stand there: the same for most rows that follow each other.
    let mut last: Option<(Vec<u32>, usize)> = None;
    for (row, period) in block.time_periods.iter().enumerate() {
        let known = last.as_ref().filter(|(positions, _)| position_at(row).eq(positions.iter().copied()));
        let attributes = match known {
            Some((_, attributes)) => *attributes,
            None => last.insert((position_at(row).collect(), checker.attributes(attributes_at(row)))).1,
        };
        checker.observed(place(row), series, attributes, period, value_at(row));
    }
}

/// Writes datasets as they travel: one block per run of observations of a series.
#[must_use]
pub fn write_datasets(datasets: &[Dataset]) -> Vec<pb::Dataset> {
    datasets.iter().map(write_dataset).collect()
}

fn write_dataset(dataset: &Dataset) -> pb::Dataset {
    let (action, blocks) = match dataset {
        Dataset::Merge(rows) => (pb::Action::Merge, write_observations(rows)),
        Dataset::Replace(rows) => (pb::Action::Replace, write_observations(rows)),
        Dataset::Delete(rows) => (pb::Action::Delete, write_deletions(rows)),
    };
    pb::Dataset { action: action.into(), observations: Vec::new(), blocks }
}

/// One block per run of equal keys. A series whose observations do not stand together has several.
#[must_use]
pub fn write_observations(rows: &[Observation]) -> Vec<pb::SeriesBlock> {
    rows.chunk_by(|left, right| left.key == right.key)
        .filter_map(|run| {
            let key = run.first()?.key.to_string();
            let text =
                |row: &Observation| row.value.as_ref().map_or_else(String::new, |value| value.as_str().to_owned());
            let has_values = run.iter().any(|row| row.value.is_some());
            Some(pb::SeriesBlock {
                key,
                time_periods: run.iter().map(|row| row.period.to_string()).collect(),
                values: if has_values { run.iter().map(text).collect() } else { Vec::new() },
                attributes: write_attributes(run),
            })
        })
        .collect()
}

fn write_attributes(rows: &[Observation]) -> Vec<pb::AttributeColumn> {
    let runs = rows.chunk_by(|left, right| left.attributes.is(&right.attributes));
    let runs: Vec<_> = runs.filter_map(|run| Some((&run.first()?.attributes, run.len()))).collect();
    let mut ids: Vec<&str> = Vec::new();
    for (id, _) in runs.iter().flat_map(|(attributes, _)| attributes.iter()) {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    let cells = |id| runs.iter().map(move |(attributes, length)| (attributes.get(id), *length));
    ids.into_iter().map(|id| write_column(id, cells(id))).collect()
}

/// A column of cells that each stand for so many rows.
fn write_column<'a>(id: &str, cells: impl Iterator<Item = (Option<&'a str>, usize)>) -> pb::AttributeColumn {
    let mut texts: Vec<String> = Vec::new();
    let mut known: HashMap<&str, u32> = HashMap::new();
    let mut positions: Vec<u32> = Vec::new();
    for (cell, length) in cells {
        let position = cell.map_or(0, |text| {
            *known.entry(text).or_insert_with(|| {
                texts.push(text.to_owned());
                u32::try_from(texts.len()).unwrap_or(0)
            })
        });
        positions.extend(iter::repeat_n(position, length));
    }
    if positions.iter().all(|position| Some(position) == positions.first()) {
        positions.truncate(1);
    }
    pb::AttributeColumn { attribute: id.to_owned(), texts, positions }
}

/// Rows of a deletion, a block for each.
#[must_use]
pub fn write_deletions(rows: &[Deletion]) -> Vec<pb::SeriesBlock> {
    rows.iter().map(write_deletion).collect()
}

fn write_deletion(deletion: &Deletion) -> pb::SeriesBlock {
    let Parts { value, attributes } = &deletion.parts;
    let present = |id: &Arc<str>| pb::AttributeColumn {
        attribute: id.to_string(),
        texts: vec!["-".to_owned()],
        positions: vec![1],
    };
    pb::SeriesBlock {
        key: deletion.pattern.to_string(),
        time_periods: vec![deletion.period.map_or_else(String::new, |period| period.to_string())],
        values: if *value { vec!["-".to_owned()] } else { Vec::new() },
        attributes: attributes.iter().map(present).collect(),
    }
}

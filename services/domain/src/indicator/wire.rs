//! Between checked datasets and the contract: rows and blocks in, blocks out.

use std::{collections::HashMap, sync::Arc};

use nhipcau_proto::indicator::v1 as pb;

use super::{Action, Attributes, Checker, Dataset, Deletion, Observation, Parts, Place, Raw};
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
            read_block(index, position, block, checker);
        }
    }
}

fn read_block(dataset: usize, position: usize, block: &pb::SeriesBlock, checker: &mut Checker<'_>) {
    let rows = block.time_periods.len();
    let fits = |len: usize, one_for_all: bool| len == rows || (one_for_all && len == 1);
    let columns_fit = block.attributes.iter().all(|column| {
        fits(column.positions.len(), true)
            && column.positions.iter().all(|at| usize::try_from(*at).is_ok_and(|at| at <= column.texts.len()))
    });
    if !columns_fit || !(block.values.is_empty() || fits(block.values.len(), false)) {
        let place = Place::Block { dataset, block: position, observation: 0 };
        return checker.violation(reason::BLOCK_MALFORMED, place, None);
    }
    for (observation, period) in block.time_periods.iter().enumerate() {
        let raw = Raw {
            key: &block.key,
            period,
            value: block.values.get(observation).map(String::as_str).filter(|text| !text.is_empty()),
            attributes: block.attributes.iter().filter_map(|column| {
                let at = column.positions.get(observation).or_else(|| column.positions.first())?;
                let text = column.texts.get(usize::try_from(*at).ok()?.checked_sub(1)?)?;
                Some((&*column.attribute, &**text))
            }),
        };
        checker.row(Place::Block { dataset, block: position, observation }, &raw);
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
        Dataset::Delete(rows) => (pb::Action::Delete, rows.iter().map(write_deletion).collect()),
    };
    pb::Dataset { action: action.into(), observations: Vec::new(), blocks }
}

/// One block per run of equal keys. A series whose observations do not stand together has several.
#[must_use]
pub fn write_observations(rows: &[Observation]) -> Vec<pb::SeriesBlock> {
    rows.chunk_by(|left, right| left.key == right.key)
        .filter_map(|run| {
            let key = run.first()?.key.to_string();
            let text = |row: &Observation| row.value.as_ref().map_or_else(String::new, ToString::to_string);
            let has_values = run.iter().any(|row| row.value.is_some());
            Some(pb::SeriesBlock {
                key,
                time_periods: run.iter().map(|row| row.period.to_string()).collect(),
                values: if has_values { run.iter().map(text).collect() } else { Vec::new() },
                attributes: write_attributes(run.iter().map(|row| &row.attributes)),
            })
        })
        .collect()
}

fn write_attributes<'a>(rows: impl Iterator<Item = &'a Attributes> + Clone) -> Vec<pb::AttributeColumn> {
    let mut ids: Vec<&str> = Vec::new();
    for (id, _) in rows.clone().flat_map(Attributes::iter) {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids.into_iter().map(|id| write_column(id, rows.clone().map(|row| row.get(id)))).collect()
}

fn write_column<'a>(id: &str, cells: impl Iterator<Item = Option<&'a str>>) -> pb::AttributeColumn {
    let mut texts: Vec<String> = Vec::new();
    let mut known: HashMap<&str, u32> = HashMap::new();
    let mut positions: Vec<u32> = Vec::new();
    for cell in cells {
        positions.push(cell.map_or(0, |text| {
            *known.entry(text).or_insert_with(|| {
                texts.push(text.to_owned());
                u32::try_from(texts.len()).unwrap_or(0)
            })
        }));
    }
    if positions.iter().all(|position| Some(position) == positions.first()) {
        positions.truncate(1);
    }
    pb::AttributeColumn { attribute: id.to_owned(), texts, positions }
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

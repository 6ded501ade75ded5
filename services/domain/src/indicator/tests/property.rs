//! Rules that hold for every sequence of submissions, checked against the plainest model that can be written.

use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;
use crate::indicator::{History, KeyPattern, PeriodRange, Revision, Stamp};
use pb::Action::{Delete, Merge, Replace};

/// Frequencies, and a period of each.
const FREQS: [&str; 3] = ["A", "Q", "M"];
const AREA_CODES: [&str; 3] = ["704", "01@VN-63", "00004@VN-34-2026"];
const SEXES: [&str; 2] = ["F", "M"];
const PERIODS: [&str; 3] = ["2025", "2025-Q3", "2025-07"];

/// The key of a series, and a period of its frequency.
fn named() -> impl Strategy<Value = (String, &'static str)> {
    (0..FREQS.len(), select(&AREA_CODES[..1]), select(&SEXES[..]))
        .prop_map(|(f, a, s)| (format!("{}.{a}.{s}", FREQS[f]), PERIODS[f]))
}

fn open_key() -> impl Strategy<Value = String> {
    let part = |codes: &'static [&'static str]| option::of(select(codes)).prop_map(Option::unwrap_or_default);
    (part(&FREQS), part(&AREA_CODES[..1]), part(&SEXES)).prop_map(|(f, a, s)| format!("{f}.{a}.{s}"))
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof!["[+-]?[0-9]{1,12}(\\.[0-9]{1,9})?", Just("NaN".to_owned())]
}

fn attributes() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let status = option::of(select(&["A", "E"][..])).prop_map(|s| s.map(|s| ("OBS_STATUS", s.to_owned())));
    let note = option::of("[ -~àăâđêôơưẠ-ỹ\n]{1,20}").prop_map(|text| text.map(|text| ("NOTE", text)));
    (status, note).prop_map(|(status, note)| status.into_iter().chain(note).collect())
}

fn observation() -> impl Strategy<Value = pb::Observation> {
    (named(), option::of(value()), attributes())
        .prop_map(|((key, period), value, attributes)| written(&key, period, value.as_deref(), &attributes))
        .prop_filter("an observation says something", |row| row.value.is_some() || !row.attributes.is_empty())
}

fn deletion() -> impl Strategy<Value = pb::Observation> {
    let period = option::of(select(&PERIODS[..])).prop_map(Option::unwrap_or_default);
    (open_key(), period, any::<bool>(), any::<bool>()).prop_map(|(key, period, value, note)| {
        let named = if note { vec![("NOTE", "-".to_owned())] } else { Vec::new() };
        written(&key, period, value.then_some("-"), &named)
    })
}

fn written(key: &str, period: &str, value: Option<&str>, attributes: &[(&str, String)]) -> pb::Observation {
    let attributes: Vec<_> = attributes.iter().map(|(id, text)| (*id, text.as_str())).collect();
    row(key, period, value, &attributes)
}

/// Datasets that name each observation once: later rows of the same name are dropped.
fn submission() -> impl Strategy<Value = Vec<pb::Dataset>> {
    let filled = (select(&[Merge, Replace][..]), vec(observation(), 1..5));
    let cleared = vec(deletion(), 1..3).prop_map(|rows| (Delete, rows));
    vec(prop_oneof![3 => filled, 1 => cleared], 1..4).prop_map(|datasets| {
        let mut named = Vec::new();
        let once = |row: &pb::Observation, named: &mut Vec<_>| {
            let name = (row.key.clone(), row.time_period.clone());
            let open = row.time_period.is_empty() || row.key.split('.').any(str::is_empty);
            let new = open || !named.contains(&name);
            named.push(name);
            new
        };
        let keep = |(action, rows): (pb::Action, Vec<pb::Observation>)| {
            dataset(action, rows.into_iter().filter(|row| once(row, &mut named)).collect())
        };
        datasets.into_iter().map(keep).collect()
    })
}

type Cell = (Option<String>, BTreeMap<String, String>);

/// The rules once more, on texts and without any cleverness.
fn plain(state: &mut BTreeMap<(String, String), Cell>, datasets: &[pb::Dataset]) {
    for dataset in datasets {
        for row in &dataset.observations {
            let name = (row.key.clone(), row.time_period.clone());
            let given: BTreeMap<_, _> = row.attributes.clone().into_iter().collect();
            match dataset.action() {
                Replace => drop(state.insert(name, (row.value.clone(), given))),
                Merge => {
                    let cell = state.entry(name).or_default();
                    cell.0 = row.value.clone().or(cell.0.take());
                    cell.1.extend(given);
                }
                _ => {
                    let parts: Vec<_> = row.key.split('.').collect();
                    let hit = |(key, period): &(String, String)| {
                        key.split('.').zip(&parts).all(|(code, part)| part.is_empty() || code == *part)
                            && (row.time_period.is_empty() || *period == row.time_period)
                    };
                    for (_, cell) in state.iter_mut().filter(|(name, _)| hit(name)) {
                        let whole = row.value.is_none() && given.is_empty();
                        if whole || row.value.is_some() {
                            cell.0 = None;
                        }
                        cell.1.retain(|id, _| !whole && !given.contains_key(id));
                    }
                    state.retain(|_, cell| cell.0.is_some() || !cell.1.is_empty());
                }
            }
        }
    }
}

fn texts(history: &History, ordinal: u64) -> BTreeMap<(String, String), Cell> {
    let all = KeyPattern::new("all", 3).unwrap();
    let cell = |state: &crate::indicator::State| {
        let attributes = state.attributes.iter().map(|(id, text)| (id.to_owned(), text.to_owned())).collect();
        (state.value.as_ref().map(ToString::to_string), attributes)
    };
    let observations = history.as_of(ordinal, &all, PeriodRange::default());
    observations.map(|(key, period, state)| ((key.to_string(), period.to_string()), cell(state))).collect()
}

fn stamp(ordinal: u64) -> Stamp {
    Stamp { ordinal, publish_time: Timestamp::from_second(ordinal as i64).unwrap() }
}

proptest! {
    #[test]
    fn history_is_what_the_plain_rules_say_after_every_submission(submissions in vec(submission(), 1..6)) {
        let (mut history, mut again, mut state) = (History::default(), History::default(), BTreeMap::new());
        let mut states = vec![state.clone()];
        for (ordinal, datasets) in (1..).zip(&submissions) {
            let Ok(checked) = check(&SMALL, datasets) else { return Err(TestCaseError::reject("empty")) };
            history.apply(stamp(ordinal), &checked).unwrap();
            again.apply(stamp(ordinal), &check(&SMALL, &wire::write_datasets(&checked)).unwrap()).unwrap();
            plain(&mut state, datasets);
            states.push(state.clone());
        }
        // What travelled gives the same history, and no later submission changes what an earlier one left.
        prop_assert_eq!(&history, &again);
        for (ordinal, expected) in (0..).zip(states) {
            prop_assert_eq!(texts(&history, ordinal), expected);
        }
    }

    #[test]
    fn every_revision_is_kept_in_order(submissions in vec(submission(), 1..6)) {
        let (mut history, mut before) = (History::default(), Vec::<(String, Revision)>::new());
        let all = KeyPattern::new("", 3).unwrap();
        for (ordinal, datasets) in (1..).zip(&submissions) {
            let Ok(checked) = check(&SMALL, datasets) else { return Err(TestCaseError::reject("empty")) };
            history.apply(stamp(ordinal), &checked).unwrap();
            let now: Vec<_> = history
                .revisions(&all, PeriodRange::default())
                .map(|(key, period, revision)| (format!("{key} {period}"), revision.clone()))
                .collect();
            prop_assert!(before.iter().all(|old| now.contains(old)));
            for pair in now.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
                prop_assert!(pair[0].1.stamp.ordinal < pair[1].1.stamp.ordinal);
            }
            before = now;
        }
    }

    #[test]
    fn import_of_an_export_gives_the_same_datasets(datasets in submission()) {
        let Ok(checked) = check(&SMALL, &datasets) else { return Err(TestCaseError::reject("empty")) };
        let imported = import(&SMALL, export(&SMALL, &checked)).unwrap().datasets;
        // Neighbouring datasets of the same action become one, which changes nothing.
        let rows = |datasets: &[Dataset]| wire::write_datasets(datasets).into_iter().flat_map(|d| {
            d.blocks.into_iter().flat_map(move |block| {
                let single = pb::Dataset { action: d.action, observations: Vec::new(), blocks: vec![block] };
                single_rows(&single)
            })
        }).collect::<Vec<_>>();
        prop_assert_eq!(rows(&imported), rows(&checked));
    }

    #[test]
    fn a_pattern_selects_what_comparing_part_by_part_selects(
        rows in vec(observation(), 1..20),
        parts in [vec(select(&FREQS[..]), 0..3), vec(select(&AREA_CODES[..]), 0..3), vec(select(&SEXES[..]), 0..3)],
        start in option::of(select(&PERIODS[..])),
        end in option::of(select(&PERIODS[..])),
    ) {
        let pattern = KeyPattern::new(&parts.each_ref().map(|part| part.join("+")).join("."), 3).unwrap();
        let range = PeriodRange { start: start.map(|p| p.parse().unwrap()), end: end.map(|p| p.parse().unwrap()) };
        let mut history = History::default();
        for (ordinal, row) in (1..).zip(rows) {
            let datasets = check(&SMALL, &[dataset(Replace, vec![row])]).unwrap();
            history.apply(stamp(ordinal), &datasets).unwrap();
        }
        let all = KeyPattern::new("*", 3).unwrap();
        let everything = history.as_of(u64::MAX, &all, PeriodRange::default());
        let expected: Vec<_> = everything.filter(|(key, period, _)| {
            key.codes().zip(&parts).all(|(code, part)| part.is_empty() || part.contains(&code))
                && range.start.is_none_or(|start| start.first_day() <= period.first_day())
                && range.end.is_none_or(|end| period.last_day() <= end.last_day())
        }).collect();
        let found: Vec<_> = history.as_of(u64::MAX, &pattern, range).collect();
        prop_assert!(found.iter().all(|(key, _, _)| key.as_str().starts_with(&pattern.prefix())));
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn no_bytes_make_the_reader_fail_otherwise_than_by_a_reason(bytes in vec(any::<u8>(), 0..200), rows in any::<bool>()) {
        let header = if rows { &DEMO.as_bytes()[..DEMO.find("SG_").unwrap()] } else { b"" };
        let outcome = import(&STRUCTURE, [header, &bytes].concat());
        prop_assert!(outcome.is_ok() || !outcome.unwrap_err().reason().is_empty());
    }
}

/// A block taken apart into one observation each.
fn single_rows(dataset: &pb::Dataset) -> Vec<String> {
    let checked = check(&SMALL, std::slice::from_ref(dataset)).unwrap();
    let text = |row: String| format!("{:?} {row}", dataset.action());
    checked
        .iter()
        .flat_map(|dataset| match dataset {
            Dataset::Merge(rows) | Dataset::Replace(rows) => rows.iter().map(|row| text(format!("{row:?}"))).collect(),
            Dataset::Delete(rows) => rows.iter().map(|row| text(format!("{row:?}"))).collect::<Vec<_>>(),
        })
        .collect()
}

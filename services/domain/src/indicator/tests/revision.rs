//! What MERGE, REPLACE and DELETE make of an observation, and what is remembered.

use super::*;
use crate::indicator::{History, KeyPattern, OutOfOrder, PeriodRange, Stamp};
use jiff::Timestamp;
use pb::Action::{Delete, Merge, Replace};

const KEY: &str = "A.704.F";

fn stamp(ordinal: u64) -> Stamp {
    Stamp { ordinal, publish_time: Timestamp::from_second(1_000 * ordinal as i64).unwrap() }
}

type Step<'a> = (pb::Action, Option<&'a str>, &'a [(&'a str, &'a str)]);

/// Applies submissions of one row each and returns what they leave of the observation, as text.
fn after(submissions: &[Step<'_>]) -> Option<String> {
    let mut history = History::default();
    for (index, (action, value, attributes)) in submissions.iter().enumerate() {
        let rows = vec![row(KEY, "2024", *value, attributes)];
        let datasets = check(&SMALL, &[dataset(*action, rows)]).unwrap();
        history.apply(stamp(index as u64 + 1), &datasets).unwrap();
    }
    show(&history, submissions.len() as u64).pop()
}

fn show(history: &History, ordinal: u64) -> Vec<String> {
    let all = KeyPattern::new("all", 3).unwrap();
    let text = |(key, period, state): (&crate::indicator::Key, crate::indicator::Period, &crate::indicator::State)| {
        let value = state.value.as_ref().map_or("-", |value| value.as_str());
        let attributes: String = state.attributes.iter().map(|(id, text)| format!(" {id}={text}")).collect();
        format!("{key} {period} {value}{attributes}")
    };
    history.as_of(ordinal, &all, PeriodRange::default()).map(text).collect()
}

#[test]
fn merge_keeps_what_is_not_given_and_replace_does_not() {
    let first = (Replace, Some("1"), &[("OBS_STATUS", "A"), ("NOTE", "x")][..]);
    let left = |second| after(&[first, second]);
    assert_eq!(left((Merge, Some("2"), &[])).unwrap(), "A.704.F 2024 2 NOTE=x OBS_STATUS=A");
    assert_eq!(left((Merge, None, &[("OBS_STATUS", "E")])).unwrap(), "A.704.F 2024 1 NOTE=x OBS_STATUS=E");
    assert_eq!(left((Replace, Some("2"), &[])).unwrap(), "A.704.F 2024 2");
    assert_eq!(left((Replace, None, &[("NOTE", "y")])).unwrap(), "A.704.F 2024 - NOTE=y");
    assert_eq!(after(&[(Merge, Some("1"), &[])]).unwrap(), "A.704.F 2024 1");
}

#[test]
fn delete_removes_the_observation_or_the_parts_it_names() {
    let first = (Replace, Some("1"), &[("NOTE", "x")][..]);
    let left = |second| after(&[first, second]);
    assert_eq!(left((Delete, None, &[])), None);
    assert_eq!(left((Delete, Some("-"), &[])).unwrap(), "A.704.F 2024 - NOTE=x");
    assert_eq!(left((Delete, None, &[("NOTE", "-")])).unwrap(), "A.704.F 2024 1");
    assert_eq!(left((Delete, Some("-"), &[("NOTE", "-")])), None);
    assert_eq!(after(&[(Delete, None, &[])]), None, "what does not exist is no error");
}

#[test]
fn clearing_and_refilling_in_one_submission_leaves_one_revision() {
    let mut history = History::default();
    let fill = |value| dataset(Replace, vec![row(KEY, "2023", Some("1"), &[]), row(KEY, "2024", Some(value), &[])]);
    history.apply(stamp(1), &check(&SMALL, &[fill("1")]).unwrap()).unwrap();
    let clear = dataset(Delete, vec![row("A..", "", None, &[])]);
    let refill = dataset(Replace, vec![row(KEY, "2024", Some("2"), &[])]);
    history.apply(stamp(2), &check(&SMALL, &[clear, refill]).unwrap()).unwrap();
    let all = KeyPattern::new("", 3).unwrap();
    let revisions = history.revisions(&all, PeriodRange::default()).map(|(_, period, r)| (period.to_string(), r));
    let seen: Vec<_> = revisions.map(|(period, r)| (period, r.stamp.ordinal, r.state.is_some())).collect();
    let expected = [("2023", 1, true), ("2023", 2, false), ("2024", 1, true), ("2024", 2, true)];
    assert_eq!(seen, expected.map(|(period, ordinal, exists)| (period.to_owned(), ordinal, exists)));
    assert_eq!(show(&history, 1), ["A.704.F 2023 1", "A.704.F 2024 1"]);
    assert_eq!(show(&history, 2), ["A.704.F 2024 2"]);
    assert_eq!(show(&history, 0), Vec::<String>::new());
}

#[test]
fn a_submission_out_of_order_changes_nothing() {
    let datasets = check(&SMALL, &[dataset(Replace, vec![row(KEY, "2024", Some("1"), &[])])]).unwrap();
    let mut history = History::default();
    assert_eq!(history.apply(stamp(2), &datasets), Err(OutOfOrder { expected: 1, found: 2 }));
    assert_eq!(history, History::default());
    history.apply(stamp(1), &datasets).unwrap();
    assert_eq!(history.apply(stamp(1), &datasets), Err(OutOfOrder { expected: 2, found: 1 }));
}

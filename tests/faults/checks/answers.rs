//! What the judges of figures and cases find when callers are shown something else than they were answered, and what a
//! campaign makes of it.

use anyhow::{Result, ensure};
use nhipcau_proto::referral::v1::{Branch, BranchState, HistoryEntry, Side};

use crate::{
    cases::{self, Wrong},
    figures::{Figures, Shown},
    report::{Row, Table},
};

/// What callers are shown of two figures, by year, and how many of them are lost and too many.
type Published = (&'static str, &'static [(&'static str, &'static str)], (usize, usize));

const FIGURES: &[Published] = &[
    ("figures as published", &[("2001", "1"), ("2002", "2")], (0, 0)),
    ("a figure that is missing", &[("2001", "1")], (1, 0)),
    ("a figure of another value", &[("2001", "1"), ("2002", "3")], (1, 0)),
    ("a figure that is there twice", &[("2001", "1"), ("2002", "2"), ("2002", "2")], (0, 1)),
    ("a figure that nobody published", &[("2001", "1"), ("2002", "2"), ("2003", "3")], (0, 1)),
    ("no figures at all", &[], (2, 0)),
];

/// The steps of a case, its state and its events as a side shows them, and what is wrong with it.
type Case = (&'static str, usize, BranchState, &'static [(Side, u64, &'static str)], Option<Wrong>);

const OPENED: (Side, u64, &str) = (Side::Origin, 1, "opened");
const RECEIVED: (Side, u64, &str) = (Side::Origin, 2, "received");
const ACKNOWLEDGED: (Side, u64, &str) = (Side::Recipient, 1, "acknowledged");
const ASSIGNED: (Side, u64, &str) = (Side::Origin, 3, "assigned");
const AGAIN: (Side, u64, &str) = (Side::Recipient, 2, "acknowledged");

const CASES: &[Case] = &[
    ("a case as it was taken", 1, BranchState::Assigned, &[OPENED, RECEIVED, ACKNOWLEDGED, ASSIGNED], None),
    ("an event that is missing", 1, BranchState::Received, &[OPENED, RECEIVED, ASSIGNED], Some(Wrong::Lost)),
    ("a case without events", 0, BranchState::Unspecified, &[], Some(Wrong::Lost)),
    (
        "an event that is there twice",
        1,
        BranchState::Assigned,
        &[OPENED, RECEIVED, ACKNOWLEDGED, ASSIGNED, AGAIN],
        Some(Wrong::TooMany),
    ),
    ("a step that nobody took", 0, BranchState::Received, &[OPENED, RECEIVED, ACKNOWLEDGED], Some(Wrong::TooMany)),
    (
        "an event in the place of another",
        1,
        BranchState::Assigned,
        &[OPENED, RECEIVED, AGAIN, ASSIGNED],
        Some(Wrong::TooMany),
    ),
    (
        "a state that follows from other events",
        1,
        BranchState::Received,
        &[OPENED, RECEIVED, ACKNOWLEDGED, ASSIGNED],
        Some(Wrong::Lost),
    ),
];

pub(super) fn run() -> Result<usize> {
    let key = |year: &str| ("series".to_owned(), year.to_owned());
    let published = Figures::of([("2001", "1"), ("2002", "2")].map(|(year, value)| (key(year), value.to_owned())));
    for (what, shown, expected) in FIGURES {
        let mut held = Shown::new();
        shown.iter().for_each(|(year, value)| held.entry(key(year)).or_default().push((*value).to_owned()));
        let found = published.differences(&held);
        ensure!(found == *expected, "of {what} the judges say {found:?}");
    }
    for (what, steps, state, events, expected) in CASES {
        let found = cases::wrong(*steps, &branch(*state, events));
        ensure!(found == *expected, "of {what} the judges say {found:?}");
    }
    let rows = [
        Row { lost: 1, ..Row::default() },
        Row { doubled: 1, ..Row::default() },
        Row { misordered: 1, ..Row::default() },
        Row { broken: vec!["a promise".to_owned()], ..Row::default() },
    ];
    let wrong = rows.len();
    for row in rows {
        let mut table = Table::default();
        table.add(Row::default());
        ensure!(table.holds() && table.counts() == (1, 0), "a campaign in which nothing is wrong is red");
        table.add(row);
        ensure!(!table.holds() && table.counts() == (1, 1), "a campaign is green all the same: {table}");
    }
    Ok(FIGURES.len() + CASES.len() + wrong)
}

fn branch(state: BranchState, events: &[(Side, u64, &str)]) -> Branch {
    let entry = |(side, ordinal, event): &(Side, u64, &str)| HistoryEntry {
        event: (*event).to_owned(),
        side: (*side).into(),
        ordinal: *ordinal,
        ..Default::default()
    };
    Branch { state: state.into(), history: events.iter().map(entry).collect(), ..Default::default() }
}

//! What is kept and what goes, and the table of it that `docs/referrals.md` prints.

use std::{fmt::Write as _, fs, path::Path};

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::{
    directory::Validity,
    referral::{PartSet, Refusal},
};

const BEGIN: &str = "<!-- retention table: begin -->\n";
const END: &str = "<!-- retention table: end -->";

fn at(day: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + day * 86_400).unwrap()
}

fn text(value: &str) -> Text {
    Text::read(value, 200, "citation", &mut Refusal::default()).unwrap()
}

fn class(id: &str, from: State, parts: &[Part], days: u32) -> Class {
    Class {
        id: id.into(),
        from,
        parts: PartSet::of(parts),
        days,
        source: text("Article 1 of an example"),
        validity: Validity::from(at(-9)),
    }
}

fn record() -> Class {
    class("service-record", State::InService, &[Part::Narrative], 30)
}

/// Ended by a withdrawal on day 0.
fn ended(reached: Option<State>) -> Ended {
    Ended { reached, state: State::Revoked, time: at(0) }
}

fn order() -> Vec<Text> {
    vec![text("Order 7 of an example")]
}

#[test]
fn a_hold_outranks_every_class() {
    let served = ended(Some(State::InService));
    let held = verdict(Part::Narrative, &served, &order(), &[record()], at(31));
    let kept = Kept { part: Part::Narrative, citation: order().remove(0), class: None, until: None };
    assert_eq!(held, Verdict::Keep(kept), "also when the class has run out");
    // Nothing goes: not what no class names, nor what never should have been sent.
    let mistake = Ended { state: State::EnteredInError, ..ended(None) };
    assert!(matches!(verdict(Part::Preview, &mistake, &order(), &[], at(1)), Verdict::Keep(_)));
}

#[test]
fn a_class_outranks_a_withdrawal_and_names_its_basis() {
    let served = ended(Some(State::InService));
    let Verdict::Keep(kept) = verdict(Part::Narrative, &served, &[], &[record()], at(29)) else { panic!("kept") };
    assert_eq!((kept.class.as_deref(), kept.until), (Some("service-record"), Some(at(30))));
    assert_eq!(kept.citation, text("Article 1 of an example"));
    assert_eq!(verdict(Part::Narrative, &served, &[], &[record()], at(30)), Verdict::Erase, "its time has come");
}

#[test]
fn no_class_means_erase() {
    let served = ended(Some(State::Completed));
    assert_eq!(verdict(Part::Narrative, &served, &[], &[], at(0)), Verdict::Erase);
    assert_eq!(verdict(Part::Identity, &served, &[], &[record()], at(0)), Verdict::Erase, "of another part");
    for reached in [None, Some(State::Assigned)] {
        let verdict = verdict(Part::Narrative, &ended(reached), &[], &[record()], at(0));
        assert_eq!(verdict, Verdict::Erase, "what came only to {reached:?}");
    }
    let later = Class { validity: Validity::from(at(1)), ..record() };
    assert_eq!(verdict(Part::Narrative, &served, &[], &[later], at(2)), Verdict::Erase, "not in force at the end");
}

#[test]
fn what_never_should_have_been_sent_is_no_record_of_a_service() {
    let mistake = Ended { state: State::EnteredInError, ..ended(Some(State::InService)) };
    assert_eq!(verdict(Part::Narrative, &mistake, &[], &[record()], at(0)), Verdict::Erase);
}

proptest! {
    #[test]
    fn of_several_classes_the_longest_holds_and_its_end_is_named(
        days in prop::collection::vec(1_u32..90, 0..5),
        now in 0_i64..100,
    ) {
        let classes: Vec<_> = days.iter().map(|days| class("c", State::Assigned, &[Part::Preview], *days)).collect();
        let longest = i64::from(days.iter().copied().max().unwrap_or(0));
        match verdict(Part::Preview, &ended(Some(State::Assigned)), &[], &classes, at(now)) {
            Verdict::Erase => prop_assert!(now >= longest),
            Verdict::Keep(kept) => {
                prop_assert!(now < longest);
                prop_assert_eq!(kept.until, Some(at(longest)));
            }
        }
    }
}

/// What becomes of a part that a class names, by how far the branch had come and how it ended.
fn expected() -> String {
    let mut out = String::from("| the branch had come to | and ended as | without a hold | under a legal hold |\n");
    out.push_str("| --- | --- | --- | --- |\n");
    let of = |ended: &Ended, holds: &[Text]| {
        let (from, parts) = (State::InService, [Part::Narrative]);
        let classes = [class("in-service", from, &parts, 30)];
        match verdict(Part::Narrative, ended, holds, &classes, ended.time) {
            Verdict::Erase => "erased",
            Verdict::Keep(kept) if kept.class.is_some() => "**kept** until the class has run out",
            Verdict::Keep(_) => "**kept** until the hold is released",
        }
    };
    for reached in [None, Some(State::Assigned), Some(State::InService), Some(State::Completed)] {
        for state in State::ALL.into_iter().filter(|state| state.calls_for_erasure()) {
            // What was assigned is neither rejected nor redirected nor relieved.
            let is_possible = reached.is_none() || matches!(state, State::Revoked | State::EnteredInError);
            let ended = Ended { reached, state, time: at(0) };
            if is_possible {
                let (free, held) = (of(&ended, &[]), of(&ended, &order()));
                let reached = reached.map_or("no assignment", State::name);
                writeln!(out, "| {reached} | {} | {free} | {held} |", state.name()).unwrap();
            }
        }
    }
    out
}

#[test]
fn the_document_prints_what_is_kept() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/referrals.md");
    let document = fs::read_to_string(path).unwrap();
    let printed = document.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END)).map(|(table, _)| table);
    let expected = expected();
    assert_eq!(
        printed.map(str::trim),
        Some(expected.trim()),
        "docs/referrals.md is out of date; between its two markers put:\n\n{expected}"
    );
}

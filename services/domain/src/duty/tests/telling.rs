//! Whom to tell next: in order, never twice, and nobody who is not on duty.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::reason;

/// Two people by day and one at night, with a quarter of an hour together in the evening on Monday.
const WEEK: &[(i64, i64, &[&str])] = &[(7, 17, &["cb-17", "cb-18"]), (16, 31, &["cb-19", "cb-17"])];

/// Who is told at an hour after these, or why nobody is.
fn told(roster: Option<&Roster>, unit: &str, hour: i64, before: &[&str]) -> String {
    let before: Vec<_> = before.iter().map(|name| person(name)).collect();
    match next(roster, hours_of(unit), at(hour), &before) {
        Next::Tell(person) => person.person.as_str().into(),
        nobody => nobody.reason().unwrap().into(),
    }
}

#[test]
fn people_are_told_in_the_order_of_their_shift_and_earlier_shifts_first() {
    let roster = taken(&roster(WEEK));
    let at = |hour, before: &[&str]| told(Some(&roster), "standing", hour, before);
    assert_eq!(at(7, &[]), "cb-17");
    assert_eq!(at(7, &["cb-17"]), "cb-18");
    assert_eq!(at(16, &["cb-17", "cb-18"]), "cb-19", "of the shift that has just begun");
    assert_eq!(at(16, &["cb-18"]), "cb-17");
    assert_eq!(at(17, &[]), "cb-19", "the first shift has ended");
}

#[test]
fn of_two_shifts_that_begin_together_the_first_in_the_file_is_told_first() {
    let roster = taken(&roster(&[(9, 10, &["late"]), (7, 17, &["b"]), (7, 12, &["a"])]));
    assert_eq!(told(Some(&roster), "standing", 9, &[]), "b");
    assert_eq!(told(Some(&roster), "standing", 9, &["b"]), "a");
    assert_eq!(told(Some(&roster), "standing", 9, &["b", "a"]), "late");
}

#[test]
fn nobody_is_told_twice_also_of_a_later_shift() {
    let roster = taken(&roster(WEEK));
    assert_eq!(told(Some(&roster), "standing", 20, &["cb-17", "cb-18", "cb-19"]), reason::EVERYBODY_TOLD);
}

#[test]
fn without_a_roster_or_after_its_end_nobody_is_guessed() {
    let roster = taken(&roster(WEEK));
    assert_eq!(told(None, "standing", 8, &[]), reason::ROSTER_MISSING);
    assert_eq!(told(Some(&roster), "standing", 30, &[]), "cb-19");
    assert_eq!(told(Some(&roster), "standing", 31, &[]), reason::ROSTER_ENDED);
    assert_eq!(next(None, hours_of("standing"), at(8), &[]), Next::Refuse(Unusable::Missing));
    assert_eq!(next(Some(&roster), hours_of("standing"), at(31), &[]), Next::Refuse(Unusable::Ended));
}

#[test]
fn where_nobody_is_on_duty_the_hours_say_what_that_means() {
    let roster = taken(&roster(&[(9, 12, &["cb-17"]), (20, 21, &["cb-18"])]));
    let at = |unit, hour| told(Some(&roster), unit, hour, &[]);
    assert_eq!(at("standing", 8), reason::NOBODY_ON_DUTY, "before the first shift");
    assert_eq!(at("standing", 12), reason::NOBODY_ON_DUTY);
    assert_eq!(at("standing", 17), reason::OUT_OF_HOURS);
    assert_eq!(at("desk", 12), reason::HOURS_MISSING);
}

#[test]
fn whoever_is_on_duty_is_told_whatever_the_hours_say() {
    let roster = taken(&roster(&[(9, 12, &["cb-17"]), (20, 21, &["cb-18"])]));
    assert_eq!(told(Some(&roster), "standing", 20, &[]), "cb-18", "closed");
    assert_eq!(told(Some(&roster), "desk", 9, &[]), "cb-17", "no hours");
}

#[test]
fn the_next_shift_is_the_first_that_begins_later() {
    let roster = taken(&roster(&[(20, 21, &["cb-18"]), (9, 12, &["cb-17"]), (10, 30, &["cb-19"])]));
    let starts = [8, 9, 10, 19, 20, 40].map(|hour| next_start(&roster, at(hour)));
    assert_eq!(starts, [Some(at(9)), Some(at(10)), Some(at(20)), Some(at(20)), None, None]);
}

#[test]
fn an_address_is_never_printed() {
    let roster = taken(&roster(WEEK));
    let Next::Tell(person) = next(Some(&roster), hours_of("standing"), at(7), &[]) else { panic!("told") };
    assert_eq!(&**person.address.expose(), "+84 900 000 017");
    assert!(!format!("{roster:?} {person:?}").contains("900"));
}

/// A shift by its hours, and who is in it.
type Drawn = (i64, i64, Vec<usize>);

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// Up to eight shifts within three days, of up to six people each.
fn any_shifts() -> impl Strategy<Value = Vec<Drawn>> {
    let people = prop::sample::subsequence((0..NAMES.len()).collect::<Vec<_>>(), 1..=NAMES.len()).prop_shuffle();
    prop::collection::vec((0_i64..72, 1_i64..30, people), 1..8)
        .prop_map(|shifts| shifts.into_iter().map(|(start, long, people)| (start, start + long, people)).collect())
}

fn drawn(shifts: &[Drawn]) -> Roster {
    let people = |people: &[usize]| people.iter().map(|i| NAMES[*i]).collect::<Vec<_>>();
    let shifts = shifts.iter().map(|(start, end, who)| shift(at(*start), at(*end), &people(who))).collect();
    taken(&pb::Roster { shifts, ..roster(&[]) })
}

proptest! {
    #[test]
    fn whoever_is_on_duty_is_told_exactly_once_and_nobody_else(shifts in any_shifts(), hour in 0_i64..110) {
        let roster = drawn(&shifts);
        let on_duty = shifts.iter().filter(|(start, end, _)| *start <= hour && hour < *end);
        let on_duty: BTreeSet<&str> = on_duty.flat_map(|(.., who)| who).map(|i| NAMES[*i]).collect();
        let mut told = Vec::new();
        let last = loop {
            match next(Some(&roster), hours_of("standing"), at(hour), &told) {
                Next::Tell(person) => told.push(person.person.clone()),
                other => break other,
            }
            prop_assert!(told.len() <= NAMES.len());
        };
        let distinct: BTreeSet<&str> = told.iter().map(PersonRef::as_str).collect();
        prop_assert_eq!(distinct.len(), told.len());
        prop_assert_eq!(&distinct, &on_duty);
        let is_over = shifts.iter().all(|(_, end, _)| *end <= hour);
        prop_assert_eq!(last == Next::Refuse(Unusable::Ended), is_over);
        prop_assert_eq!(last == Next::Nobody(Nobody::EverybodyTold), !on_duty.is_empty());
    }

    #[test]
    fn over_the_hours_of_a_night_nobody_is_told_twice(shifts in any_shifts(), begin in 0_i64..72) {
        let roster = drawn(&shifts);
        let mut told: Vec<PersonRef> = Vec::new();
        for hour in begin..110 {
            if let Next::Tell(person) = next(Some(&roster), hours_of("standing"), at(hour), &told) {
                prop_assert!(!told.contains(&person.person));
                told.push(person.person.clone());
            }
        }
    }

    // Against asking for each minute whether it is covered.
    #[test]
    fn gaps_are_the_open_minutes_that_no_shift_covers(
        shifts in any_shifts(),
        from in 0_i64..100,
        minute in 0_i64..6000,
        known: bool,
    ) {
        let roster = drawn(&shifts);
        let hours = hours_of(if known { "standing" } else { "desk" });
        let gaps = roster.gaps(hours, at(from));
        let asked = at(0) + SignedDuration::from_mins(minute);
        let is_gap = gaps.iter().any(|gap| gap.start <= asked && asked < gap.end);
        let is_open = !known || (7 * 60..17 * 60).contains(&(minute % 1440));
        let is_covered = shifts.iter().any(|(start, end, _)| (start * 60..end * 60).contains(&minute));
        let is_asked_about = from * 60 <= minute && asked < roster.end();
        prop_assert_eq!(is_gap, is_open && !is_covered && is_asked_about);
        prop_assert!(gaps.windows(2).all(|pair| pair[0].end < pair[1].start), "each as long as it is");
    }
}

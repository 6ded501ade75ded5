//! What is found, and what is not.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{Delivery, Finding, Judgement, RECEIPT_WAIT, judge};
use crate::{
    reason,
    referral::{
        Basis, Branch, Command, Event, Kind, Mistake, NewBranch, Part, Replay, Revocation, Side, Stop, TimeLimit, fold,
        open,
        tests::world::{World, commands, duty, new_branch, parts, text, time},
    },
};

const CITATION: &str = "Decree 56/2017/NĐ-CP art. 26.3";

/// A limit that is stopped by a person's acknowledgement, due after so many seconds.
fn limit(due: i64) -> TimeLimit {
    TimeLimit {
        rule: "rule".into(),
        citation: text(CITATION),
        stop: Stop::Acknowledged,
        start: time(0),
        acknowledge_due: time(due),
        warn: time(due),
        escalate: time(due),
        due: time(due),
        steps: Vec::new(),
        confirmation: None,
    }
}

fn opened(kind: Kind, limits: Vec<TimeLimit>) -> World {
    let mut new = new_branch(kind, duty(), 0);
    new.opening.time_limits = limits;
    World::opened(new)
}

/// A world in which both sides have done this in turn, each knowing everything.
fn after(mut world: World, deeds: &[(Side, Command)]) -> World {
    for (side, command) in deeds {
        while world.deliver(Side::Origin) || world.deliver(Side::Recipient) {}
        assert!(world.act(*side, command.clone()), "{command:?}");
    }
    while world.deliver(Side::Origin) || world.deliver(Side::Recipient) {}
    world
}

/// Everything was received at once.
fn all(_: Side, _: u64) -> Option<Delivery> {
    Some(Delivery::Held)
}

fn at(second: i64, branch: &Branch) -> Judgement {
    judge(branch, all, time(second))
}

fn sides(judgement: &Judgement) -> Vec<Side> {
    judgement.tenures.iter().map(|tenure| tenure.side).collect()
}

#[test]
fn who_answered_when_is_told_from_the_opening_to_the_taking_back() {
    let world = after(
        opened(Kind::Transfer, vec![]),
        &[
            (Side::Recipient, Command::Acknowledge),
            (Side::Origin, Command::Assign(Vec::new())),
            (Side::Recipient, Command::HandBack { reason: crate::referral::HandBack::NotCompetent }),
            (Side::Origin, Command::TakeHandBack),
        ],
    );
    let told = at(10, &world.origin);
    assert_eq!(sides(&told), [Side::Origin, Side::Recipient, Side::Origin]);
    assert_eq!(told.tenures[1].by, (Side::Origin, 2), "by the assignment");
    assert_eq!(told.findings, []);
    let referral = after(
        opened(Kind::Referral, vec![]),
        &[(Side::Recipient, Command::Accept), (Side::Origin, Command::Assign(parts(&[Part::Identity])))],
    );
    assert_eq!(sides(&at(10, &referral.origin)), [Side::Origin], "whoever asks for a service keeps the case");
}

#[test]
fn a_limit_that_passed_is_found_with_its_source_and_by_how_much() {
    let silent = after(opened(Kind::Transfer, vec![limit(60)]), &[]);
    assert_eq!(at(60, &silent.origin).findings, [], "in time to the second");
    let broken = |by, runs| {
        let (rule, citation, by) = ("rule".into(), CITATION.to_owned(), SignedDuration::from_secs(by));
        let person = Finding::NoPerson { rule: "rule".into(), citation: CITATION.to_owned(), by, runs };
        vec![Finding::LimitBroken { rule, citation, by, runs }, person]
    };
    assert_eq!(at(100, &silent.origin).findings, broken(40, true));
    let late = after(opened(Kind::Transfer, vec![limit(1)]), &[(Side::Recipient, Command::Acknowledge)]);
    assert_eq!(at(1_000, &late.origin).findings, broken(1, false), "stopped by a person a second too late");
    let ended = after(
        opened(Kind::Transfer, vec![limit(60)]),
        &[(Side::Origin, Command::Revoke { reason: Revocation::NeedMet })],
    );
    assert_eq!(at(1_000, &ended.origin).findings, [], "nobody waited for it any more");
}

#[test]
fn what_nobody_received_is_found_and_a_hand_over_by_it_is_a_gap() {
    let world = after(
        opened(Kind::Transfer, vec![]),
        &[(Side::Recipient, Command::Acknowledge), (Side::Origin, Command::Assign(Vec::new()))],
    );
    let lost = |side, ordinal| all(side, ordinal).filter(|_| (side, ordinal) != (Side::Origin, 2));
    let soon = judge(&world.origin, lost, time(2) + RECEIPT_WAIT);
    let names = |told: &Judgement| told.findings.iter().map(Finding::name).collect::<Vec<_>>();
    assert_eq!(names(&soon), ["RESPONSIBILITY_GAP"], "a receipt may still come");
    let later = judge(&world.origin, lost, time(3) + RECEIPT_WAIT);
    assert_eq!(names(&later), ["RESPONSIBILITY_GAP", "UNRECEIPTED"]);
    let refused = |_, _| Some(Delivery::Refused);
    let told = judge(&world.origin, refused, time(3));
    assert_eq!(told.findings.iter().filter(|it| matches!(it, Finding::Unreceipted { refused: true, .. })).count(), 3);
}

#[test]
fn a_limit_ends_with_what_is_waited_for_and_not_with_what_is_done_later() {
    let mut world = opened(Kind::Transfer, vec![limit(50)]);
    assert!(world.act_at(Side::Origin, Command::Revoke { reason: Revocation::NeedMet }, time(20)));
    assert_eq!(at(90, &world.origin).findings, []);
    assert!(world.act_at(Side::Origin, Command::EnterInError { reason: Mistake::WrongPerson }, time(100)));
    assert_eq!(at(100, &world.origin).findings, [], "it was recalled when nobody was waited for any more");
}

#[test]
fn what_was_named_for_disclosure_too_early_is_found_and_what_the_rules_refuse() {
    let NewBranch { basis, .. } = new_branch(Kind::Referral, duty(), 0);
    assert!(matches!(basis, Basis::StatutoryDuty { .. }));
    let mut new = new_branch(Kind::Referral, duty(), 0);
    new.parts = parts(&[Part::Preview]);
    let mut draft = open(new).expect("lawful");
    draft.parts = parts(&[Part::Preview, Part::Identity]);
    let branch = Branch::open(Event::write(draft).0).expect("an opening");
    assert_eq!(at(2, &branch).findings, [Finding::DisclosedEarly { side: Side::Origin, ordinal: 1 }]);
    let mut twice = new_branch(Kind::Referral, duty(), 0);
    twice.parts = parts(&[Part::Preview]);
    let mut draft = open(twice).expect("lawful");
    draft.parts = parts(&[Part::Preview, Part::Identity, Part::Narrative]);
    let branch = Branch::open(Event::write(draft).0).expect("an opening");
    assert_eq!(at(2, &branch).findings.len(), 1, "each event breaks a rule once");

    // Nobody who follows the rules writes an assignment without an acceptance.
    let mut world = after(
        opened(Kind::Transfer, vec![]),
        &[(Side::Recipient, Command::Acknowledge), (Side::Origin, Command::Assign(Vec::new()))],
    );
    let assigned = world.origin.log(Side::Origin).at(2).expect("assigned").clone();
    let opening = world.origin.log(Side::Origin).at(1).expect("opened").clone();
    world.origin = Branch::open(opening).expect("an opening");
    let mut draft = crate::referral::Draft::clone(&assigned);
    draft.seen = None;
    world.origin.record(Event::write(draft).0).expect("it fits its log");
    let unlawful = Finding::Unlawful { side: Side::Origin, ordinal: 2, reason: reason::NOT_ACCEPTED };
    assert_eq!(at(2, &world.origin).findings, [unlawful]);
}

/// How many events were read to know what the writer of every event of a log knew.
fn steps(branch: &Branch, side: Side) -> usize {
    let [origin, recipient] = Side::ALL.map(|side| branch.log(side).events());
    let basis = branch.view().basis;
    let mut replay = Replay::new((branch.opening(), &basis), origin, recipient);
    for event in branch.log(side).events() {
        let (own, other) = (event.ordinal - 1, event.seen_ordinal());
        let [origin, recipient] = if side == Side::Origin { [own, other] } else { [other, own] };
        replay.to(origin, recipient);
    }
    replay.steps
}

#[test]
fn a_long_log_is_read_once_and_not_once_for_every_event() {
    let mut world = opened(Kind::Transfer, vec![]);
    for level in 1..=200 {
        assert!(world.act(Side::Origin, Command::Escalate { level }));
    }
    let mut world = after(world, &[(Side::Recipient, Command::Acknowledge), (Side::Origin, Command::Assign(vec![]))]);
    while world.deliver(Side::Recipient) {}
    world.act(Side::Recipient, Command::StartService);
    while world.deliver(Side::Origin) {}
    let [origin, recipient] = Side::ALL.map(|side| world.origin.log(side).events().len());
    assert!(origin > 200, "{origin} and {recipient}");
    for side in Side::ALL {
        let read = steps(&world.origin, side);
        assert!(read <= 2 * (origin + recipient), "{read} for {origin} and {recipient}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever two sides do that follow the rules: nothing of it is found unlawful, and at every moment one side
    /// answers.
    #[test]
    fn nothing_is_found_against_whoever_follows_the_rules(
        kind in prop_oneof![Just(Kind::Transfer), Just(Kind::Referral), Just(Kind::Notification)],
        steps in prop::collection::vec((any::<bool>(), 0_u8..22), 1..60),
    ) {
        let mut world = opened(kind, vec![]);
        for (origin, number) in steps {
            let side = if origin { Side::Origin } else { Side::Recipient };
            match commands(kind, side).get(usize::from(number)) {
                Some(command) => world.act(side, command.clone()),
                None => world.deliver(side),
            };
        }
        let told = at(10, &world.origin);
        prop_assert_eq!(&told.findings, &[]);
        prop_assert_eq!(told.tenures.first().map(|first| (first.side, first.by)), Some((Side::Origin, (Side::Origin, 1))));
        prop_assert!(told.tenures.windows(2).all(|pair| pair[0].side != pair[1].side));
        prop_assert_eq!(told.tenures.last().map(|last| last.side), Some(told.view.responsible()));
    }

    /// Whatever crossed: a beginning that is reached from a shorter one says what it says by itself.
    #[test]
    fn a_beginning_says_the_same_however_it_is_reached(
        kind in prop_oneof![Just(Kind::Transfer), Just(Kind::Referral)],
        steps in prop::collection::vec((any::<bool>(), 0_u8..30), 1..60),
        other in any::<bool>(),
    ) {
        let mut world = opened(kind, vec![]);
        for (origin, number) in steps {
            let side = if origin { Side::Origin } else { Side::Recipient };
            match commands(kind, side).get(usize::from(number)) {
                Some(command) => world.act(side, command.clone()),
                None => world.deliver(side),
            };
        }
        while world.deliver(Side::Origin) || world.deliver(Side::Recipient) {}
        let branch = &world.origin;
        let [origin, recipient] = Side::ALL.map(|side| branch.log(side).events());
        let (basis, side) = (branch.view().basis, if other { Side::Recipient } else { Side::Origin });
        let mut replay = Replay::new((branch.opening(), &basis), origin, recipient);
        for event in branch.log(side).events() {
            let (own, seen) = (event.ordinal - 1, event.seen_ordinal());
            let [to, of] = if side == Side::Origin { [own, seen] } else { [seen, own] };
            let alone = fold(
                branch.opening(),
                &basis,
                branch.log(Side::Origin).prefix(to),
                branch.log(Side::Recipient).prefix(of),
            );
            prop_assert_eq!(replay.to(to, of), &alone, "{} {}", to, of);
        }
    }

    /// The later one looks, the more a limit that runs is broken; nothing that was found goes away.
    #[test]
    fn what_was_broken_stays_broken(due in 0_i64..100, first in 0_i64..200, more in 0_i64..200) {
        let world = after(opened(Kind::Transfer, vec![limit(due)]), &[]);
        let by = |at: Timestamp| judge(&world.origin, all, at).findings.iter().find_map(|finding| match finding {
            Finding::LimitBroken { by, .. } => Some(*by),
            _ => None,
        });
        let (before, after) = (by(time(first)), by(time(first + more)));
        prop_assert!(before <= after);
        prop_assert_eq!(before.is_some(), first > due);
    }
}

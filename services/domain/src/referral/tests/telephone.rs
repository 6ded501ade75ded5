//! Acknowledgement by telephone: the origin's word, which moves nothing, until a person at the unit confirms it.

use jiff::SignedDuration;
use nhipcau_proto::referral::v1 as pb;
use proptest::prelude::*;
use prost::Message as _;

use super::world::{World, commands, consent, duty, new_branch, person, system, telephoned, text, time};
use crate::{
    reason,
    referral::{
        Command, Condition, Event, Kind, PersonRef, Refusal, Request, Side, State, Stop, TelephoneAcknowledgement,
        TimeLimit, View, decide,
    },
};

/// A limit whose steps wait so many seconds for somebody to confirm.
fn limit(seconds: i64, due: i64) -> TimeLimit {
    TimeLimit {
        rule: "answer".into(),
        citation: text("Agreement"),
        stop: Stop::Acknowledged,
        start: time(0),
        acknowledge_due: time(due),
        warn: time(due),
        escalate: time(due),
        due: time(due),
        steps: Vec::new(),
        confirmation: (seconds > 0).then(|| SignedDuration::from_secs(seconds)),
    }
}

fn opened(limits: Vec<TimeLimit>) -> World {
    let mut new = new_branch(Kind::Transfer, duty(), 0);
    new.opening.time_limits = limits;
    let mut world = World::opened(new);
    world.deliver(Side::Recipient);
    world
}

fn held(world: &World) -> [bool; 2] {
    let view = |side| world.copy(side).expect("delivered").view();
    Side::ALL.map(|side| view(side).conditions(time(9)).contains(&Condition::AcknowledgedByTelephone))
}

fn refused(world: &World, command: Command) -> Refusal {
    world.decide(Side::Origin, command).expect("a copy").expect_err("refused")
}

#[test]
fn it_is_shown_on_both_sides_until_a_person_there_confirms_it_and_hands_nothing_over() {
    let mut world = opened(vec![limit(60, 600)]);
    assert!(world.act(Side::Origin, telephoned()));
    assert_eq!(held(&world), [true, false]);
    assert!(world.deliver(Side::Recipient));
    assert_eq!(held(&world), [true; 2]);
    for side in Side::ALL {
        let view = world.copy(side).expect("delivered").view();
        assert_eq!((view.state, view.responsible()), (State::Submitted, Side::Origin));
        assert_eq!(view.stopped(Stop::Acknowledged), None, "nobody there has said so");
        let said = view.telephoned.expect("recorded");
        assert_eq!((said.acknowledgement.person.as_str(), said.by), ("cb-18", person().person));
    }
    assert!(refused(&world, Command::Assign(Vec::new())).has(reason::NOT_ACCEPTED), "it assigns nothing");
    assert!(world.act(Side::Recipient, Command::Acknowledge) && world.deliver(Side::Origin));
    assert_eq!(held(&world), [false; 2]);
    assert!(world.origin.view().telephoned.is_some(), "that it was said stays");
}

#[test]
fn a_branch_that_is_acknowledged_or_at_its_end_takes_none() {
    let mut world = opened(Vec::new());
    let mut ended = world.clone();
    assert!(world.act(Side::Recipient, Command::Acknowledge) && world.deliver(Side::Origin));
    assert_eq!(refused(&world, telephoned()), Refusal::one("branch", reason::WRONG_STATE));
    let reason = crate::referral::Revocation::NeedMet;
    assert!(ended.act(Side::Origin, Command::Revoke { reason }));
    assert_eq!(refused(&ended, telephoned()), Refusal::one("branch", reason::WRONG_STATE));
    let notice = World::open(Kind::Notification, duty(), 0);
    assert_eq!(refused(&notice, telephoned()), Refusal::one("branch", reason::NOT_FOR_THIS_KIND));
}

#[test]
fn only_a_person_records_it_and_not_ahead_of_its_time() {
    let world = opened(Vec::new());
    let record = |said, actor| {
        let person = PersonRef::new("cb-18").expect("valid");
        let said = TelephoneAcknowledgement { person, role: "officer".into(), said: time(said) };
        let command = Command::NoteTelephoneAcknowledgement(said);
        decide(&world.origin, Side::Origin, Request { command, etag: None, actor, now: time(1_000) })
    };
    assert_eq!(record(1, system()).expect_err("nobody"), Refusal::one("branch", reason::PERSON_REQUIRED));
    assert_eq!(record(1_301, person()).expect_err("later"), Refusal::one("branch", reason::TIME_IN_FUTURE));
    assert!(record(1_300, person()).is_ok());
}

#[test]
fn a_second_recording_puts_nothing_off_again_and_there_are_so_many() {
    let mut world = opened(vec![limit(60, 600)]);
    assert!(world.act_at(Side::Origin, telephoned(), time(10)));
    let first = world.origin.view();
    for second in 1..16 {
        assert!(world.act_at(Side::Origin, telephoned(), time(10 + second)));
    }
    let view = world.origin.view();
    assert_eq!((&view.telephoned, view.confirmation_due()), (&first.telephoned, Some(time(70))));
    assert_eq!(refused(&world, telephoned()), Refusal::one("branch", reason::TOO_MANY));
}

#[test]
fn nothing_is_put_off_without_a_rule_for_it_or_beyond_the_limit() {
    for (limits, due) in [
        (vec![limit(0, 600)], None),
        (vec![limit(60, 600), limit(0, 20)], Some(70)),
        (vec![limit(60, 600), limit(30, 600)], Some(40)),
        (vec![limit(600, 65)], Some(65)),
    ] {
        let mut world = opened(limits);
        assert!(world.act_at(Side::Origin, telephoned(), time(10)), "it is taken all the same");
        assert!(world.deliver(Side::Recipient));
        for side in Side::ALL {
            let view = world.copy(side).expect("delivered").view();
            assert_eq!((view.confirmation_due(), view.sleeps_until()), (due.map(time), due.map(time)));
        }
    }
}

#[test]
fn a_recording_that_claims_to_come_from_later_lets_nobody_sleep_longer() {
    let mut world = opened(vec![limit(60, 1_000_000)]);
    assert!(world.act_at(Side::Origin, telephoned(), time(900_000)) && world.deliver(Side::Recipient));
    let copy = world.recipient.clone().expect("delivered");
    assert_eq!(copy.view().sleeps_until(), Some(time(900_060)));
    let heard = copy.clone().with_telephone_heard(Some(time(10)));
    assert_eq!(heard.view().sleeps_until(), Some(time(70)));
    let ahead = copy.with_heard(time(-1_000)).with_telephone_heard(Some(time(10)));
    assert_eq!(ahead.view().sleeps_until(), Some(time(70)), "by the clock of whoever sleeps");
}

#[test]
fn a_word_that_is_not_as_documented_is_refused_at_its_place() {
    let world = opened(Vec::new());
    let draft = world.decide(Side::Origin, telephoned()).expect("a copy").expect("lawful");
    let (event, bytes) = Event::write(draft);
    assert_eq!((Event::read(&bytes).as_ref(), event.masked(&bytes)), (Ok(&event), None));
    type Break = fn(&mut pb::TelephoneAcknowledgement);
    let broken: [(Break, &str, &str); 3] = [
        (|it| it.person = "Nguyễn Văn A".into(), "person", reason::FIELD_FORMAT),
        (|it| it.role.clear(), "role", reason::FIELD_FORMAT),
        (|it| it.acknowledge_time = None, "acknowledge_time", reason::FIELD_REQUIRED),
    ];
    for (change, field, reason) in broken {
        let mut value = pb::ReferralEvent::decode(bytes.as_slice()).expect("valid");
        let Some(pb::referral_event::Event::TelephoneAcknowledgementRecorded(said)) = &mut value.event else {
            panic!("a word")
        };
        change(said.acknowledgement.as_mut().expect("stated"));
        let place = format!("telephone_acknowledgement_recorded.acknowledgement.{field}");
        assert_eq!(Event::read(&value.encode_to_vec()), Err(Refusal::one(place, reason)));
    }
}

/// What a word by telephone may not change.
fn standing(view: &View) -> (State, Side, bool, crate::referral::PartSet, crate::referral::Stops) {
    (view.state, view.responsible(), view.is_ready(), view.disclosed, view.stops)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nobody_answers_less_than_before_whatever_it_crosses(
        kind in prop_oneof![Just(Kind::Transfer), Just(Kind::Referral)],
        steps in prop::collection::vec((any::<bool>(), 0_u8..30), 1..60),
        word in 0_usize..60,
    ) {
        let mut world = World::open(kind, consent(), 0);
        for (index, (origin, number)) in steps.into_iter().enumerate() {
            if index == word {
                let before = standing(&world.origin.view());
                world.act(Side::Origin, telephoned());
                prop_assert_eq!(standing(&world.origin.view()), before);
            }
            let side = if origin { Side::Origin } else { Side::Recipient };
            match commands(kind, side).get(usize::from(number)) {
                Some(command) => world.act(side, command.clone()),
                None => world.deliver(side),
            };
            world.check();
        }
        world.check_exchange();
    }
}

//! Events on the wire: what is written is read, what is wrong is refused with every reason.

use nhipcau_proto::referral::v1 as pb;
use proptest::prelude::*;
use prost::Message as _;

use super::world::{World, answer, commands, consent, vital};
use crate::{
    reason,
    referral::{
        Basis, Body, Branch, Command, Danger, Draft, Event, Fault, Kind, Outcome, Recorded, Refusal, Salt, Side,
        impersonal, write_withdrawal_answer,
    },
};

fn opening() -> (Event, Vec<u8>) {
    let world = World::open(Kind::Referral, consent(), 0);
    let event = world.origin.log(Side::Origin).events().first().expect("opened").clone();
    Event::write((*event).clone())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(steps in prop::collection::vec((any::<bool>(), 0_u8..30), 1..40)) {
        let mut world = World::open(Kind::Referral, consent(), 0);
        for (origin, number) in steps {
            let side = if origin { Side::Origin } else { Side::Recipient };
            match commands(Kind::Referral, side).get(usize::from(number)) {
                Some(command) => world.act(side, command.clone()),
                None => world.deliver(side),
            };
        }
        for side in Side::ALL {
            for event in world.copy(side).map(|copy| copy.log(side).events()).unwrap_or_default() {
                let (written, bytes) = Event::write((**event).clone());
                prop_assert_eq!(&written, event);
                prop_assert_eq!(&Event::read(&bytes).expect("valid"), event);
            }
        }
    }

    #[test]
    fn masked_events_lead_to_the_same_state(steps in prop::collection::vec((any::<bool>(), 0_u8..30), 1..40)) {
        let mut world = World::open(Kind::Referral, vital(), 0);
        for (origin, number) in steps {
            let side = if origin { Side::Origin } else { Side::Recipient };
            match commands(Kind::Referral, side).get(usize::from(number)) {
                Some(command) => world.act(side, command.clone()),
                None => world.deliver(side),
            };
        }
        let masked = |event: &Event| {
            let (_, bytes) = Event::write((**event).clone());
            let masked = event.masked(&bytes);
            masked.map_or_else(|| event.clone(), |masked| Event::read_masked(&masked, event.digest()).expect("valid"))
        };
        let [origin, recipient] =
            Side::ALL.map(|side| world.origin.log(side).events().iter().map(masked).collect::<Vec<_>>());
        let (known, mut view) = (world.origin.view(), Branch::restore(origin, recipient).expect("one chain").view());
        prop_assert_eq!(known.etag(), view.etag());
        prop_assert_eq!(known.outcome.is_some(), view.outcome == Some(Outcome::Unrecognized(0)));
        let is_hidden = matches!(view.basis, Basis::VitalInterest { danger: Danger::Unrecognized(0), .. });
        prop_assert!(is_hidden);
        (view.outcome, view.basis) = (known.outcome, known.basis.clone());
        prop_assert_eq!(known, view);
    }

    #[test]
    fn no_bytes_bring_the_reader_down(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Event::read(&bytes).is_err());
    }
}

#[test]
fn every_violation_of_an_event_is_found_at_once() {
    let refusal = Event::read(&pb::ReferralEvent::default().encode_to_vec()).expect_err("empty");
    for path in [
        "case_uid",
        "referral_uid",
        "branch_uid",
        "side",
        "owner",
        "counterpart",
        "ordinal",
        "previous_digest",
        "event_time",
        "actor",
        "event",
    ] {
        assert!(refusal.violations().iter().any(|violation| violation.subject == path), "{path}");
    }
}

#[test]
fn an_event_under_the_other_sides_name_is_refused() {
    let (_, bytes) = opening();
    let mut value = pb::ReferralEvent::decode(bytes.as_slice()).expect("valid");
    value.side = pb::Side::Recipient as i32;
    assert!(Event::read(&value.encode_to_vec()).expect_err("refused").has(reason::WRONG_SIDE));
}

#[test]
fn an_event_of_an_unknown_kind_is_refused_and_not_skipped() {
    let (_, bytes) = opening();
    let mut value = pb::ReferralEvent::decode(bytes.as_slice()).expect("valid");
    value.event = None;
    let mut bytes = value.encode_to_vec();
    // Field 99 with an empty message: an event that a later contract may add.
    bytes.extend_from_slice(&[0x9a, 0x06, 0x00]);
    assert!(Event::read(&bytes).expect_err("refused").has(reason::FIELD_REQUIRED));
}

#[test]
fn an_opening_without_a_basis_is_refused() {
    let (_, bytes) = opening();
    let mut value = pb::ReferralEvent::decode(bytes.as_slice()).expect("valid");
    value.lawful_basis = None;
    assert!(Event::read(&value.encode_to_vec()).expect_err("refused").has(reason::BASIS_MISSING));
}

#[test]
fn a_basis_stands_only_where_it_is_the_basis_of_what_travels() {
    let (_, bytes) = opening();
    let mut value = pb::ReferralEvent::decode(bytes.as_slice()).expect("valid");
    value.event = Some(pb::referral_event::Event::DisclosureAdded(pb::DisclosureAdded {}));
    let refusal = Event::read(&value.encode_to_vec()).expect_err("refused");
    assert_eq!(refusal, Refusal::one("lawful_basis", reason::FIELD_FORMAT));
    value.event = Some(pb::referral_event::Event::EmergencyReleased(pb::EmergencyReleased {}));
    assert!(Event::read(&value.encode_to_vec()).is_ok());
    value.lawful_basis = None;
    value.event = Some(pb::referral_event::Event::DisclosureAdded(pb::DisclosureAdded {}));
    assert!(Event::read(&value.encode_to_vec()).is_ok());
}

#[test]
fn levels_of_an_escalation_begin_with_one() {
    let (_, bytes) = opening();
    let mut value = pb::ReferralEvent::decode(bytes.as_slice()).expect("valid");
    value.lawful_basis = None;
    for (level, expected) in [(0, Err(Refusal::one("escalated.level", reason::FIELD_REQUIRED))), (1, Ok(()))] {
        value.event = Some(pb::referral_event::Event::Escalated(pb::Escalated { level }));
        assert_eq!(Event::read(&value.encode_to_vec()).map(drop), expected);
    }
    let mut world = World::open(Kind::Referral, consent(), 0);
    assert!(!world.act(Side::Origin, Command::Escalate { level: 0 }), "nor is such an event written");
}

#[test]
fn consent_names_at_most_sixteen_scopes() {
    let (_, bytes) = opening();
    let mut value = pb::ReferralEvent::decode(bytes.as_slice()).expect("valid");
    for (count, taken) in [(16, true), (17, false)] {
        let consent = value.lawful_basis.as_mut().and_then(|basis| basis.consent.as_mut()).expect("consent");
        consent.scopes.resize(count, pb::ConsentScope::Services as i32);
        let read = Event::read(&value.encode_to_vec());
        assert_eq!(read.err(), (!taken).then(|| Refusal::one("lawful_basis.consent.scopes", reason::TOO_MANY)));
    }
}

#[test]
fn a_repeated_event_changes_nothing_and_a_different_one_is_a_fork() {
    let mut world = World::open(Kind::Referral, consent(), 0);
    world.deliver(Side::Recipient);
    world.act(Side::Recipient, Command::Acknowledge);
    let event = world.recipient.as_ref().expect("delivered").log(Side::Recipient).at(1).expect("written").clone();
    world.deliver(Side::Origin);
    assert_eq!(world.origin.record(event.clone()), Ok(Recorded::Again));
    let mut other = (*event).clone();
    other.time = super::world::time(77);
    assert_eq!(world.origin.record(Event::write(other).0), Err(Fault::Forked));
}

#[test]
fn an_event_ahead_of_its_log_waits() {
    let mut world = World::open(Kind::Referral, consent(), 0);
    world.deliver(Side::Recipient);
    world.act(Side::Recipient, Command::Acknowledge);
    world.act(Side::Recipient, Command::Accept);
    let late = world.recipient.as_ref().expect("delivered").log(Side::Recipient).at(2).expect("written").clone();
    assert_eq!(world.origin.record(late), Err(Fault::Gap));
}

#[test]
fn an_unlawful_event_is_not_admitted() {
    let mut world = World::open(Kind::Transfer, consent(), 0);
    world.deliver(Side::Recipient);
    world.act(Side::Recipient, Command::Acknowledge);
    let mut draft =
        (**world.recipient.as_ref().expect("delivered").log(Side::Recipient).at(1).expect("written")).clone();
    draft.body = crate::referral::Body::Rejected { code: crate::referral::Rejection::NoCapacity };
    let refused = world.origin.admit(&Event::write(draft).0).expect_err("refused");
    assert!(refused.has(reason::TRANSFER_NOT_REJECTABLE));
}

#[test]
fn a_branch_begins_only_with_an_opening() {
    let mut world = World::open(Kind::Transfer, consent(), 0);
    world.deliver(Side::Recipient);
    world.act(Side::Recipient, Command::Acknowledge);
    let event = world.recipient.as_ref().expect("delivered").log(Side::Recipient).at(1).expect("written").clone();
    assert_eq!(Branch::open(event).expect_err("refused"), Fault::NotAnOpening);
}

/// A completed service, as its recipient writes it.
fn completed() -> Draft {
    let (opening, _) = opening();
    let body = Body::Completed { outcome: Outcome::Declined };
    Draft { side: Side::Recipient, basis: None, parts: Vec::new(), body, ..Draft::clone(&opening) }
}

#[test]
fn what_is_said_about_a_person_is_salted() {
    let salt = || Salt::new([1; 32]);
    let refused = Event::read(&Event::write(completed()).1).expect_err("its digest would tell the outcome");
    assert_eq!(refused, Refusal::one("salt", reason::FIELD_REQUIRED));
    let (first, bytes) = Event::write(completed().salted(salt));
    assert_eq!(Event::read(&bytes), Ok(first.clone()));
    let (second, _) = Event::write(completed().salted(|| Salt::new([2; 32])));
    assert_ne!(first.digest(), second.digest());
    let plain = Draft { body: Body::Accepted, ..completed() }.salted(salt);
    assert_eq!(plain.salt, None);
}

#[test]
fn a_masked_event_keeps_its_place_and_says_nothing_about_a_person() {
    let (event, bytes) = Event::write(completed().salted(|| Salt::new([1; 32])));
    let masked = event.masked(&bytes).expect("something to hide");
    let value = pb::ReferralEvent::decode(masked.as_slice()).expect("valid");
    assert_eq!(value, impersonal(pb::ReferralEvent::decode(bytes.as_slice()).expect("valid")));
    let read = Event::read_masked(&masked, event.digest()).expect("valid");
    assert_eq!(read.mark(), event.mark());
    let hidden = Body::Completed { outcome: Outcome::Unrecognized(0) };
    assert_eq!(*read, Draft { body: hidden, salt: None, ..completed() });
    assert!(Event::read(&masked).is_err(), "nobody can send it");
    assert!(Event::read_masked(b"no event", event.digest()).is_err());
}

#[test]
fn an_event_that_says_nothing_about_a_person_is_not_masked_unless_it_says_what_is_not_known() {
    let (event, mut bytes) = opening();
    assert_eq!(event.masked(&bytes), None);
    // Field 99 with an empty message.
    bytes.extend_from_slice(&[0x9a, 0x06, 0x00]);
    let event = Event::read(&bytes).expect("valid");
    assert_eq!(event.masked(&bytes), Some(opening().1));
}

#[test]
fn a_golden_event_about_a_person_has_its_digest_and_its_masked_form() {
    const GOLDEN: &[u8] = include_bytes!("../../../../../proto/vectors/events/referral_completed.binpb");
    const BESIDE: &str = include_str!("../../../../../proto/vectors/events/referral_completed.json");
    let event = Event::read(GOLDEN).expect("an event");
    let masked = event.masked(GOLDEN).expect("it says something about a person");
    for said in [hex::encode(event.digest().as_bytes()), hex::encode(&masked)] {
        assert!(BESIDE.contains(&format!("\"{said}\"")), "{said}");
    }
    let left = Event::read_masked(&masked, event.digest()).expect("what is left of it");
    assert_eq!((left.digest(), left.salt.is_none()), (event.digest(), true));
    let mut unsalted = pb::ReferralEvent::decode(GOLDEN).expect("an event");
    unsalted.salt.clear();
    assert!(Event::read(&unsalted.encode_to_vec()).is_err(), "there are few outcomes to try");
}

#[test]
fn an_answer_to_a_withdrawal_names_each_part_once_and_never_keeps_on_consent() {
    let body = |change: fn(&mut pb::WithdrawalAnswered)| {
        let mut answered = write_withdrawal_answer(&answer());
        change(&mut answered);
        let (event, _) = opening();
        let draft = Draft { side: Side::Recipient, basis: None, parts: Vec::new(), ..(*event).clone() };
        let (_, bytes) = Event::write(Draft { body: Body::Erased, ..draft });
        let mut wire = pb::ReferralEvent::decode(bytes.as_slice()).expect("an event");
        wire.event = Some(pb::referral_event::Event::WithdrawalAnswered(answered));
        Event::read(&wire.encode_to_vec())
    };
    let read = body(|_| ()).expect("valid");
    assert_eq!(read.body, Body::WithdrawalAnswered(answer()));
    // Whatever order the parts are listed in, none of it is about a person.
    let (_, bytes) = Event::write((*body(|it| it.erased_parts.push(2)).expect("valid")).clone());
    let mut wire = pb::ReferralEvent::decode(bytes.as_slice()).expect("an event");
    let Some(pb::referral_event::Event::WithdrawalAnswered(answered)) = &mut wire.event else {
        unreachable!("an answer")
    };
    answered.erased_parts.reverse();
    let reversed = wire.encode_to_vec();
    assert_ne!(reversed, bytes);
    assert_eq!(Event::read(&reversed).expect("valid").masked(&reversed), None);
    for (change, reason) in [
        ((|it| it.stopped_time = None) as fn(&mut pb::WithdrawalAnswered), reason::FIELD_REQUIRED),
        (|it| it.erased_parts.push(it.kept_parts[0].part), reason::PART_REPEATED),
        (|it| it.erased_parts.push(77), reason::CODE_UNKNOWN),
        (|it| it.erased_parts = vec![1; 5], reason::TOO_MANY),
        (|it| it.kept_parts[0].citation.clear(), reason::TEXT_EMPTY),
        (|it| it.kept_parts[0].until_time = None, reason::FIELD_REQUIRED),
        (|it| it.kept_parts[0].retention_class.clear(), reason::FIELD_FORMAT),
        (|it| it.kept_parts[0].retention_class = "Lớp".into(), reason::FIELD_FORMAT),
    ] {
        assert!(body(change).expect_err("refused").has(reason), "{reason}");
    }
}

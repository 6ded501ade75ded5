//! Single steps, and what refuses them.

use super::*;
use crate::{
    reason,
    referral::{Fault, Recorded},
};

/// A world in which these were written, each delivered at once.
fn after(bodies: &[(Side, Body)]) -> World {
    let mut world = World::new().exchanged(Side::Origin);
    for (side, body) in bodies {
        assert!(world.write(*side, body.clone()), "{body:?}");
        world = world.exchanged(Side::Origin);
    }
    world
}

fn accepted() -> World {
    after(&[(Side::Recipient, Body::HandoverAccepted)])
}

fn taken() -> World {
    after(&[(Side::Recipient, Body::HandoverAccepted), (Side::Origin, Body::HandoverTaken)])
}

fn refused(world: &World, side: Side, body: Body, parts: Vec<PartDigest>, actor: Actor) -> Vec<String> {
    let refusal = world.copy(side).unwrap().next(side, body, parts, actor, time(3)).unwrap_err();
    found(&refusal).into_iter().map(ToOwned::to_owned).collect()
}

#[test]
fn the_origin_answers_until_it_has_stored_the_acceptance_and_written_that_it_is_taken() {
    let mut world = World::new().exchanged(Side::Origin);
    assert_eq!(
        refused(&world, Side::Origin, Body::HandoverTaken, everything(), system())[0],
        reason::DISCLOSURE_TOO_EARLY
    );
    world.write(Side::Recipient, Body::HandoverAccepted);
    assert_eq!(world.state(Side::Origin), Some(State::Offered), "the acceptance is on its way");
    assert!(world.state(Side::Origin).unwrap().answers(Side::Origin));
    assert!(world.deliver(Side::Origin) && world.state(Side::Origin).unwrap().answers(Side::Origin));
    assert!(world.write(Side::Origin, Body::HandoverTaken));
    assert!(!world.state(Side::Origin).unwrap().answers(Side::Origin));
    assert!(world.state(Side::Recipient).unwrap().answers(Side::Recipient), "before it holds the taking");
}

#[test]
fn a_withdrawal_wins_over_an_acceptance_that_crossed_it() {
    let mut world = World::new().exchanged(Side::Origin);
    world.write(Side::Recipient, Body::HandoverAccepted);
    world.write(Side::Origin, Body::HandoverWithdrawn { reason: Revocation::NoAnswer });
    let view = world.exchanged(Side::Origin).origin.view().clone();
    assert_eq!((view.state, view.withdrawn), (State::Withdrawn, Some(Revocation::NoAnswer)));
    let crossed = Superseded { side: Side::Recipient, ordinal: 1, reason: reason::WRONG_STATE };
    assert_eq!(view.superseded, [crossed]);
    assert!(view.state.calls_for_erasure() && view.state.responsible() == Side::Origin);
}

#[test]
fn what_was_told_stays_untold_until_it_is_taken() {
    let early = offer(Offer { parts: everything(), ..offering() }).unwrap_err();
    assert_eq!(found(&early), [reason::DISCLOSURE_TOO_EARLY]);
    let silent = offer(Offer { parts: Vec::new(), ..offering() }).unwrap_err();
    assert_eq!(found(&silent), [reason::PART_MISSING]);
    let note = refused(&accepted(), Side::Origin, Body::ContactNoteAdded, everything(), person());
    assert_eq!(note, [reason::DISCLOSURE_TOO_EARLY]);
    let told = taken().origin.next(Side::Origin, Body::ContactNoteAdded, everything(), system(), time(3));
    assert!(told.is_ok(), "{told:?}");
    let view = taken().recipient.unwrap().view().clone();
    assert_eq!(view.disclosed.iter().count(), 3);
    assert_eq!((view.asked, view.waiting), (vec![Asked::FullName, Asked::Condition], true));
}

#[test]
fn a_voice_is_handed_from_person_to_person() {
    let offered = World::new().exchanged(Side::Origin);
    assert_eq!(found(&offer(Offer { actor: system(), ..offering() }).unwrap_err()), [reason::PERSON_REQUIRED]);
    let accepting = refused(&offered, Side::Recipient, Body::HandoverAccepted, Vec::new(), system());
    assert_eq!(accepting, [reason::PERSON_REQUIRED]);
    assert!(accepted().origin.next(Side::Origin, Body::HandoverTaken, everything(), system(), time(3)).is_ok());
}

#[test]
fn a_contact_is_handed_back_when_asked_and_taken_by_a_person() {
    let ask = (Side::Recipient, Body::HandBackAsked { reason: HandBack::NotCompetent });
    assert_eq!(
        refused(&taken(), Side::Origin, Body::HandedBack, Vec::new(), person()),
        [reason::NO_HAND_BACK_REQUESTED]
    );
    let mut world = taken();
    assert!(world.write(ask.0, ask.1.clone()));
    world = world.exchanged(Side::Origin);
    assert_eq!(world.state(Side::Recipient), Some(State::Taken), "asking changes nothing");
    assert_eq!(refused(&world, ask.0, ask.1, Vec::new(), person()), [reason::HAND_BACK_REQUESTED]);
    assert_eq!(refused(&world, Side::Origin, Body::HandedBack, Vec::new(), system()), [reason::PERSON_REQUIRED]);
    assert!(world.write(Side::Origin, Body::HandedBack));
    assert!(world.state(Side::Recipient).unwrap().answers(Side::Recipient), "until it holds handed_back");
    let view = world.exchanged(Side::Origin).origin.view().clone();
    assert_eq!((view.state, view.hand_back), (State::HandedBack, Some(HandBack::NotCompetent)));
}

#[test]
fn an_offer_goes_to_another_unit_and_on_a_basis() {
    let own = offer(Offer { recipient: unit("moh/111"), ..offering() }).unwrap_err();
    assert_eq!(found(&own), [reason::RECIPIENT_REPEATED]);
    let other = offer(Offer { body: Body::HandoverTaken, ..offering() }).unwrap_err();
    assert_eq!(found(&other), [reason::FIELD_REQUIRED]);
    let consent = crate::referral::Consent {
        giver: crate::referral::Giver::Subject,
        scopes: vec![crate::referral::Scope::Identity],
        given: time(-1),
        expires: Some(later(60)),
    };
    let narrow = offer(with_basis(Basis::Consent(consent))).unwrap_err();
    assert_eq!(found(&narrow), [reason::BASIS_SCOPE]);
}

#[test]
fn what_does_not_fit_a_log_is_not_recorded() {
    let mut world = taken();
    let event = world.origin.log(Side::Recipient)[0].clone();
    assert_eq!(world.origin.record(event.clone()), Ok(Recorded::Again));
    let other = |change: fn(&mut Draft)| {
        let mut draft = Draft::clone(&event);
        change(&mut draft);
        Event::write(draft).0
    };
    let mut record = |event| world.origin.record(event).unwrap_err();
    assert_eq!(record(other(|draft| draft.time = time(9))), Fault::Forked);
    assert_eq!(record(other(|draft| draft.ordinal = 3)), Fault::Gap);
    assert_eq!(record(other(|draft| draft.ordinal = 2)), Fault::Forked);
    assert_eq!(record(other(|draft| draft.ids.handover = Uuid::from_u128(9))), Fault::Foreign);
    let next = Draft { ordinal: 2, previous: event.digest(), ..Draft::clone(&event) };
    let unseen = crate::referral::Mark { ordinal: 9, digest: event.digest() };
    assert_eq!(record(Event::write(Draft { seen: Some(unseen), ..next.clone() }).0), Fault::SeenUnknown);
    assert_eq!(record(Event::write(Draft { seen: None, ..next }).0), Fault::SeenBackwards);
}

#[test]
fn an_event_that_was_never_lawful_is_refused() {
    let world = World::new().exchanged(Side::Origin);
    let event = Draft {
        ordinal: 2,
        previous: world.origin.log(Side::Origin)[0].digest(),
        basis: None,
        parts: everything(),
        body: Body::HandoverTaken,
        ..Draft::clone(&world.origin.log(Side::Origin)[0])
    };
    let refusal = world.recipient.unwrap().admit(&Event::write(event).0).unwrap_err();
    assert_eq!(found(&refusal), [reason::DISCLOSURE_TOO_EARLY, reason::NOT_ACCEPTED]);
}

#[test]
fn bytes_that_are_no_event_are_refused_with_everything_that_is_wrong() {
    assert_eq!(found(&Event::read(&[0xff]).unwrap_err()), [reason::FIELD_FORMAT]);
    let missing = Event::read(&[]).unwrap_err();
    assert!(missing.total() > 5 && missing.has(reason::FIELD_REQUIRED));
    let draft = Draft { basis: None, ..offer(offering()).unwrap() };
    assert_eq!(found(&Event::read(&Event::write(draft).1).unwrap_err()), [reason::BASIS_MISSING]);
    let draft = Draft { side: Side::Recipient, ..offer(offering()).unwrap() };
    assert_eq!(found(&Event::read(&Event::write(draft).1).unwrap_err()), [reason::WRONG_SIDE]);
    let twice = Body::HandoverOffered { asked: vec![Asked::Sex, Asked::Sex], waiting: false };
    let draft = Draft { body: twice, ..offer(offering()).unwrap() };
    assert_eq!(found(&Event::read(&Event::write(draft).1).unwrap_err()), [reason::FIELD_FORMAT]);
}

#[test]
fn what_nobody_asked_is_asked_and_nothing_else_is() {
    use nhipcau_proto::{referral::v1 as referral, switchboard::v1 as pb};
    assert_eq!(asked(&pb::ContactDetails::default()), []);
    let known = |value: &str, unknown| Some(referral::KnownText { value: value.into(), unknown });
    let details = pb::ContactDetails {
        sex: referral::Sex::Unknown.into(),
        area_unknown: true,
        narrative: Some(referral::ReferralNarrative {
            condition: known("bị thương", 0),
            incident_place: known("", referral::UnknownReason::NotAsked.into()),
            family_circumstances: known("", referral::UnknownReason::Declined.into()),
            ..referral::ReferralNarrative::default()
        }),
        ..pb::ContactDetails::default()
    };
    let expected = [Asked::Sex, Asked::IncidentArea, Asked::Condition, Asked::FamilyCircumstances];
    assert_eq!(asked(&details), expected);
}

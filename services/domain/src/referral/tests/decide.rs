//! Decisions on commands: what is refused, for which reasons, all of them at once.

use super::world::{World, answer, consent, duty, new_branch, parts, person, system, time, vital};
use crate::{
    reason,
    referral::{
        Basis, Body, Command, Condition, Draft, Effect, Event, EventKind, Giver, Kind, Mistake, Part, PartSet,
        Rejection, Request, Revocation, Side, State, Stop, TimeLimit, WithdrawalAnswer, decide, disclosure::Stage,
        guard::MOST_EVENTS, open,
    },
};

fn received(kind: Kind) -> World {
    let mut world = World::open(kind, duty(), 0);
    world.deliver(Side::Recipient);
    world
}

fn assigned(kind: Kind) -> World {
    let mut world = received(kind);
    let (answer, due) = match kind {
        Kind::Transfer => (Command::Acknowledge, Vec::new()),
        _ => (Command::Accept, parts(&[Part::Identity, Part::Narrative])),
    };
    assert!(world.act(Side::Recipient, answer));
    assert!(world.deliver(Side::Origin));
    assert!(world.act(Side::Origin, Command::Assign(due)));
    world
}

fn refusal(world: &World, side: Side, command: Command) -> crate::referral::Refusal {
    world.decide(side, command).expect("a copy").expect_err("refused")
}

#[test]
fn a_stale_etag_and_a_wrong_state_are_reported_together() {
    let world = received(Kind::Referral);
    let copy = world.recipient.as_ref().expect("delivered");
    let request =
        Request { command: Command::GrantRevocation, etag: Some("old".to_owned()), actor: person(), now: time(5) };
    let refusal = decide(copy, Side::Recipient, request).expect_err("refused");
    for expected in [reason::ETAG_STALE, reason::WRONG_STATE, reason::NO_REVOCATION_REQUESTED] {
        assert!(refusal.has(expected), "{expected} is missing in {refusal:?}");
    }
    assert_eq!(refusal.total(), 3);
}

#[test]
fn the_etag_changes_with_either_log_but_not_with_a_level_that_was_turned_to() {
    let mut world = received(Kind::Referral);
    let first = world.origin.view().etag();
    assert!(world.act(Side::Recipient, Command::Acknowledge));
    assert_eq!(world.origin.view().etag(), first);
    world.deliver(Side::Origin);
    let second = world.origin.view().etag();
    assert_ne!(second, first);
    assert!(world.act(Side::Origin, Command::Escalate { level: 1 }));
    assert_eq!(world.origin.view().etag(), second, "nobody has to read again what moves nothing");
    assert!(world.act(Side::Origin, Command::Revoke { reason: Revocation::NeedMet }));
    assert_ne!(world.origin.view().etag(), second);
}

#[test]
fn the_other_sides_event_is_refused() {
    let world = received(Kind::Referral);
    assert!(refusal(&world, Side::Origin, Command::Accept).has(reason::WRONG_SIDE));
    assert!(refusal(&world, Side::Recipient, Command::Close).has(reason::WRONG_SIDE));
}

#[test]
fn only_a_person_acknowledges() {
    let world = received(Kind::Transfer);
    let copy = world.recipient.as_ref().expect("delivered");
    let request = Request { command: Command::Acknowledge, etag: None, actor: system(), now: time(5) };
    assert!(decide(copy, Side::Recipient, request).expect_err("refused").has(reason::PERSON_REQUIRED));
}

#[test]
fn nothing_is_assigned_before_acceptance_is_stored() {
    let mut world = received(Kind::Referral);
    assert!(world.act(Side::Recipient, Command::Accept));
    let refused = refusal(&world, Side::Origin, Command::Assign(parts(&[Part::Identity])));
    assert!(refused.has(reason::NOT_ACCEPTED) && refused.has(reason::DISCLOSURE_TOO_EARLY));
}

#[test]
fn a_later_tier_waits_for_the_assignment_even_after_acceptance() {
    let mut world = received(Kind::Referral);
    world.act(Side::Recipient, Command::Accept);
    world.deliver(Side::Origin);
    let refused = refusal(&world, Side::Origin, Command::Disclose(parts(&[Part::Narrative])));
    assert!(refused.has(reason::DISCLOSURE_TOO_EARLY));
    assert!(world.act(Side::Origin, Command::Disclose(parts(&[Part::Preview]))));
}

#[test]
fn an_emergency_release_needs_a_vital_interest_and_shows_on_both_sides() {
    let mut world = received(Kind::Referral);
    let identity = parts(&[Part::Identity]);
    let wrong = Command::ReleaseInEmergency { basis: consent(), parts: identity.clone() };
    assert!(refusal(&world, Side::Origin, wrong).has(reason::BASIS_NOT_VITAL));
    assert!(world.act(Side::Origin, Command::ReleaseInEmergency { basis: vital(), parts: identity }));
    world.deliver(Side::Recipient);
    for side in Side::ALL {
        let view = world.copy(side).expect("delivered").view();
        assert!(view.conditions(time(9)).contains(&Condition::EmergencyReleased));
        assert!(view.disclosed.contains(Part::Identity));
    }
}

#[test]
fn revoking_an_assigned_branch_only_asks() {
    let mut world = assigned(Kind::Transfer);
    world.deliver(Side::Recipient);
    assert_eq!(world.origin.view().responsible(), Side::Recipient);
    assert!(world.act(Side::Origin, Command::Revoke { reason: Revocation::Safety }));
    let asked = world.origin.view();
    assert_eq!((asked.state, asked.revocation_requested), (State::Assigned, Some(Revocation::Safety)));
    assert_eq!(asked.responsible(), Side::Origin);
    world.deliver(Side::Recipient);
    assert!(world.act(Side::Recipient, Command::RefuseRevocation));
    world.deliver(Side::Origin);
    assert_eq!(world.origin.view().responsible(), Side::Recipient);
}

#[test]
fn a_granted_request_revokes_with_the_reason_that_was_given() {
    let mut world = assigned(Kind::Referral);
    world.act(Side::Origin, Command::Revoke { reason: Revocation::NeedMet });
    world.deliver(Side::Recipient);
    world.deliver(Side::Recipient);
    assert!(world.act(Side::Recipient, Command::GrantRevocation));
    world.deliver(Side::Origin);
    let view = world.origin.view();
    assert_eq!((view.state, view.revocation), (State::Revoked, Some(Revocation::NeedMet)));
    assert!(view.conditions(time(9)).contains(&Condition::ErasureDue));
}

#[test]
fn an_acceptance_that_crosses_a_revocation_loses_on_both_sides() {
    let mut world = received(Kind::Referral);
    world.act(Side::Recipient, Command::Accept);
    world.act(Side::Origin, Command::Revoke { reason: Revocation::NoAnswer });
    let after = world.exchanged(Side::Recipient);
    let view = after.recipient.as_ref().expect("delivered").view();
    assert_eq!(view.state, State::Revoked);
    let entry = view.history.iter().find(|entry| entry.event == EventKind::Accepted).expect("written");
    assert!(matches!(entry.effect, Effect::Superseded(_)));
}

#[test]
fn service_that_began_before_the_assignment_arrived_is_not_lost() {
    let mut world = received(Kind::Transfer);
    world.act(Side::Recipient, Command::Acknowledge);
    assert!(world.act(Side::Recipient, Command::StartService));
    assert_eq!(world.recipient.as_ref().expect("delivered").view().state, State::Acknowledged);
    world.deliver(Side::Origin);
    for stored_before_assignment in [false, true] {
        let mut world = world.clone();
        if stored_before_assignment {
            world.deliver(Side::Origin);
        }
        world.act(Side::Origin, Command::Assign(Vec::new()));
        assert_eq!(world.exchanged(Side::Origin).origin.view().state, State::InService);
    }
}

#[test]
fn a_rejection_leaves_nothing_disclosed_but_the_preview() {
    let mut world = received(Kind::Referral);
    world.act(Side::Recipient, Command::Reject { code: Rejection::NoCapacity });
    world.deliver(Side::Origin);
    let view = world.origin.view();
    assert_eq!(view.rejection, Some(Rejection::NoCapacity));
    assert_eq!(view.disclosed, PartSet::of(&[Part::Preview]));
    assert!(world.act(Side::Recipient, Command::ConfirmErasure));
    assert!(refusal(&world, Side::Recipient, Command::ConfirmErasure).has(reason::ERASURE_NOT_DUE));
}

#[test]
fn consent_cannot_be_withdrawn_from_a_statutory_duty() {
    let world = received(Kind::Transfer);
    let refused = refusal(&world, Side::Origin, Command::WithdrawConsent { time: time(1) });
    assert!(refused.has(reason::BASIS_NOT_CONSENT));
}

#[test]
fn an_opening_without_preview_or_with_a_later_tier_is_refused() {
    let mut new = new_branch(Kind::Referral, duty(), 0);
    new.parts = parts(&[Part::Identity]);
    let refused = open(new).expect_err("refused");
    assert!(refused.has(reason::PART_MISSING) && refused.has(reason::DISCLOSURE_TOO_EARLY));
}

#[test]
fn an_opening_on_the_consent_of_a_suspect_is_refused() {
    let mut new = new_branch(Kind::Referral, consent(), 0);
    new.suspects = vec![Giver::Mother];
    assert!(open(new).expect_err("refused").has(reason::BASIS_SUSPECT_ASKED));
}

#[test]
fn a_part_outside_the_scope_of_consent_is_not_selected_nor_allowed() {
    let Basis::Consent(mut consent) = consent() else { panic!("a consent") };
    consent.scopes.retain(|scope| *scope != crate::referral::Scope::Narrative);
    let basis = Basis::Consent(consent);
    let stage = Stage { kind: Kind::Transfer, state: None, event: EventKind::Opened };
    let selected = stage.select(PartSet::of(Part::KNOWN), false, &basis);
    assert_eq!(selected, PartSet::of(&[Part::Preview, Part::Identity]));
    assert!(open(new_branch(Kind::Transfer, basis, 0)).expect_err("refused").has(reason::BASIS_SCOPE));
}

#[test]
fn the_reporter_travels_only_with_agreement() {
    let stage = Stage { kind: Kind::Transfer, state: None, event: EventKind::Opened };
    let all = PartSet::of(Part::KNOWN);
    assert!(!stage.select(all, false, &duty()).contains(Part::Reporter));
    assert!(stage.select(all, true, &duty()).contains(Part::Reporter));
}

#[test]
fn a_time_limit_runs_until_a_person_stops_it() {
    let limit = TimeLimit {
        rule: "decree-56-emergency".into(),
        citation: super::world::text("Decree 56/2017/NĐ-CP art. 26.3"),
        stop: Stop::Acknowledged,
        start: time(0),
        acknowledge_due: time(100),
        warn: time(200),
        escalate: time(300),
        due: time(400),
        steps: Vec::new(),
        confirmation: None,
    };
    let mut new = new_branch(Kind::Transfer, duty(), 0);
    new.opening.time_limits = vec![limit];
    let (event, _) = crate::referral::Event::write(open(new).expect("lawful"));
    let mut world = World {
        origin: crate::referral::Branch::open(event).expect("opening"),
        recipient: None,
        refused: false,
        begins: None,
    };
    let view = world.origin.view();
    assert!(view.conditions(time(99)).is_empty());
    assert_eq!(view.conditions(time(100)), [Condition::Unacknowledged]);
    assert_eq!(view.conditions(time(400)), [Condition::Overdue, Condition::Unacknowledged, Condition::Warned]);
    world.deliver(Side::Recipient);
    world.act(Side::Recipient, Command::Acknowledge);
    world.deliver(Side::Origin);
    assert!(world.origin.view().conditions(time(400)).is_empty());
}

#[test]
fn a_return_is_void_once_the_recipient_has_written() {
    let mut world = received(Kind::Referral);
    world.refused = true;
    let receipt = crate::referral::ReceiptRef { number: 1, digest: [9; 32] };
    assert!(world.act(Side::Origin, Command::NoteReturn { reason: "NOT_AGREED".into(), receipt }));
    assert_eq!(world.origin.view().state, State::Returned);
    let event = world.origin.log(Side::Origin).at(2).expect("written").clone();
    let refused = world.recipient.as_ref().expect("delivered").admit(&event).expect_err("it was stored");
    assert!(refused.has(reason::OPENING_STORED));
    world.act(Side::Recipient, Command::Acknowledge);
    world.deliver(Side::Origin);
    assert_eq!(world.origin.view().state, State::Acknowledged);
}

#[test]
fn a_log_does_not_grow_for_ever_and_can_always_be_ended() {
    let mut world = World::open(Kind::Notification, consent(), 1);
    let next = |world: &World| {
        let last = world.origin.log(Side::Origin).head().unwrap();
        let opening = Draft::clone(world.origin.log(Side::Origin).at(1).unwrap());
        let (parts, body) = (Vec::new(), Body::Escalated { level: 1 });
        let draft = Draft { ordinal: last.ordinal + 1, previous: last.digest, basis: None, parts, body, ..opening };
        Event::write(draft).0
    };
    while world.origin.log(Side::Origin).events().len() as u64 != MOST_EVENTS {
        let event = next(&world);
        world.origin.record(event).unwrap();
    }
    assert!(refusal(&world, Side::Origin, Command::Escalate { level: 1 }).has(reason::TOO_MANY));
    assert!(world.origin.admit(&next(&world)).unwrap_err().has(reason::TOO_MANY), "nor of a peer");
    assert!(world.act(Side::Origin, Command::WithdrawConsent { time: time(1) }));
    assert!(world.act(Side::Origin, Command::EnterInError { reason: Mistake::WrongPerson }));
}

#[test]
fn a_withdrawal_is_unanswered_until_the_recipient_says_what_became_of_the_content() {
    let mut world = World::open(Kind::Referral, consent(), 0);
    world.deliver(Side::Recipient);
    assert!(refusal(&world, Side::Recipient, Command::AnswerWithdrawal(answer())).has(reason::WRONG_STATE));
    world.act(Side::Origin, Command::WithdrawConsent { time: time(1) });
    assert!(world.origin.view().conditions(time(9)).contains(&Condition::WithdrawalUnanswered));
    world.deliver(Side::Recipient);
    assert!(world.act(Side::Recipient, Command::AnswerWithdrawal(answer())));
    // What is erased later is said anew, and the last word holds.
    let later = WithdrawalAnswer { kept: Vec::new(), ..answer() };
    assert!(world.act(Side::Recipient, Command::AnswerWithdrawal(later.clone())));
    world.deliver(Side::Origin);
    world.deliver(Side::Origin);
    let view = world.origin.view();
    assert_eq!(view.withdrawal_answer, Some(later));
    assert!(!view.conditions(time(9)).contains(&Condition::WithdrawalUnanswered));
    assert!(view.conditions(time(9)).contains(&Condition::ErasureDue), "its calling systems have erased nothing yet");
}

#[test]
fn only_a_withdrawal_is_answered() {
    let mut world = received(Kind::Referral);
    world.act(Side::Origin, Command::Revoke { reason: Revocation::NeedMet });
    world.deliver(Side::Recipient);
    let recipient = world.recipient.as_ref().expect("delivered").view();
    assert_eq!(recipient.state, State::Revoked);
    assert!(!recipient.conditions(time(9)).contains(&Condition::WithdrawalUnanswered));
    assert!(refusal(&world, Side::Recipient, Command::AnswerWithdrawal(answer())).has(reason::WRONG_STATE));
}

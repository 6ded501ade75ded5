//! Handing back: the recipient goes on and answers until it holds the origin's word, whatever crosses.

use super::world::{World, answer, duty, new_branch, parts, system, telephoned, time, work};
use crate::{
    reason,
    referral::{
        Body, Cause, Command, Condition, Effect, EventKind, HandBack, Kind, Opening, Outcome, Part, Refusal, Request,
        Revocation, Side, State, WorkKind, decide,
    },
};

const ASK: Command = Command::HandBack { reason: HandBack::OutsideArea };
const CASES: [Kind; 2] = [Kind::Transfer, Kind::Referral];

/// A branch that both sides know to be assigned.
fn assigned(kind: Kind) -> World {
    let mut world = World::open(kind, duty(), 0);
    world.deliver(Side::Recipient);
    let (answer, due) = match kind {
        Kind::Transfer => (Command::Acknowledge, Vec::new()),
        _ => (Command::Accept, parts(&[Part::Identity])),
    };
    assert!(world.act(Side::Recipient, answer) && world.deliver(Side::Origin));
    assert!(world.act(Side::Origin, Command::Assign(due)) && world.deliver(Side::Recipient));
    world
}

/// A branch that its recipient has asked to hand back, as both sides know.
fn asked(kind: Kind) -> World {
    let mut world = assigned(kind);
    assert!(world.act(Side::Recipient, ASK) && world.deliver(Side::Origin));
    world
}

fn refused(world: &World, side: Side, command: Command) -> Refusal {
    world.decide(side, command).expect("a copy").expect_err("refused")
}

fn states(world: &World) -> [State; 2] {
    Side::ALL.map(|side| world.copy(side).expect("delivered").view().state)
}

fn responsible(world: &World) -> [Side; 2] {
    Side::ALL.map(|side| world.copy(side).expect("delivered").view().responsible())
}

#[test]
fn the_recipient_answers_until_it_holds_the_word_of_the_origin() {
    let mut world = assigned(Kind::Transfer);
    assert!(world.act(Side::Recipient, ASK));
    assert_eq!(responsible(&world), [Side::Recipient; 2]);
    assert!(world.deliver(Side::Origin));
    assert_eq!(responsible(&world), [Side::Recipient; 2], "asking gives nothing away");
    assert!(world.act(Side::Origin, Command::TakeHandBack));
    assert_eq!(responsible(&world), [Side::Origin, Side::Recipient], "both for a while, never neither");
    assert!(world.deliver(Side::Recipient));
    assert_eq!((responsible(&world), states(&world)), ([Side::Origin; 2], [State::Revoked; 2]));
}

#[test]
fn what_is_handed_back_shows_why_and_leaves_nothing_at_the_recipient() {
    for kind in CASES {
        let mut world = asked(kind);
        for side in Side::ALL {
            let view = world.copy(side).expect("delivered").view();
            assert_eq!(view.hand_back, Some(HandBack::OutsideArea));
            assert!(view.conditions(time(9)).contains(&Condition::HandBackRequested));
        }
        assert!(world.act(Side::Origin, Command::TakeHandBack) && world.deliver(Side::Recipient));
        let view = world.origin.view();
        assert_eq!((view.revocation, view.hand_back), (Some(Revocation::HandedBack), Some(HandBack::OutsideArea)));
        assert_eq!(view.conditions(time(9)), [Condition::ErasureDue]);
        assert!(view.is_sent_on(), "the need may go on to another unit");
        assert!(world.act(Side::Recipient, Command::ConfirmErasure));
    }
}

#[test]
fn only_what_is_assigned_is_handed_back_and_only_once() {
    let mut world = World::open(Kind::Referral, duty(), 0);
    world.deliver(Side::Recipient);
    assert!(refused(&world, Side::Recipient, ASK).has(reason::NOT_ASSIGNED));
    let notice = World::open(Kind::Notification, duty(), 0).exchanged(Side::Recipient);
    assert!(refused(&notice, Side::Recipient, ASK).has(reason::NOT_FOR_THIS_KIND));
    let mut world = asked(Kind::Referral);
    assert_eq!(refused(&world, Side::Recipient, ASK), Refusal::one("branch", reason::HAND_BACK_REQUESTED));
    assert!(world.act(Side::Recipient, Command::StartService), "it goes on meanwhile");
    assert!(refused(&world, Side::Recipient, ASK).has(reason::HAND_BACK_REQUESTED));
}

#[test]
fn only_a_person_takes_back_and_only_what_is_handed_back() {
    let world = assigned(Kind::Transfer);
    let nobody_asked = refused(&world, Side::Origin, Command::TakeHandBack);
    assert_eq!(nobody_asked, Refusal::one("branch", reason::NO_HAND_BACK_REQUESTED));
    let world = asked(Kind::Transfer);
    let request = Request { command: Command::TakeHandBack, etag: None, actor: system(), now: time(5) };
    let by_nobody = decide(&world.origin, Side::Origin, request).expect_err("nobody took the child over");
    assert_eq!(by_nobody, Refusal::one("branch", reason::PERSON_REQUIRED));
}

#[test]
fn a_completion_that_crosses_the_taking_is_kept_as_evidence_and_has_no_effect() {
    for kind in CASES {
        let mut world = asked(kind);
        assert!(world.act(Side::Recipient, Command::Complete { outcome: Outcome::NotProvided }));
        assert!(world.act(Side::Origin, Command::TakeHandBack));
        assert_eq!(states(&world), [State::Revoked, State::Completed]);
        let after = world.exchanged(Side::Origin);
        assert_eq!(states(&after), [State::Revoked; 2]);
        let view = after.origin.view();
        assert_eq!((view.outcome, view.revocation), (None, Some(Revocation::HandedBack)));
        let completed = view.history.iter().find(|entry| entry.event == EventKind::Completed).expect("written");
        assert!(matches!(completed.effect, Effect::Superseded(_)));
    }
}

#[test]
fn what_was_completed_meanwhile_is_not_taken_back() {
    let mut world = asked(Kind::Transfer);
    assert!(world.act(Side::Recipient, Command::Complete { outcome: Outcome::Resolved }));
    assert!(world.deliver(Side::Origin));
    let late = refused(&world, Side::Origin, Command::TakeHandBack);
    assert!(late.has(reason::WRONG_STATE) && late.has(reason::NO_HAND_BACK_REQUESTED));
    assert_eq!(responsible(&world), [Side::Recipient; 2]);
}

#[test]
fn a_hand_back_and_a_request_to_stop_that_cross_end_the_branch_either_way() {
    for taken in [true, false] {
        let mut world = assigned(Kind::Transfer);
        assert!(world.act(Side::Recipient, ASK));
        assert!(world.act(Side::Origin, Command::Revoke { reason: Revocation::Safety }));
        let mut world = world.exchanged(Side::Origin);
        let conditions = world.origin.view().conditions(time(9));
        assert_eq!(conditions, [Condition::RevocationRequested, Condition::HandBackRequested]);
        assert_eq!(responsible(&world), [Side::Origin; 2], "since it asked");
        let (side, command, reason) = match taken {
            true => (Side::Origin, Command::TakeHandBack, Revocation::HandedBack),
            false => (Side::Recipient, Command::GrantRevocation, Revocation::Safety),
        };
        assert!(world.act(side, command));
        let view = world.exchanged(Side::Recipient).origin.view();
        assert_eq!((view.state, view.revocation), (State::Revoked, Some(reason)));
    }
}

#[test]
fn an_answer_to_a_request_to_stop_that_crosses_the_taking_changes_nothing() {
    for answer in [Command::GrantRevocation, Command::RefuseRevocation] {
        let mut world = asked(Kind::Transfer);
        assert!(world.act(Side::Origin, Command::Revoke { reason: Revocation::Safety }));
        assert!(world.deliver(Side::Recipient));
        assert!(world.act(Side::Recipient, answer));
        assert!(world.act(Side::Origin, Command::TakeHandBack));
        world.check();
        let after = world.exchanged(Side::Recipient);
        after.check();
        let view = after.origin.view();
        assert_eq!((view.state, view.revocation), (State::Revoked, Some(Revocation::HandedBack)));
    }
}

#[test]
fn an_older_reader_is_told_of_a_newer_version_only_where_it_knows_no_better() {
    let opening = |cause| Body::Opened(Opening { cause, ..new_branch(Kind::Transfer, duty(), 0).opening }).minor();
    assert_eq!([Cause::Initial, Cause::Redirect, Cause::Escalation].map(opening), [0; 3]);
    assert_eq!(opening(Cause::Reopened), 1);
    let answered = Body::WithdrawalAnswered(answer());
    let newer = [Body::HandBackTaken, Body::HandBackRequested { reason: HandBack::Other }, answered];
    assert_eq!(newer.map(|body| body.minor()), [1; 3]);
    let newest = [telephoned(), work(WorkKind::Measure, None)].map(|command| match command {
        Command::NoteTelephoneAcknowledgement(said) => Body::TelephoneRecorded(said),
        Command::RecordWork { work, .. } => Body::WorkRecorded(work),
        _ => unreachable!("one of these"),
    });
    assert_eq!(newest.map(|body| body.minor()), [2; 2]);
    assert_eq!(Body::Unattended.minor(), 4);
    for body in [Body::Assigned, Body::Revoked { reason: Revocation::Other }, Body::Acknowledged, Body::Erased] {
        assert_eq!(body.minor(), 0);
    }
}

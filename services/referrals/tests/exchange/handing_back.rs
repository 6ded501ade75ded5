//! Handing back: who answers for the child until when, what is left where, and what crosses on the way.

use nhipcau_domain::reason;
use nhipcau_proto::referral::v1::{
    self as pb, BranchState, HandBackReason, ReferralKind, RevocationReason, Side,
    referral_decision_service_server::ReferralDecisionService as _,
};
use tonic::Code;

use crate::{deeds::*, world::*};

const ASKED: i32 = pb::BranchCondition::HandBackRequested as i32;

/// A branch that is assigned, as both sides know.
async fn assigned(world: &mut World, kind: ReferralKind) -> String {
    let branch = world.refer(kind, duty()).await;
    world.settle().await;
    match kind {
        ReferralKind::Transfer => world.acknowledge(HANOI, &branch).await,
        _ => world.accept(HANOI, &branch).await,
    }
    .unwrap();
    world.settle().await;
    assert_eq!(world.states(&branch).await, [BranchState::Assigned; 2]);
    branch
}

/// A branch whose recipient has asked to hand it back, as both sides know.
async fn asked(world: &mut World, kind: ReferralKind) -> String {
    let branch = assigned(world, kind).await;
    world.hand_back(HANOI, &branch, HandBackReason::OutsideArea).await.unwrap();
    world.settle().await;
    branch
}

async fn responsible(world: &World, branch: &str) -> [Side; 2] {
    [world.branch(MOH, branch).await.responsible_side(), world.branch(HANOI, branch).await.responsible_side()]
}

async fn superseded(world: &World, branch: &str, event: &str) -> bool {
    let history = world.branch(HANOI, branch).await.history;
    history.iter().any(|entry| entry.event == event && entry.superseded)
}

#[tokio::test]
async fn a_child_that_is_handed_back_is_at_no_moment_without_somebody_who_answers() {
    let mut world = World::open().await;
    let branch = asked(&mut world, ReferralKind::Transfer).await;
    for node in [MOH, HANOI] {
        let shown = world.branch(node, &branch).await;
        assert_eq!((shown.conditions.contains(&ASKED), shown.hand_back_reason()), (true, HandBackReason::OutsideArea));
    }
    assert_eq!(responsible(&world, &branch).await, [Side::Recipient; 2], "asking gives nothing away");
    world.hold().await;
    world.take_hand_back(MOH, &branch).await.unwrap();
    assert_eq!(world.states(&branch).await, [BranchState::Revoked, BranchState::Assigned]);
    assert_eq!(responsible(&world, &branch).await, [Side::Origin, Side::Recipient]);
    world.release().await;
    assert_eq!(world.states(&branch).await, [BranchState::Revoked; 2]);
    assert_eq!(responsible(&world, &branch).await, [Side::Origin; 2]);
    let [mine, theirs] = [world.branch(MOH, &branch).await, world.branch(HANOI, &branch).await];
    assert_eq!(mine.revocation_reason(), RevocationReason::HandedBack);
    assert_eq!((mine.history, mine.etag), (theirs.history, theirs.etag), "one truth");
    assert_eq!(world.count(HANOI, "SELECT COUNT(*) FROM referral_content").await, 0, "nothing is kept");
    assert!(world.content(MOH, &branch).await.identity.is_some());
    let next = world.further(&branch, "hanoi/cua-nam", |_| ()).await.unwrap();
    assert_eq!(next.group_uid, mine.group_uid, "the same need");
    world.settle().await;
    world.acknowledge(HANOI, &next.name).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&next.name).await, [BranchState::Assigned; 2]);
}

#[tokio::test]
async fn a_completion_that_crosses_the_taking_has_no_effect_and_stays_as_evidence() {
    let mut world = World::open().await;
    for kind in [ReferralKind::Transfer, ReferralKind::Referral] {
        let branch = asked(&mut world, kind).await;
        world.hold().await;
        world.complete(HANOI, &branch, pb::Outcome::NotProvided).await.unwrap();
        world.take_hand_back(MOH, &branch).await.unwrap();
        assert_eq!(world.states(&branch).await, [BranchState::Revoked, BranchState::Completed]);
        world.release().await;
        assert_eq!(world.states(&branch).await, [BranchState::Revoked; 2]);
        assert!(superseded(&world, &branch, "completed").await);
        assert_eq!(world.count(HANOI, "SELECT COUNT(*) FROM referral_content").await, 0);
    }
}

#[tokio::test]
async fn what_was_completed_before_it_was_taken_stays_completed() {
    let mut world = World::open().await;
    let branch = asked(&mut world, ReferralKind::Transfer).await;
    world.complete(HANOI, &branch, pb::Outcome::Resolved).await.unwrap();
    world.settle().await;
    let late = world.take_hand_back(MOH, &branch).await.unwrap_err();
    assert_eq!(refusal(&late).0, Code::FailedPrecondition);
    assert!(!world.branch(MOH, &branch).await.conditions.contains(&ASKED));
    world.close(MOH, &branch).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&branch).await, [BranchState::Closed; 2]);
}

#[tokio::test]
async fn a_hand_back_and_a_request_to_stop_that_cross_end_the_branch_by_whoever_answers_first() {
    for taken in [true, false] {
        let mut world = World::open().await;
        let branch = assigned(&mut world, ReferralKind::Transfer).await;
        world.hold().await;
        world.hand_back(HANOI, &branch, HandBackReason::Safety).await.unwrap();
        world.revoke(MOH, &branch, RevocationReason::Safety).await.unwrap();
        world.release().await;
        let requested = pb::BranchCondition::RevocationRequested as i32;
        let conditions = world.branch(HANOI, &branch).await.conditions;
        assert!(conditions.contains(&ASKED) && conditions.contains(&requested), "{conditions:?}");
        assert_eq!(responsible(&world, &branch).await, [Side::Origin; 2], "which asked for the child");
        let reason = if taken {
            world.take_hand_back(MOH, &branch).await.unwrap();
            RevocationReason::HandedBack
        } else {
            world.answer_revocation(HANOI, &branch, true).await.unwrap();
            RevocationReason::Safety
        };
        world.settle().await;
        assert_eq!(world.states(&branch).await, [BranchState::Revoked; 2]);
        assert_eq!(world.branch(MOH, &branch).await.revocation_reason(), reason);
    }
}

#[tokio::test]
async fn a_refusal_to_stop_that_crosses_the_taking_keeps_nothing() {
    let mut world = World::open().await;
    let branch = asked(&mut world, ReferralKind::Transfer).await;
    world.revoke(MOH, &branch, RevocationReason::Other).await.unwrap();
    world.settle().await;
    world.hold().await;
    world.answer_revocation(HANOI, &branch, false).await.unwrap();
    world.take_hand_back(MOH, &branch).await.unwrap();
    assert_eq!(responsible(&world, &branch).await, [Side::Origin, Side::Recipient], "both, never neither");
    world.release().await;
    assert_eq!(world.states(&branch).await, [BranchState::Revoked; 2]);
    assert!(superseded(&world, &branch, "revocation_refused").await);
}

#[tokio::test]
async fn of_two_hand_backs_one_counts_and_a_repeated_call_is_the_same_one() {
    let mut world = World::open().await;
    let branch = assigned(&mut world, ReferralKind::Referral).await;
    let request = |etag: &str| pb::HandBackBranchRequest {
        request_id: request_id(),
        name: branch.clone(),
        etag: etag.to_owned(),
        acting_person: "cb-17".into(),
        validate_only: false,
        reason: HandBackReason::NoCapacity.into(),
    };
    let etag = world.branch(HANOI, &branch).await.etag;
    let (first, second) = (request(&etag), request(&etag));
    let door = &world.nodes[HANOI].door;
    door.hand_back_branch(call(first.clone(), "hanoi")).await.unwrap();
    assert!(door.hand_back_branch(call(first, "hanoi")).await.unwrap().into_inner().replayed);
    let stale = door.hand_back_branch(call(second, "hanoi")).await.unwrap_err();
    assert_eq!(refusal(&stale), (Code::Aborted, reason::ETAG_STALE.into()));
    let again = world.hand_back(HANOI, &branch, HandBackReason::NoCapacity).await.unwrap_err();
    assert_eq!(refusal(&again), (Code::FailedPrecondition, reason::HAND_BACK_REQUESTED.into()));
    world.settle().await;
    world.take_hand_back(MOH, &branch).await.unwrap();
    let twice = world.take_hand_back(MOH, &branch).await.unwrap_err();
    assert_eq!(refusal(&twice).0, Code::FailedPrecondition);
}

#[tokio::test]
async fn nobody_takes_what_is_not_handed_back_and_the_rules_reasons_are_not_given_by_callers() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Referral, duty()).await;
    world.settle().await;
    let early = world.hand_back(HANOI, &branch, HandBackReason::Other).await.unwrap_err();
    assert_eq!(refusal(&early), (Code::FailedPrecondition, reason::NOT_ASSIGNED.into()));
    for set in [RevocationReason::HandedBack, RevocationReason::ConsentWithdrawn] {
        let told = world.revoke(MOH, &branch, set).await.unwrap_err();
        assert_eq!(refusal(&told), (Code::InvalidArgument, reason::REQUEST_INVALID.into()));
    }
    world.accept(HANOI, &branch).await.unwrap();
    world.settle().await;
    let unasked = world.take_hand_back(MOH, &branch).await.unwrap_err();
    assert_eq!(refusal(&unasked), (Code::FailedPrecondition, reason::NO_HAND_BACK_REQUESTED.into()));
}

#[tokio::test]
async fn a_store_put_back_before_the_taking_is_told_again_and_keeps_nothing() {
    let mut world = World::open().await;
    let branch = asked(&mut world, ReferralKind::Transfer).await;
    let copies = [world.copy(MOH), world.copy(HANOI)];
    world.settle_slowly().await;
    world.take_hand_back(MOH, &branch).await.unwrap();
    world.settle().await;
    for (node, copy) in [MOH, HANOI].into_iter().zip(&copies) {
        world.restore(node, copy);
        world.settle_slowly().await;
        assert_eq!(world.states(&branch).await, [BranchState::Revoked; 2], "after {}", NAMES[node]);
        assert_eq!(world.count(HANOI, "SELECT COUNT(*) FROM referral_content").await, 0);
    }
}

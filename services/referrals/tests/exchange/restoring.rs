//! Processes that end in the middle, and stores that come back from an older copy.

use nhipcau_domain::reason;
use nhipcau_proto::referral::v1::{self as pb, BranchState, ReferralKind};
use tonic::Code;

use crate::{deeds::*, world::*};

#[tokio::test]
async fn a_case_goes_on_after_every_process_was_ended_in_the_middle() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Referral, consent()).await;
    for node in [MOH, HANOI] {
        world.stop(node);
        world.restart(node);
    }
    world.settle_slowly().await;
    assert_eq!(world.states(&branch).await, [BranchState::Received; 2]);
    world.accept(HANOI, &branch).await.unwrap();
    for node in [HANOI, MOH] {
        world.stop(node);
        world.restart(node);
    }
    world.settle_slowly().await;
    assert_eq!(world.states(&branch).await, [BranchState::Assigned; 2]);
    assert!(world.content(HANOI, &branch).await.identity.is_some());
}

#[tokio::test]
async fn an_origin_on_an_older_copy_gets_its_branch_back_and_goes_on() {
    let mut world = World::open().await;
    let copy = world.copy(MOH);
    world.settle_slowly().await;
    let request = submission(ReferralKind::Referral, "moh/111", &["hanoi/ba-dinh"]);
    let branch = world.submit(MOH, &request).await.remove(0);
    world.settle().await;
    world.accept(HANOI, &branch).await.unwrap();
    world.settle().await;
    world.begin(HANOI, &branch).await.unwrap();
    world.settle().await;
    let before = world.branch(MOH, &branch).await;
    world.restore(MOH, &copy);
    assert!(world.get(MOH, &referral_of(&branch)).await.is_err(), "it is gone");
    world.settle_slowly().await;
    let after = world.branch(MOH, &branch).await;
    assert_eq!((after.state(), &after.etag), (BranchState::InService, &before.etag));
    assert!(world.content(MOH, &branch).await.identity.is_some(), "with what it had disclosed");
    let replay = world.try_submit(MOH, &request).await.unwrap();
    assert!(replay.replayed, "the caller's retry is the same referral");
    assert_eq!(replay.referral.unwrap().branches[0].name, branch);
    world.complete(HANOI, &branch, pb::Outcome::Resolved).await.unwrap();
    world.settle().await;
    world.close(MOH, &branch).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&branch).await, [BranchState::Closed; 2]);
}

#[tokio::test]
async fn a_recipient_on_an_older_copy_gets_both_logs_back() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Referral, duty()).await;
    world.settle().await;
    let copy = world.copy(HANOI);
    world.settle_slowly().await;
    world.acknowledge(HANOI, &branch).await.unwrap();
    world.settle().await;
    world.accept(HANOI, &branch).await.unwrap();
    world.settle().await;
    let before = world.branch(HANOI, &branch).await.etag;
    world.restore(HANOI, &copy);
    assert_eq!(world.state(HANOI, &branch).await, BranchState::Received);
    world.settle_slowly().await;
    assert_eq!(world.branch(HANOI, &branch).await.etag, before);
    assert_eq!(world.states(&branch).await, [BranchState::Assigned; 2]);
    assert!(world.content(HANOI, &branch).await.identity.is_some());
    world.begin(HANOI, &branch).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&branch).await, [BranchState::InService; 2]);
}

#[tokio::test]
async fn what_was_decided_meanwhile_gives_way_to_what_the_other_side_holds() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Referral, duty()).await;
    world.settle().await;
    let copy = world.copy(HANOI);
    world.settle_slowly().await;
    world.accept(HANOI, &branch).await.unwrap();
    world.settle().await;
    world.restore(HANOI, &copy);
    // Before the other side was heard, somebody rejects what had been accepted.
    let rejected = world.reject(HANOI, &branch, pb::RejectionCode::Other).await.unwrap();
    assert_eq!(rejected.state(), BranchState::Rejected);
    world.settle_slowly().await;
    assert_eq!(world.states(&branch).await, [BranchState::Assigned; 2]);
    let content = world.content(HANOI, &branch).await;
    assert!(content.identity.is_some() && content.narrative.is_some());
    let late = world.reject(HANOI, &branch, pb::RejectionCode::Other).await.unwrap_err();
    assert_eq!(refusal(&late), (Code::FailedPrecondition, reason::WRONG_STATE.into()));
}

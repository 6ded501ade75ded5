//! Several units for one need: the first that accepts serves, the others are let go and erase.

use nhipcau_proto::referral::v1::{self as pb, BranchState, ReferralKind};

use crate::{deeds::*, world::*};

#[tokio::test]
async fn the_first_acceptance_is_assigned_and_the_others_are_relieved() {
    let mut world = World::open().await;
    let request = submission(ReferralKind::Referral, "moh/111", &["hanoi/ba-dinh", "vwu/desk"]);
    let branches = world.submit(MOH, &request).await;
    world.settle().await;
    world.acknowledge(HANOI, &branches[0]).await.unwrap();
    world.settle().await;
    world.accept(VWU, &branches[1]).await.unwrap();
    world.settle().await;
    let [relieved, assigned] = [world.branch(MOH, &branches[0]).await, world.branch(MOH, &branches[1]).await];
    assert_eq!([relieved.state(), assigned.state()], [BranchState::Relieved, BranchState::Assigned]);
    assert_eq!(relieved.group_uid, assigned.group_uid);
    assert_eq!(world.state(HANOI, &branches[0]).await, BranchState::Relieved);
    assert_eq!(world.count(HANOI, "SELECT COUNT(*) FROM referral_content").await, 0);
    let opened = "SELECT COUNT(*) FROM received WHERE correlation <> zeroblob(0) AND envelope IS NOT NULL";
    assert!(world.count(HANOI, opened).await <= 1, "nothing but the word that let it go");
    assert!(world.content(VWU, &branches[1]).await.identity.is_some());
    assert_eq!(world.get(VWU, &referral_of(&branches[1])).await.unwrap().branches.len(), 1, "each sees its own");
    world.erase(HANOI, &branches[0]).await.unwrap();
    world.settle().await;
    assert!(world.branch(MOH, &branches[0]).await.conditions.is_empty());
}

#[tokio::test]
async fn nobody_is_let_go_for_an_acceptance_that_cannot_be_followed() {
    let mut world = World::open().await;
    let request = submission(ReferralKind::Referral, "moh/111", &["hanoi/ba-dinh", "vwu/desk"]);
    let branches = world.submit(MOH, &request).await;
    world.settle().await;
    world.amend(|wire| wire.agreements.retain(|it| it.recipient_party != "hanoi")).await;
    world.accept(HANOI, &branches[0]).await.unwrap();
    world.settle().await;
    assert_eq!(world.state(MOH, &branches[0]).await, BranchState::Accepted, "nothing can be disclosed to it");
    assert_eq!(world.states_at(&branches[1], [MOH, VWU]).await, [BranchState::Received; 2]);
    world.accept(VWU, &branches[1]).await.unwrap();
    world.settle().await;
    assert_eq!(world.states_at(&branches[1], [MOH, VWU]).await, [BranchState::Assigned; 2]);
}

#[tokio::test]
async fn two_acceptances_that_cross_leave_one_assigned() {
    let mut world = World::open().await;
    let request = submission(ReferralKind::Transfer, "moh/111", &["hanoi/ba-dinh", "hanoi/cua-nam"]);
    let branches = world.submit(MOH, &request).await;
    world.settle().await;
    for branch in &branches {
        world.acknowledge(HANOI, branch).await.unwrap();
    }
    world.settle().await;
    let mut states = Vec::new();
    for branch in &branches {
        assert_eq!(world.states(branch).await[0], world.states(branch).await[1]);
        states.push(world.state(MOH, branch).await);
    }
    states.sort();
    assert_eq!(states, [BranchState::Assigned, BranchState::Relieved]);
    // The relieved unit shares its access point with the assigned one, which keeps what it was given.
    assert_eq!(world.count(HANOI, "SELECT COUNT(*) FROM referral_content").await, 3);
}

#[tokio::test]
async fn a_unit_of_the_same_access_point_is_served_like_any_other() {
    let mut world = World::open().await;
    let request = submission(ReferralKind::Referral, "hanoi/ba-dinh", &["hanoi/cua-nam"]);
    let branch = world.submit(HANOI, &request).await.remove(0);
    world.settle().await;
    assert_eq!(world.state(HANOI, &branch).await, BranchState::Received);
    world.accept(HANOI, &branch).await.unwrap();
    world.settle().await;
    assert_eq!(world.state(HANOI, &branch).await, BranchState::Assigned);
    world.begin(HANOI, &branch).await.unwrap();
    world.settle().await;
    let done = world.complete(HANOI, &branch, pb::Outcome::Resolved).await.unwrap();
    assert_eq!(done.state(), BranchState::Completed);
}

//! What people said at a unit whose store had been put back to before the word that nobody was left to tell.

use nhipcau_proto::{
    envelope::v1 as envelope,
    referral::v1::{self as pb, BranchState, ReferralKind},
};
use prost::Message as _;

use super::*;
use crate::working;

#[tokio::test]
async fn what_somebody_acknowledged_on_an_older_copy_stands_behind_the_word_that_nobody_was_left() {
    let mut world = open().await;
    world.roster(1, NOW, &["cb-17"]);
    let branch = world.report(ReferralKind::Transfer).await;
    assert_eq!(world.called().await, ["cb-17"]);
    let copy = world.copy(HANOI);
    world.minutes(11).await;
    assert!(world.both_show_unattended(&branch).await);
    world.restore(HANOI, &copy);
    // Before the other side was heard: the officer is told that it is done.
    world.acknowledge(HANOI, &branch).await.unwrap();
    world.settle_slowly().await;
    assert_eq!(world.states(&branch).await, [BranchState::Assigned; 2]);
    for event in ["unattended", "acknowledged"] {
        assert_eq!(world.events(&branch, event).await, 1, "{event}");
    }
}

#[tokio::test]
async fn what_was_said_again_behind_the_word_that_nobody_was_left_says_what_was_said() {
    let mut world = open().await;
    world.roster(1, NOW, &["cb-17"]);
    let branch = world.report(ReferralKind::Transfer).await;
    let copy = world.copy(HANOI);
    world.minutes(11).await;
    world.restore(HANOI, &copy);
    world.silent = vec![MOH];
    world.acknowledge(HANOI, &branch).await.unwrap();
    let measure = working::work(&world, pb::WorkKind::EmergencyMeasure, pb::ReviewConclusion::Unspecified);
    world.record_work(HANOI, &branch, measure, Vec::new(), STORY).await.unwrap();
    world.complete(HANOI, &branch, pb::Outcome::Resolved).await.unwrap();
    world.silent.clear();
    world.settle_slowly().await;
    assert_eq!(world.states(&branch).await, [BranchState::Completed; 2]);
    assert_eq!((world.events(&branch, "unattended").await, world.events(&branch, "completed").await), (1, 1));
    for node in [MOH, HANOI] {
        let read = world.read_branch(node, &branch).await;
        let note = read.work[0].details.as_ref().map(|said| said.note.as_str());
        assert_eq!((read.outcome(), note), (pb::Outcome::Resolved, Some(STORY)), "{node}");
    }
}

/// The origin's recall crossed the word, and came again before the word came back.
#[tokio::test]
async fn what_the_rules_no_longer_allow_is_not_said_again_and_both_sides_go_on() {
    let mut world = open().await;
    world.roster(1, NOW, &["cb-17"]);
    let branch = world.report(ReferralKind::Transfer).await;
    let copy = world.copy(HANOI);
    world.silent = vec![MOH];
    world.minutes(11).await;
    world.silent.clear();
    world.recall(MOH, &branch).await.unwrap();
    world.settle_slowly().await;
    assert_eq!(world.events(&branch, "unattended").await, 1);
    world.restore(HANOI, &copy);
    world.acknowledge(HANOI, &branch).await.unwrap();
    let measure = working::work(&world, pb::WorkKind::EmergencyMeasure, pb::ReviewConclusion::Unspecified);
    world.record_work(HANOI, &branch, measure, Vec::new(), STORY).await.unwrap();
    let mut held_up = Vec::new();
    for _ in 0..30 {
        for node in [MOH, HANOI] {
            world.turn(node).await;
        }
        while let Some(parcel) = world.queue.pop_front() {
            match envelope::Signal::decode(parcel.bytes.as_slice()) {
                Ok(envelope::Signal { kind: Some(envelope::signal::Kind::Returned(_)) }) => held_up.push(parcel),
                _ => world.deliver(parcel).await,
            }
        }
        world.pass(SignedDuration::from_secs(5));
    }
    assert!(!held_up.is_empty());
    assert_eq!(world.state(HANOI, &branch).await, BranchState::EnteredInError, "before the word came back");
    for parcel in held_up {
        world.deliver(parcel).await;
    }
    world.settle_slowly().await;
    assert_eq!(world.states(&branch).await, [BranchState::EnteredInError; 2]);
    assert_eq!(world.events(&branch, "acknowledged").await, 0);
    world.erase(HANOI, &branch).await.unwrap();
    world.settle_slowly().await;
    assert_eq!(world.events(&branch, "erased").await, 1, "what is said afterwards is heard");
}

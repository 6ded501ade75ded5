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

/// MOH submits what only some of its recipients hear of, and is put back to before that.
async fn forgotten(world: &mut World, request: &pb::SubmitReferralRequest, deaf: &[usize]) -> Vec<String> {
    let copy = world.copy(MOH);
    world.settle_slowly().await;
    world.silent = deaf.to_vec();
    let branches = world.submit(MOH, request).await;
    world.settle().await;
    world.silent.clear();
    world.restore(MOH, &copy);
    world.settle_slowly().await;
    branches
}

#[tokio::test]
async fn a_request_id_stands_for_one_content_also_after_the_store_was_put_back() {
    let mut world = World::open().await;
    let request = submission(ReferralKind::Transfer, "moh/111", &["hanoi/ba-dinh", "vwu/desk"]);
    let branches = forgotten(&mut world, &request, &[]).await;
    let mut others = vec![request.clone(); 7];
    others[0].content.as_mut().unwrap().preview.as_mut().unwrap().subject = pb::CaseSubject::AdultViolence.into();
    others[1].content.as_mut().unwrap().identity.as_mut().unwrap().full_name = known("Nguyễn Thị Khác");
    others[2].content.as_mut().unwrap().narrative = None;
    others[3].recipients.reverse();
    others[4].recipients.truncate(1);
    others[5].lawful_basis = Some(consent());
    others[6].purpose = "statistics".into();
    for (index, other) in others.iter().enumerate() {
        let reused = world.try_submit(MOH, other).await.unwrap_err();
        assert_eq!(refusal(&reused), (Code::AlreadyExists, reason::REQUEST_ID_REUSED.into()), "{index}");
    }
    let replay = world.try_submit(MOH, &request).await.unwrap();
    assert!(replay.replayed);
    let again: Vec<_> = replay.referral.unwrap().branches.into_iter().map(|branch| branch.name).collect();
    assert!(again.len() == 2 && branches.iter().all(|branch| again.contains(branch)));
}

#[tokio::test]
async fn a_repeated_request_brings_the_parts_that_nobody_else_held() {
    let mut world = World::open().await;
    let request = submission(ReferralKind::Referral, "moh/111", &["hanoi/ba-dinh"]);
    let branch = forgotten(&mut world, &request, &[]).await.remove(0);
    assert!(world.content(MOH, &branch).await.identity.is_none(), "it had not been disclosed");
    assert!(world.try_submit(MOH, &request).await.unwrap().replayed);
    world.accept(HANOI, &branch).await.unwrap();
    world.settle().await;
    assert_eq!(name_in(&world.content(HANOI, &branch).await), CHILD);
}

#[tokio::test]
async fn a_repeated_request_opens_the_branches_that_nobody_had_heard_of() {
    let mut world = World::open().await;
    let request = submission(ReferralKind::Referral, "moh/111", &["hanoi/ba-dinh", "vwu/desk"]);
    let branches = forgotten(&mut world, &request, &[VWU]).await;
    let back = world.get(MOH, &referral_of(&branches[0])).await.unwrap();
    assert_eq!(back.branches.len(), 1, "the other was heard of by nobody");
    let repeated = world.try_submit(MOH, &request).await.unwrap();
    let names: Vec<_> = repeated.referral.unwrap().branches.into_iter().map(|branch| branch.name).collect();
    assert!(branches.iter().all(|branch| names.contains(branch)), "under the same names");
    world.settle_slowly().await;
    for (node, branch) in [(HANOI, &branches[0]), (VWU, &branches[1])] {
        assert_eq!(world.state(node, branch).await, BranchState::Received);
        assert_eq!(world.state(MOH, branch).await, BranchState::Received);
    }
    let [kept, anew] = [world.branch(MOH, &branches[0]).await, world.branch(MOH, &branches[1]).await];
    assert!(!kept.time_limits.is_empty());
    assert_eq!(anew.time_limits, kept.time_limits, "their need has one clock");
    world.accept(VWU, &branches[1]).await.unwrap();
    world.settle().await;
    assert_eq!(name_in(&world.content(VWU, &branches[1]).await), CHILD);
}

#[tokio::test]
async fn a_repeated_request_adds_nothing_to_a_referral_that_was_recalled() {
    for is_last_of_its_case in [true, false] {
        let mut world = World::open().await;
        let copy = world.copy(MOH);
        world.settle_slowly().await;
        let request = submission(ReferralKind::Referral, "moh/111", &["hanoi/ba-dinh", "vwu/desk"]);
        world.silent = vec![VWU];
        let branch = world.submit(MOH, &request).await.remove(0);
        if !is_last_of_its_case {
            let case_uid = world.get(MOH, &referral_of(&branch)).await.unwrap().case_uid;
            let beside = submission(ReferralKind::Referral, "moh/111", &["hanoi/ba-dinh"]);
            world.submit(MOH, &pb::SubmitReferralRequest { case_uid, ..beside }).await;
        }
        world.settle().await;
        world.recall(MOH, &branch).await.unwrap();
        world.settle().await;
        world.silent.clear();
        world.restore(MOH, &copy);
        world.settle_slowly().await;
        let repeated = world.try_submit(MOH, &request).await;
        if is_last_of_its_case {
            // Its recipient has erased the opening.
            assert_eq!(refusal(&repeated.unwrap_err()), (Code::FailedPrecondition, reason::WRONG_STATE.into()));
        } else {
            let repeated = repeated.unwrap();
            assert!(repeated.replayed);
            assert_eq!(repeated.referral.unwrap().branches.len(), 1, "nothing is opened");
            assert!(world.content(MOH, &branch).await.identity.is_none(), "nothing is put back");
        }
    }
}

//! Processes that end in the middle, and stores that come back from an older copy.

use nhipcau_domain::reason;
use nhipcau_proto::referral::v1::{
    self as pb, BranchState, ReferralKind, referral_steering_service_server::ReferralSteeringService as _,
};
use tonic::{Code, Status};

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

/// What becomes of a branch that its recipient has received.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Assigned,
    Completed,
    Revoked(pb::RevocationReason),
    Redirected,
}

#[tokio::test]
async fn a_repeated_request_asks_nobody_else_for_a_need_that_is_served_or_settled() {
    use pb::{
        RedirectReason::OutsideArea,
        RevocationReason::{NeedMet, Safety},
    };
    for fate in [Fate::Assigned, Fate::Completed, Fate::Revoked(NeedMet), Fate::Revoked(Safety), Fate::Redirected] {
        let mut world = World::open().await;
        let request = submission(ReferralKind::Transfer, "moh/111", &["hanoi/ba-dinh", "vwu/desk"]);
        let copy = world.copy(MOH);
        world.settle_slowly().await;
        world.silent = vec![VWU];
        let branches = world.submit(MOH, &request).await;
        // While it has a part in the case, its recipient erases no opening.
        let case_uid = world.get(MOH, &referral_of(&branches[0])).await.unwrap().case_uid;
        let beside = submission(ReferralKind::Referral, "moh/111", &["hanoi/ba-dinh"]);
        world.submit(MOH, &pb::SubmitReferralRequest { case_uid, ..beside }).await;
        world.settle().await;
        match fate {
            Fate::Revoked(reason) => drop(world.revoke(MOH, &branches[0], reason).await.unwrap()),
            Fate::Redirected => drop(world.redirect(HANOI, &branches[0], OutsideArea, None).await.unwrap()),
            Fate::Assigned | Fate::Completed => drop(world.acknowledge(HANOI, &branches[0]).await.unwrap()),
        }
        world.settle().await;
        if matches!(fate, Fate::Completed) {
            world.complete(HANOI, &branches[0], pb::Outcome::Resolved).await.unwrap();
            world.settle().await;
        }
        world.silent.clear();
        world.restore(MOH, &copy);
        world.settle_slowly().await;
        let repeated = world.try_submit(MOH, &request).await.unwrap();
        world.settle().await;
        let is_opened = world.get(VWU, &referral_of(&branches[1])).await.is_ok();
        let is_open = matches!(fate, Fate::Redirected);
        assert_eq!((repeated.replayed, is_opened), (!is_open, is_open), "{fate:?}");
    }
}

/// Opens a further branch with the etag of now.
async fn open(world: &World, request: &pb::OpenBranchRequest) -> Result<pb::OpenBranchResponse, Status> {
    let etag = world.get(MOH, &request.name).await?.etag;
    let request = pb::OpenBranchRequest { etag, ..request.clone() };
    Ok(world.nodes[MOH].door.open_branch(call(request, "moh")).await?.into_inner())
}

#[tokio::test]
async fn a_further_branch_that_came_back_answers_the_request_that_opened_it_and_no_other() {
    let mut world = World::open().await;
    let first = world.refer(ReferralKind::Referral, duty()).await;
    world.settle().await;
    world.redirect(HANOI, &first, pb::RedirectReason::OutsideArea, None).await.unwrap();
    world.settle().await;
    let further = |to: &str, cause: &str, reopen| pb::OpenBranchRequest {
        request_id: request_id(),
        name: referral_of(&first),
        acting_person: "cb-17".into(),
        recipient: Some(unit(to)),
        cause_branch: cause.into(),
        reopen,
        ..Default::default()
    };
    let requests =
        [further("hanoi/ba-dinh", &first, true), further("vwu/desk", &first, false), further("dolisa/desk", "", false)];
    let copy = world.copy(MOH);
    world.settle_slowly().await;
    let mut names = Vec::new();
    for request in &requests {
        names.push(open(&world, request).await.unwrap().branch.unwrap().name);
        world.settle().await;
    }
    world.restore(MOH, &copy);
    world.settle_slowly().await;
    for (request, name) in requests.iter().zip(&names) {
        for other in requests.iter().filter(|other| *other != request) {
            let elsewhere = pb::OpenBranchRequest { recipient: other.recipient.clone(), ..request.clone() };
            let (cause_branch, reopen) = (other.cause_branch.clone(), other.reopen);
            let otherwise = pb::OpenBranchRequest { cause_branch, reopen, ..request.clone() };
            for changed in [elsewhere, otherwise] {
                let reused = open(&world, &changed).await.unwrap_err();
                assert_eq!(refusal(&reused), (Code::AlreadyExists, reason::REQUEST_ID_REUSED.into()), "{changed:?}");
            }
        }
        for _ in 0..2 {
            let again = open(&world, request).await.unwrap();
            assert_eq!((again.replayed, &again.branch.unwrap().name), (true, name));
        }
    }
    assert_eq!(world.get(MOH, &referral_of(&first)).await.unwrap().branches.len(), 4);
}

const LATER: &str = "Chuyện kể sau";

/// The story as it is told later.
fn told_later() -> pb::ReferralContent {
    let narrative = pb::ReferralNarrative { condition: known(LATER), ..content().narrative.unwrap() };
    pb::ReferralContent { narrative: Some(narrative), ..Default::default() }
}

fn story_in(content: pb::ReferralContent) -> String {
    content.narrative.unwrap().condition.unwrap().value
}

#[tokio::test]
async fn a_part_that_was_given_anew_before_it_was_ever_disclosed_stands_and_the_first_request_is_the_same() {
    let mut world = World::open().await;
    let copy = world.copy(MOH);
    world.settle_slowly().await;
    let request = submission(ReferralKind::Referral, "moh/111", &["hanoi/ba-dinh"]);
    let branch = world.submit(MOH, &request).await.remove(0);
    world.settle().await;
    let emergency = pb::VitalInterest { citation: "Law art. 1".into(), danger: pb::Danger::Life.into() };
    world.disclose(MOH, &branch, Some(told_later()), Some(emergency)).await.unwrap();
    world.settle().await;
    world.restore(MOH, &copy);
    world.settle_slowly().await;
    assert!(world.try_submit(MOH, &request).await.unwrap().replayed);
    assert_eq!(story_in(world.content(MOH, &branch).await), LATER);
    world.accept(HANOI, &branch).await.unwrap();
    world.settle().await;
    let content = world.content(HANOI, &branch).await;
    assert_eq!(name_in(&content), CHILD, "which had not been disclosed");
    assert_eq!(story_in(content), LATER);
}

#[tokio::test]
async fn a_request_stands_for_what_its_branch_was_opened_with_and_not_for_what_was_given_later() {
    let mut world = World::open().await;
    let copy = world.copy(MOH);
    world.settle_slowly().await;
    let request = submission(ReferralKind::Transfer, "moh/111", &["hanoi/ba-dinh"]);
    let branch = world.submit(MOH, &request).await.remove(0);
    world.settle().await;
    world.disclose(MOH, &branch, Some(told_later()), None).await.unwrap();
    world.settle().await;
    world.restore(MOH, &copy);
    world.settle_slowly().await;
    let mut other = request.clone();
    other.content.as_mut().unwrap().narrative = told_later().narrative;
    let reused = world.try_submit(MOH, &other).await.unwrap_err();
    assert_eq!(refusal(&reused), (Code::AlreadyExists, reason::REQUEST_ID_REUSED.into()));
    assert!(world.try_submit(MOH, &request).await.unwrap().replayed);
    assert_eq!(story_in(world.content(MOH, &branch).await), LATER);
}

#[tokio::test]
async fn nothing_further_is_opened_while_an_own_event_waits_for_what_it_names() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    world.acknowledge(HANOI, &branch).await.unwrap();
    world.settle().await;
    assert_eq!(world.state(MOH, &branch).await, BranchState::Assigned);
    // As a store that was put back holds it before the other side's event has come again.
    let handle = world.nodes[MOH].handle();
    let lost = "DELETE FROM referral_event WHERE holder = 1 AND side = 2";
    assert_eq!(handle.call(move |tx, _, _| tx.execute(lost, &[])).await.unwrap(), 1);
    let refused = world.further(&branch, "vwu/desk", |request| request.cause_branch.clear()).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::Unavailable, reason::BRANCH_RECOVERING.into()));
}

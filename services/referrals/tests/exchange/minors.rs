//! What the directory in use does not let be sent yet is refused at its sender, and nothing waits behind it.

use jiff::SignedDuration;
use nhipcau_domain::reason;
use nhipcau_proto::referral::v1::{self as pb, BranchState, ReferralKind};
use tonic::{Code, Status};

use crate::{attachments::*, deeds::*, succession::*, working::work, world::*};

impl World {
    /// Has everybody install a release that lets this minor version be sent, of every contract.
    async fn let_be_sent(&mut self, minor: u32) {
        self.amend(|wire| wire.contracts.iter_mut().for_each(|entry| entry.minor = minor)).await;
    }
}

fn refused<T: std::fmt::Debug>(answer: Result<T, Status>) {
    let expected = (Code::FailedPrecondition, reason::MINOR_NOT_IN_USE.to_owned());
    assert_eq!(refusal(&answer.unwrap_err()), expected);
}

#[tokio::test]
async fn what_the_directory_does_not_let_be_sent_is_refused_and_the_case_goes_on_without_it() {
    let mut world = World::open().await;
    world.let_be_sent(0).await;
    let branch = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    let said = pb::TelephoneAcknowledgement {
        person: "cb-18".into(),
        role: "officer".into(),
        acknowledge_time: Some(prost_types::Timestamp { seconds: world.now().as_second(), nanos: 0 }),
    };
    refused(world.telephone(MOH, &branch, Some(said)).await);
    world.acknowledge(HANOI, &branch).await.unwrap();
    world.settle().await;
    let done = work(&world, pb::WorkKind::Measure, pb::ReviewConclusion::Unspecified);
    refused(world.record_work(HANOI, &branch, done.clone(), Vec::new(), "").await);
    refused(world.hand_back(HANOI, &branch, pb::HandBackReason::NotCompetent).await);
    let upload = world.upload(MOH, "", &document(4_096)).await;
    for kind in [ReferralKind::Transfer, ReferralKind::Referral] {
        refused(world.try_submit(MOH, &attached(kind, &upload, &["hanoi/cua-nam"])).await);
    }
    world.begin(HANOI, &branch).await.unwrap();
    world.complete(HANOI, &branch, pb::Outcome::Resolved).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&branch).await, [BranchState::Completed; 2], "nothing waits behind what was refused");
    world.close(MOH, &branch).await.unwrap();
    refused(world.further(&branch, "hanoi/ba-dinh", |request| request.reopen = true).await);
    world.let_be_sent(nhipcau_referrals::MINOR).await;
    world.try_submit(MOH, &attached(ReferralKind::Transfer, &upload, &["hanoi/cua-nam"])).await.unwrap();
    let again = world.further(&branch, "hanoi/ba-dinh", |request| request.reopen = true).await.unwrap();
    world.settle().await;
    world.acknowledge(HANOI, &again.name).await.unwrap();
    world.settle().await;
    world.record_work(HANOI, &again.name, done, Vec::new(), "").await.unwrap();
    world.settle().await;
    assert_eq!(world.branch(MOH, &again.name).await.work.len(), 1);
}

#[tokio::test]
async fn a_withdrawal_is_carried_out_at_once_and_answered_when_the_directory_lets_it_be() {
    let mut world = World::open().await;
    world.let_be_sent(0).await;
    let branch = world.refer(ReferralKind::Referral, consent()).await;
    world.settle().await;
    world.accept(HANOI, &branch).await.unwrap();
    world.settle().await;
    world.withdraw(MOH, &branch).await.unwrap();
    world.settle().await;
    assert_eq!(world.count(HANOI, CONTENT).await, 0, "stopped and erased");
    assert_eq!(world.branch(MOH, &branch).await.withdrawal_answer, None);
    world.let_be_sent(1).await;
    world.pass(SignedDuration::from_mins(61));
    world.settle().await;
    assert!(world.branch(MOH, &branch).await.withdrawal_answer.is_some());
}

#[tokio::test]
async fn what_was_written_before_a_release_lets_less_be_sent_goes_on_and_so_does_what_follows_it() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Transfer, consent()).await;
    world.settle().await;
    world.acknowledge(HANOI, &branch).await.unwrap();
    world.settle().await;
    world.silent = vec![MOH];
    let done = work(&world, pb::WorkKind::Measure, pb::ReviewConclusion::Unspecified);
    world.record_work(HANOI, &branch, done, Vec::new(), "").await.unwrap();
    world.settle().await;
    world.let_be_sent(1).await;
    world.withdraw(MOH, &branch).await.unwrap();
    world.settle().await;
    world.silent.clear();
    world.settle_slowly().await;
    world.pass(SignedDuration::from_mins(61));
    world.settle_slowly().await;
    assert_eq!(world.states(&branch).await, [BranchState::Revoked; 2]);
    assert!(world.branch(MOH, &branch).await.withdrawal_answer.is_some(), "the answer does not wait for ever");
}

#[tokio::test]
async fn an_acceptance_whose_attachment_may_not_be_sent_any_more_lets_nobody_else_go() {
    let mut world = World::open().await;
    let upload = world.upload(MOH, "", &document(4_096)).await;
    let asked = attached(ReferralKind::Referral, &upload, &["hanoi/cua-nam", "hanoi/ba-dinh"]);
    let branches = world.submit(MOH, &asked).await;
    world.settle().await;
    world.let_be_sent(1).await;
    world.accept(HANOI, &branches[0]).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&branches[0]).await, [BranchState::Accepted; 2]);
    assert_eq!(world.states(&branches[1]).await, [BranchState::Received; 2]);
    world.let_be_sent(nhipcau_referrals::MINOR).await;
    world.assign(MOH, &branches[0]).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&branches[0]).await, [BranchState::Assigned; 2]);
    assert_eq!(world.states(&branches[1]).await, [BranchState::Relieved; 2]);
}

#[tokio::test]
async fn a_branch_is_handed_to_a_successor_once_the_directory_lets_that_be_sent() {
    let mut world = World::open().await;
    world.let_be_sent(1).await;
    let branch = world.taken_over().await;
    world.succeed(BA_DINH, &[HEIR]).await;
    world.settle_slowly().await;
    assert_eq!(world.count(HANOI, MOVED).await, 0);
    assert_eq!(world.states(&branch).await, [BranchState::Assigned; 2], "it goes on where it is");
    world.let_be_sent(2).await;
    world.pass(SignedDuration::from_mins(61));
    world.settle_slowly().await;
    assert!(world.is_handed_over(HANOI, &branch).await);
    assert_eq!(world.state(MOH, &branch).await, BranchState::Assigned);
}

//! Where a need goes next: not in a circle, after three redirects up a level, and again once it was over.

use nhipcau_domain::reason;
use nhipcau_proto::directory::v1 as directory;
use nhipcau_proto::referral::v1::{
    self as pb, BranchState, OpeningCause, RedirectReason, ReferralKind, referral_event::Event,
};
use prost::Message as _;
use tonic::{Code, Status};

use crate::{deeds::*, world::*};

/// What the opening of a branch says.
async fn opened(world: &World, branch: &str) -> pb::Opened {
    let uid = uuid::Uuid::parse_str(branch.split_once("/branches/").unwrap().1).unwrap();
    let sql = "SELECT bytes FROM referral_event WHERE branch = $1 AND holder = 1 AND side = 1 AND ordinal = 1";
    let read = world.nodes[MOH].readers.read(move |tx| tx.query_one(sql, &[uid.as_bytes().into()], |row| row.blob(0)));
    let event = pb::ReferralEvent::decode(read.await.unwrap().unwrap().as_slice()).unwrap();
    let Some(Event::Opened(opened)) = event.event else { unreachable!("a log begins so") };
    opened
}

async fn redirect(world: &mut World, node: usize, branch: &str) {
    world.settle().await;
    world.redirect(node, branch, RedirectReason::OutsideArea, None).await.unwrap();
    world.settle().await;
}

fn broken(result: Result<pb::Branch, Status>) -> (Code, String) {
    refusal(&result.unwrap_err())
}

fn precondition(reason: &str) -> (Code, String) {
    (Code::FailedPrecondition, reason.to_owned())
}

#[tokio::test]
async fn a_need_goes_in_no_circle_and_after_three_redirects_up_a_level() {
    let mut world = World::open().await;
    let is_under = |unit: &&mut directory::Unit| unit.party == "hanoi" && unit.unit == "ba-dinh";
    world.amend(|wire| wire.units.iter_mut().find(is_under).unwrap().parent = "cua-nam".into()).await;
    let first = world.refer(ReferralKind::Referral, duty()).await;
    redirect(&mut world, HANOI, &first).await;
    let second = world.further(&first, "vwu/desk", |_| ()).await.unwrap().name;
    assert_eq!(opened(&world, &second).await.cause(), OpeningCause::Redirect);
    redirect(&mut world, VWU, &second).await;
    let circle = world.further(&second, "hanoi/ba-dinh", |_| ()).await;
    assert_eq!(broken(circle), precondition(reason::REDIRECT_CIRCLE));
    let third = world.further(&second, "hanoi/ba-dinh", |request| request.force = true).await.unwrap().name;
    redirect(&mut world, HANOI, &third).await;
    let sideways = world.further(&third, "dolisa/desk", |_| ()).await;
    assert_eq!(broken(sideways), precondition(reason::TOO_MANY_REDIRECTS));
    let both = world.further(&third, "vwu/desk", |_| ()).await.unwrap_err();
    assert_eq!(reasons(&both), ["REDIRECT_CIRCLE", "TOO_MANY_REDIRECTS"], "everything at once");
    let above = world.further(&third, "hanoi/cua-nam", |_| ()).await.unwrap();
    assert_eq!(opened(&world, &above.name).await.cause(), OpeningCause::Escalation, "the next level");
    world.settle().await;
    world.accept(HANOI, &above.name).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&above.name).await, [BranchState::Assigned; 2]);
    let served = world.further(&third, "dolisa/desk", |request| request.force = true).await;
    assert_eq!(broken(served), precondition(reason::GROUP_ASSIGNED), "nobody forces a second one to serve");
}

fn reasons(status: &Status) -> Vec<String> {
    use tonic_types::StatusExt as _;
    let details = status.get_error_details();
    let failures = details.bad_request().map(|found| found.field_violations.clone()).unwrap_or_default();
    failures.into_iter().map(|violation| violation.reason).collect()
}

#[tokio::test]
async fn a_need_that_was_over_is_opened_again_as_a_new_group_of_the_same_referral() {
    let mut world = World::open().await;
    let first = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    let reopen = |request: &mut pb::OpenBranchRequest| request.reopen = true;
    assert_eq!(broken(world.further(&first, "hanoi/ba-dinh", reopen).await), precondition(reason::NEED_OPEN));
    world.acknowledge(HANOI, &first).await.unwrap();
    world.settle().await;
    world.complete(HANOI, &first, pb::Outcome::Resolved).await.unwrap();
    world.settle().await;
    let unnoted = world.further(&first, "hanoi/ba-dinh", reopen).await;
    assert_eq!(broken(unnoted), precondition(reason::NEED_OPEN), "the outcome is noted first");
    world.close(MOH, &first).await.unwrap();
    world.settle().await;
    let joined = world.further(&first, "hanoi/cua-nam", |_| ()).await;
    assert_eq!(broken(joined), precondition(reason::GROUP_ASSIGNED), "the old group was served");
    let second = world.further(&first, "hanoi/ba-dinh", reopen).await.unwrap();
    let opening = opened(&world, &second.name).await;
    let cause = uuid::Uuid::parse_str(first.split_once("/branches/").unwrap().1).unwrap();
    assert_eq!((opening.cause(), opening.cause_branch_uid), (OpeningCause::Reopened, cause.as_bytes().to_vec()));
    assert_ne!(second.group_uid, world.branch(MOH, &first).await.group_uid);
    assert_eq!(referral_of(&second.name), referral_of(&first));
    world.settle().await;
    assert_eq!(world.state(HANOI, &second.name).await, BranchState::Received, "the same unit takes it");
    assert_eq!(world.states(&first).await, [BranchState::Closed; 2]);
    assert_eq!(broken(world.further(&first, "hanoi/cua-nam", reopen).await), precondition(reason::NEED_OPEN));
    assert_eq!(broken(world.further(&second.name, "vwu/desk", reopen).await), precondition(reason::NEED_OPEN));
    redirect(&mut world, HANOI, &second.name).await;
    world.further(&second.name, "vwu/desk", reopen).await.unwrap();
    assert_eq!(
        broken(world.further(&first, "hanoi/cua-nam", reopen).await),
        precondition(reason::NEED_OPEN),
        "it goes on from the newest"
    );
}

#[tokio::test]
async fn a_need_is_not_opened_again_while_another_branch_of_it_is_open_but_while_another_need_is() {
    let mut world = World::open().await;
    let request = submission(ReferralKind::Referral, "moh/111", &["hanoi/ba-dinh", "vwu/desk"]);
    let branches = world.submit(MOH, &request).await;
    world.settle().await;
    let reopen = |request: &mut pb::OpenBranchRequest| request.reopen = true;
    world.reject(HANOI, &branches[0], pb::RejectionCode::NoCapacity).await.unwrap();
    world.settle().await;
    let open = world.further(&branches[0], "hanoi/cua-nam", reopen).await;
    assert_eq!(broken(open), precondition(reason::NEED_OPEN), "the other one may still accept");
    let other_need = |request: &mut pb::OpenBranchRequest| request.cause_branch.clear();
    let other = world.further(&branches[0], "hanoi/cua-nam", other_need).await.unwrap();
    world.settle().await;
    world.revoke(MOH, &branches[1], pb::RevocationReason::NeedMet).await.unwrap();
    let again = world.further(&branches[0], "hanoi/ba-dinh", reopen).await.unwrap();
    world.settle().await;
    assert_eq!(world.state(HANOI, &again.name).await, BranchState::Received);
    assert_eq!(world.state(HANOI, &other.name).await, BranchState::Received, "the other need goes on");
    let nothing = world.further(&branches[0], "hanoi/ba-dinh", |request| {
        (request.reopen, request.cause_branch) = (true, String::new());
    });
    assert_eq!(broken(nothing.await), (Code::InvalidArgument, reason::FIELD_REQUIRED.into()));
    world.recall(MOH, &branches[0]).await.unwrap();
    let recalled = world.further(&again.name, "hanoi/ba-dinh", reopen).await;
    assert_eq!(broken(recalled), precondition(reason::WRONG_STATE), "what was recalled stays so");
}

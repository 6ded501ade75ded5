//! A unit that is over: nothing new is opened there, and what is open goes on in both directions.

use nhipcau_domain::reason;
use nhipcau_proto::referral::v1::{
    self as pb, BranchState, ReferralKind, referral_steering_service_server::ReferralSteeringService as _,
};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::{deeds::*, world::*};

const CHANGES: &str = "SELECT COUNT(*) FROM referral_event";

#[tokio::test]
async fn nothing_new_is_opened_at_a_unit_that_is_over() {
    let mut world = World::open().await;
    let first = submission(ReferralKind::Transfer, "moh/111", &["hanoi/cua-nam"]);
    let branch = world.submit(MOH, &first).await.remove(0);
    world.settle().await;
    world.close_units(&["hanoi/ba-dinh"]).await;
    let before = world.count(MOH, CHANGES).await;

    let request = submission(ReferralKind::Transfer, "moh/111", &["hanoi/cua-nam", "hanoi/ba-dinh"]);
    let refused = world.try_submit(MOH, &request).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::FailedPrecondition, reason::UNIT_CLOSED.into()));
    let details = refused.get_error_details();
    let fields: Vec<_> = details.bad_request().unwrap().field_violations.iter().map(|it| it.field.as_str()).collect();
    assert_eq!(fields, ["recipients[1]"]);
    let name = referral_of(&branch);
    let request = pb::OpenBranchRequest {
        request_id: request_id(),
        etag: world.get(MOH, &name).await.unwrap().etag,
        name,
        recipient: Some(unit("hanoi/ba-dinh")),
        acting_person: "cb-17".into(),
        ..Default::default()
    };
    let refused = world.nodes[MOH].door.open_branch(call(request, "moh")).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::FailedPrecondition, reason::UNIT_CLOSED.into()));
    assert_eq!(world.count(MOH, CHANGES).await, before, "nothing half-done");
}

#[tokio::test]
async fn a_case_goes_on_to_its_end_when_the_units_of_both_sides_close() {
    let mut world = World::open().await;
    let request = submission(ReferralKind::Transfer, "moh/111", &["hanoi/ba-dinh"]);
    let branch = world.submit(MOH, &request).await.remove(0);
    world.settle().await;
    world.close_units(&["hanoi/ba-dinh", "moh/111"]).await;
    assert!(world.try_submit(MOH, &request).await.unwrap().replayed, "the same request has its answer");

    world.acknowledge(HANOI, &branch).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&branch).await, [BranchState::Assigned; 2]);
    world.begin(HANOI, &branch).await.unwrap();
    world.settle().await;
    world.complete(HANOI, &branch, pb::Outcome::Resolved).await.unwrap();
    world.settle().await;
    world.close(MOH, &branch).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&branch).await, [BranchState::Closed; 2]);
}

#[tokio::test]
async fn what_was_on_its_way_to_a_unit_when_it_closed_still_arrives() {
    let mut world = World::open().await;
    world.silent.push(HANOI);
    let branch = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    world.close_units(&["hanoi/ba-dinh"]).await;
    world.silent.clear();
    world.settle_slowly().await;
    assert_eq!(world.states(&branch).await, [BranchState::Received; 2]);
}

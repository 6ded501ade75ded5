//! The doors: who may, what is refused with which reason, and what a repeated call is answered with.

use nhipcau_domain::reason;
use nhipcau_proto::referral::v1::{
    self as pb, ReferralKind, referral_decision_service_server::ReferralDecisionService as _,
    referral_service_server::ReferralService as _, referral_steering_service_server::ReferralSteeringService as _,
};
use nhipcau_runtime::caller::Role;
use prost::Message as _;
use tonic::{Code, Request};
use tonic_types::StatusExt as _;

use crate::{deeds::*, world::*};

fn transfer() -> pb::SubmitReferralRequest {
    submission(ReferralKind::Transfer, "moh/111", &["hanoi/ba-dinh"])
}

/// Everything that a store holds of referrals.
const ROWS: &str = "SELECT (SELECT COUNT(*) FROM referral_event) + (SELECT COUNT(*) FROM referral_content) \
    + (SELECT COUNT(*) FROM referral_request) + (SELECT COUNT(*) FROM referral_change) + (SELECT COUNT(*) FROM outbox)";

async fn refused(world: &World, change: impl FnOnce(&mut pb::SubmitReferralRequest)) -> (Code, String) {
    let before = world.count(MOH, ROWS).await;
    let mut request = transfer();
    change(&mut request);
    let refused = world.try_submit(MOH, &request).await.unwrap_err();
    assert_eq!(world.count(MOH, ROWS).await, before, "nothing half-done");
    refusal(&refused)
}

#[tokio::test]
async fn each_wrong_submission_has_its_reason_and_leaves_nothing() {
    let world = World::open().await;
    let invalid = (Code::InvalidArgument, reason::REQUEST_INVALID.to_owned());
    let fails = |reason: &str| (Code::FailedPrecondition, reason.to_owned());
    assert_eq!(refused(&world, |request| request.lawful_basis = None).await, invalid);
    assert_eq!(refused(&world, |request| request.lawful_basis = Some(pb::LawfulBasis::default())).await, invalid);
    let suspect = |request: &mut pb::SubmitReferralRequest| {
        let mut basis = consent();
        basis.consent.as_mut().unwrap().giver = pb::ConsentGiver::Father.into();
        request.lawful_basis = Some(basis);
    };
    assert_eq!(refused(&world, suspect).await, fails(reason::BASIS_SUSPECT_ASKED));
    let expired = |request: &mut pb::SubmitReferralRequest| {
        let mut basis = consent();
        let end = prost_types::Timestamp { seconds: BEFORE + 60, nanos: 0 };
        basis.consent.as_mut().unwrap().expire_time = Some(end);
        request.lawful_basis = Some(basis);
    };
    assert_eq!(refused(&world, expired).await, fails(reason::BASIS_EXPIRED));
    assert_eq!(refused(&world, |request| request.purpose = "statistics".into()).await, fails(reason::NOT_AGREED));
    let nowhere = |request: &mut pb::SubmitReferralRequest| request.recipients = vec![unit("hanoi/west")];
    assert_eq!(refused(&world, nowhere).await, fails(reason::NOT_HOSTED));
    let half = |request: &mut pb::SubmitReferralRequest| request.recipients.push(unit("hanoi/west"));
    assert_eq!(refused(&world, half).await, fails(reason::NOT_HOSTED), "all of it or nothing");
    let twice = |request: &mut pb::SubmitReferralRequest| request.recipients.push(unit("hanoi/ba-dinh"));
    assert_eq!(refused(&world, twice).await, invalid);
    assert_eq!(refused(&world, |request| request.content.as_mut().unwrap().preview = None).await, invalid);
    let decomposed = |request: &mut pb::SubmitReferralRequest| {
        request.content.as_mut().unwrap().narrative.as_mut().unwrap().notes = "Ha\u{300}".into();
    };
    assert_eq!(refused(&world, decomposed).await, invalid);
    let foreign_origin = |request: &mut pb::SubmitReferralRequest| request.origin = Some(unit("moh/999"));
    assert_eq!(refused(&world, foreign_origin).await.1, reason::NOT_HOSTED);
    let case = |request: &mut pb::SubmitReferralRequest| request.case_uid = uuid::Uuid::from_u128(7).to_string();
    assert_eq!(refused(&world, case).await, (Code::PermissionDenied, reason::ACCESS_DENIED.to_owned()));
}

#[tokio::test]
async fn all_that_is_wrong_is_said_at_once_by_field() {
    let world = World::open().await;
    let mut request = transfer();
    let content = request.content.as_mut().unwrap();
    content.narrative.as_mut().unwrap().notes = "Ha\u{300}".into();
    content.reporter = Some(pb::ReferralReporter {
        agreed: false,
        full_name: Some(pb::KnownText { value: REPORTER.into(), unknown: 0 }),
        address: Some(pb::KnownText { value: REPORTER.into(), unknown: 0 }),
        ..Default::default()
    });
    request.recipients.push(unit("hanoi/ba-dinh"));
    let refused = world.try_submit(MOH, &request).await.unwrap_err();
    let details = refused.get_error_details();
    let violations = &details.bad_request().unwrap().field_violations;
    let found: Vec<_> = violations.iter().map(|found| (found.field.as_str(), found.reason.as_str())).collect();
    assert!(found.contains(&("content.narrative.notes", reason::TEXT_NOT_NFC)), "{found:?}");
    assert!(found.contains(&("content.reporter", reason::REPORTER_NOT_AGREED)), "{found:?}");
    assert!(found.contains(&("recipients[1]", reason::RECIPIENT_REPEATED)), "{found:?}");
    assert_eq!(details.localized_message().unwrap().locale, "vi-VN");
}

#[tokio::test]
async fn the_same_request_gets_the_same_referral_and_another_one_is_refused() {
    let mut world = World::open().await;
    let request = transfer();
    let first = world.try_submit(MOH, &request).await.unwrap();
    let rows = world.count(MOH, ROWS).await;
    let again = world.try_submit(MOH, &request).await.unwrap();
    assert!(!first.replayed && again.replayed);
    assert_eq!(again.referral, first.referral);
    assert_eq!(world.count(MOH, ROWS).await, rows);
    let mut other = request.clone();
    other.content.as_mut().unwrap().narrative.as_mut().unwrap().notes = "other".into();
    let reused = world.try_submit(MOH, &other).await.unwrap_err();
    assert_eq!(refusal(&reused), (Code::AlreadyExists, reason::REQUEST_ID_REUSED.into()));
    world.settle().await;
    let branch = first.referral.unwrap().branches.remove(0).name;
    let decision = pb::AcknowledgeBranchRequest {
        request_id: request_id(),
        etag: world.branch(HANOI, &branch).await.etag,
        name: branch,
        acting_person: "cb-17".into(),
        validate_only: false,
    };
    let door = &world.nodes[HANOI].door;
    let first = door.acknowledge_branch(call(decision.clone(), "hanoi")).await.unwrap().into_inner();
    let again = door.acknowledge_branch(call(decision.clone(), "hanoi")).await.unwrap().into_inner();
    assert!(!first.replayed && again.replayed && first.branch == again.branch);
    // To the byte the same, and another thing: nobody shall take it for done.
    let start = pb::StartBranchServiceRequest::decode(decision.encode_to_vec().as_slice()).unwrap();
    let reused = door.start_branch_service(call(start, "hanoi")).await.unwrap_err();
    assert_eq!(refusal(&reused), (Code::AlreadyExists, reason::REQUEST_ID_REUSED.into()));
    let other = pb::AcknowledgeBranchRequest { acting_person: "cb-18".into(), ..decision };
    let reused = door.acknowledge_branch(call(other, "hanoi")).await.unwrap_err();
    assert_eq!(refusal(&reused), (Code::AlreadyExists, reason::REQUEST_ID_REUSED.into()));
}

#[tokio::test]
async fn checking_only_checks_everything_and_spends_nothing() {
    let mut world = World::open().await;
    let rows = world.count(MOH, ROWS).await;
    let only = pb::SubmitReferralRequest { validate_only: true, ..transfer() };
    let checked = world.try_submit(MOH, &only).await.unwrap();
    assert!(checked.referral.is_none() && !checked.replayed);
    assert_eq!(world.count(MOH, ROWS).await, rows);
    let wrong = pb::SubmitReferralRequest { purpose: "statistics".into(), ..only.clone() };
    assert_eq!(refusal(&world.try_submit(MOH, &wrong).await.unwrap_err()).1, reason::NOT_AGREED);
    let done = pb::SubmitReferralRequest { validate_only: false, ..only };
    let branch = world.submit(MOH, &done).await.remove(0);
    world.settle().await;
    let only = pb::RevokeBranchRequest {
        request_id: request_id(),
        etag: world.branch(MOH, &branch).await.etag,
        name: branch.clone(),
        acting_person: "cb-17".into(),
        validate_only: true,
        reason: pb::RevocationReason::NeedMet.into(),
    };
    let checked = world.nodes[MOH].door.revoke_branch(call(only, "moh")).await.unwrap().into_inner();
    assert!(checked.branch.is_none());
    world.settle().await;
    assert_eq!(world.states(&branch).await, [pb::BranchState::Received; 2]);
}

/// The rows of both sides, and what a caller must name to change the branch there.
async fn both(world: &World, branch: &str) -> [(i64, String); 2] {
    let [moh, hanoi] =
        [MOH, HANOI].map(async |node| (world.count(node, ROWS).await, world.branch(node, branch).await.etag));
    [moh.await, hanoi.await]
}

#[tokio::test]
async fn a_stale_etag_and_a_wrong_state_are_told_apart() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    let before = both(&world, &branch).await;
    let stale = |etag: &str| pb::AcknowledgeBranchRequest {
        request_id: request_id(),
        name: branch.clone(),
        etag: etag.into(),
        acting_person: "cb-17".into(),
        validate_only: false,
    };
    let door = &world.nodes[HANOI].door;
    let refused = door.acknowledge_branch(call(stale("0123"), "hanoi")).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::Aborted, reason::ETAG_STALE.into()));
    let wrong = world.complete(HANOI, &branch, pb::Outcome::Resolved).await.unwrap_err();
    assert_eq!(refusal(&wrong), (Code::FailedPrecondition, reason::NOT_ASSIGNED.into()));
    let never = world.reject(HANOI, &branch, pb::RejectionCode::Other).await.unwrap_err();
    assert_eq!(refusal(&never), (Code::FailedPrecondition, reason::TRANSFER_NOT_REJECTABLE.into()));
    let closed = world.close(MOH, &branch).await.unwrap_err();
    assert_eq!(refusal(&closed), (Code::FailedPrecondition, reason::WRONG_STATE.into()));
    assert_eq!(both(&world, &branch).await, before, "nothing half-done");
}

#[tokio::test]
async fn who_may_not_is_refused_before_anything_is_looked_at() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    let door = &world.nodes[MOH].door;
    let broken = || pb::SubmitReferralRequest { request_id: "none".into(), ..transfer() };
    let role = door.submit_referral(call_as(broken(), "moh", &[Role::Decide])).await.unwrap_err();
    assert_eq!(refusal(&role), (Code::PermissionDenied, reason::ROLE_MISSING.into()));
    let other = door.submit_referral(call(broken(), "vwu")).await.unwrap_err();
    assert_eq!(refusal(&other), (Code::PermissionDenied, reason::ACCESS_DENIED.into()));
    assert_eq!(door.submit_referral(Request::new(broken())).await.unwrap_err().code(), Code::Unauthenticated);
    let decision = |name: &str, person: &str| pb::AcknowledgeBranchRequest {
        request_id: request_id(),
        name: name.into(),
        etag: "0".into(),
        acting_person: person.into(),
        validate_only: false,
    };
    let hanoi = &world.nodes[HANOI].door;
    let nobody = hanoi.acknowledge_branch(call(decision(&branch, ""), "hanoi")).await.unwrap_err();
    assert_eq!(refusal(&nobody), (Code::Unauthenticated, reason::ACTING_PERSON_MISSING.into()));
    // A case that is another party's, one that is the other side's to decide, and one that is not there: one answer.
    let absent = branch.replace(&branch[branch.len() - 4..], "0000");
    let denied = [
        hanoi.acknowledge_branch(call(decision(&branch, "cb-17"), "vwu")).await.unwrap_err(),
        hanoi.acknowledge_branch(call(decision(&absent, "cb-17"), "vwu")).await.unwrap_err(),
        hanoi.acknowledge_branch(call(decision(&absent, "cb-17"), "hanoi")).await.unwrap_err(),
        door.acknowledge_branch(call(decision(&branch, "cb-17"), "moh")).await.unwrap_err(),
    ];
    for status in &denied {
        assert_eq!(refusal(status), (Code::PermissionDenied, reason::ACCESS_DENIED.into()));
        assert_eq!((status.message(), status.details()), (denied[0].message(), denied[0].details()));
    }
    let steer = |name: &str, party: &'static str| {
        let request = pb::CloseBranchRequest {
            request_id: request_id(),
            name: name.into(),
            etag: "0".into(),
            acting_person: "cb-17".into(),
            validate_only: false,
        };
        hanoi.close_branch(call(request, party))
    };
    for denied in [steer(&branch, "hanoi").await, steer(&branch, "moh").await, steer(&absent, "moh").await] {
        assert_eq!(refusal(&denied.unwrap_err()), (Code::PermissionDenied, reason::ACCESS_DENIED.into()));
    }
}

#[tokio::test]
async fn a_further_referral_joins_a_case_that_the_party_knows() {
    let mut world = World::open().await;
    let first = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    let case = world.get(HANOI, &referral_of(&first)).await.unwrap().case_uid;
    let mut request = submission(ReferralKind::Referral, "hanoi/ba-dinh", &["vwu/desk"]);
    request.case_uid.clone_from(&case);
    let second = world.submit(HANOI, &request).await.remove(0);
    world.settle().await;
    assert_eq!(world.get(VWU, &referral_of(&second)).await.unwrap().case_uid, case);
    // What the second holds keeps the case open here, though the first is recalled; its own parts are gone.
    world.recall(MOH, &first).await.unwrap();
    world.settle().await;
    assert_eq!(world.content(HANOI, &first).await, pb::ReferralContent::default());
    assert!(world.content(HANOI, &second).await.identity.is_some());
}

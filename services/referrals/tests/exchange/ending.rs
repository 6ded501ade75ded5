//! How a branch ends otherwise than with its service, and what is left of it where.

use nhipcau_domain::reason;
use nhipcau_proto::referral::v1::{self as pb, BranchState, ReferralKind};
use tonic::Code;

use crate::{deeds::*, world::*};

/// Bodies of cases that a recipient still holds: parts, envelopes but the one that ended a branch, which carries no
/// part, own messages.
const LEFT: [&str; 3] = [
    "SELECT COUNT(*) FROM referral_content",
    "SELECT COUNT(*) FROM received r WHERE r.correlation <> zeroblob(0) AND r.envelope IS NOT NULL AND NOT EXISTS \
     (SELECT 1 FROM referral_event e WHERE e.message = r.id AND e.side = 1 AND e.ordinal > 1 AND e.ordinal = \
     (SELECT MAX(l.ordinal) FROM referral_event l WHERE l.branch = e.branch AND l.side = 1))",
    "SELECT COUNT(*) FROM outbox o JOIN outbox_content c ON c.serial = o.serial WHERE o.correlation <> zeroblob(0)",
];

async fn left(world: &World, node: usize) -> [i64; 3] {
    let mut left = [0; 3];
    for (count, sql) in left.iter_mut().zip(LEFT) {
        *count = world.count(node, sql).await;
    }
    left
}

#[tokio::test]
async fn a_rejection_leaves_nothing_at_the_recipient_but_its_record() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Referral, consent()).await;
    world.settle().await;
    world.acknowledge(HANOI, &branch).await.unwrap();
    world.settle().await;
    world.reject(HANOI, &branch, pb::RejectionCode::NoCapacity).await.unwrap();
    assert_eq!(left(&world, HANOI).await[0], 0, "at once, whether the origin knows or not");
    world.settle().await;
    assert_eq!(left(&world, HANOI).await, [0, 0, 0]);
    assert_eq!(world.count(HANOI, "SELECT COUNT(*) FROM case_key WHERE correlation <> zeroblob(16)").await, 0);
    assert_eq!(world.states(&branch).await, [BranchState::Rejected; 2]);
    let origin = world.branch(MOH, &branch).await;
    assert_eq!(origin.rejection_code(), pb::RejectionCode::NoCapacity);
    assert!(origin.conditions.contains(&pb::BranchCondition::ErasureDue.into()));
    assert_eq!(world.content(HANOI, &branch).await, pb::ReferralContent::default());
    assert!(world.content(MOH, &branch).await.identity.is_some(), "the sender keeps the case");
    world.erase(HANOI, &branch).await.unwrap();
    world.settle().await;
    assert!(world.branch(MOH, &branch).await.conditions.is_empty(), "confirmed");
    let again = world.erase(HANOI, &branch).await.unwrap_err();
    assert_eq!(refusal(&again), (Code::FailedPrecondition, reason::ERASURE_NOT_DUE.into()));
}

#[tokio::test]
async fn a_redirect_is_advice_that_the_origin_may_follow() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    let advice = Some(unit("hanoi/cua-nam"));
    world.redirect(HANOI, &branch, pb::RedirectReason::OutsideArea, advice.clone()).await.unwrap();
    world.settle().await;
    let redirected = world.branch(MOH, &branch).await;
    assert_eq!((redirected.state(), redirected.advised_unit), (BranchState::Redirected, advice));
    let open = |etag: String| pb::OpenBranchRequest {
        request_id: request_id(),
        name: referral_of(&branch),
        etag,
        acting_person: "cb-17".into(),
        recipient: Some(unit("hanoi/cua-nam")),
        cause_branch: branch.clone(),
        ..Default::default()
    };
    use pb::referral_steering_service_server::ReferralSteeringService as _;
    let stale = world.nodes[MOH].door.open_branch(call(open("stale".into()), "moh")).await.unwrap_err();
    assert_eq!(refusal(&stale), (Code::Aborted, reason::ETAG_STALE.into()));
    let request = open(world.get(MOH, &referral_of(&branch)).await.unwrap().etag);
    let answer = world.nodes[MOH].door.open_branch(call(request.clone(), "moh")).await.unwrap().into_inner();
    let again = world.nodes[MOH].door.open_branch(call(request, "moh")).await.unwrap().into_inner();
    assert!(again.replayed && again.branch.unwrap().name == answer.branch.as_ref().unwrap().name);
    let second = answer.branch.unwrap();
    assert_eq!(second.group_uid, redirected.group_uid);
    world.settle().await;
    world.acknowledge(HANOI, &second.name).await.unwrap();
    world.settle().await;
    assert_eq!(world.state(MOH, &second.name).await, BranchState::Assigned);
    let etag = world.get(MOH, &referral_of(&branch)).await.unwrap().etag;
    let served = world.nodes[MOH].door.open_branch(call(open(etag), "moh")).await.unwrap_err();
    assert_eq!(refusal(&served), (Code::FailedPrecondition, reason::GROUP_ASSIGNED.into()));
}

#[tokio::test]
async fn a_branch_is_taken_back_before_assignment_and_asked_for_afterwards() {
    let mut world = World::open().await;
    let first = world.refer(ReferralKind::Referral, duty()).await;
    world.settle().await;
    world.revoke(MOH, &first, pb::RevocationReason::NeedMet).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&first).await, [BranchState::Revoked; 2]);
    assert_eq!(left(&world, HANOI).await[0], 0);

    let second = world.refer(ReferralKind::Referral, duty()).await;
    world.settle().await;
    world.accept(HANOI, &second).await.unwrap();
    world.settle().await;
    let early = world.answer_revocation(HANOI, &second, true).await.unwrap_err();
    assert_eq!(refusal(&early).1, reason::NO_REVOCATION_REQUESTED);
    world.revoke(MOH, &second, pb::RevocationReason::Safety).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&second).await, [BranchState::Assigned; 2]);
    world.answer_revocation(HANOI, &second, false).await.unwrap();
    world.settle().await;
    world.revoke(MOH, &second, pb::RevocationReason::Safety).await.unwrap();
    world.settle().await;
    world.answer_revocation(HANOI, &second, true).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&second).await, [BranchState::Revoked; 2]);
    assert_eq!(world.branch(HANOI, &second).await.revocation_reason(), pb::RevocationReason::Safety);
    assert_eq!(left(&world, HANOI).await, [0, 0, 0]);
}

/// A branch that rests on consent and has come so far.
async fn so_far(world: &mut World, steps: usize) -> String {
    let branch = world.refer(ReferralKind::Referral, consent()).await;
    world.settle().await;
    for step in 0..steps {
        match step {
            0 => world.acknowledge(HANOI, &branch).await,
            1 => world.accept(HANOI, &branch).await,
            2 => world.begin(HANOI, &branch).await,
            3 => world.complete(HANOI, &branch, pb::Outcome::Resolved).await,
            _ => world.close(MOH, &branch).await,
        }
        .unwrap();
        world.settle().await;
    }
    branch
}

#[tokio::test]
async fn consent_can_be_withdrawn_and_a_referral_recalled_in_every_state() {
    let mut world = World::open().await;
    for steps in 0..=5 {
        let branch = so_far(&mut world, steps).await;
        world.withdraw(MOH, &branch).await.unwrap();
        world.settle().await;
        assert_eq!(world.states(&branch).await, [BranchState::Revoked; 2], "after {steps} steps");
        assert_eq!(world.content(HANOI, &branch).await, pb::ReferralContent::default());
        let branch = so_far(&mut world, steps).await;
        let recalled = world.recall(MOH, &branch).await.unwrap();
        assert_eq!(recalled.branches[0].state(), BranchState::EnteredInError);
        world.settle().await;
        assert_eq!(world.states(&branch).await, [BranchState::EnteredInError; 2], "after {steps} steps");
        let late = world.withdraw(MOH, &branch).await.unwrap_err();
        assert_eq!(refusal(&late), (Code::FailedPrecondition, reason::WRONG_STATE.into()));
    }
    assert_eq!(left(&world, HANOI).await, [0, 0, 0]);
}

#[tokio::test]
async fn what_rests_on_no_consent_has_none_to_withdraw() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Transfer, duty()).await;
    let refused = world.withdraw(MOH, &branch).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::FailedPrecondition, reason::BASIS_NOT_CONSENT.into()));
}

#[tokio::test]
async fn what_was_queued_when_consent_was_withdrawn_goes_without_its_content() {
    let mut world = World::open().await;
    // The recipient hears nothing: the opening with everything in it is signed and under way.
    world.silent.push(HANOI);
    let branch = world.refer(ReferralKind::Transfer, consent()).await;
    world.settle().await;
    world.withdraw(MOH, &branch).await.unwrap();
    world.queue.clear();
    world.silent.clear();
    world.settle_slowly().await;
    assert_eq!(world.states(&branch).await, [BranchState::Revoked; 2]);
    assert_eq!(world.count(HANOI, "SELECT COUNT(*) FROM referral_event WHERE side = 1").await, 2);
    assert_eq!(left(&world, HANOI).await, [0, 0, 0]);
    let carried = "SELECT COUNT(*) FROM referral_event WHERE carried = 1";
    assert_eq!(world.count(MOH, carried).await, 1, "the opening told without its parts");
    world.erase(HANOI, &branch).await.unwrap();
    world.settle().await;
    assert!(world.branch(MOH, &branch).await.conditions.is_empty());
}

#[tokio::test]
async fn when_the_agreement_has_ended_nothing_goes_on_but_withdrawal_and_recall_hold() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Referral, consent()).await;
    world.settle().await;
    world.end_agreements().await;
    let refused = world.accept(HANOI, &branch).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::FailedPrecondition, reason::NOT_AGREED.into()));
    let refused = world.revoke(MOH, &branch, pb::RevocationReason::NeedMet).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::FailedPrecondition, reason::NOT_AGREED.into()));
    world.withdraw(MOH, &branch).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&branch).await, [BranchState::Revoked, BranchState::Received]);
    world.recall(MOH, &branch).await.unwrap();
    assert_eq!(world.state(MOH, &branch).await, BranchState::EnteredInError);
}

#[tokio::test]
async fn a_consent_that_ends_before_its_message_is_signed_stops_the_content() {
    let mut world = World::open().await;
    let mut request = submission(ReferralKind::Transfer, "moh/111", &["hanoi/ba-dinh"]);
    let mut basis = consent();
    let until = world.now().as_second() + 60;
    basis.consent.as_mut().unwrap().expire_time = Some(prost_types::Timestamp { seconds: until, nanos: 0 });
    request.lawful_basis = Some(basis);
    // Nothing is signed while the recipient's access point has not been heard since the start.
    world.stop(MOH);
    world.restart(MOH);
    let branch = world.submit(MOH, &request).await.remove(0);
    world.pass(jiff::SignedDuration::from_secs(120));
    world.settle().await;
    world.recall(MOH, &branch).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&branch).await, [BranchState::EnteredInError; 2]);
    assert_eq!(left(&world, HANOI).await, [0, 0, 0]);
}

#[tokio::test]
async fn no_name_is_seen_where_it_was_not_disclosed() {
    let mut world = World::open().await;
    let mut request = submission(ReferralKind::Transfer, "moh/111", &["hanoi/ba-dinh"]);
    request.content.as_mut().unwrap().reporter = Some(pb::ReferralReporter {
        agreed: true,
        full_name: Some(pb::KnownText { value: REPORTER.into(), unknown: 0 }),
        address: Some(pb::KnownText { value: REPORTER.into(), unknown: 0 }),
        ..Default::default()
    });
    let branch = world.submit(MOH, &request).await.remove(0);
    world.settle().await;
    world.acknowledge(HANOI, &branch).await.unwrap();
    world.settle().await;
    assert_eq!(world.content(HANOI, &branch).await.reporter.unwrap().full_name.unwrap().value, REPORTER);
    // Refused with the name in the request.
    let mut wrong = submission(ReferralKind::Transfer, "moh/111", &["hanoi/ba-dinh"]);
    wrong.content.as_mut().unwrap().identity.as_mut().unwrap().full_name.as_mut().unwrap().value =
        format!("{CHILD}e\u{301}");
    let refused = world.try_submit(MOH, &wrong).await.unwrap_err();
    let mut seen = format!("{refused:?} {refused} {:?}", world.nodes[MOH].door).into_bytes();
    seen.extend_from_slice(refused.details());
    for node in [MOH, HANOI, VWU] {
        seen.extend(world.disk(node));
    }
    seen.extend(world.published.iter().flatten());
    for canary in [CHILD, STORY, REPORTER, "Canary", "111/2026/77"] {
        assert!(!seen.windows(canary.len()).any(|window| window == canary.as_bytes()), "{canary}");
    }
}

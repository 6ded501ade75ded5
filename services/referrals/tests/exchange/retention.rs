//! What is left of an ended branch because it must be: legal holds, retention classes, and what whoever withdrew
//! consent is told.

use jiff::SignedDuration;
use nhipcau_domain::reason;
use nhipcau_proto::{
    directory::v1 as directory,
    referral::v1::{
        self as pb, BranchCondition, BranchState, ReferralKind, ReferralPart,
        referral_hold_service_server::ReferralHoldService as _,
    },
};
use nhipcau_referrals::{CONTRACT, verify_access};
use tonic::{Code, Status};

use crate::{deeds::*, world::*};

const SOURCE: &str = "Article 1 of an example";
const ORDER: &str = "Article 2 of an example";
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// Keys of cases that a node holds.
const KEYS: &str = "SELECT COUNT(*) FROM case_key WHERE correlation <> zeroblob(16)";
const PARTS: &str = "SELECT COUNT(*) FROM referral_content";

/// The narrative of a service that had begun is kept for thirty days at `hanoi`.
pub(crate) fn class() -> directory::RetentionClass {
    directory::RetentionClass {
        retention_class: "service-record".into(),
        contract: CONTRACT.into(),
        parties: vec!["hanoi".into()],
        state_from: "in_service".into(),
        parts: vec!["narrative".into()],
        keep_days: 30,
        legal_source: SOURCE.into(),
        note: "example, to be confirmed".into(),
        validity: Some(directory::Validity {
            start_time: Some(prost_types::Timestamp { seconds: BEFORE, nanos: 0 }),
            expire_time: None,
        }),
    }
}

/// A referral on consent whose service has begun.
async fn served(world: &mut World) -> String {
    let branch = world.refer(ReferralKind::Referral, consent()).await;
    world.settle().await;
    world.accept(HANOI, &branch).await.unwrap();
    world.settle().await;
    world.begin(HANOI, &branch).await.unwrap();
    world.settle().await;
    branch
}

fn parts(numbers: &[i32]) -> Vec<ReferralPart> {
    numbers.iter().map(|number| ReferralPart::try_from(*number).unwrap()).collect()
}

/// What both sides show of the answer to a withdrawal, which is the same.
async fn told(world: &World, branch: &str) -> pb::WithdrawalAnswered {
    let told = world.branch(MOH, branch).await.withdrawal_answer.unwrap();
    assert_eq!(world.branch(HANOI, branch).await.withdrawal_answer.as_ref(), Some(&told));
    told
}

async fn shows(world: &World, node: usize, branch: &str, condition: BranchCondition) -> bool {
    world.branch(node, branch).await.conditions.contains(&condition.into())
}

impl World {
    pub(crate) async fn order(&self, node: usize, branch: &str, order: &str) -> Result<pb::HoldCaseResponse, Status> {
        self.order_as(node, branch, order, request_id()).await
    }

    async fn order_as(
        &self,
        node: usize,
        branch: &str,
        order: &str,
        request_id: String,
    ) -> Result<pb::HoldCaseResponse, Status> {
        let message = pb::HoldCaseRequest {
            request_id,
            name: referral_of(branch),
            acting_person: "cb-9".into(),
            validate_only: false,
            order_reference: order.into(),
            citation: ORDER.into(),
        };
        Ok(self.nodes[node].door.hold_case(call(message, NAMES[node])).await?.into_inner())
    }

    pub(crate) async fn take_back(
        &self,
        node: usize,
        branch: &str,
        order: &str,
    ) -> Result<pb::ReleaseHoldResponse, Status> {
        self.take_back_as(node, branch, order, request_id()).await
    }

    async fn take_back_as(
        &self,
        node: usize,
        branch: &str,
        order: &str,
        request_id: String,
    ) -> Result<pb::ReleaseHoldResponse, Status> {
        let message = pb::ReleaseHoldRequest {
            request_id,
            name: referral_of(branch),
            acting_person: "cb-9".into(),
            validate_only: false,
            order_reference: order.into(),
        };
        Ok(self.nodes[node].door.release_hold(call(message, NAMES[node])).await?.into_inner())
    }
}

#[tokio::test]
async fn a_withdrawal_is_answered_with_everything_erased_when_no_class_keeps_it() {
    let mut world = World::open().await;
    let branch = served(&mut world).await;
    let stopped = world.now();
    world.withdraw(MOH, &branch).await.unwrap();
    assert!(shows(&world, MOH, &branch, BranchCondition::WithdrawalUnanswered).await);
    world.settle().await;
    let told = told(&world, &branch).await;
    assert_eq!(
        parts(&told.erased_parts),
        [ReferralPart::Preview, ReferralPart::Identity, ReferralPart::Narrative],
        "no class means erased, and it is said"
    );
    assert!(told.kept_parts.is_empty() && told.stopped_time.unwrap().seconds >= stopped.as_second());
    for node in [MOH, HANOI] {
        assert!(!shows(&world, node, &branch, BranchCondition::WithdrawalUnanswered).await);
    }
    assert_eq!([world.count(HANOI, PARTS).await, world.count(HANOI, KEYS).await], [0, 0]);
}

#[tokio::test]
async fn what_was_in_flight_when_consent_was_withdrawn_is_answered_with_nothing_to_erase() {
    let mut world = World::open().await;
    // The recipient hears nothing: the hand-over with everything in it is signed and under way.
    world.silent.push(HANOI);
    let branch = world.refer(ReferralKind::Transfer, consent()).await;
    world.settle().await;
    world.withdraw(MOH, &branch).await.unwrap();
    world.queue.clear();
    world.silent.clear();
    world.settle_slowly().await;
    assert_eq!(world.states(&branch).await, [BranchState::Revoked; 2]);
    let told = told(&world, &branch).await;
    assert!(told.erased_parts.is_empty() && told.kept_parts.is_empty(), "nothing had come: {told:?}");
    assert_eq!([world.count(HANOI, PARTS).await, world.count(HANOI, KEYS).await], [0, 0]);
}

#[tokio::test]
async fn a_class_keeps_its_part_until_it_has_run_out_and_says_so() {
    let mut world = World::open().await;
    world.retain(vec![class()]).await;
    let branch = served(&mut world).await;
    world.withdraw(MOH, &branch).await.unwrap();
    world.settle().await;
    let first = told(&world, &branch).await;
    assert_eq!(parts(&first.erased_parts), [ReferralPart::Preview, ReferralPart::Identity]);
    let [kept] = &first.kept_parts[..] else { panic!("{first:?}") };
    assert_eq!((kept.part(), kept.citation.as_str()), (ReferralPart::Narrative, SOURCE));
    assert_eq!(kept.retention_class, "service-record");
    let (until, stopped) = (kept.until_time.unwrap(), first.stopped_time.unwrap());
    assert_eq!(until.seconds - stopped.seconds, 30 * DAY.as_secs());
    assert_eq!([world.count(HANOI, PARTS).await, world.count(HANOI, KEYS).await], [1, 1]);
    assert_eq!(world.content(HANOI, &branch).await, pb::ReferralContent::default(), "kept is not shown");
    let early = world.erase(HANOI, &branch).await.unwrap_err();
    assert_eq!(refusal(&early), (Code::FailedPrecondition, reason::RETAINED.into()));

    world.pass(29 * DAY);
    world.settle().await;
    assert_eq!(world.count(HANOI, PARTS).await, 1);
    world.pass(DAY);
    world.settle_slowly().await;
    let last = told(&world, &branch).await;
    assert_eq!(parts(&last.erased_parts).len(), 3);
    assert_eq!((last.kept_parts.len(), last.stopped_time), (0, Some(stopped)));
    assert_eq!([world.count(HANOI, PARTS).await, world.count(HANOI, KEYS).await], [0, 0]);
    assert_eq!(world.count(HANOI, "SELECT COUNT(*) FROM referral_kept").await, 0);
    world.erase(HANOI, &branch).await.unwrap();
}

#[tokio::test]
async fn what_never_came_so_far_is_kept_by_no_class() {
    let mut world = World::open().await;
    world.retain(vec![class()]).await;
    let branch = world.refer(ReferralKind::Transfer, consent()).await;
    world.settle().await;
    world.acknowledge(HANOI, &branch).await.unwrap();
    world.settle().await;
    world.withdraw(MOH, &branch).await.unwrap();
    world.settle().await;
    assert!(told(&world, &branch).await.kept_parts.is_empty());
    // Nor what never should have been sent, however far it came.
    let branch = served(&mut world).await;
    world.recall(MOH, &branch).await.unwrap();
    world.settle().await;
    assert_eq!(world.count(HANOI, PARTS).await, 0);
}

#[tokio::test]
async fn nothing_is_erased_while_a_hold_lasts_and_everything_due_once_it_is_released() {
    let mut world = World::open().await;
    let branch = served(&mut world).await;
    world.order(HANOI, &branch, "7/2026").await.unwrap();
    assert!(shows(&world, HANOI, &branch, BranchCondition::LegalHold).await);
    assert!(!shows(&world, MOH, &branch, BranchCondition::LegalHold).await, "a party's own matter");
    let before = world.count(HANOI, PARTS).await;
    world.withdraw(MOH, &branch).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&branch).await, [BranchState::Revoked; 2], "use ends all the same");
    let held = told(&world, &branch).await;
    assert!(held.erased_parts.is_empty(), "{held:?}");
    assert_eq!(held.kept_parts.len(), 3);
    for kept in &held.kept_parts {
        assert_eq!((kept.citation.as_str(), kept.retention_class.as_str(), kept.until_time), (ORDER, "", None));
    }
    assert_eq!(world.content(HANOI, &branch).await, pb::ReferralContent::default(), "kept is not shown");
    let early = world.erase(HANOI, &branch).await.unwrap_err();
    assert_eq!(refusal(&early), (Code::FailedPrecondition, reason::LEGAL_HOLD.into()));
    // A hold has no end of its own.
    world.pass(40 * DAY);
    world.settle().await;
    assert_eq!([world.count(HANOI, PARTS).await, world.count(HANOI, KEYS).await], [before, 1]);

    world.take_back(HANOI, &branch, "7/2026").await.unwrap();
    assert_eq!(world.count(HANOI, PARTS).await, 0, "at once");
    world.settle().await;
    let last = told(&world, &branch).await;
    assert_eq!((last.erased_parts.len(), last.kept_parts.len()), (3, 0));
    assert_eq!(world.count(HANOI, KEYS).await, 0);
    assert!(!shows(&world, HANOI, &branch, BranchCondition::LegalHold).await);
    world.erase(HANOI, &branch).await.unwrap();
    world.settle().await;
    assert!(world.branch(MOH, &branch).await.conditions.is_empty());
}

#[tokio::test]
async fn a_released_hold_leaves_what_a_class_or_another_hold_keeps() {
    let mut world = World::open().await;
    world.retain(vec![class()]).await;
    let branch = served(&mut world).await;
    world.order(HANOI, &branch, "7/2026").await.unwrap();
    world.order(HANOI, &branch, "8/2026").await.unwrap();
    world.withdraw(MOH, &branch).await.unwrap();
    world.settle().await;
    world.take_back(HANOI, &branch, "7/2026").await.unwrap();
    world.settle().await;
    assert_eq!(told(&world, &branch).await.kept_parts.len(), 3);
    world.take_back(HANOI, &branch, "8/2026").await.unwrap();
    world.settle().await;
    let told = told(&world, &branch).await;
    let [kept] = &told.kept_parts[..] else { panic!("{told:?}") };
    assert_eq!((kept.part(), kept.retention_class.as_str()), (ReferralPart::Narrative, "service-record"));
    assert_eq!([world.count(HANOI, PARTS).await, world.count(HANOI, KEYS).await], [1, 1]);
}

#[tokio::test]
async fn a_hold_also_keeps_what_a_rejection_would_erase() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Referral, duty()).await;
    world.settle().await;
    world.order(HANOI, &branch, "7/2026").await.unwrap();
    world.reject(HANOI, &branch, pb::RejectionCode::NoCapacity).await.unwrap();
    world.settle().await;
    assert_eq!([world.count(HANOI, PARTS).await, world.count(HANOI, KEYS).await], [1, 1]);
    assert_eq!(world.branch(MOH, &branch).await.withdrawal_answer, None, "nobody withdrew anything");
    world.take_back(HANOI, &branch, "7/2026").await.unwrap();
    assert_eq!([world.count(HANOI, PARTS).await, world.count(HANOI, KEYS).await], [0, 0]);
}

#[tokio::test]
async fn a_hold_is_ordered_and_released_once_by_a_person_who_sees_the_case_and_is_recorded() {
    let mut world = World::open().await;
    let branch = served(&mut world).await;
    let id = request_id();
    let first = world.order_as(HANOI, &branch, "7/2026", id.clone()).await.unwrap();
    assert!(!first.replayed && world.order_as(HANOI, &branch, "7/2026", id).await.unwrap().replayed);
    let again = world.order(HANOI, &branch, "7/2026").await.unwrap_err();
    assert_eq!(refusal(&again), (Code::FailedPrecondition, reason::HOLD_EXISTS.into()));
    let unknown = world.take_back(HANOI, &branch, "9/2026").await.unwrap_err();
    assert_eq!(refusal(&unknown), (Code::FailedPrecondition, reason::HOLD_UNKNOWN.into()));
    let others = world.order(VWU, &branch, "7/2026").await.unwrap_err();
    assert_eq!(refusal(&others), (Code::PermissionDenied, reason::ACCESS_DENIED.into()));
    world.take_back(HANOI, &branch, "7/2026").await.unwrap();
    let twice = world.take_back(HANOI, &branch, "7/2026").await.unwrap_err();
    assert_eq!(refusal(&twice).1, reason::HOLD_UNKNOWN);
    let nobody = pb::HoldCaseRequest {
        request_id: request_id(),
        name: referral_of(&branch),
        order_reference: "8/2026".into(),
        citation: ORDER.into(),
        ..Default::default()
    };
    assert!(world.nodes[HANOI].door.hold_case(call(nobody, "hanoi")).await.is_err(), "a person is required");
    let recorded = "SELECT COUNT(*) FROM referral_access WHERE person = 'cb-9' AND parts IN ('hold', 'release')";
    assert_eq!(world.count(HANOI, recorded).await, 2);
    let chain = world.nodes[HANOI].readers.read(|tx| {
        Ok::<_, nhipcau_messaging::store::Error>(
            verify_access(&point("hanoi"), tx).map(|chain| chain.records).unwrap_or(0),
        )
    });
    assert_eq!(chain.await.unwrap(), 2);
}

#[tokio::test]
async fn the_request_of_a_hold_or_a_release_stands_for_no_other_also_after_the_erasure() {
    let mut world = World::open().await;
    let (branch, other) = (served(&mut world).await, served(&mut world).await);
    let reused = (Code::AlreadyExists, reason::REQUEST_ID_REUSED.into());
    let (ordered, released) = (request_id(), request_id());
    world.order_as(HANOI, &branch, "7/2026", ordered.clone()).await.unwrap();
    for (branch, order) in [(&branch, "8/2026"), (&other, "7/2026")] {
        let refused = world.order_as(HANOI, branch, order, ordered.clone()).await.unwrap_err();
        assert_eq!(refusal(&refused), reused);
    }
    assert_eq!(world.count(HANOI, "SELECT COUNT(*) FROM referral_hold").await, 1);
    let refused = world.take_back_as(HANOI, &branch, "7/2026", ordered.clone()).await.unwrap_err();
    assert_eq!(refusal(&refused), reused);

    world.order(HANOI, &other, "7/2026").await.unwrap();
    world.withdraw(MOH, &branch).await.unwrap();
    world.settle().await;
    world.take_back_as(HANOI, &branch, "7/2026", released.clone()).await.unwrap();
    world.settle().await;
    assert_eq!(world.count(HANOI, KEYS).await, 1, "the other case's");
    assert!(world.take_back_as(HANOI, &branch, "7/2026", released.clone()).await.unwrap().replayed);
    assert!(world.order_as(HANOI, &branch, "7/2026", ordered.clone()).await.unwrap().replayed);
    for (branch, order) in [(&branch, "8/2026"), (&other, "7/2026")] {
        let refused = world.take_back_as(HANOI, branch, order, released.clone()).await.unwrap_err();
        assert_eq!(refusal(&refused), reused);
        let refused = world.order_as(HANOI, branch, order, ordered.clone()).await.unwrap_err();
        assert_eq!(refusal(&refused), reused);
    }
    assert!(shows(&world, HANOI, &other, BranchCondition::LegalHold).await, "not released by the way");
    let recorded = "SELECT COUNT(*) FROM referral_access WHERE parts IN ('hold', 'release')";
    assert_eq!(world.count(HANOI, recorded).await, 3, "what was refused or repeated leaves none");
}

#[tokio::test]
async fn a_statutory_duty_is_withdrawn_by_nobody_held_or_not() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    world.order(MOH, &branch, "7/2026").await.unwrap();
    assert!(shows(&world, MOH, &branch, BranchCondition::LegalHold).await, "the origin holds as well");
    let refused = world.withdraw(MOH, &branch).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::FailedPrecondition, reason::BASIS_NOT_CONSENT.into()));
}

#[tokio::test]
async fn a_recipient_that_was_put_back_answers_as_it_did() {
    let mut world = World::open().await;
    let branch = served(&mut world).await;
    let copy = world.copy(HANOI);
    world.settle().await;
    world.withdraw(MOH, &branch).await.unwrap();
    world.settle().await;
    let before = told(&world, &branch).await;
    world.restore(HANOI, &copy);
    world.settle_slowly().await;
    assert_eq!(world.states(&branch).await, [BranchState::Revoked; 2]);
    assert_eq!(told(&world, &branch).await, before, "its own word came back");
    assert_eq!([world.count(HANOI, PARTS).await, world.count(HANOI, KEYS).await], [0, 0]);
}

#[tokio::test]
async fn an_answer_that_could_not_be_sent_delays_no_erasure_and_follows() {
    let mut world = World::open().await;
    let branch = served(&mut world).await;
    let is_answer = |it: &directory::Agreement| it.sender_party == "hanoi" && it.recipient_party == "moh";
    let mut agreed = Vec::new();
    world.amend(|wire| agreed = wire.agreements.extract_if(.., |it| is_answer(it)).collect()).await;
    world.withdraw(MOH, &branch).await.unwrap();
    world.settle().await;
    assert_eq!(world.state(HANOI, &branch).await, BranchState::Revoked);
    assert!(shows(&world, HANOI, &branch, BranchCondition::WithdrawalUnanswered).await);
    assert_eq!(world.count(HANOI, PARTS).await, 0);
    world.amend(|wire| wire.agreements.extend(agreed)).await;
    world.pass(SignedDuration::from_hours(1));
    world.settle_slowly().await;
    assert_eq!(told(&world, &branch).await.erased_parts.len(), 3);
    assert_eq!(world.count(HANOI, KEYS).await, 0);
}

#[tokio::test]
async fn a_hold_keeps_the_stored_envelopes_of_what_ended_before_it_for_as_long_as_they_are_whole() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Referral, consent()).await;
    world.settle().await;
    // The origin does not hear of the end, so that the key of the case is still there when the order comes.
    world.silent.push(MOH);
    world.reject(HANOI, &branch, pb::RejectionCode::NoCapacity).await.unwrap();
    world.settle().await;
    assert_eq!([world.count(HANOI, PARTS).await, world.count(HANOI, KEYS).await], [0, 1]);
    world.order(HANOI, &branch, "7/2026").await.unwrap();
    world.silent.clear();
    world.settle_slowly().await;
    assert_eq!(world.states(&branch).await, [BranchState::Rejected; 2]);
    assert_eq!(world.count(HANOI, KEYS).await, 1, "held");
    let early = world.erase(HANOI, &branch).await.unwrap_err();
    assert_eq!(refusal(&early), (Code::FailedPrecondition, reason::LEGAL_HOLD.into()));
    world.take_back(HANOI, &branch, "7/2026").await.unwrap();
    assert_eq!(world.count(HANOI, KEYS).await, 0);
}

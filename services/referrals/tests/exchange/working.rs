//! Work on a case: what both sides show of it, what holds up the end, and what is left when the case is erased.

use jiff::SignedDuration;
use nhipcau_domain::reason;
use nhipcau_proto::referral::v1::{
    self as pb, BranchState, ReferralKind, ReferralPart, RiskCriterionCode, RiskLevel, TimeLimitStanding,
    referral_decision_service_server::ReferralDecisionService as _, referral_service_server::ReferralService as _,
};
use tonic::Code;

use crate::{deeds::*, world::*};

const NOTE: &str = "Trẻ ở với bà ngoại, ổn định";

/// What was done at the beginning of these tests.
pub(crate) fn work(world: &World, kind: pb::WorkKind, conclusion: pb::ReviewConclusion) -> Option<pb::Work> {
    let work_time = Some(prost_types::Timestamp { seconds: world.now().as_second(), nanos: 0 });
    Some(pb::Work { kind: kind.into(), work_time, role: "officer".into(), conclusion: conclusion.into() })
}

pub(crate) fn criteria() -> Vec<pb::RiskCriterion> {
    use RiskCriterionCode::{HarmStillSerious, ObstaclesInCare, PerpetratorAccess, SelfProtection};
    let graded = [HarmStillSerious, PerpetratorAccess, ObstaclesInCare, SelfProtection];
    graded.map(|it| pb::RiskCriterion { criterion: it.into(), level: RiskLevel::Low.into() }).to_vec()
}

impl World {
    async fn does(&self, branch: &str, kind: pb::WorkKind) -> Result<pb::Branch, tonic::Status> {
        self.record_work(HANOI, branch, work(self, kind, pb::ReviewConclusion::Unspecified), Vec::new(), "").await
    }

    async fn reviews(&self, branch: &str, conclusion: pb::ReviewConclusion) -> Result<pb::Branch, tonic::Status> {
        let review = work(self, pb::WorkKind::Review, conclusion);
        self.record_work(HANOI, branch, review, criteria(), NOTE).await
    }

    /// A branch as a person at a node reads it.
    pub(crate) async fn read_branch(&self, node: usize, branch: &str) -> pb::Branch {
        let request = pb::GetReferralRequest {
            name: referral_of(branch),
            view: pb::ReferralView::Full.into(),
            acting_person: "cb-17".into(),
            ..Default::default()
        };
        let answer = self.nodes[node].door.get_referral(call(request, NAMES[node])).await.unwrap();
        let branches = answer.into_inner().referral.unwrap().branches;
        branches.into_iter().find(|known| known.name == branch).unwrap()
    }
}

/// A branch that is assigned, as both sides know.
async fn assigned(world: &mut World, kind: ReferralKind, basis: pb::LawfulBasis) -> String {
    let branch = world.refer(kind, basis).await;
    world.settle().await;
    match kind {
        ReferralKind::Transfer => world.acknowledge(HANOI, &branch).await,
        _ => world.accept(HANOI, &branch).await,
    }
    .unwrap();
    world.settle().await;
    branch
}

#[tokio::test]
async fn both_sides_show_what_was_done_and_whoever_may_read_content_what_was_said() {
    let mut world = World::open().await;
    let branch = assigned(&mut world, ReferralKind::Transfer, duty()).await;
    world.does(&branch, pb::WorkKind::Measure).await.unwrap();
    world.reviews(&branch, pb::ReviewConclusion::NewPlan).await.unwrap();
    world.settle().await;
    for node in [MOH, HANOI] {
        let basic = world.branch(node, &branch).await;
        let kinds: Vec<_> = basic.work.iter().map(|it| it.work.as_ref().unwrap().kind()).collect();
        assert_eq!(kinds, [pb::WorkKind::Measure, pb::WorkKind::Review]);
        assert!(basic.work.iter().all(|it| it.details.is_none() && it.person == "cb-17"));
        assert!(!basic.disclosed_parts.contains(&ReferralPart::Work.into()), "it was not disclosed to anybody");
        let full = world.read_branch(node, &branch).await;
        let said = full.work[1].details.clone().unwrap();
        assert_eq!((said.criteria, said.note.as_str()), (criteria(), NOTE));
        assert_eq!(full.work[0].details, None);
    }
    assert_eq!(world.states(&branch).await, [BranchState::Assigned; 2], "no state follows from it");
    for node in [MOH, HANOI] {
        assert!(!world.disk(node).windows(NOTE.len()).any(|bytes| bytes == NOTE.as_bytes()), "at rest");
    }
}

#[tokio::test]
async fn a_case_with_an_open_review_is_not_completed() {
    let mut world = World::open().await;
    let branch = assigned(&mut world, ReferralKind::Referral, duty()).await;
    let early = world.does(&branch, pb::WorkKind::PlanApproved).await.unwrap_err();
    assert_eq!((early.code(), refusal(&early).1.as_str()), (Code::FailedPrecondition, reason::PLAN_MISSING));
    world.does(&branch, pb::WorkKind::PlanDrafted).await.unwrap();
    world.does(&branch, pb::WorkKind::PlanApproved).await.unwrap();
    world.reviews(&branch, pb::ReviewConclusion::NewPlan).await.unwrap();
    let held = world.complete(HANOI, &branch, pb::Outcome::Resolved).await.unwrap_err();
    assert_eq!((held.code(), refusal(&held).1.as_str()), (Code::FailedPrecondition, reason::REVIEW_OPEN));
    world.reviews(&branch, pb::ReviewConclusion::Close).await.unwrap();
    world.complete(HANOI, &branch, pb::Outcome::Resolved).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&branch).await, [BranchState::Completed; 2]);
}

#[tokio::test]
async fn a_work_that_is_not_as_documented_is_refused_and_nothing_of_it_is_kept() {
    let mut world = World::open().await;
    let branch = assigned(&mut world, ReferralKind::Transfer, duty()).await;
    let (none, close) = (pb::ReviewConclusion::Unspecified, pb::ReviewConclusion::Close);
    let measure = || work(&world, pb::WorkKind::Measure, none);
    let future = measure().map(|work| {
        let seconds = world.now().as_second() + 301;
        pb::Work { work_time: Some(prost_types::Timestamp { seconds, nanos: 0 }), ..work }
    });
    let unknown = || vec![pb::RiskCriterion { level: RiskLevel::Unknown.into(), ..criteria()[0] }];
    for (work, criteria, note, expected) in [
        (future, Vec::new(), "", reason::TIME_IN_FUTURE),
        (work(&world, pb::WorkKind::Review, close), criteria()[1..].to_vec(), "", reason::FIELD_REQUIRED),
        (work(&world, pb::WorkKind::Review, close), Vec::new(), "", reason::FIELD_REQUIRED),
        (work(&world, pb::WorkKind::Review, none), criteria(), "", reason::FIELD_REQUIRED),
        (work(&world, pb::WorkKind::Measure, close), Vec::new(), "", reason::FIELD_FORMAT),
        (measure(), criteria(), "", reason::FIELD_FORMAT),
        (work(&world, pb::WorkKind::InitialAssessment, none), unknown(), "", reason::CODE_UNKNOWN),
        (measure(), Vec::new(), "cu\u{309}a", reason::TEXT_NOT_NFC),
    ] {
        let refused = world.record_work(HANOI, &branch, work, criteria, note).await.unwrap_err();
        assert!(format!("{refused:?}").contains(expected), "{expected}: {refused:?}");
    }
    let theirs = world.record_work(MOH, &branch, measure(), Vec::new(), "").await.unwrap_err();
    assert_eq!(refusal(&theirs).1, reason::ACCESS_DENIED, "only whoever does it says so");
    let kept = "SELECT COUNT(*) FROM referral_content WHERE part = 5";
    assert_eq!(world.count(HANOI, kept).await, 0);
    assert!(world.branch(HANOI, &branch).await.work.is_empty());
}

#[tokio::test]
async fn a_call_that_is_made_again_records_once() {
    let mut world = World::open().await;
    let branch = assigned(&mut world, ReferralKind::Transfer, duty()).await;
    let request = pb::RecordWorkRequest {
        request_id: request_id(),
        name: branch.clone(),
        etag: world.branch(HANOI, &branch).await.etag,
        acting_person: "cb-17".into(),
        work: work(&world, pb::WorkKind::InitialAssessment, pb::ReviewConclusion::Unspecified),
        criteria: criteria(),
        note: NOTE.into(),
        ..Default::default()
    };
    for replayed in [false, true] {
        let answer = world.nodes[HANOI].door.record_work(call(request.clone(), "hanoi")).await.unwrap().into_inner();
        assert_eq!((answer.replayed, answer.branch.unwrap().work.len()), (replayed, 1));
    }
    let other = pb::RecordWorkRequest { note: "khác".into(), ..request };
    let refused = world.nodes[HANOI].door.record_work(call(other, "hanoi")).await.unwrap_err();
    assert_eq!(refusal(&refused).1, reason::REQUEST_ID_REUSED);
}

#[tokio::test]
async fn an_emergency_measure_stops_the_twelve_hours() {
    let mut world = World::open().await;
    world
        .amend(|wire| wire.time_limits.iter_mut().for_each(|rule| rule.stop_events = vec!["service_started".into()]))
        .await;
    let branch = assigned(&mut world, ReferralKind::Transfer, duty()).await;
    world.does(&branch, pb::WorkKind::EmergencyMeasure).await.unwrap();
    world.settle().await;
    world.pass(SignedDuration::from_hours(48));
    world.settle().await;
    for node in [MOH, HANOI] {
        let request = pb::ExplainTimeLimitsRequest { name: referral_of(&branch), at_time: None };
        let answer = world.nodes[node].door.explain_time_limits(call(request, NAMES[node])).await.unwrap();
        let limits = answer.into_inner().branches.remove(0).limits;
        assert!(!limits.is_empty());
        assert!(limits.iter().all(|limit| limit.standing() == TimeLimitStanding::Stopped), "{limits:?}");
    }
}

#[tokio::test]
async fn what_was_said_goes_with_the_case_and_what_was_done_stays() {
    let mut world = World::open().await;
    let branch = assigned(&mut world, ReferralKind::Referral, consent()).await;
    world.reviews(&branch, pb::ReviewConclusion::NewPlan).await.unwrap();
    world.settle().await;
    world.withdraw(MOH, &branch).await.unwrap();
    world.settle().await;
    assert_eq!(world.count(HANOI, "SELECT COUNT(*) FROM referral_content").await, 0);
    let there = world.read_branch(HANOI, &branch).await;
    assert_eq!((there.work.len(), there.work[0].details.clone()), (1, None));
    let answer = there.withdrawal_answer.unwrap();
    assert!(!answer.erased_parts.contains(&ReferralPart::Work.into()), "it was never given to it");
    assert!(world.read_branch(MOH, &branch).await.work[0].details.is_some(), "the origin keeps its case");
}

#[tokio::test]
async fn another_party_of_the_same_case_sees_nothing_of_it() {
    let mut world = World::open().await;
    let request = submission(ReferralKind::Referral, "moh/111", &["hanoi/ba-dinh", "vwu/desk"]);
    let branches = world.submit(MOH, &request).await;
    world.settle().await;
    world.accept(HANOI, &branches[0]).await.unwrap();
    world.settle().await;
    world.reviews(&branches[0], pb::ReviewConclusion::NewPlan).await.unwrap();
    world.settle().await;
    let there = world.get(VWU, &referral_of(&branches[0])).await.unwrap();
    assert!(there.branches.iter().all(|branch| branch.work.is_empty()));
    let further = world.read_branch(MOH, &branches[0]).await;
    assert!(further.work[0].details.is_some());
}

#[tokio::test]
async fn what_a_store_lost_comes_back_with_what_was_said() {
    let mut world = World::open().await;
    let branch = assigned(&mut world, ReferralKind::Transfer, duty()).await;
    let copy = world.copy(HANOI);
    world.reviews(&branch, pb::ReviewConclusion::NewPlan).await.unwrap();
    world.settle().await;
    world.restore(HANOI, &copy);
    world.settle_slowly().await;
    let back = world.read_branch(HANOI, &branch).await;
    assert_eq!(back.work.len(), 1);
    assert_eq!(back.work[0].details.clone().unwrap().note, NOTE);
    let held = world.complete(HANOI, &branch, pb::Outcome::Resolved).await.unwrap_err();
    assert_eq!(refusal(&held).1, reason::REVIEW_OPEN, "and holds up the end as before");
}

//! Review: at night a ward takes a case by telephone and confirms it later; it acts, assesses, plans and reviews. The
//! review asks for a new plan, so that the case is not completed before a second one says that it may be closed.
//! Every person in it is invented.

use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::{reason, referral::write_time};
use nhipcau_proto::referral::v1 as pb;

use super::{
    acts::{Names, act, expect, found, origin_view, stands, submit, unit},
    office::Office,
    play::Play,
    silence::STEP,
    wait::{PATIENCE, Seen, until},
};
use crate::{
    exit::Failure,
    referral::{Given, Transition, example, make},
};

/// References of the people who act, as their own organisations know them.
const HOTLINE: &str = "can-bo-111";
const WARD: &str = "can-bo-phuong";
/// When the ward is telephoned.
const NIGHT: SignedDuration = SignedDuration::from_hours(1);

/// The steps.
pub(super) const STEPS: [&str; 15] = [
    "submit",
    "arrive",
    "telephone",
    "confirm",
    "measure",
    "assess",
    "draft",
    "approve",
    "start",
    "review",
    "refuse",
    "redraft",
    "again",
    "complete",
    "close",
];

/// Plays it.
pub(super) async fn play(play: &Play<'_>) -> Result<pb::Referral, Failure> {
    let ([_, moh, _, hanoi], teller) = (play.offices(), play.teller());
    let request = example(pb::ReferralKind::Transfer, unit("moh", "111"), unit("hanoi", "00004"), play.now(moh));
    let case = play.step("submit", async || submit(play, moh, HOTLINE, request.clone()).await).await?;
    play.step("arrive", async || stands(moh, &case, pb::BranchState::Received).await).await?;
    // What was said and done has one time, however often it is asked.
    let said = pb::TelephoneAcknowledgement {
        person: WARD.to_owned(),
        role: "officer".to_owned(),
        acknowledge_time: Some(write_time(play.now(moh))),
    };
    play.step("telephone", async || {
        play.later(NIGHT)?;
        act(play, moh, &case, HOTLINE, Transition::NoteTelephoneAcknowledgement(said.clone())).await?;
        until(hanoi.name, "the word of the switchboard", PATIENCE, async || {
            let branch = found(hanoi, &case).await?;
            let is_there = branch.conditions.contains(&pb::BranchCondition::AcknowledgedByTelephone.into());
            Ok(if is_there { Seen::There(()) } else { Seen::Instead("none".to_owned()) })
        })
        .await?;
        expect(found(moh, &case).await?.responsible_side() == pb::Side::Origin, "the switchboard to answer still")
    })
    .await?;
    teller.say(
        "Ban đêm, cán bộ phường nhận qua điện thoại; Tổng đài ghi nhận, vẫn chịu trách nhiệm và chờ xác nhận.",
        "At night a person at the ward takes the case by telephone; the switchboard records it, still answers, and \
         waits for the confirmation.",
    )?;
    play.step("confirm", async || {
        play.later(STEP)?;
        act(play, hanoi, &case, WARD, Transition::Acknowledge).await?;
        let branch = stands(moh, &case, pb::BranchState::Assigned).await?;
        expect(branch.responsible_side() == pb::Side::Recipient, "the ward to answer for the child")?;
        let referral = origin_view(moh, &case).await?;
        let asked = referral.branches.iter().filter(|branch| branch.kind == referral.kind);
        expect(asked.count() == 1, "nobody else to be asked after the time of the first step")
    })
    .await?;
    let at = play.now(hanoi);
    let does = async |step: &'static str, kind: pb::WorkKind| {
        play.step(step, async || record(play, hanoi, &case, work(kind, at)).await).await
    };
    does("measure", pb::WorkKind::EmergencyMeasure).await?;
    does("assess", pb::WorkKind::InitialAssessment).await?;
    does("draft", pb::WorkKind::PlanDrafted).await?;
    does("approve", pb::WorkKind::PlanApproved).await?;
    play.step("start", async || {
        act(play, hanoi, &case, WARD, Transition::Start).await?;
        stands(moh, &case, pb::BranchState::InService).await
    })
    .await?;
    teller.say(
        "Phường xác nhận, có biện pháp khẩn cấp trong 12 giờ, đánh giá, lập và duyệt kế hoạch.",
        "The ward confirms, takes an emergency measure within the twelve hours, assesses, plans and approves.",
    )?;
    let review = |conclusion, level| review(conclusion, level, at);
    play.step("review", async || {
        let review = review(pb::ReviewConclusion::NewPlan, pb::RiskLevel::Medium);
        record(play, hanoi, &case, review).await
    })
    .await?;
    play.step("refuse", async || refused(hanoi, &case, play).await).await?;
    teller.say(
        "Rà soát kết luận cần kế hoạch mới: chưa được báo kết thúc.",
        "The review asks for a new plan: the case may not be completed.",
    )?;
    does("redraft", pb::WorkKind::PlanDrafted).await?;
    play.step("again", async || {
        record(play, hanoi, &case, review(pb::ReviewConclusion::Close, pb::RiskLevel::Low)).await
    })
    .await?;
    play.step("complete", async || {
        act(play, hanoi, &case, WARD, Transition::Complete(pb::Outcome::Resolved)).await?;
        let branch = stands(moh, &case, pb::BranchState::Completed).await?;
        expect(branch.work.len() == 7, "the switchboard to see all that was done")
    })
    .await?;
    play.step("close", async || {
        act(play, moh, &case, HOTLINE, Transition::Close).await?;
        stands(hanoi, &case, pb::BranchState::Closed).await
    })
    .await?;
    teller.say(
        "Lần rà soát sau kết luận có thể kết thúc; phường báo kết quả, Tổng đài kết thúc.",
        "The next review says that it may be closed; the ward reports the outcome and the switchboard closes.",
    )?;
    origin_view(moh, &case).await
}

/// The ward records what it did, and the switchboard sees it.
async fn record(play: &Play<'_>, hanoi: &Office, case: &Names, work: Transition) -> Result<(), Failure> {
    act(play, hanoi, case, WARD, work).await
}

fn work(kind: pb::WorkKind, at: Timestamp) -> Transition {
    let work = pb::Work {
        kind: kind.into(),
        work_time: Some(write_time(at)),
        role: "officer".to_owned(),
        conclusion: pb::ReviewConclusion::Unspecified.into(),
    };
    Transition::RecordWork { work, details: pb::WorkDetails::default() }
}

fn review(conclusion: pb::ReviewConclusion, level: pb::RiskLevel, at: Timestamp) -> Transition {
    use pb::RiskCriterionCode::{HarmStillSerious, ObstaclesInCare, PerpetratorAccess, SelfProtection};
    let graded =
        |criterion: pb::RiskCriterionCode| pb::RiskCriterion { criterion: criterion.into(), level: level.into() };
    let criteria = [HarmStillSerious, PerpetratorAccess, ObstaclesInCare, SelfProtection].map(graded).to_vec();
    let work = pb::Work {
        kind: pb::WorkKind::Review.into(),
        work_time: Some(write_time(at)),
        role: "officer".to_owned(),
        conclusion: conclusion.into(),
    };
    Transition::RecordWork { work, details: pb::WorkDetails { criteria, ..pb::WorkDetails::default() } }
}

/// Nobody completes the case while the review is open.
async fn refused(hanoi: &Office, case: &Names, play: &Play<'_>) -> Result<(), Failure> {
    let branch = found(hanoi, case).await?;
    let given = Given {
        name: case.branch.clone(),
        etag: branch.etag,
        person: WARD.to_owned(),
        request_id: play.request_id("refused"),
        validate_only: false,
    };
    match make(Transition::Complete(pb::Outcome::Resolved), given, &hanoi.connection).await {
        Err(refused) if refused.reason() == reason::REVIEW_OPEN => Ok(()),
        Err(refused) => Err(refused.into()),
        Ok(_) => expect(false, "the completion to be refused"),
    }
}

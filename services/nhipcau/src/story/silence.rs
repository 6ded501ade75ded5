//! Silence: nobody at the ward answers. When the first step of the ladder has come, after two hours in the sandbox's
//! own limits, the switchboard's access point turns to the health department of the city by itself, where a person
//! takes the child over; the ward is relieved. Every person in it is invented.

use jiff::SignedDuration;
use nhipcau_proto::referral::v1 as pb;

use super::{
    acts::{act, expect, origin_view, stands, submit, turned_to, unit},
    play::Play,
};
use crate::{
    exit::Failure,
    referral::{Transition, example},
};

/// References of the people who act, as their own organisations know them.
const HOTLINE: &str = "can-bo-111";
const CITY: &str = "can-bo-so-y-te";

/// The time of the first step of the sandbox's own ladder, and a moment more.
pub(super) const STEP: SignedDuration = SignedDuration::from_secs(2 * 3_600 + 60);

/// The steps.
pub(super) const STEPS: [&str; 7] = ["submit", "arrive", "silence", "acknowledge", "relieve", "start", "complete"];

/// Plays it.
pub(super) async fn play(play: &Play<'_>) -> Result<pb::Referral, Failure> {
    let ([_, moh, _, hanoi], teller) = (play.offices(), play.teller());
    let request = example(pb::ReferralKind::Transfer, unit("moh", "111"), unit("hanoi", "00004"), play.now(moh));
    let ward = play.step("submit", async || submit(play, moh, HOTLINE, request.clone()).await).await?;
    let waiting = play.step("arrive", async || stands(moh, &ward, pb::BranchState::Received).await).await?;
    teller.say(
        "Tổng đài 111 chuyển vụ việc cho phường Ba Đình; không ai ở phường xác nhận.",
        "Switchboard 111 hands the case over to Ba Đình Ward; nobody there acknowledges.",
    )?;
    let city = play
        .step("silence", async || {
            play.later(first_step(&waiting).unwrap_or(STEP))?;
            turned_to(moh, &ward, unit("hanoi", "health")).await
        })
        .await?;
    stands(moh, &city, pb::BranchState::Received).await?;
    teller.say(
        "Đến bậc đầu tiên, hệ thống của Tổng đài tự chuyển lên Sở Y tế Hà Nội; thời hạn 12 giờ vẫn tính từ lúc tiếp nhận.",
        "When the first step has come the switchboard's access point turns to the Health Department of Hà Nội by itself; \
         the twelve hours still run from the report.",
    )?;
    play.step("acknowledge", async || {
        act(play, hanoi, &city, CITY, Transition::Acknowledge).await?;
        let branch = stands(moh, &city, pb::BranchState::Assigned).await?;
        expect(branch.responsible_side() == pb::Side::Recipient, "the city to answer for the child")
    })
    .await?;
    play.step("relieve", async || stands(hanoi, &ward, pb::BranchState::Relieved).await).await?;
    play.step("start", async || {
        act(play, hanoi, &city, CITY, Transition::Start).await?;
        stands(moh, &city, pb::BranchState::InService).await
    })
    .await?;
    play.step("complete", async || {
        act(play, hanoi, &city, CITY, Transition::Complete(pb::Outcome::OngoingElsewhere)).await?;
        stands(moh, &city, pb::BranchState::Completed).await
    })
    .await?;
    teller.say(
        "Một cán bộ của Sở nhận trách nhiệm và can thiệp; phường được miễn và xóa nội dung.",
        "A person at the department takes the child over and acts; the ward is relieved and erases the content.",
    )?;
    origin_view(moh, &ward).await
}

/// How long after its limits began the first step of a branch's ladder comes, and a moment more.
fn first_step(branch: &pb::Branch) -> Option<SignedDuration> {
    let seconds = |time: Option<&prost_types::Timestamp>| time.map(|time| time.seconds);
    let limits = branch.time_limits.iter();
    let steps = limits.filter_map(|limit| {
        Some(seconds(limit.steps.first()?.step_time.as_ref())? - seconds(limit.start_time.as_ref())?)
    });
    steps.min().map(|after| SignedDuration::from_secs(after + 60))
}

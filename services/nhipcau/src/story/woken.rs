//! Woken: at night the people on duty at a ward are told one after the other that something waits. Nobody answers; the
//! ward's access point says that nobody is left to tell, and the switchboard's turns to the health department of the
//! city at once, where a person takes the child over; the ward is relieved. Every person in it is invented.

use jiff::SignedDuration;
use nhipcau_proto::referral::v1 as pb;

use super::{
    acts::{act, expect, origin_view, stands, submit, turned_to, unit},
    notices::{on_duty, told},
    play::Play,
};
use crate::{
    exit::Failure,
    referral::{Transition, example},
    sandbox::World,
};

/// References of the people who act, as their own organisations know them.
const HOTLINE: &str = "can-bo-111";
const CITY: &str = "can-bo-so-y-te";
/// On duty at the ward.
const WARD: [&str; 2] = ["can-bo-phuong-1", "can-bo-phuong-2"];
/// Longer than each of them has.
const WAIT: SignedDuration = SignedDuration::from_mins(11);
/// When both have had their time.
const BOTH: SignedDuration = SignedDuration::from_mins(22);

/// The steps.
pub(super) const STEPS: [&str; 9] =
    ["submit", "arrive", "first", "second", "above", "acknowledge", "relieve", "start", "complete"];

/// Says who is on duty at the ward, before anything runs.
pub(super) fn prepare(world: &World) -> Result<(), Failure> {
    on_duty(world, ("hanoi", "00004"), &WARD)
}

/// Plays it.
pub(super) async fn play(play: &Play<'_>, world: &World) -> Result<pb::Referral, Failure> {
    let ([_, moh, _, hanoi], teller) = (play.offices(), play.teller());
    let request = example(pb::ReferralKind::Transfer, unit("moh", "111"), unit("hanoi", "00004"), play.now(moh));
    let ward = play.step("submit", async || submit(play, moh, HOTLINE, request.clone()).await).await?;
    play.step("arrive", async || stands(moh, &ward, pb::BranchState::Received).await).await?;
    teller.say(
        "Tổng đài 111 chuyển vụ việc cho phường Ba Đình vào ban đêm; người trực được báo \"có việc cần xem\".",
        "Switchboard 111 hands the case over to Ba Đình Ward at night; whoever is on duty is told that something waits.",
    )?;
    play.step("first", async || told(world, "hanoi", &WARD[..1]).await).await?;
    play.step("second", async || {
        play.later(WAIT)?;
        told(world, "hanoi", &WARD).await
    })
    .await?;
    let city = play
        .step("above", async || {
            play.later(BOTH)?;
            turned_to(moh, &ward, unit("hanoi", "health")).await
        })
        .await?;
    stands(moh, &city, pb::BranchState::Received).await?;
    stands(moh, &ward, pb::BranchState::Received).await?;
    teller.say(
        "Hai người trực đều không xác nhận, không còn ai để báo: hệ thống của Tổng đài chuyển ngay lên Sở Y tế Hà Nội, \
         không chờ đến bậc hai giờ.",
        "Neither of the two acknowledges, and nobody is left to tell: the switchboard's access point turns to the Health \
         Department of Hà Nội at once, without waiting for the step at two hours.",
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
        "Một cán bộ của Sở nhận trách nhiệm và can thiệp trong thời hạn; phường được miễn.",
        "A person at the department takes the child over and acts within the limit; the ward is relieved.",
    )?;
    origin_view(moh, &ward).await
}

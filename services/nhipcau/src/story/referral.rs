//! A referral: a ward asks an intake desk for help. The desk sees codes and no name before it has accepted. Every
//! person in it is invented.

use nhipcau_proto::referral::v1 as pb;

use super::{
    acts::{act, expect, origin_view, reads, stands, submit, unit},
    play::Play,
};
use crate::{
    exit::Failure,
    referral::{Transition, example},
};

/// References of the people who act, as their own organisations know them.
const WARD: &str = "can-bo-phuong";
const INTAKE: &str = "can-bo-tiep-nhan";

/// The steps.
pub(super) const STEPS: [&str; 9] =
    ["refer", "arrive", "see-codes", "consider", "accept", "see-content", "serve", "finish", "end"];

/// Plays it, for a case that there is already or for a new one.
pub(crate) async fn play(play: &Play<'_>, case_uid: Option<&str>) -> Result<pb::Referral, Failure> {
    let ([_, _, vwu, hanoi], teller) = (play.desks(), play.teller());
    let request = example(pb::ReferralKind::Referral, unit("hanoi", "00004"), unit("vwu", "desk"), play.now(hanoi));
    let request = pb::SubmitReferralRequest { case_uid: case_uid.unwrap_or_default().to_owned(), ..request };
    let case = play.step("refer", async || submit(play, hanoi, WARD, request.clone()).await).await?;
    play.step("arrive", async || stands(hanoi, &case, pb::BranchState::Received).await).await?;
    play.step("see-codes", async || reads(vwu, &case, INTAKE, false).await).await?;
    teller.say(
        "Phường chuyển gửi cháu tới Ngôi nhà Bình yên; trước khi chấp nhận, bên nhận chỉ thấy các mã.",
        "The ward asks the intake desk for help; before it accepts, the desk sees codes and no name.",
    )?;
    play.step("consider", async || {
        act(play, vwu, &case, INTAKE, Transition::Acknowledge).await?;
        stands(hanoi, &case, pb::BranchState::Acknowledged).await
    })
    .await?;
    play.step("accept", async || {
        act(play, vwu, &case, INTAKE, Transition::Accept).await?;
        let branch = stands(hanoi, &case, pb::BranchState::Assigned).await?;
        expect(branch.responsible_side() == pb::Side::Origin, "the ward to answer for the child still")?;
        stands(vwu, &case, pb::BranchState::Assigned).await
    })
    .await?;
    play.step("see-content", async || reads(vwu, &case, INTAKE, true).await).await?;
    teller.say(
        "Bên nhận chấp nhận; chỉ khi đó phần nhân thân và phần trình bày mới được gửi.",
        "The desk accepts; only then identity and narrative are sent.",
    )?;
    play.step("serve", async || {
        act(play, vwu, &case, INTAKE, Transition::Start).await?;
        stands(hanoi, &case, pb::BranchState::InService).await
    })
    .await?;
    play.step("finish", async || {
        act(play, vwu, &case, INTAKE, Transition::Complete(pb::Outcome::Resolved)).await?;
        stands(hanoi, &case, pb::BranchState::Completed).await
    })
    .await?;
    play.step("end", async || {
        act(play, hanoi, &case, WARD, Transition::Close).await?;
        stands(vwu, &case, pb::BranchState::Closed).await
    })
    .await?;
    teller.say(
        "Dịch vụ hoàn thành; phường kết thúc việc chuyển gửi.",
        "The service is completed; the ward closes the referral.",
    )?;
    origin_view(hanoi, &case).await
}

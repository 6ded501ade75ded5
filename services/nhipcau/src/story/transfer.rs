//! A transfer: switchboard 111 hands a case over to a ward, which answers for the child once a person there has
//! acknowledged it, acts and reports. Whoever the directory has told of what the ward gets sees the coded preview and
//! nothing else. Every person in it is invented.

use nhipcau_proto::referral::v1 as pb;

use super::{
    acts::{Names, act, expect, origin_view, reads, reads_preview, stands, submit, unit},
    office::Office,
    play::Play,
};
use crate::{
    exit::Failure,
    referral::{Transition, example},
};

/// References of the people who act, as their own organisations know them.
const HOTLINE: &str = "can-bo-111";
const WARD: &str = "can-bo-phuong";

/// The steps.
pub(super) const STEPS: [&str; 8] = ["submit", "arrive", "tell", "acknowledge", "read", "start", "complete", "close"];

/// Plays it.
pub(crate) async fn play(play: &Play<'_>) -> Result<pb::Referral, Failure> {
    let ([_, moh, _, hanoi], teller) = (play.offices(), play.teller());
    let request = example(pb::ReferralKind::Transfer, unit("moh", "111"), unit("hanoi", "00070"), play.now(moh));
    let case = play.step("submit", async || submit(play, moh, HOTLINE, request.clone()).await).await?;
    teller.say(
        "Tổng đài 111 chuyển vụ việc cho phường Hoàn Kiếm, đủ thông tin, không gồm người báo tin.",
        "Switchboard 111 hands the case over to Hoàn Kiếm Ward with everything but the reporter.",
    )?;
    play.step("arrive", async || {
        for branch in origin_view(moh, &case).await?.branches {
            stands(moh, &Names { branch: branch.name, ..case.clone() }, pb::BranchState::Received).await?;
        }
        Ok(())
    })
    .await?;
    teller.say(
        "Tổng đài giữ biên nhận có chữ ký của Hà Nội; Tổng đài vẫn chịu trách nhiệm.",
        "The switchboard holds Hà Nội's signed receipt, and still answers for the child.",
    )?;
    let told = play.step("tell", async || told(play, moh, &case).await).await?;
    if told > 0 {
        teller.say(
            "Nơi mà danh bạ nêu tên được báo cho biết: chỉ thấy các mã, không thấy cháu là ai, không thay phường trả lời.",
            "Whoever the directory names is told: they see codes and never who the child is, and answer for nobody.",
        )?;
    }
    play.step("acknowledge", async || {
        act(play, hanoi, &case, WARD, Transition::Acknowledge).await?;
        let branch = stands(moh, &case, pb::BranchState::Assigned).await?;
        expect(branch.responsible_side() == pb::Side::Recipient, "the ward to answer for the child")?;
        stands(hanoi, &case, pb::BranchState::Assigned).await
    })
    .await?;
    play.step("read", async || reads(hanoi, &case, WARD, true).await).await?;
    teller.say(
        "Một cán bộ của phường xác nhận; từ lúc này phường chịu trách nhiệm.",
        "A person at the ward acknowledges; from now on the ward answers for the child.",
    )?;
    play.step("start", async || {
        act(play, hanoi, &case, WARD, Transition::Start).await?;
        stands(moh, &case, pb::BranchState::InService).await
    })
    .await?;
    play.step("complete", async || {
        act(play, hanoi, &case, WARD, Transition::Complete(pb::Outcome::OngoingElsewhere)).await?;
        stands(moh, &case, pb::BranchState::Completed).await
    })
    .await?;
    play.step("close", async || {
        act(play, moh, &case, HOTLINE, Transition::Close).await?;
        stands(hanoi, &case, pb::BranchState::Closed).await
    })
    .await?;
    teller.say(
        "Phường can thiệp, báo kết quả; Tổng đài kết thúc việc chuyển giao.",
        "The ward acts and reports the outcome; the switchboard closes the transfer.",
    )?;
    origin_view(moh, &case).await
}

/// Whoever is told of the transfer, as the directory has it, has a person look at it, whereupon it is closed. How many
/// there were.
async fn told(play: &Play<'_>, moh: &Office, case: &Names) -> Result<usize, Failure> {
    let mut told = 0;
    for branch in origin_view(moh, case).await?.branches {
        let unit = branch.recipient.clone().unwrap_or_default();
        let office = play.offices().iter().find(|office| office.name == unit.party);
        let Some(office) = office.filter(|_| branch.kind() == pb::ReferralKind::Notification) else { continue };
        // Of several units of one party each has a person of its own.
        let (copy, person) = (Names { branch: branch.name, ..case.clone() }, format!("can-bo-{}", unit.unit));
        reads_preview(office, &copy, &person).await?;
        act(play, office, &copy, &person, Transition::Acknowledge).await?;
        stands(moh, &copy, pb::BranchState::Closed).await?;
        stands(office, &copy, pb::BranchState::Closed).await?;
        told += 1;
    }
    Ok(told)
}

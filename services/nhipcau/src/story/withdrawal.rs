//! Withdrawal: a mother takes her consent back. The intake desk answers that all it had is erased; a ward that serves
//! already answers what it must keep, by which duty and until when. Every person in it is invented.

use nhipcau_proto::referral::v1 as pb;

use super::{
    acts::{Names, act, expect, origin_view, reads, stands, submit, unit},
    office::Office,
    play::Play,
    wait::{PATIENCE, Seen, until},
};
use crate::{
    exit::Failure,
    referral::{Transition, example, get, withdraw_consent},
};

/// References of the people who act, as their own organisations know them.
const WARD: &str = "can-bo-phuong";
const INTAKE: &str = "can-bo-tiep-nhan";

/// The class of the sandbox that has a ward keep what a service says of itself.
const CLASS: &str = "service-record";

/// The steps.
pub(super) const STEPS: [&str; 10] =
    ["refer", "accept", "read", "withdraw", "erased", "refer-back", "accept-back", "serve", "withdraw-back", "kept"];

/// Plays it.
pub(super) async fn play(play: &Play<'_>) -> Result<pb::Referral, Failure> {
    let ([_, _, vwu, hanoi], teller) = (play.offices(), play.teller());
    let request = example(pb::ReferralKind::Referral, unit("hanoi", "00004"), unit("vwu", "desk"), play.now(hanoi));
    let case = play.step("refer", async || submit(play, hanoi, WARD, request.clone()).await).await?;
    stands(hanoi, &case, pb::BranchState::Received).await?;
    play.step("accept", async || {
        act(play, vwu, &case, INTAKE, Transition::Accept).await?;
        stands(vwu, &case, pb::BranchState::Assigned).await
    })
    .await?;
    play.step("read", async || until_read(vwu, &case, INTAKE).await).await?;
    teller.say(
        "Người mẹ đồng ý cho chia sẻ; Ngôi nhà Bình yên chấp nhận và đọc được nội dung.",
        "The mother agrees that it is shared; the intake desk accepts and reads the content.",
    )?;
    let request = withdrawal(play, hanoi, &case, WARD);
    play.step("withdraw", async || withdraw(play, hanoi, request.clone()).await).await?;
    play.step("erased", async || {
        let answer = answered(hanoi, &case).await?;
        expect(answer.kept_parts.is_empty(), "nothing to be kept")?;
        let parts = [pb::ReferralPart::Preview, pb::ReferralPart::Identity, pb::ReferralPart::Narrative];
        expect(answer.erased_parts == parts.map(i32::from), "everything that was disclosed to be erased")?;
        stands(vwu, &case, pb::BranchState::Revoked).await?;
        let content = get(&case.referral, Some(INTAKE), &vwu.connection).await?.content.unwrap_or_default();
        let is_empty = content.preview.is_none() && content.identity.is_none() && content.narrative.is_none();
        expect(is_empty, "nothing to be readable any more")
    })
    .await?;
    teller.say(
        "Người mẹ rút lại sự đồng ý; bên nhận dừng ngay, xóa mọi phần và trả lời từng phần một.",
        "The mother takes her consent back; the desk stops, erases every part and answers for each.",
    )?;
    let request = example(pb::ReferralKind::Referral, unit("vwu", "desk"), unit("hanoi", "00004"), play.now(vwu));
    let back = play.step("refer-back", async || submit(play, vwu, INTAKE, request.clone()).await).await?;
    stands(vwu, &back, pb::BranchState::Received).await?;
    play.step("accept-back", async || {
        act(play, hanoi, &back, WARD, Transition::Accept).await?;
        stands(hanoi, &back, pb::BranchState::Assigned).await?;
        until_read(hanoi, &back, WARD).await
    })
    .await?;
    play.step("serve", async || {
        act(play, hanoi, &back, WARD, Transition::Start).await?;
        stands(vwu, &back, pb::BranchState::InService).await
    })
    .await?;
    let request = withdrawal(play, vwu, &back, INTAKE);
    play.step("withdraw-back", async || withdraw(play, vwu, request.clone()).await).await?;
    play.step("kept", async || {
        let answer = answered(vwu, &back).await?;
        let kept: Vec<_> = answer.kept_parts.iter().map(|kept| kept.part).collect();
        let parts = [pb::ReferralPart::Preview, pb::ReferralPart::Narrative];
        expect(kept == parts.map(i32::from), "the record of the service to be kept")?;
        let is_named = |kept: &pb::KeptPart| kept.retention_class == CLASS && kept.until_time.is_some();
        expect(answer.kept_parts.iter().all(is_named), "each kept part to have its duty and its end")?;
        expect(answer.erased_parts == [i32::from(pb::ReferralPart::Identity)], "who the child is to be erased")?;
        stands(hanoi, &back, pb::BranchState::Revoked).await
    })
    .await?;
    teller.say(
        "Nơi đã bắt đầu dịch vụ trả lời phải giữ phần nào, theo căn cứ nào, đến khi nào; phần nhân thân đã xóa.",
        "Where a service had begun the ward answers what it must keep, by which duty and until when; who the child is \
         was erased.",
    )?;
    origin_view(vwu, &back).await
}

/// Waits until who the child is has come, and a person reads it.
async fn until_read(office: &Office, case: &Names, person: &str) -> Result<(), Failure> {
    until(office.name, "identity and narrative", PATIENCE, async || {
        let content = get(&case.referral, Some(person), &office.connection).await?.content.unwrap_or_default();
        let is_there = content.identity.is_some() && content.narrative.is_some();
        Ok(if is_there { Seen::There(()) } else { Seen::Instead("less".to_owned()) })
    })
    .await?;
    reads(office, case, person, true).await
}

/// What is asked when somebody takes their consent back now.
fn withdrawal(play: &Play<'_>, origin: &Office, case: &Names, person: &str) -> pb::WithdrawConsentRequest {
    let now = play.now(origin);
    pb::WithdrawConsentRequest {
        request_id: String::new(),
        name: case.referral.clone(),
        acting_person: person.to_owned(),
        withdraw_time: Some(prost_types::Timestamp { seconds: now.as_second(), nanos: 0 }),
        validate_only: false,
    }
}

async fn withdraw(play: &Play<'_>, origin: &Office, request: pb::WithdrawConsentRequest) -> Result<(), Failure> {
    let request = pb::WithdrawConsentRequest { request_id: play.request_id("withdraw"), ..request };
    withdraw_consent(&request, &origin.connection).await?;
    Ok(())
}

/// Waits for what the recipient says became of each part.
async fn answered(origin: &Office, case: &Names) -> Result<pb::WithdrawalAnswered, Failure> {
    until(origin.name, "the answer to the withdrawal", PATIENCE, async || {
        let branches = get(&case.referral, None, &origin.connection).await?.branches;
        let answer = branches.into_iter().find(|branch| branch.name == case.branch);
        let answer = answer.and_then(|branch| branch.withdrawal_answer);
        Ok(answer.map_or_else(|| Seen::Instead("none".to_owned()), Seen::There))
    })
    .await
}

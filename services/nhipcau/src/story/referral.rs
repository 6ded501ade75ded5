//! A referral: a ward asks an intake desk for help. The desk sees codes and no name before it has accepted. Every
//! person in it is invented.

use std::io::{self, Cursor};

use nhipcau_messaging::pae;
use nhipcau_proto::referral::v1 as pb;

use super::{
    acts::{Names, act, expect, origin_view, reads, stands, submit, unit},
    office::Office,
    play::Play,
    wait::{PATIENCE, Seen, until},
};
use crate::{
    exit::Failure,
    referral::{Transition, example, fetch, get, hand_over},
};

/// References of the people who act, as their own organisations know them.
const WARD: &str = "can-bo-phuong";
const INTAKE: &str = "can-bo-tiep-nhan";

/// The steps.
pub(super) const STEPS: [&str; 11] =
    ["attach", "refer", "arrive", "see-codes", "consider", "accept", "see-content", "carry", "serve", "finish", "end"];

/// Size of what is attached: more than one piece, and little beside the evidence of the demonstration, which plays it.
const ATTACHED_BYTES: usize = 400_000;

/// Plays it, for a case that there is already or for a new one.
pub(crate) async fn play(play: &Play<'_>, case_uid: Option<&str>) -> Result<pb::Referral, Failure> {
    let ([_, _, vwu, hanoi], teller) = (play.offices(), play.teller());
    let request = example(pb::ReferralKind::Referral, unit("hanoi", "00070"), unit("vwu", "desk"), play.now(hanoi));
    let scan = scan();
    let upload = play
        .step("attach", async || {
            let request = pb::BeginUploadRequest {
                request_id: play.request_id(hanoi.name),
                case_uid: case_uid.unwrap_or_default().to_owned(),
                digest: pae::sha256(&scan).to_vec(),
                size_bytes: scan.len() as u64,
                media_type: pb::AttachmentMediaType::Pdf.into(),
                acting_person: WARD.to_owned(),
                validate_only: false,
            };
            hand_over(&request, &mut Cursor::new(&scan), &hanoi.connection).await
        })
        .await?;
    let request = naming(&upload, request);
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
    play.step("carry", async || {
        arrives(vwu, &case, &upload).await?;
        let request = pb::GetAttachmentChunkRequest {
            name: case.referral.clone(),
            digest: upload.digest.clone(),
            offset: 0,
            acting_person: INTAKE.to_owned(),
        };
        let size = fetch(request, &mut io::sink(), &vwu.connection).await?;
        expect(size == upload.size_bytes, "the whole attachment to be readable")
    })
    .await?;
    teller.say(
        "Bản quét kèm theo cũng chỉ đi sau khi chấp nhận, theo từng mảnh, và về đủ.",
        "The scan that is attached goes only after acceptance, piece by piece, and arrives whole.",
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

/// A scan that nobody made.
fn scan() -> Vec<u8> {
    b"%PDF-1.7 an invented scan\n".iter().copied().cycle().take(ATTACHED_BYTES).collect()
}

/// The request, in the case of an upload that its narrative names.
fn naming(upload: &pb::Upload, mut request: pb::SubmitReferralRequest) -> pb::SubmitReferralRequest {
    request.case_uid.clone_from(&upload.case_uid);
    if let Some(narrative) = request.content.as_mut().and_then(|content| content.narrative.as_mut()) {
        narrative.attachments.push(pb::Attachment {
            digest: upload.digest.clone(),
            size_bytes: upload.size_bytes,
            media_type: upload.media_type,
            kind: pb::AttachmentKind::OfficialRecord.into(),
            label: "Bản quét".to_owned(),
        });
    }
    request
}

/// Waits until an attachment has arrived whole.
async fn arrives(office: &Office, case: &Names, upload: &pb::Upload) -> Result<(), Failure> {
    let look = async || {
        let referral = get(&case.referral, Some(INTAKE), &office.connection).await?;
        let standing = referral.attachments.into_iter().find(|standing| standing.digest == upload.digest);
        Ok(match standing {
            Some(standing) if standing.state() == pb::AttachmentState::Whole => Seen::There(()),
            Some(standing) => Seen::Instead(format!("{} bytes of it", standing.arrived_bytes)),
            None => Seen::Instead("nothing of it".to_owned()),
        })
    };
    until(office.name, "the attachment to arrive", PATIENCE, look).await
}

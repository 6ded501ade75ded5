//! Referrals: handed over with a file, read, acted on, disclosed early, taken back with the consent that they rest on.

use std::fs;

use anyhow::{Context as _, Result};
use nhipcau_proto::referral::v1::{
    self as pb, BranchState, ReferralView, referral_attachment_service_client::ReferralAttachmentServiceClient,
    referral_service_client::ReferralServiceClient,
};
use nhipcau_tests::wait;
use uuid::Uuid;

use super::{
    Case, PERSON, Story, channel,
    content::{an_hour_ago, request},
};
use crate::canary::{ADDRESS, NAME, PHONE, text};

impl Story {
    /// A transfer with a file, and three referrals that rest on consent: accepted, rejected, disclosed in an emergency
    /// and taken back. The first one is served and stays so.
    pub(super) async fn refers(&mut self) -> Result<Case> {
        let transfer = request(["moh", "hanoi"], pb::ReferralKind::Transfer);
        let (transfer, attached) = self.attach(transfer).await?;
        let transfer = self.submit(transfer).await?;
        self.reaches(&transfer, BranchState::Received).await?;
        self.fetches("hanoi", &transfer, &attached).await?;
        self.act("hanoi", &transfer, &["acknowledge"])?;
        self.reaches(&transfer, BranchState::Assigned).await?;
        self.act("hanoi", &transfer, &["start"])?;
        self.reads("hanoi", &transfer).await?;
        self.records(&transfer)?;

        let asked = self.submit(request(["hanoi", "vwu"], pb::ReferralKind::Referral)).await?;
        let rejected = self.submit(request(["hanoi", "vwu"], pb::ReferralKind::Referral)).await?;
        self.reaches(&asked, BranchState::Received).await?;
        self.reaches(&rejected, BranchState::Received).await?;
        self.act("vwu", &rejected, &["reject", "--code", "no-capacity"])?;
        self.reaches(&rejected, BranchState::Rejected).await?;
        self.act("vwu", &asked, &["accept"])?;
        self.reaches(&asked, BranchState::Assigned).await?;
        self.reads("vwu", &asked).await?;

        let early = self.submit(request(["hanoi", "vwu"], pb::ReferralKind::Referral)).await?;
        self.reaches(&early, BranchState::Received).await?;
        self.discloses(&early)?;
        self.reads("vwu", &early).await?;
        self.withdraws(&early).await?;
        Ok(transfer)
    }

    /// Hands over a file with the words in it, which the request then names.
    pub(super) async fn attach(
        &mut self,
        (sides, mut request): ([&'static str; 2], pb::SubmitReferralRequest),
    ) -> Result<(([&'static str; 2], pb::SubmitReferralRequest), pb::Attachment)> {
        let mut door = ReferralAttachmentServiceClient::new(self.world.channel(sides[0])?);
        let data = text("bản quét").into_bytes();
        let begin = pb::BeginUploadRequest {
            request_id: Uuid::now_v7().to_string(),
            digest: nhipcau_messaging::pae::sha256(&data).to_vec(),
            size_bytes: data.len() as u64,
            media_type: pb::AttachmentMediaType::Text.into(),
            ..Default::default()
        };
        let upload = door.begin_upload(begin).await?.into_inner().upload.context("an upload")?;
        let write = pb::WriteUploadRequest { name: upload.name.clone(), offset: 0, data };
        door.write_upload(write).await?;
        let finish = pb::FinishUploadRequest { request_id: Uuid::now_v7().to_string(), name: upload.name.clone() };
        door.finish_upload(finish).await?;
        let attachment = pb::Attachment {
            digest: upload.digest,
            size_bytes: upload.size_bytes,
            media_type: upload.media_type,
            kind: pb::AttachmentKind::Writing.into(),
            label: text("nhãn"),
        };
        let narrative = request.content.as_mut().and_then(|content| content.narrative.as_mut());
        narrative.context("a narrative")?.attachments.push(attachment.clone());
        request.case_uid = upload.case_uid;
        Ok(((sides, request), attachment))
    }

    /// What was attached has arrived and may be read there.
    pub(super) async fn fetches(&self, side: &str, case: &Case, attached: &pb::Attachment) -> Result<()> {
        let mut reader = ReferralAttachmentServiceClient::new(self.world.channel(side)?);
        let request = pb::GetAttachmentChunkRequest {
            name: case.referral.clone(),
            digest: attached.digest.clone(),
            offset: 0,
            acting_person: PERSON.to_owned(),
        };
        wait::until_answered("the attachment at its reader", async || {
            let chunk = reader.get_attachment_chunk(request.clone()).await.ok()?.into_inner();
            (chunk.data == text("bản quét").into_bytes()).then_some(())
        })
        .await
    }

    pub(crate) async fn submit(
        &mut self,
        (sides, request): ([&'static str; 2], pb::SubmitReferralRequest),
    ) -> Result<Case> {
        let port = if sides[0] == "moh" { self.door.port } else { self.world.port(sides[0])? };
        let channel = channel(&self.world, sides[0], port)?;
        let answer = ReferralServiceClient::new(channel).submit_referral(request).await?.into_inner();
        self.pages.push(("the answer to a submission".to_owned(), format!("{answer:?}").into_bytes()));
        let referral = answer.referral.context("a referral")?;
        let branch = referral.branches.first().context("a branch")?.name.clone();
        Ok(Case { referral: referral.name, branch, sides })
    }

    pub(crate) async fn reaches(&self, case: &Case, state: BranchState) -> Result<()> {
        for side in case.sides {
            let mut reader = ReferralServiceClient::new(self.world.channel(side)?);
            let request = pb::GetReferralRequest { name: case.referral.clone(), ..Default::default() };
            let awaited = format!("{} at {side}", state.as_str_name());
            wait::until_answered(&awaited, async || {
                let referral = reader.get_referral(request.clone()).await.ok()?.into_inner().referral?;
                (referral.branches.first()?.state() == state).then_some(())
            })
            .await?;
        }
        Ok(())
    }

    pub(crate) fn act(&mut self, side: &str, case: &Case, arguments: &[&str]) -> Result<()> {
        let target = ["--person", PERSON, &case.branch];
        self.does(side, &[&["referral"], arguments, target.as_slice()].concat()).map(drop)
    }

    /// What was sent has arrived and may be read there, so that it did travel.
    pub(crate) async fn reads(&self, side: &str, case: &Case) -> Result<()> {
        let mut reader = ReferralServiceClient::new(self.world.channel(side)?);
        let request = pb::GetReferralRequest {
            name: case.referral.clone(),
            view: ReferralView::Full.into(),
            acting_person: PERSON.to_owned(),
            ..Default::default()
        };
        wait::until_answered("the identity at its reader", async || {
            let shown = reader.get_referral(request.clone()).await.ok()?.into_inner();
            let shown = format!("{shown:?}");
            (shown.contains(NAME) && shown.contains(ADDRESS) && shown.contains(PHONE)).then_some(())
        })
        .await
    }

    /// The case that a referral belongs to.
    pub(crate) async fn case_of(&self, case: &Case) -> Result<String> {
        let mut reader = ReferralServiceClient::new(self.world.channel(case.sides[0])?);
        let request = pb::GetReferralRequest { name: case.referral.clone(), ..Default::default() };
        Ok(reader.get_referral(request).await?.into_inner().referral.context("a referral")?.case_uid)
    }

    /// Gives the content away before acceptance.
    fn discloses(&mut self, case: &Case) -> Result<()> {
        let file = self.world.path("content.json");
        let known = |about: &str| serde_json::json!({ "value": text(about) });
        let narrative = ["incidentPlace", "incidentTimeText", "condition", "likelyConsequences", "familyCircumstances"];
        let narrative = narrative.into_iter().chain(["actionsTaken", "requestReason"]);
        let narrative: serde_json::Map<_, _> = narrative.map(|field| (field.to_owned(), known(field))).collect();
        fs::write(&file, serde_json::json!({ "narrative": narrative }).to_string())?;
        let file = file.to_str().context("a plain path")?;
        let danger = ["--emergency", "life", "--citation", "Luật Trẻ em, điều 51"];
        self.act("hanoi", case, &[&["disclose", "--content", file], danger.as_slice()].concat())
    }

    /// Says what was done, with the words in what is said about the child.
    pub(super) fn records(&mut self, case: &Case) -> Result<()> {
        let file = self.world.path("details.json");
        fs::write(&file, serde_json::json!({ "note": text("việc đã làm") }).to_string())?;
        let file = file.to_str().context("a plain path")?;
        let kind = ["--kind", "measure", "--role", "officer"];
        self.act("hanoi", case, &[&["record-work", "--details", file], kind.as_slice()].concat())
    }

    pub(crate) async fn withdraws(&mut self, case: &Case) -> Result<()> {
        let request = pb::WithdrawConsentRequest {
            request_id: Uuid::now_v7().to_string(),
            name: case.referral.clone(),
            acting_person: PERSON.to_owned(),
            withdraw_time: Some(an_hour_ago()),
            validate_only: false,
        };
        let mut steer = ReferralServiceClient::new(self.world.channel("hanoi")?);
        let answer = steer.withdraw_consent(request).await?.into_inner();
        self.pages.push(("the answer to a withdrawal".to_owned(), format!("{answer:?}").into_bytes()));
        Ok(())
    }
}

//! A call at switchboard 111: written down with who reported it, corrected, found again by the telephone number of an
//! earlier one, sent as a transfer, amended after that, and read where it went.

use anyhow::{Context as _, Result, ensure};
use nhipcau_proto::{
    referral::v1::{self as pb, BranchState, ReferralView, referral_service_client::ReferralServiceClient},
    switchboard::v1::{self as switchboard, ContactState, contact_service_client::ContactServiceClient},
};
use nhipcau_tests::{case::preview, wait, world::World};
use tonic::transport::Channel;
use uuid::Uuid;

use super::{
    Case, DUTY, PERSON, Story, channel,
    content::{an_hour_ago, content},
    make_key,
};
use crate::canary::{ADDRESS, NAME, PHONE, text};

/// Lets the switchboard find a caller again, and press alarm keys.
pub(super) fn prepare(world: &World) -> Result<()> {
    make_key(world, "add-pseudonym", "moh")
}

impl Story {
    /// Everything about a call, up to a transfer that somebody took over.
    pub(super) async fn is_called(&mut self) -> Result<Case> {
        let first = self.records_contact().await?;
        self.does("moh", &["contact", "counsel", "--person", PERSON, &first.name])?;
        let second = self.records_contact().await?;
        let shown = self.contact("moh", &second.name, ReferralView::Full).await?;
        ensure!(shown.earlier_contacts == [first.name.clone()], "not found by the telephone: {shown:?}");
        self.does("moh", &["contact", "close", "--reason", "duplicate", "--person", PERSON, &second.name])?;
        self.names.push(second.name);

        let service = ["--service", "child-protection", "--person", PERSON];
        self.does("moh", &[&["contact", "route"], service.as_slice(), &[&first.name]].concat())?;
        let case = self.sends("moh", &first.name, ["moh", "hanoi"], "transfer").await?;
        self.reaches(&case, BranchState::Received).await?;
        self.act("moh", &case, &["record-telephone-acknowledgement", "--by", "can-bo-17", "--role", "officer"])?;
        self.act("hanoi", &case, &["acknowledge"])?;
        self.reaches(&case, BranchState::Assigned).await?;
        self.reads("hanoi", &case).await?;
        self.amends(&first.name).await?;
        self.records_badly(&first.name).await?;
        Ok(case)
    }

    fn contacts(&self) -> Result<ContactServiceClient<Channel>> {
        Ok(ContactServiceClient::new(channel(&self.world, "moh", self.door.port)?))
    }

    /// Writes down a call with the little that is known, and then all of it.
    pub(super) async fn records_contact(&mut self) -> Result<switchboard::Contact> {
        let request = switchboard::RecordContactRequest {
            request_id: Uuid::now_v7().to_string(),
            unit: Some(pb::UnitRef { party: "moh".to_owned(), unit: "111".to_owned() }),
            reception: preview(an_hour_ago())
                .reception
                .map(|it| pb::Reception { report_number: PHONE.to_owned(), ..it }),
            details: Some(switchboard::ContactDetails { reporter: details().reporter, ..Default::default() }),
            acting_person: PERSON.to_owned(),
            validate_only: false,
        };
        let recorded = self.contacts()?.record_contact(request).await?.into_inner();
        self.pages.push(("the answer to a recording".to_owned(), format!("{recorded:?}").into_bytes()));
        let name = recorded.contact.context("a contact")?.name;
        let amended = self.amends(&name).await?;
        let shown = format!("{:?}", self.contact("moh", &name, ReferralView::Full).await?);
        let is_there = [NAME, ADDRESS, PHONE].iter().all(|word| shown.contains(word));
        ensure!(is_there, "what was written down is not there");
        Ok(amended)
    }

    pub(super) async fn amends(&mut self, name: &str) -> Result<switchboard::Contact> {
        let mut known = details();
        if let Some(narrative) = &mut known.narrative {
            narrative.notes = text(&format!("kể thêm {}", Uuid::now_v7()));
        }
        let request = switchboard::AmendContactRequest {
            request_id: Uuid::now_v7().to_string(),
            name: name.to_owned(),
            etag: self.contact("moh", name, ReferralView::Basic).await?.etag,
            acting_person: PERSON.to_owned(),
            details: Some(known),
            ..Default::default()
        };
        let amended = self.contacts()?.amend_contact(request).await?.into_inner();
        self.pages.push(("the answer to a correction".to_owned(), format!("{amended:?}").into_bytes()));
        amended.contact.context("a contact")
    }

    /// A contact as a side shows it; what a caller without content is shown is kept.
    pub(super) async fn contact(&mut self, side: &str, name: &str, view: ReferralView) -> Result<switchboard::Contact> {
        let acting_person = PERSON.to_owned();
        let request = switchboard::GetContactRequest { name: name.to_owned(), view: view.into(), acting_person };
        let mut contacts = ContactServiceClient::new(self.world.channel(side)?);
        let contact = contacts.get_contact(request).await?.into_inner().contact.context("a contact")?;
        if view == ReferralView::Basic {
            self.pages.push(("a contact, BASIC".to_owned(), format!("{contact:?}").into_bytes()));
        }
        Ok(contact)
    }

    /// Sends a contact to a ward by hand, and waits until the referral stands.
    pub(super) async fn sends(
        &mut self,
        side: &'static str,
        contact: &str,
        sides: [&'static str; 2],
        kind: &str,
    ) -> Result<Case> {
        let how = ["--kind", kind, "--to", "hanoi/00004", "--duty", DUTY, "--person", PERSON];
        self.does(side, &[&["contact", "send"], how.as_slice(), &[contact]].concat())?;
        let name = self.becomes_referral(side, contact).await?;
        self.case(name, sides).await
    }

    /// Waits until the referral of a contact stands.
    pub(super) async fn becomes_referral(&self, side: &str, contact: &str) -> Result<String> {
        let mut contacts = ContactServiceClient::new(self.world.channel(side)?);
        let request = switchboard::GetContactRequest { name: contact.to_owned(), ..Default::default() };
        wait::until_answered("a contact that becomes a referral", async || {
            let contact = contacts.get_contact(request.clone()).await.ok()?.into_inner().contact?;
            (contact.state() == ContactState::Referred).then_some(contact.referral)
        })
        .await
    }

    /// The case of a referral that stands, by the branch that was opened for what it asks.
    pub(super) async fn case(&self, referral: String, sides: [&'static str; 2]) -> Result<Case> {
        let mut reader = ReferralServiceClient::new(self.world.channel(sides[0])?);
        let request = pb::GetReferralRequest { name: referral.clone(), ..Default::default() };
        let shown = reader.get_referral(request).await?.into_inner().referral.context("a referral")?;
        let asked = shown.branches.iter().find(|branch| branch.kind == shown.kind);
        let branch = asked.context("a branch")?.name.clone();
        Ok(Case { referral, branch, sides })
    }

    /// What nobody may write down, with the words in it.
    async fn records_badly(&mut self, name: &str) -> Result<()> {
        let file = self.world.path("contact.json");
        for details in [
            serde_json::json!({ "narrative": { "notes": text("dài").repeat(100) } }),
            serde_json::json!({ "protectionConcerns": [text("mã")] }),
            serde_json::json!({ text("trường"): 1 }),
            serde_json::json!({ "identity": text("ai") }),
        ] {
            std::fs::write(&file, details.to_string())?;
            let file = file.to_str().context("a plain path")?;
            self.may_not("moh", &["contact", "record", "--unit", "moh/111", "--channel", "phone", file])?;
            self.may_not("moh", &["contact", "amend", "--details", file, name])?;
        }
        Ok(())
    }
}

/// All that can be known of a contact.
pub(super) fn details() -> switchboard::ContactDetails {
    let content = content();
    let preview = content.preview.unwrap_or_default();
    switchboard::ContactDetails {
        subject: preview.subject,
        incident_area: preview.incident_area,
        criteria: vec![pb::RiskCriterion {
            criterion: pb::RiskCriterionCode::PerpetratorAccess.into(),
            level: pb::RiskLevel::High.into(),
        }],
        abuse_types: preview.abuse_types,
        protection_concerns: preview.protection_concerns,
        service_types: preview.service_types,
        response_timeframe: preview.response_timeframe,
        risk_level: preview.risk_level,
        age_group: preview.age_group,
        sex: preview.sex,
        identity: content.identity,
        narrative: content.narrative,
        reporter: content.reporter,
        ..Default::default()
    }
}

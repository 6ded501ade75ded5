//! A contact that one switchboard hands to another while somebody waits: declined, offered and taken back, taken over
//! and handed back, taken over again and gone on with by a contact of one's own, which becomes a referral.

use anyhow::{Context as _, Result, ensure};
use nhipcau_proto::{
    referral::v1::{BranchState, ReferralView},
    switchboard::v1::{self as switchboard, HandoverState, handover_service_client::HandoverServiceClient},
};
use nhipcau_tests::wait;

use super::{DUTY, PERSON, Story, told};
use crate::canary::{ADDRESS, NAME, PHONE, text};

impl Story {
    /// All that can become of an offer.
    pub(super) async fn hands_over(&mut self) -> Result<()> {
        let contact = self.records_contact().await?.name;
        let declined = self.offers(&contact)?;
        self.handover_is(&declined, HandoverState::Offered).await?;
        let preview = format!("{:?}", self.handover("vwu", &declined, ReferralView::Full).await?);
        ensure!(!preview.contains(NAME), "the name is told before somebody has taken over");
        self.answers("vwu", &declined, &["decline", "--code", "no-capacity"])?;
        self.handover_is(&declined, HandoverState::Declined).await?;
        let withdrawn = self.offers(&contact)?;
        self.answers("moh", &withdrawn, &["withdraw", "--reason", "need-met"])?;
        self.handover_is(&withdrawn, HandoverState::Withdrawn).await?;
        self.names.push(name("moh", &withdrawn));

        let taken = self.takes_over(&contact).await?;
        let content = self.world.path("content.json");
        std::fs::write(&content, serde_json::json!({ "narrative": narrative() }).to_string())?;
        self.answers("moh", &taken, &["note", "--content", content.to_str().context("a plain path")?])?;
        self.answers("vwu", &taken, &["ask-hand-back", "--reason", "not-competent"])?;
        let moh = name("moh", &taken);
        wait::until_answered("the wish to hand back", async || {
            let ours = self.handover("moh", &taken, ReferralView::Basic).await.ok()?;
            (ours.hand_back_reason != 0).then_some(())
        })
        .await?;
        self.does("moh", &["contact", "hand-back", "--person", PERSON, &moh])?;
        self.handover_is(&taken, HandoverState::HandedBack).await?;

        let taken = self.takes_over(&contact).await?;
        let theirs = name("vwu", &taken);
        let own = self.does("vwu", &["contact", "continue", "--person", PERSON, &theirs])?;
        let own = told(&own, "/contact/name")?;
        let case = self.sends("vwu", &own, ["vwu", "hanoi"], "referral").await?;
        self.reaches(&case, BranchState::Received).await?;
        self.act("hanoi", &case, &["accept"])?;
        self.reaches(&case, BranchState::Assigned).await?;
        self.reads("hanoi", &case).await?;
        self.notes_badly(&taken)
    }

    /// Offers a contact, and gives the hand-over.
    fn offers(&mut self, contact: &str) -> Result<String> {
        let how = ["--to", "vwu/1900969680", "--waiting", "--duty", DUTY, "--person", PERSON];
        let offered = self.does("moh", &[&["contact", "offer"], how.as_slice(), &[contact]].concat())?;
        told(&offered, "/handover/uid")
    }

    fn answers(&mut self, side: &str, uid: &str, answer: &[&str]) -> Result<()> {
        let target = ["--person", PERSON, &name(side, uid)];
        self.does(side, &[&["contact"], answer, target.as_slice()].concat()).map(drop)
    }

    /// Offers it, and has the other switchboard take over, which is told everything then.
    async fn takes_over(&mut self, contact: &str) -> Result<String> {
        let uid = self.offers(contact)?;
        self.handover_is(&uid, HandoverState::Offered).await?;
        self.answers("vwu", &uid, &["accept"])?;
        self.handover_is(&uid, HandoverState::Taken).await?;
        wait::until_answered("the name at the other switchboard", async || {
            let shown = format!("{:?}", self.handover("vwu", &uid, ReferralView::Full).await.ok()?);
            [NAME, ADDRESS, PHONE].iter().all(|word| shown.contains(word)).then_some(())
        })
        .await?;
        Ok(uid)
    }

    async fn handover(&self, side: &str, uid: &str, view: ReferralView) -> Result<switchboard::Handover> {
        let (name, acting_person) = (name(side, uid), PERSON.to_owned());
        let request = switchboard::GetHandoverRequest { name, view: view.into(), acting_person };
        let mut handovers = HandoverServiceClient::new(self.world.channel(side)?);
        handovers.get_handover(request).await?.into_inner().handover.context("a hand-over")
    }

    /// Waits until both sides say the same.
    async fn handover_is(&mut self, uid: &str, state: HandoverState) -> Result<()> {
        for side in ["moh", "vwu"] {
            let awaited = format!("{} at {side}", state.as_str_name());
            let basic = wait::until_answered(&awaited, async || {
                let shown = self.handover(side, uid, ReferralView::Basic).await.ok()?;
                (shown.state() == state).then_some(shown)
            });
            let basic = basic.await?;
            self.pages.push(("a hand-over, BASIC".to_owned(), format!("{basic:?}").into_bytes()));
        }
        Ok(())
    }

    /// A note that is none, with the words in it.
    fn notes_badly(&mut self, uid: &str) -> Result<()> {
        let content = self.world.path("content.json");
        std::fs::write(&content, serde_json::json!({ "narrative": text("chuyện") }).to_string())?;
        let file = content.to_str().context("a plain path")?;
        self.may_not("moh", &["contact", "note", "--person", PERSON, "--content", file, &name("moh", uid)])
    }
}

fn name(side: &str, uid: &str) -> String {
    format!("parties/{side}/handovers/{uid}")
}

/// What was learned since, as a person writes it into a file.
fn narrative() -> serde_json::Value {
    let fields = [
        "incidentPlace",
        "incidentTimeText",
        "condition",
        "likelyConsequences",
        "familyCircumstances",
        "actionsTaken",
        "requestReason",
    ];
    fields.iter().map(|field| ((*field).to_owned(), serde_json::json!({ "value": text(field) }))).collect()
}

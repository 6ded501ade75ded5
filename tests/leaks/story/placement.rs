//! Whether an intake desk can take somebody in tonight: asked, refused by one, held by the other and confirmed with a
//! referral. The contract of an enquiry has no room for a word about a person; the referral beside it has.

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use nhipcau_proto::{
    placement::v1::{self as placement, PlacementState, placement_service_client::PlacementServiceClient},
    referral::v1::{self as pb, BranchState, ReferralView},
};
use nhipcau_tests::wait;

use super::{PERSON, Story, content::request, told};
use crate::canary::{NAME, text};

impl Story {
    /// What becomes of an enquiry, of another one, and a referral.
    pub(super) async fn asks_for_a_place(&mut self, held: &str) -> Result<()> {
        let refused = self.enquires("vwu/desk-2")?;
        self.enquiry_is(&refused, PlacementState::Asked).await?;
        self.does("vwu", &["placement", "answer", "--no", "no-capacity", "--person", PERSON, &name("vwu", &refused)])?;
        self.enquiry_is(&refused, PlacementState::Refused).await?;
        self.names.push(name("hanoi", &refused));

        self.enquiry_is(held, PlacementState::Asked).await?;
        self.hook.brings("Có việc cần xem").await?;
        let until = (Timestamp::now() + SignedDuration::from_hours(2)).to_string();
        self.does("vwu", &["placement", "answer", "--yes-until", &until, "--person", PERSON, &name("vwu", held)])?;
        self.enquiry_is(held, PlacementState::Held).await?;
        let case = self.submit(request(["hanoi", "vwu"], pb::ReferralKind::Referral)).await?;
        self.reaches(&case, BranchState::Received).await?;
        let uid = case.referral.rsplit('/').next().unwrap_or_default().to_owned();
        self.does("hanoi", &["placement", "confirm", "--referral", &uid, "--person", PERSON, &name("hanoi", held)])?;
        self.enquiry_is(held, PlacementState::Confirmed).await?;
        self.act("vwu", &case, &["accept"])?;
        self.reads("vwu", &case).await?;

        self.may_not("hanoi", &["placement", "release", "--person", PERSON, &text("tên")])?;
        self.may_not("hanoi", &["placement", "release", "--person", NAME, &name("hanoi", held)])
    }

    pub(super) fn enquires(&mut self, desk: &str) -> Result<String> {
        let need = ["--persons", "adult:female:1", "--persons", "under-6:male:2", "--need", "safe-place"];
        let asked = ["placement", "ask", "--unit", "hanoi/00004", "--to", desk, "--person", PERSON];
        let answer = self.does("hanoi", &[asked.as_slice(), need.as_slice()].concat())?;
        told(&answer, "/placement/uid")
    }

    /// Waits until both sides say the same.
    async fn enquiry_is(&mut self, uid: &str, state: PlacementState) -> Result<()> {
        for side in ["hanoi", "vwu"] {
            let (name, acting_person) = (name(side, uid), PERSON.to_owned());
            let request = placement::GetPlacementRequest { name, view: ReferralView::Full.into(), acting_person };
            let mut enquiries = PlacementServiceClient::new(self.world.channel(side)?);
            let awaited = format!("{} at {side}", state.as_str_name());
            let shown = wait::until_answered(&awaited, async || {
                let shown = enquiries.get_placement(request.clone()).await.ok()?.into_inner().placement?;
                (shown.state() == state).then_some(shown)
            });
            let shown = shown.await?;
            self.pages.push(("an enquiry".to_owned(), format!("{shown:?}").into_bytes()));
        }
        Ok(())
    }
}

fn name(side: &str, uid: &str) -> String {
    format!("parties/{side}/placements/{uid}")
}

//! A ward that is over while it acts for a child: the next release names who took its duties over, and the branch goes
//! there with both logs, the parts of the content, and what was done, from one access point to another.

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use nhipcau_proto::referral::v1::{
    self as pb, BranchCondition, BranchState, referral_service_client::ReferralServiceClient,
};
use nhipcau_tests::{office, process::output, wait};
use rustix::process::Signal;

use super::{Case, PERSON, Story, content::request};
use crate::canary::NAME;

/// The ward, of which nothing else is told, as the directory's source has it.
const OVER: &str = "unit = \"00103\"\n";

impl Story {
    /// A transfer that is taken over twice, once for ever.
    pub(super) async fn succeeds(&mut self) -> Result<Case> {
        let (sides, mut transfer) = request(["moh", "hanoi"], pb::ReferralKind::Transfer);
        transfer.recipients = vec![pb::UnitRef { party: "hanoi".to_owned(), unit: "00103".to_owned() }];
        let (transfer, attached) = self.attach((sides, transfer)).await?;
        let case = self.submit(transfer).await?;
        self.reaches(&case, BranchState::Received).await?;
        self.act("hanoi", &case, &["acknowledge"])?;
        self.reaches(&case, BranchState::Assigned).await?;
        self.reads("hanoi", &case).await?;
        self.fetches("hanoi", &case, &attached).await?;
        self.records(&case)?;
        let order = ["--order", "LENH-2026-8", "--citation", "Bộ luật Tố tụng hình sự, điều 88", "--person", PERSON];
        self.does("hanoi", &[&["referral", "hold"], order.as_slice(), &[&case.referral]].concat())?;

        self.is_over().await?;
        let left =
            self.waits_for("hanoi", &case, |branch| branch.conditions.contains(&BranchCondition::HandedOver.into()));
        left.await?;
        let heir = Case { sides: ["moh", "vwu"], ..case };
        self.reaches(&heir, BranchState::Assigned).await?;
        self.reads("vwu", &heir).await?;
        self.fetches("vwu", &heir, &attached).await?;
        self.act("vwu", &heir, &["start"])?;
        self.reaches(&heir, BranchState::InService).await?;

        // Nobody there acts or reads any more.
        self.may_not("hanoi", &["referral", "start", "--person", PERSON, &heir.branch])?;
        let full = ["referral", "get", "--full", "--person", PERSON, &heir.referral];
        let shown = output(self.world.system("hanoi")?.args(full))?;
        ensure!(!String::from_utf8_lossy(&shown.stdout).contains(NAME), "whoever handed it over reads it still");
        self.keep("what is left of a branch", shown);
        Ok(heir)
    }

    /// The programme office says so in the next release, which is installed at one place.
    async fn is_over(&mut self) -> Result<()> {
        let end = Timestamp::from_second(Timestamp::now().as_second())?;
        let over = format!("{OVER}expire_time = {end}\nsuccessors = [\"vwu/desk\"]\n");
        office::change(&office::source(&self.world, "units.toml"), OVER, &over)?;
        let release = office::next_release(&self.world)?;
        let installed = office::install(&self.world, release, "hanoi")?;
        ensure!(installed.status.success(), "not installed: {}", String::from_utf8_lossy(&installed.stderr));
        self.world.running("hanoi")?.signal(Signal::HUP)?;
        office::spread(&self.world, release, &super::ALL).await
    }

    /// Waits until a branch is as it should be at a side.
    pub(super) async fn waits_for(&self, side: &str, case: &Case, is_so: impl Fn(&pb::Branch) -> bool) -> Result<()> {
        let mut reader = ReferralServiceClient::new(self.world.channel(side)?);
        let request = pb::GetReferralRequest { name: case.referral.clone(), ..Default::default() };
        let mut seen = None;
        let awaited = format!("the branch at {side}");
        let reached = wait::until_answered(&awaited, async || {
            let referral = reader.get_referral(request.clone()).await.ok()?.into_inner().referral?;
            let branch = referral.branches.into_iter().find(|branch| branch.name == case.branch)?;
            let is_so = is_so(&branch);
            seen = Some(branch);
            is_so.then_some(())
        });
        reached.await.with_context(|| format!("it is {seen:?}"))
    }
}

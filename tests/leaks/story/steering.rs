//! What parts a case from whoever has it: redirected and followed, handed back, taken back, recalled, and consent that
//! is withdrawn while an order holds the case.

use anyhow::Result;
use nhipcau_proto::referral::v1::{self as pb, BranchState};

use super::{Case, PERSON, Story, content::request};
use crate::canary::text;

impl Story {
    /// Each way once.
    pub(super) async fn steers(&mut self) -> Result<()> {
        let redirected = self.asked("hanoi", "vwu").await?;
        let advised = ["redirect", "--reason", "not-competent", "--advised", "moh/111"];
        self.act("vwu", &redirected, &advised)?;
        self.reaches(&redirected, BranchState::Redirected).await?;
        let how = ["--to", "moh/111", "--cause", &redirected.branch, "--person", PERSON];
        self.does("hanoi", &[&["referral", "open"], how.as_slice(), &[&redirected.referral]].concat())?;

        let handed_back = self.accepted().await?;
        self.act("vwu", &handed_back, &["hand-back", "--reason", "no-capacity"])?;
        self.waits_for("hanoi", &handed_back, |branch| branch.hand_back_reason != 0).await?;
        self.act("hanoi", &handed_back, &["take-hand-back"])?;
        self.reaches(&handed_back, BranchState::Revoked).await?;

        let revoked = self.accepted().await?;
        self.act("hanoi", &revoked, &["revoke", "--reason", "safety"])?;
        self.waits_for("vwu", &revoked, |branch| !branch.conditions.is_empty()).await?;
        self.act("vwu", &revoked, &["answer-revocation", "--granted", "true"])?;
        self.reaches(&revoked, BranchState::Revoked).await?;

        let recalled = self.accepted().await?;
        let why = ["--reason", "wrong-person", "--person", PERSON, &recalled.referral];
        self.does("hanoi", &[&["referral", "enter-in-error"], why.as_slice()].concat())?;
        self.reaches(&recalled, BranchState::EnteredInError).await?;
        self.steers_badly(&redirected)?;
        self.names.extend([recalled.referral, recalled.branch]);
        Ok(())
    }

    /// A case that an order holds at its recipient while the mother takes her consent back, and that is released.
    pub(super) async fn is_held(&mut self) -> Result<()> {
        let case = self.accepted().await?;
        let order = ["--order", "LENH-2026-7", "--person", PERSON, &case.referral];
        let hold = ["--citation", "Bộ luật Tố tụng hình sự, điều 88"];
        self.does("vwu", &[&["referral", "hold"], hold.as_slice(), order.as_slice()].concat())?;
        self.withdraws(&case).await?;
        self.reaches(&case, BranchState::Revoked).await?;
        let long = text("lệnh").repeat(20);
        let bad = ["--order", &long, "--citation", &long, "--person", PERSON, &case.referral];
        self.may_not("vwu", &[&["referral", "hold"], bad.as_slice()].concat())?;
        self.may_not("vwu", &["referral", "release", "--order", &text("lệnh"), "--person", PERSON, &case.referral])?;
        self.does("vwu", &[&["referral", "release"], order.as_slice()].concat()).map(drop)
    }

    async fn asked(&mut self, from: &'static str, to: &'static str) -> Result<Case> {
        let case = self.submit(request([from, to], pb::ReferralKind::Referral)).await?;
        self.reaches(&case, BranchState::Received).await?;
        Ok(case)
    }

    /// A referral that a desk has accepted and read.
    async fn accepted(&mut self) -> Result<Case> {
        let case = self.asked("hanoi", "vwu").await?;
        self.act("vwu", &case, &["accept"])?;
        self.reaches(&case, BranchState::Assigned).await?;
        self.reads("vwu", &case).await?;
        Ok(case)
    }

    /// The same with the words where a caller can put them.
    fn steers_badly(&mut self, case: &Case) -> Result<()> {
        let [who, role] = ["ai", "vai"].map(text);
        for said in [["--by", &who, "--role", "officer"], ["--by", PERSON, "--role", &role]] {
            let said = [said.as_slice(), &["--person", PERSON, &case.branch]].concat();
            self.may_not("hanoi", &[&["referral", "record-telephone-acknowledgement"], said.as_slice()].concat())?;
        }
        let bad = ["--to", "moh/111", "--cause", &text("nhánh"), "--person", PERSON, &case.referral];
        self.may_not("hanoi", &[&["referral", "open"], bad.as_slice()].concat())
    }
}

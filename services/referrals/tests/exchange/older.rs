//! A service as an older build of it takes part: it knows an older minor version of its contract.

use nhipcau_domain::id::ContractId;
use nhipcau_messaging::{
    engine::RestError,
    handler::{Context, Due, Handler, Refused},
    message::{BlobRef, Correlation, Header, Incoming, MessageId, Outcome, SkipReason},
};
use nhipcau_proto::referral::v1::{self as pb, BranchState, ReferralKind};

use crate::{deeds::*, world::*};

/// The service under this minor version.
pub(crate) struct AtMinor(pub(crate) Box<dyn Handler>, pub(crate) u32);

impl Handler for AtMinor {
    fn contract(&self) -> &ContractId {
        self.0.contract()
    }

    fn outlasts_parties(&self) -> bool {
        self.0.outlasts_parties()
    }

    fn minor(&self) -> u32 {
        self.1
    }

    fn receive(&mut self, message: &Incoming<'_>, context: &mut Context<'_, '_>) -> Result<(), Refused> {
        assert!(message.header.contract_minor <= self.1, "the engine lets nothing newer through");
        self.0.receive(message, context)
    }

    fn concluded(
        &mut self,
        id: MessageId,
        correlation: Option<Correlation>,
        outcome: Outcome,
        context: &mut Context<'_, '_>,
    ) -> Result<(), RestError> {
        self.0.concluded(id, correlation, outcome, context)
    }

    fn recovered(&mut self, message: &Incoming<'_>, context: &mut Context<'_, '_>) -> Result<(), RestError> {
        self.0.recovered(message, context)
    }

    fn may_send(
        &mut self,
        id: MessageId,
        header: &Header,
        context: &mut Context<'_, '_>,
    ) -> Result<Option<SkipReason>, RestError> {
        self.0.may_send(id, header, context)
    }

    fn awaits(&mut self, header: &Header, blob: BlobRef, context: &mut Context<'_, '_>) -> Result<bool, RestError> {
        self.0.awaits(header, blob, context)
    }

    fn keeps_proof(&self, header: &Header, part: &[u8]) -> bool {
        self.0.keeps_proof(header, part)
    }

    fn take_due(&mut self, context: &mut Context<'_, '_>) -> Result<Option<Due>, RestError> {
        self.0.take_due(context)
    }

    fn act_on(&mut self, due: Due, context: &mut Context<'_, '_>) -> Result<(), RestError> {
        self.0.act_on(due, context)
    }
}

const ASKED: i32 = pb::BranchCondition::HandBackRequested as i32;

#[tokio::test]
async fn an_older_access_point_takes_everything_but_what_it_cannot_know_and_that_when_it_is_newer() {
    let mut world = World::open().await;
    world.stop(MOH);
    world.restart_as(MOH, 0);
    world.settle_slowly().await;
    let branch = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    world.acknowledge(HANOI, &branch).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&branch).await, [BranchState::Assigned; 2], "all that an older build knows");
    world.hand_back(HANOI, &branch, pb::HandBackReason::NotCompetent).await.unwrap();
    world.begin(HANOI, &branch).await.unwrap();
    world.settle_slowly().await;
    let waiting = world.branch(MOH, &branch).await;
    assert_eq!((waiting.state(), waiting.conditions), (BranchState::Assigned, vec![]), "and what follows it waits too");
    let other = world.refer(ReferralKind::Referral, duty()).await;
    world.settle().await;
    world.accept(HANOI, &other).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&other).await, [BranchState::Assigned; 2], "no other case does");
    world.stop(MOH);
    world.restart(MOH);
    world.settle_slowly().await;
    let told = world.branch(MOH, &branch).await;
    assert_eq!((told.state(), told.conditions), (BranchState::InService, vec![ASKED]));
}

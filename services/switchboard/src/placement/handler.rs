//! The side of placement enquiries in messaging: the events that arrive and come back, and the end of enquiries.

use nhipcau_domain::id::ContractId;
use nhipcau_messaging::{
    engine::RestError,
    handler::{Context, Due, Handler, Refused},
    message::{Correlation, Header, Incoming, MessageId, Outcome, SkipReason},
};

use super::{forget, receive};
use crate::{
    handler::failure,
    handover::receive::NotTaken,
    metrics,
    store::placement::{self, Held},
};

/// The handler.
#[derive(Debug)]
pub struct Placements {
    contract: ContractId,
    shared: crate::Switchboard,
    /// What was taken last: a uid does not say on which side.
    due: Option<Held>,
}

impl Placements {
    pub(crate) fn new(shared: crate::Switchboard) -> Self {
        Self { contract: super::contract(), shared, due: None }
    }
}

impl Handler for Placements {
    fn contract(&self) -> &ContractId {
        &self.contract
    }

    fn minor(&self) -> u32 {
        super::MINOR
    }

    fn receive(&mut self, message: &Incoming<'_>, context: &mut Context<'_, '_>) -> Result<(), Refused> {
        match receive::take(context, &self.shared, message) {
            Ok(()) => Ok(()),
            Err(NotTaken::Failure(error)) => Ok(failure(error)?),
            Err(NotTaken::Reason(reason)) => {
                metrics::add(&self.shared.counters.refused);
                tracing::warn!(?reason, peer = %message.sender, id = %message.id, "A message was refused.");
                Err(Refused::Reason(reason))
            }
        }
    }

    fn concluded(
        &mut self,
        id: MessageId,
        _: Option<Correlation>,
        outcome: Outcome,
        context: &mut Context<'_, '_>,
    ) -> Result<(), RestError> {
        receive::conclude(context, id, outcome).or_else(failure)
    }

    fn recovered(&mut self, message: &Incoming<'_>, context: &mut Context<'_, '_>) -> Result<(), RestError> {
        receive::recover(context, message).or_else(failure)
    }

    /// An event that no longer stands does not travel.
    fn may_send(
        &mut self,
        id: MessageId,
        _: &Header,
        context: &mut Context<'_, '_>,
    ) -> Result<Option<SkipReason>, RestError> {
        let is_carried = placement::is_carried(context.tx, id)?;
        Ok((!is_carried).then_some(SkipReason::Withdrawn))
    }

    fn take_due(&mut self, context: &mut Context<'_, '_>) -> Result<Option<Due>, RestError> {
        self.due = forget::take_due(context)?;
        Ok(self.due.map(|held| held.placement.into_bytes()))
    }

    fn act_on(&mut self, due: Due, context: &mut Context<'_, '_>) -> Result<(), RestError> {
        match self.due.take().filter(|held| held.placement.into_bytes() == due) {
            Some(held) => forget::forget(context, held).or_else(failure),
            None => Ok(()),
        }
    }
}

//! The side of placement enquiries in messaging: the events that arrive and come back, who is told, and the end of
//! enquiries.

use nhipcau_domain::id::ContractId;
use nhipcau_messaging::{
    engine::RestError,
    handler::{Context, Due, Handler, Refused},
    message::{Correlation, Header, Incoming, MessageId, Outcome, SkipReason},
    store,
};
use nhipcau_runtime::rosters::Rosters;
use uuid::Uuid;

use super::{forget, receive, waking};
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
    /// The rosters for which whatever waited has been looked at.
    rosters: Rosters,
    /// Whether waking was looked at last, and not what is over.
    was_waking: bool,
    /// What was taken last: a uid does not say on which side, nor for what.
    due: Option<Taken>,
}

/// What became due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// Nothing of it is left.
    End(Held),
    /// The next is to be told of it.
    Wake(Uuid),
}

impl Placements {
    pub(crate) fn new(shared: crate::Switchboard) -> Self {
        Self { contract: super::contract(), shared, rosters: Rosters::default(), was_waking: false, due: None }
    }

    /// What became due for waking; first whatever waited when rosters came.
    fn wake(&mut self, context: &mut Context<'_, '_>) -> Result<Option<Taken>, store::Error> {
        let Some(duty) = &self.shared.duty else { return Ok(None) };
        let rosters = duty.rosters();
        if !rosters.is(&self.rosters) {
            waking::begin_all(context, (&rosters, &self.rosters))?;
            self.rosters = rosters;
        }
        Ok(waking::take_due(context, duty)?.map(Taken::Wake))
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
        // In turn: however much one of them has to do, it does not hold up the other.
        for _ in 0..2 {
            self.was_waking = !self.was_waking;
            self.due = match self.was_waking {
                true => self.wake(context)?,
                false => forget::take_due(context)?.map(Taken::End),
            };
            if self.due.is_some() {
                break;
            }
        }
        Ok(self.due.map(|taken| match taken {
            Taken::End(Held { placement, .. }) | Taken::Wake(placement) => placement.into_bytes(),
        }))
    }

    fn act_on(&mut self, _: Due, context: &mut Context<'_, '_>) -> Result<(), RestError> {
        match self.due.take() {
            Some(Taken::End(held)) => forget::forget(context, held).or_else(failure),
            Some(Taken::Wake(placement)) => waking::act_on(context, &self.shared, placement).or_else(failure),
            None => Ok(()),
        }
    }
}

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

use super::{forget, receive, waking, word};
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
    /// What was looked at last.
    last: usize,
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
    /// Somebody is to be told of what the desk said.
    Word(Uuid),
}

impl Placements {
    pub(crate) fn new(shared: crate::Switchboard) -> Self {
        Self { contract: super::contract(), shared, rosters: Rosters::default(), last: 0, due: None }
    }

    /// Has everything that waits looked at when rosters came.
    fn hasten(&mut self, context: &mut Context<'_, '_>) -> Result<(), store::Error> {
        let Some(duty) = &self.shared.duty else { return Ok(()) };
        let rosters = duty.rosters();
        if !rosters.is(&self.rosters) {
            waking::begin_all(context, (&rosters, &self.rosters))?;
            word::begin_all(context, (&rosters, &self.rosters))?;
            self.rosters = rosters;
        }
        Ok(())
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
        receive::recover(context, &self.shared, message).or_else(failure)
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
        self.hasten(context)?;
        // In turn: however much one of them has to do, it does not hold up the others.
        for _ in 0..3 {
            self.last = (self.last + 1) % 3;
            self.due = match (self.last, &self.shared.duty) {
                (0, _) => forget::take_due(context)?.map(Taken::End),
                (1, Some(duty)) => waking::take_due(context, duty)?.map(Taken::Wake),
                (_, Some(duty)) => word::take_due(context, duty)?.map(Taken::Word),
                (_, None) => None,
            };
            if self.due.is_some() {
                break;
            }
        }
        Ok(self.due.map(|taken| match taken {
            Taken::End(Held { placement: uid, .. }) | Taken::Wake(uid) | Taken::Word(uid) => uid.into_bytes(),
        }))
    }

    fn act_on(&mut self, _: Due, context: &mut Context<'_, '_>) -> Result<(), RestError> {
        match self.due.take() {
            Some(Taken::End(held)) => forget::forget(context, held).or_else(failure),
            Some(Taken::Wake(placement)) => waking::act_on(context, &self.shared, placement).or_else(failure),
            Some(Taken::Word(word)) => word::act_on(context, &self.shared, word).or_else(failure),
            None => Ok(()),
        }
    }
}

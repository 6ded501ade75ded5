//! This contract's side of messaging: the answers to what was sent, what was not answered in time, and the events of
//! hand-overs.

use nhipcau_domain::{id::ContractId, referral::Answer};
use nhipcau_messaging::{
    engine::{self, RestError},
    handler::{Context, Due, Handler, Refused},
    message::{Correlation, Header, Incoming, MessageId, Outcome, RefusalReason, SkipReason},
};
use nhipcau_proto::switchboard::v1 as pb;
use prost::Message as _;
use uuid::Uuid;

use crate::{
    earlier,
    error::Error,
    handover::{
        EVENT_MESSAGE,
        receive::{self, NotTaken},
        recover, send, take,
    },
    metrics, sending,
    store::handover::{self, Carried},
};

/// The message that only oneself sends to oneself.
const ANSWER_MESSAGE: &str = "nhipcau.referral.v1.SubmissionAnswered";

/// The handler.
#[derive(Debug)]
pub struct Switchboard {
    contract: ContractId,
    shared: crate::Switchboard,
    /// Whether hand-overs were looked at last for what became due, and not sendings.
    was_handovers: bool,
    /// Up to which contact it was looked last whose case was erased.
    swept: Uuid,
}

impl Switchboard {
    pub(crate) fn new(shared: crate::Switchboard) -> Self {
        Self { contract: crate::contract(), shared, was_handovers: false, swept: Uuid::nil() }
    }

    /// Takes an answer that this access point gave itself.
    fn take(&self, message: &Incoming<'_>, context: &mut Context<'_, '_>) -> Result<(), Refused> {
        const INVALID: Refused = Refused::Reason(RefusalReason::Invalid);
        let header = message.header;
        let ([bytes], Some(case)) = (message.parts, header.correlation) else { return Err(INVALID) };
        let is_to_oneself = message.own && !message.broadcast && header.recipient.as_ref() == Some(&header.sender);
        if !is_to_oneself || header.message != ANSWER_MESSAGE {
            return Err(INVALID);
        }
        let answer = Answer::read(bytes).map_err(|_| INVALID)?;
        match sending::answered(context, &self.shared, (&header.sender, Uuid::from_bytes(case)), answer) {
            Err(Error::Rules(_)) => Err(Refused::Reason(RefusalReason::WrongState)),
            done => Ok(done.or_else(failure)?),
        }
    }

    /// Takes an event of a hand-over.
    fn take_event(&self, message: &Incoming<'_>, context: &mut Context<'_, '_>) -> Result<(), Refused> {
        match receive::take(context, &self.shared, message) {
            Ok(()) => Ok(()),
            Err(NotTaken::Reason(reason)) => Err(Refused::Reason(reason)),
            Err(NotTaken::Failure(error)) => Ok(failure(error)?),
        }
    }
}

impl Handler for Switchboard {
    fn contract(&self) -> &ContractId {
        &self.contract
    }

    fn minor(&self) -> u32 {
        crate::MINOR
    }

    fn receive(&mut self, message: &Incoming<'_>, context: &mut Context<'_, '_>) -> Result<(), Refused> {
        let taken = match message.header.message.as_str() {
            EVENT_MESSAGE => self.take_event(message, context),
            _ => self.take(message, context),
        };
        taken.inspect_err(|refused| {
            if let Refused::Reason(reason) = refused {
                metrics::add(&self.shared.counters.refused);
                tracing::warn!(?reason, peer = %message.sender, id = %message.id, "A message was refused.");
            }
        })
    }

    /// Of an answer to itself that was not taken a sending learns when it is looked at again.
    fn concluded(
        &mut self,
        id: MessageId,
        _: Option<Correlation>,
        outcome: Outcome,
        context: &mut Context<'_, '_>,
    ) -> Result<(), RestError> {
        recover::conclude(context, id, outcome).or_else(failure)
    }

    fn recovered(&mut self, message: &Incoming<'_>, context: &mut Context<'_, '_>) -> Result<(), RestError> {
        match message.header.message.as_str() {
            EVENT_MESSAGE => recover::take(context, message).or_else(failure),
            _ => Ok(()),
        }
    }

    fn may_send(
        &mut self,
        id: MessageId,
        header: &Header,
        context: &mut Context<'_, '_>,
    ) -> Result<Option<SkipReason>, RestError> {
        if header.message != EVENT_MESSAGE {
            return Ok(None);
        }
        // The event no longer stands, or goes in another message without its parts.
        let Some((held, ordinal)) = handover::carried(context.tx, id)? else { return Ok(Some(SkipReason::Withdrawn)) };
        let own = handover::log(context.tx, held, held.side)?;
        let stored = own.into_iter().find(|stored| stored.event.ordinal == ordinal);
        let tells = |stored: &handover::Stored| stored.carried == Carried::Whole && !stored.event.parts.is_empty();
        let Some(stored) = stored.filter(tells) else { return Ok(None) };
        let Some(known) = handover::known(context.tx, held)? else { return Ok(None) };
        let view = known.handover.view();
        let basis = stored.event.basis.as_ref().unwrap_or(&view.basis);
        if basis.objections(&[], context.now).is_empty() && !view.state.calls_for_erasure() {
            return Ok(None);
        }
        handover::hold_back(context.tx, id)?;
        handover::wake(context.tx, held, context.now + send::AGAIN)?;
        Ok(Some(SkipReason::Withdrawn))
    }

    /// What an event says is kept in the clear, and says nothing about a person.
    fn keeps_proof(&self, header: &Header, part: &[u8]) -> bool {
        let is_whole = |event: pb::SwitchboardEvent| event.encode_to_vec() == part;
        header.message == EVENT_MESSAGE && pb::SwitchboardEvent::decode(part).is_ok_and(is_whole)
    }

    fn take_due(&mut self, context: &mut Context<'_, '_>) -> Result<Option<Due>, RestError> {
        self.swept = earlier::sweep(context.tx, self.swept)?;
        // In turn: however much one of them has to do, it does not hold up the other.
        for _ in 0..2 {
            self.was_handovers = !self.was_handovers;
            let due = match self.was_handovers {
                true => handover::take(context.tx, context.now, context.now + send::AGAIN)?,
                false => sending::take_due(context).or_else(|error| failure(error).map(|()| None))?,
            };
            if due.is_some() {
                return Ok(due.map(Uuid::into_bytes));
            }
        }
        Ok(None)
    }

    /// The uid is that of a contact or of a hand-over, and nothing is found under the other's.
    fn act_on(&mut self, due: Due, context: &mut Context<'_, '_>) -> Result<(), RestError> {
        sending::again(context, &self.shared, Uuid::from_bytes(due)).or_else(failure)?;
        take::look(context, &self.shared, Uuid::from_bytes(due)).or_else(failure)
    }
}

/// Passes on what must end the process. What else fails leaves the contact as it stands for a person to see.
pub(crate) fn failure(error: Error) -> Result<(), RestError> {
    match error {
        Error::Store(error) | Error::Engine(engine::Error::Store(error)) => Err(error.into()),
        Error::Rest(error) => Err(error),
        Error::Engine(engine::Error::Key(error)) => Err(error.into()),
        error => {
            tracing::error!(reason = error.reason(), "A contact, a hand-over or an enquiry could not be followed up.");
            Ok(())
        }
    }
}

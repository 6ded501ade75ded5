//! This contract's side of messaging: the answers to what was sent, and what was not answered in time.

use nhipcau_domain::{id::ContractId, referral::Answer};
use nhipcau_messaging::{
    engine::{self, RestError},
    handler::{Context, Due, Handler, Refused},
    message::{Correlation, Header, Incoming, MessageId, Outcome, RefusalReason, SkipReason},
};
use uuid::Uuid;

use crate::{error::Error, metrics, sending};

/// The one message that is taken.
const ANSWER_MESSAGE: &str = "nhipcau.referral.v1.SubmissionAnswered";

/// The handler.
#[derive(Debug)]
pub struct Switchboard {
    contract: ContractId,
    shared: crate::Switchboard,
}

impl Switchboard {
    pub(crate) fn new(shared: crate::Switchboard) -> Self {
        Self { contract: crate::contract(), shared }
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
}

impl Handler for Switchboard {
    fn contract(&self) -> &ContractId {
        &self.contract
    }

    fn minor(&self) -> u32 {
        crate::MINOR
    }

    fn receive(&mut self, message: &Incoming<'_>, context: &mut Context<'_, '_>) -> Result<(), Refused> {
        self.take(message, context).inspect_err(|refused| {
            if let Refused::Reason(reason) = refused {
                metrics::add(&self.shared.counters.refused);
                tracing::warn!(?reason, peer = %message.sender, id = %message.id, "A message was refused.");
            }
        })
    }

    /// Nothing is sent under this contract but by oneself to oneself. Of an answer that was not taken the sending
    /// learns when it is looked at again.
    fn concluded(
        &mut self,
        _: MessageId,
        _: Option<Correlation>,
        _: Outcome,
        _: &mut Context<'_, '_>,
    ) -> Result<(), RestError> {
        Ok(())
    }

    fn recovered(&mut self, _: &Incoming<'_>, _: &mut Context<'_, '_>) -> Result<(), RestError> {
        Ok(())
    }

    fn may_send(&mut self, _: MessageId, _: &Header, _: &mut Context<'_, '_>) -> Result<Option<SkipReason>, RestError> {
        Ok(None)
    }

    fn take_due(&mut self, context: &mut Context<'_, '_>) -> Result<Option<Due>, RestError> {
        match sending::take_due(context) {
            Ok(due) => Ok(due.map(Uuid::into_bytes)),
            Err(error) => failure(error).map(|()| None),
        }
    }

    fn act_on(&mut self, due: Due, context: &mut Context<'_, '_>) -> Result<(), RestError> {
        sending::again(context, &self.shared, Uuid::from_bytes(due)).or_else(failure)
    }
}

/// Passes on what must end the process. What else fails leaves the contact as it stands for a person to see.
fn failure(error: Error) -> Result<(), RestError> {
    match error {
        Error::Store(error) | Error::Engine(engine::Error::Store(error)) => Err(error.into()),
        Error::Rest(error) => Err(error),
        Error::Engine(engine::Error::Key(error)) => Err(error.into()),
        error => {
            tracing::error!(reason = error.reason(), "A contact could not be followed up.");
            Ok(())
        }
    }
}

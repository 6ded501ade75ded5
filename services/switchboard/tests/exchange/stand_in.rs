//! A stand-in for the service that submits referrals: it takes what a contact asks for, and answers as a test says.

use std::sync::{Arc, Mutex};

use nhipcau_domain::{
    id::ContractId,
    referral::{Answer, Objection, Requested},
};
use nhipcau_messaging::{
    engine::RestError,
    handler::{Context, Handler, Refused},
    message::{
        Cause, Correlation, Draft, Header, Incoming, Lane, MessageId, Outcome, Recipient, RefusalReason, SkipReason,
    },
};
use uuid::Uuid;

use crate::world::contract;

/// What the stand-in was asked, and how it answers.
#[derive(Default)]
pub(crate) struct Told {
    /// Every request that came, whole.
    pub(crate) asked: Vec<Vec<u8>>,
    /// It answers nothing.
    pub(crate) silent: bool,
    /// It takes nothing.
    pub(crate) refuses: bool,
    /// It is not there, from the next start on.
    pub(crate) absent: bool,
    /// It refuses with these.
    pub(crate) objections: Vec<Objection>,
    /// The case has the referral of this request, and gets no other one.
    pub(crate) stands: Option<Uuid>,
}

pub(crate) struct StandIn {
    contract: ContractId,
    told: Arc<Mutex<Told>>,
}

impl StandIn {
    pub(crate) fn new(told: Arc<Mutex<Told>>) -> Self {
        Self { contract: ContractId::new("nhipcau.referral.v1").unwrap(), told }
    }
}

/// The referral that a request makes.
pub(crate) fn referral(request_id: Uuid) -> Uuid {
    Uuid::from_u128(request_id.as_u128() ^ 1 << 64)
}

/// An answer, addressed like the request.
pub(crate) fn draft(header: &Header, cause: Cause, answer: Vec<u8>, to: Recipient) -> Draft {
    Draft {
        header: Header {
            message: "nhipcau.referral.v1.SubmissionAnswered".into(),
            contract: contract(),
            contract_minor: 0,
            ..header.clone()
        },
        recipient: to,
        lane: Lane::Messages,
        parts: vec![answer],
        cause,
        ordinal: 0,
    }
}

impl Handler for StandIn {
    fn contract(&self) -> &ContractId {
        &self.contract
    }

    fn minor(&self) -> u32 {
        1
    }

    fn receive(&mut self, message: &Incoming<'_>, context: &mut Context<'_, '_>) -> Result<(), Refused> {
        let mut told = self.told.lock().unwrap();
        if told.refuses {
            return Err(Refused::Reason(RefusalReason::Invalid));
        }
        told.asked.push(message.parts[0].clone());
        let requested = Requested::read(&message.parts[0]).unwrap();
        if told.silent {
            return Ok(());
        }
        let other = told.stands.filter(|first| *first != requested.request_id);
        let answer = match (other, told.objections.as_slice()) {
            (Some(first), objections) => {
                Answer::Standing { referral: referral(first), objections: objections.to_vec() }
            }
            (None, []) => Answer::Submitted { case: requested.case, referral: referral(requested.request_id) },
            (None, objections) => Answer::Refused(objections.to_vec()),
        };
        let answer = answer.write(requested.contact, requested.request_id);
        let to = Recipient::One(message.sender.clone());
        context.send(draft(message.header, Cause::Event(message.id), answer, to));
        Ok(())
    }

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
}

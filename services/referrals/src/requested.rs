//! A referral that another service of this access point asks for, by a message of the access point to itself.
//!
//! It is submitted by the rules of any calling system's request, under the name of the system that asked there, and the
//! asking service is answered by a message to oneself: submitted, or everything that stands against it. The request id
//! stands for one referral however often it is asked for, so that whoever got no answer asks again. Where the case has
//! a referral of the party that another request made, the answer names it (`CASE_HAS_REFERRAL`), and a person compares.
//! From any other access point such a message is refused: nobody has a party's cases begun but the party.

use nhipcau_domain::{
    id::{ContractId, PartyId},
    reason,
    referral::{Answer, LISTED, Objection, Personal, Refusal, Requested, Side},
};
use nhipcau_messaging::{
    engine,
    handler::Context,
    message::{Cause, Draft, Header, Incoming, Lane, Recipient},
    store::{Error as StoreError, Tx},
};
use nhipcau_proto::referral::v1 as pb;
use nhipcau_runtime::{
    caller::{Call, digest},
    status::Violation,
};
use uuid::Uuid;

use crate::{
    Referrals,
    error::Error,
    name::made_by,
    receive::{INVALID, NotTaken, is_unit},
    store::branch,
    submit::{self, Prepared},
};

/// Under which contract it is answered: that of the service that asks.
const ANSWER_CONTRACT: &str = "nhipcau.switchboard.v1";
/// The answer.
const ANSWER_MESSAGE: &str = "nhipcau.referral.v1.SubmissionAnswered";

/// Takes a request: submits what it asks for, or nothing, and answers it.
pub(crate) fn take(context: &mut Context<'_, '_>, shared: &Referrals, message: &Incoming<'_>) -> Result<(), NotTaken> {
    let header = message.header;
    let [bytes] = message.parts else { return Err(INVALID) };
    if !message.own || message.broadcast || header.recipient.as_ref() != Some(&header.sender) {
        return Err(INVALID);
    }
    let requested = Requested::read(bytes).map_err(|_| INVALID)?;
    if header.correlation != Some(requested.case.into_bytes()) {
        return Err(INVALID);
    }
    let call = call(&requested, header);
    let answer = match context.attempt(|context| submit(context, shared, &call, &requested, header)) {
        Ok(answer) => answer,
        // Told nothing, the asking service asks again.
        Err(Error::Recovering) => return Ok(()),
        Err(Error::Content(refusal) | Error::Rules(refusal)) => refused(&refusal, &requested, &call.party, context.tx)?,
        Err(error @ (Error::Store(_) | Error::Rest(_) | Error::Engine(engine::Error::Store(_)))) => {
            return Err(NotTaken::Failure(error));
        }
        Err(error @ Error::Engine(engine::Error::Key(_))) => return Err(NotTaken::Failure(error)),
        Err(error) => Answer::Refused(vec![objection("request", error.reason())]),
    };
    context.send(draft(&requested, &answer, message));
    Ok(())
}

/// As a calling system's request would come in.
fn call(requested: &Requested, header: &Header) -> Call {
    Call {
        party: header.sender.party.clone(),
        system: requested.actor.system.clone(),
        person: requested.actor.person.clone(),
        request_id: requested.request_id.to_string(),
        digest: digest(requested.request.expose()),
        traceparent: header.traceparent.clone(),
    }
}

fn submit(
    context: &mut Context<'_, '_>,
    shared: &Referrals,
    call: &Call,
    requested: &Requested,
    header: &Header,
) -> Result<Answer, Error> {
    let request = requested.request.expose();
    if let Err(broken) = keeps_the_contract(request) {
        return Ok(broken);
    }
    let prepared = Prepared { begins: true, ..Prepared::check(request, shared, context.now)? };
    if !is_unit(&header.sender, &prepared.origin) {
        return Err(Error::AccessDenied);
    }
    submit::submit(context, shared, call, &prepared)?;
    Ok(Answer::Submitted { case: requested.case, referral: made_by(context, call, "referral", 0) })
}

/// What stands against it; the referral that stands in its place where the case has one.
fn refused(refusal: &Refusal, requested: &Requested, party: &PartyId, tx: &mut Tx<'_>) -> Result<Answer, StoreError> {
    let standing =
        if refusal.has(reason::CASE_HAS_REFERRAL) { oldest_of_case(requested.case, party, tx)? } else { None };
    Ok(match (standing, Answer::from(refusal)) {
        (Some(referral), Answer::Refused(objections)) => Answer::Standing { referral, objections },
        (_, answer) => answer,
    })
}

/// The oldest referral of a case that a party opened, as far as openings are there.
fn oldest_of_case(case: Uuid, party: &PartyId, tx: &mut Tx<'_>) -> Result<Option<Uuid>, StoreError> {
    let mut oldest = None;
    for held in branch::of_case(tx, case)?.into_iter().filter(|held| held.side == Side::Origin) {
        let Some(branch) = held.load(tx)?.filter(|branch| branch.unit(Side::Origin).party == *party) else { continue };
        let found = (branch.opening_time(), branch.ids().referral);
        oldest = Some(oldest.map_or(found, |other| found.min(other)));
    }
    Ok(oldest.map(|(_, referral)| referral))
}

/// What the contract itself has against a request, as the door of calling systems asks first.
fn keeps_the_contract(request: &pb::SubmitReferralRequest) -> Result<(), Answer> {
    let broken = nhipcau_proto::violations(request).into_iter().map(Violation::from).take(LISTED);
    let objections: Vec<_> = broken.map(|broken| objection(&broken.field, broken.reason)).collect();
    if objections.is_empty() { Ok(()) } else { Err(Answer::Refused(objections)) }
}

fn objection(subject: &str, reason: &'static str) -> Objection {
    Objection { subject: subject.into(), reason: reason.into(), candidates: Personal::new(Vec::new()) }
}

/// The answer to a request, caused by it: asked again, it is answered again.
fn draft(requested: &Requested, answer: &Answer, message: &Incoming<'_>) -> Draft {
    let header = message.header;
    Draft {
        header: Header {
            message: ANSWER_MESSAGE.to_owned(),
            contract: answer_contract(),
            contract_minor: 0,
            ..header.clone()
        },
        recipient: Recipient::One(message.sender.clone()),
        lane: Lane::Messages,
        parts: vec![answer.write(requested.contact, requested.request_id)],
        cause: Cause::Event(message.id),
        ordinal: 0,
    }
}

#[expect(clippy::expect_used, reason = "the text is a constant of the right form, which every test shows")]
fn answer_contract() -> ContractId {
    ContractId::new(ANSWER_CONTRACT).expect("the name of a contract")
}

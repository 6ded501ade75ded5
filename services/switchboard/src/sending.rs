//! Sending a contact: the message to oneself that asks for a referral, again until it was answered, and the answer.
//!
//! The contact and the message are on disk together. What was asked for is kept until an answer came, and asked for
//! again meanwhile: the request id stands for one referral. Where asking again is of no use the sending ends with what
//! stands against it, for a person to see: a contact is never locked for good. A referral that is made after all is
//! taken, and the contact says that an earlier sending made it.

use jiff::SignedDuration;
use nhipcau_domain::{
    contact::Contact,
    id::Purpose,
    reason,
    referral::{Answer, Basis, Objection, Personal, Refusal, Requested, read_basis},
};
use nhipcau_messaging::{
    desk::Desk,
    message::{Address, Cause, Draft, Header, Lane, MessageId, Recipient},
    pae,
    store::refusal_of,
    writer::Row,
};
use uuid::Uuid;

use crate::{
    Switchboard,
    error::Error,
    metrics,
    record::{keep, whole},
    store::{
        contact,
        sending::{self, TABLE, Waiting},
    },
};

/// The contract under which a referral is asked for, the minor version that knows it, and the message.
pub(crate) const REFERRAL: &str = "nhipcau.referral.v1";
const REFERRAL_MINOR: u32 = 1;
const REQUEST_MESSAGE: &str = "nhipcau.referral.v1.SubmissionRequested";

/// When it is asked again for what was not answered.
const AGAIN: SignedDuration = SignedDuration::from_mins(10);
/// How often it is asked before a person has to look: within half an hour.
const MOST: u32 = 3;

/// Asks for a referral, and keeps what is asked for until it is answered.
pub(crate) fn begin<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Switchboard,
    standing: &Contact,
    requested: &Requested,
    traceparent: &str,
) -> Result<(), Error> {
    let body = desk.rest(&row(standing), &requested.write())?;
    metrics::add(&shared.counters.sent);
    let message = ask(desk, shared, (standing, requested), 0, traceparent)?;
    let again = desk.now() + AGAIN;
    Ok(sending::add(desk.tx(), standing.uid, message, again, &body)?)
}

/// Takes the contact that has waited longest for an answer. That it was its turn is counted whatever comes of it.
pub(crate) fn take_due<'t>(desk: &mut impl Desk<'t>) -> Result<Option<Uuid>, Error> {
    let now = desk.now();
    Ok(sending::take(desk.tx(), now, now + AGAIN)?)
}

/// Asks once more for what was not answered, or ends the sending where that is of no use.
pub(crate) fn again<'t>(desk: &mut impl Desk<'t>, shared: &Switchboard, uid: Uuid) -> Result<(), Error> {
    let Some(Waiting { times, message, body }) = sending::find(desk.tx(), uid)? else { return Ok(()) };
    let standing = match contact::find(desk.tx(), uid)? {
        Some(stored) => whole(desk, &stored)?,
        None => None,
    };
    // Its case was erased, or it is answered: nothing is left to be sent.
    let Some((standing, request_id)) = standing.and_then(|standing| standing.sending.map(|id| (standing, id))) else {
        return Ok(sending::remove(desk.tx(), uid)?);
    };
    let requested = desk.wake(&row(&standing), &body)?.and_then(|bytes| Requested::read(&bytes).ok());
    let Some(requested) = requested.filter(|requested| requested.request_id == request_id) else {
        // What is kept is not what the contact waits for, or another build's: it is not asked for.
        return conclude(desk, shared, &standing, request_id, refused(reason::CONTACT_UNANSWERED));
    };
    if let Some(answer) = obstacle(desk, shared, (&standing, &requested), (times, message))? {
        return conclude(desk, shared, &standing, request_id, answer);
    }
    metrics::add(&shared.counters.asked_again);
    tracing::warn!(contact = %uid, times, "The sending of a contact was not answered and is asked for again.");
    let message = ask(desk, shared, (&standing, &requested), times, "")?;
    Ok(sending::asked(desk.tx(), uid, message)?)
}

/// Why it is of no use to ask again, if it is.
fn obstacle<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Switchboard,
    (standing, requested): (&Contact, &Requested),
    (times, message): (u32, MessageId),
) -> Result<Option<Answer>, Error> {
    let purpose = purpose(requested)?;
    let directory = objections(shared, standing, &purpose, desk.now());
    if directory.total() > 0 {
        return Ok(Some(Answer::from(&directory)));
    }
    let reason = match refusal_of(desk.tx(), message)? {
        Some(refused) => {
            let name = refused.as_str_name();
            name.strip_prefix("REFUSAL_REASON_").unwrap_or(name)
        }
        None if times > MOST => reason::CONTACT_UNANSWERED,
        None => return Ok(None),
    };
    Ok(Some(refused(reason)))
}

fn refused(reason: &str) -> Answer {
    let candidates = Personal::new(Vec::new());
    Answer::Refused(vec![Objection { subject: "request".into(), reason: reason.into(), candidates }])
}

/// Takes the answer: the referral stands, or a person has to look at why not.
///
/// # Errors
/// [`Error::Rules`] when it answers nothing that was asked.
pub(crate) fn answered<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Switchboard,
    (sender, case): (&Address, Uuid),
    (uid, request_id, answer): (Uuid, Uuid, Answer),
) -> Result<(), Error> {
    let wrong = || Error::rule("contact", reason::WRONG_STATE);
    let stored = contact::find(desk.tx(), uid)?.filter(|stored| stored.party == sender.party.as_str());
    let stored = stored.filter(|stored| stored.case == case).ok_or_else(wrong)?;
    let Some(standing) = whole(desk, &stored)? else { return Ok(sending::remove(desk.tx(), uid)?) };
    if standing.takes_late(request_id, &answer) {
        match standing.sending {
            // What the other one is answered is not kept any more: it can be nothing but that this one stands.
            Some(other) => {
                tracing::error!(contact = %uid, %other, "A contact that is being sent was referred by an earlier sending.");
            }
            None => tracing::warn!(contact = %uid, "A contact was referred by a sending that had ended."),
        }
    } else if standing.sending.is_none() {
        // Asked for twice it is answered twice.
        if let Some(referral) = answer.referral().filter(|referral| standing.referral != Some(*referral)) {
            let state = standing.state;
            tracing::error!(contact = %uid, %referral, ?state, "A referral stands that its contact does not name.");
        }
        return Ok(());
    }
    conclude(desk, shared, &standing, request_id, answer)
}

/// Ends a sending with its answer.
fn conclude<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Switchboard,
    standing: &Contact,
    request_id: Uuid,
    answer: Answer,
) -> Result<(), Error> {
    let changed = standing.answered(request_id, answer, desk.now())?;
    if changed.referral.is_some() {
        metrics::add(&shared.counters.referred);
    }
    if !changed.objections.is_empty() {
        metrics::add(&shared.counters.objected);
        tracing::warn!(contact = %standing.uid, "A contact could not be sent as asked; a person must look.");
    }
    sending::remove(desk.tx(), standing.uid)?;
    keep(desk, &changed)
}

/// What the directory has against asking for a referral here, and being answered.
pub(crate) fn objections(shared: &Switchboard, standing: &Contact, purpose: &Purpose, now: jiff::Timestamp) -> Refusal {
    let (release, party) = (shared.release(), &standing.unit.party);
    let mut refusal = Refusal::default();
    for contract in [crate::contract_of(REFERRAL), crate::contract()] {
        if !release.hosts(&shared.access_point, party, Some(&standing.unit.unit), &contract) {
            refusal.add("unit", reason::NOT_HOSTED);
        }
        if !release.allows(party, &contract, party, purpose, now) {
            refusal.add("purpose", reason::NOT_AGREED);
        }
    }
    refusal
}

fn ask<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Switchboard,
    (standing, requested): (&Contact, &Requested),
    ordinal: u32,
    traceparent: &str,
) -> Result<MessageId, Error> {
    let purpose = purpose(requested)?;
    let contract = crate::contract_of(REFERRAL);
    let myself = Address { party: standing.unit.party.clone(), unit: Some(standing.unit.unit.clone()) };
    let draft = Draft {
        header: Header {
            message: REQUEST_MESSAGE.to_owned(),
            contract,
            contract_minor: REFERRAL_MINOR,
            sender: myself.clone(),
            recipient: Some(myself),
            purpose,
            legal_basis: citation(requested),
            correlation: Some(requested.case.into_bytes()),
            kind: String::new(),
            corrected: None,
            traceparent: traceparent.to_owned(),
            blobs: Vec::new(),
        },
        recipient: Recipient::One(shared.access_point.clone()),
        lane: Lane::Messages,
        parts: vec![requested.write()],
        cause: cause(standing, requested),
        ordinal,
    };
    Ok(desk.send(draft)?)
}

fn purpose(requested: &Requested) -> Result<Purpose, Error> {
    Purpose::new(&requested.request.expose().purpose).map_err(|_| Error::rule("purpose", reason::FIELD_FORMAT))
}

/// The same sending is the same message, however often the call is repeated.
fn cause(standing: &Contact, requested: &Requested) -> Cause {
    let digest = pae::digest_of(&[b"nhipcau/1/contact-sent", standing.uid.as_bytes(), requested.request_id.as_bytes()]);
    Cause::Entry { system: requested.actor.system.clone(), time: standing.created, digest }
}

/// By what right, as the control part names it.
fn citation(requested: &Requested) -> String {
    let given = requested.request.expose().lawful_basis.as_ref();
    match given.and_then(|given| read_basis(given, "lawful_basis", &mut Refusal::default())) {
        Some(Basis::StatutoryDuty { citation }) => format!("statutory duty: {}", citation.as_str()),
        Some(Basis::VitalInterest { citation, .. }) => format!("vital interest: {}", citation.as_str()),
        Some(Basis::Consent(_)) | None => "consent".to_owned(),
    }
}

fn row(standing: &Contact) -> Row<'_> {
    Row { case: standing.case.as_bytes(), table: TABLE, key: standing.uid.as_bytes() }
}

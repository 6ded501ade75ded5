//! Writing an own event: into the log and into the message that carries it, in one transaction; and what lies at rest.

use nhipcau_domain::{
    placement::{self as limits, Body, Event},
    reason,
    referral::UnitRef,
};
use nhipcau_messaging::{
    desk::Desk,
    message::{Address, Cause, Draft, Header, Lane, MessageId, Recipient},
    writer::Row,
};

use super::{EVENT_MESSAGE, thread, waking, word};
use crate::{
    Switchboard,
    error::Error,
    handover::send::rules,
    store::placement::{self as store, Held, Known, TABLE},
};

/// Writes an event that no person caused, and sends it.
///
/// # Errors
/// [`Error`]; nothing was written when the rules or the directory are against it, else the transaction must be undone
/// to where it began.
pub(crate) fn write<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Switchboard,
    known: &Known,
    body: Body,
) -> Result<(), Error> {
    let (event, bytes) = Event::write(known.enquiry.next(body, rules(), desk.now())?);
    send(desk, shared, known, (&event, bytes), None, "")
}

/// Stores an own event and sends it; the first one with what is needed.
///
/// # Errors
/// [`Error`]; the transaction must then be undone to where the call began.
pub(crate) fn send<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Switchboard,
    known: &Known,
    (event, bytes): (&Event, Vec<u8>),
    need: Option<Vec<u8>>,
    traceparent: &str,
) -> Result<(), Error> {
    let (release, contract) = (shared.release(), super::contract());
    let (from, to) = (&event.owner, &event.counterpart);
    let host = release.access_point_for(&to.party, &to.unit, &contract);
    let host = host.ok_or_else(|| Error::rule("recipient", reason::NOT_HOSTED))?;
    if !release.allows(&from.party, &contract, &to.party, &known.purpose, desk.now()) {
        return Err(Error::rule("recipient", reason::NOT_AGREED));
    }
    let contract_minor = event.body.minor();
    // An access point that does not know it would refuse it for now, and an answer would wait behind it.
    if contract_minor > release.contract(&contract).unwrap_or_default() {
        return Err(Error::rule("contract", reason::MINOR_NOT_IN_USE));
    }
    let draft = Draft {
        header: Header {
            message: EVENT_MESSAGE.to_owned(),
            contract,
            contract_minor,
            sender: address(from),
            recipient: Some(address(to)),
            purpose: known.purpose.clone(),
            // There is no person yet whom a right would be about.
            legal_basis: String::new(),
            correlation: Some(thread(event.placement).into_bytes()),
            kind: String::new(),
            corrected: None,
            traceparent: traceparent.to_owned(),
            blobs: Vec::new(),
        },
        recipient: Recipient::One(host.clone()),
        lane: Lane::Messages,
        parts: [Some(bytes.clone()), need.clone()].into_iter().flatten().collect(),
        cause: Cause::Entry {
            system: event.actor.system.clone(),
            time: event.time,
            digest: *event.digest().as_bytes(),
        },
        ordinal: 0,
    };
    let message = desk.send(draft)?;
    keep(desk, known.held, (event, &bytes), need.as_deref(), Some(message))
}

/// Stores an event in a side's copy of a log, and what is needed, and when all of it will be gone; and whether somebody
/// is to be told of it.
pub(crate) fn keep<'t>(
    desk: &mut impl Desk<'t>,
    held: Held,
    (event, bytes): (&Event, &[u8]),
    need: Option<&[u8]>,
    message: Option<MessageId>,
) -> Result<(), Error> {
    let now = desk.now();
    store::keep(desk.tx(), held, (event, bytes), message, now)?;
    if let Some(need) = need {
        let (case, key) = (thread(held.placement), key(held));
        let body = desk.rest(&Row { case: case.as_bytes(), table: TABLE, key: &key }, need)?;
        store::put_need(desk.tx(), held, &body)?;
    }
    // Whatever times the two sides wrote, nothing lasts longer than an enquiry can, and what arrives now is kept.
    let most = now + limits::LONGEST_AHEAD + limits::ANSWERED_WITHIN;
    let known = store::known(desk.tx(), held)?;
    if let Some(known) = &known {
        waking::follow(desk, known, event)?;
        word::follow(desk, known, event)?;
    }
    let end = known.map_or(most, |known| known.enquiry.view().end().clamp(now, most));
    Ok(store::note_due(desk.tx(), held, end + limits::KEPT)?)
}

/// What is needed, back from rest; `None` once it was erased or while it is not there.
pub(crate) fn need<'t>(desk: &mut impl Desk<'t>, known: &Known) -> Result<Option<Vec<u8>>, Error> {
    let (case, key) = (thread(known.held.placement), key(known.held));
    match known.need.as_slice() {
        [] => Ok(None),
        body => Ok(desk.wake(&Row { case: case.as_bytes(), table: TABLE, key: &key }, body)?),
    }
}

fn address(unit: &UnitRef) -> Address {
    Address { party: unit.party.clone(), unit: Some(unit.unit.clone()) }
}

fn key(held: Held) -> Vec<u8> {
    [held.placement.as_bytes().as_slice(), &held.side.to_wire().to_le_bytes()].concat()
}

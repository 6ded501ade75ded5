//! Writing an own event: into the log and into the message that carries it, in one transaction; and what follows from
//! every event that was stored.
//!
//! What an ended hand-over had under way goes on without its parts, so that the other side's copy of the log stays
//! whole and nothing is told after the end.

use jiff::SignedDuration;
use nhipcau_domain::{
    handover::{Body, Draft, Event},
    id::SystemId,
    reason,
    referral::{Actor, Basis, Side, UnitRef},
};
use nhipcau_messaging::{
    desk::Desk,
    message::{self, Address, Cause, Header, Lane, MessageId, Recipient},
};

use super::{
    EVENT_MESSAGE,
    content::{self, Piece},
    continued,
};
use crate::{
    Switchboard,
    error::Error,
    metrics,
    store::{
        handover::{self, Carried, Known, Stored},
        part,
    },
};

/// When the rules look again at what they could not do.
pub(crate) const AGAIN: SignedDuration = SignedDuration::from_mins(1);

/// The rules, where they act by themselves.
#[expect(clippy::expect_used, reason = "the text is a constant of the right form, which every test shows")]
pub(crate) fn rules() -> Actor {
    Actor { system: SystemId::new("access-point").expect("the name of a system"), person: None }
}

/// Writes an own event and sends it with its parts.
///
/// # Errors
/// [`Error`]; the transaction must then be undone to where the call began.
pub(crate) fn write<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Switchboard,
    known: &mut Known,
    draft: Draft,
    pieces: &[Piece],
    traceparent: &str,
) -> Result<(), Error> {
    if !known.is_whole {
        return Err(Error::Recovering);
    }
    let (event, bytes) = Event::write(draft);
    known.handover.record(event.clone()).map_err(|fault| Error::rule("handover", fault.reason()))?;
    mend(desk, shared, known)?;
    first(desk, shared, known, (&event, &bytes, pieces), traceparent)?;
    if known.handover.view().state.calls_for_erasure() {
        desk.recheck(content::thread(event.ids.handover).as_bytes())?;
    }
    Ok(())
}

/// Stores and sends an event that the hand-over has already.
pub(crate) fn first<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Switchboard,
    known: &Known,
    (event, bytes, pieces): (&Event, &[u8], &[Piece]),
    traceparent: &str,
) -> Result<(), Error> {
    let parts: Vec<_> = pieces.iter().map(|piece| piece.bytes.clone()).collect();
    let message = dispatch(desk, shared, known, (event, bytes, parts), Carried::Whole, traceparent)?;
    content::put(desk, known.held, event.ids, pieces)?;
    handover::keep(desk.tx(), known.held, (event, bytes), message, Carried::Whole)?;
    metrics::add(&shared.counters.handover_events);
    stored(desk, known)
}

/// What follows from an event that was stored: the recipient of what has ended erases, and where something is left to
/// be done the rules look again.
pub(crate) fn stored<'t>(desk: &mut impl Desk<'t>, known: &Known) -> Result<(), Error> {
    let (held, state) = (known.held, known.handover.view().state);
    let log = handover::log(desk.tx(), held, held.side)?;
    let mut is_undecided = false;
    if held.side == Side::Recipient && state.calls_for_erasure() {
        part::drop(desk.tx(), held)?;
        // Not before own events have arrived: they would be erased with it, and the other side's log would end.
        if known.is_whole && !handover::is_under_way(desk.tx(), held.handover)? {
            desk.erase(content::thread(held.handover).as_bytes())?;
        }
        is_undecided = continued::end(desk, known)?;
    }
    let is_left = !is_returned(&log) && log.iter().any(is_unsent);
    let is_to_take = held.side == Side::Origin && state == nhipcau_domain::handover::State::Accepted;
    let due = (is_left || is_to_take || is_undecided).then(|| desk.now() + AGAIN);
    Ok(handover::note(desk.tx(), known, due)?)
}

/// Whether no message carries the event, and one should.
fn is_unsent(stored: &Stored) -> bool {
    stored.outcome.is_none() && (stored.carried == Carried::HeldBack || stored.message.is_none())
}

/// Whether the other side refused the offer for good: it holds no log to add to.
fn is_returned(own: &[Stored]) -> bool {
    own.first().is_some_and(|first| first.event.side == Side::Origin && first.outcome.is_some_and(|code| code > 0))
}

/// Sends what was held back or could not be sent, and what would still tell something after the end, without its parts:
/// from the first of them on, because later events follow earlier ones.
pub(crate) fn mend<'t>(desk: &mut impl Desk<'t>, shared: &Switchboard, known: &Known) -> Result<(), Error> {
    let is_over = known.handover.view().state.calls_for_erasure();
    let tells = |stored: &Stored| is_over && stored.carried == Carried::Whole && !stored.event.parts.is_empty();
    let log = handover::log(desk.tx(), known.held, known.held.side)?;
    let under_way = log.iter().filter(|stored| stored.outcome.is_none());
    for stored in under_way.skip_while(|stored| !is_unsent(stored) && !tells(stored)) {
        match dispatch(desk, shared, known, (&stored.event, &stored.bytes, Vec::new()), Carried::Bare, "") {
            Ok(Some(message)) => handover::carry_bare(desk.tx(), known.held, stored.event.ordinal, message)?,
            Ok(None) => {}
            // Who may not be sent to now does not get what is under way either.
            Err(Error::Rules(_)) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Sends an own event to the other side; `None` when there is nobody who would take it.
fn dispatch<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Switchboard,
    known: &Known,
    (event, bytes, parts): (&Event, &[u8], Vec<Vec<u8>>),
    carried: Carried,
    traceparent: &str,
) -> Result<Option<MessageId>, Error> {
    if is_returned(&handover::log(desk.tx(), known.held, known.held.side)?) {
        return Ok(None);
    }
    let recipient = match reachable(desk, shared, known, &event.owner, &event.counterpart) {
        Ok(recipient) => recipient,
        // Taking back needs nobody's leave: it stands here, and is sent once there is somebody to send it to.
        Err(Error::Rules(_)) if matches!(event.body, Body::HandoverWithdrawn { .. } | Body::HandedBack) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let basis = event.basis.as_ref().unwrap_or(&known.handover.view().basis);
    let draft = message::Draft {
        header: Header {
            message: EVENT_MESSAGE.to_owned(),
            contract: crate::contract(),
            contract_minor: 0,
            sender: address(&event.owner),
            recipient: Some(address(&event.counterpart)),
            purpose: known.purpose.clone(),
            legal_basis: citation(basis),
            // A thread of its own: it can be erased without the referrals of the same case.
            correlation: Some(content::thread(event.ids.handover).into_bytes()),
            kind: String::new(),
            corrected: None,
            traceparent: traceparent.to_owned(),
            blobs: Vec::new(),
        },
        recipient,
        lane: Lane::Messages,
        parts: [vec![bytes.to_vec()], parts].concat(),
        cause: cause(event),
        ordinal: u32::from(carried == Carried::Bare),
    };
    Ok(Some(desk.send(draft)?))
}

/// The access point of the other side, if the directory lets the owner send to it.
fn reachable<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Switchboard,
    known: &Known,
    owner: &UnitRef,
    counterpart: &UnitRef,
) -> Result<Recipient, Error> {
    let (release, contract) = (shared.release(), crate::contract());
    let host = release.access_point_for(&counterpart.party, &counterpart.unit, &contract);
    let host = host.ok_or_else(|| Error::rule("recipient", reason::NOT_HOSTED))?;
    if !release.allows(&owner.party, &contract, &counterpart.party, &known.purpose, desk.now()) {
        return Err(Error::rule("recipient", reason::NOT_AGREED));
    }
    Ok(Recipient::One(host.clone()))
}

/// A message is caused by its event: the same event is the same message, and another one in its place, after a
/// rollback, another message.
fn cause(event: &Event) -> Cause {
    Cause::Entry { system: event.actor.system.clone(), time: event.time, digest: *event.digest().as_bytes() }
}

fn address(unit: &UnitRef) -> Address {
    Address { party: unit.party.clone(), unit: Some(unit.unit.clone()) }
}

/// By what right, as the control part names it.
pub(crate) fn citation(basis: &Basis) -> String {
    match basis {
        Basis::Consent(_) => "consent".to_owned(),
        Basis::StatutoryDuty { citation } => format!("statutory duty: {}", citation.as_str()),
        Basis::VitalInterest { citation, .. } => format!("vital interest: {}", citation.as_str()),
    }
}

//! Taking an event of the other side: is it what its envelope says, does it stand where it claims, was it lawful with
//! what its writer knew. Then the origin's own rules act in the same transaction.

use nhipcau_domain::{
    handover::{Event, Handover},
    referral::{Fault, Side, UnitRef, check_part},
};
use nhipcau_messaging::{
    desk::Desk,
    message::{Address, Incoming, RefusalReason},
    pae,
};

use super::{
    EVENT_MESSAGE,
    content::{self, Piece},
    send, take,
};
use crate::{
    Switchboard,
    error::Error,
    metrics,
    store::handover::{self, Carried, Held, Known, Stored},
};

/// Why an event has no effect.
#[derive(Debug)]
pub(crate) enum NotTaken {
    /// The sender is told this reason.
    Reason(RefusalReason),
    /// A failure here.
    Failure(Error),
}

impl<E: Into<Error>> From<E> for NotTaken {
    fn from(error: E) -> Self {
        Self::Failure(error.into())
    }
}

const INVALID: NotTaken = NotTaken::Reason(RefusalReason::Invalid);
const NOT_YET: NotTaken = NotTaken::Reason(RefusalReason::NotYet);
const WRONG_STATE: NotTaken = NotTaken::Reason(RefusalReason::WrongState);

/// An event as it travelled, with the parts that came along.
pub(crate) struct Travelled {
    pub(crate) event: Event,
    pub(crate) bytes: Vec<u8>,
    pub(crate) pieces: Vec<Piece>,
}

impl Travelled {
    /// What of the event came.
    pub(crate) fn carried(&self) -> Carried {
        if self.pieces.len() == self.event.parts.len() { Carried::Whole } else { Carried::Bare }
    }
}

/// Reads a message. An event may come without its parts, when they may not be told any more.
pub(crate) fn read(message: &Incoming<'_>) -> Result<Travelled, NotTaken> {
    let header = message.header;
    let [bytes, parts @ ..] = message.parts else { return Err(INVALID) };
    if message.broadcast || header.message != EVENT_MESSAGE {
        return Err(INVALID);
    }
    let event = Event::read(bytes).map_err(|_| INVALID)?;
    let is_addressed = header.correlation == Some(content::thread(event.ids.handover).into_bytes())
        && is_unit(&header.sender, &event.owner)
        && header.recipient.as_ref().is_some_and(|recipient| is_unit(recipient, &event.counterpart));
    if !is_addressed || parts.len() != event.parts.len() && !parts.is_empty() {
        return Err(INVALID);
    }
    let mut pieces = Vec::with_capacity(parts.len());
    for (entry, bytes) in event.parts.iter().zip(parts) {
        if pae::sha256(bytes) != entry.digest || check_part(entry.part, bytes).is_err() {
            return Err(INVALID);
        }
        pieces.push(Piece { part: entry.part, digest: entry.digest, bytes: bytes.clone() });
    }
    Ok(Travelled { event, bytes: bytes.clone(), pieces })
}

fn is_unit(address: &Address, unit: &UnitRef) -> bool {
    address.party == unit.party && address.unit.as_ref() == Some(&unit.unit)
}

/// Takes an event of the other side.
///
/// # Errors
/// [`NotTaken`]; what was written must then be undone.
pub(crate) fn take<'t>(desk: &mut impl Desk<'t>, shared: &Switchboard, message: &Incoming<'_>) -> Result<(), NotTaken> {
    let travelled = read(message)?;
    let event = &travelled.event;
    let held = Held { handover: event.ids.handover, side: event.side.other() };
    let theirs = handover::log(desk.tx(), held, event.side)?;
    if let Some(stored) = theirs.iter().find(|stored| stored.event.ordinal == event.ordinal) {
        return if stored.event.digest() == event.digest() { Ok(()) } else { Err(INVALID) };
    }
    match handover::known(desk.tx(), held)? {
        None => {
            opened(&travelled, held)?;
            let now = desk.now();
            handover::add(desk.tx(), held, event.ids, &message.header.purpose, now)?;
        }
        Some(known) => added(desk, known, event)?,
    }
    let (bytes, carried) = (travelled.bytes.as_slice(), travelled.carried());
    handover::keep(desk.tx(), held, (event, bytes), Some(message.id), carried)?;
    content::put(desk, held, event.ids, &travelled.pieces)?;
    metrics::add(&shared.counters.handover_events);
    // Own events may have waited for this one.
    let Some(known) = handover::known(desk.tx(), held)? else { return Ok(()) };
    if known.handover.view().state.calls_for_erasure() {
        // What is still on its way to who will not take over goes without its content.
        send::mend(desk, shared, &known)?;
    }
    send::stored(desk, &known)?;
    Ok(take::settle(desk, shared, &known)?)
}

/// A hand-over that begins here.
fn opened(travelled: &Travelled, held: Held) -> Result<(), NotTaken> {
    match held.side {
        // An own one that is not there was lost, and the other side will give it back.
        Side::Origin => Err(NOT_YET),
        Side::Recipient if travelled.event.ordinal > 1 => Err(WRONG_STATE),
        Side::Recipient => Handover::open(travelled.event.clone()).map(drop).map_err(|_| INVALID),
    }
}

/// Judges an event of a hand-over that is here. What it names of this side's log and is not there was lost with an
/// older store and will be given back; until then it is refused for now only. In its place may stand what was written
/// since and has not been received: that gives way.
fn added<'t>(desk: &mut impl Desk<'t>, mut known: Known, event: &Event) -> Result<(), NotTaken> {
    if let Some(seen) = event.seen {
        let own = handover::log(desk.tx(), known.held, known.held.side)?;
        let own = own.iter().find(|stored| stored.event.ordinal == seen.ordinal);
        let is_there = known.handover.log(known.held.side).len() as u64 >= seen.ordinal;
        let is_other = |own: &Stored| own.event.digest() != seen.digest && own.outcome.is_none();
        if !is_there || own.is_none_or(is_other) {
            return Err(NOT_YET);
        }
    }
    let is_behind = (known.handover.log(event.side).len() as u64) < event.ordinal - 1;
    if !known.is_whole && is_behind {
        return Err(NOT_YET);
    }
    known.handover.admit(event).map_err(|_| WRONG_STATE)?;
    match known.handover.record(event.clone()) {
        Ok(_) => Ok(()),
        // An earlier event was refused for good: messaging takes those of a hand-over in order.
        Err(Fault::Gap) => Err(WRONG_STATE),
        Err(_) => Err(INVALID),
    }
}

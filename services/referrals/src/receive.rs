//! Taking an event of the other side: is it what its envelope says, does it stand where it claims, was it lawful with what
//! its writer knew. Then the origin's own rules act in the same transaction.

use nhipcau_domain::referral::UnitRef;
use nhipcau_domain::referral::{
    Body, Branch, Event, EventKind, Fault, Part, Side, check_part,
    disclosure::{self, Stage},
};
use nhipcau_messaging::{
    message::{Address, Incoming, RefusalReason},
    pae,
};

use crate::{
    BRANCHES, EVENT_MESSAGE, Referrals,
    content::{self, Piece},
    desk::Desk,
    error::Error,
    event, group, metrics, send,
    store::{
        branch::{self, Known},
        reading::{self, Held},
    },
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

/// Reads a message. An event may come without its parts, when they may not be disclosed any more.
pub(crate) fn read(message: &Incoming<'_>) -> Result<Travelled, NotTaken> {
    let header = message.header;
    let [bytes, parts @ ..] = message.parts else { return Err(INVALID) };
    if message.broadcast || header.message != EVENT_MESSAGE {
        return Err(INVALID);
    }
    let event = Event::read(bytes).map_err(|_| INVALID)?;
    let is_addressed = header.correlation == Some(event.ids.case.into_bytes())
        && is_unit(&header.sender, &event.owner)
        && header.recipient.as_ref().is_some_and(|recipient| is_unit(recipient, &event.counterpart));
    let is_whole = parts.len() == event.parts.len();
    if !is_addressed || !is_whole && !parts.is_empty() {
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
pub(crate) fn take<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, message: &Incoming<'_>) -> Result<(), NotTaken> {
    let travelled = read(message)?;
    let event = &travelled.event;
    let held = Held { branch: event.ids.branch, side: event.side.other() };
    if let Some(stored) = branch::at(desk.tx(), held, event.side, event.ordinal)? {
        return if stored.event.digest() == event.digest() { Ok(()) } else { Err(INVALID) };
    }
    let (mut known, is_whole) = match branch::known(desk.tx(), held)? {
        None => {
            let known = opened(&travelled, held, message)?;
            let (party, referral) = (&known.branch.unit(held.side).party, event.ids.referral);
            if reading::branches(desk.tx(), party, referral, held.side)? >= BRANCHES {
                return Err(WRONG_STATE);
            }
            // Own events may have been given back before the opening that they answer.
            let is_whole = branch::log(desk.tx(), held, held.side)?.is_empty();
            (known, is_whole)
        }
        Some(known) => {
            let is_whole = known.is_whole;
            (added(known, event)?, is_whole)
        }
    };
    branch::add(desk.tx(), held, event.ids, Some(known.branch.opening().group), &message.header.purpose)?;
    event::keep(desk, held, event, &travelled.bytes, Some(message.id))?;
    if !is_whole {
        // Own events that waited for this one.
        known = branch::known(desk.tx(), held)?.unwrap_or(known);
    }
    keep(desk, held, &travelled)?;
    metrics::add(&shared.counters.stored);
    send::raise(shared, event);
    send::stored(desk, shared, &known)?;
    if known.held.side == Side::Origin {
        follow(desk, shared, &known, event)?;
    }
    Ok(())
}

/// Puts the parts of an event to rest.
pub(crate) fn keep<'t>(desk: &mut impl Desk<'t>, held: Held, travelled: &Travelled) -> Result<(), Error> {
    let ids = travelled.event.ids;
    for piece in &travelled.pieces {
        content::put(desk, ids.case, send::owner(held, ids.referral), piece)?;
    }
    Ok(())
}

/// A branch that begins here. Its opening must be lawful as far as it shows.
fn opened(travelled: &Travelled, held: Held, message: &Incoming<'_>) -> Result<Known, NotTaken> {
    let event = &travelled.event;
    let (Body::Opened(opening), Some(basis), Side::Recipient) = (&event.body, &event.basis, held.side) else {
        // An own branch that is not there was lost, and the other side will give it back; one of the other side begins
        // with its opening or not at all.
        return Err(if held.side == Side::Origin { NOT_YET } else { WRONG_STATE });
    };
    let parts: Vec<Part> = event.parts.iter().map(|entry| entry.part).collect();
    let stage = Stage { kind: opening.kind, state: None, event: EventKind::Opened };
    if !disclosure::objections(stage, &parts, basis, event.time).is_empty() {
        return Err(INVALID);
    }
    let branch = Branch::open(event.clone()).map_err(|_| INVALID)?;
    Ok(Known { held, purpose: message.header.purpose.clone(), branch, is_whole: true })
}

/// The branch with the event. What it names of this side's log and is not there was lost with an older store and will be
/// given back; until then the event cannot be judged and is refused for now only.
fn added(mut known: Known, event: &Event) -> Result<Known, NotTaken> {
    let own = known.branch.log(known.held.side);
    if event.seen.is_some_and(|seen| own.at(seen.ordinal).is_none()) {
        return Err(NOT_YET);
    }
    known.branch.admit(event).map_err(|_| WRONG_STATE)?;
    match known.branch.record(event.clone()) {
        Ok(_) => Ok(known),
        Err(Fault::Gap) => Err(WRONG_STATE),
        Err(_) => Err(INVALID),
    }
}

/// What the origin does about an answer.
fn follow<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, known: &Known, event: &Event) -> Result<(), Error> {
    if known.branch.view().state.calls_for_erasure() {
        // What is still on its way to who will not serve goes without its content.
        send::withhold(desk, shared, known)?;
    }
    match event.body.kind() {
        EventKind::Accepted | EventKind::Acknowledged => group::settle(desk, shared, known),
        _ => Ok(()),
    }
}

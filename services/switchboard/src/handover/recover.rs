//! Taking own events back that this store has lost: the other side holds them, so they stand, and what was written in
//! their place since is given up. What became of messages, for hand-overs.

use nhipcau_messaging::{
    desk::Desk,
    message::{Incoming, MessageId, Outcome},
};

use super::{content, receive, send, take};
use crate::{
    error::Error,
    store::handover::{self, Held},
};

/// Takes an own event back.
pub(crate) fn take<'t>(desk: &mut impl Desk<'t>, message: &Incoming<'_>) -> Result<(), Error> {
    let travelled = match receive::read(message) {
        Ok(travelled) => travelled,
        Err(receive::NotTaken::Failure(error)) => return Err(error),
        Err(receive::NotTaken::Reason(_)) => {
            tracing::error!("An own event of a hand-over came back and cannot be read.");
            return Ok(());
        }
    };
    let event = &travelled.event;
    let held = Held { handover: event.ids.handover, side: event.side };
    let own = handover::log(desk.tx(), held, held.side)?;
    match own.iter().find(|stored| stored.event.ordinal == event.ordinal) {
        Some(stored) if stored.event.digest() == event.digest() => return Ok(()),
        // Never signed, or signed and given up: messages of events that no longer stand are skipped.
        Some(_) => handover::cut(desk.tx(), held, event.ordinal)?,
        None => {}
    }
    let now = desk.now();
    handover::add(desk.tx(), held, event.ids, &message.header.purpose, now)?;
    let (bytes, carried) = (travelled.bytes.as_slice(), travelled.carried());
    handover::keep(desk.tx(), held, (event, bytes), Some(message.id), carried)?;
    content::put(desk, held, event.ids, &travelled.pieces)?;
    match handover::known(desk.tx(), held)? {
        Some(known) => {
            take::regain(desk, &known, event.body.kind())?;
            send::stored(desk, &known)
        }
        None => Ok(()),
    }
}

/// Notes what became of the message that carries an own event.
pub(crate) fn conclude<'t>(desk: &mut impl Desk<'t>, id: MessageId, outcome: Outcome) -> Result<(), Error> {
    let Some((held, _)) = handover::carried(desk.tx(), id)? else { return Ok(()) };
    let number = match outcome {
        Outcome::Received => 0,
        Outcome::Refused(reason) => {
            tracing::error!(?reason, handover = %held.handover, "An event was refused by the other side.");
            reason as i32
        }
    };
    handover::conclude(desk.tx(), id, number)?;
    // What was not erased because an event was under way, also where the other side is held here.
    for held in [held, held.other()] {
        if let Some(known) = handover::known(desk.tx(), held)? {
            send::stored(desk, &known)?;
        }
    }
    Ok(())
}

//! Taking own events back that this store has lost: the other side holds them, so they stand, and what was written in
//! their place since is given up.

use nhipcau_domain::referral::{Body, HandOver};
use nhipcau_messaging::{desk::Desk, message::Incoming};

use crate::{
    Referrals, erase,
    error::Error,
    event, metrics,
    receive::{self, NotTaken},
    send,
    store::{branch, log, reading::Held},
    succession,
};

/// Takes an own event back.
pub(crate) fn take<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, message: &Incoming<'_>) -> Result<(), Error> {
    if succession::recovered(desk, shared, message)? {
        return Ok(());
    }
    let travelled = match receive::read(message) {
        Ok(travelled) => travelled,
        Err(NotTaken::Failure(error)) => return Err(error),
        Err(NotTaken::Reason(_) | NotTaken::Kept(_)) => {
            // It was checked before it was sent; what a later version reads otherwise stays in the outbox.
            tracing::error!("An own event came back and cannot be read.");
            return Ok(());
        }
    };
    let event = &travelled.event;
    let held = Held { branch: event.ids.branch, side: event.side };
    match log::at(desk.tx(), held, event.side, event.ordinal)? {
        Some(stored) if stored.event.digest() == event.digest() => return Ok(()),
        // Never signed, or signed and given up: messages of events that no longer stand are skipped.
        Some(_) => log::cut(desk.tx(), held, event.side, event.ordinal)?,
        None => {}
    }
    branch::add(desk.tx(), held, event, &message.header.purpose, None)?;
    event::keep(desk, held, event, &travelled.bytes, Some(message.id), travelled.carried())?;
    receive::keep(desk, held, &travelled)?;
    metrics::add(&shared.counters.recovered);
    match branch::known(desk.tx(), held)? {
        Some(known) => {
            if matches!(event.body, Body::Moved { .. }) && known.branch.hand_over() != HandOver::Done {
                branch::relocate(desk.tx(), held, &known.branch)?;
            }
            send::told(desk, shared, &known)?;
            erase::purge_in_silence(desk, shared, &known)
        }
        None => Ok(()),
    }
}

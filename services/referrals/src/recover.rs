//! Taking own events back that this store has lost: the other side holds them, so they stand, and what was written in
//! their place since is given up. What a person said is said again behind it, if only that nobody is left to tell stood
//! there before.

use nhipcau_domain::referral::{Body, Event, HandOver, again};
use nhipcau_messaging::{desk::Desk, message::Incoming};

use crate::{
    Referrals, erase,
    error::Error,
    event, metrics,
    receive::{self, NotTaken},
    send,
    store::{
        branch::{self, Known},
        log,
        reading::Held,
    },
    succession, waking,
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
    let mut given_up = log::all(desk.tx(), held, event.side)?;
    given_up.retain(|own| own.event.ordinal >= event.ordinal);
    match given_up.first() {
        Some(own) if own.event.digest() == event.digest() && own.event.ordinal == event.ordinal => return Ok(()),
        // Never signed, or signed and given up: messages of events that no longer stand are skipped.
        Some(own) if own.event.ordinal == event.ordinal => log::cut(desk.tx(), held, event.side, event.ordinal)?,
        Some(_) | None => given_up.clear(),
    }
    branch::add(desk.tx(), held, event, &message.header.purpose, None)?;
    event::keep(desk, held, event, &travelled.bytes, Some(message.id), travelled.carried())?;
    receive::keep(desk, held, &travelled)?;
    metrics::add(&shared.counters.recovered);
    match branch::known(desk.tx(), held)? {
        Some(mut known) => {
            if matches!(event.body, Body::Moved { .. }) && known.branch.hand_over() != HandOver::Done {
                branch::relocate(desk.tx(), held, &known.branch)?;
            }
            send::told(desk, shared, &known)?;
            erase::purge_in_silence(desk, shared, &known)?;
            for said in given_up.iter().map(|own| &own.event).filter(|_| event.body == Body::Unattended) {
                say_again(desk, shared, &mut known, said)?;
            }
            // What was given up may have ended the waking.
            waking::begin(desk, shared, &known)
        }
        None => Ok(()),
    }
}

/// Says again what a person said and has lost its place.
fn say_again<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, known: &mut Known, said: &Event) -> Result<(), Error> {
    if said.actor.person.is_none() {
        return Ok(());
    }
    let draft = again(&known.branch, said);
    match send::write(desk, shared, known, draft, "") {
        Err(refused @ (Error::Rules(_) | Error::Recovering)) => {
            let (branch, event) = (known.held.branch, said.body.kind().name());
            tracing::error!(%branch, event, %refused, "What was said was lost with an older store. Somebody must look.");
            Ok(())
        }
        said => said,
    }
}

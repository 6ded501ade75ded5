//! Taking own events back that this store has lost: the other side holds them, so they stand, and what was written in
//! their place since is given up. What a person said is said again behind it, if only that nobody is left to tell stood
//! there before.

use nhipcau_domain::{
    reason,
    referral::{Body, Event, HandOver, again},
};
use nhipcau_messaging::{desk::Desk, message::Incoming};

use crate::{
    Referrals, erase,
    error::Error,
    event, metrics,
    receive::{self, NotTaken},
    send,
    store::{
        branch::{self, Known},
        content, log,
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
    let mut given_up = Vec::new();
    match log::at(desk.tx(), held, event.side, event.ordinal)? {
        Some(own) if own.event.digest() == event.digest() => return Ok(()),
        // Never signed, or signed and given up: messages of events that no longer stand are skipped.
        Some(_) => {
            given_up = event::whole(desk, held, event.side)?;
            given_up.retain(|own| own.ordinal >= event.ordinal && own.actor.person.is_some());
            log::cut(desk.tx(), held, event.side, event.ordinal)?;
        }
        None => {}
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
            for said in &given_up {
                say_again(desk, shared, &mut known, said, event)?;
            }
            // What was given up may have ended the waking.
            waking::begin(desk, shared, &known)
        }
        None => Ok(()),
    }
}

/// Says again what a person said and has lost its place to what came back, if the rules still allow it.
fn say_again<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    known: &mut Known,
    said: &Event,
    back: &Event,
) -> Result<(), Error> {
    let is_same = (&said.body, &said.parts) == (&back.body, &back.parts) && said.actor.person == back.actor.person;
    if is_same {
        return Ok(());
    }
    // What could not be sent is not in the log either.
    let mut next = known.clone();
    let written = match again(&known.branch, said) {
        // What was said by a person stands in its place, and knew nothing of this.
        _ if back.body != Body::Unattended => Err(Error::rule("branch", reason::WRONG_STATE)),
        Ok(_) if !has_content(desk, known, said)? => Err(Error::rule("branch", reason::WRONG_STATE)),
        Ok(draft) => send::write(desk, shared, &mut next, draft, ""),
        Err(refusal) => Err(Error::Rules(refusal)),
    };
    match written {
        Err(refused @ (Error::Rules(_) | Error::Recovering)) => {
            let (branch, event, reason) = (known.held.branch, said.body.kind().name(), refused.reason());
            tracing::error!(%branch, event, reason, "What was said was lost with an older store. Somebody must look.");
            Ok(())
        }
        written => {
            *known = next;
            written
        }
    }
}

/// Whether all that an event names is still there.
fn has_content<'t>(desk: &mut impl Desk<'t>, known: &Known, said: &Event) -> Result<bool, Error> {
    let owner = send::owner(known.held, said.ids.referral);
    for entry in &said.parts {
        if content::find(desk.tx(), owner, &entry.digest)?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

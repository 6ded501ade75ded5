//! Waking: while an enquiry waits at its desk for an answer, whoever is on duty there is told, one after the other
//! ([`nhipcau_runtime::waking`]). Here is which enquiries wait, and until when.
//!
//! An answer, whatever it says, a withdrawal and the end of the enquiry by itself end it, and what was not told then is
//! not told any more. Whoever asks more often than it may in an hour has a desk told of something new only when nobody
//! there was told of any enquiry just before, even of one that is over: a flood of questions is no flood of notices.
//! When nobody is left to tell, the access point says so to whoever asked, once, and the enquiry stays as it is; nobody
//! else is asked.

use jiff::Timestamp;
use nhipcau_domain::{
    placement::{Body, Event, State},
    referral::Side,
};
use nhipcau_messaging::{
    desk::Desk,
    store::{self, Tx},
};
use nhipcau_runtime::{
    rosters::Rosters,
    waking::{Duty, Standing, Turn},
};
use uuid::Uuid;

use crate::{
    Switchboard,
    error::Error,
    metrics,
    placement::carry,
    store::{
        notice::{self, BOOK},
        placement::{self, Held, Known},
    },
};

/// After an event was stored: begins with an enquiry that was asked here, ends with one that waits no more.
pub(super) fn follow<'t>(desk: &mut impl Desk<'t>, known: &Known, event: &Event) -> Result<(), store::Error> {
    let (what, now) = (known.held.placement, desk.now());
    let is_asked = matches!(event.body, Body::Asked { .. });
    match known.held.side {
        Side::Recipient if !waits(known, now) => BOOK.forget(desk.tx(), what),
        Side::Recipient if is_asked && known.over_limit => BOOK.note(desk.tx(), what, now),
        // Whatever waits already, what is new does not wait for it.
        Side::Recipient if is_asked => BOOK.note(desk.tx(), what, Timestamp::UNIX_EPOCH),
        // It came back, and what it took the place of had ended the waking.
        Side::Recipient if !notice::is_noted(desk.tx(), what)? => BOOK.note(desk.tx(), what, now),
        Side::Recipient | Side::Origin => Ok(()),
    }
}

/// Has everything looked at that waits, when a unit has another roster than before.
pub(super) fn begin_all<'t>(
    desk: &mut impl Desk<'t>,
    (rosters, before): (&Rosters, &Rosters),
) -> Result<(), store::Error> {
    let now = desk.now();
    if rosters.differing(before).next().is_some() { notice::hasten_all(desk.tx(), now) } else { Ok(()) }
}

/// Takes the enquiry for which the next is to be told first.
pub(super) fn take_due<'t>(desk: &mut impl Desk<'t>, duty: &Duty) -> Result<Option<Uuid>, store::Error> {
    duty.take_due(desk, &BOOK, standing)
}

fn standing(tx: &mut Tx<'_>, placement: Uuid, now: Timestamp) -> Result<Standing, store::Error> {
    Ok(match placement::known(tx, Held { placement, side: Side::Recipient })? {
        Some(known) if !known.is_whole => Standing::Unclear,
        Some(known) if waits(&known, now) => Standing::Waits(known.enquiry.unit(Side::Recipient).clone()),
        _ => Standing::Over,
    })
}

/// Puts down whom to tell of an enquiry, if it is time for that.
///
/// # Errors
/// [`Error`]; the transaction must then be undone to where it began.
pub(super) fn act_on<'t>(desk: &mut impl Desk<'t>, shared: &Switchboard, placement: Uuid) -> Result<(), Error> {
    let Some(duty) = &shared.duty else { return Ok(()) };
    let now = desk.now();
    let known = placement::known(desk.tx(), Held { placement, side: Side::Recipient })?;
    // Else own events are on their way back: one of them may be the answer.
    let Some(known) = known.filter(|known| known.is_whole && waits(known, now)) else { return Ok(()) };
    // At its end nothing more is told of it, nor tried again.
    let (unit, until) = (known.enquiry.unit(Side::Recipient), known.enquiry.view().end());
    if known.over_limit {
        let last = notice::last(desk.tx(), unit, now)?.map(|last| last + duty.wait());
        if let Some(time) = last.filter(|time| *time > now) {
            return Ok(BOOK.note(desk.tx(), placement, time.min(until))?);
        }
    }
    match duty.go_on(desk, &BOOK, (placement, unit, until), &shared.release())? {
        Turn::Early => {}
        Turn::Called => {
            metrics::add(&shared.counters.called);
            notice::tell(desk.tx(), unit, now)?;
        }
        Turn::Nobody => {
            metrics::add(&shared.counters.uncalled);
            report(desk, shared, &known)?;
        }
    }
    Ok(())
}

/// Tells whoever asked that nobody is left to tell, unless it was told. Whoever asks too often does not hear of it, and
/// what the directory does not let be sent is not.
fn report<'t>(desk: &mut impl Desk<'t>, shared: &Switchboard, known: &Known) -> Result<(), Error> {
    if known.over_limit || known.enquiry.view().unattended {
        return Ok(());
    }
    match carry::write(desk, shared, known, Body::Unattended) {
        Err(Error::Rules(refusal)) => {
            tracing::debug!(%refusal, "The rules wrote nothing.");
            Ok(())
        }
        written => written,
    }
}

/// Whether an enquiry waits here for an answer.
fn waits(known: &Known, now: Timestamp) -> bool {
    known.held.side == Side::Recipient && known.enquiry.view().at(now).0 == State::Asked
}

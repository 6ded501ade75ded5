//! Words: what a desk says of an enquiry, one person on duty at the unit that asked is told of, if it has a roster
//! ([`nhipcau_runtime::waking`]): that it was answered, or that nobody at the desk is left to tell.
//!
//! Of each word one person is told, once: whoever asked is at work on it, and nobody is called out of bed for it. Where
//! they could not be reached the next is told instead. What is newer goes before what is older, and what somebody at
//! the unit has acted on is not told any more. While nobody is on duty, whoever comes next is, as long as something can
//! be done about it.

use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::{
    placement::{Enquiry, Event, State},
    referral::Side,
};
use nhipcau_messaging::{
    desk::Desk,
    pae,
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
    store::{
        placement::{self, Held},
        word::{self, WORDS},
    },
};

/// When a word is looked at again while nobody is on duty, and nobody says when somebody will be.
const AGAIN: SignedDuration = SignedDuration::from_hours(1);

/// The name of a word: whoever asks makes up the uid of an enquiry, and makes no other word of it.
fn name(placement: Uuid, ordinal: u64) -> Uuid {
    let digest = pae::sha256(&pae::pae(&[b"nhipcau/1/placement-word", placement.as_bytes(), &ordinal.to_le_bytes()]));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// After an event was stored: a word of the desk is to be told, and goes before older ones; an own event says that
/// somebody has seen what there was.
pub(super) fn follow<'t>(
    desk: &mut impl Desk<'t>,
    known: &placement::Known,
    event: &Event,
) -> Result<(), store::Error> {
    let Held { placement, side: Side::Origin } = known.held else { return Ok(()) };
    let (word, newest) = (event.ordinal, known.enquiry.log(Side::Recipient).len() as u64);
    match event.side() {
        Side::Origin => word::forget(desk.tx(), placement),
        Side::Recipient if word == newest => {
            word::forget(desk.tx(), placement)?;
            match waits(&known.enquiry, word, desk.now()) {
                // Whatever waits already, what is new does not wait for it.
                Some(_) => word::add(desk.tx(), name(placement, word), placement, word, Timestamp::UNIX_EPOCH),
                None => Ok(()),
            }
        }
        Side::Recipient => Ok(()),
    }
}

/// Has everything looked at that waits, when a unit has another roster than before.
pub(super) fn begin_all<'t>(
    desk: &mut impl Desk<'t>,
    (rosters, before): (&Rosters, &Rosters),
) -> Result<(), store::Error> {
    let now = desk.now();
    if rosters.differing(before).next().is_some() { word::hasten_all(desk.tx(), now) } else { Ok(()) }
}

/// Takes the word of which somebody is to be told first.
pub(super) fn take_due<'t>(desk: &mut impl Desk<'t>, duty: &Duty) -> Result<Option<Uuid>, store::Error> {
    duty.take_due(desk, &WORDS, |tx, word, now| {
        let known = of(tx, word)?;
        Ok(match known {
            Some((known, _)) if !known.is_whole => Standing::Unclear,
            Some((known, ordinal)) if waits(&known.enquiry, ordinal, now).is_some() => {
                Standing::Waits(known.enquiry.unit(Side::Origin).clone())
            }
            _ => Standing::Over,
        })
    })
}

/// Puts down whom to tell of a word, unless somebody was told already, or has time left to be.
///
/// # Errors
/// [`Error`]; the transaction must then be undone to where it began.
pub(super) fn act_on<'t>(desk: &mut impl Desk<'t>, shared: &Switchboard, word: Uuid) -> Result<(), Error> {
    let (Some(duty), now) = (&shared.duty, desk.now()) else { return Ok(()) };
    let Some((known, ordinal)) = of(desk.tx(), word)?.filter(|(known, _)| known.is_whole) else { return Ok(()) };
    let Some(until) = waits(&known.enquiry, ordinal, now) else { return Ok(()) };
    if word::is_told(desk.tx(), word)? {
        return Ok(WORDS.note(desk.tx(), word, until)?);
    }
    let unit = known.enquiry.unit(Side::Origin);
    match duty.go_on(desk, &WORDS, (word, unit, until), &shared.release())? {
        Turn::Early => {}
        Turn::Called => metrics::add(&shared.counters.called),
        // Nobody is missed who could answer: the operator need not hear of it again and again.
        Turn::Nobody => {
            let next = duty.next_start(unit, now).unwrap_or(now + AGAIN);
            WORDS.note(desk.tx(), word, next.min(until))?;
        }
    }
    Ok(())
}

fn of(tx: &mut Tx<'_>, word: Uuid) -> Result<Option<(placement::Known, u64)>, store::Error> {
    let Some((placement, ordinal)) = word::of(tx, word)? else { return Ok(None) };
    let known = placement::known(tx, Held { placement, side: Side::Origin })?;
    Ok(known.map(|known| (known, ordinal)))
}

/// Until when somebody is to be told of a word; `None` when nobody is, any more or at all.
fn waits(enquiry: &Enquiry, ordinal: u64, now: Timestamp) -> Option<Timestamp> {
    let seen = |event: &Event| event.seen.is_some_and(|mark| mark.ordinal >= ordinal);
    let is_last = enquiry.log(Side::Recipient).len() as u64 == ordinal;
    if !is_last || enquiry.log(Side::Origin).last().is_some_and(seen) {
        return None;
    }
    let view = enquiry.view();
    let until = match view.at(now).0 {
        State::Asked if view.unattended => view.end(),
        State::CallWanted | State::Held => view.end(),
        State::Refused => view.lapse,
        _ => return None,
    };
    (until > now).then_some(until)
}

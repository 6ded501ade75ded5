//! Waking: while a branch waits for a person at a unit with a roster, whoever is on duty there is told, one after the
//! other ([`nhipcau_runtime::waking`]). Here is which branches wait, and from when on.
//!
//! When nobody is left to tell, the access point says so to the origin, once, and the branch stays as it is, so that
//! the unit can still acknowledge; it is its origin's ladder that turns to the level above. Where the origin says that
//! somebody there took it by telephone nobody is told before the time to confirm that has passed.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;
use nhipcau_domain::{
    id::PartyId,
    referral::{Command, HandOver, Kind, Request, Side},
};
use nhipcau_messaging::{
    desk::Desk,
    handler::Due,
    store::{self, Tx},
};
use nhipcau_runtime::{
    rosters::Rosters,
    waking::{Duty, Standing, Turn},
};
use uuid::Uuid;

use crate::{
    Referrals, act,
    error::Error,
    group::lawful,
    metrics, send,
    store::{
        branch::{self, Known},
        notice::{self, BOOK},
        reading::Held,
    },
};

/// So many new branches of one party in a minute are looked at before whatever waits longer.
const AHEAD: u32 = 16;

/// How many branches each party has opened here in the minute that is.
#[derive(Debug, Default)]
pub(crate) struct Newcomers(Mutex<BTreeMap<PartyId, (i64, u32)>>);

impl Newcomers {
    /// Whether one more of a party is among the first of its minute.
    fn is_first(&self, party: &PartyId, now: Timestamp) -> bool {
        let mut opened = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = now.as_second().div_euclid(60);
        let (last, count) = opened.entry(party.clone()).or_default();
        *count = if *last == minute { count.saturating_add(1) } else { 1 };
        *last = minute;
        *count <= AHEAD
    }
}

/// Notes that somebody is to be told of a branch that has begun here, if there is a roster to ask.
pub(crate) fn begin<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, known: &Known) -> Result<(), Error> {
    let Some(duty) = shared.duty.as_ref().filter(|_| waits(known)) else { return Ok(()) };
    let has_roster = duty.rosters().of(known.branch.unit(Side::Recipient)).is_some();
    if !has_roster {
        return Ok(());
    }
    // Whatever waits already, what is new does not wait for it, unless its party opens more than can be looked at.
    let (now, party) = (desk.now(), &known.branch.unit(Side::Origin).party);
    let due = if shared.newcomers.is_first(party, now) { notice::new_at(now) } else { now };
    Ok(BOOK.note(desk.tx(), known.held.branch, due)?)
}

/// Has everything looked at that waits at units whose roster is new, or another than before.
pub(crate) fn begin_all<'t>(
    desk: &mut impl Desk<'t>,
    (rosters, before): (&Rosters, &Rosters),
) -> Result<(), store::Error> {
    let now = desk.now();
    rosters.differing(before).try_for_each(|unit| notice::hasten_all(desk.tx(), unit, now))
}

/// Takes the branch for which the next is to be told first.
pub(crate) fn take_due<'t>(desk: &mut impl Desk<'t>, duty: &Duty) -> Result<Option<Due>, store::Error> {
    Ok(duty.take_due(desk, &BOOK, standing)?.map(Uuid::into_bytes))
}

fn standing(tx: &mut Tx<'_>, branch: Uuid, _: Timestamp) -> Result<Standing, store::Error> {
    Ok(match branch::known(tx, Held { branch, side: Side::Recipient })? {
        Some(known) if !known.is_whole => Standing::Unclear,
        Some(known) if waits(&known) => Standing::Waits(known.branch.unit(Side::Recipient).clone()),
        _ => Standing::Over,
    })
}

/// Puts down whom to tell of a branch, if it is time for that.
///
/// # Errors
/// [`Error`]; the transaction must then be undone to where it began.
pub(crate) fn act_on<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, due: Due) -> Result<(), Error> {
    let (branch, now) = (Uuid::from_bytes(due), desk.now());
    let Some(duty) = &shared.duty else { return Ok(()) };
    let known = branch::known(desk.tx(), Held { branch, side: Side::Recipient })?;
    // Else own events are on their way back: one of them may say that somebody has seen it.
    let Some(known) = known.filter(|known| known.is_whole && waits(known)) else { return Ok(()) };
    // Somebody there took it by telephone, and has time left to confirm it.
    if let Some(until) = known.branch.view().sleeps_until().filter(|until| *until > now) {
        return Ok(BOOK.note(desk.tx(), branch, until)?);
    }
    let at = (branch, known.branch.unit(Side::Recipient), Timestamp::MAX);
    match duty.go_on(desk, &BOOK, at, &shared.release())? {
        Turn::Early => {}
        Turn::Called => metrics::add(&shared.counters.called),
        Turn::Nobody => {
            metrics::add(&shared.counters.uncalled);
            report(desk, shared, known)?;
        }
    }
    Ok(())
}

/// Tells the origin that nobody is left to tell, unless it was told. What the directory does not let be sent is not.
fn report<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, mut known: Known) -> Result<(), Error> {
    if known.branch.view().unattended {
        return Ok(());
    }
    let (command, actor) = (Command::ReportUnattended, send::rules());
    let request = Request { command, etag: None, actor, now: desk.now() };
    lawful(act::write(desk, shared, &mut known, request, ""))
}

/// Whether a branch waits here for a person. A NOTIFICATION asks nothing of anybody.
fn waits(known: &Known) -> bool {
    known.held.side == Side::Recipient
        && known.branch.opening().kind != Kind::Notification
        && known.branch.hand_over() != HandOver::Done
        && notice::waits(known.branch.view().state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_minute_so_many_of_each_party_are_first_and_no_more() {
        let newcomers = Newcomers::default();
        let [one, other] = ["moh", "vwu"].map(|name| PartyId::new(name).unwrap());
        let at = |second| Timestamp::from_second(second).unwrap();
        let first = |party: &PartyId, second: i64| (0..40).filter(|_| newcomers.is_first(party, at(second))).count();
        assert_eq!([first(&one, 0), first(&one, 59), first(&other, 59), first(&one, 60)], [16, 0, 16, 16]);
        assert_eq!(first(&one, 0), 16, "and after a clock went back");
    }
}

//! Waking: while a branch waits for a person at a unit with a roster, whoever is on duty there is told, one after the
//! other. Who is next is the domain's; how they are told, the access point's.
//!
//! When nobody is left to tell, this says so and looks again, at the latest when the next shift begins. The branch
//! stays as it is, so that the unit can still acknowledge; it is its origin's ladder that turns to the level above. A
//! unit that has no roster at all waits as if there were none of this. Where the origin says that somebody there took
//! it by telephone nobody is told before the time to confirm that has passed.

use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::{
    directory::Hours,
    duty::{Next, next, next_start},
    referral::{HandOver, Kind, Side},
};
use nhipcau_messaging::{desk::Desk, handler::Due, pae, store};
use nhipcau_runtime::{notify::Pending, rosters::Rosters};
use tokio::sync::watch;
use uuid::Uuid;

use crate::{
    Referrals,
    error::Error,
    metrics,
    store::{
        branch::{self, Known},
        notice,
        reading::Held,
    },
};

/// When a branch is looked at again that could not be dealt with.
const AGAIN: SignedDuration = SignedDuration::from_mins(1);

/// When a branch is looked at again whose unit has no roster any more. If one comes, before.
const LATER: SignedDuration = SignedDuration::from_hours(24);

/// Branches that wait for nobody and are passed over at once: when rosters come, whatever waits is looked at.
const PASSED_OVER: usize = 32;

/// Who is on duty, and how long they have.
#[derive(Debug, Clone)]
pub(crate) struct Duty {
    pub(crate) rosters: watch::Receiver<Rosters>,
    pub(crate) wait: SignedDuration,
}

impl Duty {
    fn rosters(&self) -> Rosters {
        self.rosters.borrow().clone()
    }
}

/// Notes that somebody is to be told of a branch that has begun here, if there is a roster to ask.
pub(crate) fn begin<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, known: &Known) -> Result<(), Error> {
    let Some(duty) = shared.duty.as_ref().filter(|_| waits(known)) else { return Ok(()) };
    let has_roster = duty.rosters().of(known.branch.unit(Side::Recipient)).is_some();
    // Whatever waits already, what is new does not wait for it.
    let first = Timestamp::UNIX_EPOCH;
    if has_roster { Ok(notice::note(desk.tx(), known.held.branch, first)?) } else { Ok(()) }
}

/// Has everything looked at that waits at units whose roster is new, or another than before.
pub(crate) fn begin_all<'t>(
    desk: &mut impl Desk<'t>,
    (rosters, before): (&Rosters, &Rosters),
) -> Result<(), store::Error> {
    let now = desk.now();
    rosters.differing(before).try_for_each(|unit| notice::hasten_all(desk.tx(), unit, now))
}

/// Takes the branch for which the next is to be told first. Forgets those that wait for nobody, and puts off those
/// whose unit has no roster any more: whoever was told is not told again when it comes back.
pub(crate) fn take_due<'t>(desk: &mut impl Desk<'t>, duty: &Duty) -> Result<Option<Due>, store::Error> {
    let (now, rosters) = (desk.now(), duty.rosters());
    for _ in 0..PASSED_OVER {
        let Some(branch) = notice::take(desk.tx(), now, now + AGAIN)? else { break };
        let known = branch::known(desk.tx(), Held { branch, side: Side::Recipient })?;
        let has_roster = |known: &Known| rosters.of(known.branch.unit(Side::Recipient)).is_some();
        match known.filter(|known| !known.is_whole || waits(known)) {
            None => notice::forget(desk.tx(), branch)?,
            Some(known) if known.is_whole && !has_roster(&known) => notice::note(desk.tx(), branch, now + LATER)?,
            Some(_) => return Ok(Some(branch.into_bytes())),
        }
    }
    Ok(None)
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
        return Ok(notice::note(desk.tx(), branch, until)?);
    }
    let (rosters, unit) = (duty.rosters(), known.branch.unit(Side::Recipient));
    let Some(roster) = rosters.of(unit) else { return Ok(()) };
    let (told, last) = notice::told(desk.tx(), branch, now)?;
    if let Some(time) = last.map(|last| last + duty.wait).filter(|time| *time > now) {
        return Ok(notice::note(desk.tx(), branch, time)?);
    }
    let (release, none) = (shared.release(), Hours::default());
    let hours = release.unit(&unit.party, &unit.unit).map_or(&none, |unit| &unit.hours);
    let later = now + duty.wait;
    let later = match next(roster, hours, now, &told) {
        Next::Tell(person) => {
            // Of no branch anybody is told twice: so it says the same id again, whatever came back or changed since.
            let cause = [b"nhipcau/1/notice".as_slice(), branch.as_bytes(), person.person.as_str().as_bytes()];
            let id = desk.uid("", &pae::pae(&cause));
            let pending = Pending { id, unit: unit.clone(), person: person.person.clone() };
            notice::add(desk.tx(), branch, told.len() as u64 + 1, &pending, now)?;
            metrics::add(&shared.counters.called);
            later
        }
        nobody => {
            let why = nobody.reason().unwrap_or_default();
            metrics::add(&shared.counters.uncalled);
            tracing::warn!(why, party = %unit.party, unit = %unit.unit, "Nobody is left to tell that something waits.");
            roster.and_then(|roster| next_start(roster, now)).map_or(later, |start| start.min(later))
        }
    };
    Ok(notice::note(desk.tx(), branch, later)?)
}

/// Whether a branch waits here for a person. A NOTIFICATION asks nothing of anybody.
fn waits(known: &Known) -> bool {
    known.held.side == Side::Recipient
        && known.branch.opening().kind != Kind::Notification
        && known.branch.hand_over() != HandOver::Done
        && notice::waits(known.branch.view().state)
}

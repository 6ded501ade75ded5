//! Waking: while a branch waits for a person at a unit with a roster, whoever is on duty there is told, one after the
//! other. Who is next is the domain's; how they are told, the access point's.
//!
//! A TRANSFER for which nobody is left to tell goes on to the level above at once: the recipient advises the unit above
//! it as the rules do it, and the origin's rules follow. Whatever else waits stays, and is looked at again. A unit that
//! has no roster at all waits as if there were none of this.

use jiff::SignedDuration;
use nhipcau_domain::{
    directory::{Hours, Release},
    duty::{Next, next},
    referral::{Body, Cause, Command, Event, Kind, Redirection, Request, Side, State, UnitRef},
};
use nhipcau_messaging::{handler::Due, pae, store};
use nhipcau_runtime::{notify::Pending, rosters::Rosters};
use tokio::sync::watch;
use uuid::Uuid;

use crate::{
    Referrals, act,
    desk::Desk,
    error::Error,
    group::lawful,
    ladder, metrics, onward,
    open_branch::{Further, Need},
    send,
    store::{
        branch::{self, Known},
        notice,
        reading::Held,
    },
};

/// When a branch is looked at again that could not be dealt with.
const AGAIN: SignedDuration = SignedDuration::from_mins(1);

/// Branches that wait for nobody and are forgotten at once: when rosters come, whatever waits is looked at.
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
    let now = desk.now();
    if has_roster { Ok(notice::note(desk.tx(), known.held.branch, Some(now))?) } else { Ok(()) }
}

/// Has everything looked at that waited when rosters came.
pub(crate) fn begin_all<'t>(desk: &mut impl Desk<'t>, rosters: &Rosters) -> Result<(), store::Error> {
    let now = desk.now();
    rosters.parties().try_for_each(|party| notice::note_all(desk.tx(), party, now))
}

/// Takes the branch that has waited longest for the next to be told, and forgets those that wait for nobody.
pub(crate) fn take_due<'t>(desk: &mut impl Desk<'t>, duty: &Duty) -> Result<Option<Due>, store::Error> {
    let (now, rosters) = (desk.now(), duty.rosters());
    for _ in 0..PASSED_OVER {
        let Some(branch) = notice::take(desk.tx(), now, now + AGAIN)? else { break };
        let known = branch::known(desk.tx(), Held { branch, side: Side::Recipient })?;
        let has_roster = |known: &Known| rosters.of(known.branch.unit(Side::Recipient)).is_some();
        if known.is_some_and(|known| !known.is_whole || waits(&known) && has_roster(&known)) {
            return Ok(Some(branch.into_bytes()));
        }
        notice::forget(desk.tx(), branch)?;
    }
    Ok(None)
}

/// Puts down whom to tell of a branch, or goes up a level, if it is time for that.
///
/// # Errors
/// [`Error`]; the transaction must then be undone to where it began.
pub(crate) fn act_on<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, due: Due) -> Result<(), Error> {
    let (branch, now) = (Uuid::from_bytes(due), desk.now());
    let Some(duty) = &shared.duty else { return Ok(()) };
    let known = branch::known(desk.tx(), Held { branch, side: Side::Recipient })?;
    // Else own events are on their way back: one of them may say that somebody has seen it.
    let Some(known) = known.filter(|known| known.is_whole && waits(known)) else { return Ok(()) };
    let (rosters, unit) = (duty.rosters(), known.branch.unit(Side::Recipient));
    let Some(roster) = rosters.of(unit) else { return Ok(()) };
    let (told, last) = notice::told(desk.tx(), branch)?;
    if let Some(time) = last.map(|last| last + duty.wait).filter(|time| *time > now) {
        return Ok(notice::note(desk.tx(), branch, Some(time))?);
    }
    let (release, none) = (shared.release(), Hours::default());
    let hours = release.unit(&unit.party, &unit.unit).map_or(&none, |unit| &unit.hours);
    match next(roster, hours, now, &told) {
        Next::Tell(person) => {
            let step = told.len() as u64 + 1;
            let cause = [branch.as_bytes().as_slice(), &step.to_le_bytes(), person.person.as_str().as_bytes()];
            let id = desk.uid("", &pae::pae(&[&[b"nhipcau/1/notice".as_slice()], cause.as_slice()].concat()));
            let pending = Pending { id, unit: unit.clone(), person: person.person.clone() };
            notice::add(desk.tx(), branch, step, &pending, now)?;
            metrics::add(&shared.counters.called);
        }
        nobody => {
            let why = nobody.reason().unwrap_or_default();
            metrics::add(&shared.counters.uncalled);
            tracing::warn!(why, party = %unit.party, unit = %unit.unit, "Nobody is left to tell that something waits.");
            if up(desk, shared, &release, &known)? {
                return Ok(notice::forget(desk.tx(), branch)?);
            }
        }
    }
    Ok(notice::note(desk.tx(), branch, Some(now + duty.wait))?)
}

/// Whether a branch waits here for a person. A NOTIFICATION asks nothing of anybody.
fn waits(known: &Known) -> bool {
    known.held.side == Side::Recipient
        && known.branch.opening().kind != Kind::Notification
        && notice::waits(known.branch.view().state)
}

/// Advises the unit above that can be addressed, in a TRANSFER; false when there is none, or the rules do not allow it:
/// then the branch stays where it is, and its origin's ladder stands behind it.
fn up<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, release: &Release, known: &Known) -> Result<bool, Error> {
    if known.branch.opening().kind != Kind::Transfer {
        return Ok(false);
    }
    let (now, contract) = (desk.now(), crate::contract());
    let is_open = |unit: &UnitRef| {
        release.is_addressable(&unit.party, &unit.unit, now)
            && release.access_point_for(&unit.party, &unit.unit, &contract).is_some()
    };
    let above = onward::parents(release, known.branch.unit(Side::Recipient).clone()).skip(1).find(is_open);
    let Some(above) = above else { return Ok(false) };
    let command = Command::Redirect { reason: Redirection::NobodyOnDuty, advice: Some(above) };
    let request = Request { command, etag: None, actor: send::rules(), now };
    let (mut known, mut is_written) = (known.clone(), false);
    lawful(act::write(desk, shared, &mut known, request, "").map(|()| is_written = true))?;
    Ok(is_written)
}

/// Follows at the origin what the rules at the recipient of a TRANSFER advise because nobody is on duty there: a branch
/// for the same need at the unit above, or at the first above that which can be asked. No advice leads to a unit that
/// the directory does not have above the one that gives it.
pub(crate) fn follow<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    known: &Known,
    event: &Event,
) -> Result<(), Error> {
    let Body::Redirected { reason: Redirection::NobodyOnDuty, advice: Some(advice) } = &event.body else {
        return Ok(());
    };
    let (view, release) = (known.branch.view(), shared.release());
    let is_by_rule = event.actor.person.is_none() && view.kind == Kind::Transfer && view.state == State::Redirected;
    if !is_by_rule || !onward::stands_above(&release, advice, known.branch.unit(Side::Recipient)) {
        return Ok(());
    }
    let uid = desk.uid("", &pae::pae(&[b"nhipcau/1/nobody-on-duty", known.held.branch.as_bytes()]));
    let is_there = branch::known(desk.tx(), Held { branch: uid, side: Side::Origin })?.is_some();
    let Some(need) = ladder::need_of(desk, known.held.branch)?.filter(|_| !is_there) else { return Ok(()) };
    let recipient = ladder::reachable(&release, &need, known, Some(advice.clone()), desk.now());
    let is_full = ladder::is_full(desk, known)?;
    let Some(recipient) = recipient.filter(|_| !is_full) else { return Ok(()) };
    let opened = match onward::cause(&release, (&recipient, false), known, &need) {
        Ok(cause) => open(desk, shared, known, (uid, recipient, cause, need)),
        Err(error) => Err(error),
    };
    lawful(opened)
}

fn open<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    known: &Known,
    (branch, recipient, cause, before): (Uuid, UnitRef, Cause, Vec<Known>),
) -> Result<(), Error> {
    let need = Need { group: known.branch.opening().group, cause, branch: Some(known.held.branch), before };
    Further { branch, need, recipient, actor: send::rules() }.open(desk, shared, known, "").map(drop)
}

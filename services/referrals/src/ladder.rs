//! The ladder of a need: while nobody answers, its origin turns to the next level by itself, by the steps that its
//! limits carry. What is due when is the domain's; whom it can turn to, the directory's.
//!
//! Every level is written down once, in the branch that serves the need, or that somebody waits for, or that is opened
//! then. Where nobody serves the need yet, a further branch is opened, at the unit that the step names or at the parent
//! of the one asked last, passing over those that were asked and those that cannot be reached. The first acceptance
//! counts, whoever's it is.

use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::{
    directory::Release,
    id::Purpose,
    limit::{Asked, Climb, climb, own_time, told},
    referral::{Cause, Command, Request, Side, UnitRef},
};
use nhipcau_messaging::{desk::Desk, handler::Due, pae, store};
use uuid::Uuid;

use crate::{
    BRANCHES, BRANCHES_OF_A_CASE, Referrals, act,
    error::Error,
    group::lawful,
    metrics, notified, onward,
    open_branch::{Further, Need},
    send,
    store::{
        branch::{self, Known},
        due,
        reading::Held,
    },
};

/// When a branch is looked at again that could not be dealt with.
const AGAIN: SignedDuration = SignedDuration::from_mins(10);
/// When a level is tried again that could neither be said nor turned to.
const LATER: SignedDuration = SignedDuration::from_hours(1);

/// Takes the branch that is due longest.
pub(crate) fn take_due<'t>(desk: &mut impl Desk<'t>) -> Result<Option<Due>, store::Error> {
    let now = desk.now();
    let Some(branch) = due::first(desk.tx(), now)? else { return Ok(None) };
    due::set(desk.tx(), branch, Some(now + AGAIN))?;
    Ok(Some(*branch.as_bytes()))
}

/// Has the need of a branch looked at: whoever had it does so no more.
pub(crate) fn look<'t>(desk: &mut impl Desk<'t>, branch: Uuid) -> Result<(), store::Error> {
    let now = desk.now();
    due::set(desk.tx(), branch, Some(now))
}

/// Does what is due for the need of a branch: the next level that can be said or turned to, and no more than one at a
/// time.
///
/// # Errors
/// [`Error`]; the transaction must then be undone to where it began.
pub(crate) fn act_on<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, due: Due) -> Result<(), Error> {
    let (branch, now) = (Uuid::from_bytes(due), desk.now());
    let Some(need) = need_of(desk, branch)? else { return Ok(()) };
    let asked: Vec<_> = need.iter().map(|known| Asked::new(&known.branch)).collect();
    let (mut skipped, mut in_time) = (Vec::new(), None);
    let next = loop {
        match climb(&asked, &skipped, now) {
            Climb::Turn { level, unit, is_hastened } => {
                if turn(desk, shared, &need, (level, is_hastened), unit)? {
                    break Some(now);
                }
                skipped.push(level);
                // Hastened in vain, it counts in its own time.
                if is_hastened {
                    in_time = own_time(&asked, now);
                }
            }
            Climb::Wait(time) => break Some(time),
            Climb::Rest => break None,
        }
    };
    // Whom nobody could be turned to for today may be reached tomorrow.
    let tomorrow = (!skipped.is_empty()).then_some(now + LATER);
    let time = next.into_iter().chain(in_time).chain(tomorrow).min();
    Ok(due::set(desk.tx(), branch, time)?)
}

/// The branches for the need of one; `None` while some of their events are being given back.
fn need_of<'t>(desk: &mut impl Desk<'t>, branch: Uuid) -> Result<Option<Vec<Known>>, Error> {
    let Some(known) = branch::known(desk.tx(), Held { branch, side: Side::Origin })? else { return Ok(None) };
    let mut need = Vec::new();
    for held in branch::of_group(desk.tx(), known.branch.ids().referral, known.branch.opening().group)? {
        match branch::known(desk.tx(), held)?.filter(|known| known.is_whole) {
            Some(known) => need.push(known),
            None => return Ok(None),
        }
    }
    Ok(Some(need))
}

/// Turns to a level and says it, as far as either can be done; false when neither can, and when nobody can be turned to
/// before its time.
fn turn<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    need: &[Known],
    (level, is_hastened): (u32, bool),
    unit: Option<UnitRef>,
) -> Result<bool, Error> {
    let is_turned_to = is_turned_to(desk, need, level);
    let opened = if is_turned_to { None } else { further(desk, shared, need, level, unit)? };
    if is_hastened && !is_turned_to && opened.is_none() {
        let branch = need.last().map(|known| known.held.branch);
        tracing::warn!(?branch, level, "Nobody is left to tell, and nobody above can be turned to yet.");
        return Ok(false);
    }
    let told = told(&need.iter().map(|known| Asked::new(&known.branch)).collect::<Vec<_>>());
    let mut told = need.iter().find(|known| Some(known.held.branch) == told).cloned();
    let is_said = match &mut told {
        Some(told) => tell(desk, shared, told, level)?,
        None => false,
    };
    let is_done = match opened {
        // Else nothing says that the level was turned to, and a later word would be spent on saying so.
        Some(mut opened) if !is_said => tell(desk, shared, &mut opened, level)?,
        Some(_) => true,
        None => is_said,
    };
    if is_done {
        metrics::add(&shared.counters.escalated);
    } else {
        let branch = need.last().map(|known| known.held.branch);
        tracing::warn!(?branch, level, "A level could neither be said nor turned to.");
    }
    Ok(is_done)
}

/// Whether the need is served, or a branch was opened for this level that has forgotten to say so: the store was put
/// back, and its opening alone came back.
fn is_turned_to<'t>(desk: &impl Desk<'t>, need: &[Known], level: u32) -> bool {
    need.iter().any(|known| {
        // Whoever was turned to, whoever has it by now.
        let opened_for = known.branch.recipients().next().map(|unit| uid(desk, known, level, unit));
        known.branch.view().state.is_assigned() || Some(known.held.branch) == opened_for
    })
}

/// The uid of the branch that a level opens at a unit for the need of a branch.
fn uid<'t>(desk: &impl Desk<'t>, known: &Known, level: u32, unit: &UnitRef) -> Uuid {
    let cause = pae::pae(&[
        b"nhipcau/1/ladder",
        known.branch.ids().referral.as_bytes(),
        known.branch.opening().group.as_bytes(),
        &level.to_le_bytes(),
        unit.party.as_str().as_bytes(),
        unit.unit.as_str().as_bytes(),
    ]);
    desk.uid("", &cause)
}

/// Opens a branch at the next level, if anybody can be reached there.
fn further<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    need: &[Known],
    level: u32,
    unit: Option<UnitRef>,
) -> Result<Option<Known>, Error> {
    let Some(last) = need.iter().max_by_key(|known| known.branch.opening_time()) else { return Ok(None) };
    let (ids, full) = (last.branch.ids(), is_full(desk, last)?);
    let recipient = reachable(&shared.release(), need, last, unit, desk.now()).filter(|_| !full);
    let Some(recipient) = recipient else { return Ok(None) };
    let further = Further {
        branch: uid(desk, last, level, &recipient),
        kind: last.branch.opening().kind,
        need: Need {
            group: last.branch.opening().group,
            cause: Cause::Escalation,
            branch: Some(ids.branch),
            before: need.to_vec(),
        },
        recipient,
        actor: send::rules(),
    };
    let mut opened = None;
    lawful(further.open(desk, shared, last, "").map(|known| opened = Some(known)))?;
    if let Some(opened) = &opened {
        notified::tell(desk, shared, opened, "")?;
    }
    Ok(opened)
}

/// Whether no branch more is opened for the referral or the case of one.
pub(crate) fn is_full<'t>(desk: &mut impl Desk<'t>, known: &Known) -> Result<bool, Error> {
    let (ids, origin) = (known.branch.ids(), &known.branch.unit(Side::Origin).party);
    Ok(branch::of_referral(desk.tx(), ids.referral)?.len() as u64 >= BRANCHES
        || branch::of_case_by(desk.tx(), ids.case, origin, Side::Origin)? >= BRANCHES_OF_A_CASE)
}

/// Writes a level into a branch; false when the rules or the directory do not allow it now.
fn tell<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, known: &mut Known, level: u32) -> Result<bool, Error> {
    let command = Command::Escalate { level };
    let request = Request { command, etag: None, actor: send::rules(), now: desk.now() };
    let mut is_written = false;
    lawful(act::write(desk, shared, known, request, "").map(|()| is_written = true))?;
    Ok(is_written)
}

/// The unit of a step, or the parent of the one asked last, or whoever is above them: the first that was not asked and
/// can be.
fn reachable(
    release: &Release,
    need: &[Known],
    last: &Known,
    unit: Option<UnitRef>,
    now: Timestamp,
) -> Option<UnitRef> {
    let (sender, contract) = (&last.branch.unit(Side::Origin).party, crate::contract());
    let can_be_asked = |unit: &UnitRef, purpose: &Purpose| {
        release.is_addressable(&unit.party, &unit.unit, now)
            && release.access_point_for(&unit.party, &unit.unit, &contract).is_some()
            && release.lets_go_on(sender, &contract, &unit.party, purpose, now)
            && need.iter().all(|known| known.branch.unit(Side::Recipient) != unit)
    };
    let (from, skip) = match unit {
        Some(unit) => (unit, 0),
        None => (last.branch.unit(Side::Recipient).clone(), 1),
    };
    onward::parents(release, from).skip(skip).find(|unit| can_be_asked(unit, &last.purpose))
}

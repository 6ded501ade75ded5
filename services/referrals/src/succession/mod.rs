//! Succession: open branches of a unit that is over go, with both logs, to the unit that took over its duties.
//!
//! The successor is asked first, with everything but the content, and says by its receipt whether it would take the
//! branch. Until then the old unit goes on as before. Then the last event of its log, `moved`, ends its part, in the
//! transaction that takes the receipt: from there on nobody acts at the old unit, and the successor acts as soon as the
//! event has arrived with the branch. Whatever crashes, one of the two has it, and never both act.
//!
//! No rule chooses among several successors: a person does. Nothing is believed of one that the release in use does not
//! name.

mod away;
mod choose;
mod copy;
mod taking;

use nhipcau_domain::{
    directory::{Release, Succession},
    referral::{Event, State, UnitRef},
};
use nhipcau_messaging::{desk::Desk, message::RefusalReason};

pub(crate) use self::{
    away::{Watch, act_on, concluded, end, leave, recovered, take_due},
    choose::choose,
    taking::{offered, take_over},
};
use crate::{Referrals, receive::NotTaken, store::branch::Known};

/// The message by which a successor is asked.
pub(crate) const OFFER_MESSAGE: &str = "nhipcau.referral.v1.BranchOffered";

/// The first minor version of the contract whose readers take part in a hand-over.
const MINOR: u32 = 2;

/// Whether a branch in this state is handed over. What is closed stays with who closed it.
const fn is_open(state: State) -> bool {
    state.is_waited_for() || matches!(state, State::Completed)
}

/// Looks whether a unit may have handed a branch over to another. What the release does not confirm is held: an access
/// point that was taken over must not lead a case to whom it likes.
///
/// # Errors
/// `NOT_YET`: a newer release may name it. A person is told.
pub(crate) fn confirm<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    event: &Event,
    successor: &UnitRef,
) -> Result<(), NotTaken> {
    if Succession::confirms(&shared.release(), &event.owner, successor, desk.now()) {
        return Ok(());
    }
    let (reason, branch) = (nhipcau_domain::reason::MOVED_UNCONFIRMED, event.ids.branch);
    tracing::error!(reason, %branch, from = %event.owner, to = %successor, "A hand-over is not in the directory.");
    Err(NotTaken::Reason(RefusalReason::NotYet))
}

/// Whether an event may be a successor's word that came before the one by which it has the branch: by this release, or
/// by a newer one that its sender has and nobody here does yet.
pub(crate) fn is_early<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    known: &Known,
    (event, sender_release): (&Event, u64),
) -> bool {
    let (unit, release) = (known.branch.unit(event.side), shared.release());
    event.owner != *unit
        && (sender_release > release.version() || Succession::confirms(&release, unit, &event.owner, desk.now()))
}

/// Whether a unit is anybody's successor: what comes for a branch that it does not have may be about one on its way.
pub(crate) fn is_heir(release: &Release, heir: &UnitRef) -> bool {
    release.units().any(|unit| unit.successors.iter().any(|(party, unit)| (party, unit) == (&heir.party, &heir.unit)))
}

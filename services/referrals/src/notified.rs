//! Who is told of a TRANSFER beside the unit that is addressed, such as the province of a commune.
//!
//! The directory names them with the unit. Each gets a branch of the same referral of the kind NOTIFICATION, once a
//! referral, written by the rules in the transaction that opens the TRANSFER: the coded preview, and never who the
//! child is. It is closed when somebody there has seen it, or when nobody waits for or serves the TRANSFER any more;
//! what is recalled is recalled there too. That somebody cannot be told keeps nothing from the TRANSFER; and on consent
//! nobody is told who was not named to whoever gave it.

use nhipcau_domain::referral::{Basis, Cause, Command, Kind, Request, Side, State, UnitRef};
use nhipcau_messaging::{desk::Desk, engine::SubmitError, pae};
use uuid::Uuid;

use crate::{
    Referrals, act,
    error::Error,
    group::lawful,
    ladder::is_full,
    metrics,
    open_branch::{Further, Need},
    send,
    store::branch::{self, Known},
    submit,
};

/// Tells whoever the directory names of a TRANSFER, as far as they do not know of the referral.
///
/// # Errors
/// [`Error`] of the store or the engine; the transaction must then be undone to where it began.
pub(crate) fn tell<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Referrals,
    transfer: &Known,
    traceparent: &str,
) -> Result<(), Error> {
    let view = transfer.branch.view();
    let goes_on = view.state.is_pending() || view.state.is_assigned();
    if view.kind != Kind::Transfer || !goes_on || transfer.branch.is_over() {
        return Ok(());
    }
    let (release, to) = (shared.release(), transfer.branch.unit(Side::Recipient));
    let Some(unit) = release.unit(&to.party, &to.unit).filter(|unit| !unit.notified.is_empty()) else {
        return Ok(());
    };
    for (party, unit) in &unit.notified {
        let unit = UnitRef { party: party.clone(), unit: unit.clone() };
        if knows(desk, transfer, &unit)? {
            continue;
        }
        let mut is_told = false;
        if !matches!(view.basis, Basis::Consent(_))
            && !submit::is_closed(&release, &unit, desk.now())
            && !is_full(desk, transfer)?
        {
            match notification(desk, transfer, unit).open(desk, shared, transfer, traceparent) {
                // Whoever takes nothing is told nothing; nothing was written for them.
                Err(Error::Sending(SubmitError::OutboxFull { .. })) => {}
                opened => lawful(opened.map(|_| is_told = true))?,
            }
        }
        if !is_told {
            metrics::add(&shared.counters.untold);
            tracing::warn!(branch = %transfer.held.branch, "A unit that is to be told of a transfer was not.");
        }
    }
    Ok(())
}

/// Closes a notification of the rules, which somebody there has seen.
///
/// # Errors
/// As [`tell`].
pub(crate) fn close<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, known: &mut Known) -> Result<(), Error> {
    let is_of_rules = known.branch.log(Side::Origin).at(1).is_some_and(|opening| opening.actor == send::rules());
    if known.branch.opening().kind != Kind::Notification || !is_of_rules {
        return Ok(());
    }
    let request = Request { command: Command::Close, etag: None, actor: send::rules(), now: desk.now() };
    lawful(act::write(desk, shared, known, request, ""))
}

/// Closes the notifications of a referral of which a branch has ended, when it was the last that anybody waited for or
/// served.
///
/// # Errors
/// As [`tell`].
pub(crate) fn close_with<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, ended: &Known) -> Result<(), Error> {
    if ended.branch.opening().kind == Kind::Notification {
        return Ok(());
    }
    let mut told = Vec::new();
    for held in branch::of_referral(desk.tx(), ended.branch.ids().referral)? {
        let Some(known) = branch::known(desk.tx(), held)? else { continue };
        let (kind, state) = (known.branch.opening().kind, known.branch.view().state);
        match (held.side, kind) {
            (Side::Origin, Kind::Notification) => told.push(known),
            (Side::Origin, _) if state.is_waited_for() || state == State::Completed => return Ok(()),
            _ => {}
        }
    }
    told.iter_mut().try_for_each(|known| close(desk, shared, known))
}

/// Whether a unit was addressed in the referral, or is on its way back.
fn knows<'t>(desk: &mut impl Desk<'t>, transfer: &Known, unit: &UnitRef) -> Result<bool, Error> {
    let told = uid(desk, transfer, unit);
    for held in branch::of_referral(desk.tx(), transfer.branch.ids().referral)? {
        let known = branch::known(desk.tx(), held)?;
        if held.branch == told || known.is_some_and(|known| known.branch.unit(Side::Recipient) == unit) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn notification<'t>(desk: &impl Desk<'t>, transfer: &Known, unit: UnitRef) -> Further {
    let branch = uid(desk, transfer, &unit);
    // A need of its own: nobody else is relieved by it, and it stops no limit.
    let need = Need { group: branch, cause: Cause::Initial, branch: None, before: Vec::new() };
    Further { branch, kind: Kind::Notification, need, recipient: unit, actor: send::rules() }
}

/// The uid of the branch by which a unit is told of a referral: the same after the store was put back.
fn uid<'t>(desk: &impl Desk<'t>, transfer: &Known, unit: &UnitRef) -> Uuid {
    let cause = pae::pae(&[
        b"nhipcau/1/notified",
        transfer.branch.ids().referral.as_bytes(),
        unit.party.as_str().as_bytes(),
        unit.unit.as_str().as_bytes(),
    ]);
    desk.uid("", &cause)
}

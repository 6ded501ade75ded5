//! Erasure: what an ended branch left at its recipient goes at once, and the stored envelopes of the case with its key
//! as soon as nobody here may keep them and every own event has arrived.

use nhipcau_domain::referral::Side;
use uuid::Uuid;

use crate::{
    Referrals,
    desk::Desk,
    error::Error,
    metrics, send,
    store::{
        branch::{self, Known},
        content,
    },
};

/// Erases what a branch leaves behind, when it has ended at its recipient.
pub(crate) fn purge<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, known: &Known) -> Result<(), Error> {
    if known.held.side == Side::Origin || !known.branch.view().state.calls_for_erasure() {
        return Ok(());
    }
    content::drop_all(desk.tx(), send::owner(known.held, known.branch.ids().referral))?;
    case(desk, shared, known.branch.ids().case)
}

/// Erases a case when none of its branches here may keep content. Not before own events have arrived: they would be
/// erased with it, and the other side's copy of the log would end.
pub(crate) fn case<'t>(desk: &mut impl Desk<'t>, shared: &Referrals, case: Uuid) -> Result<(), Error> {
    for held in branch::of_case(desk.tx(), case)? {
        let known = branch::known(desk.tx(), held)?;
        let is_ended = known.is_some_and(|known| known.is_whole && known.branch.view().state.calls_for_erasure());
        if held.side == Side::Origin || !is_ended {
            return Ok(());
        }
    }
    if branch::is_under_way(desk.tx(), case)? {
        return Ok(());
    }
    desk.erase(case.as_bytes())?;
    metrics::add(&shared.counters.erased);
    Ok(())
}

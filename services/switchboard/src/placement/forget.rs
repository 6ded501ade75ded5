//! The end of an enquiry: so long after it, nothing of it is left on this side.

use jiff::SignedDuration;
use nhipcau_domain::referral::Side;
use nhipcau_messaging::{desk::Desk, store};

use super::thread;
use crate::{
    error::Error,
    store::{
        notice::BOOK,
        placement::{self, Held},
        word,
    },
};

/// When one is looked at again that could not be forgotten.
const AGAIN: SignedDuration = SignedDuration::from_hours(24);

/// Takes an enquiry whose time is over, and puts it off.
pub(crate) fn take_due<'t>(desk: &mut impl Desk<'t>) -> Result<Option<Held>, store::Error> {
    let now = desk.now();
    placement::take(desk.tx(), now, now + AGAIN)
}

/// Forgets a side's copy of an enquiry, once nothing of it is under way; and with the last one its key and what carried
/// it.
///
/// # Errors
/// [`Error`]; the transaction must then be undone to where it began.
pub(crate) fn forget<'t>(desk: &mut impl Desk<'t>, held: Held) -> Result<(), Error> {
    if placement::is_under_way(desk.tx(), held.placement)? {
        return Ok(());
    }
    placement::forget(desk.tx(), held)?;
    match held.side {
        Side::Recipient => BOOK.forget(desk.tx(), held.placement)?,
        Side::Origin => word::forget(desk.tx(), held.placement)?,
    }
    if placement::is_held(desk.tx(), Held { side: held.side.other(), ..held })? {
        return Ok(());
    }
    Ok(desk.erase(thread(held.placement).as_bytes())?)
}

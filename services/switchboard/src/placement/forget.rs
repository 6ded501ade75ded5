//! The end of an enquiry: so long after it, nothing of it is left on this side.

use jiff::SignedDuration;
use nhipcau_messaging::{desk::Desk, store};
use uuid::Uuid;

use super::thread;
use crate::{error::Error, store::placement};

/// When one is looked at again that could not be forgotten.
const AGAIN: SignedDuration = SignedDuration::from_hours(24);

/// Takes an enquiry whose time is over, and puts it off.
pub(crate) fn take_due<'t>(desk: &mut impl Desk<'t>) -> Result<Option<Uuid>, store::Error> {
    let now = desk.now();
    placement::take(desk.tx(), now, now + AGAIN)
}

/// Forgets an enquiry on both sides that are held here, once nothing of it is under way: what carries it would be
/// erased with it.
///
/// # Errors
/// [`Error`]; the transaction must then be undone to where it began.
pub(crate) fn forget<'t>(desk: &mut impl Desk<'t>, uid: Uuid) -> Result<(), Error> {
    if placement::is_under_way(desk.tx(), uid)? {
        return Ok(());
    }
    placement::forget(desk.tx(), uid)?;
    Ok(desk.erase(thread(uid).as_bytes())?)
}

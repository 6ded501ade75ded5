//! Requests of calling systems, and what a repeated one is answered with: the same content gets what the first one
//! made, as it stands now; other content is refused.

use nhipcau_messaging::{desk::Desk, writer::Row};
use nhipcau_runtime::caller::Call;
use uuid::Uuid;

use crate::{
    error::Error,
    store::request::{self, Answered, TABLE},
};

/// What the request made before, if it was answered.
///
/// # Errors
/// [`Error::RequestIdReused`] when it said something else then.
pub(crate) fn answered<'t>(call: &Call, desk: &mut impl Desk<'t>) -> Result<Option<Answered>, Error> {
    let Some(answered) = request::find(desk.tx(), &call.system_name(), &call.request_id)? else { return Ok(None) };
    let row = Row { case: answered.case.as_bytes(), table: TABLE, key: call.request_id.as_bytes() };
    // With the case, the means to compare was erased.
    match desk.wake(&row, &answered.digest)? {
        Some(digest) if digest != call.digest => Err(Error::RequestIdReused),
        _ => Ok(Some(answered)),
    }
}

/// Remembers what the request made.
pub(crate) fn remember<'t>(
    call: &Call,
    desk: &mut impl Desk<'t>,
    case: Uuid,
    referral: Uuid,
    branch: Option<Uuid>,
) -> Result<(), Error> {
    let row = Row { case: case.as_bytes(), table: TABLE, key: call.request_id.as_bytes() };
    let digest = desk.rest(&row, &call.digest)?;
    let answered = Answered { case, digest, referral, branch };
    Ok(request::remember(desk.tx(), &call.system_name(), &call.request_id, &answered)?)
}

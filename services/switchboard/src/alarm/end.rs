//! Ending an alarm: a person with a reason, and nobody else.

use nhipcau_domain::{contact, id::PartyId, reason};
use nhipcau_messaging::desk::Desk;
use nhipcau_proto::switchboard::v1 as pb;
use nhipcau_runtime::caller::Call;
use uuid::Uuid;

use super::keep::{keep_alarm, shown, whole};
use crate::{Switchboard, error::Error, metrics, request, store::alarm as store};

/// Ends an alarm.
///
/// # Errors
/// [`Error`]; the transaction must then be undone to where the call began.
pub(super) fn cancel<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Switchboard,
    (call, uid): (&Call, Uuid),
    request: &pb::CancelAlarmRequest,
) -> Result<pb::CancelAlarmResponse, Error> {
    let stored = store::alarm(desk.tx(), &call.party, uid)?.ok_or(Error::AccessDenied)?;
    if request::first(call, desk, (uid, stored.case))?.is_some() {
        return Ok(pb::CancelAlarmResponse { alarm: Some(shown(&stored)), replayed: true });
    }
    // What was erased is not changed any more.
    let standing = whole(desk, &stored)?.ok_or_else(|| Error::rule("alarm", reason::WRONG_STATE))?;
    let (actor, now) = (call.actor(), desk.now());
    let ended = standing.cancel(request.reason, &contact::Call { etag: &request.etag, actor: &actor, now })?;
    let alarm = keep_alarm(desk, &call.party, stored.case, &ended)?;
    request::note(call, desk, (uid, stored.case), &[])?;
    metrics::add(&shared.counters.alarms_ended);
    Ok(pb::CancelAlarmResponse { alarm: Some(alarm), replayed: false })
}

/// Reads `parties/{party}/alarms/{alarm}` of a caller's own party.
///
/// # Errors
/// [`Error::AccessDenied`]: what cannot be a name does not exist, and another party's does not either.
pub(super) fn read_name(text: &str, party: &PartyId) -> Result<Uuid, Error> {
    let parts = text.strip_prefix("parties/").and_then(|rest| rest.split_once("/alarms/"));
    let (_, uid) = parts.filter(|(owner, _)| *owner == party.as_str()).ok_or(Error::AccessDenied)?;
    Uuid::try_parse(uid).map_err(|_| Error::AccessDenied)
}

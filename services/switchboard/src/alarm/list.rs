//! Listing the alarms of a party, newest first: for whoever sees that things exist without what a press told; for a
//! person who reads content with it, after an access record of each contact.

use nhipcau_domain::id::{AccessPointId, PartyId};
use nhipcau_messaging::{desk::Desk, store::Tx};
use nhipcau_proto::switchboard::v1 as pb;
use prost::Message as _;
use uuid::Uuid;

use super::keep::{self, shown};
use crate::{
    access::{self, Reader},
    error::Error,
    page::Asked,
    store::alarm as store,
};

/// Uid and what is shown without content of each alarm, and the token of the next page.
type Page = (Vec<(Uuid, Vec<u8>)>, String);

/// A page of the alarms of a party, without content.
///
/// # Errors
/// [`Error`] when the filter or the token does not fit.
pub(super) fn page(
    request: &pb::ListAlarmsRequest,
    (party, access_point): (&PartyId, &AccessPointId),
    tx: &mut Tx<'_>,
) -> Result<pb::ListAlarmsResponse, Error> {
    let (found, next_page_token) = found(request, (party, access_point), tx)?;
    let alarms = found.iter().map(|(_, basic)| pb::Alarm::decode(basic.as_slice()).unwrap_or_default());
    Ok(pb::ListAlarmsResponse { alarms: alarms.collect(), next_page_token })
}

/// The same with content. What it returns may leave once the transaction is on disk, because then the records are.
///
/// # Errors
/// As [`page`].
pub(super) fn read<'t>(
    desk: &mut impl Desk<'t>,
    request: &pb::ListAlarmsRequest,
    (reader, access_point): (&Reader, &AccessPointId),
) -> Result<pb::ListAlarmsResponse, Error> {
    let party = &reader.party;
    let (found, next_page_token) = found(request, (party, access_point), desk.tx())?;
    let mut alarms = Vec::with_capacity(found.len());
    for (uid, _) in found {
        let Some(stored) = store::alarm(desk.tx(), party, uid)? else { continue };
        let Some(alarm) = keep::whole(desk, &stored)? else {
            alarms.push(shown(&stored));
            continue;
        };
        let now = desk.now();
        access::record(reader, alarm.contact, access_point, now, desk.tx())?;
        alarms.push(alarm.write(party));
    }
    Ok(pb::ListAlarmsResponse { alarms, next_page_token })
}

/// The alarms that are asked for.
fn found(request: &pb::ListAlarmsRequest, whose: (&PartyId, &AccessPointId), tx: &mut Tx<'_>) -> Result<Page, Error> {
    let is_known = |state| pb::AlarmState::try_from(state).is_ok_and(|state| state != pb::AlarmState::Unspecified);
    let size = (request.page_size, request.page_token.as_str());
    let asked = Asked::read(b"nhipcau/1/alarm-page", &request.states, is_known, size, whose)?;
    asked.page(
        tx,
        |tx, cursor, limit| store::after(tx, whose.0, cursor, limit),
        |_, at, (state, basic)| Ok(asked.wants(state).then_some((at.uid, basic))),
    )
}

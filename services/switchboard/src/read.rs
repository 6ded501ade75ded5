//! Reading one contact: BASIC; FULL, and who would get it, with an access record.

use nhipcau_domain::{
    contact::way,
    id::{AccessPointId, PartyId},
    reason,
    route::Routes,
};
use nhipcau_messaging::{desk::Desk, store::Tx};
use nhipcau_proto::switchboard::v1 as pb;
use uuid::Uuid;

use crate::{
    Switchboard,
    access::{self, Reader},
    earlier::{self, Earlier},
    error::Error,
    record::{named, whole},
    request::shown,
    store::contact,
};

/// A contact, BASIC.
///
/// # Errors
/// [`Error::AccessDenied`] when it is not there or not the party's.
pub(crate) fn basic(uid: Uuid, party: &PartyId, tx: &mut Tx<'_>) -> Result<pb::Contact, Error> {
    let stored = contact::find(tx, uid)?.filter(|stored| stored.party == party.as_str());
    stored.as_ref().map(shown).ok_or(Error::AccessDenied)
}

/// A contact, FULL, with the earlier ones of the same person; without its details once its case was erased. What it
/// returns may leave once the transaction is on disk, because then the access record is.
///
/// # Errors
/// [`Error::AccessDenied`] as for BASIC; nothing is recorded then.
pub(crate) fn full<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Switchboard,
    uid: Uuid,
    reader: &Reader,
    access_point: &AccessPointId,
) -> Result<pb::Contact, Error> {
    let stored = named(desk, &reader.party, uid)?;
    let now = desk.now();
    access::record(reader, uid, access_point, now, desk.tx())?;
    let Some(standing) = whole(desk, &stored)? else { return Ok(shown(&stored)) };
    let Earlier { count, names } = earlier::of(desk, shared, &standing)?;
    Ok(pb::Contact { earlier_contact_count: count, earlier_contacts: names, ..standing.write() })
}

/// Who would get a contact now, and why. It tells where that is, so that an access record is written as for FULL.
///
/// # Errors
/// [`Error::AccessDenied`] as for BASIC; `WRONG_STATE` when its case was erased.
pub(crate) fn route<'t>(
    desk: &mut impl Desk<'t>,
    uid: Uuid,
    (reader, access_point): (&Reader, &AccessPointId),
    service: &str,
    routes: &Routes,
) -> Result<pb::ContactRoute, Error> {
    let stored = named(desk, &reader.party, uid)?;
    let standing = whole(desk, &stored)?.ok_or_else(|| Error::rule("contact", reason::WRONG_STATE))?;
    let now = desk.now();
    access::record(reader, uid, access_point, now, desk.tx())?;
    Ok(way::write(way::of(&standing.report, service, now, routes).as_ref()))
}

/// The answer to a sending as a caller may see it: with the route after an access record, or without it.
///
/// # Errors
/// [`Error`] when the record cannot be written.
pub(crate) fn sent<'t>(
    desk: &mut impl Desk<'t>,
    uid: Uuid,
    (reader, access_point): (Option<&Reader>, &AccessPointId),
    answer: pb::SendContactResponse,
) -> Result<pb::SendContactResponse, Error> {
    let Some(reader) = reader.filter(|_| answer.route.is_some()) else {
        return Ok(pb::SendContactResponse { route: None, ..answer });
    };
    let now = desk.now();
    access::record(reader, uid, access_point, now, desk.tx())?;
    Ok(answer)
}

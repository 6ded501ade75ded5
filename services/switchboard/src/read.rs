//! Reading one contact: BASIC, FULL with an access record, and who would get it.

use nhipcau_domain::{
    contact::way,
    id::{AccessPointId, PartyId},
    reason,
    route::Routes,
};
use nhipcau_messaging::store::Tx;
use nhipcau_proto::switchboard::v1 as pb;
use uuid::Uuid;

use crate::{
    access::{self, Reader},
    desk::Desk,
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

/// A contact, FULL; without its details once its case was erased. What it returns may leave once the transaction is on
/// disk, because then the access record is.
///
/// # Errors
/// [`Error::AccessDenied`] as for BASIC; nothing is recorded then.
pub(crate) fn full<'t>(
    desk: &mut impl Desk<'t>,
    uid: Uuid,
    reader: &Reader,
    access_point: &AccessPointId,
) -> Result<pb::Contact, Error> {
    let stored = named(desk, &reader.party, uid)?;
    let now = desk.now();
    access::record(reader, uid, access_point, now, desk.tx())?;
    Ok(whole(desk, &stored)?.map_or_else(|| shown(&stored), |standing| standing.write()))
}

/// Who would get a contact now, and why.
///
/// # Errors
/// [`Error::AccessDenied`] as for BASIC; `WRONG_STATE` when its case was erased.
pub(crate) fn route<'t>(
    desk: &mut impl Desk<'t>,
    uid: Uuid,
    party: &PartyId,
    service: &str,
    routes: &Routes,
) -> Result<pb::ContactRoute, Error> {
    let stored = named(desk, party, uid)?;
    let standing = whole(desk, &stored)?.ok_or_else(|| Error::rule("contact", reason::WRONG_STATE))?;
    Ok(way::write(way::of(&standing.report, service, desk.now(), routes).as_ref()))
}

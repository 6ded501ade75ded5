//! Reading an enquiry: BASIC; and FULL, with who needs what, after an access record.

use jiff::Timestamp;
use nhipcau_domain::{
    id::{AccessPointId, PartyId},
    placement::State,
    referral::{Side, write_time, write_unit},
};
use nhipcau_messaging::{desk::Desk, message::RefusalReason, store::Tx};
use nhipcau_proto::placement::v1 as pb;
use prost::Message as _;
use uuid::Uuid;

use super::carry;
use crate::{
    access::{self, Reader},
    error::Error,
    store::placement::{self as store, Held, Known},
};

/// The enquiry of a party by its uid. Where both sides are the party's, the desk's; but another's that came under the
/// uid of an own one hides nothing.
fn of_party(tx: &mut Tx<'_>, uid: Uuid, party: &PartyId) -> Result<Known, Error> {
    let mut of = |side| {
        let known = store::known(tx, Held { placement: uid, side })?;
        Ok::<_, Error>(known.filter(|known| known.enquiry.unit(side).party == *party))
    };
    match (of(Side::Recipient)?, of(Side::Origin)?) {
        (Some(theirs), Some(own)) if theirs.enquiry.asked().digest() != own.enquiry.asked().digest() => Ok(own),
        (Some(known), _) | (None, Some(known)) => Ok(known),
        (None, None) => Err(Error::AccessDenied),
    }
}

/// An enquiry, BASIC.
///
/// # Errors
/// [`Error::AccessDenied`] when it is not there or not the party's.
pub(crate) fn one(uid: Uuid, party: &PartyId, now: Timestamp, tx: &mut Tx<'_>) -> Result<pb::Placement, Error> {
    let known = of_party(tx, uid, party)?;
    shown(tx, &known, now)
}

/// An enquiry, FULL. What it returns may leave once the transaction is on disk, because then the access record is.
///
/// # Errors
/// [`Error::AccessDenied`] as for BASIC; nothing is recorded then.
pub(crate) fn full<'t>(
    desk: &mut impl Desk<'t>,
    uid: Uuid,
    reader: &Reader,
    access_point: &AccessPointId,
) -> Result<pb::Placement, Error> {
    let known = of_party(desk.tx(), uid, &reader.party)?;
    let now = desk.now();
    access::record(reader, uid, access_point, now, desk.tx())?;
    let need = carry::need(desk, &known)?.and_then(|need| pb::PlacementNeed::decode(need.as_slice()).ok());
    Ok(pb::Placement { need, ..basic(desk, &known)? })
}

/// An enquiry after a change.
pub(crate) fn basic<'t>(desk: &mut impl Desk<'t>, known: &Known) -> Result<pb::Placement, Error> {
    let now = desk.now();
    shown(desk.tx(), known, now)
}

/// An enquiry without who needs what, as it stands at a time.
pub(crate) fn shown(tx: &mut Tx<'_>, known: &Known, now: Timestamp) -> Result<pb::Placement, Error> {
    let (enquiry, side) = (&known.enquiry, known.held.side);
    let view = enquiry.view();
    let (state, since) = view.at(now);
    let own = store::log(tx, known.held, side)?;
    let refused = own.iter().rev().find_map(|stored| stored.outcome.filter(|code| *code > 0));
    let refused = refused.and_then(|code| RefusalReason::try_from(code).ok()).map(|reason| reason.as_str_name());
    let late = side == Side::Recipient && is_late(tx, known)?;
    Ok(pb::Placement {
        name: format!("parties/{}/placements/{}", enquiry.unit(side).party, known.held.placement),
        uid: known.held.placement.to_string(),
        origin: Some(write_unit(enquiry.unit(Side::Origin))),
        recipient: Some(write_unit(enquiry.unit(Side::Recipient))),
        side: side.to_wire(),
        state: state.to_wire(),
        state_time: Some(write_time(since)),
        from_time: view.from.map(write_time),
        hold_until_time: view.until.map(write_time),
        expire_time: view.expiry().map(write_time),
        refusal_code: view.refused.map_or(0, |code| code.to_wire()),
        referral_uid: view.referral.map_or_else(String::new, |referral| referral.to_string()),
        late,
        over_limit: known.over_limit,
        under_way: refused.is_none() && own.iter().any(|stored| stored.outcome.is_none()),
        refusal_reason: refused.map_or_else(String::new, |name| name.trim_start_matches("REFUSAL_REASON_").to_owned()),
        purpose: known.purpose.to_string(),
        need: None,
        create_time: Some(write_time(enquiry.asked().time)),
        etag: enquiry.etag(),
        unattended: view.unattended && state == State::Asked,
    })
}

/// Whether the confirmation was stored here only after the hold was over. A clock that is behind confirms in time by
/// its own word; the desk that held goes by its own.
fn is_late(tx: &mut Tx<'_>, known: &Known) -> Result<bool, Error> {
    let view = known.enquiry.view();
    let (Some(until), Some(confirmed)) = (view.until, view.confirmed) else { return Ok(false) };
    let theirs = store::log(tx, known.held, Side::Origin)?;
    Ok(theirs.iter().any(|stored| stored.event.time == confirmed && stored.store_time >= until))
}

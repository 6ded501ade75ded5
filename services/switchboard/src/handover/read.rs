//! Reading a hand-over: BASIC; and FULL, with what was told, after an access record.

use nhipcau_domain::{
    contact::name,
    id::{AccessPointId, PartyId},
    referral::{Basis, Side, write_basis, write_time, write_unit},
};
use nhipcau_messaging::{desk::Desk, message::RefusalReason, store::Tx};
use nhipcau_proto::{
    referral::v1::{Danger, LawfulBasis},
    switchboard::v1 as pb,
};
use uuid::Uuid;

use super::content;
use crate::{
    access::{self, Reader},
    error::Error,
    store::handover::{self, Held, Known},
};

/// The hand-over of a party by its uid. Where both sides are the party's, the recipient's: there the content is.
fn of_party(tx: &mut Tx<'_>, uid: Uuid, party: &PartyId) -> Result<Known, Error> {
    for side in [Side::Recipient, Side::Origin] {
        let known = handover::known(tx, Held { handover: uid, side })?;
        if let Some(known) = known.filter(|known| known.handover.unit(side).party == *party) {
            return Ok(known);
        }
    }
    Err(Error::AccessDenied)
}

/// A hand-over, BASIC.
///
/// # Errors
/// [`Error::AccessDenied`] when it is not there or not the party's.
pub(crate) fn one(uid: Uuid, party: &PartyId, tx: &mut Tx<'_>) -> Result<pb::Handover, Error> {
    let known = of_party(tx, uid, party)?;
    basic(tx, &known)
}

/// A hand-over, FULL: with what was told, as far as this side still has it. What it returns may leave once the
/// transaction is on disk, because then the access record is.
///
/// # Errors
/// [`Error::AccessDenied`] as for BASIC; nothing is recorded then.
pub(crate) fn full<'t>(
    desk: &mut impl Desk<'t>,
    uid: Uuid,
    reader: &Reader,
    access_point: &AccessPointId,
) -> Result<pb::Handover, Error> {
    let known = of_party(desk.tx(), uid, &reader.party)?;
    let now = desk.now();
    access::record(reader, uid, access_point, now, desk.tx())?;
    let content = Some(content::shown(&content::newest(desk, &known)?));
    Ok(pb::Handover { content, ..basic(desk.tx(), &known)? })
}

/// A hand-over without anything about a person.
pub(crate) fn basic(tx: &mut Tx<'_>, known: &Known) -> Result<pb::Handover, Error> {
    let (handover, side) = (&known.handover, known.held.side);
    let (view, ids) = (handover.view(), handover.ids());
    let own_contact = known.own_contact.map(|uid| name(&handover.unit(side).party, uid));
    let own = handover::log(tx, known.held, side)?;
    let refused = own.iter().rev().find_map(|stored| stored.outcome.filter(|code| *code > 0));
    let refused = refused.and_then(|code| RefusalReason::try_from(code).ok()).map(|reason| reason.as_str_name());
    Ok(pb::Handover {
        name: format!("parties/{}/handovers/{}", handover.unit(side).party, ids.handover),
        uid: ids.handover.to_string(),
        case_uid: ids.case.to_string(),
        contact_uid: ids.contact.to_string(),
        origin: Some(write_unit(handover.unit(Side::Origin))),
        recipient: Some(write_unit(handover.unit(Side::Recipient))),
        side: side.to_wire(),
        state: view.state.to_wire(),
        state_time: Some(write_time(view.since)),
        answering: view.state.answers(side),
        asked: view.asked.iter().map(|field| field.to_wire()).collect(),
        waiting: view.waiting,
        lawful_basis: Some(basic_basis(&view.basis)),
        purpose: known.purpose.to_string(),
        disclosed_parts: view.disclosed.iter().map(|part| part.to_wire()).collect(),
        decline_code: view.declined.map_or(0, |code| code.to_wire()),
        withdraw_reason: view.withdrawn.map_or(0, |reason| reason.to_wire()),
        hand_back_reason: view.hand_back.map_or(0, |reason| reason.to_wire()),
        under_way: refused.is_none() && own.iter().any(|stored| stored.outcome.is_none()),
        refusal_reason: refused.map_or_else(String::new, |name| name.trim_start_matches("REFUSAL_REASON_").to_owned()),
        content: None,
        create_time: Some(write_time(handover.offer().time)),
        etag: handover.etag(),
        own_contact: own_contact.unwrap_or_default(),
    })
}

/// A basis without what it says about a person.
fn basic_basis(basis: &Basis) -> LawfulBasis {
    let mut basis = write_basis(basis);
    if let Some(interest) = &mut basis.vital_interest {
        interest.danger = Danger::Unspecified as i32;
    }
    basis
}

//! Recording a contact, and keeping and finding what was recorded.

use nhipcau_domain::{
    contact::{Contact, Ids, basic},
    id::{AccessPointId, PartyId},
    reason,
};
use nhipcau_messaging::{desk::Desk, writer::Row};
use nhipcau_proto::switchboard::v1 as pb;
use nhipcau_runtime::caller::Call;
use prost::Message as _;
use uuid::Uuid;

use crate::{
    Switchboard, earlier,
    error::Error,
    metrics,
    request::{self, Response as _},
    store::contact::{self, Stored, TABLE},
};

/// Records a contact.
///
/// # Errors
/// [`Error`]; the transaction must then be undone to where the call began.
pub(crate) fn record<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Switchboard,
    access_point: &AccessPointId,
    call: &Call,
    request: &pb::RecordContactRequest,
) -> Result<pb::RecordContactResponse, Error> {
    if let Some(earlier) = request::earlier(call, desk)? {
        // What is none was a request about something else.
        let stored = contact::find(desk.tx(), earlier)?.ok_or(Error::RequestIdReused)?;
        if let Some(answer) = request::answered(call, desk, &stored)? {
            return Ok(answer);
        }
    }
    let ids = Ids { contact: request::made(call, desk, "contact"), case: request::made(call, desk, "case") };
    let recorded = Contact::record(request, ids, desk.now())?;
    let unit = &recorded.unit;
    if !shared.release().hosts(access_point, &unit.party, Some(&unit.unit), &crate::contract()) {
        return Err(Error::rule("unit", reason::NOT_HOSTED));
    }
    if request.validate_only {
        return Ok(pb::RecordContactResponse::default());
    }
    keep(desk, &recorded)?;
    earlier::link(desk, shared, &recorded)?;
    metrics::add(&shared.counters.recorded);
    let answer = pb::RecordContactResponse::default().with(Some(basic(recorded.write())), false);
    request::remember(call, desk, (ids.contact, ids.case), &answer)?;
    Ok(answer)
}

/// Writes a contact as it stands now: the BASIC view in the clear, all of it under the key of its case.
pub(crate) fn keep<'t>(desk: &mut impl Desk<'t>, standing: &Contact) -> Result<(), Error> {
    let whole = standing.write();
    let row = Row { case: standing.case.as_bytes(), table: TABLE, key: standing.uid.as_bytes() };
    let body = desk.rest(&row, &whole.encode_to_vec())?;
    let stored = Stored {
        contact: standing.uid,
        party: standing.unit.party.to_string(),
        case: standing.case,
        state: standing.state.to_wire(),
        create_time: standing.created.as_microsecond(),
        basic: basic(whole).encode_to_vec(),
        body,
    };
    Ok(contact::put(desk.tx(), &stored)?)
}

/// A contact of a party, by its name.
///
/// # Errors
/// [`Error::AccessDenied`]: what is not the party's and what does not exist are one answer.
pub(crate) fn named<'t>(desk: &mut impl Desk<'t>, party: &PartyId, contact: Uuid) -> Result<Stored, Error> {
    let stored = contact::find(desk.tx(), contact)?;
    stored.filter(|stored| stored.party == party.as_str()).ok_or(Error::AccessDenied)
}

/// The whole contact; `None` when its case was erased.
///
/// # Errors
/// `WRONG_STATE` for one that this build cannot read: nothing is done with it before a person has looked.
pub(crate) fn whole<'t>(desk: &mut impl Desk<'t>, stored: &Stored) -> Result<Option<Contact>, Error> {
    let row = Row { case: stored.case.as_bytes(), table: TABLE, key: stored.contact.as_bytes() };
    let Some(body) = desk.wake(&row, &stored.body)? else { return Ok(None) };
    let value = pb::Contact::decode(body.as_slice()).ok();
    let standing = value.and_then(|value| Contact::read(&value).ok());
    if standing.is_none() {
        tracing::error!(contact = %stored.contact, "A contact cannot be read.");
    }
    standing.map(Some).ok_or_else(|| Error::rule("contact", reason::WRONG_STATE))
}

/// Reads `parties/{party}/contacts/{contact}` of a caller's own party.
///
/// # Errors
/// [`Error::AccessDenied`]: what cannot be a name does not exist, and another party's does not either.
pub(crate) fn read_name(text: &str, party: &PartyId) -> Result<Uuid, Error> {
    let parts = text.strip_prefix("parties/").and_then(|rest| rest.split_once("/contacts/"));
    let (_, uid) = parts.filter(|(owner, _)| *owner == party.as_str()).ok_or(Error::AccessDenied)?;
    Uuid::try_parse(uid).map_err(|_| Error::AccessDenied)
}

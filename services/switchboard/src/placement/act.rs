//! What a side does about an enquiry: who may, was it asked before, is it lawful, write. The domain decides.

use nhipcau_domain::{
    id::PartyId,
    placement::{Body, Event},
    reason,
};
use nhipcau_messaging::desk::Desk;
use nhipcau_proto::placement::v1 as pb;
use nhipcau_runtime::caller::Call;
use prost::Message;
use uuid::Uuid;

use super::{carry, read, thread};
use crate::{
    Switchboard,
    error::Error,
    request,
    store::placement::{self as store, Held, Known},
};

/// What is asked of an enquiry.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) call: Call,
    pub(crate) placement: Uuid,
    pub(crate) etag: String,
    pub(crate) validate_only: bool,
    /// A person has seen that the asking party asks too often.
    pub(crate) despite_limit: bool,
}

/// An answer with an enquiry in it.
pub(crate) trait Response: Message + Default + Send + 'static {
    /// The answer with this enquiry, and whether it repeats the first one.
    fn new(placement: Option<pb::Placement>, replayed: bool) -> Self;
}

macro_rules! responses {
    ($($name:ident),*) => {$(
        impl Response for pb::$name {
            fn new(placement: Option<pb::Placement>, replayed: bool) -> Self {
                Self { placement, replayed }
            }
        }
    )*}
}

responses!(
    AskPlacementResponse,
    AnswerPlacementResponse,
    ConfirmPlacementResponse,
    ReleasePlacementResponse,
    WithdrawPlacementResponse
);

/// Writes an event of the side that alone writes it. What only checks writes nothing.
///
/// # Errors
/// [`Error`]; the transaction must then be undone to where the call began.
pub(crate) fn act<'t, R: Response>(
    desk: &mut impl Desk<'t>,
    shared: &Switchboard,
    asked: &Asked,
    body: Body,
) -> Result<R, Error> {
    let (call, side) = (&asked.call, body.side());
    let known = store::known(desk.tx(), Held { placement: asked.placement, side })?;
    // What is not the party's and what does not exist are one answer.
    let known = known.filter(|known| known.enquiry.unit(side).party == call.party).ok_or(Error::AccessDenied)?;
    if let Some(answer) = answered(desk, call, &known)? {
        return Ok(answer);
    }
    request::unused(call, desk)?;
    if !known.is_whole {
        return Err(Error::Recovering);
    }
    if known.enquiry.etag() != asked.etag {
        return Err(Error::rule("etag", reason::ETAG_STALE));
    }
    if known.over_limit && matches!(body, Body::Answered(_)) && !asked.despite_limit {
        return Err(Error::rule("placement", reason::PLACEMENT_LIMIT));
    }
    let draft = known.enquiry.next(body, call.actor(), desk.now())?;
    if asked.validate_only {
        return Ok(R::new(Some(read::basic(desk, &known)?), false));
    }
    let (event, bytes) = Event::write(draft);
    carry::send(desk, shared, &known, (&event, bytes), None, &call.traceparent)?;
    finish(desk, call, known.held)
}

/// What the request was answered with before, with the enquiry as it stands now.
///
/// # Errors
/// [`Error::RequestIdReused`] when it said something else then.
pub(crate) fn answered<'t, R: Response>(
    desk: &mut impl Desk<'t>,
    call: &Call,
    known: &Known,
) -> Result<Option<R>, Error> {
    let about = known.held.placement;
    match request::first(call, desk, (about, thread(about)))? {
        Some(_) => Ok(Some(R::new(Some(read::basic(desk, known)?), true))),
        None => Ok(None),
    }
}

/// Remembers the request and answers it.
pub(crate) fn finish<'t, R: Response>(desk: &mut impl Desk<'t>, call: &Call, held: Held) -> Result<R, Error> {
    let known = store::known(desk.tx(), held)?.ok_or(Error::AccessDenied)?;
    request::note(call, desk, (held.placement, thread(held.placement)), &[])?;
    Ok(R::new(Some(read::basic(desk, &known)?), false))
}

/// Reads `parties/{party}/placements/{placement}` of a caller's own party.
///
/// # Errors
/// [`Error::AccessDenied`]: what cannot be a name does not exist, and another party's does not either.
pub(crate) fn read_name(text: &str, party: &PartyId) -> Result<Uuid, Error> {
    let parts = text.strip_prefix("parties/").and_then(|rest| rest.split_once("/placements/"));
    let (_, uid) = parts.filter(|(owner, _)| *owner == party.as_str()).ok_or(Error::AccessDenied)?;
    Uuid::try_parse(uid).map_err(|_| Error::AccessDenied)
}

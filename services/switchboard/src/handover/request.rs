//! What is asked of a hand-over, and what a repeated request is answered with: the hand-over as it stands now. Other
//! content under the same id is refused.

use nhipcau_domain::{
    handover::{Body, Handover},
    id::PartyId,
    reason,
    referral::{Refusal, Side},
};
use nhipcau_messaging::desk::Desk;
use nhipcau_proto::switchboard::v1 as pb;
use nhipcau_runtime::caller::Call;
use prost::Message;
use uuid::Uuid;

use super::{content::key_of, read};
use crate::{
    error::Error,
    request,
    store::handover::{self, Held, Known},
};

/// What is asked of a hand-over.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) call: Call,
    pub(crate) handover: Uuid,
    pub(crate) etag: String,
    pub(crate) validate_only: bool,
}

/// An answer with a hand-over in it.
pub(crate) trait Response: Message + Default + Send + 'static {
    /// The answer with this hand-over, and whether it repeats the first one.
    fn new(handover: Option<pb::Handover>, replayed: bool) -> Self;
}

macro_rules! responses {
    ($($name:ident),*) => {$(
        impl Response for pb::$name {
            fn new(handover: Option<pb::Handover>, replayed: bool) -> Self {
                Self { handover, replayed }
            }
        }
    )*}
}

responses!(
    OfferHandoverResponse,
    AcceptHandoverResponse,
    DeclineHandoverResponse,
    WithdrawHandoverResponse,
    AskHandBackResponse,
    HandBackResponse,
    AddContactNoteResponse
);

/// The hand-over, if it is there and the caller's party is on the side that may ask.
///
/// # Errors
/// [`Error::AccessDenied`]: what is not the party's and what does not exist are one answer.
pub(crate) fn authorised<'t>(desk: &mut impl Desk<'t>, asked: &Asked, side: Side) -> Result<Known, Error> {
    let known = handover::known(desk.tx(), Held { handover: asked.handover, side })?;
    known.filter(|known| known.handover.unit(side).party == asked.call.party).ok_or(Error::AccessDenied)
}

/// What the request was answered with before, with the hand-over as it stands now.
///
/// # Errors
/// [`Error::RequestIdReused`] when it said something else then.
pub(crate) fn answered<'t, R: Response>(
    desk: &mut impl Desk<'t>,
    call: &Call,
    known: &Known,
) -> Result<Option<R>, Error> {
    let (about, case) = (known.held.handover, key_of(known.held, known.handover.ids().case));
    match request::first(call, desk, (about, case))? {
        Some(_) => Ok(Some(R::new(Some(read::basic(desk.tx(), known)?), true))),
        None => Ok(None),
    }
}

/// Remembers the request and answers it.
pub(crate) fn finish<'t, R: Response>(desk: &mut impl Desk<'t>, call: &Call, held: Held) -> Result<R, Error> {
    let known = handover::known(desk.tx(), held)?.ok_or(Error::AccessDenied)?;
    let case = key_of(held, known.handover.ids().case);
    request::note(call, desk, (held.handover, case), &[])?;
    Ok(R::new(Some(read::basic(desk.tx(), &known)?), false))
}

/// Refuses what the caller asks of another hand-over than the one that they read.
pub(crate) fn check_etag(handover: &Handover, etag: &str, refusal: &mut Refusal) {
    if handover.etag() != etag {
        refusal.add("etag", reason::ETAG_STALE);
    }
}

/// The side that alone writes an event.
pub(crate) const fn side_of(body: &Body) -> Side {
    body.kind().side()
}

/// Reads `parties/{party}/handovers/{handover}` of a caller's own party.
///
/// # Errors
/// [`Error::AccessDenied`]: what cannot be a name does not exist, and another party's does not either.
pub(crate) fn read_name(text: &str, party: &PartyId) -> Result<Uuid, Error> {
    let parts = text.strip_prefix("parties/").and_then(|rest| rest.split_once("/handovers/"));
    let (_, uid) = parts.filter(|(owner, _)| *owner == party.as_str()).ok_or(Error::AccessDenied)?;
    Uuid::try_parse(uid).map_err(|_| Error::AccessDenied)
}

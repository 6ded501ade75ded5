//! Requests of calling systems, and what a repeated one is answered with: the contact as it stands now, and beside it
//! what was answered first. Other content under the same id is refused.

use nhipcau_messaging::{desk::Desk, pae, writer::Row};
use nhipcau_proto::switchboard::v1 as pb;
use nhipcau_runtime::caller::Call;
use prost::Message;
use uuid::Uuid;

use crate::{
    error::Error,
    store::{
        contact::Stored,
        request::{self, TABLE},
    },
};

/// An answer with a contact in it.
pub(crate) trait Response: Message + Default + Clone + Send + 'static {
    /// The same with this contact, and whether it repeats the first one.
    fn with(self, contact: Option<pb::Contact>, replayed: bool) -> Self;
}

macro_rules! responses {
    ($($name:ident),*) => {$(
        impl Response for pb::$name {
            fn with(self, contact: Option<pb::Contact>, replayed: bool) -> Self {
                Self { contact, replayed, ..self }
            }
        }
    )*}
}

macro_rules! bare_responses {
    ($($name:ident),*) => {$(
        impl Response for pb::$name {
            fn with(self, contact: Option<pb::Contact>, replayed: bool) -> Self {
                Self { contact, replayed }
            }
        }
    )*}
}

responses!(AmendContactResponse, SendContactResponse);
bare_responses!(RecordContactResponse, CounselContactResponse, CloseContactResponse, ContinueHandoverResponse);

/// The contact that an earlier request of this id was about.
pub(crate) fn earlier<'t>(call: &Call, desk: &mut impl Desk<'t>) -> Result<Option<Uuid>, Error> {
    Ok(request::find(desk.tx(), &call.system_name(), &call.request_id)?.map(|(contact, _)| contact))
}

/// Refuses a request id that was used for something else.
///
/// # Errors
/// [`Error::RequestIdReused`].
pub(crate) fn unused<'t>(call: &Call, desk: &mut impl Desk<'t>) -> Result<(), Error> {
    earlier(call, desk)?.map_or(Ok(()), |_| Err(Error::RequestIdReused))
}

/// What the request was answered with before, with the contact as it stands now.
///
/// # Errors
/// [`Error::RequestIdReused`] when it said something else then.
pub(crate) fn answered<'t, R: Response>(
    call: &Call,
    desk: &mut impl Desk<'t>,
    stored: &Stored,
) -> Result<Option<R>, Error> {
    let first = first(call, desk, (stored.contact, stored.case))?;
    Ok(first.map(|beside| R::decode(beside.as_slice()).unwrap_or_default().with(Some(shown(stored)), true)))
}

/// What was answered first beside what the request is about, where it is a repetition. Empty once the case was erased:
/// with it, the means to compare was.
///
/// # Errors
/// [`Error::RequestIdReused`] when it said something else then, or was about something else.
pub(crate) fn first<'t>(
    call: &Call,
    desk: &mut impl Desk<'t>,
    (about, case): (Uuid, Uuid),
) -> Result<Option<Vec<u8>>, Error> {
    let Some((earlier, answer)) = request::find(desk.tx(), &call.system_name(), &call.request_id)? else {
        return Ok(None);
    };
    if earlier != about {
        return Err(Error::RequestIdReused);
    }
    let row = Row { case: case.as_bytes(), table: TABLE, key: call.request_id.as_bytes() };
    let Some(answer) = desk.wake(&row, &answer)? else { return Ok(Some(Vec::new())) };
    match answer.split_at_checked(call.digest.len()) {
        Some((digest, beside)) if digest == call.digest => Ok(Some(beside.to_vec())),
        _ => Err(Error::RequestIdReused),
    }
}

/// Remembers what the request was answered with.
pub(crate) fn remember<'t, R: Response>(
    call: &Call,
    desk: &mut impl Desk<'t>,
    about: (Uuid, Uuid),
    answer: &R,
) -> Result<(), Error> {
    note(call, desk, about, &answer.clone().with(None, false).encode_to_vec())
}

/// Notes that the request was answered, and with what beside what it is about.
pub(crate) fn note<'t>(
    call: &Call,
    desk: &mut impl Desk<'t>,
    (about, case): (Uuid, Uuid),
    beside: &[u8],
) -> Result<(), Error> {
    let row = Row { case: case.as_bytes(), table: TABLE, key: call.request_id.as_bytes() };
    let answer = desk.rest(&row, &[call.digest.as_slice(), beside].concat())?;
    Ok(request::remember(desk.tx(), &call.system_name(), &call.request_id, about, &answer)?)
}

/// The uid of something that the request makes. The same request makes the same, also after this store was rolled
/// back; without this access point's key nobody can tell it beforehand.
pub(crate) fn made<'t>(call: &Call, desk: &impl Desk<'t>, what: &str) -> Uuid {
    let cause = pae::pae(&[
        b"nhipcau/1/contact-uid",
        call.party.as_str().as_bytes(),
        call.system.as_str().as_bytes(),
        call.request_id.as_bytes(),
        what.as_bytes(),
    ]);
    desk.uid(&call.request_id, &cause)
}

/// A stored contact, BASIC.
pub(crate) fn shown(stored: &Stored) -> pb::Contact {
    pb::Contact::decode(stored.basic.as_slice()).unwrap_or_default()
}

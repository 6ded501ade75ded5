//! Requests of calling systems, and what a repeated one is answered with: the contact as it stands now, and beside it
//! what was answered first. Other content under the same id is refused.

use nhipcau_domain::{
    id::{PartyId, SystemId},
    referral::{Actor, PersonRef},
};
use nhipcau_messaging::{pae, writer::Row};
use nhipcau_proto::switchboard::v1 as pb;
use nhipcau_runtime::caller::{ActingPerson, Caller};
use prost::Message;
use uuid::Uuid;

use crate::{
    desk::Desk,
    error::Error,
    store::{
        contact::Stored,
        request::{self, TABLE},
    },
};

/// Who asks, and for what.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) party: PartyId,
    pub(crate) system: SystemId,
    pub(crate) person: Option<PersonRef>,
    pub(crate) request_id: String,
    /// Of the whole request, to tell a repetition from another request.
    pub(crate) digest: [u8; 32],
    /// W3C Trace Context of the call, or empty.
    pub(crate) traceparent: String,
}

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
bare_responses!(RecordContactResponse, CounselContactResponse, CloseContactResponse);

impl Call {
    /// A call of a system with its request.
    pub(crate) fn new(
        caller: &Caller,
        person: Option<&ActingPerson>,
        request_id: &str,
        message: &impl Message,
        traceparent: String,
    ) -> Self {
        Self {
            party: caller.party.clone(),
            system: caller.system.clone(),
            // A reference that the door has taken has the same syntax.
            person: person.and_then(|person| PersonRef::new(person.as_str()).ok()),
            request_id: request_id.to_owned(),
            digest: pae::sha256(&message.encode_to_vec()),
            traceparent,
        }
    }

    /// Who acts.
    pub(crate) fn actor(&self) -> Actor {
        Actor { system: self.system.clone(), person: self.person.clone() }
    }

    fn system(&self) -> String {
        format!("{}/{}", self.party, self.system)
    }

    /// The contact that an earlier request of this id was about.
    pub(crate) fn earlier<'t>(&self, desk: &mut impl Desk<'t>) -> Result<Option<Uuid>, Error> {
        Ok(request::find(desk.tx(), &self.system(), &self.request_id)?.map(|(contact, _)| contact))
    }

    /// What the request was answered with before, with the contact as it stands now.
    ///
    /// # Errors
    /// [`Error::RequestIdReused`] when it said something else then.
    pub(crate) fn answered<'t, R: Response>(
        &self,
        desk: &mut impl Desk<'t>,
        stored: &Stored,
    ) -> Result<Option<R>, Error> {
        let Some((contact, answer)) = request::find(desk.tx(), &self.system(), &self.request_id)? else {
            return Ok(None);
        };
        if contact != stored.contact {
            return Err(Error::RequestIdReused);
        }
        let row = Row { case: stored.case.as_bytes(), table: TABLE, key: self.request_id.as_bytes() };
        // With the case, the means to compare was erased.
        let first = match desk.wake(&row, &answer)? {
            None => R::default(),
            Some(answer) => {
                let (digest, rest) = answer.split_at_checked(self.digest.len()).ok_or(Error::RequestIdReused)?;
                if digest != self.digest {
                    return Err(Error::RequestIdReused);
                }
                R::decode(rest).unwrap_or_default()
            }
        };
        Ok(Some(first.with(Some(shown(stored)), true)))
    }

    /// Remembers what the request was answered with.
    pub(crate) fn remember<'t, R: Response>(
        &self,
        desk: &mut impl Desk<'t>,
        (contact, case): (Uuid, Uuid),
        answer: &R,
    ) -> Result<(), Error> {
        let row = Row { case: case.as_bytes(), table: TABLE, key: self.request_id.as_bytes() };
        let beside = answer.clone().with(None, false).encode_to_vec();
        let answer = desk.rest(&row, &[self.digest.as_slice(), beside.as_slice()].concat())?;
        Ok(request::remember(desk.tx(), &self.system(), &self.request_id, contact, &answer)?)
    }

    /// The uid of something that the request makes. The same request makes the same, also after this store was rolled
    /// back; without this access point's key nobody can tell it beforehand.
    pub(crate) fn made<'t>(&self, desk: &impl Desk<'t>, what: &str) -> Uuid {
        let cause = pae::pae(&[
            b"nhipcau/1/contact-uid",
            self.party.as_str().as_bytes(),
            self.system.as_str().as_bytes(),
            self.request_id.as_bytes(),
            what.as_bytes(),
        ]);
        desk.uid(&self.request_id, &cause)
    }
}

/// A stored contact, BASIC.
pub(crate) fn shown(stored: &Stored) -> pb::Contact {
    pb::Contact::decode(stored.basic.as_slice()).unwrap_or_default()
}

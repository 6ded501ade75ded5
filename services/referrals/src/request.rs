//! Requests of calling systems, and what a repeated one is answered with: the same content gets what the first one
//! made, as it stands now; other content is refused.

use nhipcau_domain::{
    id::{PartyId, SystemId},
    referral::{Actor, PersonRef},
};
use nhipcau_messaging::{pae, writer::Row};
use nhipcau_runtime::caller::{ActingPerson, Caller};
use prost::Message;
use uuid::Uuid;

use crate::{
    desk::Desk,
    error::Error,
    store::request::{self, Answered, TABLE},
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

    /// Who acts, for the log.
    pub(crate) fn actor(&self) -> Actor {
        Actor { system: self.system.clone(), person: self.person.clone() }
    }

    fn system(&self) -> String {
        format!("{}/{}", self.party, self.system)
    }

    /// What the request made before, if it was answered.
    ///
    /// # Errors
    /// [`Error::RequestIdReused`] when it said something else then.
    pub(crate) fn answered<'t>(&self, desk: &mut impl Desk<'t>) -> Result<Option<Answered>, Error> {
        let Some(answered) = request::find(desk.tx(), &self.system(), &self.request_id)? else { return Ok(None) };
        let row = Row { case: answered.case.as_bytes(), table: TABLE, key: self.request_id.as_bytes() };
        // With the case, the means to compare was erased.
        match desk.wake(&row, &answered.digest)? {
            Some(digest) if digest != self.digest => Err(Error::RequestIdReused),
            _ => Ok(Some(answered)),
        }
    }

    /// Remembers what the request made.
    pub(crate) fn remember<'t>(
        &self,
        desk: &mut impl Desk<'t>,
        case: Uuid,
        referral: Uuid,
        branch: Option<Uuid>,
    ) -> Result<(), Error> {
        let row = Row { case: case.as_bytes(), table: TABLE, key: self.request_id.as_bytes() };
        let digest = desk.rest(&row, &self.digest)?;
        let answered = Answered { case, digest, referral, branch };
        Ok(request::remember(desk.tx(), &self.system(), &self.request_id, &answered)?)
    }
}

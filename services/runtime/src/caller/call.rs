//! A call that changes something: who asks, for whom, under which request id, and what the whole of it says.

use nhipcau_domain::{
    id::{PartyId, SystemId},
    referral::{Actor, PersonRef},
};
use nhipcau_messaging::pae;
use prost::{Message, Name};
use tonic::{Request, Status};

use super::{Role, permit_for};
use crate::trace::TraceContext;

/// The digest of a request with its kind.
#[must_use]
pub fn digest<T: Message + Name>(request: &T) -> pae::Digest {
    pae::digest_of(&[T::full_name().as_bytes(), &request.encode_to_vec()])
}

/// Who asks, and for what.
#[derive(Debug, Clone)]
pub struct Call {
    /// Party of the calling system.
    pub party: PartyId,
    /// The calling system.
    pub system: SystemId,
    /// The acting person, if one acts.
    pub person: Option<PersonRef>,
    /// Id of the request.
    pub request_id: String,
    /// Of the whole request and of what kind it is, to tell a repetition from another request: requests of two kinds
    /// may have the same bytes.
    pub digest: pae::Digest,
    /// W3C Trace Context of the call, or empty.
    pub traceparent: String,
}

impl Call {
    /// Authorises a call and says who asks.
    ///
    /// # Errors
    /// As [`permit_for`]: the caller has not the role, or no person acts where one must.
    pub fn permit<T: Message + Name>(request: &Request<T>, role: Role, person: &str, id: &str) -> Result<Self, Status> {
        let permit = permit_for(request, role, person)?;
        Ok(Self {
            party: permit.caller.party.clone(),
            system: permit.caller.system.clone(),
            // A reference that the door has taken has the same syntax.
            person: permit.person.as_ref().and_then(|person| PersonRef::new(person.as_str()).ok()),
            request_id: id.to_owned(),
            digest: digest(request.get_ref()),
            traceparent: TraceContext::onward(request),
        })
    }

    /// Who acts, for a log.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor { system: self.system.clone(), person: self.person.clone() }
    }

    /// The calling system by its whole name, `party/system`.
    #[must_use]
    pub fn system_name(&self) -> String {
        format!("{}/{}", self.party, self.system)
    }
}

//! The person for whom a system acts: an opaque reference of the calling organisation, kept in access records.
//!
//! The reference must mean something to that organisation only. It is never logged in full.

use std::fmt;

use nhipcau_domain::reason;
use tonic::{Code, Request, Status};

use crate::status::Refusal;

/// Metadata key that carries the reference.
pub const ACTING_PERSON: &str = "x-acting-person";

const LONGEST: usize = 64;

/// A reference to a person of the calling organisation.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ActingPerson(Box<str>);

impl ActingPerson {
    /// Checks the syntax.
    ///
    /// # Errors
    /// [`Refusal`] when the text is not 1 to 64 letters, digits, '.', '_' and '-' of ASCII.
    pub fn new(text: &str) -> Result<Self, Refusal> {
        let is_known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if (1..=LONGEST).contains(&text.len()) && text.bytes().all(is_known) {
            Ok(Self(text.into()))
        } else {
            Err(missing("the reference of the acting person does not have the documented syntax"))
        }
    }

    /// The person named by the metadata of a call.
    pub(super) fn named<T>(request: &Request<T>) -> Result<Option<Self>, Status> {
        let mut values = request.metadata().get_all(ACTING_PERSON).iter();
        let Some(value) = values.next() else { return Ok(None) };
        let text = value.to_str().ok().filter(|_| values.next().is_none()).unwrap_or_default();
        Ok(Some(Self::new(text)?))
    }

    /// The reference, for an access record.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ActingPerson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ActingPerson(…)")
    }
}

pub(super) fn missing(message: &'static str) -> Refusal {
    Refusal::new(Code::Unauthenticated, reason::ACTING_PERSON_MISSING, message).metadata("metadataKey", ACTING_PERSON)
}

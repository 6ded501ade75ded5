//! Events without what they say about a person: so they lie at rest, and so they are read while that is not at hand or
//! after it was erased.
//!
//! What is left out are the fields of the contract that are neither PUBLIC nor INTERNAL, the salt among them, and
//! whatever this build does not know. No rule asks for them, so that state, chain and order follow from what is left.

use nhipcau_proto::referral::v1::{self as pb, referral_event::Event as Wire};
use prost::Message as _;

use super::{
    basis::Basis,
    code::{Danger, Outcome},
    event::{Body, Digest, Draft, Event},
    event_decode::decode,
    event_encode::encode,
    violation::Refusal,
};
use crate::reason;

/// Stands, while an event is read, for a code that was left out: reading refuses what is not stated.
const STAND_IN: i32 = 1;

impl Event {
    /// The event as it may lie in the clear; `None` when that is how it travelled.
    #[must_use]
    pub fn masked(&self, travelled: &[u8]) -> Option<Vec<u8>> {
        // As it was encoded, which may list in another order what has none.
        let value = pb::ReferralEvent::decode(travelled).unwrap_or_else(|_| encode(self));
        let masked = impersonal(value).encode_to_vec();
        (masked != travelled).then_some(masked)
    }

    /// Reads a [masked](Self::masked) event, whose digest is that of the bytes that travelled. Its codes about a person
    /// read as `Unrecognized(0)`, which is shown as not stated and would be refused if it were sent.
    ///
    /// # Errors
    /// A [`Refusal`] with every violation.
    pub fn read_masked(masked: &[u8], digest: Digest) -> Result<Self, Refusal> {
        let value = pb::ReferralEvent::decode(masked).map_err(|_| Refusal::one("event", reason::FIELD_FORMAT))?;
        let mut value = impersonal(value);
        codes(&mut value).for_each(|code| *code = STAND_IN);
        value.salt = vec![0; 32];
        let mut refusal = Refusal::default();
        let draft = decode(&value, &mut refusal);
        let draft = refusal.or(draft)?.ok_or_else(|| Refusal::one("event", reason::FIELD_REQUIRED))?;
        Ok(Self::new(draft.without_codes(), digest))
    }
}

impl Draft {
    fn without_codes(mut self) -> Self {
        if let Some(Basis::VitalInterest { danger, .. }) = &mut self.basis {
            *danger = Danger::Unrecognized(0);
        }
        if let Body::Completed { outcome } = &mut self.body {
            *outcome = Outcome::Unrecognized(0);
        }
        self.salt = None;
        self
    }
}

/// Takes away what an event says about a person.
#[must_use]
pub fn impersonal(mut event: pb::ReferralEvent) -> pb::ReferralEvent {
    codes(&mut event).for_each(|code| *code = 0);
    event.salt.clear();
    event
}

/// The codes about a person.
fn codes(event: &mut pb::ReferralEvent) -> impl Iterator<Item = &mut i32> {
    let interest = event.lawful_basis.as_mut().and_then(|basis| basis.vital_interest.as_mut());
    let outcome = match &mut event.event {
        Some(Wire::Completed(completed)) => Some(&mut completed.outcome),
        _ => None,
    };
    interest.map(|interest| &mut interest.danger).into_iter().chain(outcome)
}

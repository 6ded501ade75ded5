//! Contacts of a switchboard: from the call to the referral, as rules.
//!
//! A contact is a record of the party that received it and travels to nobody. [`Contact::record`] begins it with
//! nothing but how and when it was received; what is known is amended until it is closed; [`Contact::send`] says
//! everything that keeps it from being sent, or what is to be submitted, with what nobody stated as not asked; the
//! answer makes it REFERRED or gives the reasons. [`way`] finds the unit that serves, or what a person must decide.
//! Until the referral stands the switchboard answers for it: nothing here gives a contact up by itself, but for one
//! that went on from a hand-over which was [given back](GivenBack).
//!
//! Knows nothing of agreements, storage or who may call.

mod change;
mod continued;
mod earlier;
mod report;
mod send;
mod state;
pub mod way;
mod wire;

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use nhipcau_proto::switchboard::v1 as pb;
use uuid::Uuid;

pub use change::{Amended, Call};
pub use continued::GivenBack;
pub use report::Report;
pub use send::Sent;
pub use state::{CloseReason, Deed, State};
pub use wire::{basic, name};

use crate::{
    reason,
    referral::{Objection, Refusal, UnitRef, read_unit},
};

/// A contact as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Contact {
    /// Its uid.
    pub uid: Uuid,
    /// The case that it begins.
    pub case: Uuid,
    /// The hand-over that it goes on from.
    pub handover: Option<Uuid>,
    /// Unit that received it.
    pub unit: UnitRef,
    /// What is known.
    pub report: Report,
    /// State.
    pub state: State,
    /// The referral that was sent from it.
    pub referral: Option<Uuid>,
    /// The request by which it is being sent.
    pub sending: Option<Uuid>,
    /// Why it could not be sent when that was last tried; beside a referral, that an earlier sending made it.
    pub objections: Vec<Objection>,
    /// Why it is closed.
    pub close_reason: Option<CloseReason>,
    /// When it was recorded.
    pub created: Timestamp,
    /// When the state was entered.
    pub since: Timestamp,
    /// How often it was changed.
    pub version: u64,
}

/// What identifies a new contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ids {
    /// The contact.
    pub contact: Uuid,
    /// The case that it begins.
    pub case: Uuid,
}

impl Contact {
    /// Records a contact. Only the unit, the channel and the time have to be known.
    ///
    /// # Errors
    /// A [`Refusal`] with every violation.
    pub fn record(request: &pb::RecordContactRequest, ids: Ids, now: Timestamp) -> Result<Self, Refusal> {
        let mut refusal = Refusal::default();
        let unit = read_unit(request.unit.as_ref(), "unit", &mut refusal);
        let report = Report::read(request.reception.as_ref(), request.details.as_ref(), now, &mut refusal);
        match refusal.or((unit, report))? {
            (Some(unit), Some(report)) => Ok(Self::begun(ids, unit, report, now)),
            _ => Err(Refusal::one("reception", reason::FIELD_REQUIRED)),
        }
    }

    fn begun(ids: Ids, unit: UnitRef, report: Report, now: Timestamp) -> Self {
        Self {
            uid: ids.contact,
            case: ids.case,
            handover: None,
            unit,
            report,
            state: State::Open,
            referral: None,
            sending: None,
            objections: Vec::new(),
            close_reason: None,
            created: now,
            since: now,
            version: 1,
        }
    }

    /// What a caller must have read to change it.
    #[must_use]
    pub fn etag(&self) -> String {
        self.version.to_string()
    }
}

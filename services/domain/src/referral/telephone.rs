//! Acknowledgement by telephone: what the origin says that somebody at the unit said, until a person there confirms it.
//!
//! It is the origin's word in the origin's log. It changes no state, and so nobody answers less than before; it only
//! puts off what a time limit says may be put off, by the time of the first recording, and never beyond the limit.

use jiff::Timestamp;
use nhipcau_proto::referral::v1 as pb;

use super::{
    branch::CLOCK_TOLERANCE,
    event::{Draft, Event, PersonRef, TimeLimit},
    kind::{EventKind, State},
    view::{Effect, View},
    violation::Refusal,
    wire,
    work::role,
};
use crate::reason;

/// How often it is taken for one branch. Only the first time puts anything off.
const MOST: usize = 16;

/// What somebody said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelephoneAcknowledgement {
    /// Who, as they stated it.
    pub person: PersonRef,
    /// As what, as they stated it.
    pub role: Box<str>,
    /// When, by the origin. Nothing follows from it.
    pub said: Timestamp,
}

/// The first that was recorded of a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telephoned {
    /// What was said.
    pub acknowledgement: TelephoneAcknowledgement,
    /// Who recorded it.
    pub by: Option<PersonRef>,
    /// When, by the origin's clock.
    pub recorded: Timestamp,
    /// From when on the time to confirm it counts: when it was recorded, or came, if it claims to be later than that.
    pub since: Timestamp,
}

impl TelephoneAcknowledgement {
    /// Reads what was said; every violation is added under `path`.
    pub fn read(value: &pb::TelephoneAcknowledgement, path: &str, refusal: &mut Refusal) -> Option<Self> {
        let person = wire::formatted(PersonRef::new(&value.person), &format!("{path}.person"), refusal);
        let role = role(&value.role, &format!("{path}.role"), refusal);
        let said = wire::timestamp(value.acknowledge_time.as_ref(), &format!("{path}.acknowledge_time"), refusal);
        Some(Self { person: person?, role: role?, said: said? })
    }
}

impl Telephoned {
    pub(super) fn of(event: &Event, acknowledgement: &TelephoneAcknowledgement) -> Self {
        Self {
            acknowledgement: acknowledgement.clone(),
            by: event.actor.person.clone(),
            recorded: event.time,
            since: event.time,
        }
    }

    /// By when it is confirmed as this limit has it, by the origin's clock; `None` when the limit puts nothing off.
    pub(crate) fn confirmed_by(&self, limit: &TimeLimit) -> Option<Timestamp> {
        let until = self.since.checked_add(limit.confirmation?).unwrap_or(Timestamp::MAX);
        Some(until.min(limit.due))
    }
}

impl View {
    /// Whether somebody took it by telephone and nobody has confirmed that.
    #[must_use]
    pub const fn is_acknowledged_by_telephone(&self) -> bool {
        self.telephoned.is_some() && matches!(self.state, State::Submitted | State::Received)
    }

    /// Until when steps of a limit wait for somebody to confirm what was said by telephone, by the origin's clock.
    #[must_use]
    pub fn puts_off(&self, limit: &TimeLimit) -> Option<Timestamp> {
        let said = self.telephoned.as_ref().filter(|_| self.is_acknowledged_by_telephone());
        said.and_then(|said| said.confirmed_by(limit))
    }

    /// By when a person has or had to confirm what was said by telephone, as the first limit to ask for it has it, by
    /// the origin's clock; `None` when nothing was said, or no limit puts anything off for it.
    #[must_use]
    pub fn confirmation_due(&self) -> Option<Timestamp> {
        let said = self.telephoned.as_ref()?;
        self.time_limits.iter().filter_map(|limit| said.confirmed_by(limit)).min()
    }

    /// Until when nobody is woken because somebody took it by telephone, by the clock of whoever holds this copy.
    #[must_use]
    pub fn sleeps_until(&self) -> Option<Timestamp> {
        let until = self.confirmation_due().filter(|_| self.is_acknowledged_by_telephone())?;
        Some(until.checked_sub(self.ahead).unwrap_or(Timestamp::MIN))
    }
}

/// Every reason against recording it in this view, beside the transition table.
pub(super) fn objections(view: &View, event: &Draft, said: &TelephoneAcknowledgement) -> Vec<&'static str> {
    let before = view.history.iter();
    let before = before.filter(|entry| (entry.event, entry.effect) == (EventKind::TelephoneRecorded, Effect::Kept));
    let found = [
        (reason::PERSON_REQUIRED, event.actor.person.is_none()),
        (reason::TIME_IN_FUTURE, said.said.duration_since(event.time) > CLOCK_TOLERANCE),
        (reason::TOO_MANY, before.count() >= MOST),
    ];
    found.into_iter().filter_map(|(reason, holds)| holds.then_some(reason)).collect()
}

/// Encodes what was said.
#[must_use]
pub fn write_telephone_acknowledgement(said: &TelephoneAcknowledgement) -> pb::TelephoneAcknowledgement {
    pb::TelephoneAcknowledgement {
        person: said.person.as_str().to_owned(),
        role: said.role.to_string(),
        acknowledge_time: Some(wire::write_time(said.said)),
    }
}

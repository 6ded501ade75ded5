//! Whom to tell next, or why there is nobody to tell.
//!
//! The roster is the unit's own word on a day, and goes before its opening hours: who stands in it is told also when
//! the unit is closed. Hours say only what it means that nobody stands there.

use jiff::Timestamp;

use super::roster::{Person, Roster};
use crate::directory::Hours;
use crate::reason;
use crate::referral::PersonRef;

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next<'a> {
    /// This person is told.
    Tell(&'a Person),
    /// Nobody is left to tell.
    Nobody(Nobody),
    /// Who is on duty cannot be said, and is not guessed. The operator hears of it.
    Refuse(Unusable),
}

/// Why nobody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Nobody {
    /// Everybody on duty has been told.
    EverybodyTold,
    /// The unit is open, and nobody is on duty.
    OnDuty,
    /// The unit is closed, and nobody is on duty.
    OutOfHours,
    /// Nobody is on duty, and the unit has not said when it is open.
    HoursMissing,
}

/// Why it cannot be said who is on duty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unusable {
    /// The unit has no roster here.
    Missing,
    /// Its last shift is over.
    Ended,
}

impl Next<'_> {
    /// The stable reason, documented in `docs/errors.md`; `None` when somebody is told.
    #[must_use]
    pub fn reason(&self) -> Option<&'static str> {
        Some(match self {
            Self::Tell(_) => return None,
            Self::Nobody(Nobody::EverybodyTold) => reason::EVERYBODY_TOLD,
            Self::Nobody(Nobody::OnDuty) => reason::NOBODY_ON_DUTY,
            Self::Nobody(Nobody::OutOfHours) => reason::OUT_OF_HOURS,
            Self::Nobody(Nobody::HoursMissing) => reason::HOURS_MISSING,
            Self::Refuse(Unusable::Missing) => reason::ROSTER_MISSING,
            Self::Refuse(Unusable::Ended) => reason::ROSTER_ENDED,
        })
    }
}

/// Whom to tell next at a unit, by its roster and hours, after these were told of the same matter, in whatever shift.
/// Nobody is told twice.
#[must_use]
pub fn next<'a>(roster: Option<&'a Roster>, hours: &Hours, at: Timestamp, told: &[PersonRef]) -> Next<'a> {
    let Some(roster) = roster else { return Next::Refuse(Unusable::Missing) };
    if at >= roster.end() {
        return Next::Refuse(Unusable::Ended);
    }
    let mut on_duty = roster.on_duty(at).peekable();
    if on_duty.peek().is_none() {
        return Next::Nobody(match (hours.are_known(), hours.contain(at)) {
            (false, _) => Nobody::HoursMissing,
            (true, true) => Nobody::OnDuty,
            (true, false) => Nobody::OutOfHours,
        });
    }
    on_duty.find(|it| !told.contains(&it.person)).map_or(Next::Nobody(Nobody::EverybodyTold), Next::Tell)
}

/// When the next shift begins after an instant; `None` when no shift does. Somebody may be there to tell then.
#[must_use]
pub fn next_start(roster: &Roster, at: Timestamp) -> Option<Timestamp> {
    roster.shifts().iter().map(|shift| shift.start).find(|start| *start > at)
}

//! A roster that holds together: who is on duty when, in the order in which they are told, and where nobody is.

use std::fmt;

use jiff::Timestamp;

use super::read::LONGEST_AHEAD;
use crate::directory::Hours;
use crate::pae::Digest;
use crate::referral::{PersonRef, Personal, UnitRef};

/// Seconds of a minute. Shifts begin and end on whole ones, as opening hours do.
pub(super) const MINUTE: i64 = 60;

/// Who is on duty at a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    pub(super) unit: UnitRef,
    pub(super) version: u64,
    pub(super) digest: Digest,
    /// By their start; those that begin together as they stand in the file.
    pub(super) shifts: Vec<Shift>,
    pub(super) end: Timestamp,
}

/// Some people's time on duty: from start (inclusive) to end (exclusive).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shift {
    /// First instant.
    pub start: Timestamp,
    /// First instant that no longer belongs to it.
    pub end: Timestamp,
    /// In the order in which they are told.
    pub people: Vec<Person>,
}

/// Somebody on duty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Reference, never a name.
    pub person: PersonRef,
    /// What they are on duty as.
    pub role: Box<str>,
    /// By which way of telling people they are reached.
    pub channel: Box<str>,
    /// Where they are reached by it.
    pub address: Personal<Box<str>>,
}

/// A time in which the unit is open and nobody is on duty: from start (inclusive) to end (exclusive).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// First minute.
    pub start: Timestamp,
    /// First minute that no longer belongs to it.
    pub end: Timestamp,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.start, self.end)
    }
}

impl Roster {
    /// Whose roster it is.
    #[must_use]
    pub fn unit(&self) -> &UnitRef {
        &self.unit
    }

    /// Its number.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Its shifts by their start.
    #[must_use]
    pub fn shifts(&self) -> &[Shift] {
        &self.shifts
    }

    /// The end of its last shift: from then on it says nothing.
    #[must_use]
    pub fn end(&self) -> Timestamp {
        self.end
    }

    /// Who is on duty at the instant, in the order in which they are told. Who is in two shifts stands twice.
    pub fn on_duty(&self, at: Timestamp) -> impl Iterator<Item = &Person> {
        self.shifts.iter().filter(move |shift| shift.start <= at && at < shift.end).flat_map(|shift| &shift.people)
    }

    /// Where somebody should be on duty, by the opening hours, and nobody is, from an instant on until the roster ends.
    /// Of a unit that has not said its hours every time without anybody counts. Looks [`LONGEST_AHEAD`] back from the
    /// end at most.
    #[must_use]
    pub fn gaps(&self, hours: &Hours, from: Timestamp) -> Vec<Gap> {
        let minute = |at: Timestamp| at.as_second().div_euclid(MINUTE);
        let mut gaps = Vec::new();
        let mut covered = minute(from).max(minute(self.end) - LONGEST_AHEAD.as_secs() / MINUTE);
        for shift in &self.shifts {
            gaps.extend(open_times(hours, covered, minute(shift.start)));
            covered = covered.max(minute(shift.end));
        }
        gaps
    }
}

/// The times between two minutes, counted from 1970, in which somebody should be there.
fn open_times(hours: &Hours, start: i64, end: i64) -> Vec<Gap> {
    let mut times: Vec<Gap> = Vec::new();
    let instant = |minute: i64| Timestamp::from_second(minute * MINUTE).ok();
    for (at, after) in (start..end).filter_map(|minute| instant(minute).zip(instant(minute + 1))) {
        if hours.are_known() && !hours.contain(at) {
            continue;
        }
        match times.last_mut() {
            Some(last) if last.end == at => last.end = after,
            _ => times.push(Gap { start: at, end: after }),
        }
    }
    times
}

//! Which unit serves a request: by service, area and time, from a release of the directory.
//!
//! The unit of the area itself comes first, then that of whatever lies above it, then one that serves every area. One
//! that is not in force is followed to its only successor; one where nobody is hands up to its parent; and every unit
//! that was looked at is named with why it fits or not. Where two fit equally, where the area was split, and where
//! nobody fits, a person decides: none is taken for its name or its place in a list.
//!
//! Leaves out who is on duty, and whether an agreement lets the asking party send there.

mod index;
mod walk;

#[cfg(test)]
pub(crate) mod tests;

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use self::index::Index;
use crate::area::{AdminUnit, AdminUnitRef, Areas, Resolution, day_of};
use crate::directory::{AreaRef, Release};
use crate::referral::UnitRef;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The label of the service that is needed.
    pub service: &'a str,
    /// Where it is needed.
    pub area: &'a AdminUnitRef,
    /// When.
    pub at: Timestamp,
    /// Whether somebody must be there at once.
    pub urgency: Urgency,
}

/// Whether opening hours count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Somebody must be there at that time.
    Now,
    /// It may lie until the unit opens.
    CanWait,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Who serves, or what a person has to decide.
    pub decision: Decision,
    /// Every unit that was looked at, in that order, each once.
    pub considered: Vec<Considered>,
}

/// Who serves, or what a person has to decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// This unit.
    Unit(UnitRef),
    /// A person decides.
    Person(Question),
}

/// What a person has to decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// No unit fits.
    Nobody,
    /// Which of these, that fit equally.
    Several(Vec<UnitRef>),
    /// In which of these units of that day, into which the area was split, the need is.
    Split(Vec<AdminUnitRef>),
    /// Where the area is: no list knows it, it had not begun, or nothing became of it.
    UnknownArea,
}

/// A unit that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Considered {
    /// Which.
    pub unit: UnitRef,
    /// Why it fits or not.
    pub verdict: Verdict,
    /// The unit that it was handed on by; `None` for one that serves the area by itself.
    pub handed_on_by: Option<UnitRef>,
}

/// Why a unit fits or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It serves.
    Fits,
    /// It or its party is not in force at that time.
    NotInForce,
    /// It does not give the service.
    NoService,
    /// It serves other areas.
    NotItsArea,
    /// Nobody is there at that time.
    Closed,
    /// It has not said when somebody is there, which is not guessed.
    HoursMissing,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fits => "fits",
            Self::NotInForce => "is not in force at that time",
            Self::NoService => "does not give the service",
            Self::NotItsArea => "serves other areas",
            Self::Closed => "has nobody there at that time",
            Self::HoursMissing => "has not said when somebody is there",
        })
    }
}

/// The units of a release by service and area: made once for each release, then asked.
#[derive(Debug)]
pub struct Routes {
    release: Arc<Release>,
    areas: Arc<Areas>,
    /// As of the day that it was made on.
    index: Index,
}

impl Routes {
    /// Orders the units of a release. What is asked of the day of `at`, in Viet Nam, is answered fastest.
    #[must_use]
    pub fn new(release: Arc<Release>, areas: Arc<Areas>, at: Timestamp) -> Self {
        let index = Index::new(&release, &areas, day_of(at));
        Self { release, areas, index }
    }

    /// Who serves, and why.
    #[must_use]
    pub fn route(&self, asked: &Asked<'_>) -> Route {
        let (areas, day) = (&self.areas, day_of(asked.at));
        let person = |question| Route { decision: Decision::Person(question), considered: Vec::new() };
        let unit = match areas.resolve(asked.area, day) {
            Resolution::In(unit) | Resolution::Became(unit) => unit,
            Resolution::Split(units) => {
                return person(Question::Split(units.iter().filter_map(|unit| areas.reference(unit, day)).collect()));
            }
            Resolution::Gone | Resolution::NotYet | Resolution::Unknown(_) => return person(Question::UnknownArea),
        };
        let above = |unit: &&AdminUnit| areas.list().unit_on(unit.parent.as_ref()?, day);
        let codes: Vec<&str> = std::iter::successors(Some(unit), above).map(|unit| &*unit.code).collect();
        // Areas of another day may lie elsewhere.
        let other = (day != self.index.day).then(|| Index::new(&self.release, areas, day));
        walk::walk(&self.release, &other.as_ref().unwrap_or(&self.index).ranks(asked.service, &codes), asked)
    }

    /// The areas that units name and that lie nowhere for certain on the day of the making: in them, these units are
    /// not found.
    #[must_use]
    pub fn unplaced(&self) -> &[(UnitRef, AreaRef)] {
        &self.index.unplaced
    }
}

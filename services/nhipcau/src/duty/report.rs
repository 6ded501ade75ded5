//! What is said of rosters: whose they are, how long they last, who is on duty, where nobody is. No address.

use std::fmt;

use jiff::Timestamp;
use nhipcau_domain::{
    directory::Hours,
    duty::{Person, Roster},
    referral::UnitRef,
};
use nhipcau_runtime::rosters::Rosters;
use serde::Serialize;

use crate::terminal::counted;

/// Gaps that are listed for people; a document has them all.
const LISTED: usize = 20;

/// A roster that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    unit: String,
    version: u64,
    shifts: usize,
    end_time: String,
    gaps: Vec<Gap>,
}

#[derive(Debug, Serialize)]
struct Gap {
    start_time: String,
    end_time: String,
}

impl Report {
    pub(super) fn of(roster: &Roster, hours: Hours, now: Timestamp) -> Self {
        let gap =
            |gap: &nhipcau_domain::duty::Gap| Gap { start_time: gap.start.to_string(), end_time: gap.end.to_string() };
        Self {
            unit: roster.unit().to_string(),
            version: roster.version(),
            shifts: roster.shifts().len(),
            end_time: roster.end().to_string(),
            gaps: roster.gaps(&hours, now).iter().map(gap).collect(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, version, shifts) = (&self.unit, self.version, counted(self.shifts, "shift"));
        write!(f, "roster {version} of {unit}: {shifts} until {}", self.end_time)?;
        if !self.gaps.is_empty() {
            write!(f, "\n{} in which somebody should be on duty and nobody is:", counted(self.gaps.len(), "time"))?;
        }
        for gap in self.gaps.iter().take(LISTED) {
            write!(f, "\n  {} to {}", gap.start_time, gap.end_time)?;
        }
        if self.gaps.len() > LISTED { write!(f, "\n  …") } else { Ok(()) }
    }
}

/// Who is on duty at the units that have rosters.
#[derive(Debug, Serialize)]
pub(super) struct OnDuty {
    time: String,
    units: Vec<Unit>,
}

#[derive(Debug, Serialize)]
struct Unit {
    unit: String,
    /// `None` when it cannot be used.
    roster: Option<Report>,
    on_duty: Vec<Told>,
}

#[derive(Debug, Serialize)]
struct Told {
    person: String,
    role: String,
    channel: String,
}

impl OnDuty {
    pub(super) fn of(rosters: &Rosters, hours: impl Fn(&UnitRef) -> Hours, at: Timestamp) -> Self {
        let told = |it: &Person| Told {
            person: it.person.as_str().to_owned(),
            role: it.role.to_string(),
            channel: it.channel.to_string(),
        };
        let unit = |(unit, roster): (&UnitRef, Option<&Roster>)| Unit {
            unit: unit.to_string(),
            roster: roster.map(|roster| Report::of(roster, hours(unit), at)),
            on_duty: roster.into_iter().flat_map(|roster| roster.on_duty(at)).map(told).collect(),
        };
        Self { time: at.to_string(), units: rosters.units().map(unit).collect() }
    }
}

impl fmt::Display for OnDuty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}: {} with a roster", self.time, counted(self.units.len(), "unit"))?;
        for unit in &self.units {
            match &unit.roster {
                Some(roster) => write!(f, "\n{roster}")?,
                None => write!(f, "\n{}: the roster cannot be used", unit.unit)?,
            }
            for (n, told) in unit.on_duty.iter().enumerate() {
                write!(f, "\n  {}. {} ({}) by {}", n + 1, told.person, told.role, told.channel)?;
            }
            if unit.on_duty.is_empty() {
                write!(f, "\n  nobody is on duty")?;
            }
        }
        Ok(())
    }
}

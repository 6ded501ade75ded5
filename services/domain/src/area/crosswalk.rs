//! What became of the units of one day's reform: old code to new codes.
//!
//! An old commune may have been split over several new ones. Which of them an address lies in cannot be told from
//! the code, so every candidate is returned and none is preferred.

use std::{collections::HashMap, io::Read};

use jiff::civil::Date;

use super::{AreaList, ErrorKind, FileError, Level, Table};

/// How much of the old unit went to the new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Extent {
    /// All of it: the new unit is certain.
    Whole,
    /// A part: other candidates have the rest.
    Part,
}

/// A new unit that took over an old one or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Code of the new unit, as of the day of the reform.
    pub code: Box<str>,
    /// How much it took over.
    pub extent: Extent,
}

/// The crosswalk of one reform.
#[derive(Debug)]
pub struct Crosswalk {
    day: Date,
    successors: HashMap<Box<str>, Vec<Candidate>>,
}

impl Crosswalk {
    const COLUMNS: [&str; 4] = ["old_level", "old_code", "new_code", "extent"];

    /// The day of a reform from the name of its table, which ends in it: `vn-crosswalk-2025-07-01.csv`.
    #[must_use]
    pub fn day_of_table(name: &str) -> Option<Date> {
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        stem.get(stem.len().checked_sub(10)?..)?.parse().ok()
    }

    /// Reads the crosswalk of the reform that took effect on `day`, and checks it against the list of units.
    ///
    /// # Errors
    /// [`FileError`] at the first line that is malformed, names a unit that was not in force, or contradicts another
    /// line: a unit that went whole to one cannot also have gone to a second.
    pub fn parse(day: Date, input: impl Read, areas: &AreaList) -> Result<Self, FileError> {
        let mut table = Table::open(input, &Self::COLUMNS)?;
        let eve = day.yesterday().map_err(|_| FileError { line: 0, kind: ErrorKind::Dates })?;
        let mut successors: HashMap<Box<str>, Vec<Candidate>> = HashMap::new();
        while table.advance()? {
            let (old, new) = (table.text(1), table.text(2));
            if Level::of_code(old).is_none_or(|level| level.as_str() != table.text(0)) {
                return Err(table.fault(ErrorKind::Cell("old_level")));
            }
            if areas.unit_on(old, eve).is_none() || areas.unit_on(new, day).is_none() {
                return Err(table.fault(ErrorKind::Unknown("unit")));
            }
            let extent = match table.text(3) {
                "whole" => Extent::Whole,
                "part" => Extent::Part,
                _ => return Err(table.fault(ErrorKind::Cell("extent"))),
            };
            let candidates = successors.entry(old.into()).or_default();
            let whole = extent == Extent::Whole || candidates.iter().any(|c| c.extent == Extent::Whole);
            if !candidates.is_empty() && (whole || candidates.iter().any(|c| *c.code == *new)) {
                return Err(table.fault(ErrorKind::Overlap));
            }
            candidates.push(Candidate { code: new.into(), extent });
        }
        Ok(Self { day, successors })
    }

    /// The day on which the new units began.
    #[must_use]
    pub fn day(&self) -> Date {
        self.day
    }

    /// Every unit that took over the old one or a part of it; empty when the crosswalk does not know it.
    #[must_use]
    pub fn candidates(&self, old_code: &str) -> &[Candidate] {
        self.successors.get(old_code).map_or(&[], Vec::as_slice)
    }
}

//! When somebody is at a unit: hours that repeat every week, by the clocks of Viet Nam.
//!
//! Leaves out holidays and who is on duty, which are no matter of a release.

use std::collections::BTreeSet;
use std::fmt::{self, Arguments};

use jiff::{Timestamp, tz};
use nhipcau_proto::directory::v1 as pb;

use super::violation::{Problem, Violations};
use crate::area::OFFSET_HOURS;

/// Minutes of a day.
const DAY: u32 = 24 * 60;

/// The opening hours of a unit. Empty while nobody has said when somebody is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hours(Vec<Opening>);

/// Hours of some days of the week.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Opening {
    /// From 1 for Monday to 7 for Sunday.
    weekdays: BTreeSet<u32>,
    /// First minute of the day.
    start: u32,
    /// First minute that no longer belongs to it.
    end: u32,
}

impl Hours {
    pub(super) fn read(wire: &[pb::OpeningHours], found: &mut Violations, path: Arguments<'_>) -> Self {
        let opening = |(i, entry): (usize, &pb::OpeningHours)| {
            let path = format_args!("{path}[{i}]");
            let mut weekdays = BTreeSet::new();
            for (j, day) in entry.weekdays.iter().enumerate() {
                let path = format_args!("{path}.weekdays[{j}]");
                found.require((1..=7).contains(day), Problem::Range, path);
                found.require(weekdays.insert(*day), Problem::Repeated, path);
            }
            found.require(!weekdays.is_empty(), Problem::Missing, format_args!("{path}.weekdays"));
            found.require(entry.end_minute <= DAY, Problem::Range, format_args!("{path}.end_minute"));
            found.require(entry.start_minute < entry.end_minute, Problem::EndsBeforeStart, path);
            Opening { weekdays, start: entry.start_minute, end: entry.end_minute }
        };
        Self(wire.iter().enumerate().map(opening).collect())
    }

    /// Whether anybody has said when somebody is there.
    #[must_use]
    pub fn are_known(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether somebody is there at the instant, as far as is known.
    #[must_use]
    pub fn contain(&self, at: Timestamp) -> bool {
        let now = tz::offset(OFFSET_HOURS).to_datetime(at);
        let weekday = u32::from(now.weekday().to_monday_one_offset().unsigned_abs());
        let minute = (u32::from(now.hour().unsigned_abs()) * 60) + u32::from(now.minute().unsigned_abs());
        self.0.iter().any(|it| it.weekdays.contains(&weekday) && (it.start..it.end).contains(&minute))
    }
}

/// Such as `1 2 3 4 5 07:30–17:00`.
impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, Opening { weekdays, start, end }) in self.0.iter().enumerate() {
            let gap = if i == 0 { "" } else { ", " };
            f.write_str(gap)?;
            weekdays.iter().try_for_each(|day| write!(f, "{day} "))?;
            write!(f, "{:02}:{:02}–{:02}:{:02}", start / 60, start % 60, end / 60, end % 60)?;
        }
        Ok(())
    }
}

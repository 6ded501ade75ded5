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

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(weekdays: &[u32], start_minute: u32, end_minute: u32) -> Hours {
        let wire = pb::OpeningHours { weekdays: weekdays.to_vec(), start_minute, end_minute };
        Hours::read(&[wire], &mut Violations::default(), format_args!("hours"))
    }

    #[test]
    fn somebody_is_there_from_the_first_minute_to_before_the_last_and_on_no_other_day() {
        // 07:30 to 17:00 in Viet Nam; 23 November 2026 is a Monday there.
        let office = hours(&[1, 2, 3, 4, 5], 450, 1_020);
        // The whole of a Sunday.
        let sunday = hours(&[7], 0, 1_440);
        for (hours, at, expected) in [
            (&office, "2026-11-23T00:29:59Z", false),
            (&office, "2026-11-23T00:30:00Z", true),
            (&office, "2026-11-23T09:59:59Z", true),
            (&office, "2026-11-23T10:00:00Z", false),
            (&office, "2026-11-27T09:59:59Z", true),
            (&office, "2026-11-28T03:00:00Z", false),
            (&office, "2026-11-29T03:00:00Z", false),
            (&sunday, "2026-11-28T16:59:59Z", false),
            (&sunday, "2026-11-28T17:00:00Z", true),
            (&sunday, "2026-11-29T16:59:59Z", true),
            (&sunday, "2026-11-29T17:00:00Z", false),
        ] {
            assert_eq!(hours.contain(at.parse().unwrap()), expected, "{hours} at {at}");
        }
        assert!(!Hours::default().contain("2026-11-23T03:00:00Z".parse().unwrap()), "nobody has said");
    }
}

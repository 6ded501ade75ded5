//! Working days: counted from the day after the one on which a limit starts, to the end of the last one, in the time
//! zone of the calendar.
//!
//! A calendar speaks for the days it was drawn up for. Those of one series continue each other from year to year; on a
//! day for which none of them speaks, nothing is counted.

use std::iter;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use nhipcau_proto::{directory::v1 as pb, google};

use super::Rules;

/// What a calendar says of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayKind {
    /// Worked, as its weekday is.
    Worked,
    /// Worked although its weekday is not, or it would be a holiday: in place of another day.
    WorkedInstead,
    /// Not worked, as its weekday is not.
    Rest,
    /// Not worked although its weekday is.
    Holiday,
}

/// A day that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// Which.
    pub date: Date,
    /// What it is.
    pub kind: DayKind,
    /// The calendar that says so.
    pub calendar: Box<str>,
}

impl DayKind {
    /// Whether the day counts.
    #[must_use]
    pub const fn is_worked(self) -> bool {
        matches!(self, Self::Worked | Self::WorkedInstead)
    }
}

/// The calendars that are meant by a name: the one that has it, and all others of its series.
pub(super) struct Calendars<'r> {
    zone: TimeZone,
    years: Vec<Year<'r>>,
}

struct Year<'r> {
    calendar: &'r pb::Calendar,
    first: Date,
    end: Date,
}

impl<'r> Calendars<'r> {
    /// The calendars under a name; `None` when there is none, or none that can be read.
    pub(super) fn named(rules: &Rules<'r>, name: &str) -> Option<Self> {
        let named = rules.calendars.iter().find(|calendar| calendar.calendar == name)?;
        let is_meant = |calendar: &&pb::Calendar| {
            calendar.calendar == named.calendar || !named.series.is_empty() && calendar.series == named.series
        };
        let years = rules.calendars.iter().filter(is_meant).map(Year::read).collect::<Option<Vec<_>>>()?;
        Some(Self { zone: (rules.zone)(&named.time_zone)?, years })
    }

    /// The end of the n-th working day after the day of an instant; `None` where no calendar speaks for all the days
    /// between, or for no days at all.
    pub(super) fn end(&self, days: u32, from: Timestamp) -> Option<Timestamp> {
        let before = usize::try_from(days).ok()?.checked_sub(1)?;
        let (last, _, _) = self.after(from).filter(|(_, kind, _)| kind.is_worked()).nth(before)?;
        self.zone.to_timestamp(last.tomorrow().ok()?.at(0, 0, 0, 0)).ok()
    }

    /// The days that were looked at for a limit between two instants.
    pub(super) fn days(&self, from: Timestamp, due: Timestamp) -> Vec<Day> {
        let days = self.after(from).take_while(|(date, _, _)| {
            let start = self.zone.to_timestamp(date.at(0, 0, 0, 0));
            start.is_ok_and(|start| start < due)
        });
        days.map(|(date, kind, calendar)| Day { date, kind, calendar: calendar.into() }).collect()
    }

    /// The days after that of an instant, up to the first for which no calendar speaks.
    fn after(&self, from: Timestamp) -> impl Iterator<Item = (Date, DayKind, &'r str)> {
        let mut date = self.zone.to_datetime(from).date();
        iter::from_fn(move || {
            date = date.tomorrow().ok()?;
            let year = self.years.iter().find(|year| (year.first..year.end).contains(&date))?;
            Some((date, year.kind(date), year.calendar.calendar.as_str()))
        })
    }
}

impl<'r> Year<'r> {
    fn read(calendar: &'r pb::Calendar) -> Option<Self> {
        let (first, end) = (read(calendar.start_date.as_ref()?)?, read(calendar.end_date.as_ref()?)?);
        Some(Self { calendar, first, end })
    }

    fn kind(&self, date: Date) -> DayKind {
        let names = |days: &[google::r#type::Date]| days.iter().filter_map(read).any(|named| named == date);
        let weekday = u32::from(date.weekday().to_monday_one_offset().unsigned_abs());
        let is_weekday = self.calendar.work_weekdays.contains(&weekday);
        let is_holiday = names(&self.calendar.holidays);
        match (is_weekday, is_holiday) {
            (true, false) => DayKind::Worked,
            _ if names(&self.calendar.extra_work_dates) => DayKind::WorkedInstead,
            (true, true) => DayKind::Holiday,
            (false, _) => DayKind::Rest,
        }
    }
}

fn read(date: &google::r#type::Date) -> Option<Date> {
    Date::new(i16::try_from(date.year).ok()?, i8::try_from(date.month).ok()?, i8::try_from(date.day).ok()?).ok()
}

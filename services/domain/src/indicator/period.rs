//! SDMX time periods of the calendar: year, half-year, quarter, month, ISO week, day.
//!
//! A period is what it covers, not how it was spelled: `2024` and `2024-A1` are equal, and both are written `2024`.
//! Reporting years that do not begin on 1 January, trimesters and times of day are not supported.

use std::{cmp::Ordering, fmt, str::FromStr};

use jiff::{
    ToSpan,
    civil::{Date, ISOWeekDate, Weekday},
};

/// How long a period is. The order goes from long to short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Granularity {
    /// `2024` or `2024-A1`.
    Year,
    /// `2024-S1`.
    Half,
    /// `2024-Q1`.
    Quarter,
    /// `2024-01` or `2024-M01`.
    Month,
    /// `2024-W01`, the ISO week.
    Week,
    /// `2024-01-31` or `2024-D031`.
    Day,
}

impl Granularity {
    /// The length of the periods of a series of this frequency, by the codes that mean the same in every SDMX list.
    /// `None` for all others: several years, irregular, and `H`, which is an hour to some and half a year to others.
    #[must_use]
    pub fn of_frequency(code: &str) -> Option<Self> {
        Some(match code {
            "A" => Self::Year,
            "S" => Self::Half,
            "Q" => Self::Quarter,
            "M" => Self::Month,
            "W" => Self::Week,
            "D" => Self::Day,
            _ => return None,
        })
    }
}

/// A time period. Ordered by its first day; of two that begin together the longer one comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Period {
    granularity: Granularity,
    first: Date,
    last: Date,
}

/// The text is not a period of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a time period: expected a form such as 2024, 2024-S1, 2024-Q1, 2024-01, 2024-W01 or 2024-01-31")]
pub struct InvalidPeriod;

impl Period {
    /// How long it is.
    #[must_use]
    pub fn granularity(&self) -> Granularity {
        self.granularity
    }

    /// Its first day.
    #[must_use]
    pub fn first_day(&self) -> Date {
        self.first
    }

    /// Its last day.
    #[must_use]
    pub fn last_day(&self) -> Date {
        self.last
    }

    /// Whether every day of the other period belongs to this one.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }

    fn year(year: i16) -> Option<Self> {
        Self::months(Granularity::Year, year, 1, 12)
    }

    fn months(granularity: Granularity, year: i16, first: i8, count: i8) -> Option<Self> {
        let start = Date::new(year, first, 1).ok()?;
        let end = Date::new(year, first + count - 1, 1).ok()?.last_of_month();
        Some(Self { granularity, first: start, last: end })
    }

    /// The `ordinal`th of the equal parts of a year.
    fn part(granularity: Granularity, year: i16, ordinal: i16) -> Option<Self> {
        let ordinal8 = i8::try_from(ordinal).ok().filter(|n| *n >= 1);
        let parts = |count: i8| {
            let length = 12 / count;
            Self::months(granularity, year, (ordinal8.filter(|n| *n <= count)? - 1) * length + 1, length)
        };
        match granularity {
            Granularity::Year => parts(1),
            Granularity::Half => parts(2),
            Granularity::Quarter => parts(4),
            Granularity::Month => parts(12),
            Granularity::Week => {
                let first = ISOWeekDate::new(year, ordinal8?, Weekday::Monday).ok()?.date();
                Some(Self { granularity, first, last: first.checked_add(6.days()).ok()? })
            }
            Granularity::Day => {
                let day = Date::new(year, 1, 1).ok()?.checked_add((ordinal.checked_sub(1)?).days()).ok()?;
                (ordinal >= 1 && day.year() == year).then(|| Self::day(day))
            }
        }
    }

    fn day(day: Date) -> Self {
        Self { granularity: Granularity::Day, first: day, last: day }
    }

    fn parse(text: &str) -> Option<Self> {
        let (year, rest) = text.split_at_checked(4)?;
        let year = i16::try_from(number(year, 4)?).ok()?;
        if rest.is_empty() {
            return Self::year(year);
        }
        let rest = rest.strip_prefix('-')?;
        let (granularity, digits) = match rest.as_bytes().first()? {
            b'A' => (Granularity::Year, 1),
            b'S' => (Granularity::Half, 1),
            b'Q' => (Granularity::Quarter, 1),
            b'M' => (Granularity::Month, 2),
            b'W' => (Granularity::Week, 2),
            b'D' => (Granularity::Day, 3),
            _ => return Self::parse_gregorian(year, rest),
        };
        Self::part(granularity, year, i16::try_from(number(rest.get(1..)?, digits)?).ok()?)
    }

    fn parse_gregorian(year: i16, rest: &str) -> Option<Self> {
        let (month, day) = match rest.split_once('-') {
            None => (rest, None),
            Some((month, day)) => (month, Some(day)),
        };
        let month = i8::try_from(number(month, 2)?).ok()?;
        match day {
            None => Self::part(Granularity::Month, year, month.into()),
            Some(day) => Date::new(year, month, i8::try_from(number(day, 2)?).ok()?).ok().map(Self::day),
        }
    }
}

/// A number of exactly so many digits.
fn number(text: &str, digits: usize) -> Option<u16> {
    (text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

impl FromStr for Period {
    type Err = InvalidPeriod;

    fn from_str(text: &str) -> Result<Self, InvalidPeriod> {
        Self::parse(text).ok_or(InvalidPeriod)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month) = (self.first.year(), self.first.month());
        match self.granularity {
            Granularity::Year => write!(f, "{year:04}"),
            Granularity::Half => write!(f, "{year:04}-S{}", (month - 1) / 6 + 1),
            Granularity::Quarter => write!(f, "{year:04}-Q{}", (month - 1) / 3 + 1),
            Granularity::Month => write!(f, "{year:04}-{month:02}"),
            Granularity::Week => {
                let week = self.first.iso_week_date();
                write!(f, "{:04}-W{:02}", week.year(), week.week())
            }
            Granularity::Day => write!(f, "{year:04}-{month:02}-{:02}", self.first.day()),
        }
    }
}

impl Ord for Period {
    fn cmp(&self, other: &Self) -> Ordering {
        self.first.cmp(&other.first).then(self.granularity.cmp(&other.granularity))
    }
}

impl PartialOrd for Period {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A range of time by periods: those that begin no earlier than `start` begins and end no later than `end` ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PeriodRange {
    /// Earliest period; open when absent.
    pub start: Option<Period>,
    /// Latest period; open when absent.
    pub end: Option<Period>,
}

impl PeriodRange {
    /// Whether the period lies in the range.
    #[must_use]
    pub fn contains(&self, period: &Period) -> bool {
        self.start.is_none_or(|start| start.first <= period.first) && self.end.is_none_or(|end| period.last <= end.last)
    }
}

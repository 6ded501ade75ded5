//! The days on which something is in force. Both ends belong to it; an absent end is open.

use jiff::civil::Date;

/// A range of days, both ends included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Validity {
    /// First day in force; open when it is not known or has always been.
    pub from: Option<Date>,
    /// Last day in force; open while it still is.
    pub until: Option<Date>,
}

impl Validity {
    /// In force on every day.
    pub const ALWAYS: Self = Self { from: None, until: None };

    /// Whether the day belongs to the range.
    #[must_use]
    pub fn contains(&self, day: Date) -> bool {
        self.overlaps(day, day)
    }

    /// Whether any day from `first` to `last` belongs to the range.
    #[must_use]
    pub fn overlaps(&self, first: Date, last: Date) -> bool {
        self.from.is_none_or(|from| from <= last) && self.until.is_none_or(|until| first <= until)
    }

    /// Whether two ranges share a day.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        self.overlaps(other.from.unwrap_or(Date::MIN), other.until.unwrap_or(Date::MAX))
    }

    /// Whether the range has a day at all.
    #[must_use]
    pub fn is_ordered(&self) -> bool {
        !matches!((self.from, self.until), (Some(from), Some(until)) if from > until)
    }
}

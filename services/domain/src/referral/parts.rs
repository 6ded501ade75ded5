//! A set of known parts of the content.

use super::code::Part;

/// A set of parts. An unrecognized part is never in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct PartSet(u8);

impl PartSet {
    /// Everything that a referral discloses.
    pub const CONTENT: Self = Self(15);
    /// No part.
    pub const EMPTY: Self = Self(0);

    /// The set of these parts.
    #[must_use]
    pub fn of(parts: &[Part]) -> Self {
        parts.iter().copied().collect()
    }

    /// Adds a part; an unrecognized one is left out.
    pub fn insert(&mut self, part: Part) {
        self.0 |= Self::bit(part);
    }

    /// True when the part is in the set.
    #[must_use]
    pub const fn contains(self, part: Part) -> bool {
        let bit = Self::bit(part);
        bit != 0 && self.0 & bit == bit
    }

    /// Parts that are in both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// True when no part is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The parts in contract order.
    pub fn iter(self) -> impl Iterator<Item = Part> {
        Part::KNOWN.iter().copied().filter(move |part| self.contains(*part))
    }

    const fn bit(part: Part) -> u8 {
        match part {
            Part::Preview => 1,
            Part::Identity => 2,
            Part::Narrative => 4,
            Part::Reporter => 8,
            Part::Work => 16,
            Part::Unrecognized(_) => 0,
        }
    }
}

impl FromIterator<Part> for PartSet {
    fn from_iter<I: IntoIterator<Item = Part>>(parts: I) -> Self {
        let mut set = Self::EMPTY;
        for part in parts {
            set.insert(part);
        }
        set
    }
}

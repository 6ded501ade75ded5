//! Why something was refused: every violation at once, so that a caller corrects in one round.

use std::fmt;

use crate::area::AdminUnitRef;

/// How many violations are listed. All are counted.
pub const LISTED: usize = 100;

/// One thing that is wrong. Never holds the offending value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Path of the field or name of the subject, such as `content.identity.full_name.value` or `branch`.
    pub subject: String,
    /// A constant of [`crate::reason`].
    pub reason: &'static str,
    /// From which units of the lists a person has to choose one; empty where there is nothing to choose.
    pub candidates: Vec<AdminUnitRef>,
}

/// All that is wrong with one request: the first [`LISTED`] in order, and their number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusal {
    listed: Vec<Violation>,
    total: usize,
}

impl Refusal {
    /// A refusal with one violation.
    #[must_use]
    pub fn one(subject: impl Into<String>, reason: &'static str) -> Self {
        let mut refusal = Self::default();
        refusal.add(subject, reason);
        refusal
    }

    /// Adds a violation.
    pub fn add(&mut self, subject: impl Into<String>, reason: &'static str) {
        self.offer(subject, reason, Vec::new());
    }

    /// Adds a violation that ends when a person has chosen one of the candidates.
    pub fn offer(&mut self, subject: impl Into<String>, reason: &'static str, candidates: Vec<AdminUnitRef>) {
        self.total += 1;
        if self.listed.len() < LISTED {
            self.listed.push(Violation { subject: subject.into(), reason, candidates });
        }
    }

    /// The listed violations.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.listed
    }

    /// How many there are in all.
    #[must_use]
    pub const fn total(&self) -> usize {
        self.total
    }

    /// True when a listed violation has this reason.
    #[must_use]
    pub fn has(&self, reason: &str) -> bool {
        self.listed.iter().any(|violation| violation.reason == reason)
    }

    /// The value when nothing is wrong.
    ///
    /// # Errors
    /// The refusal itself when something is.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.total == 0 { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused with {} violations", self.total)?;
        if let Some(first) = self.listed.first() {
            write!(f, ", first {} at {}", first.reason, first.subject)?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_hundred_are_listed_and_all_are_counted() {
        let mut refusal = Refusal::default();
        for index in 0..10_000 {
            refusal.add(format!("items[{index}]"), "TEXT_NOT_NFC");
        }
        assert_eq!(refusal.violations().len(), LISTED);
        assert_eq!(refusal.total(), 10_000);
    }
}

//! All that is wrong with a file at once: every violation is counted, the first hundred are listed.

use std::fmt;

/// At most this many violations are listed; all are counted.
pub const LISTED_VIOLATIONS: usize = 100;

/// What is wrong at one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Problem {
    /// Required and absent.
    #[error("is missing")]
    Missing,
    /// Not of the syntax that the contract states.
    #[error("does not have the required syntax")]
    Syntax,
    /// Not of the length, number or range that the contract states.
    #[error("is out of range")]
    Range,
    /// Not a time or date.
    #[error("is not a time")]
    Time,
    /// Expires before it starts.
    #[error("ends before it starts")]
    EndsBeforeStart,
    /// Trust that would start only when the release has expired.
    #[error("starts when the release has expired")]
    StartsExpired,
    /// Stands twice where it must stand once.
    #[error("stands more than once")]
    Repeated,
    /// Names something that is not there.
    #[error("names something that the release does not contain")]
    Unresolved,
    /// Its parents, its successors or those whom it has told lead back to it, or there are too many parents.
    #[error("leads back to where it begins, or on without end")]
    Cycle,
    /// The access point does not list the party.
    #[error("is served by an access point that does not serve the party")]
    NotServed,
    /// Not the same in all entries that continue each other.
    #[error("is not as in the rest of its series")]
    Differs,
    /// A key id that stood for another key.
    #[error("stood for another key")]
    Reused,
    /// A version that is not higher than that in use, or is that one with other content.
    #[error("is not newer than what is in use")]
    NotNewer,
    /// No longer names who took over from a unit that is over: cases may have gone there by then.
    #[error("takes back who took its duties over")]
    TakenBack,
    /// Over before it would be taken into use.
    #[error("has ended")]
    Ended,
}

/// One violation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where, as a field path such as `units[3].parent`.
    pub path: String,
    /// What.
    pub problem: Problem,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path, self.problem)
    }
}

/// The violations of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Violations {
    listed: Vec<Violation>,
    total: usize,
}

impl Violations {
    /// The first [`LISTED_VIOLATIONS`], in the order of the file.
    #[must_use]
    pub fn listed(&self) -> &[Violation] {
        &self.listed
    }

    /// How many there are in all.
    #[must_use]
    pub fn total(&self) -> usize {
        self.total
    }

    pub(crate) fn add(&mut self, problem: Problem, path: fmt::Arguments<'_>) {
        self.total += 1;
        if self.listed.len() < LISTED_VIOLATIONS {
            self.listed.push(Violation { path: path.to_string(), problem });
        }
    }

    /// Adds the violation unless the condition holds.
    pub(crate) fn require(&mut self, holds: bool, problem: Problem, path: fmt::Arguments<'_>) {
        if !holds {
            self.add(problem, path);
        }
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} violations", self.total)?;
        if let Some(first) = self.listed.first() {
            write!(f, ", the first: {first}")?;
        }
        Ok(())
    }
}

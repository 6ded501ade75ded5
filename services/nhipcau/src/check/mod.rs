//! Looking at what an access point stands on before it stands on it: findings, each with what to do.
//!
//! [`files()`] is what `serve` asks before it starts and `doctor` asks too; it opens nothing that a running process has
//! and changes nothing. No finding repeats a secret or a value of a configuration.

mod directory;
mod files;
mod rosters;

use std::fmt;

use serde::Serialize;

pub(crate) use self::files::files;

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// As it should be.
    Good,
    /// Works, and should be changed.
    Warning,
    /// Does not work, or must not be used like this.
    Problem,
}

/// Something that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// What area it belongs to.
    pub(crate) check: &'static str,
    /// How grave it is.
    pub(crate) severity: Severity,
    /// What was found.
    pub(crate) what: String,
    /// What to do; empty when nothing.
    pub(crate) advice: String,
}

impl Finding {
    /// Something as it should be.
    pub(crate) fn good(check: &'static str, what: impl Into<String>) -> Self {
        Self { check, severity: Severity::Good, what: what.into(), advice: String::new() }
    }

    /// Something that works and should be changed.
    pub(crate) fn warning(check: &'static str, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, severity: Severity::Warning, what: what.into(), advice: advice.into() }
    }

    /// Something that does not work.
    pub(crate) fn problem(check: &'static str, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, severity: Severity::Problem, what: what.into(), advice: advice.into() }
    }

    /// Whether it keeps an access point from starting.
    pub(crate) fn is_problem(&self) -> bool {
        self.severity == Severity::Problem
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        if self.advice.is_empty() { Ok(()) } else { write!(f, " → {}", self.advice) }
    }
}

/// Several findings, one a line.
pub(crate) struct Problems<'f>(pub(crate) &'f [Finding]);

impl fmt::Display for Problems<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        write!(f, "the access point cannot start: {count} {}", if count == 1 { "problem" } else { "problems" })?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_a_line_with_what_to_do() {
        let problems = [Finding::problem("keys", "no keys", "make them"), Finding::problem("files", "no file", "")];
        let text = Problems(&problems).to_string();
        assert_eq!(text, "the access point cannot start: 2 problems\n  no keys → make them\n  no file");
    }
}

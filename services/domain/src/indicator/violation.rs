//! What is wrong with a submission: every violation counted, the first hundred listed, each with reason and place.

use std::{fmt, sync::Arc};

/// Most violations that are listed. A file that is wrong throughout is wrong for few reasons.
pub const MAX_LISTED: usize = 100;

/// Where in the input a violation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The submission as a whole.
    Whole,
    /// A line of a file, from 1; the header is line 1.
    Line(u64),
    /// A row of a dataset of a message, both from 0.
    Row {
        /// Position in `datasets`.
        dataset: usize,
        /// Position in `observations`.
        observation: usize,
    },
    /// An observation of a block of a dataset of a message, all from 0.
    Block {
        /// Position in `datasets`.
        dataset: usize,
        /// Position in `blocks`.
        block: usize,
        /// Position in the columns of the block.
        observation: usize,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("submission"),
            Self::Line(line) => write!(f, "line {line}"),
            Self::Row { dataset, observation } => write!(f, "datasets[{dataset}].observations[{observation}]"),
            Self::Block { dataset, block, observation } => {
                write!(f, "datasets[{dataset}].blocks[{block}].time_periods[{observation}]")
            }
        }
    }
}

/// One violation. Never repeats what the cell contained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// A constant of [`crate::reason`].
    pub reason: &'static str,
    /// Where.
    pub place: Place,
    /// Which component of the structure, or column of the file; none when the row as a whole is meant.
    pub component: Option<Arc<str>>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.place)?;
        if let Some(component) = &self.component {
            write!(f, ", {component}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// All violations of one submission.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
#[error("the submission has {total} violations")]
pub struct Violations {
    listed: Vec<Violation>,
    total: u64,
}

impl Violations {
    /// The first [`MAX_LISTED`] of them, in the order of the input.
    #[must_use]
    pub fn listed(&self) -> &[Violation] {
        &self.listed
    }

    /// How many there are.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    pub(super) fn add(&mut self, reason: &'static str, place: Place, component: Option<&Arc<str>>) {
        self.total += 1;
        if self.listed.len() < MAX_LISTED {
            self.listed.push(Violation { reason, place, component: component.cloned() });
        }
    }
}

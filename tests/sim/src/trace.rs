//! The event trace: what happened, in words that hold no random bytes of the cryptography. Two runs of one seed
//! give the same trace; its digest stands for it.

use std::fmt;

use crate::queue::{Micros, SECOND};

/// The trace of a run.
#[derive(Debug)]
pub struct Trace {
    digest: u64,
    events: u64,
    lines: Option<Vec<String>>,
}

impl Trace {
    /// A trace that keeps its lines, or only their digest.
    #[must_use]
    pub fn new(keep: bool) -> Self {
        Self { digest: 0xcbf2_9ce4_8422_2325, events: 0, lines: keep.then(Vec::new) }
    }

    /// Adds an event.
    pub fn event(&mut self, at: Micros, what: fmt::Arguments<'_>) {
        let line = format!("{:4}.{:06} {what}", at / SECOND, at % SECOND);
        self.events += 1;
        self.digest = fnv(self.digest, line.as_bytes());
        if let Some(lines) = &mut self.lines {
            lines.push(line);
        }
    }

    /// Whether the lines are kept, and detail is worth its words.
    #[must_use]
    pub fn keeps_lines(&self) -> bool {
        self.lines.is_some()
    }

    /// Adds a line of detail that is kept with the others and does not count for the digest.
    pub fn detail(&mut self, text: &str) {
        if let Some(lines) = &mut self.lines {
            lines.push(format!("            {text}"));
        }
    }

    /// Stands for every line so far.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// How many events there were.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The lines, if they were kept.
    #[must_use]
    pub fn into_lines(self) -> Vec<String> {
        self.lines.unwrap_or_default()
    }
}

/// FNV-1a over the bytes, continued from an earlier state. Tells histories apart; protects nothing.
#[must_use]
pub fn fnv(state: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(state, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

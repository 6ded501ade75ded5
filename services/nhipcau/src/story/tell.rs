//! Tells the story in Vietnamese and English: on standard output, or beside the JSON document on standard error.

use std::fmt;

use crate::{exit::Failure, terminal};

/// Who tells.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Teller {
    is_beside: bool,
}

impl Teller {
    /// A teller that keeps out of the way of a JSON document.
    pub(crate) fn new(json: bool) -> Self {
        Self { is_beside: json }
    }

    /// Tells what happened.
    pub(crate) fn say(self, vietnamese: impl fmt::Display, english: impl fmt::Display) -> Result<(), Failure> {
        let text = format!("• {vietnamese}\n  {english}");
        if self.is_beside {
            terminal::progress(text);
            return Ok(());
        }
        terminal::line(text)
    }
}

//! What people and scripts see: results on standard output, everything else on standard error.
//!
//! With `--json` a command writes exactly one JSON document to standard output and nothing else. Progress and
//! complaints never mix into it. Personal data is written only where the command exists to show it.

use std::{
    fmt,
    io::{self, IsTerminal as _, Write as _},
};

use jiff::{Timestamp, tz};
use serde::Serialize;

use crate::exit::{Code, Failure, OrExit as _};

/// Viet Nam has one time all year.
const OFFSET_HOURS: i8 = 7;

/// Writes a line for people, or several.
pub(crate) fn line(text: impl fmt::Display) -> Result<(), Failure> {
    writeln!(io::stdout().lock(), "{text}").or_exit(Code::Failed)
}

/// Writes text as it is, without another end of line: a file's content, for instance.
pub(crate) fn raw(text: impl AsRef<[u8]>) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_ref()).and_then(|()| out.flush()).or_exit(Code::Failed)
}

/// Writes the one JSON document of a command.
pub(crate) fn json<T: Serialize + ?Sized>(document: &T) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(document).or_exit(Code::Failed)?;
    line(text)
}

/// Writes a result as JSON or for people.
pub(crate) fn result<T: Serialize + fmt::Display>(as_json: bool, result: &T) -> Result<(), Failure> {
    if as_json { json(result) } else { line(result) }
}

/// Says how long work goes on.
pub(crate) fn progress(text: impl fmt::Display) {
    tell(format_args!("{text}"));
}

/// Says how far long work is, over the last such line where a person watches.
pub(crate) fn advance(text: impl fmt::Display) {
    let mut out = io::stderr().lock();
    if out.is_terminal() {
        drop(write!(out, "\r\x1b[2K{text}").and_then(|()| out.flush()));
    }
}

/// Says why a command fails.
pub(crate) fn complain(error: &impl fmt::Display) {
    tell(format_args!("nhipcau: {error}"));
}

/// A number with the word for what is counted, such as "1 difference" or "2 differences".
pub(crate) fn counted(count: impl TryInto<u64>, one: &'static str) -> Counted {
    Counted { count: count.try_into().unwrap_or(u64::MAX), one }
}

/// A time as people of Viet Nam read it: by their clock, to the second, with its distance from UTC.
pub(crate) fn time(time: Timestamp) -> String {
    let local = tz::offset(OFFSET_HOURS).to_datetime(time);
    format!("{}+{OFFSET_HOURS:02}:00", local.strftime("%Y-%m-%dT%H:%M:%S"))
}

/// Text of others on one line: an end of line in it begins no line of ours.
pub(crate) fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// See [`counted`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted {
    count: u64,
    one: &'static str,
}

impl Counted {
    /// The word alone, for a table.
    pub(crate) fn word(self) -> String {
        format!("{}{}", self.one, if self.count == 1 { "" } else { "s" })
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.count, self.word())
    }
}

/// Nothing can be done, and nobody told, when standard error is gone.
fn tell(text: fmt::Arguments<'_>) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_a_kind_is_said_in_the_singular() {
        let said = [0, 1, 2].map(|count: u64| counted(count, "difference").to_string());
        assert_eq!(said, ["0 differences", "1 difference", "2 differences"]);
    }

    #[test]
    fn text_of_others_begins_no_line() {
        assert_eq!(one_line("art. 26\n  NAMED\rby\tmoh"), "art. 26   NAMED by moh");
    }
}

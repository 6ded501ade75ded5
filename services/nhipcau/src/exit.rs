//! How a command ends: done, or a failure with a code that scripts can tell apart and a text that says what to do.
//!
//! The codes are a promise (docs/cli.md) and never change their meaning. 2 is what the parser of the command line
//! exits with by itself.

use std::{fmt, io, process::ExitCode};

use crate::terminal;

/// Why a command did not do what was asked, as scripts see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    /// Something failed that is none of the others.
    Failed = 1,
    /// The command line asks for something that cannot be.
    Usage = 2,
    /// The configuration, a key or a directory cannot be used.
    Configuration = 3,
    /// Nobody answers, or not in time; trying again later may help.
    Unavailable = 4,
    /// The other side refuses.
    Refused = 5,
    /// A verification or comparison found differences, or a person has to decide.
    Differs = 6,
}

/// A command that did not do what was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    code: Code,
    error: anyhow::Error,
}

impl Failure {
    /// A failure for a reason: an error or a text.
    pub(crate) fn new(code: Code, error: impl Into<anyhow::Error>) -> Self {
        Self { code, error: error.into() }
    }

    /// A failure that a text describes: what is wrong and what to do.
    pub(crate) fn because(code: Code, text: impl fmt::Display) -> Self {
        Self { code, error: anyhow::Error::msg(text.to_string()) }
    }

    /// The code.
    #[cfg(test)]
    pub(crate) fn code(&self) -> Code {
        self.code
    }

    /// Says why on standard error, with every cause, and gives the code to exit with. Whoever stopped reading what
    /// the command wrote is not told about it.
    pub(crate) fn report(self) -> ExitCode {
        let closed = self.error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe);
        if !closed {
            terminal::complain(&self);
        }
        ExitCode::from(self.code as u8)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.error)
    }
}

/// `?` on a result of `anyhow` is a failure that is none of the others.
impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { code: Code::Failed, error }
    }
}

/// Gives an error the code that the command exits with.
pub(crate) trait OrExit<T> {
    /// The value, or a failure with this code.
    fn or_exit(self, code: Code) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> OrExit<T> for Result<T, E> {
    fn or_exit(self, code: Code) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(code, error))
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn a_failure_names_every_cause_and_keeps_its_code() {
        let failed: Result<(), io::Error> = Err(io::Error::other("no space left"));
        let failure = failed.context("the store cannot be opened").or_exit(Code::Configuration).unwrap_err();
        assert_eq!(failure.to_string(), "the store cannot be opened: no space left");
        assert_eq!(failure.code(), Code::Configuration);
    }

    #[test]
    fn an_error_without_a_code_is_a_plain_failure() {
        fn fails() -> Result<(), Failure> {
            Err(anyhow::anyhow!("something else"))?
        }
        assert_eq!(fails().unwrap_err().code(), Code::Failed);
    }
}

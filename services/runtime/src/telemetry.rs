//! Logs: lines of JSON or text on standard error, chosen once by whoever owns the process.
//!
//! Fields are opted in one by one, so that nothing personal is logged by default; a panic is logged by its place and
//! never by its message, which could hold a value.

use std::{error::Error as StdError, fmt};

/// An error with all its causes, for a log line.
pub fn chain(error: &dyn StdError) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        write!(f, "{error}")?;
        let mut cause = error.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    })
}

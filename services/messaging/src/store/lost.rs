//! SQL of the times of which a store that was put back has no memory. What had reached a peer comes back by itself;
//! what callers were answered and nobody else knows is gone, and only they can ask for it again.

use super::{Error, Tx};

/// Periods that are read, at most.
const LISTED: u64 = 100;

/// A time that a store may have forgotten, in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LostPeriod {
    /// When the last message was accepted that the store remembers; `None` when it remembers none.
    pub begin: Option<i64>,
    /// When the process started that found it out.
    pub end: i64,
}

/// When the newest message was accepted, 0 when none ever was.
pub(crate) fn last_accepted(tx: &mut Tx<'_>) -> Result<i64, Error> {
    let last = tx.query_one("SELECT create_time FROM outbox ORDER BY serial DESC LIMIT 1", &[], |row| row.int(0))?;
    Ok(last.unwrap_or(0))
}

/// Notes what this start has found, once.
pub(crate) fn note(tx: &mut Tx<'_>, start: u64, begin: i64, end: i64) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO lost_period (start, begin_time, end_time) VALUES ($1, $2, $3) ON CONFLICT (start) DO NOTHING",
        &[start.into(), begin.into(), end.into()],
    )?;
    Ok(())
}

/// The newest periods, newest first.
///
/// # Errors
/// [`Error`] when the store cannot be read.
pub fn lost_periods(tx: &mut Tx<'_>) -> Result<Vec<LostPeriod>, Error> {
    tx.query("SELECT begin_time, end_time FROM lost_period ORDER BY start DESC LIMIT $1", &[LISTED.into()], |row| {
        let begin = row.int(0)?;
        Ok(LostPeriod { begin: (begin > 0).then_some(begin), end: row.int(1)? })
    })
}

//! SQL of what waits to be concluded: how much of it there is, since when, and whether it belongs to a known case.

use nhipcau_domain::id::AccessPointId;

use super::{Error, Tx};
use crate::message::{Correlation, Lane, Recipient};

/// How many messages to a recipient nothing has concluded, and the bytes of their contents.
pub(crate) fn size(tx: &mut Tx<'_>, recipient: &AccessPointId) -> Result<(u64, u64), Error> {
    let waiting = tx.query_one(
        "SELECT COUNT(*), COALESCE(SUM(LENGTH(c.content)), 0) FROM outbox o LEFT JOIN outbox_content c \
         ON c.serial = o.serial WHERE o.recipient = $1 AND o.lane IN (1, 2) AND o.state IN (0, 1, 4)",
        &[recipient.as_str().into()],
        |row| Ok((row.number(0)?, row.number(1)?)),
    )?;
    Ok(waiting.unwrap_or_default())
}

/// Whether anything of a case was taken, or accepted to be sent before a message with this serial.
pub(crate) fn knows_case(tx: &mut Tx<'_>, case: &Correlation, serial: u64) -> Result<bool, Error> {
    let known = tx.query_one(
        "SELECT 1 FROM outbox WHERE correlation = $1 AND serial < $2 AND state <> 2 UNION ALL \
         SELECT 1 FROM sent WHERE correlation = $3 UNION ALL SELECT 1 FROM received WHERE correlation = $4 LIMIT 1",
        &[case.into(), serial.into(), case.into(), case.into()],
        |row| row.int(0),
    )?;
    Ok(known.is_some())
}

/// The first of each open state by its index, and of these the oldest: asked for every channel when time has passed.
const OLDEST: &str = "SELECT COALESCE(MIN(t.create_time), -1) FROM (SELECT * FROM (SELECT create_time FROM outbox \
    WHERE recipient = $1 AND lane = $2 AND state IN (0, 1, 4) AND state = 0 ORDER BY serial LIMIT 1) a \
    UNION ALL SELECT * FROM (SELECT create_time FROM outbox \
    WHERE recipient = $1 AND lane = $2 AND state IN (0, 1, 4) AND state = 1 ORDER BY serial LIMIT 1) b \
    UNION ALL SELECT * FROM (SELECT create_time FROM outbox \
    WHERE recipient = $1 AND lane = $2 AND state IN (0, 1, 4) AND state = 4 ORDER BY serial LIMIT 1) c) t";

/// When the oldest message that nothing has concluded was accepted, in microseconds.
pub(crate) fn oldest(tx: &mut Tx<'_>, recipient: &Recipient, lane: Lane) -> Result<Option<i64>, Error> {
    let oldest = tx.query_one(OLDEST, &[recipient.as_str().into(), lane.number().into()], |row| row.int(0))?;
    Ok(oldest.filter(|time| *time >= 0))
}

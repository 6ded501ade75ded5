//! The SQL of waking: which enquiries wait at their desk for an answer, and who was told of each. No decisions; whoever
//! calls holds the transaction.

use jiff::Timestamp;
use nhipcau_domain::referral::UnitRef;
use nhipcau_messaging::store::{Error, Tx};
use nhipcau_runtime::{book, waking::Book};
use uuid::Uuid;

/// Who was told of which enquiry. What waits no more is forgotten at once, so that all that is there counts.
pub static BOOK: Book =
    book!(b"nhipcau/1/placement-notice", "switchboard_waking", "switchboard_notice", "placement", "1 = 1");

/// Has everything looked at that waits: what was said by a clock that was ahead does not stand.
pub(crate) fn hasten_all(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), Error> {
    let sql = "UPDATE switchboard_waking SET due_time = $1 WHERE due_time > $1";
    tx.execute(sql, &[now.as_microsecond().into()])?;
    Ok(())
}

/// Whether whom to tell of an enquiry is looked at at some time.
pub(crate) fn is_noted(tx: &mut Tx<'_>, placement: Uuid) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM switchboard_waking WHERE placement = $1";
    Ok(tx.query_one(sql, &[placement.as_bytes().into()], |row| row.int(0))?.is_some())
}

/// Puts down that somebody at a unit was told now.
pub(crate) fn tell(tx: &mut Tx<'_>, unit: &UnitRef, now: Timestamp) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO switchboard_told (party, unit, tell_time) VALUES ($1, $2, $3) \
         ON CONFLICT (party, unit) DO UPDATE SET tell_time = excluded.tell_time",
        &[unit.party.as_str().into(), unit.unit.as_str().into(), now.as_microsecond().into()],
    )?;
    Ok(())
}

/// When somebody at a unit was told last of any enquiry, whatever became of it.
pub(crate) fn last(tx: &mut Tx<'_>, unit: &UnitRef, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    let last = tx.query_one(
        "SELECT tell_time FROM switchboard_told WHERE party = $1 AND unit = $2 AND tell_time <= $3",
        &[unit.party.as_str().into(), unit.unit.as_str().into(), now.as_microsecond().into()],
        |row| row.int(0),
    )?;
    last.map(Timestamp::from_microsecond).transpose().map_err(|_| Error::Corrupt("the time of a notice"))
}

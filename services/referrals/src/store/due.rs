//! The SQL of what is due: which branches their origin has to look at again, and when. No decisions; whoever calls
//! holds the transaction.

use jiff::Timestamp;
use nhipcau_domain::{
    limit::{Asked, Climb, climb},
    referral::{Branch, Side},
};
use nhipcau_messaging::store::{Error, Tx};
use uuid::Uuid;

pub(super) const FIRST: &str = "SELECT branch FROM referral_branch WHERE due_time <= $1 ORDER BY due_time LIMIT 1";

/// When a branch is to be looked at, in microseconds, as far as it alone goes; whoever looks asks all of its need.
pub(super) fn of(side: Side, branch: &Branch) -> Option<i64> {
    if side == Side::Recipient {
        return None;
    }
    match climb(&[Asked::new(branch)], &[], Timestamp::MIN) {
        Climb::Wait(time) => Some(time.as_microsecond()),
        Climb::Rest | Climb::Turn { .. } => None,
    }
}

/// The branch that is due longest.
pub(crate) fn first(tx: &mut Tx<'_>, now: Timestamp) -> Result<Option<Uuid>, Error> {
    tx.query_one(FIRST, &[now.as_microsecond().into()], |row| Ok(Uuid::from_bytes(row.array(0)?)))
}

/// Says when a branch is to be looked at again, if ever.
pub(crate) fn set(tx: &mut Tx<'_>, branch: Uuid, time: Option<Timestamp>) -> Result<(), Error> {
    tx.execute(
        "UPDATE referral_branch SET due_time = $1 WHERE branch = $2 AND holder = 1",
        &[time.map(Timestamp::as_microsecond).into(), branch.as_bytes().into()],
    )?;
    Ok(())
}

//! Which ended branches are looked at again, and when: their recipients keep something, or have not answered a
//! withdrawal.

use jiff::Timestamp;
use nhipcau_messaging::store::{Error, Tx};
use uuid::Uuid;

/// Notes when a branch is looked at again; `None` when there is no reason to.
pub(crate) fn note(tx: &mut Tx<'_>, branch: Uuid, next: Option<Timestamp>) -> Result<(), Error> {
    match next {
        Some(next) => tx.execute(
            "INSERT INTO referral_kept (branch, due_time) VALUES ($1, $2) \
             ON CONFLICT (branch) DO UPDATE SET due_time = excluded.due_time",
            &[branch.as_bytes().into(), next.as_microsecond().into()],
        )?,
        None => tx.execute("DELETE FROM referral_kept WHERE branch = $1", &[branch.as_bytes().into()])?,
    };
    Ok(())
}

/// The first branch whose time has come, put off until later.
pub(crate) fn take(tx: &mut Tx<'_>, now: Timestamp, later: Timestamp) -> Result<Option<Uuid>, Error> {
    let due = tx.query_one(
        "SELECT branch FROM referral_kept WHERE due_time <= $1 ORDER BY due_time, branch LIMIT 1",
        &[now.as_microsecond().into()],
        |row| Ok(Uuid::from_bytes(row.array(0)?)),
    )?;
    if let Some(branch) = due {
        note(tx, branch, Some(later))?;
    }
    Ok(due)
}

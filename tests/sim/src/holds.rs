//! What the service under test holds for others for a while: a place that was asked for is kept until it is taken, or
//! until its time is over, which is said to nobody; what comes then is refused.

use jiff::{SignedDuration, Timestamp};
use nhipcau_messaging::{
    handler::Context,
    message::MessageId,
    store::{self, Tx, Value},
};

use crate::payload::Body;

/// The table: a row for each place that was asked for, by what makes its question different.
pub(crate) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS sim_hold (
  nonce BLOB PRIMARY KEY,
  id BLOB NOT NULL,
  contract TEXT NOT NULL,
  state INTEGER NOT NULL,
  due INTEGER NOT NULL
);
";

/// It is held; it was taken; it was let go.
const HELD: i64 = 0;
const TAKEN: i64 = 1;
const FREE: i64 = 2;

/// How long it is held.
const HOLD: SignedDuration = SignedDuration::from_millis(400);

/// Holds what is asked for.
pub(crate) fn begin(
    tx: &mut Tx<'_>,
    id: MessageId,
    (contract, body): (&str, &Body),
    now: Timestamp,
) -> Result<(), store::Error> {
    tx.execute(
        "INSERT INTO sim_hold (nonce, id, contract, state, due) VALUES ($1, $2, $3, $4, $5)",
        &[
            Value::Blob(&body.nonce.to_be_bytes()),
            Value::Blob(&id.0),
            contract.into(),
            HELD.into(),
            (now + HOLD).as_microsecond().into(),
        ],
    )?;
    Ok(())
}

/// Takes what is held. Gives whether it was.
pub(crate) fn take(tx: &mut Tx<'_>, body: &Body) -> Result<bool, store::Error> {
    let Some(nonce) = body.takes() else { return Ok(false) };
    let sql = "UPDATE sim_hold SET state = $1 WHERE nonce = $2 AND state = $3";
    Ok(tx.execute(sql, &[TAKEN.into(), Value::Blob(&nonce.to_be_bytes()), HELD.into()])? == 1)
}

/// The hold whose time was over first. What a clock that was ahead has put down comes when it would have by this one.
pub(crate) fn due(context: &mut Context<'_, '_>, contract: &str) -> Result<Option<u64>, store::Error> {
    let (tx, now) = (&mut *context.tx, context.now);
    let latest = (now + HOLD).as_microsecond();
    tx.execute("UPDATE sim_hold SET due = $1 WHERE state = $2 AND due > $1", &[latest.into(), HELD.into()])?;
    let sql = "SELECT nonce FROM sim_hold WHERE contract = $1 AND state = $2 AND due <= $3 ORDER BY due, nonce LIMIT 1";
    let due = tx.query_one(sql, &[contract.into(), HELD.into(), now.as_microsecond().into()], |row| row.array(0))?;
    Ok(due.map(u64::from_be_bytes))
}

/// Lets it go; which question had asked for it.
pub(crate) fn free(tx: &mut Tx<'_>, nonce: u64) -> Result<Option<MessageId>, store::Error> {
    let key = nonce.to_be_bytes();
    let sql = "UPDATE sim_hold SET state = $1 WHERE nonce = $2 AND state = $3";
    if tx.execute(sql, &[FREE.into(), Value::Blob(&key), HELD.into()])? == 0 {
        return Ok(None);
    }
    tx.query_one("SELECT id FROM sim_hold WHERE nonce = $1", &[Value::Blob(&key)], |row| Ok(MessageId(row.array(0)?)))
}

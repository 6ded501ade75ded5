//! What the service under test does by time alone: whoever asks for something and gets no answer in time says so to
//! the other side. One row for each question, for ever: it runs, was answered, or has run out.

use jiff::{SignedDuration, Timestamp};
use nhipcau_messaging::{
    handler::{Context, Due},
    message::{Cause, Lane, MessageId},
    store::{self, Tx, Value},
};

use crate::{
    Point, ladder,
    payload::{Body, Verb},
    plan::Plan,
};

/// The table.
pub(crate) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS sim_limit (
  id BLOB PRIMARY KEY,
  peer INTEGER NOT NULL,
  body BLOB NOT NULL,
  nonce BLOB NOT NULL,
  contract TEXT NOT NULL,
  state INTEGER NOT NULL,
  due INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS sim_limit_nonce ON sim_limit (nonce);
CREATE TABLE IF NOT EXISTS sim_answered (nonce BLOB PRIMARY KEY);
";

/// It runs; it was answered; it has run out.
const RUNS: i64 = 0;
const ANSWERED: i64 = 1;
const RAN_OUT: i64 = 2;

/// How long an answer may take.
const ANSWER_WITHIN: SignedDuration = SignedDuration::from_secs(5);
/// When it is looked at again, if what it leads to could not be done.
const AGAIN: SignedDuration = SignedDuration::from_secs(2);

/// Begins with a question, unless it has begun before. One that is known again and whose answer is here already was
/// answered.
pub(crate) fn begin(
    tx: &mut Tx<'_>,
    (id, to): (MessageId, Option<Point>),
    (contract, body): (&str, &Body),
    now: Timestamp,
) -> Result<(), store::Error> {
    let Some(to) = to.filter(|_| body.verb.is_question()) else { return Ok(()) };
    let nonce = body.nonce.to_be_bytes();
    let sql = "SELECT 1 FROM sim_answered WHERE nonce = $1";
    let is_answered = tx.query_one(sql, &[Value::Blob(&nonce)], |row| row.int(0))?.is_some();
    tx.execute(
        "INSERT INTO sim_limit (id, peer, body, nonce, contract, state, due) VALUES ($1, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT (id) DO NOTHING",
        &[
            Value::Blob(&id.0),
            i64::try_from(to).unwrap_or(i64::MAX).into(),
            Value::Blob(&body.encode()),
            Value::Blob(&nonce),
            contract.into(),
            if is_answered { ANSWERED } else { RUNS }.into(),
            (now + ANSWER_WITHIN).as_microsecond().into(),
        ],
    )?;
    Ok(())
}

/// Ends with the answer.
pub(crate) fn answered(tx: &mut Tx<'_>, answer: &Body) -> Result<(), store::Error> {
    let Some(nonce) = answer.answers() else { return Ok(()) };
    let nonce = nonce.to_be_bytes();
    tx.execute("INSERT INTO sim_answered (nonce) VALUES ($1) ON CONFLICT DO NOTHING", &[Value::Blob(&nonce)])?;
    let sql = "UPDATE sim_limit SET state = $1 WHERE nonce = $2 AND state = $3";
    tx.execute(sql, &[ANSWERED.into(), Value::Blob(&nonce), RUNS.into()])?;
    Ok(())
}

/// Takes the question whose time was over first, and puts it off. What a clock that was ahead has put down comes when
/// it would have by this one.
pub(crate) fn take_due(context: &mut Context<'_, '_>, contract: &str) -> Result<Option<Due>, store::Error> {
    let (tx, now) = (&mut *context.tx, context.now);
    let latest = (now + ANSWER_WITHIN).as_microsecond();
    tx.execute("UPDATE sim_limit SET due = $1 WHERE state = $2 AND due > $1", &[latest.into(), RUNS.into()])?;
    let sql = "SELECT id FROM sim_limit WHERE contract = $1 AND state = $2 AND due <= $3 ORDER BY due, id LIMIT 1";
    let due = tx.query_one(sql, &[contract.into(), RUNS.into(), now.as_microsecond().into()], |row| row.array(0))?;
    if let Some(id) = &due {
        let again = (now + AGAIN).as_microsecond();
        tx.execute("UPDATE sim_limit SET due = $1 WHERE id = $2", &[again.into(), Value::Blob(id)])?;
    }
    Ok(due)
}

/// Has it run out, and begins to wait for the level above; what is to be said about that then.
pub(crate) fn run_out(
    tx: &mut Tx<'_>,
    from: Point,
    id: MessageId,
    now: Timestamp,
) -> Result<Option<Plan>, store::Error> {
    let sql = "SELECT peer, body, contract FROM sim_limit WHERE id = $1 AND state = $2";
    let found =
        tx.query_one(sql, &[Value::Blob(&id.0), RUNS.into()], |row| Ok((row.int(0)?, row.blob(1)?, row.text(2)?)))?;
    let Some((peer, body, contract)) = found else { return Ok(None) };
    tx.execute("UPDATE sim_limit SET state = $1 WHERE id = $2", &[RAN_OUT.into(), Value::Blob(&id.0)])?;
    let asked = Body::decode(&body).expect("a body of ours");
    if asked.verb == Verb::Ask {
        ladder::begin(tx, &contract, &asked, now)?;
    }
    let (to, body, cause) = (usize::try_from(peer).ok(), asked.late(), Cause::Timer(format!("no answer to {id}")));
    Ok(Some(Plan { from, to, lane: Lane::Messages, body, night: false, minor: 0, cause }))
}

//! SQL of what is let go in time: envelopes and contents whose receipts are old.

use super::{
    Error, Row, Tx, Value,
    outbox::{correlation_of, correlation_value},
};
use crate::message::{Correlation, MessageId};

/// A message whose positions can go.
pub(crate) struct Sent {
    pub(crate) id: MessageId,
    pub(crate) correlation: Option<Correlation>,
}

/// A position whose envelope can go.
pub(crate) struct Received {
    sender: String,
    recipient: String,
    lane: i64,
    branch: i64,
    sequence: i64,
    pub(crate) correlation: Option<Correlation>,
    pub(crate) digest: Vec<u8>,
    pub(crate) envelope: Vec<u8>,
}

const SENT_BEFORE: &str = "SELECT DISTINCT id, correlation FROM sent s WHERE envelope IS NOT NULL \
    AND recipient <> 'all' AND sign_time < $1 \
    AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.id = s.id AND o.state IN (0, 1, 4)) \
    AND EXISTS (SELECT 1 FROM receipt_held r WHERE r.issuer = s.recipient AND r.recipient = s.recipient \
    AND r.lane = s.lane AND r.first_sequence <= s.sequence AND r.last_sequence >= s.sequence \
    AND r.receive_time < $2) \
    AND NOT EXISTS (SELECT 1 FROM sent t WHERE t.id = s.id AND t.sign_time >= $3) LIMIT $4";

const RECEIVED_BEFORE: &str = "SELECT sender, recipient, lane, branch, sequence, correlation, digest, envelope \
    FROM received WHERE envelope IS NOT NULL AND recipient <> 'all' AND receive_time < $1 LIMIT $2";

/// Messages of which nothing is open, and whose positions were all signed, and the one found receipted, before a time.
/// Nothing of a broadcast.
pub(crate) fn sent_before(tx: &mut Tx<'_>, micros: i64, limit: u64) -> Result<Vec<Sent>, Error> {
    tx.query(SENT_BEFORE, &[micros.into(), micros.into(), micros.into(), limit.into()], |row| {
        Ok(Sent { id: row.array(0).map(MessageId)?, correlation: correlation_of(row, 1)? })
    })
}

/// Lets the content of a message go that came to its end.
pub(crate) fn drop_content(tx: &mut Tx<'_>, id: MessageId) -> Result<(), Error> {
    tx.execute(
        "DELETE FROM outbox_content WHERE serial IN (SELECT serial FROM outbox WHERE id = $1 AND state IN (2, 3, 5))",
        &[(&id.0).into()],
    )?;
    Ok(())
}

/// Whole positions that were taken, and with it receipted, before a time. Nothing of a broadcast.
pub(crate) fn received_before(tx: &mut Tx<'_>, micros: i64, limit: u64) -> Result<Vec<Received>, Error> {
    tx.query(RECEIVED_BEFORE, &[micros.into(), limit.into()], received)
}

/// Whole positions of a case.
pub(crate) fn received_of(tx: &mut Tx<'_>, case: &Correlation) -> Result<Vec<Received>, Error> {
    tx.query(
        "SELECT sender, recipient, lane, branch, sequence, correlation, digest, envelope FROM received \
         WHERE correlation = $1 AND envelope IS NOT NULL",
        &[correlation_value(Some(case))],
        received,
    )
}

fn received(row: &Row<'_>) -> Result<Received, Error> {
    Ok(Received {
        sender: row.text(0)?,
        recipient: row.text(1)?,
        lane: row.int(2)?,
        branch: row.int(3)?,
        sequence: row.int(4)?,
        correlation: correlation_of(row, 5)?,
        digest: row.blob(6)?,
        envelope: row.blob(7)?,
    })
}

/// Leaves of a position what says nothing of its content.
pub(crate) fn strip(tx: &mut Tx<'_>, position: &Received, skeleton: Option<&[u8]>) -> Result<(), Error> {
    let Received { sender, recipient, lane, branch, sequence, .. } = position;
    let place: [Value<'_>; 5] =
        [sender.as_str().into(), recipient.as_str().into(), (*lane).into(), (*branch).into(), (*sequence).into()];
    let mut all = vec![skeleton.into()];
    all.extend(place);
    tx.execute(
        "UPDATE received SET envelope = NULL, erased = $1 WHERE sender = $2 AND recipient = $3 AND lane = $4 \
         AND branch = $5 AND sequence = $6",
        &all,
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    fn plan(sql: &str, parameters: usize) -> String {
        let explained: &'static str = format!("EXPLAIN QUERY PLAN {sql}").leak();
        let parameters: Vec<Value<'_>> = (0..parameters).map(|_| Value::Int(0)).collect();
        let plan = Store::in_memory().unwrap().transaction(|tx| tx.query(explained, &parameters, |row| row.text(3)));
        plan.unwrap().join("; ")
    }

    #[test]
    fn what_has_become_old_is_found_without_reading_the_rest() {
        let sent = plan(SENT_BEFORE, 4);
        assert!(sent.contains("sent_whole (sign_time<?)") && !sent.contains("SCAN"), "{sent}");
        let received = plan(RECEIVED_BEFORE, 2);
        assert!(received.contains("received_whole (receive_time<?)") && !received.contains("SCAN"), "{received}");
    }
}

//! SQL of the messages that this access point sends. Where they were signed is [`sent`](super::sent)'s.

use nhipcau_domain::{flow::Flow, id::AccessPointId};

use super::{Error, Row, Tx, Value};
use crate::{
    message::{Correlation, Lane, MessageId, Recipient},
    pae::Digest,
    receipt::Number,
};

/// State of a message in the outbox, where it is written from a variable. SQL texts name the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Draft = 0,
    Received = 2,
    Refused = 3,
    Skipped = 5,
}

impl From<State> for Value<'_> {
    fn from(state: State) -> Self {
        Value::Int(state as i64)
    }
}

/// A message to be signed.
pub(crate) struct Pending {
    pub(crate) id: MessageId,
    pub(crate) serial: u64,
    pub(crate) correlation: Option<Correlation>,
    /// Whether its content is there.
    pub(crate) is_whole: bool,
    pub(crate) skip: i64,
    /// Whether an envelope of it ever existed.
    pub(crate) signed: bool,
}

/// A new message.
pub(crate) struct NewMessage<'m> {
    pub(crate) id: MessageId,
    pub(crate) recipient: &'m Recipient,
    pub(crate) lane: Lane,
    pub(crate) serial: u64,
    pub(crate) flow: Flow,
    pub(crate) correlation: Option<Correlation>,
    pub(crate) ordinal: u64,
    pub(crate) draft_digest: Digest,
    pub(crate) content: Option<&'m [u8]>,
    pub(crate) state: State,
    /// Whether an envelope of it already exists.
    pub(crate) signed: bool,
    pub(crate) now: i64,
}

/// What the service that sent a message was last told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    Nothing,
    Received,
    /// Refused for good, for this reason.
    Refused(i64),
}

impl From<i64> for Told {
    fn from(stored: i64) -> Self {
        match stored {
            0 => Self::Nothing,
            1.. => Self::Received,
            reason => Self::Refused(-reason),
        }
    }
}

/// What a receipt concludes.
pub(crate) struct Concluded {
    pub(crate) id: MessageId,
    pub(crate) contract: String,
    pub(crate) correlation: Option<Correlation>,
    pub(crate) skip: bool,
    /// Whether it was refused for good.
    pub(crate) refused: bool,
    /// Whether it still waits for a conclusion.
    pub(crate) is_open: bool,
    /// Whether it was given up for good.
    pub(crate) is_given_up: bool,
    /// What its service was told of it.
    pub(crate) told: Told,
    /// Whether its content is still there, so that it can be sent again.
    pub(crate) is_whole: bool,
}

pub(crate) fn correlation_value(correlation: Option<&Correlation>) -> Value<'_> {
    Value::Blob(correlation.map_or(&[], Correlation::as_slice))
}

pub(crate) fn correlation_of(row: &Row<'_>, column: usize) -> Result<Option<Correlation>, Error> {
    let bytes = row.blob(column)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    Correlation::try_from(bytes).map(Some).map_err(|_| Error::Corrupt("a correlation of another length"))
}

pub(super) fn id_of(row: &Row<'_>, column: usize) -> Result<MessageId, Error> {
    row.array(column).map(MessageId)
}

pub(crate) fn next_serial(tx: &mut Tx<'_>) -> Result<u64, Error> {
    let last = tx.query_one("SELECT serial FROM outbox ORDER BY serial DESC LIMIT 1", &[], |row| row.number(0))?;
    Ok(last.unwrap_or(0) + 1)
}

/// The draft digest of a message.
pub(crate) fn find(tx: &mut Tx<'_>, id: MessageId) -> Result<Option<Digest>, Error> {
    tx.query_one("SELECT draft_digest FROM outbox WHERE id = $1", &[(&id.0).into()], |row| row.array(0))
}

/// The flow of a message.
pub(crate) fn flow(tx: &mut Tx<'_>, id: MessageId) -> Result<Option<Flow>, Error> {
    tx.query_one("SELECT contract, kind FROM outbox WHERE id = $1", &[(&id.0).into()], |row| flow_of(row, 0))
}

/// The flow in two columns of a row. One that somebody made unreadable is not known: it stops neither a comparison nor
/// the channel.
pub(super) fn flow_of(row: &Row<'_>, column: usize) -> Result<Flow, Error> {
    Ok(Flow::read(row.text(column)?, row.text(column + 1)?).unwrap_or_default())
}

/// In place of the draft digest of a message that is only known to have been given up.
pub(crate) const GIVEN_UP: Digest = [0; 32];

pub(crate) fn insert(tx: &mut Tx<'_>, m: &NewMessage<'_>) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO outbox (id, recipient, lane, serial, contract, kind, correlation, ordinal, draft_digest, state, \
         reason, signed, told, create_time) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, $11, 0, $12)",
        &[
            (&m.id.0).into(),
            m.recipient.as_str().into(),
            m.lane.number().into(),
            m.serial.into(),
            m.flow.contract().into(),
            m.flow.kind().into(),
            correlation_value(m.correlation.as_ref()),
            m.ordinal.into(),
            (&m.draft_digest).into(),
            m.state.into(),
            i64::from(m.signed).into(),
            m.now.into(),
        ],
    )?;
    if let Some(content) = m.content {
        let sql = "INSERT INTO outbox_content (serial, content) VALUES ($1, $2)";
        tx.execute(sql, &[m.serial.into(), content.into()])?;
    }
    Ok(())
}

/// The body of a message.
pub(crate) fn content(tx: &mut Tx<'_>, serial: u64) -> Result<Option<Vec<u8>>, Error> {
    tx.query_one("SELECT content FROM outbox_content WHERE serial = $1", &[serial.into()], |row| row.blob(0))
}

/// The body of a message that waits for its receipt; none of one that is skipped, or for which nothing waits.
pub(crate) fn going(tx: &mut Tx<'_>, id: MessageId) -> Result<Option<Vec<u8>>, Error> {
    tx.query_one(
        "SELECT c.content FROM outbox o JOIN outbox_content c ON c.serial = o.serial \
         WHERE o.id = $1 AND o.state = 1 AND o.reason = 0",
        &[(&id.0).into()],
        |row| row.blob(0),
    )
}

/// Messages that may be signed now, in their order. Within a case a message waits for earlier ones that the recipient
/// could not take yet, and while a later one than the first to be signed has no receipt yet. Also for an earlier one
/// that stands before the position at which the recipient last told its count, and has no receipt: the count may be
/// without it.
pub(crate) fn drafts(tx: &mut Tx<'_>, recipient: &Recipient, lane: Lane, limit: u64) -> Result<Vec<Pending>, Error> {
    tx.query(
        "SELECT id, correlation, serial, reason, signed, \
         EXISTS (SELECT 1 FROM outbox_content c WHERE c.serial = d.serial) \
         FROM outbox d WHERE recipient = $1 AND lane = $2 \
         AND state IN (0, 1, 4) AND state = 0 AND (lane <> 1 OR LENGTH(correlation) = 0 OR NOT EXISTS (SELECT 1 \
         FROM outbox o WHERE o.correlation = d.correlation AND o.recipient = d.recipient AND o.lane = d.lane \
         AND o.state <> 2 \
         AND (o.state = 4 AND o.serial < d.serial OR o.state = 1 AND o.serial > (SELECT MIN(serial) FROM outbox f \
         WHERE f.correlation = d.correlation AND f.recipient = d.recipient AND f.lane = d.lane AND f.state = 0 \
         AND f.state <> 2) \
         OR o.state = 1 AND o.serial < d.serial AND (SELECT MAX(s.sequence) FROM sent s WHERE s.id = o.id) < (SELECT \
         c.sequence FROM counted_there c WHERE c.recipient = d.recipient AND c.correlation = d.correlation)))) \
         ORDER BY serial LIMIT $3",
        &[recipient.as_str().into(), lane.number().into(), limit.into()],
        |row| {
            Ok(Pending {
                id: id_of(row, 0)?,
                correlation: correlation_of(row, 1)?,
                serial: row.number(2)?,
                skip: row.int(3)?,
                signed: row.int(4)? != 0,
                is_whole: row.int(5)? != 0,
            })
        },
    )
}

/// The last number of a case that was signed after a position. Asked for every message that is signed.
const SIGNED_AFTER: &str = "SELECT COALESCE(MAX(ordinal), 0) FROM sent \
    WHERE correlation = $1 AND recipient = $2 AND lane = 1 AND sequence > $3";

/// The last number of a case that may count at the recipient: what its last receipt says that it had counted, or what
/// was signed after the position of which that says so.
pub(crate) fn last_counted(tx: &mut Tx<'_>, recipient: &Recipient, case: &Correlation) -> Result<u64, Error> {
    let counted = tx.query_one(
        "SELECT ordinal, sequence FROM counted_there WHERE recipient = $1 AND correlation = $2",
        &[recipient.as_str().into(), case.into()],
        |row| Ok((row.number(0)?, row.number(1)?)),
    )?;
    let (counted, sequence) = counted.unwrap_or_default();
    let signed =
        tx.query_one(SIGNED_AFTER, &[case.into(), recipient.as_str().into(), sequence.into()], |row| row.number(0))?;
    Ok(counted.max(signed.unwrap_or(0)))
}

/// Notes what a recipient had counted of a case at a position.
pub(crate) fn learn(
    tx: &mut Tx<'_>,
    recipient: &AccessPointId,
    case: &Correlation,
    ordinal: u64,
    sequence: u64,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO counted_there (recipient, correlation, ordinal, sequence) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (recipient, correlation) DO UPDATE SET ordinal = excluded.ordinal, sequence = excluded.sequence",
        &[recipient.as_str().into(), case.into(), ordinal.into(), sequence.into()],
    )?;
    Ok(())
}

/// The highest number of a case under which a message to the recipient is known.
pub(crate) fn last_number(tx: &mut Tx<'_>, recipient: &Recipient, case: &Correlation) -> Result<u64, Error> {
    let of_case = [case.into(), recipient.as_str().into()];
    let open = tx.query_one(
        "SELECT COALESCE(MAX(ordinal), 0) FROM outbox WHERE correlation = $1 AND recipient = $2 AND lane = 1 \
         AND state <> 2",
        &of_case,
        |row| row.number(0),
    )?;
    let signed = tx.query_one(
        "SELECT COALESCE(MAX(ordinal), 0) FROM sent WHERE correlation = $1 AND recipient = $2 AND lane = 1",
        &of_case,
        |row| row.number(0),
    )?;
    Ok(open.max(signed).unwrap_or(0))
}

/// Marks a message as signed under an ordinal; a skip reason other than 0 says that only its position travels.
pub(crate) fn signed(tx: &mut Tx<'_>, id: MessageId, ordinal: u64, skip: i64) -> Result<(), Error> {
    tx.execute(
        "UPDATE outbox SET state = 1, ordinal = $1, reason = $2, signed = 1 WHERE id = $3",
        &[ordinal.into(), skip.into(), (&id.0).into()],
    )?;
    Ok(())
}

/// Has a message's position filled by a skip when it is next signed.
pub(crate) fn give_up(tx: &mut Tx<'_>, id: MessageId, reason: i64) -> Result<(), Error> {
    tx.execute("UPDATE outbox SET state = 0, reason = $1 WHERE id = $2", &[reason.into(), (&id.0).into()])?;
    Ok(())
}

/// Marks a message as given up before it ever had a position.
pub(crate) fn skipped(tx: &mut Tx<'_>, id: MessageId, reason: i64) -> Result<(), Error> {
    tx.execute("UPDATE outbox SET state = 5, reason = $1 WHERE id = $2", &[reason.into(), (&id.0).into()])?;
    Ok(())
}

/// Lets the messages that wait for the peer's release be signed again; says whether there were any.
pub(crate) fn release_waiting(tx: &mut Tx<'_>, recipient: &Recipient) -> Result<bool, Error> {
    let changed = tx.execute(
        "UPDATE outbox SET state = 0 WHERE recipient = $1 AND lane IN (1, 2) AND state IN (0, 1, 4) AND state = 4",
        &[recipient.as_str().into()],
    )?;
    Ok(changed > 0)
}

pub(crate) fn has_drafts(tx: &mut Tx<'_>, recipient: &Recipient, lane: Lane) -> Result<bool, Error> {
    Ok(!drafts(tx, recipient, lane, 1)?.is_empty())
}

/// A message and where it stands. Looked up one by one: a receipt may cover one message at two positions.
pub(crate) fn concluding(tx: &mut Tx<'_>, id: MessageId) -> Result<Option<Concluded>, Error> {
    tx.query_one(
        "SELECT contract, correlation, reason, state, told, \
         EXISTS (SELECT 1 FROM outbox_content c WHERE c.serial = outbox.serial) FROM outbox WHERE id = $1",
        &[(&id.0).into()],
        |row| {
            Ok(Concluded {
                id,
                contract: row.text(0)?,
                correlation: correlation_of(row, 1)?,
                skip: row.int(3)? == 5 || row.int(2)? != 0 && row.int(3)? != 3,
                refused: row.int(3)? == 3,
                is_open: matches!(row.int(3)?, 0 | 1 | 4),
                is_given_up: row.int(3)? == 5,
                told: row.int(4)?.into(),
                is_whole: row.int(5)? != 0,
            })
        },
    )
}

/// Notes that a message stands at a position that its recipient accepted; also one that was given up here before the
/// recipient could say so, and one that was refused by a history of the recipient that is not its present one. `skip`:
/// why a skip stands there instead, or 0.
pub(crate) fn place(tx: &mut Tx<'_>, id: MessageId, ordinal: u64, skip: i64) -> Result<(), Error> {
    tx.execute(
        "UPDATE outbox SET state = 1, ordinal = $1, reason = $2 WHERE id = $3 AND state IN (0, 1, 3, 4, 5)",
        &[ordinal.into(), skip.into(), (&id.0).into()],
    )?;
    Ok(())
}

/// Notes that a message or a skip of it stood at a position of which only the skeleton is left. A message that has its
/// content is signed anew.
pub(crate) fn place_bare(tx: &mut Tx<'_>, id: MessageId) -> Result<(), Error> {
    tx.execute(
        "UPDATE outbox SET state = CASE WHEN EXISTS (SELECT 1 FROM outbox_content c WHERE c.serial = outbox.serial) \
         THEN 0 ELSE 1 END WHERE id = $1 AND state IN (0, 1, 4)",
        &[(&id.0).into()],
    )?;
    Ok(())
}

/// Opens again the messages of which receipts after `after` speak, and, if so wanted, all that were refused; those that
/// still have a position. Says how many.
pub(crate) fn doubt(
    tx: &mut Tx<'_>,
    recipient: &AccessPointId,
    lane: Lane,
    after: Number,
    all_refused: bool,
) -> Result<usize, Error> {
    let mut opened = tx.execute(
        "UPDATE outbox SET state = 1, reason = 0 WHERE state IN (2, 3) AND id IN (SELECT s.id FROM receipt_held r \
         JOIN sent s ON s.recipient = r.recipient AND s.lane = r.lane AND s.sequence >= r.first_sequence \
         AND s.sequence <= r.last_sequence WHERE r.issuer = $1 AND r.recipient = $2 AND r.lane = $3 \
         AND (r.series, r.number) > ($4, $5))",
        &[
            recipient.as_str().into(),
            recipient.as_str().into(),
            lane.number().into(),
            after.series.into(),
            after.number.into(),
        ],
    )?;
    if all_refused {
        opened += tx.execute(
            "UPDATE outbox SET state = 1, reason = 0 WHERE recipient = $1 AND lane = $2 AND state IN (3, 5) \
             AND state = 3 AND EXISTS (SELECT 1 FROM sent s WHERE s.id = outbox.id)",
            &[recipient.as_str().into(), lane.number().into()],
        )?;
    }
    Ok(opened)
}

/// Has a message signed again under another number.
pub(crate) fn redraft(tx: &mut Tx<'_>, id: MessageId) -> Result<(), Error> {
    tx.execute("UPDATE outbox SET state = 0 WHERE id = $1", &[(&id.0).into()])?;
    Ok(())
}

/// Has a message wait until its recipient may take it.
pub(crate) fn wait(tx: &mut Tx<'_>, id: MessageId) -> Result<(), Error> {
    tx.execute("UPDATE outbox SET state = 4 WHERE id = $1", &[(&id.0).into()])?;
    Ok(())
}

/// Ends a message. `told`: what its service is told, if anything new.
pub(crate) fn conclude(
    tx: &mut Tx<'_>,
    id: MessageId,
    state: State,
    reason: i64,
    told: Option<Told>,
) -> Result<(), Error> {
    let told = told.map(|told| match told {
        Told::Nothing => 0,
        Told::Received => 1,
        Told::Refused(reason) => -reason,
    });
    tx.execute(
        "UPDATE outbox SET state = $1, reason = $2, told = COALESCE($3, told) WHERE id = $4",
        &[state.into(), reason.into(), told.into(), (&id.0).into()],
    )?;
    Ok(())
}

/// Drops the contents of a case.
pub(crate) fn drop_contents(tx: &mut Tx<'_>, case: &Correlation) -> Result<(), Error> {
    tx.execute(
        "DELETE FROM outbox_content WHERE serial IN (SELECT serial FROM outbox WHERE correlation = $1 AND state <> 2) \
         OR serial IN (SELECT o.serial FROM sent s JOIN outbox o ON o.id = s.id WHERE s.correlation = $1)",
        &[case.into()],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[test]
    fn the_number_of_a_case_is_sought_among_its_own_positions() {
        let explained: &'static str = format!("EXPLAIN QUERY PLAN {SIGNED_AFTER}").leak();
        let parameters = [Value::Blob(b"case"), "vwu".into(), 0_u64.into()];
        let plan = Store::in_memory().unwrap().transaction(|tx| tx.query(explained, &parameters, |row| row.text(3)));
        let plan = plan.unwrap().join("; ");
        assert!(plan.contains("sent_case (correlation=? AND recipient=? AND lane=? AND sequence>?)"), "{plan}");
    }
}

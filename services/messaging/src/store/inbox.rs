//! SQL of what this access point receives: accepted positions, promises, order within cases, strays, quarantine.

use nhipcau_domain::{flow::Flow, id::AccessPointId};

use super::{
    Error, Row, Tx, Value,
    outbox::{correlation_of, correlation_value},
    sent::Head,
};
use crate::{
    envelope::Proof,
    message::{Correlation, Lane, MessageId, RefusalReason},
    pae::Digest,
};

/// The outcome of a position that was refused for now.
const NOT_YET: Value<'_> = Value::Int(RefusalReason::NotYet as i64);
/// Entries kept in quarantine.
const QUARANTINE_LIMIT: u64 = 1024;

/// An accepted position.
pub(crate) struct Accepted<'a> {
    pub(crate) sender: &'a AccessPointId,
    pub(crate) recipient: &'a str,
    pub(crate) lane: Lane,
    pub(crate) head: Head,
    pub(crate) id: MessageId,
    pub(crate) correlation: Option<Correlation>,
    pub(crate) flow: &'a Flow,
    pub(crate) content_digest: Digest,
    pub(crate) outcome: i64,
    pub(crate) expected: u64,
    /// Who spent the id, if this position did.
    pub(crate) spent: Option<SpentBy>,
    pub(crate) envelope: Option<&'a [u8]>,
    pub(crate) erased: Option<&'a [u8]>,
    pub(crate) proof: Option<&'a Proof>,
    pub(crate) now: i64,
}

/// A channel's name as columns: sender, recipient, lane.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Channel<'c> {
    pub(crate) sender: &'c AccessPointId,
    pub(crate) recipient: &'c str,
    pub(crate) lane: Lane,
}

impl<'c> Channel<'c> {
    pub(super) fn with<const N: usize>(self, more: [Value<'c>; N]) -> Vec<Value<'c>> {
        let mut all = vec![self.sender.as_str().into(), self.recipient.into(), self.lane.number().into()];
        all.extend(more);
        all
    }
}

pub(crate) fn accept(tx: &mut Tx<'_>, a: &Accepted<'_>) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO received (sender, recipient, lane, branch, sequence, incarnation, id, correlation, contract, \
         kind, digest, content_digest, outcome, expected, spent, envelope, erased, proof, receive_time) \
         VALUES ($1, $2, $3, 0, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
        &[
            a.sender.as_str().into(),
            a.recipient.into(),
            a.lane.number().into(),
            a.head.sequence.into(),
            a.head.incarnation.into(),
            (&a.id.0).into(),
            correlation_value(a.correlation.as_ref()),
            a.flow.contract().into(),
            a.flow.kind().into(),
            (&a.head.digest).into(),
            (&a.content_digest).into(),
            a.outcome.into(),
            a.expected.into(),
            a.spent.map_or(0, |by| by as i64).into(),
            a.envelope.into(),
            a.erased.into(),
            a.proof.map(Proof::as_bytes).into(),
            a.now.into(),
        ],
    )?;
    Ok(())
}

/// The last accepted position.
pub(crate) fn head(tx: &mut Tx<'_>, channel: Channel<'_>) -> Result<Head, Error> {
    let head = tx.query_one(
        "SELECT incarnation, sequence, digest FROM received WHERE sender = $1 AND recipient = $2 AND lane = $3 \
         AND branch = 0 ORDER BY sequence DESC LIMIT 1",
        &channel.with([]),
        |row| Ok(Head { incarnation: row.number(0)?, sequence: row.number(1)?, digest: row.array(2)? }),
    )?;
    Ok(head.unwrap_or_default())
}

/// The accepted position with this sequence; the empty head for 0.
pub(crate) fn at(tx: &mut Tx<'_>, channel: Channel<'_>, sequence: u64) -> Result<Option<Head>, Error> {
    if sequence == 0 {
        return Ok(Some(Head::default()));
    }
    tx.query_one(
        "SELECT incarnation, digest FROM received WHERE sender = $1 AND recipient = $2 AND lane = $3 AND branch = 0 \
         AND sequence = $4",
        &channel.with([sequence.into()]),
        |row| Ok(Head { incarnation: row.number(0)?, sequence, digest: row.array(1)? }),
    )
}

/// An accepted position as receipts state it.
pub(crate) struct Stated {
    pub(crate) head: Head,
    pub(crate) id: MessageId,
    pub(crate) outcome: i32,
    pub(crate) expected: u64,
}

/// Accepted positions from `from` on: all of them, since the next receipt has to follow on the last one stated.
pub(crate) fn accepted_from(tx: &mut Tx<'_>, channel: Channel<'_>, from: u64) -> Result<Vec<Stated>, Error> {
    tx.query(
        "SELECT incarnation, sequence, digest, id, outcome, expected FROM received WHERE sender = $1 \
         AND recipient = $2 AND lane = $3 AND branch = 0 AND sequence >= $4 ORDER BY sequence",
        &channel.with([from.into()]),
        |row| {
            let head = Head { incarnation: row.number(0)?, sequence: row.number(1)?, digest: row.array(2)? };
            let outcome = i32::try_from(row.int(4)?).map_err(|_| Error::Corrupt("an outcome out of its bounds"))?;
            Ok(Stated { head, id: row.array(3).map(MessageId)?, outcome, expected: row.number(5)? })
        },
    )
}

/// What spends an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SpentBy {
    Message = 1,
    Skip = 3,
}

/// How a sender's id was spent.
pub(crate) struct Spent {
    /// On what content.
    pub(crate) digest: Digest,
    pub(crate) outcome: i64,
    pub(crate) by: SpentBy,
}

/// How a sender's id was spent.
pub(crate) fn spent(tx: &mut Tx<'_>, sender: &AccessPointId, id: MessageId) -> Result<Option<Spent>, Error> {
    tx.query_one(
        "SELECT content_digest, outcome, spent FROM received WHERE sender = $1 AND id = $2 AND spent > 0",
        &[sender.as_str().into(), (&id.0).into()],
        |row| {
            let by = if row.int(2)? == SpentBy::Skip as i64 { SpentBy::Skip } else { SpentBy::Message };
            Ok(Spent { digest: row.array(0)?, outcome: row.int(1)?, by })
        },
    )
}

/// A stored envelope.
pub(crate) struct StoredEnvelope {
    pub(crate) correlation: Option<Correlation>,
    pub(crate) digest: Digest,
    pub(crate) envelope: Option<Vec<u8>>,
    pub(crate) erased: Option<Vec<u8>>,
}

/// Stored envelopes of a channel from a position on, for returning them to their sender.
pub(crate) fn envelopes_from(tx: &mut Tx<'_>, channel: Channel<'_>, from: u64) -> Result<Vec<StoredEnvelope>, Error> {
    tx.query(
        "SELECT correlation, digest, envelope, erased FROM received WHERE sender = $1 AND recipient = $2 \
         AND lane = $3 AND branch = 0 AND sequence >= $4 ORDER BY sequence LIMIT 64",
        &channel.with([from.into()]),
        |row| {
            Ok(StoredEnvelope {
                correlation: correlation_of(row, 0)?,
                digest: row.array(1)?,
                envelope: row.optional_blob(2)?,
                erased: row.optional_blob(3)?,
            })
        },
    )
}

/// Takes what a publisher abandoned after `base` out of the channel's history. It has lost it, and gets it back; the
/// ids stay spent.
pub(crate) fn abandon(tx: &mut Tx<'_>, channel: Channel<'_>, base: u64) -> Result<usize, Error> {
    let last = tx.query_one(
        "SELECT COALESCE(MAX(branch), 0) FROM received WHERE sender = $1 AND recipient = $2 AND lane = $3",
        &channel.with([]),
        |row| row.number(0),
    )?;
    let branch = last.unwrap_or(0) + 1;
    let mut values = vec![branch.into()];
    values.extend(channel.with([base.into()]));
    tx.execute(
        "UPDATE received SET branch = $1 WHERE sender = $2 AND recipient = $3 AND lane = $4 AND branch = 0 \
         AND sequence > $5",
        &values,
    )?;
    // The row that spent an id may stand in a branch abandoned before.
    let mut values = vec![channel.sender.as_str().into()];
    values.extend(channel.with([branch.into()]));
    tx.execute(
        "UPDATE received SET spent = 2 WHERE sender = $1 AND spent > 0 AND spent = 1 AND id IN \
         (SELECT id FROM received WHERE sender = $2 AND recipient = $3 AND lane = $4 AND branch = $5)",
        &values,
    )
}

/// Positions of a channel's present history after `after` that were refused for now, in their order.
pub(crate) fn refused_for_now(
    tx: &mut Tx<'_>,
    channel: Channel<'_>,
    after: u64,
    limit: u64,
) -> Result<Vec<u64>, Error> {
    tx.query(
        "SELECT sequence FROM received WHERE sender = $1 AND recipient = $2 AND lane = $3 AND branch = 0 \
         AND outcome <> 0 AND outcome = $4 AND sequence > $5 ORDER BY sequence LIMIT $6",
        &channel.with([NOT_YET, after.into(), limit.into()]),
        |row| row.number(0),
    )
}

/// The stored envelope of a position in a channel's present history.
pub(crate) fn envelope_at(tx: &mut Tx<'_>, channel: Channel<'_>, sequence: u64) -> Result<Option<Vec<u8>>, Error> {
    let found = tx.query_one(
        "SELECT envelope FROM received WHERE sender = $1 AND recipient = $2 AND lane = $3 AND branch = 0 \
         AND sequence = $4",
        &channel.with([sequence.into()]),
        |row| row.optional_blob(0),
    )?;
    Ok(found.flatten())
}

/// Ends a position that was refused for now.
pub(crate) fn settle(
    tx: &mut Tx<'_>,
    channel: Channel<'_>,
    (sequence, flow): (u64, &Flow),
    outcome: i32,
    spent: bool,
) -> Result<(), Error> {
    let mut values = vec![outcome.into(), i64::from(spent).into(), flow.contract().into(), flow.kind().into()];
    values.extend(channel.with([sequence.into()]));
    tx.execute(
        "UPDATE received SET outcome = $1, spent = $2, contract = $3, kind = $4 WHERE sender = $5 AND recipient = $6 \
         AND lane = $7 AND branch = 0 AND sequence = $8",
        &values,
    )?;
    Ok(())
}

/// The publisher has sent an abandoned message again.
pub(crate) fn reclaim(tx: &mut Tx<'_>, sender: &AccessPointId, id: MessageId) -> Result<(), Error> {
    tx.execute(
        "UPDATE received SET spent = 1 WHERE sender = $1 AND id = $2 AND spent > 0 AND spent = 2",
        &[sender.as_str().into(), (&id.0).into()],
    )?;
    Ok(())
}

/// Abandoned envelopes of a publisher: of spent ids, and of those refused for now that stand nowhere else.
pub(crate) fn abandoned(tx: &mut Tx<'_>, sender: &AccessPointId) -> Result<Vec<Vec<u8>>, Error> {
    let read = |row: &Row<'_>| Ok(row.optional_blob(0)?.unwrap_or_default());
    let mut found = tx.query(
        "SELECT envelope FROM received WHERE sender = $1 AND spent = 2 ORDER BY branch, sequence LIMIT 64",
        &[sender.as_str().into()],
        read,
    )?;
    found.extend(tx.query(
        "SELECT envelope FROM received r WHERE sender = $1 AND recipient = 'all' AND lane = 2 AND branch > 0 \
         AND outcome <> 0 AND outcome = $2 \
         AND NOT EXISTS (SELECT 1 FROM received p WHERE p.sender = r.sender AND p.id = r.id AND p.spent > 0) \
         AND NOT EXISTS (SELECT 1 FROM received p WHERE p.sender = r.sender AND p.id = r.id AND p.spent = 0 \
         AND p.branch = 0) ORDER BY branch, sequence LIMIT 64",
        &[sender.as_str().into(), NOT_YET],
        read,
    )?);
    Ok(found)
}

/// What was promised on a channel.
#[derive(Default)]
pub(crate) struct Promise {
    /// Lowest incarnation accepted beyond the base.
    pub(crate) incarnation: u64,
    /// Run that proposed it; empty when it was learned from an envelope.
    pub(crate) run: Vec<u8>,
    /// Base of the incarnation, once known.
    pub(crate) base: Option<u64>,
    /// The sender's own signed status that proposed it.
    pub(crate) proposal: Vec<u8>,
}

pub(crate) fn promise(tx: &mut Tx<'_>, channel: Channel<'_>) -> Result<Promise, Error> {
    let found = tx.query_one(
        "SELECT incarnation, run, COALESCE(base_sequence, -1), proposal FROM promise \
         WHERE sender = $1 AND recipient = $2 AND lane = $3",
        &channel.with([]),
        |row| {
            Ok(Promise {
                incarnation: row.number(0)?,
                run: row.blob(1)?,
                base: u64::try_from(row.int(2)?).ok(),
                proposal: row.blob(3)?,
            })
        },
    )?;
    Ok(found.unwrap_or_default())
}

pub(crate) fn set_promise(tx: &mut Tx<'_>, channel: Channel<'_>, promise: &Promise) -> Result<(), Error> {
    let values: [Value<'_>; 4] =
        [promise.incarnation.into(), (&promise.run).into(), promise.base.into(), (&promise.proposal).into()];
    let mut all = vec![channel.sender.as_str().into(), channel.recipient.into(), channel.lane.number().into()];
    all.extend(values);
    tx.execute(
        "INSERT INTO promise (sender, recipient, lane, incarnation, run, base_sequence, proposal) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (sender, recipient, lane) DO UPDATE SET \
         incarnation = excluded.incarnation, run = excluded.run, base_sequence = excluded.base_sequence, \
         proposal = excluded.proposal",
        &all,
    )?;
    Ok(())
}

/// The last number of a sender's case that was counted here; 0 when there is none.
pub(crate) fn counted(tx: &mut Tx<'_>, sender: &AccessPointId, case: &Correlation) -> Result<u64, Error> {
    let found = tx.query_one(
        "SELECT ordinal FROM counted WHERE sender = $1 AND correlation = $2",
        &[sender.as_str().into(), case.into()],
        |row| row.number(0),
    )?;
    Ok(found.unwrap_or(0))
}

/// Counts a number of a sender's case.
pub(crate) fn count(tx: &mut Tx<'_>, sender: &AccessPointId, case: &Correlation, ordinal: u64) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO counted (sender, correlation, ordinal) VALUES ($1, $2, $3) \
         ON CONFLICT (sender, correlation) DO UPDATE SET ordinal = excluded.ordinal",
        &[sender.as_str().into(), case.into(), ordinal.into()],
    )?;
    Ok(())
}

/// Strays kept per sender.
const STRAYS_LIMIT: u64 = 1024;
/// Their bytes per sender.
const STRAYS_BYTES: u64 = 64 << 20;

/// An envelope that came too late to take a position.
pub(crate) struct Stray<'s> {
    pub(crate) sender: &'s AccessPointId,
    pub(crate) lane: Lane,
    pub(crate) incarnation: u64,
    pub(crate) sequence: u64,
    pub(crate) id: MessageId,
    pub(crate) envelope: &'s [u8],
}

/// Keeps a stray; says whether it was new, or nothing when there is no room.
pub(crate) fn keep_stray(tx: &mut Tx<'_>, s: &Stray<'_>) -> Result<Option<bool>, Error> {
    let (count, bytes) = stray_sizes(tx, s.sender)?;
    if count >= STRAYS_LIMIT || bytes >= STRAYS_BYTES {
        return Ok(None);
    }
    let inserted = tx.execute(
        "INSERT INTO stray (sender, lane, incarnation, sequence, id, envelope) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (sender, id) DO NOTHING",
        &[
            s.sender.as_str().into(),
            s.lane.number().into(),
            s.incarnation.into(),
            s.sequence.into(),
            (&s.id.0).into(),
            s.envelope.into(),
        ],
    )?;
    Ok(Some(inserted > 0))
}

/// Whether strays of a sender are kept.
pub(crate) fn has_strays(tx: &mut Tx<'_>, sender: &AccessPointId) -> Result<bool, Error> {
    Ok(stray_sizes(tx, sender)?.0 > 0)
}

fn stray_sizes(tx: &mut Tx<'_>, sender: &AccessPointId) -> Result<(u64, u64), Error> {
    let sizes = tx.query_one(
        "SELECT COUNT(*), COALESCE(SUM(LENGTH(envelope)), 0) FROM stray WHERE sender = $1",
        &[sender.as_str().into()],
        |row| Ok((row.number(0)?, row.number(1)?)),
    )?;
    Ok(sizes.unwrap_or_default())
}

/// The oldest strays of a sender, of at most so many bytes together, or one.
pub(crate) fn oldest_strays(tx: &mut Tx<'_>, sender: &AccessPointId, bytes: usize) -> Result<Vec<Vec<u8>>, Error> {
    let oldest = tx.query(
        "SELECT id, LENGTH(envelope) FROM stray WHERE sender = $1 ORDER BY lane, incarnation, sequence LIMIT 64",
        &[sender.as_str().into()],
        |row| Ok((row.array::<16>(0)?, row.number(1)?)),
    )?;
    let (mut found, mut size) = (Vec::new(), 0);
    for (id, length) in oldest {
        size += usize::try_from(length).unwrap_or(usize::MAX);
        if size > bytes && !found.is_empty() {
            break;
        }
        let sql = "SELECT envelope FROM stray WHERE sender = $1 AND id = $2";
        found.extend(tx.query_one(sql, &[sender.as_str().into(), (&id).into()], |row| row.blob(0))?);
    }
    Ok(found)
}

/// The message has taken a position: nothing is to be returned any more. Says whether it was kept.
pub(crate) fn forget_stray(tx: &mut Tx<'_>, sender: &AccessPointId, id: MessageId) -> Result<bool, Error> {
    let sql = "DELETE FROM stray WHERE sender = $1 AND id = $2";
    Ok(tx.execute(sql, &[sender.as_str().into(), (&id.0).into()])? > 0)
}

/// Whether the message has taken a position before.
pub(crate) fn has_position(tx: &mut Tx<'_>, channel: Channel<'_>, id: MessageId) -> Result<bool, Error> {
    let found = tx.query_one(
        "SELECT 1 FROM received WHERE sender = $1 AND id = $2 AND spent > 0 \
         UNION ALL SELECT 1 FROM received WHERE sender = $1 AND id = $2 AND spent = 0 LIMIT 1",
        &[channel.sender.as_str().into(), (&id.0).into()],
        |row| row.int(0),
    )?;
    Ok(found.is_some())
}

/// Notes what cannot be believed: its digest and size, never its bytes.
pub(crate) fn quarantine(
    tx: &mut Tx<'_>,
    subject_sender: &AccessPointId,
    reason: &str,
    digest: &Digest,
    size: usize,
    now: i64,
) -> Result<(), Error> {
    let size = u64::try_from(size).unwrap_or(u64::MAX);
    tx.execute(
        "INSERT INTO quarantine (serial, subject_sender, reason, digest, size, arrive_time) \
         VALUES ((SELECT COALESCE(MAX(serial), 0) + 1 FROM quarantine), $1, $2, $3, $4, $5)",
        &[subject_sender.as_str().into(), reason.into(), digest.into(), size.into(), now.into()],
    )?;
    tx.execute(
        "DELETE FROM quarantine WHERE serial <= (SELECT MAX(serial) FROM quarantine) - $1",
        &[QUARANTINE_LIMIT.into()],
    )?;
    Ok(())
}

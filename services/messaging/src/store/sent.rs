//! SQL of what this access point has signed: the positions of its channels, each with the envelope of a message.

use nhipcau_domain::flow::Flow;

use super::{
    Error, Tx,
    outbox::{correlation_of, correlation_value, id_of},
};
use crate::{
    envelope::Proof,
    message::{Correlation, Lane, MessageId, Recipient},
    pae::Digest,
};

/// A position of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Head {
    pub(crate) incarnation: u64,
    pub(crate) sequence: u64,
    pub(crate) digest: Digest,
}

/// A signed position.
pub(crate) struct Position<'p> {
    pub(crate) recipient: &'p Recipient,
    pub(crate) lane: Lane,
    pub(crate) head: Head,
    pub(crate) id: MessageId,
    pub(crate) correlation: Option<Correlation>,
    /// Number in the case that is signed here.
    pub(crate) ordinal: u64,
    pub(crate) flow: Flow,
    pub(crate) envelope: Option<&'p [u8]>,
    pub(crate) erased: Option<&'p [u8]>,
    pub(crate) proof: Option<&'p Proof>,
    pub(crate) now: i64,
}

/// A signed position as the store holds it.
pub(crate) struct Stored {
    pub(crate) sequence: u64,
    pub(crate) id: MessageId,
    pub(crate) correlation: Option<Correlation>,
    pub(crate) envelope: Option<Vec<u8>>,
    /// The envelope without its parts, once the content was erased.
    pub(crate) erased: Option<Vec<u8>>,
    /// When it was signed, in microseconds.
    pub(crate) sign_time: i64,
}

/// A position that a receipt covers.
pub(crate) struct Covered {
    pub(crate) sequence: u64,
    pub(crate) id: MessageId,
    pub(crate) correlation: Option<Correlation>,
    /// Number in the case that was signed there.
    pub(crate) ordinal: u64,
    /// Whether its message has no later position.
    pub(crate) is_last: bool,
    /// Whether what was signed there is gone.
    pub(crate) is_bare: bool,
}

pub(crate) fn add_position(tx: &mut Tx<'_>, p: &Position<'_>) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO sent (recipient, lane, sequence, incarnation, id, correlation, ordinal, contract, kind, \
         digest, envelope, erased, proof, sign_time) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        &[
            p.recipient.as_str().into(),
            p.lane.number().into(),
            p.head.sequence.into(),
            p.head.incarnation.into(),
            (&p.id.0).into(),
            correlation_value(p.correlation.as_ref()),
            p.ordinal.into(),
            p.flow.contract().into(),
            p.flow.kind().into(),
            (&p.head.digest).into(),
            p.envelope.into(),
            p.erased.into(),
            p.proof.map(Proof::as_bytes).into(),
            p.now.into(),
        ],
    )?;
    Ok(())
}

/// The last signed position.
pub(crate) fn head(tx: &mut Tx<'_>, recipient: &Recipient, lane: Lane) -> Result<Head, Error> {
    let last = tx.query_one(
        "SELECT sequence FROM sent WHERE recipient = $1 AND lane = $2 ORDER BY sequence DESC LIMIT 1",
        &[recipient.as_str().into(), lane.number().into()],
        |row| row.number(0),
    )?;
    match last {
        None => Ok(Head::default()),
        Some(sequence) => position(tx, recipient, lane, sequence)?.ok_or(Error::Corrupt("a position that vanished")),
    }
}

/// The position with this sequence; the empty head for 0.
pub(crate) fn position(
    tx: &mut Tx<'_>,
    recipient: &Recipient,
    lane: Lane,
    sequence: u64,
) -> Result<Option<Head>, Error> {
    if sequence == 0 {
        return Ok(Some(Head::default()));
    }
    tx.query_one(
        "SELECT incarnation, digest FROM sent WHERE recipient = $1 AND lane = $2 AND sequence = $3",
        &[recipient.as_str().into(), lane.number().into(), sequence.into()],
        |row| Ok(Head { incarnation: row.number(0)?, sequence, digest: row.array(1)? }),
    )
}

/// Signed positions after `after`, oldest first.
pub(crate) fn positions(
    tx: &mut Tx<'_>,
    recipient: &Recipient,
    lane: Lane,
    after: u64,
    limit: u64,
) -> Result<Vec<Stored>, Error> {
    tx.query(
        "SELECT sequence, id, correlation, envelope, erased, sign_time FROM sent WHERE recipient = $1 AND lane = $2 \
         AND sequence > $3 ORDER BY sequence LIMIT $4",
        &[recipient.as_str().into(), lane.number().into(), after.into(), limit.into()],
        |row| {
            Ok(Stored {
                sequence: row.number(0)?,
                id: id_of(row, 1)?,
                correlation: correlation_of(row, 2)?,
                envelope: row.optional_blob(3)?,
                erased: row.optional_blob(4)?,
                sign_time: row.int(5)?,
            })
        },
    )
}

/// Positions after `after` whose content was erased.
pub(crate) fn erased_after(tx: &mut Tx<'_>, recipient: &Recipient, lane: Lane, after: u64) -> Result<Vec<u64>, Error> {
    tx.query(
        "SELECT sequence FROM sent WHERE recipient = $1 AND lane = $2 AND sequence > $3 AND erased IS NOT NULL \
         ORDER BY sequence LIMIT 256",
        &[recipient.as_str().into(), lane.number().into(), after.into()],
        |row| row.number(0),
    )
}

/// Gives up the positions after `after`: their messages are signed anew, unless they came to another end. Also those
/// that the recipient once received: it has lost the position, or takes the same id only once.
pub(crate) fn give_up_after(tx: &mut Tx<'_>, recipient: &Recipient, lane: Lane, after: u64) -> Result<usize, Error> {
    let channel = [recipient.as_str().into(), lane.number().into(), after.into()];
    if lane == Lane::Messages {
        tx.execute(
            "UPDATE counted_there SET sequence = $1 WHERE recipient = $2 AND sequence > $3",
            &[after.into(), recipient.as_str().into(), after.into()],
        )?;
    }
    tx.execute(
        "UPDATE outbox SET state = 0 WHERE state IN (1, 2) AND id IN \
         (SELECT id FROM sent WHERE recipient = $1 AND lane = $2 AND sequence > $3)",
        &channel,
    )?;
    tx.execute("DELETE FROM sent WHERE recipient = $1 AND lane = $2 AND sequence > $3", &channel)
}

/// The first position whose message still waits for a receipt there.
pub(crate) fn first_open(tx: &mut Tx<'_>, recipient: &Recipient, lane: Lane) -> Result<Option<u64>, Error> {
    let last = tx.query(
        "SELECT MAX(s.sequence) FROM outbox o JOIN sent s ON s.id = o.id WHERE o.recipient = $1 AND o.lane = $2 \
         AND o.state IN (0, 1, 4) AND o.state = 1 GROUP BY o.id",
        &[recipient.as_str().into(), lane.number().into()],
        |row| row.number(0),
    )?;
    Ok(last.into_iter().min())
}

/// The positions of a channel that a receipt covers.
pub(crate) fn covered(
    tx: &mut Tx<'_>,
    recipient: &Recipient,
    lane: Lane,
    first: u64,
    last: u64,
) -> Result<Vec<Covered>, Error> {
    tx.query(
        "SELECT sequence, id, correlation, ordinal, sequence = (SELECT MAX(t.sequence) FROM sent t WHERE t.id = sent.id), \
         envelope IS NULL FROM sent WHERE recipient = $1 AND lane = $2 AND sequence >= $3 AND sequence <= $4 ORDER BY sequence",
        &[recipient.as_str().into(), lane.number().into(), first.into(), last.into()],
        |row| {
            Ok(Covered {
                sequence: row.number(0)?,
                id: id_of(row, 1)?,
                correlation: correlation_of(row, 2)?,
                ordinal: row.number(3)?,
                is_last: row.int(4)? != 0,
                is_bare: row.int(5)? != 0,
            })
        },
    )
}

//! SQL that reads how messages of a case travelled: their positions, the receipts that cover these, and the positions
//! between. Writes nothing.

use super::{Error, Row, Tx, outbox::correlation_of};
use crate::{
    message::{Correlation, Lane, MessageId},
    pae::Digest,
};

/// Receipts looked at for a position: more than one covers it where it was stated again.
const RECEIPTS: u64 = 16;

/// A position as it is kept.
pub(crate) struct Position {
    /// Who sent it; `None` for this access point.
    pub(crate) sender: Option<String>,
    pub(crate) recipient: String,
    pub(crate) lane: i64,
    pub(crate) sequence: u64,
    pub(crate) id: MessageId,
    pub(crate) correlation: Option<Correlation>,
    pub(crate) digest: Digest,
    pub(crate) envelope: Option<Vec<u8>>,
    pub(crate) erased: Option<Vec<u8>>,
    pub(crate) proof: Option<Vec<u8>>,
}

/// A receipt as it is kept.
pub(crate) struct Receipt {
    pub(crate) last: u64,
    pub(crate) digest: Digest,
    pub(crate) receipt: Vec<u8>,
}

/// The positions of a case's messages: what was taken here, then what was signed here, in the order of each channel.
pub(crate) fn of_case(tx: &mut Tx<'_>, case: &Correlation) -> Result<Vec<Position>, Error> {
    let mut all = tx.query(
        "SELECT sender, recipient, lane, sequence, id, correlation, digest, envelope, erased, proof FROM received \
         WHERE correlation = $1 AND branch = 0 AND outcome = 0 AND lane = $2 AND recipient <> 'all' \
         ORDER BY sender, sequence",
        &[case.into(), Lane::Messages.number().into()],
        received,
    )?;
    all.extend(tx.query(
        "SELECT recipient, lane, sequence, id, correlation, digest, envelope, erased, proof FROM sent \
         WHERE correlation = $1 AND lane = $2 AND recipient <> 'all' ORDER BY recipient, sequence",
        &[case.into(), Lane::Messages.number().into()],
        sent,
    )?);
    Ok(all)
}

/// The positions of the same channel after one, up to another.
pub(crate) fn between(tx: &mut Tx<'_>, after: &Position, last: u64) -> Result<Vec<Position>, Error> {
    let (recipient, sequence) = (after.recipient.as_str(), after.sequence);
    match after.sender.as_deref() {
        Some(sender) => tx.query(
            "SELECT sender, recipient, lane, sequence, id, correlation, digest, envelope, erased, proof FROM received \
             WHERE sender = $1 AND recipient = $2 AND lane = $3 AND branch = 0 AND sequence > $4 AND sequence <= $5 \
             ORDER BY sequence",
            &[sender.into(), recipient.into(), after.lane.into(), sequence.into(), last.into()],
            received,
        ),
        None => tx.query(
            "SELECT recipient, lane, sequence, id, correlation, digest, envelope, erased, proof FROM sent \
             WHERE recipient = $1 AND lane = $2 AND sequence > $3 AND sequence <= $4 ORDER BY sequence",
            &[recipient.into(), after.lane.into(), sequence.into(), last.into()],
            sent,
        ),
    }
}

/// The receipts that cover a position, those that end first before others.
pub(crate) fn receipts(tx: &mut Tx<'_>, p: &Position) -> Result<Vec<Receipt>, Error> {
    let (recipient, sequence) = (p.recipient.as_str(), p.sequence);
    match p.sender.as_deref() {
        Some(sender) => tx.query(
            "SELECT last_sequence, digest, receipt FROM receipt_issued WHERE sender = $1 AND recipient = $2 \
             AND lane = $3 AND last_sequence >= $4 AND first_sequence <= $5 \
             ORDER BY last_sequence, series, number LIMIT $6",
            &[sender.into(), recipient.into(), p.lane.into(), sequence.into(), sequence.into(), RECEIPTS.into()],
            receipt,
        ),
        None => tx.query(
            "SELECT last_sequence, digest, receipt FROM receipt_held WHERE issuer = $1 AND recipient = $2 \
             AND lane = $3 AND last_sequence >= $4 AND first_sequence <= $5 \
             ORDER BY last_sequence, series, number LIMIT $6",
            &[recipient.into(), recipient.into(), p.lane.into(), sequence.into(), sequence.into(), RECEIPTS.into()],
            receipt,
        ),
    }
}

fn received(row: &Row<'_>) -> Result<Position, Error> {
    let sender = Some(row.text(0)?);
    Ok(Position { sender, ..position(row, 1)? })
}

fn sent(row: &Row<'_>) -> Result<Position, Error> {
    position(row, 0)
}

fn position(row: &Row<'_>, from: usize) -> Result<Position, Error> {
    Ok(Position {
        sender: None,
        recipient: row.text(from)?,
        lane: row.int(from + 1)?,
        sequence: row.number(from + 2)?,
        id: row.array(from + 3).map(MessageId)?,
        correlation: correlation_of(row, from + 4)?,
        digest: row.array(from + 5)?,
        envelope: row.optional_blob(from + 6)?,
        erased: row.optional_blob(from + 7)?,
        proof: row.optional_blob(from + 8)?,
    })
}

fn receipt(row: &Row<'_>) -> Result<Receipt, Error> {
    Ok(Receipt { last: row.number(0)?, digest: row.array(1)?, receipt: row.blob(2)? })
}

//! SQL that reads the evidence of a store, page by page: positions with their envelopes, receipts, and the messages
//! that they conclude. Writes nothing; works through readers.

use super::{Error, Row, Tx, outbox::correlation_of};
use crate::{
    message::{Correlation, MessageId},
    pae::Digest,
};

/// Rows of a page.
const PAGE: u64 = 256;

/// Which side of a channel's evidence is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    /// What this access point sent, and the receipts that it holds.
    Sent,
    /// What it received, and the receipts that it issued.
    Received,
}

/// A channel by the columns that name it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Channel {
    pub(crate) side: Side,
    /// Who sends, of what was received; empty of what was sent.
    pub(crate) sender: String,
    pub(crate) recipient: String,
    pub(crate) lane: i64,
}

/// A position as it is kept.
pub(crate) struct Position {
    pub(crate) sequence: u64,
    pub(crate) incarnation: u64,
    pub(crate) id: MessageId,
    pub(crate) correlation: Option<Correlation>,
    pub(crate) digest: Digest,
    pub(crate) envelope: Option<Vec<u8>>,
    pub(crate) erased: Option<Vec<u8>>,
    /// Key of the part with the message, where it was kept.
    pub(crate) proof: Option<Vec<u8>>,
    /// Of what was received: 0, else the refusal reason.
    pub(crate) outcome: i64,
}

/// A receipt as it is kept.
pub(crate) struct Receipt {
    /// Who issued it.
    pub(crate) issuer: String,
    pub(crate) series: u64,
    pub(crate) number: u64,
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) digest: Digest,
    pub(crate) receipt: Vec<u8>,
}

/// Every channel of which there is a position or a receipt.
pub(crate) fn channels(tx: &mut Tx<'_>) -> Result<Vec<Channel>, Error> {
    let mut all = tx.query(
        "SELECT DISTINCT recipient, lane FROM sent UNION SELECT DISTINCT recipient, lane FROM receipt_held \
         UNION SELECT DISTINCT recipient, lane FROM outbox",
        &[],
        |row| Ok(Channel { side: Side::Sent, sender: String::new(), recipient: row.text(0)?, lane: row.int(1)? }),
    )?;
    all.extend(tx.query(
        "SELECT DISTINCT sender, recipient, lane FROM received \
         UNION SELECT DISTINCT sender, recipient, lane FROM receipt_issued",
        &[],
        |row| Ok(Channel { side: Side::Received, sender: row.text(0)?, recipient: row.text(1)?, lane: row.int(2)? }),
    )?);
    all.sort();
    Ok(all)
}

/// Positions of a channel's present history after `after`, in order.
pub(crate) fn positions(tx: &mut Tx<'_>, channel: &Channel, after: u64) -> Result<Vec<Position>, Error> {
    let (sender, recipient) = (channel.sender.as_str(), channel.recipient.as_str());
    match channel.side {
        Side::Sent => tx.query(
            "SELECT sequence, incarnation, id, correlation, digest, envelope, erased, proof, 0 FROM sent \
             WHERE recipient = $1 AND lane = $2 AND sequence > $3 ORDER BY sequence LIMIT $4",
            &[recipient.into(), channel.lane.into(), after.into(), PAGE.into()],
            position,
        ),
        Side::Received => tx.query(
            "SELECT sequence, incarnation, id, correlation, digest, envelope, erased, proof, outcome FROM received \
             WHERE sender = $1 AND recipient = $2 AND lane = $3 AND branch = 0 AND sequence > $4 \
             ORDER BY sequence LIMIT $5",
            &[sender.into(), recipient.into(), channel.lane.into(), after.into(), PAGE.into()],
            position,
        ),
    }
}

fn position(row: &Row<'_>) -> Result<Position, Error> {
    Ok(Position {
        sequence: row.number(0)?,
        incarnation: row.number(1)?,
        id: row.array(2).map(MessageId)?,
        correlation: correlation_of(row, 3)?,
        digest: row.array(4)?,
        envelope: row.optional_blob(5)?,
        erased: row.optional_blob(6)?,
        proof: row.optional_blob(7)?,
        outcome: row.int(8)?,
    })
}

/// The receipts of a channel, by issuer, series and number.
pub(crate) fn receipts(tx: &mut Tx<'_>, channel: &Channel, me: &str) -> Result<Vec<Receipt>, Error> {
    let (sender, recipient) = (channel.sender.as_str(), channel.recipient.as_str());
    match channel.side {
        Side::Sent => tx.query(
            "SELECT issuer, series, number, first_sequence, last_sequence, digest, receipt FROM receipt_held \
             WHERE recipient = $1 AND lane = $2 ORDER BY issuer, series, number",
            &[recipient.into(), channel.lane.into()],
            |row| receipt(row, row.text(0)?),
        ),
        Side::Received => tx.query(
            "SELECT sender, series, number, first_sequence, last_sequence, digest, receipt FROM receipt_issued \
             WHERE sender = $1 AND recipient = $2 AND lane = $3 ORDER BY series, number",
            &[sender.into(), recipient.into(), channel.lane.into()],
            |row| receipt(row, me.to_owned()),
        ),
    }
}

fn receipt(row: &Row<'_>, issuer: String) -> Result<Receipt, Error> {
    Ok(Receipt {
        issuer,
        series: row.number(1)?,
        number: row.number(2)?,
        first: row.number(3)?,
        last: row.number(4)?,
        digest: row.array(5)?,
        receipt: row.blob(6)?,
    })
}

/// Messages of a sent channel that are said to have been received (state 2) or refused (3), with their last position.
pub(crate) fn concluded(tx: &mut Tx<'_>, channel: &Channel) -> Result<Vec<(MessageId, Option<u64>)>, Error> {
    tx.query(
        "SELECT o.id, COALESCE((SELECT MAX(s.sequence) FROM sent s WHERE s.id = o.id), -1) FROM outbox o \
         WHERE o.recipient = $1 AND o.lane = $2 AND o.state IN (2, 3)",
        &[channel.recipient.as_str().into(), channel.lane.into()],
        |row| Ok((row.array(0).map(MessageId)?, u64::try_from(row.int(1)?).ok())),
    )
}

/// Positions of a sent channel whose message is not there. Of what was erased, a restored store has only the position.
pub(crate) fn orphaned(tx: &mut Tx<'_>, channel: &Channel) -> Result<Vec<(u64, MessageId)>, Error> {
    tx.query(
        "SELECT sequence, id FROM sent WHERE recipient = $1 AND lane = $2 AND envelope IS NOT NULL \
         AND id NOT IN (SELECT id FROM outbox) ORDER BY sequence",
        &[channel.recipient.as_str().into(), channel.lane.into()],
        |row| Ok((row.number(0)?, row.array(1).map(MessageId)?)),
    )
}

/// Whether nothing of a case can be read any more: it was erased, or nothing of it was ever stored.
///
/// # Errors
/// [`Error`].
pub fn is_erased(tx: &mut Tx<'_>, case: &Correlation) -> Result<bool, Error> {
    Ok(kek_of(tx, case)?.is_none())
}

/// The key-encryption key that a case's key is wrapped by.
pub(crate) fn kek_of(tx: &mut Tx<'_>, case: &Correlation) -> Result<Option<String>, Error> {
    tx.query_one("SELECT kek FROM case_key WHERE correlation = $1", &[case.into()], |row| row.text(0))
}

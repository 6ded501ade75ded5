//! SQL of the receipts that this access point issued: evidence, kept for ever.

use prost::Message;

use super::{Error, Tx, inbox::Channel};
use crate::{
    envelope::wire,
    pae::Digest,
    receipt::{Number, Verified},
};

/// Keeps a receipt that was signed here.
pub(crate) fn keep(tx: &mut Tx<'_>, v: &Verified) -> Result<(), Error> {
    let s = &v.statement;
    tx.execute(
        "INSERT INTO receipt_issued (sender, recipient, lane, series, number, first_sequence, last_sequence, \
         digest, receipt, receive_time) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        &[
            s.sender.as_str().into(),
            s.recipient.as_str().into(),
            s.lane.number().into(),
            s.number.series.into(),
            s.number.number.into(),
            s.first.into(),
            s.last.into(),
            (&v.digest).into(),
            (&v.receipt.encode_to_vec()).into(),
            s.receive_time.as_microsecond().into(),
        ],
    )?;
    Ok(())
}

/// The last receipt issued on a channel and the last position that receipts cover.
pub(crate) fn last(tx: &mut Tx<'_>, channel: Channel<'_>) -> Result<(Number, Digest, u64), Error> {
    let last = tx.query_one(
        "SELECT series, number, digest FROM receipt_issued WHERE sender = $1 AND recipient = $2 AND lane = $3 \
         ORDER BY series DESC, number DESC LIMIT 1",
        &channel.with([]),
        |row| Ok((Number { series: row.number(0)?, number: row.number(1)? }, row.array(2)?)),
    )?;
    let covered = tx.query_one(
        "SELECT COALESCE(MAX(last_sequence), 0) FROM receipt_issued WHERE sender = $1 AND recipient = $2 AND lane = $3",
        &channel.with([]),
        |row| row.number(0),
    )?;
    let (number, digest) = last.unwrap_or_default();
    Ok((number, digest, covered.unwrap_or(0)))
}

/// The digest and last position of a receipt issued on a channel.
pub(crate) fn at(tx: &mut Tx<'_>, channel: Channel<'_>, at: Number) -> Result<Option<(Digest, u64)>, Error> {
    tx.query_one(
        "SELECT digest, last_sequence FROM receipt_issued WHERE sender = $1 AND recipient = $2 AND lane = $3 \
         AND series = $4 AND number = $5",
        &channel.with([at.series.into(), at.number.into()]),
        |row| Ok((row.array(0)?, row.number(1)?)),
    )
}

/// The place of an issued receipt with this digest. The digest of no receipt stands before the first.
pub(crate) fn place(tx: &mut Tx<'_>, channel: Channel<'_>, digest: &Digest) -> Result<Option<Number>, Error> {
    if *digest == [0; 32] {
        return Ok(Some(Number::default()));
    }
    tx.query_one(
        "SELECT series, number FROM receipt_issued WHERE sender = $1 AND recipient = $2 AND lane = $3 AND digest = $4 \
         ORDER BY series DESC, number DESC LIMIT 1",
        &channel.with([digest.into()]),
        |row| Ok(Number { series: row.number(0)?, number: row.number(1)? }),
    )
}

/// The first position that receipts issued after the given one speak of.
pub(crate) fn first_stated_after(tx: &mut Tx<'_>, channel: Channel<'_>, after: Number) -> Result<Option<u64>, Error> {
    tx.query_one(
        "SELECT first_sequence FROM receipt_issued WHERE sender = $1 AND recipient = $2 AND lane = $3 \
         AND (series, number) > ($4, $5) ORDER BY first_sequence LIMIT 1",
        &channel.with([after.series.into(), after.number.into()]),
        |row| row.number(0),
    )
}

/// From which position on a channel is to be stated anew, as noted by [`owe`].
pub(crate) fn owed(tx: &mut Tx<'_>, channel: Channel<'_>) -> Result<Option<u64>, Error> {
    tx.query_one("SELECT value FROM meta WHERE name = $1", &[owed_name(channel).as_str().into()], |row| {
        Ok(u64::from_be_bytes(row.array(0)?))
    })
}

/// Notes from which position on a channel is to be stated anew, or that it was.
pub(crate) fn owe(tx: &mut Tx<'_>, channel: Channel<'_>, from: Option<u64>) -> Result<(), Error> {
    let name = owed_name(channel);
    tx.execute("DELETE FROM meta WHERE name = $1", &[name.as_str().into()])?;
    if let Some(from) = from {
        let value = from.to_be_bytes();
        tx.execute("INSERT INTO meta (name, value) VALUES ($1, $2)", &[name.as_str().into(), (&value[..]).into()])?;
    }
    Ok(())
}

fn owed_name(channel: Channel<'_>) -> String {
    format!("restate/{}/{}/{}", channel.sender, channel.recipient, channel.lane.number())
}

/// The newest receipt whose last position this is.
pub(crate) fn ending_at(tx: &mut Tx<'_>, channel: Channel<'_>, sequence: u64) -> Result<Option<wire::Receipt>, Error> {
    tx.query_one(
        "SELECT receipt FROM receipt_issued WHERE sender = $1 AND recipient = $2 AND lane = $3 \
         AND last_sequence = $4 ORDER BY series DESC, number DESC LIMIT 1",
        &channel.with([sequence.into()]),
        |row| decode(&row.blob(0)?),
    )
}

/// The receipts that cover a position, oldest first.
pub(crate) fn all_covering(tx: &mut Tx<'_>, channel: Channel<'_>, sequence: u64) -> Result<Vec<wire::Receipt>, Error> {
    tx.query(
        "SELECT receipt FROM receipt_issued WHERE sender = $1 AND recipient = $2 AND lane = $3 \
         AND last_sequence >= $4 AND first_sequence <= $5 ORDER BY last_sequence, series, number LIMIT 16",
        &channel.with([sequence.into(), sequence.into()]),
        |row| decode(&row.blob(0)?),
    )
}

/// Receipts issued on a channel after the given one, oldest first.
pub(crate) fn after(tx: &mut Tx<'_>, channel: Channel<'_>, after: Number) -> Result<Vec<wire::Receipt>, Error> {
    tx.query(
        "SELECT receipt FROM receipt_issued WHERE sender = $1 AND recipient = $2 AND lane = $3 \
         AND (series, number) > ($4, $5) ORDER BY series, number LIMIT 256",
        &channel.with([after.series.into(), after.number.into()]),
        |row| decode(&row.blob(0)?),
    )
}

fn decode(bytes: &[u8]) -> Result<wire::Receipt, Error> {
    wire::Receipt::decode(bytes).map_err(|_| Error::Corrupt("a receipt that does not parse"))
}

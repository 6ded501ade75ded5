//! SQL of the receipts that are held from recipients: evidence, kept for ever.

use nhipcau_domain::id::AccessPointId;
use prost::Message;

use super::{Error, Row, Tx, outbox::State};
use crate::{
    envelope::wire,
    message::{Lane, MessageId, Recipient, RefusalReason},
    pae::Digest,
    receipt::{Number, Verified},
};

/// By the digest alone: with the channel beside it the planner would rather read all that is held of the channel.
const PLACE: &str = "SELECT issuer, recipient, lane, series, number FROM receipt_held WHERE digest = $1";

/// Keeps a receipt that was verified.
pub(crate) fn keep(tx: &mut Tx<'_>, v: &Verified) -> Result<(), Error> {
    let s = &v.statement;
    tx.execute(
        "INSERT INTO receipt_held (issuer, recipient, lane, series, number, first_sequence, last_sequence, digest, \
         receipt, receive_time) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        &[
            s.issuer.as_str().into(),
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

/// The newest receipt held for a message: its number and digest. For the service that sent the message.
///
/// # Errors
/// [`Error`] when the store failed.
pub fn receipt_of(tx: &mut Tx<'_>, id: MessageId) -> Result<Option<(u64, [u8; 32])>, Error> {
    tx.query_one(
        "SELECT r.number, r.digest FROM sent s JOIN receipt_held r ON r.issuer = s.recipient \
         AND r.recipient = s.recipient AND r.lane = s.lane AND r.first_sequence <= s.sequence \
         AND r.last_sequence >= s.sequence WHERE s.id = $1 ORDER BY r.series DESC, r.number DESC LIMIT 1",
        &[(&id.0).into()],
        |row| Ok((row.number(0)?, row.array(1)?)),
    )
}

/// Why a message was refused for good, if it was. For the service that sent the message.
///
/// # Errors
/// [`Error`] when the store failed.
pub fn refusal_of(tx: &mut Tx<'_>, id: MessageId) -> Result<Option<RefusalReason>, Error> {
    let values = [State::Refused.into(), (&id.0).into()];
    let found = tx.query_one("SELECT reason FROM outbox WHERE state = $1 AND id = $2", &values, |row| row.int(0))?;
    Ok(found.map(|reason| i32::try_from(reason).ok().and_then(|it| it.try_into().ok()).unwrap_or_default()))
}

/// Whether a message was received, as a receipt says. For the service that sent the message.
///
/// # Errors
/// [`Error`] when the store failed.
pub fn is_received(tx: &mut Tx<'_>, id: MessageId) -> Result<bool, Error> {
    let values = [State::Received.into(), (&id.0).into()];
    let found = tx.query_one("SELECT 1 FROM outbox WHERE state = $1 AND id = $2", &values, |row| row.int(0))?;
    Ok(found.is_some())
}

/// The last receipt held of an issuer and the last position its receipts cover.
pub(crate) fn last(
    tx: &mut Tx<'_>,
    issuer: &AccessPointId,
    recipient: &Recipient,
    lane: Lane,
) -> Result<(Number, Digest, u64), Error> {
    let channel = [issuer.as_str().into(), recipient.as_str().into(), lane.number().into()];
    let last = tx.query_one(
        "SELECT series, number, digest FROM receipt_held WHERE issuer = $1 AND recipient = $2 AND lane = $3 \
         ORDER BY series DESC, number DESC LIMIT 1",
        &channel,
        |row| Ok((Number { series: row.number(0)?, number: row.number(1)? }, row.array(2)?)),
    )?;
    let covered = tx.query_one(
        "SELECT COALESCE(MAX(last_sequence), 0) FROM receipt_held WHERE issuer = $1 AND recipient = $2 AND lane = $3",
        &channel,
        |row| row.number(0),
    )?;
    let (number, digest) = last.unwrap_or_default();
    Ok((number, digest, covered.unwrap_or(0)))
}

/// The newest receipts held of an issuer, newest first.
pub(crate) fn newest(
    tx: &mut Tx<'_>,
    issuer: &AccessPointId,
    recipient: &Recipient,
    lane: Lane,
) -> Result<Vec<wire::Receipt>, Error> {
    tx.query(
        "SELECT receipt FROM receipt_held WHERE issuer = $1 AND recipient = $2 AND lane = $3 \
         ORDER BY series DESC, number DESC LIMIT 256",
        &[issuer.as_str().into(), recipient.as_str().into(), lane.number().into()],
        decode,
    )
}

fn decode(row: &Row<'_>) -> Result<wire::Receipt, Error> {
    wire::Receipt::decode(row.blob(0)?.as_slice()).map_err(|_| Error::Corrupt("a receipt that does not parse"))
}

/// The place in its issuer's row of the receipt with this digest, if it is held; the beginning for no receipt.
pub(crate) fn place(
    tx: &mut Tx<'_>,
    issuer: &AccessPointId,
    recipient: &Recipient,
    lane: Lane,
    digest: &Digest,
) -> Result<Option<Number>, Error> {
    if *digest == [0; 32] {
        return Ok(Some(Number::default()));
    }
    let found = tx.query(PLACE, &[digest.into()], |row| {
        let channel = (row.text(0)?, row.text(1)?, row.int(2)?);
        Ok((channel, Number { series: row.number(3)?, number: row.number(4)? }))
    })?;
    let is_its = |(of, to, on): &(String, String, i64)| {
        (of.as_str(), to.as_str(), *on) == (issuer.as_str(), recipient.as_str(), lane.number().into())
    };
    Ok(found.into_iter().find(|(channel, _)| is_its(channel)).map(|(_, place)| place))
}

/// Receipts held of an issuer after the given one, oldest first.
pub(crate) fn after(
    tx: &mut Tx<'_>,
    issuer: &AccessPointId,
    recipient: &Recipient,
    lane: Lane,
    after: Number,
) -> Result<Vec<wire::Receipt>, Error> {
    tx.query(
        "SELECT receipt FROM receipt_held WHERE issuer = $1 AND recipient = $2 AND lane = $3 \
         AND (series, number) > ($4, $5) ORDER BY series, number LIMIT 256",
        &[
            issuer.as_str().into(),
            recipient.as_str().into(),
            lane.number().into(),
            after.series.into(),
            after.number.into(),
        ],
        decode,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Store, Value};

    #[test]
    fn a_receipt_is_found_by_its_digest_and_not_among_all_that_are_held() {
        let explained: &'static str = format!("EXPLAIN QUERY PLAN {PLACE}").leak();
        let parameters = [Value::Blob(b"digest")];
        let plan = Store::in_memory().unwrap().transaction(|tx| tx.query(explained, &parameters, |row| row.text(3)));
        let plan = plan.unwrap().join("; ");
        assert!(plan.contains("receipt_held_digest (digest=?)"), "{plan}");
    }
}

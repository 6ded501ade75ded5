//! The SQL of what an origin sends to its branches beside their events.

use jiff::Timestamp;
use nhipcau_messaging::{
    message::{BlobRef, MessageId},
    store::{Error, Row, Tx},
};
use uuid::Uuid;

/// A statement that reads attachments on their way.
macro_rules! sendings {
    ($which:literal) => {
        concat!(
            "SELECT branch, digest, ordinal, place, size_bytes, next, attempt, state FROM referral_sending WHERE ",
            $which
        )
    };
}

/// Where an attachment stands on its way to a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    UnderWay = 1,
    Received = 2,
    Refused = 3,
    Ended = 4,
}

/// An attachment on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sending {
    pub(crate) branch: Uuid,
    pub(crate) blob: BlobRef,
    /// The event that names it.
    pub(crate) ordinal: u64,
    /// Which of its attachments.
    pub(crate) place: u32,
    /// The chunk to be sent next.
    pub(crate) next: u64,
    /// How often it began anew.
    pub(crate) attempt: u32,
    pub(crate) state: State,
}

impl Sending {
    fn read(row: &Row<'_>) -> Result<Self, Error> {
        let corrupt = || Error::Corrupt("an attachment on its way");
        let small = |number: u64| u32::try_from(number).map_err(|_| corrupt());
        Ok(Self {
            branch: Uuid::from_bytes(row.array(0)?),
            blob: BlobRef { digest: row.array(1)?, size_bytes: row.number(4)? },
            ordinal: row.number(2)?,
            place: small(row.number(3)?)?,
            next: row.number(5)?,
            attempt: small(row.number(6)?)?,
            state: match row.int(7)? {
                1 => State::UnderWay,
                2 => State::Received,
                3 => State::Refused,
                4 => State::Ended,
                _ => return Err(corrupt()),
            },
        })
    }
}

/// Everything that goes or went to a branch, in the order in which it is sent.
pub(crate) fn of_branch(tx: &mut Tx<'_>, branch: Uuid) -> Result<Vec<Sending>, Error> {
    tx.query(sendings!("branch = $1 ORDER BY ordinal, place, digest"), &[branch.as_bytes().into()], Sending::read)
}

pub(crate) fn find(tx: &mut Tx<'_>, branch: Uuid, digest: &[u8; 32]) -> Result<Option<Sending>, Error> {
    tx.query_one(sendings!("branch = $1 AND digest = $2"), &[branch.as_bytes().into(), digest.into()], Sending::read)
}

/// Writes where an attachment stands, and when it is looked at again.
pub(crate) fn put(tx: &mut Tx<'_>, sending: &Sending, due: Option<Timestamp>) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO referral_sending (branch, digest, ordinal, place, size_bytes, next, attempt, state, due_time) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (branch, digest) DO UPDATE SET \
         ordinal = excluded.ordinal, place = excluded.place, next = excluded.next, attempt = excluded.attempt, \
         state = excluded.state, due_time = excluded.due_time",
        &[
            sending.branch.as_bytes().into(),
            (&sending.blob.digest).into(),
            sending.ordinal.into(),
            u64::from(sending.place).into(),
            sending.blob.size_bytes.into(),
            sending.next.into(),
            u64::from(sending.attempt).into(),
            (sending.state as i32).into(),
            due.map(Timestamp::as_microsecond).into(),
        ],
    )?;
    Ok(())
}

/// The first branch to which something is to go on, put off until later.
pub(crate) fn take_due(tx: &mut Tx<'_>, now: Timestamp, later: Timestamp) -> Result<Option<Uuid>, Error> {
    let due = tx.query_one(
        "SELECT branch FROM referral_sending WHERE due_time <= $1 ORDER BY due_time, branch LIMIT 1",
        &[now.as_microsecond().into()],
        |row| Ok(Uuid::from_bytes(row.array(0)?)),
    )?;
    if let Some(branch) = due {
        tx.execute(
            "UPDATE referral_sending SET due_time = $1 WHERE branch = $2 AND due_time IS NOT NULL",
            &[later.as_microsecond().into(), branch.as_bytes().into()],
        )?;
    }
    Ok(due)
}

/// Chunks of an attachment of which nobody knows yet what became of them.
pub(crate) fn in_flight(tx: &mut Tx<'_>, sending: &Sending) -> Result<Vec<MessageId>, Error> {
    tx.query(
        "SELECT message FROM referral_sending_chunk WHERE branch = $1 AND digest = $2",
        &[sending.branch.as_bytes().into(), (&sending.blob.digest).into()],
        |row| row.array(0).map(MessageId),
    )
}

pub(crate) fn add_chunk(tx: &mut Tx<'_>, sending: &Sending, message: MessageId) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO referral_sending_chunk (message, branch, digest) VALUES ($1, $2, $3) \
         ON CONFLICT (message) DO NOTHING",
        &[(&message.0).into(), sending.branch.as_bytes().into(), (&sending.blob.digest).into()],
    )?;
    Ok(())
}

/// The attachment of which a message carries a chunk.
pub(crate) fn carried(tx: &mut Tx<'_>, message: MessageId) -> Result<Option<Sending>, Error> {
    let found = tx.query_one(
        "SELECT branch, digest FROM referral_sending_chunk WHERE message = $1",
        &[(&message.0).into()],
        |row| Ok((Uuid::from_bytes(row.array(0)?), row.array(1)?)),
    )?;
    match found {
        Some((branch, digest)) => find(tx, branch, &digest),
        None => Ok(None),
    }
}

pub(crate) fn forget_chunk(tx: &mut Tx<'_>, message: MessageId) -> Result<(), Error> {
    tx.execute("DELETE FROM referral_sending_chunk WHERE message = $1", &[(&message.0).into()])?;
    Ok(())
}

/// Forgets every chunk of an attachment.
pub(crate) fn forget_chunks(tx: &mut Tx<'_>, sending: &Sending) -> Result<(), Error> {
    tx.execute(
        "DELETE FROM referral_sending_chunk WHERE branch = $1 AND digest = $2",
        &[sending.branch.as_bytes().into(), (&sending.blob.digest).into()],
    )?;
    Ok(())
}

//! The two logs of a branch, as a side holds them. A transaction remembers the whole logs that it has read, unless they
//! are long; every statement here that changes a log changes what is remembered of it.

use std::collections::HashMap;

use jiff::Timestamp;
use nhipcau_domain::referral::{Digest, Event, Refusal, Side};
use nhipcau_messaging::{
    message::MessageId,
    store::{Error, Row, Tx},
};

use super::reading::Held;

/// Table under whose name events are bound to their rows.
pub(crate) const TABLE: &str = "referral_event";

const CARRIED: &str = "SELECT branch, holder, ordinal FROM referral_event WHERE message = $1 AND side = holder";

/// The bytes of an event as they lie in its row.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Bytes {
    /// As they travelled: they say nothing about a person.
    Travelled(Vec<u8>),
    /// Without what they say about a person, and beside it the digest of the whole and the whole under the case key.
    Masked { masked: Vec<u8>, digest: Digest, sealed: Vec<u8> },
}

impl Bytes {
    /// The event, as far as the row tells it in the clear.
    fn event(&self) -> Result<Event, Refusal> {
        match self {
            Self::Travelled(bytes) => Event::read(bytes),
            Self::Masked { masked, digest, .. } => Event::read_masked(masked, *digest),
        }
    }
}

/// An event with its place.
#[derive(Clone)]
pub(crate) struct Stored {
    /// As far as its row tells it in the clear.
    pub(crate) event: Event,
    pub(crate) bytes: Bytes,
    /// The message that carries it; `None` when none does.
    pub(crate) message: Option<MessageId>,
    /// What of it that message carries.
    pub(crate) carried: Carried,
    /// What the other side made of its message; `None` until that was concluded.
    pub(crate) outcome: Option<i64>,
    /// When it was stored here.
    pub(crate) stored: Timestamp,
}

impl Stored {
    /// False until its message was concluded.
    pub(crate) const fn is_concluded(&self) -> bool {
        self.outcome.is_some()
    }

    /// Whether the parts that it names came to the recipient: there, that they arrived with it; at the origin, that a
    /// receipt says so.
    pub(super) fn is_given(&self, holder: Side) -> bool {
        self.carried == Carried::Whole && (holder == Side::Recipient || self.outcome == Some(0))
    }
}

/// What of an event its message carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carried {
    /// The event with its parts.
    Whole,
    /// The event alone: what it would have disclosed may not be disclosed any more.
    Bare,
    /// Nothing: its basis had ended before it was signed. It follows without its parts before the next event.
    HeldBack,
}

impl Carried {
    fn from_number(number: i64) -> Result<Self, Error> {
        [Self::Whole, Self::Bare, Self::HeldBack]
            .into_iter()
            .find(|carried| *carried as i64 == number)
            .ok_or(Error::Corrupt("how an event is carried"))
    }
}

/// Logs that were read in a transaction.
#[derive(Default)]
struct Read(HashMap<(Held, Side), Vec<Stored>>);

impl Read {
    /// Most of them.
    const LIMIT: usize = 256;
    /// Most events of one; longer logs are rare, and read every time.
    const EVENTS: usize = 32;

    /// Has what is remembered of a log changed like its rows.
    fn change(tx: &mut Tx<'_>, held: Held, side: Side, change: impl FnOnce(&mut Vec<Stored>)) {
        tx.memory::<Self>().0.get_mut(&(held, side)).map(change);
    }

    fn change_at(tx: &mut Tx<'_>, held: Held, ordinal: u64, change: impl FnOnce(&mut Stored)) {
        Self::change(tx, held, held.side, |log| {
            log.iter_mut().find(|stored| stored.event.ordinal == ordinal).map(change);
        });
    }
}

/// One side's log as a side holds it, in order.
pub(crate) fn all(tx: &mut Tx<'_>, held: Held, side: Side) -> Result<Vec<Stored>, Error> {
    if let Some(log) = tx.memory::<Read>().0.get(&(held, side)) {
        return Ok(log.clone());
    }
    let log = read(tx, held, side)?;
    if log.len() <= Read::EVENTS {
        let Read(logs) = tx.memory();
        if logs.len() >= Read::LIMIT {
            logs.clear();
        }
        logs.insert((held, side), log.clone());
    }
    Ok(log)
}

fn read(tx: &mut Tx<'_>, held: Held, side: Side) -> Result<Vec<Stored>, Error> {
    tx.query(
        "SELECT bytes, digest, sealed, message, carried, COALESCE(outcome, -1), store_time FROM referral_event \
         WHERE branch = $1 AND holder = $2 AND side = $3 ORDER BY ordinal",
        &[held.branch.as_bytes().into(), held.side.to_wire().into(), side.to_wire().into()],
        stored,
    )
}

fn stored(row: &Row<'_>) -> Result<Stored, Error> {
    let bytes = match row.optional_blob(1)? {
        None => Bytes::Travelled(row.blob(0)?),
        Some(_) => Bytes::Masked { masked: row.blob(0)?, digest: Digest::new(row.array(1)?), sealed: row.blob(2)? },
    };
    let event = bytes.event().map_err(|_| Error::Corrupt("an event"))?;
    let message = MessageId::from_slice(&row.blob(3)?);
    let stored = Timestamp::from_microsecond(row.int(6)?).map_err(|_| Error::Corrupt("the time of an event"))?;
    let (carried, outcome) = (Carried::from_number(row.int(4)?)?, Some(row.int(5)?).filter(|outcome| *outcome >= 0));
    Ok(Stored { event, bytes, message, carried, outcome, stored })
}

/// Stores an event in a side's copy of a log.
pub(crate) fn add(
    tx: &mut Tx<'_>,
    held: Held,
    event: &Event,
    bytes: &Bytes,
    (message, carried): (Option<MessageId>, Carried),
    now: Timestamp,
) -> Result<(), Error> {
    let (clear, digest, sealed) = match bytes {
        Bytes::Travelled(bytes) => (bytes, None, None),
        Bytes::Masked { masked, digest, sealed } => (masked, Some(digest.as_bytes()), Some(sealed.as_slice())),
    };
    tx.execute(
        "INSERT INTO referral_event (branch, holder, side, ordinal, bytes, digest, sealed, message, carried, \
         store_time) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        &[
            held.branch.as_bytes().into(),
            held.side.to_wire().into(),
            event.side.to_wire().into(),
            event.ordinal.into(),
            clear.as_slice().into(),
            digest.into(),
            sealed.into(),
            message.as_ref().map_or(&[] as &[u8], |id| &id.0).into(),
            (carried as i64).into(),
            now.as_microsecond().into(),
        ],
    )?;
    let event = bytes.event().map_err(|_| Error::Corrupt("an event"))?;
    // As the row tells it.
    let now = Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now);
    Read::change(tx, held, event.side, |log| {
        let at = log.partition_point(|stored| stored.event.ordinal < event.ordinal);
        log.insert(at, Stored { event, bytes: bytes.clone(), message, carried, outcome: None, stored: now });
    });
    Ok(())
}

/// The event at a place of a log.
pub(crate) fn at(tx: &mut Tx<'_>, held: Held, side: Side, ordinal: u64) -> Result<Option<Stored>, Error> {
    if let Some(log) = tx.memory::<Read>().0.get(&(held, side)) {
        return Ok(log.iter().find(|stored| stored.event.ordinal == ordinal).cloned());
    }
    tx.query_one(
        "SELECT bytes, digest, sealed, message, carried, COALESCE(outcome, -1), store_time FROM referral_event \
         WHERE branch = $1 AND holder = $2 AND side = $3 AND ordinal = $4",
        &[held.branch.as_bytes().into(), held.side.to_wire().into(), side.to_wire().into(), ordinal.into()],
        stored,
    )
}

/// Gives up the events of a log from a position on.
pub(crate) fn cut(tx: &mut Tx<'_>, held: Held, side: Side, from: u64) -> Result<(), Error> {
    tx.execute(
        "DELETE FROM referral_event WHERE branch = $1 AND holder = $2 AND side = $3 AND ordinal >= $4",
        &[held.branch.as_bytes().into(), held.side.to_wire().into(), side.to_wire().into(), from.into()],
    )?;
    Read::change(tx, held, side, |log| log.retain(|stored| stored.event.ordinal < from));
    Ok(())
}

/// Has an own event travel in another message; without one it waits to be sent again.
pub(crate) fn carry(
    tx: &mut Tx<'_>,
    held: Held,
    ordinal: u64,
    message: Option<MessageId>,
    carried: Carried,
) -> Result<(), Error> {
    tx.execute(
        "UPDATE referral_event SET message = $1, carried = $2, outcome = NULL \
         WHERE branch = $3 AND holder = $4 AND side = $4 AND ordinal = $5",
        &[
            message.as_ref().map_or(&[] as &[u8], |id| &id.0).into(),
            (carried as i64).into(),
            held.branch.as_bytes().into(),
            held.side.to_wire().into(),
            ordinal.into(),
        ],
    )?;
    Read::change_at(tx, held, ordinal, |stored| {
        (stored.message, stored.carried, stored.outcome) = (message, carried, None);
    });
    Ok(())
}

/// Notes that an own event was not signed.
pub(crate) fn hold_back(tx: &mut Tx<'_>, held: Held, ordinal: u64) -> Result<(), Error> {
    tx.execute(
        "UPDATE referral_event SET carried = 2 WHERE branch = $1 AND holder = $2 AND side = $2 AND ordinal = $3",
        &[held.branch.as_bytes().into(), held.side.to_wire().into(), ordinal.into()],
    )?;
    Read::change_at(tx, held, ordinal, |stored| stored.carried = Carried::HeldBack);
    Ok(())
}

/// The own event that a message carries: whose branch, and its place.
pub(crate) fn carried(tx: &mut Tx<'_>, message: MessageId) -> Result<Option<(Held, u64)>, Error> {
    tx.query_one(CARRIED, &[(&message.0).into()], |row| Ok((Held::read(row, 0)?, row.number(2)?)))
}

/// Notes what became of the message that carries an own event.
pub(crate) fn conclude(
    tx: &mut Tx<'_>,
    held: Held,
    ordinal: u64,
    outcome: i32,
    receipt: Option<(u64, [u8; 32])>,
) -> Result<(), Error> {
    let (number, digest) = receipt.as_ref().map_or((None, None), |(number, digest)| (Some(*number), Some(digest)));
    tx.execute(
        "UPDATE referral_event SET outcome = $1, receipt_number = $2, receipt_digest = $3 \
         WHERE branch = $4 AND holder = $5 AND side = $5 AND ordinal = $6",
        &[
            outcome.into(),
            number.into(),
            digest.into(),
            held.branch.as_bytes().into(),
            held.side.to_wire().into(),
            ordinal.into(),
        ],
    )?;
    Read::change_at(tx, held, ordinal, |stored| stored.outcome = Some(outcome.into()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use nhipcau_messaging::store::{Store, Value};

    use super::*;
    use crate::store::SCHEMA;

    #[test]
    fn the_event_of_a_message_is_found_at_once() {
        let mut store = Store::in_memory().unwrap();
        store.add_tables(SCHEMA).unwrap();
        let explained: &'static str = format!("EXPLAIN QUERY PLAN {CARRIED}").leak();
        let plan = store.transaction(|tx| tx.query(explained, &[Value::Blob(b"message")], |row| row.text(3)));
        let plan = plan.unwrap().join("; ");
        assert!(plan.contains("referral_event_message (message=?)"), "{plan}");
    }
}

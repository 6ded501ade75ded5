//! Hand-overs: the row of each, and its two logs as a side holds them. One is read by putting its events together anew,
//! every time; the state in the row only finds it.

use jiff::Timestamp;
use nhipcau_domain::{
    handover::{Event, Handover, Ids},
    id::{PartyId, Purpose},
    referral::Side,
};
use nhipcau_messaging::{
    message::MessageId,
    store::{Error, Row, Tx},
};
use uuid::Uuid;

use super::cursor::{Cursor, Found};

/// A side's copy of a hand-over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) handover: Uuid,
    /// The side that holds it.
    pub(crate) side: Side,
}

/// A hand-over as one side holds it.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) held: Held,
    pub(crate) purpose: Purpose,
    pub(crate) handover: Handover,
    /// False while stored events wait for others that are being given back.
    pub(crate) is_whole: bool,
    /// The contact by which the recipient goes on.
    pub(crate) own_contact: Option<Uuid>,
}

/// What of an event its message carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carried {
    /// The event with its parts.
    Whole,
    /// The event alone: what it would have told may not be told any more.
    Bare,
    /// Nothing: it was not signed. It follows without its parts.
    HeldBack,
}

/// An event with its place.
#[derive(Clone)]
pub(crate) struct Stored {
    pub(crate) event: Event,
    pub(crate) bytes: Vec<u8>,
    /// The message that carries it; `None` when none does.
    pub(crate) message: Option<MessageId>,
    pub(crate) carried: Carried,
    /// What the other side made of its message; `None` until that was concluded.
    pub(crate) outcome: Option<i32>,
}

impl Held {
    fn read(row: &Row<'_>, at: usize) -> Result<Self, Error> {
        let number = i32::try_from(row.int(at + 1)?).ok();
        let side = Side::ALL.into_iter().find(|side| Some(side.to_wire()) == number);
        let side = side.ok_or(Error::Corrupt("the side of a hand-over"))?;
        Ok(Self { handover: Uuid::from_bytes(row.array(at)?), side })
    }

    /// The same hand-over at the other side, where that is held here as well.
    pub(crate) const fn other(self) -> Self {
        Self { handover: self.handover, side: self.side.other() }
    }
}

/// A hand-over as one side holds it; `None` when it is not there or its offer is missing.
pub(crate) fn known(tx: &mut Tx<'_>, held: Held) -> Result<Option<Known>, Error> {
    let found = tx.query_one(
        "SELECT purpose, own_contact FROM switchboard_handover WHERE handover = $1 AND holder = $2",
        &[held.handover.as_bytes().into(), held.side.to_wire().into()],
        |row| {
            let purpose = Purpose::new(row.text(0)?).map_err(|_| Error::Corrupt("the purpose of a hand-over"))?;
            Ok((purpose, Uuid::from_slice(&row.blob(1)?).ok()))
        },
    )?;
    let Some((purpose, own_contact)) = found else { return Ok(None) };
    let origin: Vec<_> = log(tx, held, Side::Origin)?.into_iter().map(|stored| stored.event).collect();
    let recipient: Vec<_> = log(tx, held, Side::Recipient)?.into_iter().map(|stored| stored.event).collect();
    let together = Handover::assemble(&origin, &recipient).map_err(|_| Error::Corrupt("the logs of a hand-over"))?;
    Ok(together.map(|(handover, is_whole)| Known { held, purpose, handover, is_whole, own_contact }))
}

/// Makes a hand-over known, unless it is.
pub(crate) fn add(tx: &mut Tx<'_>, held: Held, ids: Ids, purpose: &Purpose, now: Timestamp) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO switchboard_handover \
         (handover, holder, contact, case_uid, purpose, party, state, create_time, own_contact) \
         VALUES ($1, $2, $3, $4, $5, '', 0, $6, $7) ON CONFLICT (handover, holder) DO NOTHING",
        &[
            held.handover.as_bytes().into(),
            held.side.to_wire().into(),
            ids.contact.as_bytes().into(),
            ids.case.as_bytes().into(),
            purpose.as_str().into(),
            now.as_microsecond().into(),
            (&[] as &[u8]).into(),
        ],
    )?;
    Ok(())
}

/// Notes the contact by which its recipient goes on.
pub(crate) fn go_on(tx: &mut Tx<'_>, held: Held, contact: Uuid) -> Result<(), Error> {
    tx.execute(
        "UPDATE switchboard_handover SET own_contact = $1 WHERE handover = $2 AND holder = $3",
        &[contact.as_bytes().into(), held.handover.as_bytes().into(), held.side.to_wire().into()],
    )?;
    Ok(())
}

/// Notes whose it is, how it stands, and when the rules look at it again.
pub(crate) fn note(tx: &mut Tx<'_>, known: &Known, due: Option<Timestamp>) -> Result<(), Error> {
    tx.execute(
        "UPDATE switchboard_handover SET party = $1, state = $2, due_time = $3 WHERE handover = $4 AND holder = $5",
        &[
            known.handover.unit(known.held.side).party.as_str().into(),
            known.handover.view().state.to_wire().into(),
            due.map(Timestamp::as_microsecond).into(),
            known.held.handover.as_bytes().into(),
            known.held.side.to_wire().into(),
        ],
    )?;
    Ok(())
}

/// Has the rules look at it soon.
pub(crate) fn wake(tx: &mut Tx<'_>, held: Held, due: Timestamp) -> Result<(), Error> {
    tx.execute(
        "UPDATE switchboard_handover SET due_time = $1 WHERE handover = $2 AND holder = $3",
        &[due.as_microsecond().into(), held.handover.as_bytes().into(), held.side.to_wire().into()],
    )?;
    Ok(())
}

/// Those with nothing left to do have no time and are passed over by the index.
const TAKE: &str = "SELECT handover FROM switchboard_handover WHERE due_time > 0 AND (due_time <= $1 OR due_time > $2) \
     ORDER BY due_time LIMIT 1";

/// Takes the hand-over at which something has been left to do for longest, and puts it off, on both sides. What was put
/// off by a clock that was ahead does not wait for it.
pub(crate) fn take(tx: &mut Tx<'_>, now: Timestamp, again: Timestamp) -> Result<Option<Uuid>, Error> {
    let due = tx.query_one(TAKE, &[now.as_microsecond().into(), again.as_microsecond().into()], |row| {
        Ok(Uuid::from_bytes(row.array(0)?))
    })?;
    if let Some(handover) = due {
        tx.execute(
            "UPDATE switchboard_handover SET due_time = $1 WHERE handover = $2 AND due_time IS NOT NULL",
            &[again.as_microsecond().into(), handover.as_bytes().into()],
        )?;
    }
    Ok(due)
}

/// The hand-overs of a contact at its origin.
pub(crate) fn of_contact(tx: &mut Tx<'_>, contact: Uuid) -> Result<Vec<Held>, Error> {
    tx.query(
        "SELECT handover, holder FROM switchboard_handover WHERE contact = $1 AND holder = $2 ORDER BY handover",
        &[contact.as_bytes().into(), Side::Origin.to_wire().into()],
        |row| Held::read(row, 0),
    )
}

/// Up to `limit` hand-overs of a party after a cursor, newest first, with their states.
pub(crate) fn after(tx: &mut Tx<'_>, party: &PartyId, cursor: Cursor, limit: u64) -> Result<Found<(Held, i32)>, Error> {
    tx.query(
        "SELECT handover, holder, create_time, state FROM switchboard_handover WHERE party = $1 \
         AND (create_time < $2 OR create_time = $3 AND (handover < $4 OR handover = $5 AND holder < $6)) \
         ORDER BY create_time DESC, handover DESC, holder DESC LIMIT $7",
        &[
            party.as_str().into(),
            cursor.time.into(),
            cursor.time.into(),
            cursor.uid.as_bytes().into(),
            cursor.uid.as_bytes().into(),
            cursor.side.into(),
            limit.into(),
        ],
        |row| {
            let held = Held::read(row, 0)?;
            let cursor = Cursor { time: row.int(2)?, uid: held.handover, side: held.side.to_wire() };
            Ok((cursor, (held, i32::try_from(row.int(3)?).unwrap_or(0))))
        },
    )
}

/// One side's log as a side holds it, in order.
pub(crate) fn log(tx: &mut Tx<'_>, held: Held, side: Side) -> Result<Vec<Stored>, Error> {
    tx.query(
        "SELECT bytes, message, carried, COALESCE(outcome, -1) FROM switchboard_handover_event \
         WHERE handover = $1 AND holder = $2 AND side = $3 ORDER BY ordinal",
        &[held.handover.as_bytes().into(), held.side.to_wire().into(), side.to_wire().into()],
        |row| {
            let bytes = row.blob(0)?;
            let event = Event::read(&bytes).map_err(|_| Error::Corrupt("an event of a hand-over"))?;
            let carried = match row.int(2)? {
                0 => Carried::Whole,
                1 => Carried::Bare,
                _ => Carried::HeldBack,
            };
            let message = MessageId::from_slice(&row.blob(1)?);
            Ok(Stored {
                event,
                bytes,
                message,
                carried,
                outcome: i32::try_from(row.int(3)?).ok().filter(|it| *it >= 0),
            })
        },
    )
}

/// Stores an event in a side's copy of a log.
pub(crate) fn keep(
    tx: &mut Tx<'_>,
    held: Held,
    (event, bytes): (&Event, &[u8]),
    message: Option<MessageId>,
    carried: Carried,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO switchboard_handover_event (handover, holder, side, ordinal, bytes, message, carried) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            held.handover.as_bytes().into(),
            held.side.to_wire().into(),
            event.side.to_wire().into(),
            event.ordinal.into(),
            bytes.into(),
            message.as_ref().map_or(&[] as &[u8], |id| &id.0).into(),
            (carried as i32).into(),
        ],
    )?;
    Ok(())
}

/// Gives up own events from a position on.
pub(crate) fn cut(tx: &mut Tx<'_>, held: Held, from: u64) -> Result<(), Error> {
    tx.execute(
        "DELETE FROM switchboard_handover_event WHERE handover = $1 AND holder = $2 AND side = $3 AND ordinal >= $4",
        &[held.handover.as_bytes().into(), held.side.to_wire().into(), held.side.to_wire().into(), from.into()],
    )?;
    Ok(())
}

/// Has an own event travel without its parts, in another message.
pub(crate) fn carry_bare(tx: &mut Tx<'_>, held: Held, ordinal: u64, message: MessageId) -> Result<(), Error> {
    tx.execute(
        "UPDATE switchboard_handover_event SET message = $1, carried = 1 \
         WHERE handover = $2 AND holder = $3 AND side = $4 AND ordinal = $5",
        &[
            (&message.0).into(),
            held.handover.as_bytes().into(),
            held.side.to_wire().into(),
            held.side.to_wire().into(),
            ordinal.into(),
        ],
    )?;
    Ok(())
}

/// The own event that a message carries: whose, and its place.
pub(crate) fn carried(tx: &mut Tx<'_>, message: MessageId) -> Result<Option<(Held, u64)>, Error> {
    tx.query_one(
        "SELECT handover, holder, ordinal FROM switchboard_handover_event WHERE message = $1 AND side = holder",
        &[(&message.0).into()],
        |row| Ok((Held::read(row, 0)?, row.number(2)?)),
    )
}

/// Notes that an own event was not signed.
pub(crate) fn hold_back(tx: &mut Tx<'_>, message: MessageId) -> Result<(), Error> {
    tx.execute(
        "UPDATE switchboard_handover_event SET carried = 2 WHERE message = $1 AND side = holder",
        &[(&message.0).into()],
    )?;
    Ok(())
}

/// Notes what became of the message that carries an own event.
pub(crate) fn conclude(tx: &mut Tx<'_>, message: MessageId, outcome: i32) -> Result<(), Error> {
    tx.execute(
        "UPDATE switchboard_handover_event SET outcome = $1 WHERE message = $2 AND side = holder",
        &[outcome.into(), (&message.0).into()],
    )?;
    Ok(())
}

/// Whether a message is under way that carries an event of the hand-over, on whichever side.
pub(crate) fn is_under_way(tx: &mut Tx<'_>, handover: Uuid) -> Result<bool, Error> {
    let found = tx.query_one(
        "SELECT 1 FROM switchboard_handover_event WHERE handover = $1 AND side = holder AND outcome IS NULL \
         AND LENGTH(message) > 0 LIMIT 1",
        &[handover.as_bytes().into()],
        |row| row.int(0),
    )?;
    Ok(found.is_some())
}

#[cfg(test)]
mod tests {
    use nhipcau_messaging::store::{Store, Value};

    use super::*;
    use crate::store::SCHEMA;

    #[test]
    fn what_is_over_is_not_read_to_find_what_is_due() {
        let mut store = Store::in_memory().unwrap();
        store.add_tables(SCHEMA).unwrap();
        let explained: &'static str = format!("EXPLAIN QUERY PLAN {TAKE}").leak();
        let values = [Value::Int(1), Value::Int(2)];
        let plan = store.transaction(|tx| tx.query(explained, &values, |row| row.text(3))).unwrap().join("; ");
        assert!(plan.contains("switchboard_handover_due (due_time>?)"), "{plan}");
    }
}

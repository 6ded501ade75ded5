//! Placement enquiries: the row of each, and its two logs as a side holds them. One is read by putting its events
//! together anew, every time.

use jiff::Timestamp;
use nhipcau_domain::{
    id::{PartyId, Purpose},
    placement::{Body, Enquiry, Event},
    referral::Side,
};
use nhipcau_messaging::{
    message::MessageId,
    store::{Error, Row, Tx},
};
use uuid::Uuid;

use super::cursor::{Cursor, Found};

/// Table under whose name what is needed is bound to its row.
pub(crate) const TABLE: &str = "switchboard_placement";

/// A side's copy of an enquiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) placement: Uuid,
    /// The side that holds it.
    pub(crate) side: Side,
}

/// An enquiry as one side holds it.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) held: Held,
    pub(crate) purpose: Purpose,
    pub(crate) enquiry: Enquiry,
    /// False while stored events wait for others that are being given back.
    pub(crate) is_whole: bool,
    /// The asking party asks more often than it may in an hour.
    pub(crate) over_limit: bool,
    /// What is needed, at rest; empty while it is not there.
    pub(crate) need: Vec<u8>,
}

impl Known {
    /// One that begins here.
    pub(crate) const fn new(held: Held, purpose: Purpose, enquiry: Enquiry) -> Self {
        Self { held, purpose, enquiry, is_whole: true, over_limit: false, need: Vec::new() }
    }
}

/// An event with its place.
#[derive(Clone)]
pub(crate) struct Stored {
    pub(crate) event: Event,
    /// When it was stored here.
    pub(crate) store_time: Timestamp,
    /// What the other side made of its message; `None` until that was concluded.
    pub(crate) outcome: Option<i32>,
}

impl Held {
    fn read(row: &Row<'_>, at: usize) -> Result<Self, Error> {
        let number = i32::try_from(row.int(at + 1)?).ok();
        let side = Side::ALL.into_iter().find(|side| Some(side.to_wire()) == number);
        let side = side.ok_or(Error::Corrupt("the side of a placement enquiry"))?;
        Ok(Self { placement: Uuid::from_bytes(row.array(at)?), side })
    }
}

/// An enquiry as one side holds it; `None` when it is not there or its first event is missing.
pub(crate) fn known(tx: &mut Tx<'_>, held: Held) -> Result<Option<Known>, Error> {
    let row = tx.query_one(
        "SELECT purpose, over_limit, need FROM switchboard_placement WHERE placement = $1 AND holder = $2",
        &[held.placement.as_bytes().into(), held.side.to_wire().into()],
        |row| {
            let purpose = Purpose::new(row.text(0)?).map_err(|_| Error::Corrupt("the purpose of an enquiry"))?;
            Ok((purpose, row.int(1)? != 0, row.blob(2)?))
        },
    )?;
    let Some((purpose, over_limit, need)) = row else { return Ok(None) };
    let origin: Vec<_> = log(tx, held, Side::Origin)?.into_iter().map(|stored| stored.event).collect();
    let recipient: Vec<_> = log(tx, held, Side::Recipient)?.into_iter().map(|stored| stored.event).collect();
    let together = Enquiry::assemble(&origin, &recipient).map_err(|_| Error::Corrupt("the logs of an enquiry"))?;
    Ok(together.map(|(enquiry, is_whole)| Known { held, purpose, enquiry, is_whole, over_limit, need }))
}

/// Makes an enquiry known by one of its events, unless it is.
pub(crate) fn add(
    tx: &mut Tx<'_>,
    event: &Event,
    held: Held,
    purpose: &Purpose,
    over_limit: bool,
    now: Timestamp,
) -> Result<(), Error> {
    let unit = |side| if event.side() == side { &event.owner } else { &event.counterpart };
    tx.execute(
        "INSERT INTO switchboard_placement (placement, holder, purpose, party, asker, over_limit, create_time, \
         due_time, need) VALUES ($1, $2, $3, $4, $5, $6, $7, NULL, $8) ON CONFLICT (placement, holder) DO NOTHING",
        &[
            held.placement.as_bytes().into(),
            held.side.to_wire().into(),
            purpose.as_str().into(),
            unit(held.side).party.as_str().into(),
            unit(Side::Origin).party.as_str().into(),
            i64::from(over_limit).into(),
            now.as_microsecond().into(),
            (&[] as &[u8]).into(),
        ],
    )?;
    Ok(())
}

/// Stores what is needed, at rest.
pub(crate) fn put_need(tx: &mut Tx<'_>, held: Held, body: &[u8]) -> Result<(), Error> {
    tx.execute(
        "UPDATE switchboard_placement SET need = $1 WHERE placement = $2 AND holder = $3",
        &[body.into(), held.placement.as_bytes().into(), held.side.to_wire().into()],
    )?;
    Ok(())
}

/// Notes when nothing of it is left.
pub(crate) fn note_due(tx: &mut Tx<'_>, held: Held, due: Timestamp) -> Result<(), Error> {
    tx.execute(
        "UPDATE switchboard_placement SET due_time = $1 WHERE placement = $2 AND holder = $3",
        &[due.as_microsecond().into(), held.placement.as_bytes().into(), held.side.to_wire().into()],
    )?;
    Ok(())
}

/// Takes the copy of an enquiry whose time has been over for longest, and puts it off.
pub(crate) fn take(tx: &mut Tx<'_>, now: Timestamp, again: Timestamp) -> Result<Option<Held>, Error> {
    let due = tx.query_one(
        "SELECT placement, holder FROM switchboard_placement WHERE due_time <= $1 ORDER BY due_time LIMIT 1",
        &[now.as_microsecond().into()],
        |row| Held::read(row, 0),
    )?;
    if let Some(held) = due {
        note_due(tx, held, again)?;
    }
    Ok(due)
}

/// Forgets a side's copy of an enquiry.
pub(crate) fn forget(tx: &mut Tx<'_>, held: Held) -> Result<(), Error> {
    for delete in [
        "DELETE FROM switchboard_placement_event WHERE placement = $1 AND holder = $2",
        "DELETE FROM switchboard_placement WHERE placement = $1 AND holder = $2",
    ] {
        tx.execute(delete, &[held.placement.as_bytes().into(), held.side.to_wire().into()])?;
    }
    Ok(())
}

/// Whether a side's copy of an enquiry is here, or some of it.
pub(crate) fn is_held(tx: &mut Tx<'_>, held: Held) -> Result<bool, Error> {
    let found = tx.query_one(
        "SELECT 1 FROM switchboard_placement WHERE placement = $1 AND holder = $2",
        &[held.placement.as_bytes().into(), held.side.to_wire().into()],
        |row| row.int(0),
    )?;
    Ok(found.is_some())
}

/// How many enquiries of a party arrived since then, counted up to a number.
pub(crate) fn asked_since(tx: &mut Tx<'_>, asker: &PartyId, since: Timestamp, most: u64) -> Result<u64, Error> {
    let count = tx.query_one(
        "SELECT COUNT(*) FROM (SELECT 1 FROM switchboard_placement WHERE asker = $1 AND holder = $2 \
         AND create_time > $3 LIMIT $4) AS counted",
        &[asker.as_str().into(), Side::Recipient.to_wire().into(), since.as_microsecond().into(), most.into()],
        |row| row.number(0),
    )?;
    Ok(count.unwrap_or(0))
}

/// Up to `limit` enquiries of a party after a cursor, newest first.
pub(crate) fn after(tx: &mut Tx<'_>, party: &PartyId, cursor: Cursor, limit: u64) -> Result<Found<Held>, Error> {
    tx.query(
        "SELECT placement, holder, create_time FROM switchboard_placement WHERE party = $1 \
         AND (create_time < $2 OR create_time = $3 AND (placement < $4 OR placement = $5 AND holder < $6)) \
         ORDER BY create_time DESC, placement DESC, holder DESC LIMIT $7",
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
            Ok((Cursor { time: row.int(2)?, uid: held.placement, side: held.side.to_wire() }, held))
        },
    )
}

/// One side's log as a side holds it, in order.
pub(crate) fn log(tx: &mut Tx<'_>, held: Held, side: Side) -> Result<Vec<Stored>, Error> {
    tx.query(
        "SELECT bytes, store_time, COALESCE(outcome, -1) FROM switchboard_placement_event \
         WHERE placement = $1 AND holder = $2 AND side = $3 ORDER BY ordinal",
        &[held.placement.as_bytes().into(), held.side.to_wire().into(), side.to_wire().into()],
        |row| {
            let event = Event::read(&row.blob(0)?).map_err(|_| Error::Corrupt("an event of an enquiry"))?;
            let store_time = Timestamp::from_microsecond(row.int(1)?).map_err(|_| Error::Corrupt("a time"))?;
            Ok(Stored { event, store_time, outcome: i32::try_from(row.int(2)?).ok().filter(|it| *it >= 0) })
        },
    )
}

/// Stores an event in a side's copy of a log.
pub(crate) fn keep(
    tx: &mut Tx<'_>,
    held: Held,
    (event, bytes): (&Event, &[u8]),
    message: Option<MessageId>,
    now: Timestamp,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO switchboard_placement_event (placement, holder, side, ordinal, bytes, message, store_time) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            held.placement.as_bytes().into(),
            held.side.to_wire().into(),
            event.side().to_wire().into(),
            event.ordinal.into(),
            bytes.into(),
            message.as_ref().map_or(&[] as &[u8], |id| &id.0).into(),
            now.as_microsecond().into(),
        ],
    )?;
    Ok(())
}

/// Gives up own events from a position on.
pub(crate) fn cut(tx: &mut Tx<'_>, held: Held, from: u64) -> Result<(), Error> {
    tx.execute(
        "DELETE FROM switchboard_placement_event WHERE placement = $1 AND holder = $2 AND side = $3 AND ordinal >= $4",
        &[held.placement.as_bytes().into(), held.side.to_wire().into(), held.side.to_wire().into(), from.into()],
    )?;
    Ok(())
}

/// Whether a message carries an own event that stands.
pub(crate) fn is_carried(tx: &mut Tx<'_>, message: MessageId) -> Result<bool, Error> {
    let found = tx.query_one(
        "SELECT 1 FROM switchboard_placement_event WHERE message = $1 AND side = holder",
        &[(&message.0).into()],
        |row| row.int(0),
    )?;
    Ok(found.is_some())
}

/// Notes what became of the message that carries an own event.
pub(crate) fn conclude(tx: &mut Tx<'_>, message: MessageId, outcome: i32) -> Result<(), Error> {
    tx.execute(
        "UPDATE switchboard_placement_event SET outcome = $1 WHERE message = $2 AND side = holder",
        &[outcome.into(), (&message.0).into()],
    )?;
    Ok(())
}

/// Whether a message is under way that carries an event of the enquiry, on whichever side, which somebody wrote: what
/// no person said is waited for by nobody once the enquiry is over.
pub(crate) fn is_under_way(tx: &mut Tx<'_>, placement: Uuid) -> Result<bool, Error> {
    for side in Side::ALL {
        let own = log(tx, Held { placement, side }, side)?;
        if own.iter().any(|stored| stored.outcome.is_none() && stored.event.body != Body::Unattended) {
            return Ok(true);
        }
    }
    Ok(false)
}

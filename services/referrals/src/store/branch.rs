//! Branches and their logs. A branch is read by putting its events together anew, every time: nothing here says what
//! state it is in.

use jiff::Timestamp;
use nhipcau_domain::{
    id::{PartyId, Purpose},
    referral::{Body, Branch, Digest, Event, Fault, Refusal, Side},
};
use nhipcau_messaging::{
    message::MessageId,
    store::{Error, Row, Tx},
};
use uuid::Uuid;

use super::reading::{self, Held};

/// A branch as one side holds it.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) held: Held,
    pub(crate) purpose: Purpose,
    pub(crate) branch: Branch,
    /// False while stored events wait for others that are being given back.
    pub(crate) is_whole: bool,
}

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
    fn is_given(&self, holder: Side) -> bool {
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

impl Held {
    /// The branch, put together from its logs.
    pub(crate) fn load(self, tx: &mut Tx<'_>) -> Result<Option<Branch>, Error> {
        Ok(known(tx, self)?.map(|known| known.branch))
    }
}

/// A branch as one side holds it; `None` when it is not there or its opening is missing.
pub(crate) fn known(tx: &mut Tx<'_>, held: Held) -> Result<Option<Known>, Error> {
    let purpose = tx.query_one(
        "SELECT purpose FROM referral_branch WHERE branch = $1 AND holder = $2",
        &[held.branch.as_bytes().into(), held.side.to_wire().into()],
        |row| Purpose::new(row.text(0)?).map_err(|_| Error::Corrupt("the purpose of a branch")),
    )?;
    let Some(purpose) = purpose else { return Ok(None) };
    let logs = [log(tx, held, Side::Origin)?, log(tx, held, Side::Recipient)?];
    let [origin, recipient] = [&logs[0], &logs[1]].map(|log| log.iter().map(|it| it.event.clone()).collect::<Vec<_>>());
    let together = assemble(&origin, &recipient).map_err(|_| Error::Corrupt("the logs of a branch"))?;
    let [origin, _] = logs;
    Ok(together.map(|(branch, is_whole)| Known { held, purpose, branch: beside(branch, held.side, &origin), is_whole }))
}

/// Adds what the store knows beside the logs: what was given, and when another's opening came.
fn beside(branch: Branch, holder: Side, origin: &[Stored]) -> Branch {
    let given = origin.iter().filter(|stored| stored.is_given(holder)).flat_map(|stored| stored.event.parts.iter());
    let branch = branch.with_given(given.map(|entry| entry.part).collect());
    match (holder, origin.first()) {
        (Side::Recipient, Some(opening)) => branch.with_heard(opening.stored),
        _ => branch,
    }
}

/// Puts two logs together as far as they fit. An event waits for what it names: after a rollback the two sides' events
/// come back in any order.
pub(crate) fn assemble(origin: &[Event], recipient: &[Event]) -> Result<Option<(Branch, bool)>, Fault> {
    let Some((opening, later)) = origin.split_first().filter(|(first, _)| first.ordinal == 1) else {
        return Ok(None);
    };
    let mut branch = Branch::open(opening.clone())?;
    let mut rest = [later, recipient];
    let mut moved = true;
    while moved {
        moved = false;
        for log in &mut rest {
            while let Some((next, after)) = log.split_first() {
                if branch.record(next.clone()).is_err() {
                    break;
                }
                *log = after;
                moved = true;
            }
        }
    }
    Ok(Some((branch, rest.iter().all(|log| log.is_empty()))))
}

/// One side's log as a side holds it, in order.
pub(crate) fn log(tx: &mut Tx<'_>, held: Held, side: Side) -> Result<Vec<Stored>, Error> {
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

/// Makes a branch known, with what it begins with if that is there, or tells a known one its group.
pub(crate) fn add(
    tx: &mut Tx<'_>,
    held: Held,
    event: &Event,
    purpose: &Purpose,
    begun: Option<&Branch>,
) -> Result<(), Error> {
    let ids = event.ids;
    let origin = if event.side == Side::Origin { &event.owner } else { &event.counterpart };
    let group = match &event.body {
        Body::Opened(opening) => opening.group,
        _ => Uuid::nil(),
    };
    let (party, state, create_time) = match begun {
        Some(branch) => reading::place_of(tx, held.side, branch)?,
        None => ("", 0, 0),
    };
    tx.execute(
        "INSERT INTO referral_branch (branch, holder, case_uid, referral, group_uid, purpose, origin, party, state, \
         create_time) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
         ON CONFLICT (branch, holder) DO UPDATE SET group_uid = excluded.group_uid \
         WHERE referral_branch.group_uid < excluded.group_uid",
        &[
            ids.branch.as_bytes().into(),
            held.side.to_wire().into(),
            ids.case.as_bytes().into(),
            ids.referral.as_bytes().into(),
            group.as_bytes().into(),
            purpose.as_str().into(),
            origin.party.as_str().into(),
            party.into(),
            state.into(),
            create_time.into(),
        ],
    )?;
    Ok(())
}

/// Stores an event in a side's copy of a log.
pub(crate) fn add_event(
    tx: &mut Tx<'_>,
    held: Held,
    event: &Event,
    bytes: &Bytes,
    (message, carried): (Option<MessageId>, Carried),
    now: Timestamp,
) -> Result<(), Error> {
    let (bytes, digest, sealed) = match bytes {
        Bytes::Travelled(bytes) => (bytes, None, None),
        Bytes::Masked { masked, digest, sealed } => (masked, Some(digest.as_bytes()), Some(sealed.as_slice())),
    };
    let message = message.as_ref().map_or(&[] as &[u8], |id| &id.0);
    tx.execute(
        "INSERT INTO referral_event (branch, holder, side, ordinal, bytes, digest, sealed, message, carried, \
         store_time) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        &[
            held.branch.as_bytes().into(),
            held.side.to_wire().into(),
            event.side.to_wire().into(),
            event.ordinal.into(),
            bytes.as_slice().into(),
            digest.into(),
            sealed.into(),
            message.into(),
            (carried as i64).into(),
            now.as_microsecond().into(),
        ],
    )?;
    Ok(())
}

/// The event at a place of a log.
pub(crate) fn at(tx: &mut Tx<'_>, held: Held, side: Side, ordinal: u64) -> Result<Option<Stored>, Error> {
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
    Ok(())
}

/// Has an own event travel without its parts, in another message.
pub(crate) fn carry_bare(tx: &mut Tx<'_>, held: Held, ordinal: u64, message: MessageId) -> Result<(), Error> {
    tx.execute(
        "UPDATE referral_event SET message = $1, carried = 1 \
         WHERE branch = $2 AND holder = $3 AND side = $3 AND ordinal = $4",
        &[(&message.0).into(), held.branch.as_bytes().into(), held.side.to_wire().into(), ordinal.into()],
    )?;
    Ok(())
}

/// Notes that an own event was not signed.
pub(crate) fn hold_back(tx: &mut Tx<'_>, held: Held, ordinal: u64) -> Result<(), Error> {
    tx.execute(
        "UPDATE referral_event SET carried = 2 WHERE branch = $1 AND holder = $2 AND side = $2 AND ordinal = $3",
        &[held.branch.as_bytes().into(), held.side.to_wire().into(), ordinal.into()],
    )?;
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
    Ok(())
}

/// The branches of a group of a referral at their origin.
pub(crate) fn of_group(tx: &mut Tx<'_>, referral: Uuid, group: Uuid) -> Result<Vec<Held>, Error> {
    tx.query(
        "SELECT branch, holder FROM referral_branch WHERE referral = $1 AND holder = 1 AND group_uid = $2 \
         ORDER BY branch",
        &[referral.as_bytes().into(), group.as_bytes().into()],
        |row| Held::read(row, 0),
    )
}

/// The branches of a referral at their origin.
pub(crate) fn of_referral(tx: &mut Tx<'_>, referral: Uuid) -> Result<Vec<Held>, Error> {
    tx.query(
        "SELECT branch, holder FROM referral_branch WHERE referral = $1 AND holder = 1 ORDER BY branch",
        &[referral.as_bytes().into()],
        |row| Held::read(row, 0),
    )
}

/// Every branch of a case that is held here.
pub(crate) fn of_case(tx: &mut Tx<'_>, case: Uuid) -> Result<Vec<Held>, Error> {
    tx.query(
        "SELECT branch, holder FROM referral_branch WHERE case_uid = $1 ORDER BY branch, holder",
        &[case.as_bytes().into()],
        |row| Held::read(row, 0),
    )
}

/// How many branches of a case a party opened, as a side holds them.
pub(crate) fn of_case_by(tx: &mut Tx<'_>, case: Uuid, origin: &PartyId, holder: Side) -> Result<u64, Error> {
    let counted = tx.query_one(
        "SELECT COUNT(*) FROM referral_branch WHERE case_uid = $1 AND origin = $2 AND holder = $3",
        &[case.as_bytes().into(), origin.as_str().into(), holder.to_wire().into()],
        |row| row.number(0),
    )?;
    Ok(counted.unwrap_or(0))
}

/// Whether a message of a case is under way that carries an own event.
pub(crate) fn is_under_way(tx: &mut Tx<'_>, case: Uuid) -> Result<bool, Error> {
    let found = tx.query_one(
        "SELECT 1 FROM referral_branch b JOIN referral_event e ON e.branch = b.branch AND e.holder = b.holder \
         WHERE b.case_uid = $1 AND e.side = e.holder AND e.outcome IS NULL AND LENGTH(e.message) > 0 LIMIT 1",
        &[case.as_bytes().into()],
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
    fn the_event_of_a_message_is_found_at_once() {
        let mut store = Store::in_memory().unwrap();
        store.add_tables(SCHEMA).unwrap();
        let explained: &'static str = format!("EXPLAIN QUERY PLAN {CARRIED}").leak();
        let plan = store.transaction(|tx| tx.query(explained, &[Value::Blob(b"message")], |row| row.text(3)));
        let plan = plan.unwrap().join("; ");
        assert!(plan.contains("referral_event_message (message=?)"), "{plan}");
    }
}

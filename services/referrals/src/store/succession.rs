//! The SQL of succession: branches of units that are over, and what proves the logs of those that were taken over. No
//! decisions; whoever calls holds the transaction.

use jiff::Timestamp;
use nhipcau_domain::{
    id::{PartyId, UnitId},
    referral::{HandOver, State, UnitRef},
};
use nhipcau_messaging::{
    message::MessageId,
    store::{Error, Row, Tx},
};
use nhipcau_proto::referral::v1 as pb;
use prost::Message as _;
use uuid::Uuid;

const OF: &str = "SELECT branch, stage, party, unit, chosen, message, origin, recipient, reason \
     FROM referral_succession WHERE branch = $1";
const CARRIED: &str = "SELECT branch, stage, party, unit, chosen, message, origin, recipient, reason \
     FROM referral_succession WHERE message = $1";

/// How far the hand-over of a branch has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// It waits to be offered.
    Waits = 1,
    /// The successor was asked.
    Asked = 2,
    /// It was handed over, and nobody has said yet that it arrived.
    Moved = 3,
    /// The successor has it.
    Taken = 4,
    /// And what it left here is gone.
    Gone = 5,
}

/// A branch on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) branch: Uuid,
    pub(crate) stage: Stage,
    pub(crate) successor: Option<UnitRef>,
    /// A person named the successor.
    pub(crate) chosen: bool,
    /// The message under way.
    pub(crate) message: Option<MessageId>,
    /// How many events of each log it has.
    pub(crate) events: (u64, u64),
    /// Why it is still here; empty where nothing is the matter.
    pub(crate) reason: String,
}

impl Way {
    /// One that begins.
    pub(crate) const fn new(branch: Uuid) -> Self {
        Self {
            branch,
            stage: Stage::Waits,
            successor: None,
            chosen: false,
            message: None,
            events: (0, 0),
            reason: String::new(),
        }
    }
}

/// Whether any branch is or was on its way, as this transaction has read it: mostly none is.
#[derive(Default)]
struct Any(Option<bool>);

fn is_any(tx: &mut Tx<'_>) -> Result<bool, Error> {
    if let Any(Some(known)) = tx.memory() {
        return Ok(*known);
    }
    let found = tx.query_one("SELECT 1 FROM referral_succession LIMIT 1", &[], |row| row.int(0))?.is_some();
    *tx.memory() = Any(Some(found));
    Ok(found)
}

fn read(row: &Row<'_>) -> Result<Way, Error> {
    let corrupt = Error::Corrupt("how far a hand-over has come");
    let number = row.int(1)?;
    let stages = [Stage::Waits, Stage::Asked, Stage::Moved, Stage::Taken, Stage::Gone];
    let (party, unit) = (row.text(2)?, row.text(3)?);
    let successor = PartyId::new(&party).ok().zip(UnitId::new(&unit).ok());
    Ok(Way {
        branch: Uuid::from_bytes(row.array(0)?),
        stage: stages.into_iter().find(|stage| *stage as i64 == number).ok_or(corrupt)?,
        successor: successor.map(|(party, unit)| UnitRef { party, unit }),
        chosen: row.int(4)? != 0,
        message: MessageId::from_slice(&row.blob(5)?),
        events: (row.number(6)?, row.number(7)?),
        reason: row.text(8)?,
    })
}

/// How far the hand-over of a branch has come.
pub(crate) fn of(tx: &mut Tx<'_>, branch: Uuid) -> Result<Option<Way>, Error> {
    if !is_any(tx)? {
        return Ok(None);
    }
    tx.query_one(OF, &[branch.as_bytes().into()], read)
}

/// The branch that a message is about.
pub(crate) fn carried(tx: &mut Tx<'_>, message: MessageId) -> Result<Option<Way>, Error> {
    if !is_any(tx)? {
        return Ok(None);
    }
    tx.query_one(CARRIED, &[(&message.0).into()], read)
}

/// What a branch shows of it.
pub(crate) fn shown(tx: &mut Tx<'_>, branch: Uuid) -> Result<HandOver, Error> {
    Ok(match of(tx, branch)? {
        Some(way) if way.stage >= Stage::Moved => HandOver::Done,
        Some(way) if !way.reason.is_empty() => HandOver::Held,
        _ => HandOver::None,
    })
}

/// Notes how far a branch has come, and when it is looked at again.
pub(crate) fn note(tx: &mut Tx<'_>, way: &Way, due: Option<Timestamp>) -> Result<(), Error> {
    let (party, unit) = way.successor.as_ref().map_or(("", ""), |unit| (unit.party.as_str(), unit.unit.as_str()));
    tx.execute(
        "INSERT INTO referral_succession (branch, stage, party, unit, chosen, message, origin, recipient, reason, \
         due_time) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (branch) DO UPDATE SET \
         stage = excluded.stage, party = excluded.party, unit = excluded.unit, chosen = excluded.chosen, \
         message = excluded.message, origin = excluded.origin, recipient = excluded.recipient, \
         reason = excluded.reason, due_time = excluded.due_time",
        &[
            way.branch.as_bytes().into(),
            (way.stage as i64).into(),
            party.into(),
            unit.into(),
            i32::from(way.chosen).into(),
            way.message.as_ref().map_or(&[] as &[u8], |id| &id.0).into(),
            way.events.0.into(),
            way.events.1.into(),
            way.reason.as_str().into(),
            due.map(Timestamp::as_microsecond).into(),
        ],
    )?;
    *tx.memory() = Any(Some(true));
    Ok(())
}

/// Forgets a branch that is not on its way any more.
pub(crate) fn forget(tx: &mut Tx<'_>, branch: Uuid) -> Result<(), Error> {
    tx.execute("DELETE FROM referral_succession WHERE branch = $1", &[branch.as_bytes().into()])?;
    Ok(())
}

/// The first branch whose time has come, put off until later.
pub(crate) fn take(tx: &mut Tx<'_>, now: Timestamp, later: Timestamp) -> Result<Option<Uuid>, Error> {
    if !is_any(tx)? {
        return Ok(None);
    }
    let due = tx.query_one(
        "SELECT branch FROM referral_succession WHERE due_time <= $1 ORDER BY due_time, branch LIMIT 1",
        &[now.as_microsecond().into()],
        |row| row.array(0).map(Uuid::from_bytes),
    )?;
    if let Some(branch) = due {
        tx.execute(
            "UPDATE referral_succession SET due_time = $1 WHERE branch = $2",
            &[later.as_microsecond().into(), branch.as_bytes().into()],
        )?;
    }
    Ok(due)
}

/// Open branches that ask something of a unit and are not on their way.
pub(crate) fn open_at(tx: &mut Tx<'_>, unit: &UnitRef, limit: u64) -> Result<Vec<Uuid>, Error> {
    tx.query(
        "SELECT branch FROM referral_branch b WHERE b.party = $1 AND b.state BETWEEN $2 AND $3 AND b.holder = 2 \
         AND b.unit = $4 AND NOT EXISTS (SELECT 1 FROM referral_succession s WHERE s.branch = b.branch) \
         ORDER BY b.branch LIMIT $5",
        &[
            unit.party.as_str().into(),
            State::Submitted.to_wire().into(),
            State::Completed.to_wire().into(),
            unit.unit.as_str().into(),
            limit.into(),
        ],
        |row| row.array(0).map(Uuid::from_bytes),
    )
}

/// What proves the logs of a branch that was taken over.
pub(crate) fn proofs(tx: &mut Tx<'_>, branch: Uuid) -> Result<Option<pb::BranchHandedOver>, Error> {
    let sql = "SELECT proofs FROM referral_inherited WHERE branch = $1";
    let found = tx.query_one(sql, &[branch.as_bytes().into()], |row| row.blob(0))?;
    let read = |bytes: Vec<u8>| pb::BranchHandedOver::decode(bytes.as_slice());
    found.map(read).transpose().map_err(|_| Error::Corrupt("the proofs of a branch"))
}

/// Keeps what proves them, without the events.
pub(crate) fn keep_proofs(tx: &mut Tx<'_>, branch: Uuid, whole: &pb::BranchHandedOver) -> Result<(), Error> {
    let without = |log: &[pb::HandedEvent]| {
        log.iter().map(|event| pb::HandedEvent { event: Vec::new(), ..event.clone() }).collect::<Vec<_>>()
    };
    let proofs = pb::BranchHandedOver {
        origin: without(&whole.origin),
        recipient: without(&whole.recipient),
        envelopes: whole.envelopes.clone(),
        receipts: whole.receipts.clone(),
        ..pb::BranchHandedOver::default()
    };
    tx.execute(
        "INSERT INTO referral_inherited (branch, proofs) VALUES ($1, $2) \
         ON CONFLICT (branch) DO UPDATE SET proofs = excluded.proofs",
        &[branch.as_bytes().into(), proofs.encode_to_vec().as_slice().into()],
    )?;
    Ok(())
}

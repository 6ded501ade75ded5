//! The service under test: keeps what happened in a table of its own store, refuses by rule, answers, and discloses
//! only what was accepted. What it writes is what the checker reads.

use jiff::Timestamp;
use nhipcau_domain::id::ContractId;
use nhipcau_messaging::{
    blob,
    engine::RestError,
    handler::{Context, Due, Handler, Refused},
    message::{Correlation, Header, Incoming, MessageId, Outcome, RefusalReason, SkipReason},
    store::{self, Tx, Value},
};

use crate::{
    Point, directory,
    history::{Blob, Message, Piece},
    holds, ladder, limits,
    payload::{Body, Verb, digest, stated},
    plan::{Carrier, Plan},
};

/// The tables beside those of messaging.
pub const TABLES: &str = "
CREATE TABLE IF NOT EXISTS sim_fact (
  serial INTEGER PRIMARY KEY AUTOINCREMENT,
  kind INTEGER NOT NULL,
  id BLOB NOT NULL,
  peer TEXT NOT NULL,
  number INTEGER NOT NULL,
  broadcast INTEGER NOT NULL,
  body BLOB NOT NULL,
  digest BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS sim_revoked (correlation BLOB PRIMARY KEY);
";

/// Kinds of rows: a message sent, one recovered, an effect, a conclusion, a piece of a blob to send, a limit that ran
/// out, a hold that was let go.
pub const SENT: i64 = 0;
/// See [`SENT`].
pub const RECOVERED: i64 = 1;
/// See [`SENT`].
pub const EFFECT: i64 = 2;
/// See [`SENT`].
pub const CONCLUDED: i64 = 3;
/// See [`SENT`].
pub const CARRIED: i64 = 4;
/// A question whose answer did not come in time.
pub const RAN_OUT: i64 = 5;
/// A question for a place that was held until its time was over.
pub const FREED: i64 = 6;

/// A row of `sim_fact`.
#[derive(Debug, Default)]
struct Row<'r> {
    kind: i64,
    id: [u8; 16],
    peer: &'r str,
    number: i64,
    broadcast: bool,
    body: &'r [u8],
    digest: u64,
}

fn note(tx: &mut Tx<'_>, row: &Row<'_>) -> Result<(), store::Error> {
    let Row { kind, id, peer, number, broadcast, body, digest } = row;
    let digest = digest.to_be_bytes();
    tx.execute(
        "INSERT INTO sim_fact (kind, id, peer, number, broadcast, body, digest) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            (*kind).into(),
            Value::Blob(id),
            (*peer).into(),
            (*number).into(),
            i64::from(*broadcast).into(),
            Value::Blob(body),
            Value::Blob(&digest),
        ],
    )?;
    Ok(())
}

/// Notes that a message was accepted for sending, in the transaction that also holds it. If it asks for something, the
/// time for the answer begins.
///
/// # Errors
/// [`store::Error`] when the store failed.
pub fn note_sent(tx: &mut Tx<'_>, plan: &Plan, id_key: &[u8; 32], now: Timestamp) -> Result<(), store::Error> {
    let message = plan.message(id_key);
    let (contract, _) = stated(message.verb, message.case);
    limits::begin(tx, (message.id, message.recipient), (contract, &plan.body), now)?;
    note_message(tx, &message, &plan.body)
}

fn note_message(tx: &mut Tx<'_>, message: &Message, body: &Body) -> Result<(), store::Error> {
    let row = Row {
        kind: SENT,
        id: message.id.0,
        peer: &message.recipient.map_or_else(|| "all".to_owned(), |to| directory::access_point(to).to_string()),
        number: i64::from(message.lane.number()),
        broadcast: message.recipient.is_none(),
        body: &body.encode(),
        digest: message.digest,
    };
    note(tx, &row)
}

/// Notes that a message was accepted that carries a piece of a blob.
///
/// # Errors
/// [`store::Error`] when the store failed.
pub fn note_carrier(tx: &mut Tx<'_>, carrier: &Carrier) -> Result<(), store::Error> {
    let Carrier { message, piece: Piece { blob, place, .. }, .. } = carrier;
    note_message(tx, message, &Body { verb: message.verb, case: message.case, nonce: *place, filler: 0 })?;
    let mut body = blob.digest.to_vec();
    body.extend(blob.case.to_be_bytes());
    let number = i64::try_from(*place).unwrap_or(i64::MAX);
    note(tx, &Row { kind: CARRIED, id: message.id.0, number, body: &body, digest: blob.size, ..Row::default() })
}

/// Reads the piece from the row that [`note_carrier`] wrote: its number, body and digest.
#[must_use]
pub fn piece(sender: Point, number: i64, body: &[u8], size: u64) -> Option<Piece> {
    let (digest, case) = body.split_first_chunk()?;
    let blob = Blob { sender, case: u32::from_be_bytes(case.try_into().ok()?), digest: *digest, size };
    Some(Piece { blob, place: u64::try_from(number).ok()?, of: blob::chunks(blob.named()) })
}

/// Notes that nothing more of a case may be sent.
///
/// # Errors
/// [`store::Error`] when the store failed.
pub fn note_revoked(tx: &mut Tx<'_>, case: &Correlation) -> Result<(), store::Error> {
    let sql = "INSERT INTO sim_revoked (correlation) VALUES ($1) ON CONFLICT DO NOTHING";
    tx.execute(sql, &[case.into()]).map(|_| ())
}

fn is_revoked(tx: &mut Tx<'_>, case: Option<&Correlation>) -> Result<bool, store::Error> {
    let Some(case) = case else { return Ok(false) };
    let sql = "SELECT 1 FROM sim_revoked WHERE correlation = $1";
    Ok(tx.query_one(sql, &[case.into()], |row| row.int(0))?.is_some())
}

/// What is due.
enum Timer {
    /// A question has no answer in time.
    Limit(MessageId),
    /// A question is put to the level above, or taken back from one of the two.
    Ladder(u64),
    /// A hold is over.
    Hold(u64),
}

/// How many kinds of it there are.
const TIMERS: usize = 3;

/// No id of a message begins so.
const LADDER: [u8; 8] = [0; 8];
const HOLD: [u8; 8] = [0xff; 8];

impl Timer {
    fn due(self) -> Due {
        let (kind, nonce) = match self {
            Self::Limit(MessageId(id)) => return id,
            Self::Ladder(nonce) => (LADDER, nonce),
            Self::Hold(nonce) => (HOLD, nonce),
        };
        let mut due = [0; 16];
        due[..8].copy_from_slice(&kind);
        due[8..].copy_from_slice(&nonce.to_be_bytes());
        due
    }

    fn of(due: Due) -> Self {
        let nonce = u64::from_be_bytes(due[8..].try_into().expect("eight bytes"));
        match due[..8].try_into().expect("eight bytes") {
            LADDER => Self::Ladder(nonce),
            HOLD => Self::Hold(nonce),
            _ => Self::Limit(MessageId(due)),
        }
    }
}

/// The handler of one contract at one access point.
#[derive(Debug)]
pub struct Service {
    point: Point,
    points: usize,
    contract: ContractId,
    minor: u32,
    id_key: [u8; 32],
    turn: usize,
}

impl Service {
    /// A handler at one of so many access points.
    #[must_use]
    pub fn new((point, points): (Point, usize), contract: &str, minor: u32, id_key: [u8; 32]) -> Self {
        Self { point, points, contract: directory::contract(contract), minor, id_key, turn: 0 }
    }

    /// What a message brings about, beyond being kept.
    fn follow(&self, message: &Incoming<'_>, body: &Body, context: &mut Context<'_, '_>) -> Result<(), store::Error> {
        let verb = match body.verb {
            Verb::Ask | Verb::Climb => Verb::Answer,
            Verb::Place => Verb::Held,
            Verb::Held if body.is_wanted() => Verb::Take,
            Verb::Preview if body.is_acceptable() => Verb::Accept,
            Verb::Preview => Verb::Reject,
            Verb::Accept if !is_revoked(context.tx, message.header.correlation.as_ref())? => Verb::Disclose,
            _ => return Ok(()),
        };
        let body = Body { verb, nonce: body.nonce.wrapping_add(1), filler: body.filler / 2, ..*body };
        let plan = Plan::following(message.id, self.point, directory::point(message.sender), body);
        self.send(&plan, context)
    }

    fn send(&self, plan: &Plan, context: &mut Context<'_, '_>) -> Result<(), store::Error> {
        note_sent(context.tx, plan, &self.id_key, context.now)?;
        context.send(plan.draft());
        Ok(())
    }
}

impl Handler for Service {
    fn contract(&self) -> &ContractId {
        &self.contract
    }

    fn minor(&self) -> u32 {
        self.minor
    }

    fn receive(&mut self, message: &Incoming<'_>, context: &mut Context<'_, '_>) -> Result<(), Refused> {
        let body = message.parts.first().and_then(|part| Body::decode(part));
        let body = body.ok_or(Refused::Reason(RefusalReason::Unreadable))?;
        // Written before the refusal on purpose: what is refused must leave nothing.
        let row = Row {
            kind: EFFECT,
            id: message.id.0,
            peer: message.sender.as_str(),
            number: i64::try_from(message.sequence).unwrap_or(i64::MAX),
            broadcast: message.broadcast,
            body: &[],
            digest: digest(message.parts),
        };
        note(context.tx, &row)?;
        limits::answered(context.tx, &body)?;
        match body.verb {
            Verb::Invalid => Err(Refused::Reason(RefusalReason::Invalid)),
            Verb::WrongState => Err(Refused::Reason(RefusalReason::WrongState)),
            Verb::Take if !holds::take(context.tx, &body)? => Err(Refused::Reason(RefusalReason::WrongState)),
            Verb::Place => {
                holds::begin(context.tx, message.id, (self.contract.as_str(), &body), context.now)?;
                Ok(self.follow(message, &body, context)?)
            }
            _ => Ok(self.follow(message, &body, context)?),
        }
    }

    fn concluded(
        &mut self,
        id: MessageId,
        _: Option<Correlation>,
        outcome: Outcome,
        context: &mut Context<'_, '_>,
    ) -> Result<(), RestError> {
        let number = match outcome {
            Outcome::Received => 0,
            Outcome::Refused(reason) => i64::from(reason as i32),
        };
        Ok(note(context.tx, &Row { kind: CONCLUDED, id: id.0, number, ..Row::default() })?)
    }

    fn recovered(&mut self, message: &Incoming<'_>, context: &mut Context<'_, '_>) -> Result<(), RestError> {
        let digest = digest(message.parts);
        if let Some(body) = message.parts.first().and_then(|part| Body::decode(part)) {
            let to = message.header.recipient.as_ref().map(|to| directory::point_of(&to.party));
            limits::begin(context.tx, (message.id, to), (self.contract.as_str(), &body), context.now)?;
            ladder::recovered(context.tx, self.contract.as_str(), (&body, to), context.now)?;
        }
        Ok(note(context.tx, &Row { kind: RECOVERED, id: message.id.0, digest, ..Row::default() })?)
    }

    fn take_due(&mut self, context: &mut Context<'_, '_>) -> Result<Option<Due>, RestError> {
        let contract = self.contract.as_str();
        // In turn: what is tried again and again because nothing may be sent holds up none of the others.
        for _ in 0..TIMERS {
            self.turn = (self.turn + 1) % TIMERS;
            let timer = match self.turn {
                0 => limits::take_due(context, contract)?.map(|id| Timer::Limit(MessageId(id))),
                1 => ladder::take_due(context, contract)?.map(Timer::Ladder),
                _ => holds::due(context, contract)?.map(Timer::Hold),
            };
            if timer.is_some() {
                return Ok(timer.map(Timer::due));
            }
        }
        Ok(None)
    }

    fn act_on(&mut self, due: Due, context: &mut Context<'_, '_>) -> Result<(), RestError> {
        let plan = match Timer::of(due) {
            Timer::Limit(id) => {
                // Written before it is known whether what follows can be sent: if not, this must leave nothing.
                note(context.tx, &Row { kind: RAN_OUT, id: due, ..Row::default() })?;
                limits::run_out(context.tx, self.point, id, context.now)?
            }
            Timer::Ladder(nonce) => ladder::go_on(context.tx, self.point, self.points, nonce)?,
            Timer::Hold(nonce) => {
                if let Some(MessageId(id)) = holds::free(context.tx, nonce)? {
                    note(context.tx, &Row { kind: FREED, id, ..Row::default() })?;
                }
                None
            }
        };
        Ok(plan.map_or(Ok(()), |plan| self.send(&plan, context))?)
    }

    fn may_send(
        &mut self,
        _: MessageId,
        header: &Header,
        context: &mut Context<'_, '_>,
    ) -> Result<Option<SkipReason>, RestError> {
        let revoked = is_revoked(context.tx, header.correlation.as_ref())?;
        Ok(revoked.then_some(SkipReason::Withdrawn))
    }
}

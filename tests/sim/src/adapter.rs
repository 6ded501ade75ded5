//! The one place that touches the engine: starts it, feeds it groups, commits, and reads from the store what a commit
//! brought. What is read here is the handler's table and the rows of messaging that an auditor would read.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use nhipcau_domain::directory::Release;
use nhipcau_messaging::{
    engine::{Config, Engine, Error, Input, Output, SubmitError},
    keys::KeyRing,
    message::{Lane, MessageId, Outcome, RefusalReason},
    store::{self, Row, Store, Tx, Value},
};

use crate::{
    Point,
    checker::Standing,
    directory::{self, CASES, FIGURES},
    handler::{self, Service},
    history::{Effect, Fact, Message},
    payload::{Body, correlation},
    plan::Plan,
    prng::Prng,
};

/// Every branch of recovery that the engine counts. A test holds this against its source.
pub const BRANCHES: [&str; 62] = [
    "broadcast_applied_later",
    "broadcast_differs",
    "broadcast_held_back",
    "broadcast_rewound",
    "broadcast_served",
    "bulletin_installed",
    "contradicted",
    "duplicate",
    "earlier_of_case_lost",
    "erased",
    "fork",
    "gap",
    "given_up_refused",
    "histories_differ",
    "histories_part_earlier",
    "history_differs",
    "id_repeated",
    "message_restored",
    "not_arrived_alarm",
    "notices_fetched",
    "notices_requested",
    "opened",
    "other_number_expected",
    "position_restored",
    "position_taken",
    "promised",
    "publish_unknown",
    "quarantined",
    "receipt_contradicted",
    "receipt_fork",
    "receipt_gap",
    "receipt_honoured",
    "receipt_of_lost_history",
    "receipt_taken_back",
    "receipt_unknown_position",
    "receipts_left_behind",
    "receipts_repeated",
    "receipts_restated",
    "rechecked",
    "recipient_rolled_back",
    "refused_for_good",
    "refused_not_yet",
    "release_fetched",
    "release_installed",
    "release_requested",
    "renumbered",
    "reopened",
    "return_wanted",
    "returned",
    "sent_after_not_yet",
    "sent_again_on_status",
    "share_full",
    "signed_anew",
    "skip_received",
    "skip_restored",
    "skipped",
    "stray_kept",
    "sync_patience_ended",
    "unconcluded_found",
    "unproven_promise",
    "unreadable_position",
    "unreceipted_alarm",
];

/// One thing for a group to do.
#[derive(Debug)]
pub enum Work {
    /// An input of the engine.
    Input(Input),
    /// A caller's request, by number.
    Submit(u64, Plan),
    /// Nothing more of a case may be sent.
    Revoke(u32),
    /// A case is erased.
    Erase(u32),
}

/// How a caller was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// Accepted and on disk.
    Accepted,
    /// The request id stands for other content.
    Reused,
    /// Refused for another reason.
    Refused,
}

/// What a commit brought.
#[derive(Debug, Default)]
pub struct Commit {
    /// What must go out now.
    pub outputs: Vec<Output>,
    /// What came onto the disk.
    pub facts: Vec<Fact>,
    /// Own messages that are given up by now.
    pub given_up: BTreeSet<MessageId>,
    /// Messages of others that wait on disk to be returned.
    pub strays: BTreeSet<MessageId>,
    /// Answers to callers.
    pub replies: Vec<(u64, Reply)>,
}

/// Why a process ends.
#[derive(Debug)]
pub enum Stop {
    /// It was made to.
    Crashed,
    /// Another process of the access point took over.
    Superseded,
    /// It failed, which it never may.
    Failed(String),
}

impl From<store::Error> for Stop {
    fn from(error: store::Error) -> Self {
        Self::Failed(format!("store: {error:?}"))
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        match error {
            Error::Superseded => Self::Superseded,
            other => Self::Failed(format!("engine: {other:?}")),
        }
    }
}

/// What a process is started with.
#[derive(Debug)]
pub struct Start {
    /// Its access point.
    pub point: Point,
    /// Number of the start, kept beside the keys.
    pub number: u64,
    /// Its secrets.
    pub keys: KeyRing,
    /// The release it has.
    pub release: Arc<Release>,
    /// Minor version that its program knows.
    pub minor: u32,
    /// Its randomness.
    pub entropy: Prng,
}

/// A process: store and engine.
pub struct Node {
    store: Store,
    engine: Engine,
    point: Point,
    id_key: [u8; 32],
    facts: i64,
    positions: i64,
}

impl Node {
    /// Starts on an image of a store, or on a new one.
    ///
    /// # Errors
    /// [`Stop`] when it cannot.
    pub fn start(now: Timestamp, image: Option<&[u8]>, start: Start) -> Result<Self, Stop> {
        let mut store = image.map_or_else(Store::in_memory, Store::from_image)?;
        store.add_tables(handler::TABLES)?;
        let (point, id_key) = (start.point, start.keys.id_key);
        let service = |contract| Box::new(Service::new(point, contract, start.minor, id_key));
        let config = Config {
            access_point: directory::access_point(point),
            start: start.number,
            handlers: vec![service(CASES), service(FIGURES)],
            keys: start.keys,
            release: start.release,
            entropy: Box::new(start.entropy),
            limits: nhipcau_messaging::engine::Limits::default(),
            is_put_back: false,
        };
        let (engine, facts, positions) = store.transaction(|tx| {
            let facts = last(tx, "SELECT COALESCE(MAX(serial), 0) FROM sim_fact")?;
            let positions = last(tx, "SELECT COALESCE(MAX(rowid), 0) FROM received")?;
            Ok::<_, Stop>((Engine::start(now, config, tx)?, facts, positions))
        })?;
        Ok(Self { store, engine, point, id_key, facts, positions })
    }

    /// Runs a group and commits it, or dies with the transaction open.
    ///
    /// # Errors
    /// [`Stop`]: the process is dead.
    pub fn group(&mut self, now: Timestamp, work: Vec<Work>, crash: bool) -> Result<Commit, Stop> {
        let Self { store, engine, point, id_key, facts, positions } = self;
        let commit = store.transaction(|tx| {
            let mut commit = Commit::default();
            for work in work {
                match work {
                    Work::Input(input) => engine.step(now, input, tx)?,
                    Work::Submit(number, plan) => {
                        commit.replies.push((number, submit(engine, now, &plan, id_key, tx)?));
                    }
                    Work::Revoke(case) => {
                        let case = correlation(case).expect("a case");
                        handler::note_revoked(tx, &case)?;
                        engine.recheck(&case, tx)?;
                    }
                    Work::Erase(case) => engine.erase(&correlation(case).expect("a case"), tx)?,
                }
            }
            commit.outputs = engine.flush(now, tx)?;
            if crash {
                return Err(Stop::Crashed);
            }
            read_facts(tx, *point, facts, &mut commit.facts)?;
            read_positions(tx, positions, &mut commit.facts)?;
            commit.given_up = given_up(tx)?;
            commit.strays = strays(tx)?;
            Ok(commit)
        })?;
        Ok(commit)
    }

    /// The store as a disk would hold it.
    #[must_use]
    pub fn image(&mut self) -> Vec<u8> {
        self.store.image().expect("a store in memory can be read")
    }

    /// The stored bodies of signed messages to somebody can no longer be read.
    pub fn damage_bodies(&mut self, to: Point) {
        let sql = "UPDATE sent SET envelope = x'00' WHERE recipient = $1 AND envelope IS NOT NULL";
        let to = directory::access_point(to);
        let damaged = self.store.transaction(|tx| tx.execute(sql, &[to.as_str().into()]));
        damaged.expect("a store in memory can be written");
    }

    /// How often each branch of recovery was taken.
    pub fn branches(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.engine.branches().iter().map(|(name, count)| (*name, *count))
    }

    /// Every message of its own and where it stands.
    pub fn outbox(&mut self) -> Vec<(MessageId, Standing)> {
        let read = |row: &Row<'_>| {
            let standing = match row.int(1)? {
                2 => Standing::Received,
                3 => Standing::Refused,
                5 => Standing::GivenUp,
                _ => Standing::Open,
            };
            Ok((MessageId(row.array(0)?), standing))
        };
        let sql = "SELECT id, state FROM outbox ORDER BY serial";
        self.store.transaction(|tx| tx.query(sql, &[], read)).expect("a store in memory can be read")
    }

    /// Messages of others that it refused, for now or for good.
    pub fn refused(&mut self) -> Vec<MessageId> {
        let sql = "SELECT DISTINCT id FROM received WHERE outcome <> 0 ORDER BY id";
        let read = |row: &Row<'_>| Ok(MessageId(row.array(0)?));
        self.store.transaction(|tx| tx.query(sql, &[], read)).expect("a store in memory can be read")
    }

    /// Whether it holds this position of another's channel.
    pub fn has_position(&mut self, sender: Point, lane: i32, incarnation: u64, sequence: u64) -> bool {
        let sql = "SELECT 1 FROM received WHERE sender = $1 AND recipient = $2 AND lane = $3 AND incarnation = $4 \
                   AND sequence = $5";
        let (sender, me) = (directory::access_point(sender), directory::access_point(self.point));
        let place = [sender.as_str().into(), me.as_str().into(), lane.into(), incarnation.into(), sequence.into()];
        self.has(sql, &place)
    }

    /// Whether it holds a receipt of this place in its issuer's row.
    pub fn has_receipt(&mut self, issuer: Point, lane: i32, series: u64, number: u64) -> bool {
        let sql = "SELECT 1 FROM receipt_held WHERE issuer = $1 AND recipient = $2 AND lane = $3 AND series = $4 \
                   AND number = $5";
        let issuer = directory::access_point(issuer);
        let place = [issuer.as_str().into(), issuer.as_str().into(), lane.into(), series.into(), number.into()];
        self.has(sql, &place)
    }

    fn has(&mut self, sql: &'static str, place: &[Value<'_>]) -> bool {
        let found = self.store.transaction(|tx| tx.query_one(sql, place, |row| row.int(0)));
        found.expect("a store in memory can be read").is_some()
    }

    /// Whether something to an access point waits for an end.
    pub fn waits_for(&mut self, to: Point) -> bool {
        let to = directory::access_point(to);
        self.has("SELECT 1 FROM outbox WHERE state IN (0, 1, 4) AND recipient = $1", &[to.as_str().into()])
    }

    /// Its messages to somebody, itself included, that still wait for an end.
    pub fn waiting(&mut self) -> Vec<MessageId> {
        let sql = "SELECT id FROM outbox WHERE state IN (0, 1, 4) AND recipient <> 'all' ORDER BY serial";
        let read = |row: &Row<'_>| Ok(MessageId(row.array(0)?));
        self.store.transaction(|tx| tx.query(sql, &[], read)).expect("a store in memory can be read")
    }
}

fn last(tx: &mut Tx<'_>, sql: &'static str) -> Result<i64, store::Error> {
    Ok(tx.query_one(sql, &[], |row| row.int(0))?.unwrap_or(0))
}

fn submit(engine: &mut Engine, now: Timestamp, plan: &Plan, id_key: &[u8; 32], tx: &mut Tx<'_>) -> Result<Reply, Stop> {
    let submitted = tx.savepoint(|tx| {
        let id = engine.submit(now, plan.draft(), tx)?;
        handler::note_sent(tx, plan, id_key)?;
        Ok::<_, SubmitError>(id)
    });
    match submitted {
        Ok(id) if id == plan.message(id_key).id => Ok(Reply::Accepted),
        Ok(_) => Err(Stop::Failed("the engine gave another id than the cause derives".to_owned())),
        Err(SubmitError::IdReused) => Ok(Reply::Reused),
        Err(SubmitError::Store(error)) => Err(error.into()),
        Err(_) => Ok(Reply::Refused),
    }
}

fn read_positions(tx: &mut Tx<'_>, after: &mut i64, facts: &mut Vec<Fact>) -> Result<(), store::Error> {
    let sql = "SELECT rowid, sender, id, outcome FROM received WHERE rowid > $1 ORDER BY rowid";
    let rows = tx.query(sql, &[(*after).into()], |row| {
        let outcome = i32::try_from(row.int(3)?).unwrap_or(i32::MAX);
        Ok((row.int(0)?, row.text(1)?, MessageId(row.array(2)?), outcome))
    })?;
    for (rowid, sender, id, outcome) in rows {
        *after = rowid;
        let refused = (outcome != 0).then(|| reason(outcome));
        facts.push(Fact::Position { sender: point(&sender), id, refused });
    }
    Ok(())
}

fn read_facts(tx: &mut Tx<'_>, me: Point, after: &mut i64, facts: &mut Vec<Fact>) -> Result<(), store::Error> {
    let sql = "SELECT serial, kind, id, peer, number, broadcast, body, digest FROM sim_fact \
               WHERE serial > $1 ORDER BY serial";
    let rows = tx.query(sql, &[(*after).into()], |row| {
        let digest = u64::from_be_bytes(row.array(7)?);
        Ok((
            row.int(0)?,
            row.int(1)?,
            MessageId(row.array(2)?),
            row.text(3)?,
            row.int(4)?,
            row.int(5)? != 0,
            row.blob(6)?,
            digest,
        ))
    })?;
    for (serial, kind, id, peer, number, broadcast, body, digest) in rows {
        *after = serial;
        facts.push(match kind {
            handler::SENT => {
                let body = Body::decode(&body).expect("a body of ours");
                let (recipient, lane) = ((peer != "all").then(|| point(&peer)), Lane::from_number(number));
                let lane = lane.expect("a lane of ours");
                Fact::Sent(Message { id, sender: me, recipient, lane, verb: body.verb, case: body.case, digest })
            }
            handler::RECOVERED => Fact::Recovered { id, digest },
            handler::EFFECT => {
                let sequence = u64::try_from(number).expect("a position");
                Fact::Effect(Effect { id, sender: point(&peer), broadcast, digest, sequence })
            }
            _ => {
                let number = i32::try_from(number).unwrap_or(i32::MAX);
                let outcome = if number == 0 { Outcome::Received } else { Outcome::Refused(reason(number)) };
                Fact::Concluded { id, outcome }
            }
        });
    }
    Ok(())
}

fn given_up(tx: &mut Tx<'_>) -> Result<BTreeSet<MessageId>, store::Error> {
    let sql = "SELECT id FROM outbox WHERE state = 5 OR state IN (0, 1) AND reason <> 0";
    Ok(tx.query(sql, &[], |row| Ok(MessageId(row.array(0)?)))?.into_iter().collect())
}

fn strays(tx: &mut Tx<'_>) -> Result<BTreeSet<MessageId>, store::Error> {
    Ok(tx.query("SELECT id FROM stray", &[], |row| Ok(MessageId(row.array(0)?)))?.into_iter().collect())
}

fn reason(number: i32) -> RefusalReason {
    RefusalReason::try_from(number).unwrap_or(RefusalReason::Unspecified)
}

fn point(name: &str) -> Point {
    name.strip_prefix("ap-").and_then(|n| n.parse().ok()).expect("a name of ours")
}

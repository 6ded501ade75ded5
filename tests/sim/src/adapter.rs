//! The one place that runs the engine: starts it, feeds it groups, commits, and says what a commit brought.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use nhipcau_domain::directory::Release;
use nhipcau_messaging::{
    engine::{Config, Engine, Error, Input, Output, SubmitError},
    keys::KeyRing,
    message::MessageId,
    store::{self, Row, Store, Tx, Value},
};
use nhipcau_proto::envelope::v1 as pb;

use crate::{
    Point, blobs,
    checker::Standing,
    directory::{self, CASES, FIGURES, REFERRALS},
    handler::{self, Service},
    history::{Blob, Fact, Placed},
    holds, ladder, limits,
    payload::correlation,
    plan::Plan,
    prng::Prng,
    reading::{self, Read},
};

/// Every branch of recovery that the engine counts. A test holds this against its source.
pub const BRANCHES: [&str; 63] = [
    "broadcast_applied_later",
    "broadcast_differs",
    "broadcast_held_back",
    "broadcast_rewound",
    "broadcast_served",
    "bulletin_installed",
    "chunk_repeated",
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
    /// Positions that were taken.
    pub placed: Vec<Placed>,
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
    /// How many access points there are.
    pub points: usize,
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
    read: Read,
}

impl Node {
    /// Starts on an image of a store, or on a new one.
    ///
    /// # Errors
    /// [`Stop`] when it cannot.
    pub fn start(now: Timestamp, image: Option<&[u8]>, start: Start) -> Result<Self, Stop> {
        let mut store = image.map_or_else(Store::in_memory, Store::from_image)?;
        let tables = [handler::TABLES, limits::TABLES, ladder::TABLES, holds::TABLES];
        tables.iter().try_for_each(|tables| store.add_tables(tables))?;
        let (point, id_key) = (start.point, start.keys.id_key);
        let (minor, points) = (start.minor, start.points);
        let service = |contract| Box::new(Service::new((point, points), contract, minor, id_key));
        let config = Config {
            access_point: directory::access_point(point),
            start: start.number,
            handlers: vec![service(CASES), service(REFERRALS), service(FIGURES)],
            keys: start.keys,
            release: start.release,
            entropy: Box::new(start.entropy),
            limits: nhipcau_messaging::engine::Limits::default(),
            is_put_back: false,
        };
        let (engine, read) =
            store.transaction(|tx| Ok::<_, Stop>((Engine::start(now, config, tx)?, Read::up_to_now(tx)?)))?;
        Ok(Self { store, engine, point, id_key, read })
    }

    /// Runs a group and commits it, or dies with the transaction open.
    ///
    /// # Errors
    /// [`Stop`]: the process is dead.
    pub fn group(&mut self, now: Timestamp, work: Vec<Work>, crash: bool) -> Result<Commit, Stop> {
        let Self { store, engine, point, id_key, read } = self;
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
                    Work::Erase(number) => {
                        let case = correlation(number).expect("a case");
                        // What is there by now is what is taken away.
                        read.on(*point, engine, &mut commit, tx)?;
                        engine.erase(&case, tx)?;
                        read.forget(number);
                        commit.facts.push(Fact::Erased(number));
                    }
                }
            }
            commit.outputs = engine.flush(now, tx)?;
            if crash {
                return Err(Stop::Crashed);
            }
            read.on(*point, engine, &mut commit, tx)?;
            commit.given_up = reading::given_up(tx)?;
            commit.strays = reading::strays(tx)?;
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

    /// Whether it holds a position of another's channel, of what a publisher has not left.
    pub fn has_position(&mut self, routing: &pb::Routing) -> bool {
        let sql = "SELECT 1 FROM received WHERE sender = $1 AND recipient = $2 AND lane = $3 AND incarnation = $4 \
                   AND sequence = $5 AND branch = 0";
        let pb::Routing { sender, recipient, lane, incarnation, sequence, .. } = routing;
        let channel = [sender.as_str().into(), recipient.as_str().into(), (*lane).into()];
        self.has(sql, &[channel.as_slice(), &[(*incarnation).into(), (*sequence).into()]].concat())
    }

    /// Whether it holds a receipt of the same place in its issuer's row.
    pub fn has_receipt(&mut self, receipt: &pb::ReceiptStatement) -> bool {
        let sql = "SELECT 1 FROM receipt_held WHERE issuer = $1 AND recipient = $2 AND lane = $3 AND series = $4 \
                   AND number = $5";
        let pb::ReceiptStatement { issuer, recipient, lane, series, number, .. } = receipt;
        let channel = [issuer.as_str().into(), recipient.as_str().into(), (*lane).into()];
        self.has(sql, &[channel.as_slice(), &[(*series).into(), (*number).into()]].concat())
    }

    fn has(&mut self, sql: &'static str, place: &[Value<'_>]) -> bool {
        let found = self.store.transaction(|tx| tx.query_one(sql, place, |row| row.int(0)));
        found.expect("a store in memory can be read").is_some()
    }

    /// Its store.
    pub fn store(&mut self) -> &mut Store {
        &mut self.store
    }

    /// Whether it hands over a blob as it should be; `None` when it says that it has not all of it.
    ///
    /// # Errors
    /// [`Stop`] when it fails.
    pub fn hands_over(&mut self, blob: &Blob) -> Result<Option<bool>, Stop> {
        let Self { store, engine, .. } = self;
        store.transaction(|tx| blobs::hands_over(engine, blob, tx))
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

fn submit(engine: &mut Engine, now: Timestamp, plan: &Plan, id_key: &[u8; 32], tx: &mut Tx<'_>) -> Result<Reply, Stop> {
    let submitted = tx.savepoint(|tx| {
        let draft = plan.draft();
        let carriers = plan.carriers(&draft.header, id_key);
        let id = engine.submit(now, draft, tx)?;
        handler::note_sent(tx, plan, id_key, now)?;
        for carrier in carriers {
            handler::note_carrier(tx, &carrier)?;
            engine.submit(now, carrier.draft, tx)?;
        }
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

//! Access points of a test around a bus that does what the test says, in one thread and in simulated time.

mod directory;
mod node;
mod notes;
mod sending;

use std::{collections::VecDeque, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::{
    directory::Release,
    id::{AccessPointId, ContractId, KeyId, PartyId},
};
use nhipcau_messaging::{
    engine::{AlarmKind, Engine, Error, Input, Kind, Output, PublishResult},
    message::Recipient,
    store::{self, Store, Tx, Value},
};

pub(crate) use self::{
    directory::Setup,
    node::{Node, Secrets},
    notes::TRIED_AGAIN,
    sending::{Forgery, bundle, receipt, receipts, signing, status},
};

pub(crate) const MOH: usize = 0;
pub(crate) const VWU: usize = 1;
pub(crate) const HANOI: usize = 2;
/// A unit of `moh` that the second release brings.
const NIGHT_DESK: &str = "night-desk";
/// The minor version of the first contract that only a newer program understands.
pub(crate) const NEWER_MINOR: u32 = 9;
const NAMES: [&str; 3] = ["moh", "vwu", "hanoi"];

fn contract() -> ContractId {
    ContractId::new("nhipcau.referral.v1").unwrap()
}

/// A contract that only a newer program serves.
pub(crate) fn newer_contract() -> ContractId {
    ContractId::new("nhipcau.visit.v1").unwrap()
}

pub(crate) fn point(name: &str) -> AccessPointId {
    AccessPointId::new(name).unwrap()
}

fn party(name: &str) -> PartyId {
    PartyId::new(name).unwrap()
}

pub(crate) fn key_id(text: &str) -> KeyId {
    KeyId::new(text).unwrap()
}

/// The access point of a node.
pub(crate) fn node_id(node: usize) -> AccessPointId {
    point(NAMES[node])
}

/// A bundle on its way.
#[derive(Clone)]
pub(crate) struct Parcel {
    pub(crate) kind: Kind,
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) bytes: Vec<u8>,
    pub(crate) signal: bool,
}

pub(crate) struct World {
    pub(crate) nodes: Vec<Node>,
    pub(crate) now: Timestamp,
    pub(crate) queue: VecDeque<Parcel>,
    /// Everything that was ever on the bus.
    pub(crate) seen: Vec<Parcel>,
    pub(crate) releases: Vec<Arc<Release>>,
    /// What the broker says to a publish; it loses what it does not say to have stored.
    pub(crate) answer: PublishResult,
    /// Whether its answers wait for [`World::answer_late`].
    pub(crate) is_late: bool,
    late: Vec<(usize, u64)>,
    /// How many bundles were handed to the broker.
    pub(crate) published: usize,
    /// How many deliveries were acknowledged to it.
    pub(crate) acknowledged: usize,
    token: u64,
}

impl World {
    /// Three access points whose processes have just started.
    fn new(setup: &Setup) -> Self {
        let now: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        let releases = directory::releases(now, setup);
        let start =
            |name: &&str| Node::start(name, Store::scratch().unwrap(), 1, &releases[0], &Secrets::default(), now);
        let nodes = NAMES.iter().map(start).collect();
        let (queue, seen, answer) = (VecDeque::new(), Vec::new(), PublishResult::Stored);
        let (is_late, late) = (false, Vec::new());
        Self { nodes, now, queue, seen, releases, answer, is_late, late, published: 0, acknowledged: 0, token: 0 }
    }

    /// Three access points that have agreed on all their channels.
    pub(crate) fn open() -> Self {
        Self::open_with(&Setup::default())
    }

    /// The same with another directory.
    pub(crate) fn open_with(setup: &Setup) -> Self {
        let mut world = Self::new(setup);
        world.settle();
        assert!(world.nodes.iter().all(|node| node.engine.is_open()));
        world
    }

    /// Starts a process again on the store it had, or on an older image of it, and gives the old process.
    pub(crate) fn restart(&mut self, node: usize, image: Option<&[u8]>) -> Node {
        self.restart_with(node, image, &Secrets::default())
    }

    /// The same with other secrets.
    pub(crate) fn restart_with(&mut self, node: usize, image: Option<&[u8]>, secrets: &Secrets) -> Node {
        self.restart_under(node, image, secrets, 0)
    }

    /// The same under one of the releases.
    pub(crate) fn restart_under(
        &mut self,
        node: usize,
        image: Option<&[u8]>,
        secrets: &Secrets,
        release: usize,
    ) -> Node {
        let starts = self.nodes[node].starts + 1;
        let image = image.map_or_else(|| self.image(node), <[u8]>::to_vec);
        let store = Store::scratch_from(&image).unwrap();
        let started = Node::start(NAMES[node], store, starts, &self.releases[release], secrets, self.now);
        std::mem::replace(&mut self.nodes[node], started)
    }

    /// Gives a node the second release.
    pub(crate) fn install(&mut self, node: usize) {
        self.install_release(node, 1);
    }

    /// Gives a node one of the releases.
    pub(crate) fn install_release(&mut self, node: usize, release: usize) {
        let (now, release) = (self.now, Arc::clone(&self.releases[release]));
        self.group(node, |engine, tx| engine.step(now, Input::Release(release), tx)).unwrap();
    }

    /// A copy of a node's disk.
    pub(crate) fn image(&mut self, node: usize) -> Vec<u8> {
        self.nodes[node].store.image().unwrap()
    }

    /// Withdraws the basis of all that a node sends, without a word to its engine.
    pub(crate) fn withdraw(&mut self, node: usize) {
        self.rows(node, "INSERT INTO meta (name, value) VALUES ('revoked', zeroblob(0))", |_| Ok(()));
    }

    /// Has the engine of a node look again at what the service allows.
    pub(crate) fn recheck(&mut self, node: usize) {
        self.group(node, |engine, tx| engine.recheck(&[7; 16], tx)).unwrap();
    }

    /// One group on one node; its outputs go on the bus.
    pub(crate) fn group<T, E: From<store::Error> + From<Error>>(
        &mut self,
        node: usize,
        work: impl FnOnce(&mut Engine, &mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let (now, mut acks) = (self.now, Vec::new());
        let this = &mut self.nodes[node];
        let engine = &mut this.engine;
        let (value, outputs) = this.store.transaction(|tx| {
            let value = work(engine, tx)?;
            Ok::<_, E>((value, engine.flush(now, tx)?))
        })?;
        for output in outputs {
            match output {
                Output::Publish { kind, recipient, bytes, token } => {
                    acks.push(token);
                    self.published += 1;
                    if self.answer != PublishResult::Stored {
                        continue;
                    }
                    let to: Vec<_> = match recipient {
                        Recipient::One(id) => vec![index(&id)],
                        Recipient::All => (0..NAMES.len()).filter(|to| *to != node).collect(),
                    };
                    for to in to {
                        self.queue.push_back(Parcel { kind, from: node, to, bytes: bytes.clone(), signal: false });
                    }
                }
                Output::Signal { recipient, bytes } => {
                    let kind = Kind::Receipts;
                    self.queue.push_back(Parcel { kind, from: node, to: index(&recipient), bytes, signal: true });
                }
                Output::Acknowledge { .. } => self.acknowledged += 1,
                Output::Alarm(alarm) => this.alarms.push(alarm),
            }
        }
        self.late.extend(acks.into_iter().map(|token| (node, token)));
        if !self.is_late {
            self.answer_late();
        }
        Ok(value)
    }

    /// The broker answers everything that it has not answered yet.
    pub(crate) fn answer_late(&mut self) {
        for (node, token) in std::mem::take(&mut self.late) {
            let (now, input) = (self.now, Input::Published { token, result: self.answer });
            let this = &mut self.nodes[node];
            let engine = &mut this.engine;
            this.store.transaction(|tx| engine.step(now, input, tx)).unwrap();
        }
    }

    /// Delivers one parcel.
    pub(crate) fn deliver(&mut self, parcel: Parcel) -> Result<(), Error> {
        self.token += 1;
        let (now, token, sender) = (self.now, self.token, point(NAMES[parcel.from]));
        self.seen.push(parcel.clone());
        self.group(parcel.to, |engine, tx| {
            let input = if parcel.signal {
                Input::Signal { sender, bytes: parcel.bytes }
            } else {
                Input::Delivery { kind: parcel.kind, sender, bytes: parcel.bytes, token }
            };
            engine.step(now, input, tx)
        })
    }

    /// Gives a node an input.
    pub(crate) fn input(&mut self, node: usize, input: Input) {
        let now = self.now;
        self.group(node, |engine, tx| engine.step(now, input, tx)).unwrap();
    }

    /// Lets a node notice that time has passed.
    pub(crate) fn tick(&mut self, node: usize) {
        self.input(node, Input::Tick);
    }

    /// Lets a node notice every second of a time in which the bus loses everything.
    pub(crate) fn pass_alone(&mut self, node: usize, seconds: i64) {
        for _ in 0..seconds {
            self.queue.clear();
            self.tick(node);
            self.now += SignedDuration::from_secs(1);
        }
        self.queue.clear();
    }

    /// Delivers what is on the bus and what comes of it, except for signals, which are lost.
    pub(crate) fn deliver_without_signals(&mut self) {
        while let Some(parcel) = self.queue.pop_front() {
            if !parcel.signal {
                self.deliver(parcel).unwrap();
            }
        }
    }

    /// Takes everything off the bus that is not a signal.
    pub(crate) fn take_bundles(&mut self) -> Vec<Parcel> {
        std::mem::take(&mut self.queue).into_iter().filter(|parcel| !parcel.signal).collect()
    }

    /// Like [`settle`](Self::settle), until a process stops.
    pub(crate) fn settle_until_stop(&mut self) -> Option<Error> {
        for _ in 0..60 {
            (0..self.nodes.len()).for_each(|node| self.tick(node));
            while let Some(parcel) = self.queue.pop_front() {
                if let Err(stopped) = self.deliver(parcel) {
                    return Some(stopped);
                }
            }
            self.now += SignedDuration::from_secs(10);
        }
        None
    }

    /// Delivers all that is on the bus and all that comes of it, and lets ten minutes pass in between.
    pub(crate) fn settle(&mut self) {
        self.settle_losing(|_| false);
    }

    /// The same on a bus that loses some of it.
    pub(crate) fn settle_losing(&mut self, is_lost: impl Fn(&Parcel) -> bool) {
        for round in 0..120 {
            self.round(&is_lost, SignedDuration::from_millis(if round < 60 { 200 } else { 10_000 }));
        }
    }

    /// Delivers all that is on the bus and all that comes of it within some seconds.
    pub(crate) fn settle_within(&mut self, seconds: i64) {
        for _ in 0..5 * seconds {
            self.round(&|_| false, SignedDuration::from_millis(200));
        }
    }

    fn round(&mut self, is_lost: &dyn Fn(&Parcel) -> bool, duration: SignedDuration) {
        (0..self.nodes.len()).for_each(|node| self.tick(node));
        while let Some(parcel) = self.queue.pop_front() {
            if !is_lost(&parcel) {
                self.deliver(parcel).unwrap();
            }
        }
        self.now += duration;
    }

    /// The bodies that had an effect at a node, in order.
    pub(crate) fn effects(&mut self, node: usize) -> Vec<String> {
        self.rows(node, "SELECT body FROM effect ORDER BY serial", |row| Ok(String::from_utf8(row.blob(0)?).unwrap()))
    }

    /// What a node learned of its own messages.
    pub(crate) fn concluded(&mut self, node: usize) -> Vec<i64> {
        self.rows(node, "SELECT outcome FROM concluded ORDER BY serial", |row| row.int(0))
    }

    /// How many messages of a node are in a state.
    pub(crate) fn in_state(&mut self, node: usize, state: i64) -> usize {
        self.nodes[node]
            .store
            .transaction(|tx| tx.query("SELECT 1 FROM outbox WHERE state = $1", &[Value::Int(state)], |row| row.int(0)))
            .unwrap()
            .len()
    }

    pub(crate) fn rows<T>(
        &mut self,
        node: usize,
        sql: &'static str,
        map: impl FnMut(&store::Row<'_>) -> Result<T, store::Error>,
    ) -> Vec<T> {
        self.nodes[node].store.transaction(|tx| tx.query(sql, &[], map)).unwrap()
    }

    pub(crate) fn alarmed(&self, node: usize, kind: AlarmKind) -> bool {
        self.alarms(node, kind) > 0
    }

    /// How many alarms of a kind a node has raised.
    pub(crate) fn alarms(&self, node: usize, kind: AlarmKind) -> usize {
        self.nodes[node].alarms.iter().filter(|alarm| alarm.kind == kind).count()
    }

    /// Why a node could not believe what it put into quarantine, in order.
    pub(crate) fn quarantined(&mut self, node: usize) -> Vec<String> {
        self.rows(node, "SELECT reason FROM quarantine ORDER BY serial", |row| row.text(0))
    }

    pub(crate) fn branch(&self, node: usize, name: &str) -> u64 {
        self.nodes[node].engine.branches().get(name).copied().unwrap_or(0)
    }
}

fn index(id: &AccessPointId) -> usize {
    NAMES.iter().position(|name| *name == id.as_str()).unwrap()
}

pub(crate) fn seed(name: &str, purpose: u8) -> [u8; 32] {
    let mut bytes = [purpose; 32];
    bytes.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to ^= from);
    bytes
}

//! Three access points, each with its own disk, writer thread and door, around a bus that does what the test says, in
//! simulated time. Nothing sleeps: whoever waits, waits until a writer has done what it was given.

use std::{
    collections::VecDeque,
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
        mpsc,
    },
};

use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::{
    directory::{Release, authoring},
    id::{AccessPointId, ContractId, KeyId, PartyId},
};
use nhipcau_messaging::{
    Entropy,
    crypto::{rest::RestKey, sign::SigningKey},
    engine::{Config, Input, Kind, Limits, Output, PublishResult},
    keys::{KeyEncryptionKey, KeyRing, SealingSecret},
    message::{Draft, Recipient},
    store::{self, Location, Readers, Store},
    writer::{Handle, Seams, Writer},
};
use nhipcau_proto::directory::v1 as directory;
use nhipcau_referrals::{BOOK, CONTRACT, MINOR, Referrals, SCHEMA, grpc::Door};
use nhipcau_runtime::{clock::Clock, rosters::Rosters, traced::Traced, waking::Notices};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub(crate) use crate::programme::limit;
use crate::{
    older::AtMinor,
    programme::{Signers, areas, release, signers},
    requested::{Answers, Asker},
};

pub(crate) const NAMES: [&str; 3] = ["moh", "hanoi", "vwu"];
pub(crate) const MOH: usize = 0;
pub(crate) const HANOI: usize = 1;
pub(crate) const VWU: usize = 2;
/// A party without an access point of its own: that of `hanoi` hosts it.
pub(crate) const GUEST: &str = "dolisa";
pub(crate) const PURPOSE: &str = "protection";

/// Bytes that follow from a seed, so that a failing test fails again.
struct Seeded(u64);

impl Entropy for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = (self.0 >> 56) as u8;
        }
    }
}

/// One access point.
pub(crate) struct Node {
    pub(crate) door: Door,
    pub(crate) service: Referrals,
    pub(crate) readers: Readers,
    /// What was answered to a service that asked.
    pub(crate) answers: Answers,
    writer: Option<Writer>,
    outputs: mpsc::Receiver<Output>,
    disk: Disk,
    starts: u64,
}

impl Node {
    /// The way to its writer.
    pub(crate) fn handle(&self) -> Handle {
        self.writer.as_ref().unwrap().handle()
    }
}

/// A bundle on its way.
#[derive(Clone)]
pub(crate) struct Parcel {
    kind: Option<Kind>,
    from: usize,
    pub(crate) to: usize,
    pub(crate) bytes: Vec<u8>,
}

pub(crate) struct World {
    pub(crate) nodes: Vec<Node>,
    pub(crate) queue: VecDeque<Parcel>,
    /// Every bundle and signal that ever left an access point.
    pub(crate) published: Vec<Vec<u8>>,
    /// Who receives nothing: what is sent to them is lost.
    pub(crate) silent: Vec<usize>,
    /// Where rosters lie, and those in use.
    pub(crate) duty: tempfile::TempDir,
    pub(crate) rosters: watch::Sender<Rosters>,
    clocks: [Arc<AtomicI64>; NAMES.len()],
    releases: [watch::Sender<Arc<Release>>; NAMES.len()],
    token: u64,
}

impl World {
    /// Access points that have agreed on all their channels.
    pub(crate) async fn open() -> Self {
        let now: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        let releases = NAMES.map(|_| watch::Sender::new(release(now)));
        let clocks = NAMES.map(|_| Arc::new(AtomicI64::new(now.as_microsecond())));
        let rosters = watch::Sender::new(Rosters::default());
        let begin = |node: usize| {
            let sources = (&releases[node].subscribe(), rosters.subscribe());
            start(NAMES[node], Disk::new(), (1, MINOR), &clocks[node], sources)
        };
        let mut world = Self {
            nodes: (0..NAMES.len()).map(begin).collect(),
            queue: VecDeque::new(),
            published: Vec::new(),
            silent: Vec::new(),
            duty: tempfile::tempdir().unwrap(),
            rosters,
            clocks,
            releases,
            token: 0,
        };
        world.settle().await;
        world
    }

    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.clocks[MOH].load(Ordering::Relaxed)).unwrap()
    }

    /// The newest release in use.
    pub(crate) fn directory(&self) -> Arc<Release> {
        let releases = self.releases.iter().map(|releases| Arc::clone(&releases.borrow()));
        releases.max_by_key(|release| release.version()).unwrap()
    }

    /// Whom a node has to tell.
    pub(crate) fn notices(&self, node: usize) -> Notices {
        let node = &self.nodes[node];
        Notices::new(vec![&BOOK], node.handle(), node.readers.clone())
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, time: SignedDuration) {
        (0..self.nodes.len()).for_each(|node| self.ahead(node, time));
    }

    /// Puts a node's clock forward.
    pub(crate) fn ahead(&self, node: usize, time: SignedDuration) {
        self.clocks[node].fetch_add(i64::try_from(time.as_micros()).unwrap(), Ordering::Relaxed);
    }

    /// Has a node look at what it has to do, and takes what leaves it.
    pub(crate) async fn turn(&mut self, node: usize) {
        let handle = self.nodes[node].handle();
        handle.input(Input::Tick).await.unwrap();
        // The second answer comes after the outputs of the group of the first.
        for _ in 0..2 {
            handle.call(|_, _, _| Ok::<_, ()>(())).await.unwrap();
        }
        while let Ok(output) = self.nodes[node].outputs.try_recv() {
            match output {
                Output::Publish { kind, recipient, bytes, token } => {
                    handle.input(Input::Published { token, result: PublishResult::Stored }).await.unwrap();
                    let Recipient::One(to) = recipient else { unreachable!("a case is never broadcast") };
                    self.send(Parcel { kind: Some(kind), from: node, to: index(&to), bytes });
                }
                Output::Signal { recipient, bytes } => {
                    self.send(Parcel { kind: None, from: node, to: index(&recipient), bytes });
                }
                Output::Acknowledge { .. } | Output::Alarm(_) => {}
            }
        }
    }

    fn send(&mut self, parcel: Parcel) {
        self.published.push(parcel.bytes.clone());
        if !self.silent.contains(&parcel.to) && !self.silent.contains(&parcel.from) {
            self.queue.push_back(parcel);
        }
    }

    /// Delivers one parcel.
    pub(crate) async fn deliver(&mut self, parcel: Parcel) {
        self.token += 1;
        let sender = point(NAMES[parcel.from]);
        let input = match parcel.kind {
            None => Input::Signal { sender, bytes: parcel.bytes },
            Some(kind) => Input::Delivery { kind, sender, bytes: parcel.bytes, token: self.token },
        };
        self.nodes[parcel.to].handle().input(input).await.unwrap();
    }

    /// Delivers all that is on the bus and all that comes of it.
    pub(crate) async fn settle(&mut self) {
        let mut quiet = 0;
        while quiet < 4 {
            for node in 0..self.nodes.len() {
                self.turn(node).await;
            }
            quiet = if self.queue.is_empty() { quiet + 1 } else { 0 };
            while let Some(parcel) = self.queue.pop_front() {
                self.deliver(parcel).await;
            }
            self.pass(SignedDuration::from_millis(400));
        }
    }

    /// Settles, and again after each of several waits: for what is only tried again after a while.
    pub(crate) async fn settle_slowly(&mut self) {
        for _ in 0..8 {
            self.settle().await;
            self.pass(SignedDuration::from_secs(20));
        }
        self.settle().await;
    }

    /// Ends the process of a node.
    pub(crate) fn stop(&mut self, node: usize) {
        self.nodes[node].writer.take().unwrap().stop().unwrap();
        while self.nodes[node].outputs.try_recv().is_ok() {}
    }

    /// A copy of the disk of a node that is stopped for it.
    pub(crate) fn copy(&mut self, node: usize) -> Disk {
        self.stop(node);
        let copy = self.nodes[node].disk.copied();
        self.start_on(node, copy.copied());
        copy
    }

    /// Starts a node that is stopped again, on its own disk.
    pub(crate) fn restart(&mut self, node: usize) {
        self.start_on(node, self.nodes[node].disk.copied());
    }

    /// Starts a node anew at which so many messages may wait for a recipient.
    pub(crate) fn narrow(&mut self, node: usize, messages: u64) {
        self.stop(node);
        let disk = self.nodes[node].disk.copied();
        self.start_on(node, Disk { limits: Limits { messages, ..disk.limits }, ..disk });
    }

    /// As [`World::restart`], with a build that knows this minor version of the contract.
    pub(crate) fn restart_as(&mut self, node: usize, minor: u32) {
        let (starts, disk) = (self.nodes[node].starts + 1, self.nodes[node].disk.copied());
        let sources = (&self.releases[node].subscribe(), self.rosters.subscribe());
        self.nodes[node] = start(NAMES[node], disk, (starts, minor), &self.clocks[node], sources);
    }

    /// Starts a node on an older copy of its disk.
    pub(crate) fn restore(&mut self, node: usize, copy: &Disk) {
        self.stop(node);
        self.start_on(node, copy.copied());
    }

    fn start_on(&mut self, node: usize, disk: Disk) {
        let starts = self.nodes[node].starts + 1;
        let sources = (&self.releases[node].subscribe(), self.rosters.subscribe());
        self.nodes[node] = start(NAMES[node], disk, (starts, MINOR), &self.clocks[node], sources);
    }

    /// Has everybody install a release under which nobody agreed to anything.
    pub(crate) async fn end_agreements(&mut self) {
        self.amend(|wire| wire.agreements.clear()).await;
    }

    /// Has everybody install a release with these retention classes.
    pub(crate) async fn retain(&mut self, classes: Vec<directory::RetentionClass>) {
        self.amend(|wire| wire.retention_classes = classes).await;
    }

    /// Has everybody install a release under which these units, `party/unit`, are over as of now.
    pub(crate) async fn close_units(&mut self, units: &[&str]) {
        let end = prost_types::Timestamp { seconds: self.now().as_second(), nanos: 0 };
        let is_closed = |unit: &&mut directory::Unit| units.contains(&format!("{}/{}", unit.party, unit.unit).as_str());
        self.amend(|wire| {
            for unit in wire.units.iter_mut().filter(is_closed) {
                unit.validity.as_mut().unwrap().expire_time = Some(end);
            }
        })
        .await;
    }

    /// Has everybody install a release that differs in this from the one before.
    pub(crate) async fn amend(&mut self, change: impl FnOnce(&mut directory::Release)) {
        let release = self.amended(change);
        for node in 0..self.nodes.len() {
            self.install(node, &release).await;
        }
        self.settle().await;
    }

    /// The release that follows, which nobody has yet.
    pub(crate) fn amended(&self, change: impl FnOnce(&mut directory::Release)) -> Arc<Release> {
        let Signers { root, ids, pairs } = signers();
        let (now, current) = (self.now(), self.directory());
        let builder = authoring::ReleaseBuilder::after(&current, now, now + SignedDuration::from_hours(24 * 365));
        let builder = builder.with(change);
        let signed = builder.signed(&[(&ids[0], &pairs[0]), (&ids[2], &pairs[2])]);
        Arc::new(Release::verify(&signed, &root, Some(&current)).unwrap())
    }

    /// Has one node install a release.
    pub(crate) async fn install(&self, node: usize, release: &Arc<Release>) {
        self.releases[node].send_replace(Arc::clone(release));
        self.nodes[node].handle().input(Input::Release(Arc::clone(release))).await.unwrap();
    }

    /// Every byte on the disk of a node.
    pub(crate) fn disk(&self, node: usize) -> Vec<u8> {
        self.nodes[node].disk.bytes()
    }

    /// How many rows a query counts.
    pub(crate) async fn count(&self, node: usize, sql: &'static str) -> i64 {
        let counted = self.nodes[node].readers.read(move |tx| tx.query_one(sql, &[], |row| row.int(0)));
        counted.await.unwrap().unwrap()
    }

    /// Sends an event as an access point would whose service is faulty: it stands in no branch.
    pub(crate) async fn submit_raw(&self, node: usize, draft: Draft) {
        let bytes = draft.parts[0].clone();
        self.submit_beside(node, draft, bytes).await;
    }

    /// As [`World::submit_raw`], with another event in its own log than the one that it sends.
    pub(crate) async fn submit_beside(&self, node: usize, draft: Draft, bytes: Vec<u8>) {
        const INSERT: &str = "INSERT INTO referral_event (branch, holder, side, ordinal, bytes, message, carried, \
             store_time) SELECT zeroblob(16), 2, 2, COUNT(*) + 1, $1, $2, 1, 0 FROM referral_event";
        let handle = self.nodes[node].handle();
        let forged = handle.call(move |tx, submitter, _| {
            let id = submitter.submit(draft, tx).map_err(|error| error.to_string())?;
            tx.execute(INSERT, &[(&bytes).into(), (&id.0).into()]).map_err(|error| error.to_string())
        });
        forged.await.unwrap();
    }
}

/// What a node has its store on.
pub(crate) struct Disk {
    home: tempfile::TempDir,
    location: Location,
    /// How much may wait there for a recipient.
    limits: Limits,
}

impl Disk {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let location = Location::scratch(home.path()).unwrap();
        Self { home, location, limits: Limits::default() }
    }

    /// Another one with the same on it.
    fn copied(&self) -> Self {
        let copy = Self { limits: self.limits, ..Self::new() };
        match &self.location {
            Location::File(_) => copy_files(self.home.path(), copy.home.path()),
            Location::Server(_) => {
                store::copy(&self.location, &copy.location, &[SCHEMA]).unwrap();
            }
        }
        copy
    }

    /// Every byte that is on it.
    fn bytes(&self) -> Vec<u8> {
        let copy = tempfile::tempdir().unwrap();
        let read = match &self.location {
            Location::File(_) => self.home.path(),
            Location::Server(_) => {
                store::copy(&self.location, &copy.path().join("store.db").as_path().into(), &[SCHEMA]).unwrap();
                copy.path()
            }
        };
        fs::read_dir(read).unwrap().flat_map(|file| fs::read(file.unwrap().path()).unwrap()).collect()
    }
}

fn copy_files(from: &Path, to: &Path) {
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

pub(crate) fn point(name: &str) -> AccessPointId {
    AccessPointId::new(name).unwrap()
}

pub(crate) fn party(name: &str) -> PartyId {
    PartyId::new(name).unwrap()
}

pub(crate) fn contract() -> ContractId {
    ContractId::new(CONTRACT).unwrap()
}

pub(crate) fn key_id(text: &str) -> KeyId {
    KeyId::new(text).unwrap()
}

fn index(id: &AccessPointId) -> usize {
    NAMES.iter().position(|name| *name == id.as_str()).unwrap()
}

pub(crate) fn seed(name: &str, purpose: u8) -> [u8; 32] {
    let mut bytes = [purpose; 32];
    bytes.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to ^= from);
    bytes
}

/// What wraps the keys of an access point's cases.
pub(crate) fn kek(name: &str) -> RestKey {
    RestKey::new(seed(name, 4))
}

fn start(
    name: &str,
    disk: Disk,
    (starts, minor): (u64, u32),
    now: &Arc<AtomicI64>,
    (releases, rosters): (&watch::Receiver<Arc<Release>>, watch::Receiver<Rosters>),
) -> Node {
    let mut store = Store::open(&disk.location).unwrap();
    store.add_tables(SCHEMA).unwrap();
    let clock = || {
        let now = Arc::clone(now);
        move || Timestamp::from_microsecond(now.load(Ordering::Relaxed)).unwrap()
    };
    let service = Referrals::new(releases.clone())
        .with_areas(watch::Sender::new(Arc::new(areas())).subscribe())
        .with_clock(Clock::new(clock()))
        .with_rosters(rosters, SignedDuration::from_mins(10));
    let (sender, outputs) = mpsc::channel();
    let outlet = move |output| {
        // Nobody listens any more once the node is stopped.
        drop(sender.send(output));
        None
    };
    let seams = Seams { clock: Box::new(clock()), outlet: Box::new(outlet), alarm: Box::new(|_| ()) };
    let answers = Answers::default();
    let asker = Asker::new(Arc::clone(&answers));
    let config = Config {
        access_point: point(name),
        start: starts,
        keys: KeyRing {
            signing: SigningKey::from_seed(key_id("s-1"), &seed(name, 1)).unwrap(),
            sealing: vec![SealingSecret { id: key_id("e-1"), private: seed(name, 2) }],
            id_key: seed(name, 3),
            kek: vec![KeyEncryptionKey { id: "2026-11".to_owned(), key: kek(name) }],
        },
        release: Arc::clone(&releases.borrow()),
        handlers: vec![Box::new(AtMinor(Box::new(Traced(Box::new(service.handler()))), minor)), Box::new(asker)],
        entropy: Box::new(Seeded(starts.wrapping_mul(31) + name.len() as u64)),
        limits: disk.limits,
        is_put_back: false,
    };
    let writer = Writer::start(store, config, seams).unwrap();
    let readers = Readers::open(&disk.location, 2).unwrap();
    let door = service.door(writer.handle(), readers.clone(), point(name), CancellationToken::new());
    Node { door, service, readers, answers, writer: Some(writer), outputs, disk, starts }
}

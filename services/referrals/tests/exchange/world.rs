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

use aws_lc_rs::signature::Ed25519KeyPair;
use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, date},
};
use nhipcau_domain::{
    area::{AreaList, Areas, Crosswalk},
    directory::{Release, Signer, SignerRole, TrustedRoot, Validity, authoring},
    id::{AccessPointId, ContractId, KeyId, PartyId, Purpose, UnitId},
};
use nhipcau_messaging::{
    Entropy,
    crypto::{rest::RestKey, seal, sign::SigningKey},
    engine::{Config, Input, Kind, Output, PublishResult},
    keys::{KeyEncryptionKey, KeyRing, SealingSecret},
    message::{Draft, Recipient},
    store::{self, Location, Readers, Store},
    writer::{Handle, Seams, Writer},
};
use nhipcau_proto::directory::v1 as directory;
use nhipcau_referrals::{CONTRACT, MINOR, Referrals, SCHEMA, grpc::Door};
use nhipcau_runtime::{clock::Clock, traced::Traced};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::older::AtMinor;

pub(crate) const NAMES: [&str; 3] = ["moh", "hanoi", "vwu"];
pub(crate) const MOH: usize = 0;
pub(crate) const HANOI: usize = 1;
pub(crate) const VWU: usize = 2;
/// A party without an access point of its own: that of `hanoi` hosts it.
pub(crate) const GUEST: &str = "dolisa";
/// Units and their parties.
const UNITS: [(&str, &str); 5] =
    [("moh", "111"), ("hanoi", "ba-dinh"), ("hanoi", "cua-nam"), ("vwu", "desk"), (GUEST, "desk")];
pub(crate) const PURPOSE: &str = "protection";

const VERSIONS: &str = "version,valid_from,valid_until,basis,name_vi,name_en\n\
    VN-63,,2025-06-30,before,63,63\nVN-34,2025-07-01,2026-12-31,after,34,34\n\
    NEXT,2027-01-01,,made up,next,next\n";
/// Of the older units some became others and one was split; the district is no more. The last reform is made up.
const AREAS: &str = "code,level,parent,kind,name,valid_from,valid_until\n\
    01,province,,city,Thành phố Hà Nội,,2025-06-30\n02,province,,province,Tỉnh Hà Giang,,2025-06-30\n\
    001,district,01,urban_district,Quận Ba Đình,,2025-06-30\n\
    00004,commune,001,ward,Phường Trúc Bạch,,2025-06-30\n00019,commune,001,ward,Phường Điện Biên,,2025-06-30\n\
    01,province,,city,Thành phố Hà Nội,2025-07-01,\n08,province,,province,Tỉnh Tuyên Quang,2025-07-01,\n\
    00004,commune,01,ward,Phường Ba Đình,2025-07-01,\n00070,commune,01,ward,Phường Hoàn Kiếm,2025-07-01,2026-12-31\n\
    00070,commune,01,ward,Phường Hoàn Kiếm,2027-01-01,\n00071,commune,01,ward,Phường Mới,2027-01-01,\n";
const CROSSWALKS: [&str; 2] = [
    "old_level,old_code,new_code,extent\nprovince,01,01,whole\nprovince,02,08,whole\n\
    commune,00004,00004,whole\ncommune,00019,00004,part\ncommune,00019,00070,part\n",
    "old_level,old_code,new_code,extent\ncommune,00070,00070,part\ncommune,00070,00071,part\n",
];

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
    now: Arc<AtomicI64>,
    releases: watch::Sender<Arc<Release>>,
    token: u64,
}

impl World {
    /// Access points that have agreed on all their channels.
    pub(crate) async fn open() -> Self {
        let now: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        let (releases, newest) = watch::channel(release(now));
        let now = Arc::new(AtomicI64::new(now.as_microsecond()));
        let nodes = NAMES.iter().map(|name| start(name, Disk::new(), (1, MINOR), &now, &newest)).collect();
        let mut world =
            Self { nodes, queue: VecDeque::new(), published: Vec::new(), silent: Vec::new(), now, releases, token: 0 };
        world.settle().await;
        world
    }

    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.now.load(Ordering::Relaxed)).unwrap()
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, time: SignedDuration) {
        self.now.fetch_add(i64::try_from(time.as_micros()).unwrap(), Ordering::Relaxed);
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

    /// As [`World::restart`], with a build that knows this minor version of the contract.
    pub(crate) fn restart_as(&mut self, node: usize, minor: u32) {
        let (starts, disk) = (self.nodes[node].starts + 1, self.nodes[node].disk.copied());
        self.nodes[node] = start(NAMES[node], disk, (starts, minor), &self.now, &self.releases.subscribe());
    }

    /// Starts a node on an older copy of its disk.
    pub(crate) fn restore(&mut self, node: usize, copy: &Disk) {
        self.stop(node);
        self.start_on(node, copy.copied());
    }

    fn start_on(&mut self, node: usize, disk: Disk) {
        let starts = self.nodes[node].starts + 1;
        self.nodes[node] = start(NAMES[node], disk, (starts, MINOR), &self.now, &self.releases.subscribe());
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
        let Signers { root, ids, pairs } = signers();
        let (now, current) = (self.now(), Arc::clone(&self.releases.borrow()));
        let builder = authoring::ReleaseBuilder::after(&current, now, now + SignedDuration::from_hours(24 * 365));
        let builder = builder.with(change);
        let signed = builder.signed(&[(&ids[0], &pairs[0]), (&ids[2], &pairs[2])]);
        let release = Arc::new(Release::verify(&signed, &root, Some(&current)).unwrap());
        self.releases.send_replace(Arc::clone(&release));
        for node in &self.nodes {
            let handle = node.handle();
            handle.input(Input::Release(Arc::clone(&release))).await.unwrap();
        }
        self.settle().await;
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
}

impl Disk {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let location = Location::scratch(home.path()).unwrap();
        Self { home, location }
    }

    /// Another one with the same on it.
    fn copied(&self) -> Self {
        let copy = Self::new();
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

fn key_id(text: &str) -> KeyId {
    KeyId::new(text).unwrap()
}

fn index(id: &AccessPointId) -> usize {
    NAMES.iter().position(|name| *name == id.as_str()).unwrap()
}

fn seed(name: &str, purpose: u8) -> [u8; 32] {
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
    releases: &watch::Receiver<Arc<Release>>,
) -> Node {
    let mut store = Store::open(&disk.location).unwrap();
    store.add_tables(SCHEMA).unwrap();
    let clock = || {
        let now = Arc::clone(now);
        move || Timestamp::from_microsecond(now.load(Ordering::Relaxed)).unwrap()
    };
    let list = Arc::new(AreaList::parse(VERSIONS.as_bytes(), [AREAS.as_bytes()]).unwrap());
    let reform = |(day, table): (Date, &str)| Crosswalk::parse(day, table.as_bytes(), &list).unwrap();
    let reforms = [date(2025, 7, 1), date(2027, 1, 1)].into_iter().zip(CROSSWALKS).map(reform);
    let areas = Areas::new(Arc::clone(&list), reforms).unwrap();
    let service = Referrals::new(releases.clone())
        .with_areas(watch::Sender::new(Arc::new(areas)).subscribe())
        .with_clock(Clock::new(clock()));
    let (sender, outputs) = mpsc::channel();
    let outlet = move |output| {
        // Nobody listens any more once the node is stopped.
        drop(sender.send(output));
        None
    };
    let seams = Seams { clock: Box::new(clock()), outlet: Box::new(outlet), alarm: Box::new(|_| ()) };
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
        handlers: vec![Box::new(AtMinor(Box::new(Traced(Box::new(service.handler()))), minor))],
        entropy: Box::new(Seeded(starts.wrapping_mul(31) + name.len() as u64)),
        limits: nhipcau_messaging::engine::Limits::default(),
        is_put_back: false,
    };
    let writer = Writer::start(store, config, seams).unwrap();
    let readers = Readers::open(&disk.location, 2).unwrap();
    let door = service.door(writer.handle(), readers.clone(), point(name), CancellationToken::new());
    Node { door, service, readers, writer: Some(writer), outputs, disk, starts }
}

struct Signers {
    root: TrustedRoot,
    ids: [KeyId; 3],
    pairs: [Ed25519KeyPair; 3],
}

fn signers() -> Signers {
    let ids = ["root-0", "root-1", "root-2"].map(key_id);
    let pairs = [0u8, 1, 2].map(|n| Ed25519KeyPair::from_seed_unchecked(&[n + 1; 32]).unwrap());
    let roles = [SignerRole::Party, SignerRole::Party, SignerRole::ProgrammeOffice];
    let signer = |((id, pair), role): ((&KeyId, &Ed25519KeyPair), SignerRole)| Signer {
        id: id.clone(),
        holder: id.as_str().into(),
        public: authoring::public_key(pair),
        role,
    };
    let signers: Vec<_> = ids.iter().zip(&pairs).zip(roles).map(signer).collect();
    let root = TrustedRoot::new("test", 1, &signers).unwrap();
    Signers { root, ids, pairs }
}

/// Everybody may send to everybody for protection and for nothing else; `hanoi/west` is served nowhere.
fn release(now: Timestamp) -> Arc<Release> {
    let year = SignedDuration::from_hours(24 * 365);
    let long = Validity { start: now - year, expire: Some(now + year) };
    let Signers { root, ids, pairs } = signers();
    let mut builder = authoring::ReleaseBuilder::new(&root, now - year, now + year).contract(&contract(), 0);
    let guest = party(GUEST);
    builder = builder.party(&guest, ("Khách", "Guest"), long);
    for name in NAMES {
        let (party, ap) = (party(name), point(name));
        let signing = SigningKey::from_seed(key_id("s-1"), &seed(name, 1)).unwrap().public();
        let hosted = if name == "hanoi" { vec![&party, &guest] } else { vec![&party] };
        builder = builder
            .party(&party, ("Bên", "Party"), long)
            .access_point(&ap, &party, &hosted)
            .signing_key(&ap, &key_id("s-1"), signing, long)
            .sealing_key(&ap, &key_id("e-1"), seal::public_key(&seed(name, 2)).unwrap(), long);
    }
    for (owner, unit) in UNITS {
        let host = point(if owner == GUEST { "hanoi" } else { owner });
        let (owner, unit) = (party(owner), UnitId::new(unit).unwrap());
        builder =
            builder.unit(&owner, &unit, ("Đơn vị", "Unit"), long).host(&owner, Some(&unit), &host, &[&contract()]);
    }
    builder = builder.unit(&party("hanoi"), &UnitId::new("west").unwrap(), ("Tây", "West"), long);
    let purpose = Purpose::new(PURPOSE).unwrap();
    let parties = || NAMES.into_iter().chain([GUEST]);
    for from in parties() {
        for to in parties() {
            builder = builder.agreement(&party(from), &contract(), &party(to), &purpose, long);
        }
    }
    let limits = [("verify", "transfer_opened"), ("reply", "referral_opened")];
    let limits = limits.map(|(rule, opened)| limit(rule, opened, now - year));
    let builder = builder.with(|wire| wire.time_limits.extend(limits));
    let signed = builder.signed(&[(&ids[0], &pairs[0]), (&ids[2], &pairs[2])]);
    Arc::new(Release::verify(&signed, &root, None).unwrap())
}

/// A person has an hour.
pub(crate) fn limit(rule: &str, opened: &str, from: Timestamp) -> directory::TimeLimit {
    let hours = |hours: i64| {
        let elapsed = prost_types::Duration { seconds: hours * 3_600, nanos: 0 };
        Some(directory::Span { kind: Some(directory::span::Kind::Elapsed(elapsed)) })
    };
    directory::TimeLimit {
        time_limit: rule.into(),
        contract: CONTRACT.into(),
        start_event: opened.into(),
        stop_events: vec!["acknowledged".into()],
        limit: hours(12),
        acknowledge_within: hours(1),
        legal_source: "Decree 56/2017/NĐ-CP art. 26".into(),
        validity: Some(directory::Validity {
            start_time: Some(prost_types::Timestamp { seconds: from.as_second(), nanos: 0 }),
            expire_time: None,
        }),
        ..directory::TimeLimit::default()
    }
}

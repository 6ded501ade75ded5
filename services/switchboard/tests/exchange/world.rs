//! Two access points, each with its own disk, writer thread and door, around a bus that delivers, in simulated time.
//! Nothing sleeps: whoever waits, waits until a writer has done what it was given.

use std::{
    collections::VecDeque,
    fs,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
        mpsc,
    },
};

use aws_lc_rs::signature::Ed25519KeyPair;
use jiff::{SignedDuration, Timestamp, civil::date};
use nhipcau_domain::{
    area::{AreaList, Areas, CODE_LIST, Crosswalk},
    directory::{Release, Signer, SignerRole, TrustedRoot, Validity, authoring},
    id::{AccessPointId, ContractId, KeyId, PartyId, Purpose, UnitId},
};
use nhipcau_messaging::{
    Entropy,
    crypto::{rest::RestKey, seal, sign::SigningKey},
    engine::{Alarm, Config, Input, Kind, Limits, Output, PublishResult},
    handler::Handler,
    keys::{KeyEncryptionKey, KeyRing, SealingSecret},
    message::Recipient,
    store::{self, Location, Readers, Store},
    writer::{Handle, Seams, Writer},
};
use nhipcau_proto::directory::v1 as directory;
use nhipcau_runtime::{clock::Clock, rosters::Rosters, waking::Notices};
use nhipcau_switchboard::{BOOK, CONTRACT, SCHEMA, Switchboard, WORDS, alarm, grpc::Door, placement};
use tokio::sync::watch;

use crate::stand_in::{StandIn, Told};

pub(crate) const NAMES: [&str; 2] = ["moh", "hanoi"];
pub(crate) const MOH: usize = 0;
pub(crate) const HANOI: usize = 1;
pub(crate) const PURPOSE: &str = "protection";

const VERSIONS: &str = "version,valid_from,valid_until,basis,name_vi,name_en\n\
    VN-63,,2025-06-30,before,63,63\nVN-34,2025-07-01,,after,34,34\n";
const AREAS: &str = "code,level,parent,kind,name,valid_from,valid_until\n\
    01,province,,city,Thành phố Hà Nội,,2025-06-30\n001,district,01,urban_district,Quận Ba Đình,,2025-06-30\n\
    00019,commune,001,ward,Phường Điện Biên,,2025-06-30\n01,province,,city,Thành phố Hà Nội,2025-07-01,\n\
    00004,commune,01,ward,Phường Ba Đình,2025-07-01,\n00070,commune,01,ward,Phường Hoàn Kiếm,2025-07-01,\n";
const CROSSWALK: &str = "old_level,old_code,new_code,extent\nprovince,01,01,whole\n\
    commune,00019,00004,part\ncommune,00019,00070,part\n";

fn areas() -> Areas {
    let list = Arc::new(AreaList::parse(VERSIONS.as_bytes(), [AREAS.as_bytes()]).unwrap());
    let reform = Crosswalk::parse(date(2025, 7, 1), CROSSWALK.as_bytes(), &list).unwrap();
    Areas::new(list, [reform]).unwrap()
}

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

pub(crate) fn seed(name: &str, purpose: u8) -> [u8; 32] {
    let mut bytes = [purpose; 32];
    bytes.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to ^= from);
    bytes
}

/// What signs releases.
fn signers() -> (TrustedRoot, [KeyId; 3], [Ed25519KeyPair; 3]) {
    let ids = ["root-0", "root-1", "root-2"].map(key_id);
    let pairs = [0u8, 1, 2].map(|n| Ed25519KeyPair::from_seed_unchecked(&[n + 1; 32]).unwrap());
    let roles = [SignerRole::Party, SignerRole::Party, SignerRole::ProgrammeOffice];
    let signer = |((id, pair), role): ((&KeyId, &Ed25519KeyPair), SignerRole)| Signer {
        id: id.clone(),
        holder: id.as_str().into(),
        public: authoring::public_key(pair),
        role,
    };
    let listed: Vec<_> = ids.iter().zip(&pairs).zip(roles).map(signer).collect();
    (TrustedRoot::new("test", 1, &listed).unwrap(), ids, pairs)
}

/// The switchboard of `moh`, one ward's unit and the department above it at `hanoi`, around the clock; everybody may
/// send every contract to everybody.
fn release(now: Timestamp) -> Arc<Release> {
    let year = SignedDuration::from_hours(24 * 365);
    let long = Validity { start: now - year, expire: Some(now + year) };
    let (root, ids, pairs) = signers();
    let contracts =
        [contract(), ContractId::new("nhipcau.referral.v1").unwrap(), ContractId::new(placement::CONTRACT).unwrap()];
    let list = |version: &str| directory::CodeListKey { id: CODE_LIST.into(), version: version.into() };
    let mut builder = authoring::ReleaseBuilder::new(&root, now - year, now + year)
        .contract(&contracts[0], 0)
        .contract(&contracts[1], 1)
        .contract(&contracts[2], placement::MINOR)
        .attachment("vn-units.csv", b"units", vec![list("VN-63"), list("VN-34")], Vec::new());
    for name in NAMES {
        let (party, ap) = (party(name), point(name));
        let signing = SigningKey::from_seed(key_id("s-1"), &seed(name, 1)).unwrap().public();
        builder = builder
            .party(&party, ("Bên", "Party"), long)
            .access_point(&ap, &party, &[&party])
            .signing_key(&ap, &key_id("s-1"), signing, long)
            .sealing_key(&ap, &key_id("e-1"), seal::public_key(&seed(name, 2)).unwrap(), long)
            .host(&party, None, &ap, &[&contracts[0], &contracts[1], &contracts[2]]);
    }
    for (owner, unit, area) in [("moh", "111", ""), ("hanoi", "ba-dinh", "00004"), ("hanoi", "health", "01")] {
        builder = builder.unit(&party(owner), &UnitId::new(unit).unwrap(), ("Đơn vị", "Unit"), long).with(|wire| {
            let entry = wire.units.last_mut().unwrap();
            let area = directory::AreaRef {
                code_list: CODE_LIST.into(),
                code_list_version: "VN-34".into(),
                code: area.into(),
            };
            entry.areas = if area.code.is_empty() { Vec::new() } else { vec![area] };
            entry.services = vec![if owner == "moh" { "hotline" } else { "child-protection" }.into()];
            let weekdays = (1..=7).collect();
            entry.hours = vec![directory::OpeningHours { weekdays, start_minute: 0, end_minute: 1440 }];
        });
    }
    let purpose = Purpose::new(PURPOSE).unwrap();
    for (from, to) in [("moh", "moh"), ("moh", "hanoi"), ("hanoi", "moh"), ("hanoi", "hanoi")] {
        for contract in &contracts {
            builder = builder.agreement(&party(from), contract, &party(to), &purpose, long);
        }
    }
    let signed = builder.signed(&[(&ids[0], &pairs[0]), (&ids[2], &pairs[2])]);
    Arc::new(Release::verify(&signed, &root, None).unwrap())
}

/// One access point.
pub(crate) struct Node {
    pub(crate) door: Door,
    pub(crate) service: Switchboard,
    /// What the operator was told of alarm keys since the last start.
    pub(crate) alarms: mpsc::Receiver<Alarm>,
    pub(crate) readers: Readers,
    pub(crate) told: Arc<Mutex<Told>>,
    writer: Option<Writer>,
    outputs: mpsc::Receiver<Output>,
    disk: Disk,
    starts: u64,
}

impl Node {
    pub(crate) fn handle(&self) -> Handle {
        self.writer.as_ref().unwrap().handle()
    }
}

pub(crate) struct World {
    pub(crate) nodes: Vec<Node>,
    /// Outlives every disk.
    pub(crate) keys: tempfile::TempDir,
    queue: VecDeque<(usize, usize, Option<Kind>, Vec<u8>)>,
    /// Who receives nothing: what is sent to them is lost.
    pub(crate) silent: Vec<usize>,
    /// Whether what is on the bus arrives twice, and the last first.
    pub(crate) disorder: bool,
    now: Arc<AtomicI64>,
    releases: watch::Sender<Arc<Release>>,
    /// Where rosters lie, in a directory of each node, and those in use.
    pub(crate) duty: tempfile::TempDir,
    pub(crate) rosters: [watch::Sender<Rosters>; NAMES.len()],
    token: u64,
}

impl World {
    /// Access points that have agreed on all their channels.
    pub(crate) async fn open() -> Self {
        let now: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        let (releases, newest) = watch::channel(release(now));
        let now = Arc::new(AtomicI64::new(now.as_microsecond()));
        let keys = tempfile::tempdir().unwrap();
        let (duty, rosters) = (tempfile::tempdir().unwrap(), NAMES.map(|_| watch::Sender::new(Rosters::default())));
        let begin = |(name, rosters): (&&str, &watch::Sender<Rosters>)| {
            let sources = (&newest, rosters.subscribe());
            start(name, (Disk::new(), keys.path()), 1, &now, sources, Arc::default())
        };
        let nodes = NAMES.iter().zip(&rosters).map(begin).collect();
        let (queue, silent) = (VecDeque::new(), Vec::new());
        let mut world = Self { nodes, keys, queue, silent, disorder: false, now, releases, duty, rosters, token: 0 };
        world.settle().await;
        world
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, time: SignedDuration) {
        self.now.fetch_add(i64::try_from(time.as_micros()).unwrap(), Ordering::Relaxed);
    }

    async fn turn(&mut self, node: usize) {
        let handle = self.nodes[node].handle();
        handle.input(Input::Tick).await.unwrap();
        // The second answer comes after the outputs of the group of the first.
        for _ in 0..2 {
            handle.call(|_, _, _| Ok::<_, ()>(())).await.unwrap();
        }
        let index = |id: &AccessPointId| NAMES.iter().position(|name| *name == id.as_str()).unwrap();
        while let Ok(output) = self.nodes[node].outputs.try_recv() {
            match output {
                Output::Publish { kind, recipient, bytes, token } => {
                    handle.input(Input::Published { token, result: PublishResult::Stored }).await.unwrap();
                    let Recipient::One(to) = recipient else { unreachable!("a contact is never broadcast") };
                    self.queue.push_back((node, index(&to), Some(kind), bytes));
                }
                Output::Signal { recipient, bytes } => self.queue.push_back((node, index(&recipient), None, bytes)),
                Output::Acknowledge { .. } | Output::Alarm(_) => {}
            }
        }
    }

    /// Delivers all that is on the bus and all that comes of it.
    pub(crate) async fn settle(&mut self) {
        let mut quiet = 0;
        while quiet < 4 {
            for node in 0..self.nodes.len() {
                self.turn(node).await;
            }
            quiet = if self.queue.is_empty() { quiet + 1 } else { 0 };
            if self.disorder {
                let twice: Vec<_> = self.queue.iter().rev().chain(self.queue.iter()).cloned().collect();
                self.queue = twice.into();
            }
            while let Some((from, to, kind, bytes)) = self.queue.pop_front() {
                if self.silent.contains(&to) {
                    continue;
                }
                self.token += 1;
                let sender = point(NAMES[from]);
                let input = match kind {
                    None => Input::Signal { sender, bytes },
                    Some(kind) => Input::Delivery { kind, sender, bytes, token: self.token },
                };
                self.nodes[to].handle().input(input).await.unwrap();
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

    /// Ends the process of a node and starts it again on what its disk held at that moment.
    pub(crate) fn crash(&mut self, node: usize) {
        self.nodes[node].writer.take().unwrap().stop().unwrap();
        let disk = self.nodes[node].disk.copied();
        self.start_on(node, disk);
    }

    /// As [`World::crash`], with a copy of the disk to put back later.
    pub(crate) fn copy(&mut self, node: usize) -> Disk {
        self.nodes[node].writer.take().unwrap().stop().unwrap();
        let copy = self.nodes[node].disk.copied();
        self.start_on(node, copy.copied());
        copy
    }

    /// Ends the process of a node and starts it again on an older copy of its disk.
    pub(crate) fn put_back(&mut self, node: usize, copy: &Disk) {
        self.nodes[node].writer.take().unwrap().stop().unwrap();
        self.start_on(node, copy.copied());
    }

    fn start_on(&mut self, node: usize, disk: Disk) {
        let (starts, told) = (self.nodes[node].starts + 1, Arc::clone(&self.nodes[node].told));
        let on = (disk, self.keys.path());
        let sources = (&self.releases.subscribe(), self.rosters[node].subscribe());
        self.nodes[node] = start(NAMES[node], on, starts, &self.now, sources, told);
    }

    /// Has everybody install a release that differs in this from the one before.
    pub(crate) async fn amend_release(&mut self, change: impl FnOnce(&mut directory::Release)) {
        let release = self.amended_release(change);
        self.releases.send_replace(Arc::clone(&release));
        for node in &self.nodes {
            node.handle().input(Input::Release(Arc::clone(&release))).await.unwrap();
        }
        self.settle().await;
    }

    /// A release that differs in this from the one that is in use.
    pub(crate) fn amended_release(&self, change: impl FnOnce(&mut directory::Release)) -> Arc<Release> {
        let (root, ids, pairs) = signers();
        let now = Timestamp::from_microsecond(self.now.load(Ordering::Relaxed)).unwrap();
        let current = Arc::clone(&self.releases.borrow());
        let builder = authoring::ReleaseBuilder::after(&current, now, now + SignedDuration::from_hours(24 * 365));
        let signed = builder.with(change).signed(&[(&ids[0], &pairs[0]), (&ids[2], &pairs[2])]);
        Arc::new(Release::verify(&signed, &root, Some(&current)).unwrap())
    }

    /// How many rows a query counts.
    pub(crate) async fn count(&self, node: usize, sql: &'static str) -> i64 {
        let counted = self.nodes[node].readers.read(move |tx| tx.query_one(sql, &[], |row| row.int(0)));
        counted.await.unwrap().unwrap()
    }

    /// Whether this text lies anywhere on the disk of a node.
    pub(crate) fn has_on_disk(&self, node: usize, needle: &str) -> bool {
        self.has_bytes_on_disk(node, needle.as_bytes())
    }

    /// Whether these bytes lie anywhere on the disk of a node.
    pub(crate) fn has_bytes_on_disk(&self, node: usize, needle: &[u8]) -> bool {
        self.nodes[node].disk.bytes().windows(needle.len()).any(|window| window == needle)
    }

    /// What a node is to tell people on duty.
    pub(crate) fn notices(&self, node: usize) -> Notices {
        let node = &self.nodes[node];
        Notices::new(vec![&BOOK, &WORDS], node.handle(), node.readers.clone())
    }

    /// The release in use.
    pub(crate) fn directory(&self) -> Arc<Release> {
        Arc::clone(&self.releases.borrow())
    }

    /// What time it is, in seconds since 1970.
    pub(crate) fn seconds(&self) -> i64 {
        self.now.load(Ordering::Relaxed) / 1_000_000
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

fn start(
    name: &str,
    (disk, keys): (Disk, &Path),
    starts: u64,
    now: &Arc<AtomicI64>,
    (releases, rosters): (&watch::Receiver<Arc<Release>>, watch::Receiver<Rosters>),
    told: Arc<Mutex<Told>>,
) -> Node {
    let mut store = Store::open(&disk.location).unwrap();
    store.add_tables(SCHEMA).unwrap();
    let clock = || {
        let now = Arc::clone(now);
        move || Timestamp::from_microsecond(now.load(Ordering::Relaxed)).unwrap()
    };
    let areas = watch::Sender::new(Arc::new(areas())).subscribe();
    let alarm = alarm::Settings {
        keys: keys.to_owned(),
        service: "child-protection".into(),
        purpose: Purpose::new(PURPOSE).unwrap(),
        citation: "Law 91/2025/QH15 art. 19(1)".into(),
    };
    let service = Switchboard::new(point(name), releases.clone(), areas, alarm)
        .with_clock(Clock::new(clock()))
        .with_rosters(rosters, SignedDuration::from_mins(10));
    let mut handlers: Vec<Box<dyn Handler>> = vec![Box::new(service.handler()), Box::new(service.placements())];
    if !told.lock().unwrap().absent {
        handlers.push(Box::new(StandIn::new(Arc::clone(&told))));
    }
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
            kek: vec![KeyEncryptionKey { id: "2026-11".to_owned(), key: RestKey::new(seed(name, 4)) }],
        },
        release: Arc::clone(&releases.borrow()),
        handlers,
        entropy: Box::new(Seeded(starts.wrapping_mul(31) + name.len() as u64)),
        limits: Limits::default(),
        is_put_back: false,
    };
    let writer = Writer::start(store, config, seams).unwrap();
    let readers = Readers::open(&disk.location, 2).unwrap();
    let (tell, alarms) = mpsc::channel();
    // Nobody asks any more once the node is stopped.
    let tell = move |alarm| drop(tell.send(alarm));
    let door = service.door(writer.handle(), readers.clone()).telling(Box::new(tell));
    Node { service, alarms, door, readers, told, writer: Some(writer), outputs, disk, starts }
}

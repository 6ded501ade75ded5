//! Two access points with a directory each and a line between them that can alter, lose and add.

mod hearing;

use std::{fs, path::PathBuf, sync::OnceLock};

use aws_lc_rs::signature::Ed25519KeyPair;
use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::{
    directory::{MAX_RELEASE_BYTES, Signer, SignerRole, TrustedRoot, Validity, authoring::ReleaseBuilder},
    id::{KeyId, PartyId},
};
use nhipcau_messaging::engine::AlarmKind;
use nhipcau_proto::directory::v1 as pb;
use tempfile::TempDir;
use tokio::time::timeout;

use super::*;
use crate::directory;

const PACE: Pace = Pace {
    repeat: Duration::from_millis(40),
    tries: 3,
    pause: Duration::from_millis(1),
    longest: Duration::from_millis(1),
    calm: Duration::from_millis(1),
};

fn now() -> Timestamp {
    "2026-11-23T08:00:00Z".parse().unwrap()
}

fn year() -> SignedDuration {
    SignedDuration::from_hours(24 * 365)
}

fn key(text: &str) -> KeyId {
    KeyId::new(text).unwrap()
}

/// Who signs releases.
struct Office {
    pairs: Vec<Ed25519KeyPair>,
    root: TrustedRoot,
}

impl Office {
    fn new() -> Self {
        let pairs: Vec<_> = [1, 2, 3].map(|n| Ed25519KeyPair::from_seed_unchecked(&[n; 32]).unwrap()).into();
        let roles = [SignerRole::Party, SignerRole::Party, SignerRole::ProgrammeOffice];
        let signer = |(n, (pair, role)): (usize, (&Ed25519KeyPair, SignerRole))| Signer {
            id: key(&format!("root-{n}")),
            holder: format!("holder-{n}").into(),
            role,
            public: nhipcau_domain::directory::authoring::public_key(pair),
        };
        let signers: Vec<_> = pairs.iter().zip(roles).enumerate().map(signer).collect();
        let root = TrustedRoot::new("test", 1, &signers).unwrap();
        Self { pairs, root }
    }

    fn first(&self) -> Release {
        let long = Validity::between(now() - year(), now() + year());
        let mut builder = ReleaseBuilder::new(&self.root, now() - year(), now() + year());
        for (n, name) in (10..).zip(["moha", "moh", "vwu"]) {
            let (party, id) = (PartyId::new(name).unwrap(), AccessPointId::new(name).unwrap());
            let signing = nhipcau_domain::directory::authoring::public_key(&signer(n));
            builder = builder.party(&party, ("Bộ", "Ministry"), long).access_point(&id, &party, &[&party]);
            builder = builder.signing_key(&id, &key("s-1"), signing, long).sealing_key(&id, &key("e-1"), [n; 32], long);
        }
        Release::verify(&self.sign(&builder, 2), &self.root, None).unwrap()
    }

    fn sign(&self, builder: &ReleaseBuilder, signers: usize) -> Vec<u8> {
        let ids = ["root-0", "root-1", "root-2"].map(key);
        let signers: Vec<_> = ids.iter().zip(&self.pairs).take(signers).collect();
        builder.signed(&signers)
    }
}

/// The signing key of an access point: 10 of `moha`, 11 of `moh`, 12 of `vwu`.
fn signer(n: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[n; 32]).unwrap()
}

fn after(previous: &Release) -> ReleaseBuilder {
    ReleaseBuilder::after(previous, now(), now() + year())
}

type Line = Box<dyn Fn(Signal) -> Option<Signal> + Send + Sync>;

/// An access point as far as its directory goes.
struct Side {
    home: TempDir,
    config: config::Directory,
    releases: watch::Sender<Arc<Release>>,
    courier: Courier,
    alarms: Arc<Mutex<Vec<AlarmKind>>>,
    /// What it said to whom, in order.
    said: Arc<Mutex<Vec<(AccessPointId, Signal)>>>,
    arrivals: Option<mpsc::Receiver<Arrival>>,
}

impl Side {
    fn file(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// What a restart would read.
    fn restarted(&self) -> Release {
        directory::load(&self.config, now(), true).unwrap()
    }

    fn puts(&self, name: &str, bytes: &[u8]) {
        fs::create_dir_all(self.file(name).parent().unwrap()).unwrap();
        fs::write(self.file(name), bytes).unwrap();
    }

    /// Takes into use what is among its files, as on SIGHUP.
    fn reloads(&self) {
        self.releases.send_replace(Arc::new(self.restarted()));
    }

    /// Keeps and uses what arrives, as the program does.
    fn takes_what_arrives(&mut self) {
        let (mut arrivals, config) = (self.arrivals.take().unwrap(), self.config.clone());
        let releases = self.releases.clone();
        tokio::spawn(async move {
            while let Some(arrival) = arrivals.recv().await {
                directory::keep(&config, arrival.release()).unwrap();
                releases.send_replace(Arc::clone(arrival.release()));
                arrival.answer(Ok(()));
            }
        });
    }

    /// The engine has heard from the peer's status that it has a newer release.
    fn hears_of_a_newer_one(&self, peer: &str) {
        let signal = Signal { kind: Some(Kind::ReleaseRequest(2)) };
        let recipient = AccessPointId::new(peer).unwrap();
        assert!(self.courier.divert(Output::Signal { recipient, bytes: signal.encode_to_vec() }).is_none());
    }

    fn alarms(&self) -> usize {
        let alarms = lock(&self.alarms);
        assert!(alarms.iter().all(|kind| matches!(kind, AlarmKind::ReleaseRefused | AlarmKind::NoticeRefused)));
        alarms.len()
    }
}

fn side(office: &Office, name: &str, other: &Arc<OnceLock<Courier>>, line: Line) -> Side {
    paced(office, (name, PACE), other, line)
}

fn paced(office: &Office, (name, pace): (&str, Pace), other: &Arc<OnceLock<Courier>>, line: Line) -> Side {
    let home = tempfile::tempdir().unwrap();
    let config = config::Directory { path: home.path().to_owned(), fingerprint: office.root.fingerprint() };
    let releases = watch::Sender::new(Arc::new(office.first()));
    let (me, other) = (AccessPointId::new(name).unwrap(), Arc::clone(other));
    let alarms: Arc<Mutex<Vec<AlarmKind>>> = Arc::default();
    let told = Arc::clone(&alarms);
    let said: Arc<Mutex<Vec<(AccessPointId, Signal)>>> = Arc::default();
    let saying = Arc::clone(&said);
    let sender = me.clone();
    let (courier, arrivals) = Courier::open(Seams {
        access_point: me,
        config: config.clone(),
        releases: releases.subscribe(),
        outlet: Box::new(move |output| {
            let Output::Signal { recipient, bytes } = output else { panic!("only signals go out") };
            let signal = Signal::decode(bytes.as_slice()).unwrap();
            lock(&saying).push((recipient, signal.clone()));
            assert!(bytes.len() <= nhipcau_messaging::nats::BUNDLE_BYTES);
            if let Some(signal) = line(signal) {
                let input = Input::Signal { sender: sender.clone(), bytes: signal.encode_to_vec() };
                assert!(other.get().unwrap().take(input).is_none());
            }
        }),
        alarm: Box::new(move |alarm| lock(&told).push(alarm.kind)),
        pace,
    });
    let side = Side { home, config, releases, courier, alarms, said, arrivals: Some(arrivals) };
    side.puts("releases/00000001.release", side.releases.borrow().signed_bytes());
    side
}

/// `moha`, which will have the newer release and whose signals go through the line, and `moh`, which asks.
fn pair(office: &Office, line: impl Fn(Signal) -> Option<Signal> + Send + Sync + 'static) -> (Side, Side) {
    paced_pair(office, PACE, line)
}

/// The same where `moh` is as patient as is said.
fn paced_pair(
    office: &Office,
    pace: Pace,
    line: impl Fn(Signal) -> Option<Signal> + Send + Sync + 'static,
) -> (Side, Side) {
    let (to_moha, to_moh) = (Arc::default(), Arc::default());
    let moha = side(office, "moha", &to_moh, Box::new(line));
    let moh = paced(office, ("moh", pace), &to_moha, Box::new(Some));
    to_moha.set(moha.courier.clone()).unwrap();
    to_moh.set(moh.courier.clone()).unwrap();
    (moha, moh)
}

async fn until(condition: impl Fn() -> bool) {
    let met = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(Duration::from_secs(20), met).await.unwrap();
}

/// A release as large as a signal could never carry, by a table that stands inside it.
fn large(previous: &Release, bytes: usize) -> ReleaseBuilder {
    let names = |n: usize| pb::Names { vi: format!("Đơn vị {n} {}", "x".repeat(900)), en: String::new() };
    let code = |n: usize| pb::Code { code: format!("{n:05}"), names: Some(names(n)), ..pb::Code::default() };
    after(previous).with(|wire| {
        wire.code_lists.push(pb::CodeList {
            key: Some(pb::CodeListKey { id: "LARGE".to_owned(), version: "1".to_owned() }),
            names: Some(names(0)),
            codes: (0..bytes / 920).map(code).collect(),
            ..pb::CodeList::default()
        });
    })
}

#[tokio::test]
async fn a_newer_release_and_its_new_table_arrive_and_outlive_a_restart() {
    let office = Office::new();
    let (moha, mut moh) = pair(&office, Some);
    let areas = "code,name\n".repeat(70_000);
    let builder = after(&moha.restarted()).attachment("areas-2026.csv", areas.as_bytes(), Vec::new(), Vec::new());
    moha.puts("attachments/areas-2026.csv", areas.as_bytes());
    moha.puts("releases/00000002.release", &office.sign(&builder, 2));
    moha.reloads();
    moh.takes_what_arrives();
    moh.hears_of_a_newer_one("moha");
    until(|| moh.courier.totals().taken == 1).await;
    let restarted = moh.restarted();
    assert_eq!(restarted.version(), 2);
    assert_eq!(directory::attachment(&moh.config, &restarted, "areas-2026.csv").unwrap(), areas.as_bytes());
    assert_eq!(fs::read(moh.file("releases/00000002.release")).unwrap(), moha.restarted().signed_bytes());
    assert_eq!(moh.alarms(), 0);
}

#[tokio::test]
async fn a_release_of_two_mebibytes_arrives_although_every_third_piece_is_lost() {
    let office = Office::new();
    let sent = AtomicU64::new(0);
    let lossy = move |signal| (sent.fetch_add(1, Ordering::Relaxed) % 3 != 2).then_some(signal);
    let (moha, mut moh) = pair(&office, lossy);
    let signed = office.sign(&large(&moha.restarted(), 2 << 20), 2);
    assert!((2 << 20..MAX_RELEASE_BYTES).contains(&signed.len()));
    moha.puts("releases/00000002.release", &signed);
    moha.reloads();
    moh.takes_what_arrives();
    moh.hears_of_a_newer_one("moha");
    until(|| moh.courier.totals().taken == 1).await;
    assert_eq!(moh.restarted().version(), 2);
}

#[tokio::test]
async fn releases_that_were_missed_are_taken_in_their_order() {
    let office = Office::new();
    let (moha, mut moh) = pair(&office, Some);
    for version in 2..5 {
        let signed = office.sign(&after(&moha.restarted()), 2);
        moha.puts(&format!("releases/{version:08}.release"), &signed);
    }
    moha.reloads();
    moh.takes_what_arrives();
    moh.hears_of_a_newer_one("moha");
    until(|| moh.courier.totals().taken == 3).await;
    assert_eq!(moh.restarted().version(), 4);
    assert_eq!(fs::read_dir(moh.file("releases")).unwrap().count(), 4);
}

#[tokio::test]
async fn an_altered_piece_is_refused_alarmed_once_and_asked_for_again() {
    let office = Office::new();
    let is_bad = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let bad = Arc::clone(&is_bad);
    let alter = move |mut signal: Signal| {
        if let (true, Some(Kind::FilePiece(piece))) = (bad.load(Ordering::Relaxed), &mut signal.kind) {
            piece.content[7] ^= 1;
        }
        Some(signal)
    };
    let (moha, mut moh) = pair(&office, alter);
    moha.puts("releases/00000002.release", &office.sign(&after(&moha.restarted()), 2));
    moha.reloads();
    moh.takes_what_arrives();
    until(|| {
        moh.hears_of_a_newer_one("moha");
        moh.courier.totals().refused >= 3
    })
    .await;
    assert_eq!((moh.alarms(), moh.restarted().version()), (1, 1));
    is_bad.store(false, Ordering::Relaxed);
    until(|| {
        moh.hears_of_a_newer_one("moha");
        moh.courier.totals().taken == 1
    })
    .await;
    assert_eq!((moh.alarms(), moh.restarted().version()), (1, 2));
}

#[tokio::test]
async fn an_altered_table_is_refused_and_the_release_is_not_kept() {
    let office = Office::new();
    let alter = |mut signal: Signal| {
        if let Some(Kind::FilePiece(FilePiece { release_version: 0, content, .. })) = &mut signal.kind {
            content[0] ^= 1;
        }
        Some(signal)
    };
    let (moha, mut moh) = pair(&office, alter);
    let builder = after(&moha.restarted()).attachment("areas.csv", b"code,level,\n", Vec::new(), Vec::new());
    moha.puts("attachments/areas.csv", b"code,level,\n");
    moha.puts("releases/00000002.release", &office.sign(&builder, 2));
    moha.reloads();
    moh.takes_what_arrives();
    moh.hears_of_a_newer_one("moha");
    until(|| moh.courier.totals().refused == 1).await;
    assert_eq!((moh.alarms(), moh.restarted().version()), (1, 1));
    assert!(!moh.file("attachments/areas.csv").exists());
}

#[tokio::test]
async fn a_release_that_too_few_signed_is_refused() {
    let office = Office::new();
    let (moha, mut moh) = pair(&office, Some);
    let first = moha.restarted();
    let second = Release::verify(&office.sign(&after(&first), 2), first.root(), Some(&first)).unwrap();
    moha.puts("releases/00000002.release", &office.sign(&after(&first), 1));
    moha.releases.send_replace(Arc::new(second));
    moh.takes_what_arrives();
    moh.hears_of_a_newer_one("moha");
    until(|| moh.courier.totals().refused == 1).await;
    assert_eq!((moh.alarms(), moh.restarted().version()), (1, 1));
}

#[tokio::test]
async fn an_older_release_never_replaces_a_newer_one() {
    let office = Office::new();
    // An older one under a newer number.
    let first = Arc::new(office.first());
    let old = Arc::clone(&first);
    let lie = move |mut signal: Signal| {
        if let Some(Kind::FilePiece(piece)) = &mut signal.kind {
            piece.content = old.signed_bytes().to_vec();
            piece.size_bytes = piece.content.len() as u64;
            piece.digest = nhipcau_messaging::pae::sha256(&piece.content).to_vec();
        }
        Some(signal)
    };
    let (moha, mut moh) = pair(&office, lie);
    let second = office.sign(&after(&first), 2);
    let third = Release::verify(&second, first.root(), Some(&first)).unwrap();
    moha.puts("releases/00000002.release", &second);
    moha.puts("releases/00000003.release", &office.sign(&after(&third), 2));
    moha.reloads();
    moh.puts("releases/00000002.release", &second);
    moh.reloads();
    moh.takes_what_arrives();
    moh.hears_of_a_newer_one("moha");
    until(|| moh.courier.totals().refused == 1).await;
    assert_eq!((moh.alarms(), moh.restarted().version()), (1, 2));
    assert_eq!(moh.releases.borrow().version(), 2);
}

#[tokio::test]
async fn what_services_cannot_use_is_not_kept() {
    let office = Office::new();
    let (moha, mut moh) = pair(&office, Some);
    moha.puts("releases/00000002.release", &office.sign(&after(&moha.restarted()), 2));
    moha.reloads();
    let mut arrivals = moh.arrivals.take().unwrap();
    moh.hears_of_a_newer_one("moha");
    let arrival = arrivals.recv().await.unwrap();
    assert_eq!(arrival.release().version(), 2);
    arrival.answer(Err("no table of codes".to_owned()));
    until(|| moh.courier.totals().refused == 1).await;
    assert_eq!((moh.alarms(), moh.restarted().version()), (1, 1));
}

#[tokio::test]
async fn a_peer_that_falls_silent_midway_alarms_nobody_and_is_asked_again() {
    let office = Office::new();
    let left = Arc::new(AtomicU64::new(3));
    let budget = Arc::clone(&left);
    let tire = move |signal| {
        let spent = budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        spent.is_ok().then_some(signal)
    };
    let (moha, mut moh) = pair(&office, tire);
    moha.puts("releases/00000002.release", &office.sign(&large(&moha.restarted(), 2 << 20), 2));
    moha.reloads();
    moh.takes_what_arrives();
    moh.hears_of_a_newer_one("moha");
    // Each piece that was asked for in vain was served nevertheless.
    until(|| moha.courier.totals().served == 3 + u64::from(PACE.tries)).await;
    assert_eq!((moh.alarms(), moh.courier.totals().taken), (0, 0));
    left.store(u64::MAX, Ordering::Relaxed);
    until(|| {
        moh.hears_of_a_newer_one("moha");
        moh.courier.totals().taken == 1
    })
    .await;
    assert_eq!((moh.alarms(), moh.restarted().version()), (0, 2));
}

#[tokio::test]
async fn strangers_and_releases_nobody_asked_for_reach_neither_the_files_nor_the_engine() {
    let office = Office::new();
    let (moha, moh) = pair(&office, Some);
    let newer = office.sign(&after(&moh.restarted()), 2);
    let kinds = [
        Kind::Release(newer.clone()),
        Kind::ReleaseRequest(1),
        Kind::FilePiece(FilePiece { content: newer, release_version: 2, ..FilePiece::default() }),
    ];
    for sender in ["stranger", "moh"] {
        for kind in &kinds {
            let sender = AccessPointId::new(sender).unwrap();
            let bytes = Signal { kind: Some(kind.clone()) }.encode_to_vec();
            assert!(moh.courier.take(Input::Signal { sender, bytes }).is_none());
        }
    }
    assert_eq!(moh.courier.totals(), Totals { unasked: 6, ..Totals::default() });
    assert_eq!((moha.courier.totals(), moh.restarted().version()), (Totals::default(), 1));
}

#[tokio::test]
async fn a_curious_peer_is_answered_only_so_often() {
    let office = Office::new();
    let (moha, _moh) = pair(&office, |_| None);
    for _ in 0..500 {
        let bytes = Signal { kind: Some(Kind::ReleaseRequest(1)) }.encode_to_vec();
        let sender = AccessPointId::new("moh").unwrap();
        assert!(moha.courier.take(Input::Signal { sender, bytes }).is_none());
    }
    let totals = moha.courier.totals();
    assert!(totals.shed >= 400 && totals.served + totals.shed <= 500, "{totals:?}");
}

#[tokio::test]
async fn pieces_that_lie_about_what_they_are_end_the_attempt_and_nothing_else() {
    let office = Office::new();
    let lies: [fn(&mut FilePiece); 6] = [
        |piece| piece.size_bytes = MAX_RELEASE_BYTES as u64 + 1,
        |piece| piece.size_bytes = u64::MAX,
        |piece| piece.size_bytes = 0,
        |piece| piece.digest.truncate(31),
        |piece| piece.content.clear(),
        |piece| piece.content.push(0),
    ];
    let sent = AtomicU64::new(0);
    let lie = move |mut signal: Signal| {
        let turn = usize::try_from(sent.fetch_add(1, Ordering::Relaxed)).unwrap();
        if let (Some(lie), Some(Kind::FilePiece(piece))) = (lies.get(turn), &mut signal.kind) {
            lie(piece);
        }
        Some(signal)
    };
    let (moha, mut moh) = pair(&office, lie);
    moha.puts("releases/00000002.release", &office.sign(&after(&moha.restarted()), 2));
    moha.reloads();
    moh.takes_what_arrives();
    until(|| {
        moh.hears_of_a_newer_one("moha");
        moh.courier.totals().taken == 1
    })
    .await;
    assert_eq!((moh.courier.totals().refused, moh.alarms()), (lies.len() as u64, 1));
}

#[tokio::test]
async fn a_peer_that_always_claims_more_does_not_keep_others_from_being_asked() {
    let office = Office::new();
    let (_moha, moh) = pair(&office, Some);
    for _ in 0..10 * HINTS {
        moh.hears_of_a_newer_one("moha");
    }
    moh.hears_of_a_newer_one("vwu");
    let vwu = AccessPointId::new("vwu").unwrap();
    until(|| lock(&moh.said).iter().any(|(to, _)| *to == vwu)).await;
}

#[test]
fn a_release_is_kept_only_where_it_is_read_last() {
    let office = Office::new();
    let home = tempfile::tempdir().unwrap();
    let config = config::Directory { path: home.path().to_owned(), fingerprint: office.root.fingerprint() };
    fs::create_dir_all(home.path().join("releases")).unwrap();
    let first = office.first();
    fs::write(home.path().join("releases/first.release"), first.signed_bytes()).unwrap();
    let second = Release::verify(&office.sign(&after(&first), 2), first.root(), Some(&first)).unwrap();
    assert!(matches!(directory::keep(&config, &second), Err(directory::Error::Misnamed(_))));
    assert_eq!(fs::read_dir(home.path().join("releases")).unwrap().count(), 1);
}

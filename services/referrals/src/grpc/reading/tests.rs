//! The reading door over a real writer and a store on disk: who may call, what the answers give away, what is on the
//! disk when content leaves, and streams.

use std::{fs, sync::Arc};

use aws_lc_rs::signature::Ed25519KeyPair;
use futures_util::StreamExt as _;
use jiff::SignedDuration;
use nhipcau_domain::{
    directory::{Release, Signer, SignerRole, TrustedRoot, Validity, authoring},
    id::{AccessPointId, KeyId, SystemId},
    referral::{Branch, Command, Kind, Part, Side},
};
use nhipcau_messaging::{
    SystemEntropy,
    crypto::{rest::RestKey, seal, sign::SigningKey},
    desk::Desk as _,
    engine::Config,
    keys::{KeyEncryptionKey, KeyRing, SealingSecret},
    store::{Location, Readers, Store, copy},
    writer::{Seams, Writer},
};
use nhipcau_proto::referral::v1::referral_service_server::ReferralService as _;
use prost::Message as _;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic_types::StatusExt as _;
use uuid::Uuid;

use super::*;
use crate::{
    Referrals,
    content::{self, Piece},
    send,
    store::{SCHEMA, reading::Held},
    verify_access,
    view::{
        self,
        fixture::{CANARY, Plan, after, parts, party, put, time},
    },
};

const PATIENCE: Duration = Duration::from_secs(5);

fn point() -> AccessPointId {
    AccessPointId::new("hanoi").unwrap()
}

fn key_id(text: &str) -> KeyId {
    KeyId::new(text).unwrap()
}

fn release(now: Timestamp) -> Arc<Release> {
    let year = SignedDuration::from_hours(24 * 365);
    let long = Validity { start: now - year, expire: Some(now + year) };
    let ids = ["root-0", "root-1", "root-2"].map(key_id);
    let pairs = [1_u8, 2, 3].map(|n| Ed25519KeyPair::from_seed_unchecked(&[n; 32]).unwrap());
    let roles = [SignerRole::Party, SignerRole::Party, SignerRole::ProgrammeOffice];
    let signers = ids.iter().zip(&pairs).zip(roles).map(|((id, pair), role)| Signer {
        id: id.clone(),
        holder: id.as_str().into(),
        public: authoring::public_key(pair),
        role,
    });
    let root = TrustedRoot::new("test", 1, &signers.collect::<Vec<_>>()).unwrap();
    let (hanoi, keys) = (party("hanoi"), keys());
    let signed = authoring::ReleaseBuilder::new(&root, now - year, now + year)
        .party(&hanoi, ("Hà Nội", "Hanoi"), long)
        .access_point(&point(), &hanoi, &[&hanoi])
        .signing_key(&point(), &key_id("s-1"), keys.signing.public(), long)
        .sealing_key(&point(), &key_id("e-1"), seal::public_key(&[2; 32]).unwrap(), long)
        .signed(&[(&ids[0], &pairs[0]), (&ids[2], &pairs[2])]);
    Arc::new(Release::verify(&signed, &root, None).unwrap())
}

fn keys() -> KeyRing {
    KeyRing {
        signing: SigningKey::from_seed(key_id("s-1"), &[7; 32]).unwrap(),
        sealing: vec![SealingSecret { id: key_id("e-1"), private: [2; 32] }],
        id_key: [3; 32],
        kek: vec![KeyEncryptionKey { id: "2026-11".to_owned(), key: RestKey::new([4; 32]) }],
    }
}

/// One access point that hosts moh, hanoi and vwu.
struct House {
    door: Door,
    writer: Writer,
    closing: CancellationToken,
    directory: tempfile::TempDir,
    location: Location,
    _releases: watch::Sender<Arc<Release>>,
}

impl House {
    fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let location = Location::scratch(directory.path()).unwrap();
        let mut store = Store::open(&location).unwrap();
        store.add_tables(SCHEMA).unwrap();
        let release = release(time(0));
        let (releases, newest) = watch::channel(Arc::clone(&release));
        let service = Referrals::new(newest);
        let seams = Seams { clock: Box::new(|| time(90)), outlet: Box::new(|_| None), alarm: Box::new(|_| ()) };
        let config = Config {
            access_point: point(),
            start: 1,
            keys: keys(),
            release,
            handlers: Vec::new(),
            entropy: Box::new(SystemEntropy),
            limits: nhipcau_messaging::engine::Limits::default(),
            is_put_back: false,
        };
        let writer = Writer::start(store, config, seams).unwrap();
        let (closing, readers) = (CancellationToken::new(), Readers::open(&location, 2).unwrap());
        let door = service.door(writer.handle(), readers, point(), closing.clone());
        Self { door, writer, closing, directory, location, _releases: releases }
    }

    /// Puts a branch with its content into the store, and says so before it is on disk, as the handler does.
    async fn put(&self, side: Side, branch: &Branch) {
        let (branch, changes) = (branch.clone(), self.door.shared.changes.clone());
        let work = move |tx: &mut Tx<'_>, submitter: &mut Submitter<'_>, now: Timestamp| {
            let mut desk = Counter { tx, submitter, now };
            put(desk.tx(), side, &branch);
            let ids = branch.ids();
            let owner = send::owner(Held { branch: ids.branch, side }, ids.referral);
            for piece in pieces() {
                content::put(&mut desk, ids.case, owner, &piece)?;
            }
            changes.send_replace(());
            Ok::<_, Error>(())
        };
        self.writer.handle().call(work).await.unwrap();
    }

    async fn sql(&self, sql: &'static str) {
        self.writer.handle().call(move |tx, _, _| tx.execute(sql, &[])).await.unwrap();
    }

    /// The access records that a process would find that started from the disk as it is now, without any orderly end.
    fn records_after_a_crash(&self) -> u64 {
        let crashed = tempfile::tempdir().unwrap();
        let disk = Location::scratch(crashed.path()).unwrap();
        match &self.location {
            Location::Server(_) => {
                copy(&self.location, &disk, &[SCHEMA]).unwrap();
            }
            Location::File(_) => {
                for file in fs::read_dir(self.directory.path()).unwrap().map(Result::unwrap) {
                    fs::copy(file.path(), crashed.path().join(file.file_name())).unwrap();
                }
            }
        }
        let mut store = Store::open(&disk).unwrap();
        store.transaction(|tx| verify_access(&point(), tx)).unwrap().records
    }

    async fn full(&self, name: &str, of: &str) -> Result<pb::Referral, Status> {
        let answer = self.door.get_referral(call(get(name, FULL), of, &[Role::ReadContent])).await?;
        Ok(answer.into_inner().referral.unwrap())
    }

    async fn watch(&self, request: pb::WatchReferralsRequest, of: &str) -> Result<Changes, Status> {
        let answer = self.door.watch_referrals(call(request, of, &[Role::ReadMetadata])).await?;
        Ok(answer.into_inner())
    }
}

const BASIC: pb::ReferralView = pb::ReferralView::Basic;
const FULL: pb::ReferralView = pb::ReferralView::Full;

fn pieces() -> [Piece; 2] {
    let preview = pb::ReferralPreview { protection_concerns: vec![CANARY.to_owned()], ..Default::default() };
    let name = Some(pb::KnownText { value: CANARY.to_owned(), unknown: 0 });
    let identity = pb::ReferralIdentity { full_name: name, ..Default::default() };
    [Piece::new(Part::Preview, preview.encode_to_vec()), Piece::new(Part::Identity, identity.encode_to_vec())]
}

fn plan(number: u128) -> Plan {
    Plan { referral: number, branch: 100 + number, ..Plan::default() }
}

fn call<T>(message: T, of: &str, roles: &[Role]) -> Request<T> {
    let mut request = Request::new(message);
    let system = SystemId::new("desk").unwrap();
    Caller { party: party(of), system, roles: roles.iter().copied().collect() }.attach(&mut request);
    request
}

fn get(name: &str, view: pb::ReferralView) -> pb::GetReferralRequest {
    let acting_person = if view == FULL { "cb-17".to_owned() } else { String::new() };
    pb::GetReferralRequest { name: name.to_owned(), view: view as i32, acting_person, ..Default::default() }
}

fn list(parent: &str) -> pb::ListReferralsRequest {
    pb::ListReferralsRequest { parent: parent.to_owned(), ..Default::default() }
}

fn following(parent: &str) -> pb::WatchReferralsRequest {
    pb::WatchReferralsRequest { parent: parent.to_owned(), ..Default::default() }
}

fn refusal(status: &Status) -> (Code, String) {
    (status.code(), status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default())
}

fn denied() -> (Code, String) {
    (Code::PermissionDenied, reason::ACCESS_DENIED.to_owned())
}

async fn next(stream: &mut Changes) -> pb::WatchReferralsResponse {
    timeout(PATIENCE, stream.next()).await.unwrap().unwrap().unwrap()
}

#[tokio::test]
async fn both_sides_read_basic_and_each_its_content() {
    let house = House::open();
    let opened = plan(1).open();
    let name = view::name(&opened);
    house.put(Side::Origin, &opened).await;
    house.put(Side::Recipient, &opened).await;
    for of in ["moh", "hanoi"] {
        let answer = house.door.get_referral(call(get(&name, BASIC), of, &[Role::ReadMetadata])).await.unwrap();
        let shown = answer.into_inner().referral.unwrap();
        assert_eq!((shown.name.as_str(), shown.content.is_none()), (name.as_str(), true));
        let listed = house.door.list_referrals(call(list(&format!("parties/{of}")), of, &[Role::ReadMetadata])).await;
        assert_eq!(listed.unwrap().into_inner().referrals, [shown]);
    }
    let given = house.full(&name, "moh").await.unwrap().content.unwrap();
    assert_eq!(given.identity.unwrap().full_name.unwrap().value, CANARY);
    let disclosed = house.full(&name, "hanoi").await.unwrap().content.unwrap();
    assert!(disclosed.preview.is_some() && disclosed.identity.is_none(), "not disclosed yet");
}

#[tokio::test]
async fn no_basic_answer_gives_away_a_name_that_lies_in_the_store() {
    let house = House::open();
    let opened = Plan { kind: Kind::Transfer, ..plan(1) }.open();
    let lives = [
        opened.clone(),
        after(opened.clone(), &[(Side::Recipient, Command::Acknowledge)]),
        after(opened, &[(Side::Recipient, Command::Acknowledge), (Side::Origin, Command::Assign(parts(&[])))]),
    ];
    let mut stream = house.watch(following("parties/hanoi"), "hanoi").await.unwrap();
    next(&mut stream).await;
    for life in lives {
        house.put(Side::Recipient, &life).await;
        let roles = [Role::ReadMetadata];
        let shown = house.door.get_referral(call(get(&view::name(&life), BASIC), "hanoi", &roles)).await.unwrap();
        let listed = house.door.list_referrals(call(list("parties/hanoi"), "hanoi", &roles)).await.unwrap();
        let told = next(&mut stream).await;
        for text in [format!("{shown:?}"), format!("{listed:?}"), format!("{told:?}")] {
            assert!(!text.contains(CANARY));
        }
        let content = house.full(&view::name(&life), "hanoi").await.unwrap();
        assert!(format!("{content:?}").contains(CANARY), "the canary is where it can be found");
    }
}

#[tokio::test]
async fn the_record_is_on_disk_when_content_arrives_and_survives_a_crash() {
    let house = House::open();
    let opened = plan(1).open();
    house.put(Side::Origin, &opened).await;
    assert_eq!(house.records_after_a_crash(), 0);
    for number in 1..=3 {
        assert!(house.full(&view::name(&opened), "moh").await.unwrap().content.is_some());
        assert_eq!(house.records_after_a_crash(), number);
    }
}

#[tokio::test]
async fn content_that_cannot_be_recorded_is_not_given() {
    let house = House::open();
    let opened = plan(1).open();
    house.put(Side::Origin, &opened).await;
    house.sql("DROP TABLE referral_access").await;
    let refused = house.full(&view::name(&opened), "moh").await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::Internal, reason::INTERNAL_FAULT.to_owned()));
    assert!(!format!("{refused:?}").contains(CANARY));
}

#[tokio::test]
async fn content_needs_its_role_and_a_person() {
    let house = House::open();
    let opened = plan(1).open();
    let name = view::name(&opened);
    house.put(Side::Origin, &opened).await;
    let refused = async |request, roles: &[Role]| {
        refusal(&house.door.get_referral(call(request, "moh", roles)).await.unwrap_err())
    };
    let role_missing = (Code::PermissionDenied, reason::ROLE_MISSING.to_owned());
    let person_missing = (Code::Unauthenticated, reason::ACTING_PERSON_MISSING.to_owned());
    assert_eq!(refused(get(&name, FULL), &[Role::ReadMetadata, Role::Submit]).await, role_missing);
    assert_eq!(refused(get(&name, BASIC), &[Role::Submit, Role::Decide]).await, role_missing);
    for person in ["", "Nguyễn Văn A", "a b"] {
        let request = pb::GetReferralRequest { acting_person: person.to_owned(), ..get(&name, FULL) };
        assert_eq!(refused(request, &[Role::ReadContent]).await, person_missing);
    }
    let nobody = house.door.get_referral(Request::new(get(&name, FULL))).await.unwrap_err();
    assert_eq!(nobody.code(), Code::Unauthenticated);
    // Rights come before anything is looked at, be it there or be it nonsense.
    assert_eq!(refused(get("nonsense", FULL), &[Role::ReadMetadata]).await, role_missing);
    assert_eq!(refused(get("nonsense", BASIC), &[Role::Submit]).await, role_missing);
    assert_eq!(refused(get("nonsense", BASIC), &[Role::ReadMetadata]).await.0, Code::InvalidArgument);
    let view = pb::GetReferralRequest { view: 9, ..get(&name, BASIC) };
    assert_eq!(refused(view, &[Role::ReadMetadata]).await, (Code::InvalidArgument, reason::CODE_UNKNOWN.to_owned()));
    assert_eq!(house.records_after_a_crash(), 0);
}

#[tokio::test]
async fn what_is_anothers_and_what_does_not_exist_are_the_same_answer() {
    let house = House::open();
    let opened = plan(1).open();
    house.put(Side::Origin, &opened).await;
    house.put(Side::Recipient, &opened).await;
    let there = view::name(&opened);
    let (unknown, misnamed) = (view::name(&plan(2).open()), format!("parties/vwu/referrals/{}", Uuid::from_u128(1)));
    let roles = [Role::ReadMetadata, Role::ReadContent];
    for view in [BASIC, FULL] {
        let mut answers = Vec::new();
        for name in [&there, &unknown, &misnamed] {
            let status = house.door.get_referral(call(get(name, view), "vwu", &roles)).await.unwrap_err();
            assert_eq!(refusal(&status), denied());
            answers.push((status.message().to_owned(), status.details().to_vec()));
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]));
    }
    assert_eq!(house.records_after_a_crash(), 0);
}

#[tokio::test]
async fn lists_and_streams_are_of_ones_own_party_only() {
    let house = House::open();
    house.put(Side::Origin, &plan(1).open()).await;
    let roles = [Role::ReadMetadata];
    for parent in ["parties/moh", "parties/nobody", "nonsense"] {
        let listed = house.door.list_referrals(call(list(parent), "vwu", &roles)).await.unwrap_err();
        assert_eq!(refusal(&listed), denied());
        assert_eq!(refusal(&house.watch(following(parent), "vwu").await.err().unwrap()), denied());
    }
    let without = house.door.list_referrals(call(list("parties/vwu"), "vwu", &[Role::Submit])).await.unwrap_err();
    assert_eq!(refusal(&without), (Code::PermissionDenied, reason::ROLE_MISSING.to_owned()));
    let own = house.door.list_referrals(call(list("parties/vwu"), "vwu", &roles)).await.unwrap().into_inner();
    assert_eq!(own, pb::ListReferralsResponse::default());
}

#[tokio::test]
async fn places_that_fit_nothing_are_refused_with_their_reason() {
    let house = House::open();
    let token = pb::ListReferralsRequest { page_token: "x".into(), ..list("parties/moh") };
    let listed = house.door.list_referrals(call(token, "moh", &[Role::ReadMetadata])).await.unwrap_err();
    assert_eq!(refusal(&listed), (Code::InvalidArgument, reason::PAGE_TOKEN_INVALID.to_owned()));
    let cursor = pb::WatchReferralsRequest { cursor: "x".into(), ..following("parties/moh") };
    let watched = house.watch(cursor, "moh").await.err().unwrap();
    assert_eq!(refusal(&watched), (Code::InvalidArgument, reason::CURSOR_INVALID.to_owned()));
    let negative = pb::ListReferralsRequest { page_size: -1, ..list("parties/moh") };
    let listed = house.door.list_referrals(call(negative, "moh", &[Role::ReadMetadata])).await.unwrap_err();
    assert_eq!(refusal(&listed), (Code::InvalidArgument, reason::REQUEST_INVALID.to_owned()));
}

#[tokio::test]
async fn a_stream_wakes_at_once_goes_on_from_a_cursor_and_ends_with_the_process() {
    let house = House::open();
    let mut stream = house.watch(following("parties/hanoi"), "hanoi").await.unwrap();
    let first = next(&mut stream).await;
    assert!(first.branch.is_none() && !first.cursor.is_empty());
    let waiting = tokio::spawn(async move { (next(&mut stream).await, stream) });
    house.put(Side::Recipient, &plan(1).open()).await;
    let (second, mut stream) = waiting.await.unwrap();
    assert_eq!(second.branch.unwrap().uid, Uuid::from_u128(101).to_string());

    // The connection is lost, changes go on.
    house.put(Side::Recipient, &plan(2).open()).await;
    house.put(Side::Recipient, &plan(3).open()).await;
    let again = pb::WatchReferralsRequest { cursor: second.cursor.clone(), ..following("parties/hanoi") };
    let mut resumed = house.watch(again, "hanoi").await.unwrap();
    assert_eq!(next(&mut resumed).await.cursor, second.cursor);
    for number in [102, 103] {
        assert_eq!(next(&mut resumed).await.branch.unwrap().uid, Uuid::from_u128(number).to_string());
    }

    house.closing.cancel();
    for stream in [&mut stream, &mut resumed] {
        let mut ends = Vec::new();
        while let Some(told) = timeout(PATIENCE, stream.next()).await.unwrap() {
            ends.extend(told.err());
        }
        assert_eq!(ends.iter().map(refusal).collect::<Vec<_>>(), [(Code::Unavailable, reason::SHUTTING_DOWN.into())]);
    }
}

#[tokio::test]
async fn a_reader_who_is_behind_waits_for_the_writer_once_and_not_for_each_change() {
    let house = House::open();
    for number in 1..=5 {
        house.put(Side::Recipient, &plan(number).open()).await;
    }
    let beginning = pb::WatchReferralsRequest { start: pb::WatchStart::Beginning.into(), ..following("parties/hanoi") };
    let mut stream = house.watch(beginning, "hanoi").await.unwrap();
    assert!(next(&mut stream).await.branch.is_none());
    let mut told = vec![next(&mut stream).await.branch.unwrap().uid];

    let (release, held) = std::sync::mpsc::channel::<()>();
    let writer = house.door.writer.clone();
    let wait = move |_: &mut Tx<'_>, _: &mut Submitter<'_>, _: Timestamp| Ok::<_, Error>(held.recv().is_ok());
    let busy = tokio::spawn(async move { writer.call(wait).await });
    house.door.shared.changes.send_replace(());
    for _ in 2..=5 {
        told.push(next(&mut stream).await.branch.unwrap().uid);
    }
    assert_eq!(told, (101..=105).map(|number| Uuid::from_u128(number).to_string()).collect::<Vec<_>>());
    drop(release);
    busy.await.unwrap().unwrap();
}

#[tokio::test]
async fn silence_is_broken_by_a_sign_of_life() {
    const { assert!(SILENCE.as_secs() < 15, "the contract promises 15 seconds") };
    let house = House::open();
    let door = house.door.clone();
    let start = |tx: &mut Tx<'_>| Watch::start(&following("parties/hanoi"), party("hanoi"), point(), tx);
    let (watch, changed) = (door.read(start).await.unwrap(), door.shared.changes.subscribe());
    let mut stream =
        Following { door, watch, changed, silence: Duration::from_millis(20), is_begun: false, read: VecDeque::new() }
            .stream();
    let first = next(&mut stream).await;
    for _ in 0..3 {
        assert_eq!(next(&mut stream).await, first);
    }
}

#[test]
fn whoever_reads_is_not_printed() {
    let person = nhipcau_runtime::caller::ActingPerson::new("cb-17").unwrap();
    let reader = Reader { party: party("moh"), system: SystemId::new("desk").unwrap(), person };
    assert!(!format!("{reader:?}").contains("cb-17"));
}

//! The door over a real writer and a store on disk: who may call, what is answered, and a stream that wakes up.

use std::{pin::Pin, sync::Arc, time::Duration};

use futures_util::{Stream, StreamExt};
use jiff::Timestamp;
use nhipcau_domain::{id::SystemId, reason};
use nhipcau_indicators::{Indicators, SCHEMA, grpc::Door};
use nhipcau_messaging::{
    store::{Location, Readers, Store},
    writer::{Seams, Writer},
};
use nhipcau_proto::indicator::v1::{
    self as pb, Action::Replace, indicator_service_server::IndicatorService,
    indicator_watch_service_server::IndicatorWatchService, watch_request::Start,
};
use nhipcau_runtime::caller::{Caller, Role};
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use crate::world::*;

const REQUEST_ID: &str = "0190a5f0-0000-7000-8000-00000000000a";

pub(crate) struct House {
    pub(crate) door: Door,
    closing: CancellationToken,
    pub(crate) writer: Writer,
    _registry: watch::Sender<Arc<nhipcau_indicators::Registry>>,
    _dir: tempfile::TempDir,
}

impl House {
    pub(crate) fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let location = Location::scratch(dir.path()).unwrap();
        let mut store = Store::open(&location).unwrap();
        store.add_tables(SCHEMA).unwrap();
        let (registry, newest) = watch::channel(Arc::clone(&REGISTRY));
        let service = Indicators::new(newest);
        let now: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        let seams = Seams { clock: Box::new(move || now), outlet: Box::new(|_| None), alarm: Box::new(|_| ()) };
        let writer = Writer::start(store, config(NAMES[MOHA], 1, &release(now), &service), seams).unwrap();
        let closing = CancellationToken::new();
        let readers = Readers::open(&location, 2).unwrap();
        let door = service.door(writer.handle(), readers, point(NAMES[MOHA]), closing.clone());
        Self { door, closing, writer, _registry: registry, _dir: dir }
    }
}

pub(crate) fn call<T>(message: T, caller: &str, roles: &[Role]) -> Request<T> {
    let mut request = Request::new(message);
    let system = SystemId::new("statistics").unwrap();
    Caller { party: party(caller), system, roles: roles.iter().copied().collect() }.attach(&mut request);
    request
}

pub(crate) fn submit(submission: pb::Submission) -> pb::SubmitRequest {
    pb::SubmitRequest {
        parent: "parties/moha".into(),
        submission: Some(submission),
        request_id: REQUEST_ID.into(),
        validate_only: false,
    }
}

pub(crate) fn rows() -> pb::Submission {
    small(Replace, &[("704.F", "2023", "1")])
}

fn refusal(status: &Status) -> (Code, String) {
    (status.code(), status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default())
}

fn query() -> pb::QueryObservationsRequest {
    pb::QueryObservationsRequest { selection: Some(selection(SMALL, "")), ..Default::default() }
}

#[tokio::test]
async fn what_was_submitted_is_answered_at_once() {
    let house = House::open();
    let door = &house.door;
    let answer = door.submit(call(submit(rows()), "moha", &[Role::Submit])).await.unwrap().into_inner();
    assert!(!answer.replayed);
    let again = door.submit(call(submit(rows()), "moha", &[Role::Submit])).await.unwrap().into_inner();
    assert!(again.replayed);
    assert_eq!(again.submission, answer.submission);
    let held = door.query_observations(call(query(), "moh", &[Role::ReadMetadata])).await.unwrap().into_inner();
    assert_eq!(held.series.len(), 1);
    let name = answer.submission.unwrap().name;
    for (caller, submitter) in [("moha", "moha/statistics"), ("moh", "")] {
        let request = call(pb::GetSubmissionRequest { name: name.clone() }, caller, &[Role::ReadMetadata]);
        let submission = door.get_submission(request).await.unwrap().into_inner().submission.unwrap();
        assert_eq!(submission.submitter, submitter, "which system submitted is the provider's own business");
    }
}

#[tokio::test]
async fn checking_only_spends_no_request_id() {
    let house = House::open();
    let only = pb::SubmitRequest { validate_only: true, ..submit(demo()) };
    let checked = house.door.submit(call(only, "moha", &[Role::Submit])).await.unwrap().into_inner();
    assert_eq!(checked.submission.unwrap().observation_count, 60);
    let other = house.door.submit(call(submit(rows()), "moha", &[Role::Submit])).await.unwrap().into_inner();
    assert!(!other.replayed);
}

#[tokio::test]
async fn who_may_not_is_refused_before_anything_is_looked_at() {
    let house = House::open();
    let door = &house.door;
    let broken = || pb::SubmitRequest { request_id: "not a uuid".into(), ..submit(pb::Submission::default()) };
    let role = door.submit(call(broken(), "moha", &[Role::ReadMetadata])).await.unwrap_err();
    assert_eq!(refusal(&role), (Code::PermissionDenied, reason::ROLE_MISSING.into()));
    let party = door.submit(call(broken(), "moh", &[Role::Submit])).await.unwrap_err();
    assert_eq!(refusal(&party), (Code::PermissionDenied, reason::ACCESS_DENIED.into()));
    let nobody = door.submit(Request::new(broken())).await.unwrap_err();
    assert_eq!(nobody.code(), Code::Unauthenticated);
    let reader = door.query_observations(call(query(), "moha", &[Role::Submit])).await.unwrap_err();
    assert_eq!(refusal(&reader), (Code::PermissionDenied, reason::ROLE_MISSING.into()));
    let allowed = door.submit(call(broken(), "moha", &[Role::Submit])).await.unwrap_err();
    assert_eq!(refusal(&allowed), (Code::InvalidArgument, reason::REQUEST_INVALID.into()));
}

#[tokio::test]
async fn refusals_carry_their_reason() {
    let house = House::open();
    let door = &house.door;
    door.submit(call(submit(rows()), "moha", &[Role::Submit])).await.unwrap();
    let reused = door.submit(call(submit(demo()), "moha", &[Role::Submit])).await.unwrap_err();
    assert_eq!(refusal(&reused), (Code::AlreadyExists, reason::REQUEST_ID_REUSED.into()));
    let missing = pb::CommitBulkLoadRequest {
        parent: "parties/moha".into(),
        submission: Some(pb::Submission { structure: SMALL.into(), ..Default::default() }),
        chunks: vec![vec![7; 32]],
        request_id: "0190a5f0-0000-7000-8000-00000000000b".into(),
        validate_only: false,
    };
    let missing = door.commit_bulk_load(call(missing, "moha", &[Role::Submit])).await.unwrap_err();
    assert_eq!(refusal(&missing), (Code::FailedPrecondition, reason::CHUNK_MISSING.into()));
    assert_eq!(missing.get_error_details().error_info().unwrap().metadata["chunks"], "07".repeat(32));
    let series = pb::GetSeriesRequest { data_provider: "moha".into(), structure: SMALL.into(), key: "704.M".into() };
    let absent = door.get_series(call(series, "moh", &[Role::ReadMetadata])).await.unwrap_err();
    assert_eq!(refusal(&absent), (Code::NotFound, reason::NOT_HELD.into()));
}

#[tokio::test]
async fn a_bulk_load_is_uploaded_committed_and_answered_again_without_its_pieces() {
    let house = House::open();
    let door = &house.door;
    let mut chunks = Vec::new();
    for chunk in import(DEMO).chunks {
        let upload = pb::UploadChunkRequest { parent: "parties/moha".into(), chunk };
        chunks.push(door.upload_chunk(call(upload, "moha", &[Role::Submit])).await.unwrap().into_inner().digest);
    }
    let commit = pb::CommitBulkLoadRequest {
        parent: "parties/moha".into(),
        submission: Some(pb::Submission { structure: SDG.into(), ..Default::default() }),
        chunks,
        request_id: REQUEST_ID.into(),
        validate_only: false,
    };
    let first = door.commit_bulk_load(call(commit.clone(), "moha", &[Role::Submit])).await.unwrap().into_inner();
    assert_eq!(first.submission.as_ref().unwrap().observation_count, 60);
    house.writer.handle().call(|tx, _, _| tx.execute("DELETE FROM indicator_upload", &[])).await.unwrap();
    let again = door.commit_bulk_load(call(commit, "moha", &[Role::Submit])).await.unwrap().into_inner();
    assert!(again.replayed);
    assert_eq!(again.submission, first.submission);
}

async fn next(stream: &mut Pin<Box<dyn Stream<Item = Result<pb::WatchResponse, Status>> + Send>>) -> pb::WatchResponse {
    timeout(Duration::from_secs(10), stream.next()).await.unwrap().unwrap().unwrap()
}

#[tokio::test]
async fn a_stream_says_where_it_stands_wakes_up_and_ends_with_the_process() {
    let house = House::open();
    let request = pb::WatchRequest { selection: Some(selection(SMALL, "")), start: Some(Start::Beginning(true)) };
    let answer = house.door.watch(call(request, "moh", &[Role::ReadMetadata])).await.unwrap();
    let mut stream = answer.into_inner();
    let first = next(&mut stream).await;
    assert!(first.submission.is_none() && !first.cursor.is_empty());
    let waiting = tokio::spawn(async move { (next(&mut stream).await, stream) });
    house.door.submit(call(submit(rows()), "moha", &[Role::Submit])).await.unwrap();
    let (second, mut stream) = waiting.await.unwrap();
    assert!(second.last_part);
    assert_eq!(second.submission.unwrap().datasets[0].blocks[0].key, "704.F");
    assert_ne!(second.cursor, first.cursor);
    house.closing.cancel();
    let end = timeout(Duration::from_secs(10), stream.next()).await.unwrap().unwrap().unwrap_err();
    assert_eq!(refusal(&end), (Code::Unavailable, reason::SHUTTING_DOWN.into()));
}

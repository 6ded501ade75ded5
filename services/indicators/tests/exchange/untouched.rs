//! What the door refuses leaves nothing behind, in no table, and the same request id is still good for what is right.

use nhipcau_domain::reason;
use nhipcau_proto::indicator::v1::{self as pb, Action::*, indicator_service_server::IndicatorService};
use nhipcau_runtime::caller::Role;
use prost::Message as _;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::{
    door::{House, call, rows, submit},
    world::*,
};

/// Rows of every table that a submission reaches.
async fn held(house: &House) -> Vec<i64> {
    let counts = "SELECT (SELECT count(*) FROM indicator_request), (SELECT count(*) FROM indicator_submission), \
                  (SELECT count(*) FROM indicator_content), (SELECT count(*) FROM indicator_series), \
                  (SELECT count(*) FROM indicator_segment), (SELECT count(*) FROM outbox), \
                  (SELECT count(*) FROM indicator_upload)";
    let read = move |tx: &mut nhipcau_messaging::store::Tx<'_>| {
        tx.query(counts, &[], |row| (0..7).map(|at| row.int(at)).collect::<Result<Vec<i64>, _>>())
    };
    house.writer.handle().call(move |tx, _, _| read(tx)).await.unwrap().remove(0)
}

/// The reason of a refusal, or of the first violation that it lists.
fn why(status: &Status) -> String {
    let details = status.get_error_details();
    let first = details.bad_request().and_then(|listed| listed.field_violations.first());
    let whole = details.error_info().map(|info| info.reason.clone());
    first.map(|violation| violation.reason.clone()).or(whole).unwrap_or_default()
}

fn one(key: &str, period: &str, value: &str) -> pb::Submission {
    small(Replace, &[(key, period, value)])
}

/// Every wrong submission, and why it is.
fn wrong() -> Vec<(pb::Submission, &'static str)> {
    let good = || one("704.F", "2024", "1");
    let mut not_nfc = good();
    not_nfc.datasets[0].observations[0].attributes.insert("NOTE".into(), "Ha\u{300}".into());
    let mut half = small(Replace, &[("704.F", "2024", "1"), ("704.X", "2024", "1")]);
    half.datasets.push(good().datasets.remove(0));
    vec![
        (one("99999@VN-63.F", "2024", "1"), reason::AREA_UNKNOWN),
        (one("04@VN-34-2026.F", "2020", "1"), reason::AREA_NOT_IN_FORCE),
        (one("01.F", "2024", "1"), reason::AREA_WITHOUT_LIST_VERSION),
        (one("704.F", "2024", "1,5"), reason::VALUE_NOT_DECIMAL),
        (one("704.", "2024", "1"), reason::DIMENSION_MISSING),
        (one("704.F.X", "2024", "1"), reason::KEY_MALFORMED),
        (one("704.X", "2024", "1"), reason::CODE_NOT_IN_LIST),
        (one("704.F", "Q1 2024", "1"), reason::PERIOD_MALFORMED),
        (small(Replace, &[("704.F", "2024", "1"), ("704.F", "2024", "1")]), reason::DUPLICATE_OBSERVATION),
        (half, reason::CODE_NOT_IN_LIST),
        (small(Replace, &[]), reason::SUBMISSION_EMPTY),
        (not_nfc, reason::TEXT_NOT_NFC),
        (pb::Submission { structure: "T:OTHER(1.0)".into(), ..good() }, reason::STRUCTURE_UNKNOWN),
        (pb::Submission { dataflow: "T:NONE(1.0)".into(), ..good() }, reason::STRUCTURE_UNKNOWN),
    ]
}

#[tokio::test]
async fn a_wrong_submission_leaves_no_row_and_its_request_id_unspent() {
    let house = House::open();
    let before = held(&house).await;
    for (submission, reason) in wrong() {
        let refused = house.door.submit(call(submit(submission), "moha", &[Role::Submit])).await.unwrap_err();
        assert_eq!((refused.code(), why(&refused).as_str()), (Code::InvalidArgument, reason));
        assert_eq!(held(&house).await, before, "{reason} left something");
    }
    let taken = house.door.submit(call(submit(rows()), "moha", &[Role::Submit])).await.unwrap().into_inner();
    assert!(!taken.replayed);
    assert_ne!(held(&house).await, before);
}

/// A row with a note of so many letters.
fn noted(letters: usize) -> pb::Submission {
    let mut submission = rows();
    submission.datasets[0].observations[0].attributes.insert("NOTE".into(), "a".repeat(letters));
    submission
}

#[tokio::test]
async fn a_submission_with_a_text_that_fits_no_message_is_refused_whole() {
    let house = House::open();
    let before = held(&house).await;
    let refused = house.door.submit(call(submit(noted(450 * 1024)), "moha", &[Role::Submit])).await.unwrap_err();
    assert_eq!((refused.code(), why(&refused).as_str()), (Code::InvalidArgument, reason::TEXT_TOO_LONG));
    assert_eq!(held(&house).await, before);
    house.door.submit(call(submit(rows()), "moha", &[Role::Submit])).await.unwrap();
}

#[tokio::test]
async fn a_submission_that_deletes_by_too_many_open_patterns_is_refused_whole() {
    let house = House::open();
    let before = held(&house).await;
    let open = |patterns: usize| {
        let years: Vec<_> = (0..patterns).map(|n| (1000 + n).to_string()).collect();
        small(Delete, &years.iter().map(|year| (".F", year.as_str(), "")).collect::<Vec<_>>())
    };
    let refused = house.door.submit(call(submit(open(1_001)), "moha", &[Role::Submit])).await.unwrap_err();
    assert_eq!((refused.code(), why(&refused).as_str()), (Code::InvalidArgument, reason::SUBMISSION_TOO_LARGE));
    assert_eq!(refused.get_error_details().localized_message().unwrap().locale, "vi-VN");
    assert_eq!(held(&house).await, before);
    house.door.submit(call(submit(open(1_000)), "moha", &[Role::Submit])).await.unwrap();
}

#[tokio::test]
async fn a_piece_that_is_not_utf8_too_large_or_one_too_many_is_not_kept() {
    let house = House::open();
    let upload = |chunk: Vec<u8>| pb::UploadChunkRequest { parent: "parties/moha".into(), chunk };
    let before = held(&house).await;
    let mut not_utf8 = pb::Chunk { datasets: one("QQ", "2024", "1").datasets }.encode_to_vec();
    not_utf8.iter_mut().filter(|byte| **byte == b'Q').for_each(|byte| *byte = 0xff);
    for (chunk, reason) in [(not_utf8, reason::FIELD_FORMAT), (vec![0; 524_289], reason::FIELD_FORMAT)] {
        let refused = house.door.upload_chunk(call(upload(chunk), "moha", &[Role::Submit])).await.unwrap_err();
        assert_eq!((refused.code(), why(&refused).as_str()), (Code::InvalidArgument, reason));
        assert_eq!(held(&house).await, before);
    }
    let waiting = "INSERT INTO indicator_upload (party, digest, bytes, upload_time) \
                   VALUES ('moha', $1, $1, 4102444800000000)";
    let fill = |tx: &mut nhipcau_messaging::store::Tx<'_>| {
        (0..10_000_u64).try_for_each(|n| tx.execute(waiting, &[(&n.to_be_bytes()).into()]).map(drop))
    };
    house.writer.handle().call(move |tx, _, _| fill(tx)).await.unwrap();
    let full = held(&house).await;
    let piece = import(DEMO).chunks.remove(0);
    let refused = house.door.upload_chunk(call(upload(piece.clone()), "moha", &[Role::Submit])).await.unwrap_err();
    assert_eq!((refused.code(), why(&refused).as_str()), (Code::ResourceExhausted, reason::UPLOADS_WAITING));
    assert_eq!(held(&house).await, full);
    house.writer.handle().call(|tx, _, _| tx.execute("DELETE FROM indicator_upload", &[])).await.unwrap();
    house.door.upload_chunk(call(upload(piece), "moha", &[Role::Submit])).await.unwrap();
}

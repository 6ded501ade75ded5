//! What is not taken, at the door and from the bus: each with its reason, and nothing half-done.

use std::sync::Arc;

use nhipcau_domain::{area::AreaList, reason};
use nhipcau_indicators::{
    Error, Registry,
    submit::{self, Prepared},
};
use nhipcau_proto::indicator::v1::{self as pb, Action::*};
use nhipcau_runtime::status::Refusal;
use prost::Message as _;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::world::*;

const EVENT: &str = "nhipcau.indicator.v1.IndicatorEvent";

/// The reasons of a refusal at the door, which must leave nothing behind.
fn reasons(submission: &pb::Submission) -> Vec<&'static str> {
    match Prepared::check(submission, &REGISTRY).unwrap_err() {
        Error::Invalid(violations) => violations.listed().iter().map(|violation| violation.reason).collect(),
        other => vec![other.reason()],
    }
}

fn with(rows: &[(&str, &str, &str)]) -> Vec<&'static str> {
    reasons(&small(Replace, rows))
}

#[test]
fn each_wrong_figure_has_its_reason() {
    assert_eq!(with(&[("99999@VN-63.F", "2024", "1")]), [reason::AREA_UNKNOWN]);
    assert_eq!(with(&[("04@VN-34-2026.F", "2020", "1")]), [reason::AREA_NOT_IN_FORCE]);
    assert_eq!(with(&[("01.F", "2024", "1")]), [reason::AREA_WITHOUT_LIST_VERSION]);
    assert_eq!(with(&[("704.F", "2024", "1,5")]), [reason::VALUE_NOT_DECIMAL]);
    assert_eq!(with(&[("704.F", "2024", "1e3")]), [reason::VALUE_NOT_DECIMAL]);
    assert_eq!(with(&[("704.", "2024", "1")]), [reason::DIMENSION_MISSING]);
    assert_eq!(with(&[("704.F", "", "1")]), [reason::DIMENSION_MISSING]);
    assert_eq!(with(&[("704.F", "2024", "1"), ("704.F", "2024", "1")]), [reason::DUPLICATE_OBSERVATION]);
    assert_eq!(with(&[("704.F.X", "2024", "1")]), [reason::KEY_MALFORMED]);
    assert_eq!(with(&[("704.X", "2024", "1")]), [reason::CODE_NOT_IN_LIST]);
    assert_eq!(with(&[("704.F", "Q1 2024", "1")]), [reason::PERIOD_MALFORMED]);
    assert_eq!(with(&[]), [reason::SUBMISSION_EMPTY]);
}

#[test]
fn text_that_is_not_nfc_is_refused() {
    let mut submission = small(Replace, &[("704.F", "2024", "1")]);
    submission.datasets[0].observations[0].attributes.insert("NOTE".into(), "Ha\u{300}".into());
    assert_eq!(reasons(&submission), [reason::TEXT_NOT_NFC]);
}

#[test]
fn an_unknown_structure_or_dataflow_is_refused() {
    let rows = small(Replace, &[("704.F", "2024", "1")]);
    assert_eq!(
        reasons(&pb::Submission { structure: "T:OTHER(1.0)".into(), ..rows.clone() }),
        [reason::STRUCTURE_UNKNOWN]
    );
    assert_eq!(reasons(&pb::Submission { structure: "SMALL".into(), ..rows.clone() }), [reason::FIELD_FORMAT]);
    assert_eq!(
        reasons(&pb::Submission { dataflow: "T:NONE(1.0)".into(), ..rows.clone() }),
        [reason::STRUCTURE_UNKNOWN]
    );
    assert_eq!(
        reasons(&pb::Submission { structure: SDG.into(), dataflow: FLOW.into(), ..rows }),
        [reason::STRUCTURE_UNKNOWN]
    );
}

#[test]
fn ten_thousand_violations_are_counted_and_the_first_hundred_listed() {
    let rows: Vec<_> = (0..10_000).map(|n| format!("X{n}.F")).collect();
    let rows: Vec<_> = rows.iter().map(|key| (key.as_str(), "2024", "1")).collect();
    let refused = Prepared::check(&small(Replace, &rows), &REGISTRY).unwrap_err();
    let Error::Invalid(violations) = &refused else { panic!("violations") };
    assert_eq!((violations.total(), violations.listed().len()), (10_000, 100));
    let status: Status = Refusal::from(refused).into();
    assert_eq!(status.code(), Code::InvalidArgument);
    let details = status.check_error_details().unwrap();
    let info = details.error_info().unwrap();
    assert_eq!(info.reason, reason::SUBMISSION_INVALID);
    assert_eq!(info.metadata["violationCount"], "10000");
    let first = &details.bad_request().unwrap().field_violations[0];
    assert_eq!(first.field, "datasets[0].observations[0].REF_AREA");
    assert!(!format!("{status:?}").contains("X123"), "what was sent is not repeated");
}

#[test]
fn a_party_that_may_not_publish_is_refused_and_holds_nothing() {
    let mut world = World::open();
    let refused = world.submit(VWU, "r1", &small(Replace, &[("704.F", "2024", "1")])).unwrap_err();
    assert!(matches!(refused, Error::Publishing(_)));
    assert_eq!(refused.reason(), reason::NOT_AGREED);
    let refusal = Refusal::from(refused);
    assert_eq!((refusal.code(), refusal.reason()), (Code::FailedPrecondition, reason::NOT_AGREED));
    assert!(world.held(VWU, SMALL).is_empty());
    assert!(rows(&mut world, VWU, "SELECT 1 FROM indicator_request", |row| row.int(0)).is_empty());
}

#[test]
fn what_is_not_held_is_not_found() {
    let mut world = World::open();
    let name = "parties/moha/submissions/0190a5f0-0000-8000-8000-000000000001";
    assert!(matches!(world.at(MOH, |tx| submit::get(name, tx)), Err(Error::NotFound)));
    assert!(matches!(world.at(MOH, |tx| submit::get("moha/1", tx)), Err(Error::Field { field: "name", .. })));
}

/// A published submission of one row, as it travels.
fn event(change: impl FnOnce(&mut pb::SubmissionPublished)) -> pb::IndicatorEvent {
    let mut published = pb::SubmissionPublished {
        submission: "parties/moha/submissions/0190a5f0-0000-8000-8000-000000000001".into(),
        data_provider: "moha".into(),
        structure: SMALL.into(),
        dataflow: String::new(),
        ordinal: 1,
        publish_time: Some(prost_types::Timestamp { seconds: 1_790_000_000, nanos: 0 }),
        datasets: small(Replace, &[("704.F", "2024", "1")]).datasets,
        chunks: Vec::new(),
        observation_count: 1,
    };
    change(&mut published);
    pb::IndicatorEvent { event: Some(pb::indicator_event::Event::SubmissionPublished(published)) }
}

/// Whether a subscriber holds anything after a message, and the outcome that it noted: 0, or the reason.
fn arrives(provider: &str, message: &str, body: &impl prost::Message) -> (usize, Vec<i64>) {
    let mut world = World::open();
    world.broadcast(MOHA, draft(provider, message, body));
    world.settle();
    let outcomes = rows(&mut world, MOH, "SELECT outcome FROM received WHERE recipient = 'all'", |row| row.int(0));
    (world.held(MOH, SMALL).len(), outcomes)
}

#[test]
fn a_wrong_publication_has_no_effect_at_a_subscriber() {
    const INVALID: i64 = 6;
    assert_eq!(arrives("moha", EVENT, &event(|_| ())), (1, vec![0]));
    let refused = |change: fn(&mut pb::SubmissionPublished)| arrives("moha", EVENT, &event(change));
    let wrong_value = |event: &mut pb::SubmissionPublished| event.datasets[0].observations[0].value = Some("x".into());
    assert_eq!(refused(wrong_value), (0, vec![INVALID]));
    assert_eq!(refused(|event| event.observation_count = 2), (0, vec![INVALID]));
    assert_eq!(refused(|event| event.ordinal = 0), (0, vec![INVALID]));
    assert_eq!(refused(|event| event.data_provider = "moh".into()), (0, vec![INVALID]));
    let of_another = |event: &mut pb::SubmissionPublished| {
        event.submission = event.submission.replace("moha", "moh");
        event.data_provider = "moh".into();
    };
    assert_eq!(refused(of_another), (0, vec![INVALID]), "only the signing party's own figures");
    assert_eq!(arrives("moha", EVENT, &pb::IndicatorEvent::default()), (0, vec![INVALID]));
    assert_eq!(arrives("moha", "nhipcau.indicator.v1.Series", &pb::Series::default()), (0, vec![INVALID]));
}

#[test]
fn a_structure_that_the_subscriber_does_not_know_yet_is_refused_for_now() {
    const NOT_YET: i64 = 1;
    let mut world = World::open();
    let empty = Registry::new(Arc::new(AreaList::default()));
    world.nodes[MOH].registry.send_replace(Arc::new(empty));
    world.submit(MOHA, "r1", &small(Replace, &[("704.F", "2024", "1")])).unwrap();
    world.settle();
    let outcomes = rows(&mut world, MOH, "SELECT outcome FROM received WHERE recipient = 'all'", |row| row.int(0));
    assert!(outcomes.contains(&NOT_YET), "{outcomes:?}");
    assert_eq!(world.held(VWU, SMALL).len(), 1, "others are not affected");
    assert!(world.nodes[MOH].service.counters().read()[4].1 >= outcomes.len() as u64, "every try is counted");
    world.nodes[MOH].registry.send_replace(Arc::clone(&REGISTRY));
    world.settle();
    assert_eq!(world.held(MOH, SMALL).len(), 1, "it takes it by itself once it can");
}

/// Rows that each leave every dimension open.
fn sweeping(rows: usize) -> Vec<pb::Dataset> {
    let row = |position: usize| pb::Observation {
        key: ".".to_owned(),
        time_period: (1_000 + position).to_string(),
        ..pb::Observation::default()
    };
    vec![pb::Dataset { action: Delete.into(), observations: (0..rows).map(row).collect(), blocks: Vec::new() }]
}

#[test]
fn who_deletes_by_too_many_open_patterns_is_refused_at_both_ends() {
    const TOO_LARGE: i64 = 9;
    let of = |rows| pb::Submission { structure: SMALL.into(), datasets: sweeping(rows), ..pb::Submission::default() };
    Prepared::check(&of(1_000), &REGISTRY).unwrap();
    assert!(matches!(Prepared::check(&of(1_001), &REGISTRY), Err(Error::TooLarge)));
    let published = event(|event| (event.datasets, event.observation_count) = (sweeping(1_001), 0));
    assert_eq!(arrives("moha", EVENT, &published), (0, vec![TOO_LARGE]));
}

#[test]
fn a_wrong_submission_in_pieces_is_given_up_and_keeps_no_other_from_the_pieces() {
    let mut world = World::open();
    let chunk = pb::Chunk { datasets: small(Replace, &[("704.F", "2024", "1")]).datasets };
    let digest = nhipcau_messaging::pae::sha256(&chunk.encode_to_vec());
    let in_pieces = |name: &'static str, count| {
        event(move |event| {
            event.submission = name.into();
            (event.datasets, event.chunks, event.observation_count) = (Vec::new(), vec![digest.to_vec()], count);
        })
    };
    let wrong = in_pieces("parties/moha/submissions/0190a5f0-0000-8000-8000-000000000001", 77);
    let right = in_pieces("parties/moha/submissions/0190a5f0-0000-8000-8000-000000000002", 1);
    world.broadcast(MOHA, draft("moha", EVENT, &wrong));
    world.broadcast(MOHA, draft("moha", EVENT, &right));
    world.broadcast(MOHA, draft("moha", "nhipcau.indicator.v1.Chunk", &chunk));
    world.settle();
    assert_eq!(world.held(MOH, SMALL).len(), 1);
    let waiting = rows(&mut world, MOH, "SELECT COUNT(*) FROM indicator_waiting", |row| row.int(0));
    assert_eq!(waiting, [0], "the wrong one waits for nothing any more");
}

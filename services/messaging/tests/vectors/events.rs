//! Encoded messages of the event contracts, made by protoc from the texts beside them: every field decodes to the
//! value that the text says, for as long as version 1 of a contract is read.
//!
//! The first directory release is kept in `services/domain`, where releases are verified.

use nhipcau_proto::{
    indicator::v1 as indicator,
    referral::v1::{self as referral, referral_event::Event},
};
use prost::Message;
use prost_types::Timestamp;

const OPENED: &[u8] = include_bytes!("../../../../proto/vectors/events/referral_opened.binpb");
const REJECTED: &[u8] = include_bytes!("../../../../proto/vectors/events/referral_rejected.binpb");
const COMPLETED: &[u8] = include_bytes!("../../../../proto/vectors/events/referral_completed.binpb");
const PUBLISHED: &[u8] = include_bytes!("../../../../proto/vectors/events/indicator_submission_published.binpb");

fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds, nanos: 0 })
}

fn unit(party: &str, unit: &str) -> Option<referral::UnitRef> {
    Some(referral::UnitRef { party: party.to_owned(), unit: unit.to_owned() })
}

#[test]
fn a_referral_opened_reads_field_by_field() {
    let citation = |article: &str| format!("Nghị định 56/2017/NĐ-CP {article}");
    let part = |part: referral::ReferralPart, digest: &[u8; 32]| referral::PartDigest {
        part: part as i32,
        digest: digest.to_vec(),
    };
    let basis = referral::LawfulBasis {
        consent: None,
        statutory_duty: Some(referral::StatutoryDuty { citation: citation("Điều 26") }),
        vital_interest: None,
    };
    let limit = referral::TimeLimit {
        rule: "acknowledge".to_owned(),
        citation: citation("Điều 25"),
        stop: referral::TimeLimitStop::Acknowledged as i32,
        start_time: at(1_795_395_600),
        acknowledge_due_time: at(1_795_397_400),
        warn_time: at(1_795_396_500),
        escalate_time: at(1_795_399_200),
        due_time: at(1_795_438_800),
        steps: Vec::new(),
        telephone_confirmation: None,
    };
    let expected = referral::ReferralEvent {
        case_uid: b"case-of-vectors-".to_vec(),
        referral_uid: b"referral-vectors".to_vec(),
        branch_uid: b"branch-1-vectors".to_vec(),
        side: referral::Side::Origin as i32,
        owner: unit("moh", "111"),
        counterpart: unit("hanoi", "commune-00004"),
        ordinal: 1,
        previous_digest: vec![0; 32],
        seen: None,
        event_time: Some(Timestamp { seconds: 1_795_395_600, nanos: 250_000_000 }),
        actor: Some(referral::Actor { system: "hotline".to_owned(), person: "K-042".to_owned() }),
        lawful_basis: Some(basis),
        parts: vec![
            part(referral::ReferralPart::Preview, b"digest of the preview, 32 bytes."),
            part(referral::ReferralPart::Identity, b"digest of the identity, 32 bytes"),
        ],
        salt: Vec::new(),
        time_limits: Vec::new(),
        limit_refusals: Vec::new(),
        event: Some(Event::Opened(referral::Opened {
            kind: referral::ReferralKind::Transfer as i32,
            group_uid: b"group-of-vectors".to_vec(),
            cause: referral::OpeningCause::Redirect as i32,
            cause_branch_uid: b"branch-0-vectors".to_vec(),
            time_limits: vec![limit],
            limit_refusals: Vec::new(),
        })),
    };
    reads_and_writes_the_same(OPENED, &expected);
}

#[test]
fn a_referral_rejected_reads_field_by_field() {
    let seen = referral::Seen { ordinal: 1, digest: b"digest of the opening, 32 bytes.".to_vec() };
    let code = referral::RejectionCode::NoCapacity as i32;
    let expected = referral::ReferralEvent {
        case_uid: b"case-of-vectors-".to_vec(),
        referral_uid: b"referral-vectors".to_vec(),
        branch_uid: b"branch-1-vectors".to_vec(),
        side: referral::Side::Recipient as i32,
        owner: unit("hanoi", "commune-00004"),
        counterpart: unit("moh", "111"),
        ordinal: 2,
        previous_digest: b"digest of the event before this.".to_vec(),
        seen: Some(seen),
        event_time: at(1_795_395_900),
        actor: Some(referral::Actor { system: "access-point".to_owned(), person: String::new() }),
        lawful_basis: None,
        parts: Vec::new(),
        salt: Vec::new(),
        time_limits: Vec::new(),
        limit_refusals: Vec::new(),
        event: Some(Event::Rejected(referral::Rejected { code })),
    };
    reads_and_writes_the_same(REJECTED, &expected);
}

#[test]
fn a_referral_completed_reads_field_by_field_and_has_its_salt() {
    let expected = referral::ReferralEvent {
        case_uid: b"case-of-vectors-".to_vec(),
        referral_uid: b"referral-vectors".to_vec(),
        branch_uid: b"branch-1-vectors".to_vec(),
        side: referral::Side::Recipient as i32,
        owner: unit("hanoi", "commune-00004"),
        counterpart: unit("moh", "111"),
        ordinal: 4,
        previous_digest: b"digest of the event before this.".to_vec(),
        seen: Some(referral::Seen { ordinal: 3, digest: b"digest of the assignment, 32 b..".to_vec() }),
        event_time: at(1_795_399_200),
        actor: Some(referral::Actor { system: "desk".to_owned(), person: "CB-17".to_owned() }),
        lawful_basis: None,
        parts: Vec::new(),
        salt: b"salt of the vector, 32 bytes....".to_vec(),
        time_limits: Vec::new(),
        limit_refusals: Vec::new(),
        event: Some(Event::Completed(referral::Completed { outcome: referral::Outcome::Resolved as i32 })),
    };
    reads_and_writes_the_same(COMPLETED, &expected);
}

#[test]
fn a_submission_published_reads_field_by_field() {
    let key = |series: &str| format!("A.G.{series}.704.F._T._T._T._T._T._T._T._T._T._T");
    let block = indicator::SeriesBlock {
        key: key("IC_GEN_MGTL"),
        time_periods: vec!["2023".to_owned(), "2024".to_owned()],
        values: vec!["26.4".to_owned(), String::new()],
        attributes: vec![indicator::AttributeColumn {
            attribute: "OBS_STATUS".to_owned(),
            texts: vec!["A".to_owned(), "M".to_owned()],
            positions: vec![1, 2],
        }],
    };
    let deleted = |period: &str, value: Option<&str>, status: Option<&str>| indicator::Observation {
        key: key("IC_GEN_MGTN"),
        time_period: period.to_owned(),
        value: value.map(str::to_owned),
        attributes: status.map(|text| ("OBS_STATUS".to_owned(), text.to_owned())).into_iter().collect(),
    };
    let merge =
        indicator::Dataset { action: indicator::Action::Merge as i32, observations: Vec::new(), blocks: vec![block] };
    let delete = indicator::Dataset {
        action: indicator::Action::Delete as i32,
        observations: vec![deleted("2019", None, None), deleted("2020", Some("NaN"), Some("A"))],
        blocks: Vec::new(),
    };
    let published = indicator::SubmissionPublished {
        submission: "parties/moha/submissions/2026-11-1".to_owned(),
        data_provider: "moha".to_owned(),
        structure: "IAEG-SDGs:SDG(1.8)".to_owned(),
        dataflow: "IAEG-SDGs:DF_SDG_GLH(1.8)".to_owned(),
        ordinal: 7,
        publish_time: at(1_795_395_600),
        datasets: vec![merge, delete],
        chunks: Vec::new(),
        observation_count: 4,
    };
    let event = indicator::indicator_event::Event::SubmissionPublished(published);
    reads_and_writes_the_same(PUBLISHED, &indicator::IndicatorEvent { event: Some(event) });
}

/// Both directions: a new writer must not lose a field that an old reader needs.
fn reads_and_writes_the_same<M: Message + Default + PartialEq + std::fmt::Debug>(golden: &[u8], expected: &M) {
    assert_eq!(&M::decode(golden).unwrap(), expected);
    assert_eq!(expected.encode_to_vec(), golden);
}

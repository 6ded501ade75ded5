//! Submissions by another service of the same access point: what is written is read, and nothing else is.

use nhipcau_proto::referral::v1 as pb;
use proptest::prelude::*;
use prost::Message as _;
use uuid::Uuid;

use crate::{
    id::SystemId,
    reason,
    referral::{Actor, Answer, LISTED, Objection, PersonRef, Personal, Refusal, Requested},
};

fn requested() -> Requested {
    Requested {
        contact: Uuid::from_u128(1),
        case: Uuid::from_u128(2),
        actor: Actor { system: SystemId::new("hotline").unwrap(), person: Some(PersonRef::new("tv-3").unwrap()) },
        request_id: Uuid::from_u128(3),
        request: Personal::new(pb::SubmitReferralRequest {
            purpose: "protection".into(),
            // What does not belong here gives way.
            acting_person: "another".into(),
            validate_only: true,
            ..pb::SubmitReferralRequest::default()
        }),
    }
}

fn found(refusal: &Refusal) -> Vec<(&str, &str)> {
    refusal.violations().iter().map(|it| (it.subject.as_str(), it.reason)).collect()
}

#[test]
fn a_request_comes_back_with_its_own_case_person_and_id() {
    let read = Requested::read(&requested().write()).unwrap();
    assert_eq!((read.contact, read.case, &read.actor), (Uuid::from_u128(1), Uuid::from_u128(2), &requested().actor));
    let request = read.request.expose();
    assert_eq!((request.purpose.as_str(), request.acting_person.as_str()), ("protection", "tv-3"));
    assert_eq!((request.validate_only, &request.case_uid), (false, &read.case.to_string()));
}

#[test]
fn every_violation_of_a_request_is_found_at_once() {
    let request = pb::SubmitReferralRequest {
        case_uid: "x".into(),
        acting_person: "Nguyễn Thị Thử".into(),
        validate_only: true,
        ..pb::SubmitReferralRequest::default()
    };
    let message = pb::SubmissionRequested { contact_uid: vec![0; 16], system: String::new(), request: Some(request) };
    let refusal = Requested::read(&message.encode_to_vec()).unwrap_err();
    let format = reason::FIELD_FORMAT;
    let subjects = [
        "contact_uid",
        "system",
        "request.case_uid",
        "request.request_id",
        "request.acting_person",
        "request.validate_only",
    ];
    assert_eq!(found(&refusal), subjects.map(|subject| (subject, format)));
    let empty = pb::SubmissionRequested { request: None, ..message };
    assert!(Requested::read(&empty.encode_to_vec()).unwrap_err().has(reason::FIELD_REQUIRED));
}

#[test]
fn a_refusal_comes_back_with_its_reasons_and_candidates() {
    let mut refusal = Refusal::default();
    refusal.add("recipients[0]", reason::NOT_AGREED);
    refusal.offer("content.preview.incident_area", reason::AREA_SPLIT, vec!["00622@VN-34-2026".parse().unwrap()]);
    let answer = Answer::from(&refusal);
    let (contact, request_id) = (Uuid::from_u128(1), Uuid::from_u128(3));
    assert_eq!(Answer::read(&answer.write(contact, request_id)), Ok((contact, request_id, answer.clone())));
    let Answer::Refused(objections) = answer else { panic!("a refusal") };
    assert_eq!(objections[1].candidates.expose().len(), 1);
    assert!(!format!("{objections:?}").contains("00622"));
}

#[test]
fn an_answer_says_one_thing_and_a_refusal_says_why() {
    let (contact, request_id) = (Uuid::from_u128(1), Uuid::from_u128(3));
    let submitted = Answer::Submitted { case: Uuid::from_u128(2), referral: Uuid::from_u128(9) };
    let bytes = submitted.write(contact, request_id);
    assert_eq!(Answer::read(&bytes), Ok((contact, request_id, submitted)));
    let mut refusal = Refusal::one("case_uid", reason::CASE_HAS_REFERRAL);
    refusal.add("recipients[0]", reason::NOT_AGREED);
    let Answer::Refused(objections) = Answer::from(&refusal) else { panic!("a refusal") };
    let standing = Answer::Standing { referral: Uuid::from_u128(9), objections };
    let refused = standing.write(contact, request_id);
    assert_eq!(Answer::read(&refused), Ok((contact, request_id, standing)));
    let mut nobody = pb::SubmissionAnswered::decode(refused.as_slice()).unwrap();
    nobody.refused.as_mut().unwrap().referral_uid = Some(vec![0; 16]);
    let expected = [("refused.referral_uid", reason::FIELD_FORMAT)];
    assert_eq!(found(&Answer::read(&nobody.encode_to_vec()).unwrap_err()), expected);
    let mut both = pb::SubmissionAnswered::decode(bytes.as_slice()).unwrap();
    both.refused = Some(pb::SubmissionRefused::default());
    assert_eq!(found(&Answer::read(&both.encode_to_vec()).unwrap_err()), [("answer", reason::FIELD_FORMAT)]);
    let silent = Answer::Refused(Vec::new()).write(contact, request_id);
    assert_eq!(found(&Answer::read(&silent).unwrap_err()), [("refused.violations", reason::FIELD_REQUIRED)]);
    let reason = Objection { subject: "x".into(), reason: "no reason".into(), candidates: Personal::new(Vec::new()) };
    let nameless = Answer::Refused(vec![reason]).write(contact, request_id);
    let expected = [("refused.violations[0].reason", reason::FIELD_FORMAT)];
    assert_eq!(found(&Answer::read(&nameless).unwrap_err()), expected);
}

#[test]
fn however_much_is_wrong_the_answer_can_be_read() {
    let mut refusal = Refusal::default();
    for index in 0..1_000 {
        refusal.add(format!("{}[{index}]", "đ".repeat(300)), reason::FIELD_FORMAT);
    }
    let bytes = Answer::from(&refusal).write(Uuid::from_u128(1), Uuid::from_u128(3));
    let (_, _, answer) = Answer::read(&bytes).unwrap();
    assert!(matches!(answer, Answer::Refused(objections) if objections.len() == LISTED));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_bring_the_readers_down(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Requested::read(&bytes).is_err());
        prop_assert!(Answer::read(&bytes).is_err());
    }
}

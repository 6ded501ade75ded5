//! Content: what is read is written back, what is wrong is refused with every reason, nothing about a person is shown.

use nhipcau_proto::{google::r#type as google, referral::v1 as pb};
use proptest::prelude::*;
use prost::Message as _;

use crate::{
    reason,
    referral::{Content, Part, PartSet, Refusal, Salt, check_part},
};

fn told(value: &str) -> Option<pb::KnownText> {
    Some(pb::KnownText { value: value.to_owned(), unknown: 0 })
}

fn unknown() -> Option<pb::KnownText> {
    Some(pb::KnownText { value: String::new(), unknown: pb::UnknownReason::NotAsked as i32 })
}

fn contact() -> pb::SafeContact {
    pb::SafeContact {
        channel: pb::ContactChannel::Call as i32,
        detail: "0900 000 000".to_owned(),
        hours: "7–11 giờ, ngày thường".to_owned(),
        answerer: "cô giáo chủ nhiệm".to_owned(),
        message_allowed: false,
    }
}

const fn graded(criterion: i32, level: pb::RiskLevel) -> pb::RiskCriterion {
    pb::RiskCriterion { criterion, level: level as i32 }
}

fn attachment(kind: i32) -> pb::Attachment {
    pb::Attachment {
        digest: vec![5; 32],
        size_bytes: 1_000,
        media_type: pb::AttachmentMediaType::Ogg as i32,
        kind,
        label: "cuộc gọi đầu".to_owned(),
    }
}

pub(super) fn full() -> pb::ReferralContent {
    let area = pb::AdminUnitRef {
        code: "00004".to_owned(),
        level: pb::AdminLevel::Commune as i32,
        code_list_version: "VN-34-2026".to_owned(),
    };
    pb::ReferralContent {
        preview: Some(pb::ReferralPreview {
            salt: Vec::new(),
            reception: Some(pb::Reception {
                report_number: "12/BC".to_owned(),
                channel: pb::ReportChannel::Phone as i32,
                report_time: Some(prost_types::Timestamp { seconds: 1_790_000_000, nanos: 5 }),
                officer: "cb-17".to_owned(),
            }),
            subject: pb::CaseSubject::Abused as i32,
            abuse_types: vec![pb::AbuseType::Violence as i32, 99],
            protection_concerns: vec!["physical_abuse".to_owned()],
            service_types: vec![pb::ServiceType::Psychosocial as i32],
            response_timeframe: pb::ResponseTimeframe::ThreeHours as i32,
            risk_level: pb::RiskLevel::High as i32,
            age_group: pb::AgeGroup::AgeGroup6To12 as i32,
            sex: pb::Sex::Unknown as i32,
            incident_area: Some(area.clone()),
            criteria: vec![
                graded(pb::RiskCriterionCode::PerpetratorAccess as i32, pb::RiskLevel::High),
                graded(77, pb::RiskLevel::Low),
            ],
        }),
        identity: Some(pb::ReferralIdentity {
            salt: Vec::new(),
            full_name: told("Trần Văn Thử"),
            birth: Some(pb::Birth {
                birth_date: Some(google::Date { year: 2016, month: 2, day: 0 }),
                ..pb::Birth::default()
            }),
            sex: pb::Sex::Male as i32,
            home_area: Some(area.clone()),
            home_address: unknown(),
            current_area: Some(area),
            mother: Some(pb::Relative { full_name: unknown(), age_years: Some(31), occupation: unknown() }),
            father: None,
            carer: None,
            contact: Some(contact()),
            attachments: vec![attachment(99)],
        }),
        narrative: Some(pb::ReferralNarrative {
            salt: Vec::new(),
            incident_place: unknown(),
            incident_time_text: told("tối hôm qua"),
            condition: told("có vết bầm"),
            likely_consequences: unknown(),
            family_circumstances: unknown(),
            actions_taken: told("đã trấn an"),
            request_reason: told("cần đến ngay"),
            suspects: vec![pb::ConsentGiver::Father as i32],
            notes: String::new(),
            attachments: vec![attachment(pb::AttachmentKind::CallRecording as i32)],
        }),
        reporter: Some(pb::ReferralReporter {
            salt: Vec::new(),
            agreed: true,
            full_name: told("Hàng xóm"),
            address: unknown(),
            contact: Some(contact()),
        }),
    }
}

fn read(value: &pb::ReferralContent) -> Result<Content, Refusal> {
    let mut next = 0;
    Content::read(value, || {
        next += 1;
        Salt::new([next; 32])
    })
}

#[test]
fn what_is_read_is_written_back_part_by_part() {
    let content = read(&full()).expect("valid");
    assert_eq!(content.parts(), PartSet::CONTENT);
    for part in PartSet::CONTENT.iter() {
        let bytes = content.encode(part).expect("at hand");
        check_part(part, &bytes).expect("valid");
    }
    let preview = pb::ReferralPreview::decode(content.encode(Part::Preview).expect("at hand").as_slice());
    let expected = pb::ReferralPreview { salt: vec![1; 32], ..full().preview.expect("given") };
    assert_eq!(preview.expect("valid"), expected);
    let identity = pb::ReferralIdentity::decode(content.encode(Part::Identity).expect("at hand").as_slice());
    let expected = pb::ReferralIdentity { salt: vec![2; 32], ..full().identity.expect("given") };
    assert_eq!(identity.expect("valid"), expected);
}

#[test]
fn nothing_about_a_person_is_shown() {
    let shown = format!("{:?}", read(&full()).expect("valid"));
    for value in ["Trần", "0900", "bầm", "Hàng xóm", "00004", "2016", "Violence", "Father", "trấn an", "Perpetrator"]
    {
        assert!(!shown.contains(value), "{value} is shown");
    }
}

#[test]
fn every_violation_of_the_content_is_found_at_once() {
    let mut value = full();
    let identity = value.identity.as_mut().expect("given");
    identity.full_name = told("Tra\u{302}\u{300}n");
    identity.home_address = told(&"á".repeat(2_001));
    identity.birth =
        Some(pb::Birth { birth_date: Some(google::Date { year: 2023, month: 2, day: 29 }), ..pb::Birth::default() });
    identity.mother = Some(pb::Relative { full_name: None, age_years: Some(200), occupation: unknown() });
    value.preview.as_mut().expect("given").subject = 77;
    value.reporter.as_mut().expect("given").agreed = false;
    let refusal = read(&value).expect_err("refused");
    for (subject, expected) in [
        ("content.preview.subject", reason::CODE_UNKNOWN),
        ("content.identity.full_name.value", reason::TEXT_NOT_NFC),
        ("content.identity.home_address.value", reason::TEXT_TOO_LONG),
        ("content.identity.birth", reason::DATE_INVALID),
        ("content.identity.mother.full_name", reason::FIELD_REQUIRED),
        ("content.identity.mother.age_years", reason::FIELD_FORMAT),
        ("content.reporter", reason::REPORTER_NOT_AGREED),
    ] {
        let found = refusal.violations().iter().any(|v| v.subject == subject && v.reason == expected);
        assert!(found, "{subject} {expected} is missing in {refusal:?}");
    }
    assert_eq!(refusal.total(), 7);
}

#[test]
fn a_value_that_is_both_told_and_unknown_is_refused() {
    let mut value = full();
    value.identity.as_mut().expect("given").full_name =
        Some(pb::KnownText { value: "An".to_owned(), unknown: pb::UnknownReason::NotKnown as i32 });
    assert!(read(&value).expect_err("refused").has(reason::FIELD_FORMAT));
}

#[test]
fn an_area_needs_its_list_version_and_its_own_level() {
    for broken in [
        pb::AdminUnitRef { code: "00004".to_owned(), level: 3, code_list_version: String::new() },
        pb::AdminUnitRef { code: "00004".to_owned(), level: 1, code_list_version: "VN-34-2026".to_owned() },
        pb::AdminUnitRef { code: "4".to_owned(), level: 3, code_list_version: "VN-34-2026".to_owned() },
    ] {
        let mut value = full();
        value.preview.as_mut().expect("given").incident_area = Some(broken);
        assert!(read(&value).expect_err("refused").has(reason::FIELD_FORMAT));
    }
}

#[test]
fn a_contact_without_what_makes_it_safe_is_refused() {
    let mut value = full();
    let contact = value.identity.as_mut().and_then(|identity| identity.contact.as_mut()).expect("given");
    contact.hours.clear();
    contact.answerer.clear();
    assert_eq!(read(&value).expect_err("refused").total(), 2);
}

#[test]
fn a_list_that_arrives_names_each_entry_once() {
    let mut preview = pb::ReferralPreview { salt: vec![1; 32], ..full().preview.expect("given") };
    preview.abuse_types.push(99);
    preview.protection_concerns.push("physical_abuse".to_owned());
    preview.service_types.push(pb::ServiceType::Psychosocial as i32);
    let refusal = check_part(Part::Preview, &preview.encode_to_vec()).expect_err("refused");
    let subjects: Vec<_> = refusal.violations().iter().map(|violation| violation.subject.as_str()).collect();
    assert_eq!(subjects, ["preview.abuse_types[2]", "preview.protection_concerns[1]", "preview.service_types[1]"]);
    assert!(refusal.violations().iter().all(|violation| violation.reason == reason::FIELD_FORMAT));
}

#[test]
fn a_criterion_is_graded_once_and_by_a_grade() {
    let mut preview = pb::ReferralPreview { salt: vec![1; 32], ..full().preview.expect("given") };
    preview.criteria.push(graded(77, pb::RiskLevel::High));
    preview.criteria.push(graded(0, pb::RiskLevel::Unspecified));
    let refusal = check_part(Part::Preview, &preview.encode_to_vec()).expect_err("refused");
    let found: Vec<_> = refusal.violations().iter().map(|it| (it.subject.as_str(), it.reason)).collect();
    let required = reason::FIELD_REQUIRED;
    let expected = [
        ("preview.criteria[2]", reason::FIELD_FORMAT),
        ("preview.criteria[3].criterion", required),
        ("preview.criteria[3].level", required),
    ];
    assert_eq!(found, expected);
    preview.criteria = (1..=17).map(|criterion| graded(criterion, pb::RiskLevel::Low)).collect();
    let refusal = check_part(Part::Preview, &preview.encode_to_vec());
    assert_eq!(refusal, Err(Refusal::one("preview.criteria", reason::TOO_MANY)));
}

#[test]
fn at_most_eight_are_under_suspicion_and_each_once() {
    let mut narrative = pb::ReferralNarrative { salt: vec![1; 32], ..full().narrative.expect("given") };
    let mut read = |suspects: Vec<i32>| {
        narrative.suspects = suspects;
        check_part(Part::Narrative, &narrative.encode_to_vec())
    };
    assert_eq!(read((1..=8).collect()), Ok(()));
    assert_eq!(read((1..=9).collect()), Err(Refusal::one("narrative.suspects", reason::TOO_MANY)));
    assert_eq!(read(vec![2, 3, 2]), Err(Refusal::one("narrative.suspects[2]", reason::FIELD_FORMAT)));
}

#[test]
fn a_part_that_arrives_without_salt_is_refused() {
    let bytes = full().preview.expect("given").encode_to_vec();
    assert!(check_part(Part::Preview, &bytes).expect_err("refused").has(reason::FIELD_FORMAT));
}

#[test]
fn content_without_a_preview_is_refused() {
    let refusal = read(&pb::ReferralContent { preview: None, ..full() }).expect_err("refused");
    assert!(refusal.has(reason::FIELD_REQUIRED));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_of_a_part_bring_the_reader_down(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for part in Part::KNOWN {
            prop_assert!(check_part(*part, &bytes).is_err());
        }
    }

    #[test]
    fn any_text_in_nfc_within_its_limit_comes_back(name in "\\PC{1,100}") {
        let mut value = full();
        value.identity.as_mut().expect("given").full_name = told(&name);
        match read(&value) {
            Ok(content) => {
                let bytes = content.encode(Part::Identity).expect("at hand");
                let identity = pb::ReferralIdentity::decode(bytes.as_slice()).expect("valid");
                prop_assert_eq!(identity.full_name, told(&name));
            }
            Err(refusal) => prop_assert!(refusal.has(reason::TEXT_NOT_NFC)),
        }
    }
}

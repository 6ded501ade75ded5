//! The parts of a referral's content: what is taken as a part is the same when it is read as a request's and written.

use nhipcau_domain::referral::{Content, LISTED, Part, Salt, check_part};
use nhipcau_proto::{google, referral::v1 as pb};
use prost::Message as _;

/// What is said beside a work comes last; it is no content of a request.
const PARTS: [Part; 5] = [Part::Preview, Part::Identity, Part::Narrative, Part::Reporter, Part::Work];

/// The first byte says which part the rest is.
pub fn property(bytes: &[u8]) {
    let Some((part, bytes)) = bytes.split_first() else { return };
    let part = PARTS[usize::from(*part) % PARTS.len()];
    if let Err(refusal) = check_part(part, bytes) {
        assert!(!refusal.violations().is_empty() && refusal.violations().len() <= LISTED);
    }
    let preview = pb::ReferralPreview::decode(seeds()[0][1..].as_ref()).ok();
    let mut content = pb::ReferralContent { preview, ..Default::default() };
    match part {
        Part::Preview => content.preview = pb::ReferralPreview::decode(bytes).ok(),
        Part::Identity => content.identity = pb::ReferralIdentity::decode(bytes).ok(),
        Part::Narrative => content.narrative = pb::ReferralNarrative::decode(bytes).ok(),
        Part::Reporter => content.reporter = pb::ReferralReporter::decode(bytes).ok(),
        _ => return,
    }
    let Ok(read) = Content::read(&content, || Salt::new([5; 32])) else { return };
    for part in PARTS {
        let Some(written) = read.encode(part) else { continue };
        assert_eq!(check_part(part, &written), Ok(()), "what is written is taken by the other side");
    }
}

/// One of each part.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let known = |text: &str| Some(pb::KnownText { value: text.to_owned(), unknown: 0 });
    let salt = || vec![5; 32];
    let time = Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 0 });
    let area = Some(pb::AdminUnitRef {
        code: "00004".to_owned(),
        level: pb::AdminLevel::Commune.into(),
        code_list_version: "VN-34-2026".to_owned(),
    });
    let contact = Some(pb::SafeContact {
        channel: pb::ContactChannel::Call.into(),
        detail: "0900 000 000".to_owned(),
        hours: "8 giờ".to_owned(),
        answerer: "mẹ".to_owned(),
        message_allowed: true,
    });
    let preview = pb::ReferralPreview {
        salt: salt(),
        reception: Some(pb::Reception {
            report_number: "VD-0001".to_owned(),
            channel: pb::ReportChannel::Phone.into(),
            report_time: time,
            officer: "can-bo-01".to_owned(),
        }),
        subject: pb::CaseSubject::Abused.into(),
        abuse_types: vec![pb::AbuseType::Neglect.into()],
        protection_concerns: vec!["neglect".to_owned()],
        service_types: vec![pb::ServiceType::Psychosocial.into()],
        response_timeframe: pb::ResponseTimeframe::OneDay.into(),
        risk_level: pb::RiskLevel::Medium.into(),
        age_group: pb::AgeGroup::AgeGroup6To12.into(),
        sex: pb::Sex::Female.into(),
        incident_area: area.clone(),
        criteria: vec![pb::RiskCriterion {
            criterion: pb::RiskCriterionCode::HarmStillSerious.into(),
            level: pb::RiskLevel::High.into(),
        }],
    };
    let birth = google::r#type::Date { year: 2017, month: 5, day: 0 };
    let identity = pb::ReferralIdentity {
        salt: salt(),
        full_name: known("Nguyễn Thị Ví Dụ"),
        birth: Some(pb::Birth { birth_date: Some(birth), ..Default::default() }),
        sex: pb::Sex::Female.into(),
        home_area: area,
        home_address: known("Thôn 2"),
        mother: Some(pb::Relative {
            full_name: known("Trần Thị Ví Dụ"),
            age_years: Some(34),
            occupation: known("may"),
        }),
        contact: contact.clone(),
        ..Default::default()
    };
    let narrative = pb::ReferralNarrative {
        salt: salt(),
        incident_place: known("nhà"),
        incident_time_text: known("tuần này"),
        condition: known("ổn định"),
        likely_consequences: known("bỏ học"),
        family_circumstances: known("mẹ làm ca đêm"),
        actions_taken: known("đã tư vấn"),
        request_reason: known("hỗ trợ tâm lý"),
        suspects: vec![pb::ConsentGiver::Father.into()],
        notes: "không".to_owned(),
        attachments: vec![pb::Attachment {
            digest: vec![7; 32],
            size_bytes: 4_096,
            media_type: pb::AttachmentMediaType::Pdf.into(),
            kind: pb::AttachmentKind::OfficialRecord.into(),
            label: "biên bản".to_owned(),
        }],
    };
    let (name, address) = (known("Trần Văn Ví Dụ"), known("Thôn 3"));
    let reporter = pb::ReferralReporter { salt: salt(), agreed: true, full_name: name, address, contact };
    let work = pb::WorkDetails { salt: salt(), note: "đã thăm nhà".to_owned(), ..Default::default() };
    let parts = [
        preview.encode_to_vec(),
        identity.encode_to_vec(),
        narrative.encode_to_vec(),
        reporter.encode_to_vec(),
        work.encode_to_vec(),
    ];
    (0u8..).zip(parts).map(|(number, part)| [vec![number], part].concat()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_are_taken_so_that_the_property_says_something() {
        for (part, seed) in PARTS.into_iter().zip(seeds()) {
            assert_eq!(check_part(part, &seed[1..]), Ok(()), "{part:?}");
        }
    }
}

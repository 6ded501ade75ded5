//! What is said of a case, with the words wherever it may hold a text.

use jiff::Timestamp;
use nhipcau_proto::{google::r#type::Date, referral::v1 as pb};
use nhipcau_tests::case::{commune, preview};
use uuid::Uuid;

use crate::canary::{PHONE, text};

/// A request whose every free text holds the words.
pub(crate) fn request(
    sides: [&'static str; 2],
    kind: pb::ReferralKind,
) -> ([&'static str; 2], pb::SubmitReferralRequest) {
    let unit = |party: &str| {
        let unit = match party {
            "moh" => "111",
            "hanoi" => "00004",
            _ => "desk",
        };
        pb::UnitRef { party: party.to_owned(), unit: unit.to_owned() }
    };
    let basis = match kind {
        pb::ReferralKind::Transfer => pb::LawfulBasis {
            statutory_duty: Some(pb::StatutoryDuty {
                citation: "Nghị định 56/2017/NĐ-CP, điều 26".to_owned()
            }),
            ..Default::default()
        },
        _ => pb::LawfulBasis {
            consent: Some(pb::Consent {
                giver: pb::ConsentGiver::Mother.into(),
                scopes: [pb::ConsentScope::Services, pb::ConsentScope::Identity, pb::ConsentScope::Narrative]
                    .map(i32::from)
                    .to_vec(),
                consent_time: Some(an_hour_ago()),
                expire_time: None,
            }),
            ..Default::default()
        },
    };
    let request = pb::SubmitReferralRequest {
        request_id: Uuid::now_v7().to_string(),
        origin: Some(unit(sides[0])),
        recipients: vec![unit(sides[1])],
        kind: kind.into(),
        purpose: "protection".to_owned(),
        lawful_basis: Some(basis),
        content: Some(content()),
        acting_person: "can-bo-01".to_owned(),
        ..Default::default()
    };
    (sides, request)
}

pub(super) fn an_hour_ago() -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: Timestamp::now().as_second() - 3_600, nanos: 0 }
}

/// A content with the words wherever it may hold a text.
pub(crate) fn content() -> pb::ReferralContent {
    let known = |about: &str| Some(pb::KnownText { value: text(about), unknown: 0 });
    let reported = preview(an_hour_ago());
    let contact = || pb::SafeContact {
        channel: pb::ContactChannel::Call.into(),
        detail: PHONE.to_owned(),
        hours: text("giờ"),
        answerer: text("người nghe"),
        message_allowed: false,
    };
    let relative =
        |about: &str| Some(pb::Relative { full_name: known(about), age_years: Some(34), occupation: known("nghề") });
    pb::ReferralContent {
        preview: Some(pb::ReferralPreview {
            reception: reported.reception.clone().map(|told| pb::Reception { report_number: PHONE.to_owned(), ..told }),
            ..reported
        }),
        identity: Some(pb::ReferralIdentity {
            full_name: known("tên"),
            birth: Some(pb::Birth { birth_date: Some(Date { year: 2017, month: 5, day: 0 }), ..Default::default() }),
            sex: pb::Sex::Female.into(),
            home_area: Some(commune()),
            home_address: known("nhà"),
            current_area: Some(commune()),
            mother: relative("mẹ"),
            father: relative("bố"),
            carer: relative("bà"),
            contact: Some(contact()),
            ..Default::default()
        }),
        narrative: Some(pb::ReferralNarrative {
            incident_place: known("nơi"),
            incident_time_text: known("lúc"),
            condition: known("tình trạng"),
            likely_consequences: known("hậu quả"),
            family_circumstances: known("gia đình"),
            actions_taken: known("đã làm"),
            request_reason: known("lý do"),
            notes: text("ghi chú"),
            ..Default::default()
        }),
        reporter: Some(pb::ReferralReporter {
            agreed: true,
            full_name: known("người báo"),
            address: known("nhà người báo"),
            contact: Some(contact()),
            ..Default::default()
        }),
    }
}

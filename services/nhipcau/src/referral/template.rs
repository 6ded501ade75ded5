//! `nhipcau referral template`: a filled example to begin from, complete by the rules of the contract. Every person in
//! it is invented.

use jiff::Timestamp;
use nhipcau_proto::{google::r#type::Date, referral::v1 as pb};

use super::{code, transition};
use crate::{client::document, exit::Failure, terminal};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What is asked of the recipient: transfer, referral or notification.
    #[arg(long, value_parser = code::parse::<pb::ReferralKind>)]
    kind: pb::ReferralKind,
    /// Unit that submits.
    #[arg(long, value_name = "PARTY/UNIT", default_value = "moh/111", value_parser = transition::unit)]
    from: pb::UnitRef,
    /// Unit that is asked.
    #[arg(long, value_name = "PARTY/UNIT", default_value = "hanoi/00004", value_parser = transition::unit)]
    to: pb::UnitRef,
    /// Purpose under which the parties agreed to exchange.
    #[arg(long, default_value = PURPOSE)]
    purpose: String,
}

/// The purpose of the programme's agreements on cases.
pub(crate) const PURPOSE: &str = "protection";

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let request = pb::SubmitReferralRequest {
        purpose: args.purpose.clone(),
        ..example(args.kind, args.from.clone(), args.to.clone(), Timestamp::now())
    };
    terminal::progress("Replace every value. Codes and lengths: proto/nhipcau/referral/v1. Leave request_id out.");
    terminal::json(&document::write(&request)?)
}

/// A referral whose every rule of form is met. `now` is when the report came in.
pub(crate) fn example(
    kind: pb::ReferralKind,
    origin: pb::UnitRef,
    recipient: pb::UnitRef,
    now: Timestamp,
) -> pb::SubmitReferralRequest {
    let time = prost_types::Timestamp { seconds: now.as_second(), nanos: 0 };
    let (identity, narrative) = match kind {
        pb::ReferralKind::Notification => (None, None),
        _ => (Some(identity()), Some(narrative())),
    };
    pb::SubmitReferralRequest {
        request_id: String::new(),
        origin: Some(origin),
        recipients: vec![recipient],
        kind: kind.into(),
        purpose: PURPOSE.to_owned(),
        lawful_basis: Some(basis(kind, time)),
        content: Some(pb::ReferralContent { preview: Some(preview(time)), identity, narrative, reporter: None }),
        case_uid: String::new(),
        acting_person: "can-bo-01".to_owned(),
        validate_only: false,
    }
}

/// A transfer rests on the duty to hand over; anything else here on consent.
fn basis(kind: pb::ReferralKind, time: prost_types::Timestamp) -> pb::LawfulBasis {
    match kind {
        pb::ReferralKind::Transfer => pb::LawfulBasis {
            statutory_duty: Some(pb::StatutoryDuty {
                citation: "Nghị định 56/2017/NĐ-CP, điều 26".to_owned()
            }),
            ..pb::LawfulBasis::default()
        },
        _ => pb::LawfulBasis {
            consent: Some(pb::Consent {
                giver: pb::ConsentGiver::Mother.into(),
                scopes: [pb::ConsentScope::Services, pb::ConsentScope::Identity, pb::ConsentScope::Narrative]
                    .map(i32::from)
                    .to_vec(),
                consent_time: Some(time),
                expire_time: None,
            }),
            ..pb::LawfulBasis::default()
        },
    }
}

fn preview(time: prost_types::Timestamp) -> pb::ReferralPreview {
    pb::ReferralPreview {
        salt: Vec::new(),
        reception: Some(pb::Reception {
            report_number: "VD-0001".to_owned(),
            channel: pb::ReportChannel::Phone.into(),
            report_time: Some(time),
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
        incident_area: Some(commune()),
        criteria: vec![pb::RiskCriterion {
            criterion: pb::RiskCriterionCode::PerpetratorAccess.into(),
            level: pb::RiskLevel::Medium.into(),
        }],
    }
}

fn commune() -> pb::AdminUnitRef {
    pb::AdminUnitRef {
        code: "00004".to_owned(),
        level: pb::AdminLevel::Commune.into(),
        code_list_version: "VN-34-2026".to_owned(),
    }
}

fn identity() -> pb::ReferralIdentity {
    pb::ReferralIdentity {
        salt: Vec::new(),
        full_name: told("Nguyễn Thị Ví Dụ"),
        birth: Some(pb::Birth { birth_date: Some(Date { year: 2017, month: 5, day: 0 }), ..pb::Birth::default() }),
        sex: pb::Sex::Female.into(),
        home_area: Some(commune()),
        home_address: not_asked(),
        current_area: None,
        mother: Some(pb::Relative {
            full_name: told("Trần Thị Ví Dụ"), age_years: Some(34), occupation: not_asked()
        }),
        father: None,
        carer: None,
        contact: Some(pb::SafeContact {
            channel: pb::ContactChannel::Call.into(),
            detail: "0900 000 000".to_owned(),
            hours: "8 giờ – 11 giờ, ngày thường".to_owned(),
            answerer: "mẹ của cháu".to_owned(),
            message_allowed: false,
        }),
        attachments: Vec::new(),
    }
}

fn narrative() -> pb::ReferralNarrative {
    pb::ReferralNarrative {
        salt: Vec::new(),
        incident_place: not_asked(),
        incident_time_text: told("trong tuần này"),
        condition: told("cháu ổn định, đang ở cùng mẹ"),
        likely_consequences: told("cháu có thể bỏ học"),
        family_circumstances: told("mẹ đi làm ca đêm"),
        actions_taken: told("đã tư vấn cho người báo tin"),
        request_reason: told("cần hỗ trợ tâm lý và theo dõi tại nơi ở"),
        suspects: Vec::new(),
        notes: String::new(),
        attachments: Vec::new(),
    }
}

fn told(value: &str) -> Option<pb::KnownText> {
    Some(pb::KnownText { value: value.to_owned(), unknown: 0 })
}

fn not_asked() -> Option<pb::KnownText> {
    Some(pb::KnownText { value: String::new(), unknown: pb::UnknownReason::NotAsked.into() })
}

//! What a case of a test says where it does not matter, in the words of the contract.

use nhipcau_proto::referral::v1 as pb;

/// A commune of Hà Nội, which a unit of the sandbox answers for.
#[must_use]
pub fn commune() -> pb::AdminUnitRef {
    pb::AdminUnitRef {
        code: "00004".to_owned(),
        level: pb::AdminLevel::Commune.into(),
        code_list_version: "VN-34-2026".to_owned(),
    }
}

/// What is told of a case before anybody has accepted it, reported at this time.
#[must_use]
pub fn preview(report_time: prost_types::Timestamp) -> pb::ReferralPreview {
    pb::ReferralPreview {
        reception: Some(pb::Reception {
            report_number: "VD-0001".to_owned(),
            channel: pb::ReportChannel::Phone.into(),
            report_time: Some(report_time),
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
        ..Default::default()
    }
}

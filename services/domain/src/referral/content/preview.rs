//! The coded preview: what a unit needs in order to decide.

use jiff::Timestamp;
use nhipcau_proto::referral::v1 as pb;

use super::{
    super::{
        code::{AbuseType, AgeGroup, Criterion, ReportChannel, RiskLevel, ServiceType, Sex, Subject, Timeframe},
        event::PersonRef,
        personal::Personal,
        text::Text,
        violation::Refusal,
        wire,
    },
    Salt, read_area, write_area,
};
use crate::{area::AdminUnitRef, reason};

const MOST_CODES: usize = 16;
const MOST_CONCERNS: usize = 32;

/// The coded preview.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// Random bytes of the part.
    pub salt: Salt,
    /// How the sender learned of it.
    pub reception: Reception,
    /// Who is concerned.
    pub subject: Personal<Subject>,
    /// Forms of abuse.
    pub abuse_types: Personal<Vec<AbuseType>>,
    /// Codes of the list `protection_concerns`.
    pub protection_concerns: Personal<Vec<Box<str>>>,
    /// Services asked for.
    pub service_types: Personal<Vec<ServiceType>>,
    /// How soon an answer in deed is needed.
    pub response_timeframe: Timeframe,
    /// Risk as the sender sees it.
    pub risk_level: Personal<RiskLevel>,
    /// Age group.
    pub age_group: Personal<AgeGroup>,
    /// Sex.
    pub sex: Personal<Sex>,
    /// Where it happened; `None` when unknown.
    pub incident_area: Option<Personal<AdminUnitRef>>,
    /// Single criteria of risk as they were graded.
    pub criteria: Personal<Vec<(Criterion, RiskLevel)>>,
}

/// How the sender learned of the case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reception {
    /// Number in the sender's register; empty when none was given.
    pub report_number: Text,
    /// Channel.
    pub channel: ReportChannel,
    /// When the report was received.
    pub time: Timestamp,
    /// Receiving officer.
    pub officer: Option<PersonRef>,
}

impl Preview {
    pub(super) fn read(value: &pb::ReferralPreview, salt: Salt, path: &str, refusal: &mut Refusal) -> Option<Self> {
        let at = |field: &str| format!("{path}.{field}");
        let reception = wire::required(value.reception.as_ref(), &at("reception"), refusal)
            .and_then(|reception| Reception::read(reception, &at("reception"), refusal));
        let subject = wire::known(Subject::from_wire(value.subject), Subject::is_known, &at("subject"), refusal);
        let abuse_types = codes(&value.abuse_types, AbuseType::from_wire, &at("abuse_types"), refusal);
        let concerns = concerns(&value.protection_concerns, &at("protection_concerns"), refusal);
        let services = codes(&value.service_types, ServiceType::from_wire, &at("service_types"), refusal);
        let timeframe = wire::known(
            Timeframe::from_wire(value.response_timeframe),
            Timeframe::is_known,
            &at("response_timeframe"),
            refusal,
        );
        let risk = wire::code(RiskLevel::from_wire(value.risk_level), &at("risk_level"), refusal);
        let age_group = wire::code(AgeGroup::from_wire(value.age_group), &at("age_group"), refusal);
        let sex = wire::code(Sex::from_wire(value.sex), &at("sex"), refusal);
        let incident_area = read_area(value.incident_area.as_ref(), &at("incident_area"), refusal);
        let criteria = criteria(&value.criteria, &at("criteria"), refusal);
        Some(Self {
            salt,
            reception: reception?,
            subject: Personal::new(subject?),
            abuse_types: Personal::new(abuse_types),
            protection_concerns: Personal::new(concerns),
            service_types: Personal::new(services),
            response_timeframe: timeframe?,
            risk_level: Personal::new(risk?),
            age_group: Personal::new(age_group?),
            sex: Personal::new(sex?),
            incident_area,
            criteria: Personal::new(criteria),
        })
    }

    /// Encodes the part.
    #[must_use]
    pub fn write(&self) -> pb::ReferralPreview {
        pb::ReferralPreview {
            salt: self.salt.write(),
            reception: Some(self.reception.write()),
            subject: self.subject.expose().to_wire(),
            abuse_types: self.abuse_types.expose().iter().map(|code| code.to_wire()).collect(),
            protection_concerns: self.protection_concerns.expose().iter().map(ToString::to_string).collect(),
            service_types: self.service_types.expose().iter().map(|code| code.to_wire()).collect(),
            response_timeframe: self.response_timeframe.to_wire(),
            risk_level: self.risk_level.expose().to_wire(),
            age_group: self.age_group.expose().to_wire(),
            sex: self.sex.expose().to_wire(),
            incident_area: self.incident_area.as_ref().map(write_area),
            criteria: self.criteria.expose().iter().map(write_criterion).collect(),
        }
    }
}

impl Reception {
    fn read(value: &pb::Reception, path: &str, refusal: &mut Refusal) -> Option<Self> {
        let number = Text::read_or_empty(&value.report_number, 64, &format!("{path}.report_number"), refusal);
        let channel = wire::code(ReportChannel::from_wire(value.channel), &format!("{path}.channel"), refusal);
        let time = wire::timestamp(value.report_time.as_ref(), &format!("{path}.report_time"), refusal);
        let officer = Some(&value.officer).filter(|officer| !officer.is_empty());
        let officer =
            officer.and_then(|officer| wire::formatted(PersonRef::new(officer), &format!("{path}.officer"), refusal));
        Some(Self { report_number: number?, channel: channel?, time: time?, officer })
    }

    fn write(&self) -> pb::Reception {
        pb::Reception {
            report_number: self.report_number.as_str().to_owned(),
            channel: self.channel.to_wire(),
            report_time: Some(wire::write_time(self.time)),
            officer: self.officer.as_ref().map_or_else(String::new, |officer| officer.as_str().to_owned()),
        }
    }
}

/// A list of codes in which each stands once.
fn codes<C>(values: &[i32], from_wire: fn(i32) -> Option<C>, path: &str, refusal: &mut Refusal) -> Vec<C> {
    wire::unique(values, path, refusal);
    wire::codes(values, MOST_CODES, from_wire, path, refusal)
}

/// Graded criteria, each of which stands once.
pub(in super::super) fn criteria(
    values: &[pb::RiskCriterion],
    path: &str,
    refusal: &mut Refusal,
) -> Vec<(Criterion, RiskLevel)> {
    let criteria: Vec<_> = values.iter().map(|value| value.criterion).collect();
    wire::unique(&criteria, path, refusal);
    wire::list(values, MOST_CODES, path, refusal, |value, path, refusal| {
        let criterion = wire::code(Criterion::from_wire(value.criterion), &format!("{path}.criterion"), refusal);
        let level = wire::code(RiskLevel::from_wire(value.level), &format!("{path}.level"), refusal);
        Some((criterion?, level?))
    })
}

pub(in super::super) fn write_criterion((criterion, level): &(Criterion, RiskLevel)) -> pb::RiskCriterion {
    pb::RiskCriterion { criterion: criterion.to_wire(), level: level.to_wire() }
}

fn concerns(values: &[String], path: &str, refusal: &mut Refusal) -> Vec<Box<str>> {
    if values.len() > MOST_CONCERNS {
        refusal.add(path, reason::TOO_MANY);
    }
    wire::unique(values, path, refusal);
    let is_code = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    for (index, value) in values.iter().enumerate() {
        if !(1..=64).contains(&value.len()) || !value.bytes().all(is_code) {
            refusal.add(format!("{path}[{index}]"), reason::FIELD_FORMAT);
        }
    }
    values.iter().take(MOST_CONCERNS).map(|value| value.as_str().into()).collect()
}

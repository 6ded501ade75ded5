//! A contact as the contract writes it: to be shown, and to be kept under the key of its case.

use jiff::Timestamp;
use nhipcau_proto::switchboard::v1 as pb;
use uuid::Uuid;

use super::{CloseReason, Contact, Report, State};
use crate::{
    id::PartyId,
    reason,
    referral::{Objection, Refusal, read_unit, write_time, write_unit},
};

/// The name of a contact of a party, `parties/{party}/contacts/{contact}`.
#[must_use]
pub fn name(party: &PartyId, contact: Uuid) -> String {
    format!("parties/{party}/contacts/{contact}")
}

impl Contact {
    /// The name, `parties/{party}/contacts/{contact}`.
    #[must_use]
    pub fn name(&self) -> String {
        name(&self.unit.party, self.uid)
    }

    /// Encodes it whole. [`basic`] leaves out what is about a person.
    #[must_use]
    pub fn write(&self) -> pb::Contact {
        let referral = self.referral.map(|uid| format!("parties/{}/referrals/{uid}", self.unit.party));
        let handover = self.handover.map(|uid| format!("parties/{}/handovers/{uid}", self.unit.party));
        pb::Contact {
            name: self.name(),
            uid: self.uid.to_string(),
            case_uid: self.case.to_string(),
            unit: Some(write_unit(&self.unit)),
            reception: Some(self.report.reception().clone()),
            state: self.state.to_wire(),
            details: Some(self.report.details().clone()),
            referral: referral.unwrap_or_default(),
            sending_request_id: self.sending.map(|id| id.to_string()).unwrap_or_default(),
            violations: self.objections.iter().map(Objection::write).collect(),
            close_reason: self.close_reason.map_or(0, CloseReason::to_wire),
            create_time: Some(write_time(self.created)),
            state_time: Some(write_time(self.since)),
            etag: self.etag(),
            earlier_contacts: Vec::new(),
            earlier_contact_count: 0,
            handover: handover.unwrap_or_default(),
        }
    }

    /// Reads what [`Contact::write`] wrote.
    ///
    /// # Errors
    /// A [`Refusal`] with every violation.
    pub fn read(value: &pb::Contact) -> Result<Self, Refusal> {
        let mut refusal = Refusal::default();
        let uid = uid(&value.uid, "uid", &mut refusal);
        let case = self::uid(&value.case_uid, "case_uid", &mut refusal);
        let unit = read_unit(value.unit.as_ref(), "unit", &mut refusal);
        // What was recorded was not ahead of the clock then.
        let report = Report::read(value.reception.as_ref(), value.details.as_ref(), Timestamp::MAX, &mut refusal);
        let state = found(State::from_wire(value.state), "state", reason::CODE_UNKNOWN, &mut refusal);
        let referral = value.referral.rsplit_once('/').map(|(_, text)| self::uid(text, "referral", &mut refusal));
        let handover = value.handover.rsplit_once('/').map(|(_, text)| self::uid(text, "handover", &mut refusal));
        let sending = Some(&value.sending_request_id).filter(|text| !text.is_empty());
        let sending = sending.map(|text| self::uid(text, "sending_request_id", &mut refusal));
        let objections = value.violations.iter().enumerate();
        let objections = objections
            .filter_map(|(index, value)| Objection::read(value, &format!("violations[{index}]"), &mut refusal))
            .collect();
        let created = time(value.create_time.as_ref(), "create_time", &mut refusal);
        let since = time(value.state_time.as_ref(), "state_time", &mut refusal);
        let version = found(value.etag.parse().ok(), "etag", reason::FIELD_FORMAT, &mut refusal);
        match refusal.or((uid, case, unit, report, state, created, since, version))? {
            (
                Some(uid),
                Some(case),
                Some(unit),
                Some(report),
                Some(state),
                Some(created),
                Some(since),
                Some(version),
            ) => Ok(Self {
                uid,
                case,
                handover: handover.flatten(),
                unit,
                report,
                state,
                referral: referral.flatten(),
                sending: sending.flatten(),
                objections,
                close_reason: CloseReason::from_wire(value.close_reason),
                created,
                since,
                version,
            }),
            _ => Err(Refusal::one("contact", reason::FIELD_REQUIRED)),
        }
    }
}

/// The BASIC view: nothing that is about a person.
#[must_use]
pub fn basic(mut contact: pb::Contact) -> pb::Contact {
    contact.details = None;
    // A free text, into which people write what they have at hand: a telephone number, a name.
    if let Some(reception) = &mut contact.reception {
        reception.report_number.clear();
    }
    for violation in &mut contact.violations {
        violation.candidates.clear();
    }
    contact
}

fn uid(text: &str, path: &str, refusal: &mut Refusal) -> Option<Uuid> {
    found(Uuid::try_parse(text).ok(), path, reason::FIELD_FORMAT, refusal)
}

fn time(value: Option<&prost_types::Timestamp>, path: &str, refusal: &mut Refusal) -> Option<Timestamp> {
    let time = value.and_then(|time| Timestamp::new(time.seconds, time.nanos).ok());
    found(time, path, reason::DATE_INVALID, refusal)
}

fn found<T>(value: Option<T>, path: &str, reason: &'static str, refusal: &mut Refusal) -> Option<T> {
    if value.is_none() {
        refusal.add(path, reason);
    }
    value
}

//! What the people of a switchboard do in these tests: requests with what every one of them needs, made at a door.

use std::sync::atomic::{AtomicU64, Ordering};

use nhipcau_domain::id::SystemId;
use nhipcau_proto::{
    referral::v1 as referral,
    switchboard::v1::{self as pb, contact_service_server::ContactService as _},
};
use nhipcau_runtime::caller::{Caller, Role};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use crate::world::*;

/// Names that lie nowhere in the clear.
pub(crate) const CHILD: &str = "Nguyễn Thị Canary";
pub(crate) const STORY: &str = "Chuyện Canary kể";
/// 2026-11-23T07:00:00Z, an hour before these tests begin.
const BEFORE: i64 = 1_795_417_200;

static REQUESTS: AtomicU64 = AtomicU64::new(1);

/// A request id that nobody has used.
pub(crate) fn request_id() -> String {
    uuid::Uuid::from_u128(0x4000_8000_0000_0000_0000 + u128::from(REQUESTS.fetch_add(1, Ordering::Relaxed))).to_string()
}

/// A call of a party's system with every role.
pub(crate) fn call<T>(message: T, party_name: &str) -> Request<T> {
    call_as(message, party_name, &Role::ALL)
}

pub(crate) fn call_as<T>(message: T, party_name: &str, roles: &[Role]) -> Request<T> {
    let mut request = Request::new(message);
    let system = SystemId::new("hotline").unwrap();
    Caller { party: party(party_name), system, roles: roles.iter().copied().collect() }.attach(&mut request);
    request
}

/// Code and reason of a refusal.
pub(crate) fn refusal(status: &Status) -> (Code, String) {
    (status.code(), status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default())
}

/// The fields of a refusal and what is wrong with each.
pub(crate) fn fields(status: &Status) -> Vec<(String, String)> {
    let details = status.get_error_details();
    let listed = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
    listed.into_iter().map(|violation| (violation.field, violation.description)).collect()
}

fn told(value: &str) -> Option<referral::KnownText> {
    Some(referral::KnownText { value: value.into(), unknown: 0 })
}

pub(crate) fn area(code: &str, version: &str) -> Option<referral::AdminUnitRef> {
    let level = referral::AdminLevel::Commune.into();
    Some(referral::AdminUnitRef { code: code.into(), code_list_version: version.into(), level })
}

/// The least that can be sent, but for where it happened.
pub(crate) fn least() -> pb::ContactDetails {
    let high = referral::RiskLevel::High.into();
    let criterion = referral::RiskCriterionCode::PerpetratorAccess.into();
    pb::ContactDetails {
        subject: referral::CaseSubject::AtRisk.into(),
        criteria: vec![referral::RiskCriterion { criterion, level: high }],
        ..Default::default()
    }
}

/// The same, in Ba Đình.
pub(crate) fn placed() -> pb::ContactDetails {
    pb::ContactDetails { incident_area: area("00004", "VN-34"), ..least() }
}

/// With the child's name and story.
pub(crate) fn personal() -> pb::ContactDetails {
    let identity = referral::ReferralIdentity {
        full_name: told(CHILD),
        birth: Some(referral::Birth { estimated_age_years: Some(9), ..Default::default() }),
        sex: referral::Sex::Female.into(),
        home_address: told("ngõ 1"),
        ..Default::default()
    };
    let narrative = referral::ReferralNarrative {
        incident_place: told("ở nhà"),
        incident_time_text: told("tối qua"),
        condition: told(STORY),
        likely_consequences: told("bị đánh tiếp"),
        family_circumstances: told("bố mẹ ly hôn"),
        actions_taken: told("đã trấn an"),
        request_reason: told("cần đến ngay"),
        ..Default::default()
    };
    pb::ContactDetails { identity: Some(identity), narrative: Some(narrative), ..placed() }
}

pub(crate) fn recording(details: pb::ContactDetails) -> pb::RecordContactRequest {
    pb::RecordContactRequest {
        request_id: request_id(),
        unit: Some(referral::UnitRef { party: "moh".into(), unit: "111".into() }),
        reception: Some(referral::Reception {
            report_number: "111/2026/77".into(),
            channel: referral::ReportChannel::Phone.into(),
            report_time: Some(prost_types::Timestamp { seconds: BEFORE, nanos: 0 }),
            officer: "tv-3".into(),
        }),
        details: Some(details),
        acting_person: "tv-3".into(),
        validate_only: false,
    }
}

pub(crate) fn sending(contact: &pb::Contact) -> pb::SendContactRequest {
    let duty = referral::StatutoryDuty { citation: "Decree 56/2017/NĐ-CP art. 26".into() };
    pb::SendContactRequest {
        request_id: request_id(),
        name: contact.name.clone(),
        etag: contact.etag.clone(),
        acting_person: "tv-3".into(),
        kind: referral::ReferralKind::Transfer.into(),
        purpose: PURPOSE.into(),
        lawful_basis: Some(referral::LawfulBasis { statutory_duty: Some(duty), ..Default::default() }),
        service: "child-protection".into(),
        ..Default::default()
    }
}

/// Whose a contact is, by its name.
fn home(name: &str) -> usize {
    NAMES.iter().position(|party| name.starts_with(&format!("parties/{party}/"))).unwrap()
}

impl World {
    pub(crate) async fn record(&self, details: pb::ContactDetails) -> pb::Contact {
        let answer = self.nodes[MOH].door.record_contact(call(recording(details), "moh")).await.unwrap();
        answer.into_inner().contact.unwrap()
    }

    pub(crate) async fn send(&self, request: &pb::SendContactRequest) -> Result<pb::SendContactResponse, Status> {
        let node = home(&request.name);
        Ok(self.nodes[node].door.send_contact(call(request.clone(), NAMES[node])).await?.into_inner())
    }

    pub(crate) async fn close(&self, contact: &pb::Contact) -> Result<pb::Contact, Status> {
        let request = pb::CloseContactRequest {
            request_id: request_id(),
            name: contact.name.clone(),
            etag: contact.etag.clone(),
            acting_person: "tv-3".into(),
            reason: pb::ContactCloseReason::Done.into(),
            ..Default::default()
        };
        let node = home(&contact.name);
        Ok(self.nodes[node].door.close_contact(call(request, NAMES[node])).await?.into_inner().contact.unwrap())
    }

    pub(crate) async fn amend(
        &self,
        contact: &pb::Contact,
        details: pb::ContactDetails,
    ) -> Result<pb::AmendContactResponse, Status> {
        let request = pb::AmendContactRequest {
            request_id: request_id(),
            name: contact.name.clone(),
            etag: contact.etag.clone(),
            details: Some(details),
            ..Default::default()
        };
        let node = home(&contact.name);
        Ok(self.nodes[node].door.amend_contact(call(request, NAMES[node])).await?.into_inner())
    }

    /// As it stands, BASIC.
    pub(crate) async fn get(&self, contact: &pb::Contact) -> pb::Contact {
        let (node, name) = (home(&contact.name), contact.name.clone());
        let request = pb::GetContactRequest { name, ..Default::default() };
        self.nodes[node].door.get_contact(call(request, NAMES[node])).await.unwrap().into_inner().contact.unwrap()
    }

    /// As it stands, FULL.
    pub(crate) async fn full(&self, contact: &pb::Contact) -> pb::Contact {
        let request = pb::GetContactRequest {
            name: contact.name.clone(),
            view: referral::ReferralView::Full.into(),
            acting_person: "tv-4".into(),
        };
        let node = home(&contact.name);
        self.nodes[node].door.get_contact(call(request, NAMES[node])).await.unwrap().into_inner().contact.unwrap()
    }
}

//! Sending a contact: everything that keeps it from being sent, at once, or what is to be submitted.
//!
//! The minimum is little: how and when it was received, where it happened or that this is unknown, who is concerned,
//! one criterion of risk, and by what right. Where no unit is certain, a person chooses; no name is ever taken because
//! it comes first.

use std::collections::BTreeSet;

use nhipcau_proto::{referral::v1 as referral, switchboard::v1 as pb};
use uuid::Uuid;

use super::{Call, Contact, Deed, way};
use crate::{
    id::{self, Purpose},
    reason,
    referral::{Kind, Part, Personal, Refusal, Requested, UnitRef, read_basis, read_unit, write_unit},
    route::{Route, Routes},
};

/// Most units that a person may choose.
const RECIPIENTS: usize = 16;

/// A contact that is being sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// As it stands now.
    pub contact: Contact,
    /// What is to be submitted.
    pub requested: Requested,
    /// Who gets it and why; `None` when a person chose.
    pub route: Option<Route>,
}

impl Contact {
    /// Sends what is known, to the unit that serves or to those that a person chose.
    ///
    /// # Errors
    /// A [`Refusal`] with everything that keeps it from being sent.
    pub fn send(&self, request: &pb::SendContactRequest, call: &Call<'_>, routes: &Routes) -> Result<Sent, Refusal> {
        let mut refusal = Refusal::default();
        self.object(Deed::Send, call, &mut refusal);
        let request_id = Uuid::try_parse(&request.request_id).ok().filter(|id| !id.is_nil());
        if request_id.is_none() {
            refusal.add("request_id", reason::FIELD_FORMAT);
        }
        let kind = kind(request.kind, &mut refusal);
        if Purpose::new(&request.purpose).is_err() {
            refusal.add("purpose", reason::FIELD_FORMAT);
        }
        self.object_to_basis(request.lawful_basis.as_ref(), call, &mut refusal);
        self.object_to_report(kind, &mut refusal);
        let (recipients, route) = self.recipients(request, call, routes, &mut refusal);
        let Some(request_id) = refusal.or(request_id)? else {
            return Err(Refusal::one("request_id", reason::FIELD_FORMAT));
        };
        let submission = referral::SubmitReferralRequest {
            origin: Some(write_unit(&self.unit)),
            recipients: recipients.iter().map(write_unit).collect(),
            kind: request.kind,
            purpose: request.purpose.clone(),
            lawful_basis: request.lawful_basis.clone(),
            content: Some(self.report.content()),
            ..referral::SubmitReferralRequest::default()
        };
        let requested = Requested {
            contact: self.uid,
            case: self.case,
            actor: call.actor.clone(),
            request_id,
            request: Personal::new(submission),
        };
        let contact =
            Self { sending: Some(request_id), objections: Vec::new(), version: self.version + 1, ..self.clone() };
        Ok(Sent { contact, requested, route })
    }

    /// Why nothing may be shared on the basis that is stated.
    fn object_to_basis(&self, given: Option<&referral::LawfulBasis>, call: &Call<'_>, refusal: &mut Refusal) {
        const PATH: &str = "lawful_basis";
        let Some(given) = given else {
            refusal.add(PATH, reason::BASIS_MISSING);
            return;
        };
        let Some(basis) = read_basis(given, PATH, refusal) else { return };
        for objection in basis.objections(self.report.suspects(), call.now) {
            refusal.add(PATH, objection);
        }
        if !basis.covers(Part::Preview) {
            refusal.add(PATH, reason::BASIS_SCOPE);
        }
    }

    /// What must have been stated and was not.
    fn object_to_report(&self, kind: Option<Kind>, refusal: &mut Refusal) {
        let details = self.report.details();
        let missing = [
            ("details.subject", details.subject == 0),
            ("details.criteria", details.criteria.is_empty()),
            ("details.service_types", kind == Some(Kind::Referral) && details.service_types.is_empty()),
        ];
        for (path, _) in missing.into_iter().filter(|(_, is_missing)| *is_missing) {
            refusal.add(path, reason::FIELD_REQUIRED);
        }
        if details.incident_area.is_none() && !details.area_unknown {
            refusal.add("details.incident_area", reason::AREA_MISSING);
        }
    }

    /// Who gets it: the units that a person chose, or the one that serves.
    fn recipients(
        &self,
        request: &pb::SendContactRequest,
        call: &Call<'_>,
        routes: &Routes,
        refusal: &mut Refusal,
    ) -> (Vec<UnitRef>, Option<Route>) {
        if !request.recipients.is_empty() {
            if !(request.service.is_empty() || id::is_label(&request.service)) {
                refusal.add("service", reason::FIELD_FORMAT);
            }
            return (chosen(&request.recipients, refusal), None);
        }
        if !id::is_label(&request.service) {
            let is_missing = request.service.is_empty();
            refusal.add("service", if is_missing { reason::FIELD_REQUIRED } else { reason::FIELD_FORMAT });
            return (Vec::new(), None);
        }
        let route = way::of(&self.report, &request.service, call.now, routes);
        match &route {
            Some(route) => (way::decided(route, refusal).into_iter().collect(), Some(route.clone())),
            None => {
                // The switchboard answers for it until somebody says where it happened, or to whom it goes.
                if self.report.details().area_unknown {
                    refusal.add("recipients", reason::AREA_MISSING);
                }
                (Vec::new(), None)
            }
        }
    }
}

/// A kind that hands a need on.
fn kind(number: i32, refusal: &mut Refusal) -> Option<Kind> {
    let kind = Kind::ALL.into_iter().find(|kind| kind.to_wire() == number);
    match kind {
        None => refusal.add("kind", reason::CODE_UNKNOWN),
        Some(Kind::Notification) => refusal.add("kind", reason::NOT_FOR_THIS_KIND),
        Some(Kind::Transfer | Kind::Referral) => {}
    }
    kind
}

fn chosen(given: &[referral::UnitRef], refusal: &mut Refusal) -> Vec<UnitRef> {
    if given.len() > RECIPIENTS {
        refusal.add("recipients", reason::TOO_MANY);
    }
    let (mut read, mut seen) = (Vec::new(), BTreeSet::new());
    for (index, unit) in given.iter().enumerate().take(RECIPIENTS) {
        let path = format!("recipients[{index}]");
        let Some(unit) = read_unit(Some(unit), &path, refusal) else { continue };
        if !seen.insert(unit.clone()) {
            refusal.add(path, reason::RECIPIENT_REPEATED);
        }
        read.push(unit);
    }
    read
}

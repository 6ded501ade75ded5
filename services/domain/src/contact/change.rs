//! Changes of a contact: each gives the contact as it stands after it, or every reason against it. A refused change
//! changes nothing.

use jiff::Timestamp;
use nhipcau_proto::switchboard::v1 as pb;
use uuid::Uuid;

use super::{CloseReason, Contact, Deed, Report, State};
use crate::{
    reason,
    referral::{Actor, Answer, Basis, Objection, PartSet, Personal, Refusal},
};

/// Who changes a contact, when, and what they had read.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// Etag of the contact as the caller read it.
    pub etag: &'a str,
    /// Who acts.
    pub actor: &'a Actor,
    /// The clock.
    pub now: Timestamp,
}

/// An amended contact.
#[derive(Debug, Clone, PartialEq)]
pub struct Amended {
    /// As it stands now.
    pub contact: Contact,
    /// Parts of the referral that was sent which say something else now. They reach nobody until they are disclosed.
    /// Every part where an earlier sending stands: what that one said is not kept here.
    pub undisclosed: PartSet,
}

impl Contact {
    /// Adds to what is known or corrects it.
    ///
    /// # Errors
    /// A [`Refusal`] with every violation.
    pub fn amend(&self, request: &pb::AmendContactRequest, call: &Call<'_>) -> Result<Amended, Refusal> {
        let mut refusal = Refusal::default();
        self.object(Deed::Amend, call, &mut refusal);
        if request.reception.is_some() && self.state == State::Referred {
            refusal.add("reception", reason::WRONG_STATE);
        }
        let reception = request.reception.as_ref().unwrap_or_else(|| self.report.reception());
        let given = Report::read(Some(reception), request.details.as_ref(), call.now, &mut refusal);
        let given = refusal.or(given)?;
        let mut refusal = Refusal::default();
        let report = given.and_then(|given| {
            let details = self.report.amended(given.details().clone(), request.replace);
            // What stood and what is given were read one by one; together they may be too many.
            Report::read(Some(reception), Some(&details), call.now, &mut refusal)
        });
        let Some(report) = refusal.or(report)? else { return Err(Refusal::one("details", reason::FIELD_REQUIRED)) };
        let undisclosed = match self.state {
            State::Referred if self.objections.is_empty() => report.changed(&self.report),
            State::Referred => report.parts(),
            _ => PartSet::EMPTY,
        };
        Ok(Amended { contact: Self { report, version: self.version + 1, ..self.clone() }, undisclosed })
    }

    /// Notes that a person counselled the caller.
    ///
    /// # Errors
    /// A [`Refusal`] with every reason against it.
    pub fn counsel(&self, call: &Call<'_>) -> Result<Self, Refusal> {
        self.moved(Deed::Counsel, call, Refusal::default())
    }

    /// Everything that the contact has against being offered to another switchboard on a basis.
    #[must_use]
    pub fn against_offer(&self, basis: &Basis, call: &Call<'_>) -> Refusal {
        let mut refusal = Refusal::default();
        self.object(Deed::HandOver, call, &mut refusal);
        for objection in basis.objections(self.report.suspects(), call.now) {
            refusal.add("lawful_basis", objection);
        }
        refusal
    }

    /// Notes that another switchboard took it over.
    ///
    /// # Errors
    /// A [`Refusal`] with every reason against it.
    pub fn hand_over(&self, call: &Call<'_>) -> Result<Self, Refusal> {
        self.moved(Deed::HandOver, call, Refusal::default())
    }

    /// Notes that it came back from the other switchboard: to REFERRED where a referral was sent from it, else to OPEN.
    ///
    /// # Errors
    /// A [`Refusal`] with every reason against it.
    pub fn take_back(&self, call: &Call<'_>) -> Result<Self, Refusal> {
        let back = self.moved(Deed::TakeBack, call, Refusal::default())?;
        let state = if back.referral.is_some() { State::Referred } else { back.state };
        Ok(Self { state, ..back })
    }

    /// Closes it, with the reason's number in the contract. A referral that was sent goes on.
    ///
    /// # Errors
    /// A [`Refusal`] with every reason against it.
    pub fn close(&self, reason: i32, call: &Call<'_>) -> Result<Self, Refusal> {
        let mut refusal = Refusal::default();
        let close_reason = CloseReason::from_wire(reason);
        if close_reason.is_none() {
            refusal.add("reason", reason::FIELD_REQUIRED);
        }
        Ok(Self { close_reason, ..self.moved(Deed::Close, call, refusal)? })
    }

    /// Whether an answer is not to the sending that waits and names a referral that the contact takes all the same: its
    /// sending had ended, or it is being sent anew, and a referral of its case stands.
    #[must_use]
    pub fn takes_late(&self, request_id: Uuid, answer: &Answer) -> bool {
        let is_free = self.referral.is_none() && self.state.after(Deed::Refer).is_some();
        self.sending != Some(request_id) && is_free && answer.referral().is_some()
    }

    /// Takes the answer to a request by which it was sent. A referral of an earlier sending is taken with what a person
    /// must know: it may say something else than the contact, and have gone to another unit.
    ///
    /// # Errors
    /// A [`Refusal`] when it answers something else: another request, one that was answered, another case.
    pub fn answered(&self, request_id: Uuid, answer: Answer, now: Timestamp) -> Result<Self, Refusal> {
        let is_late = self.takes_late(request_id, &answer);
        if self.sending != Some(request_id) && !is_late {
            return Err(Refusal::one("request_id", reason::WRONG_STATE));
        }
        let referral = answer.referral();
        let objections = match answer {
            Answer::Submitted { case, .. } if case != self.case => {
                return Err(Refusal::one("submitted.case_uid", reason::FIELD_FORMAT));
            }
            Answer::Submitted { .. } if is_late => vec![sent_earlier()],
            Answer::Submitted { .. } => Vec::new(),
            Answer::Standing { objections, .. } => [vec![sent_earlier()], objections].concat(),
            Answer::Refused(objections) => objections,
        };
        let answered = Self { sending: None, objections, version: self.version + 1, ..self.clone() };
        if referral.is_none() {
            return Ok(answered);
        }
        let state = self.state.after(Deed::Refer).ok_or_else(|| Refusal::one("contact", reason::WRONG_STATE))?;
        Ok(Self { state, referral, since: now, ..answered })
    }

    /// Adds every reason against a deed that the contact itself gives.
    pub(super) fn object(&self, deed: Deed, call: &Call<'_>, refusal: &mut Refusal) {
        if self.state.after(deed).is_none() {
            refusal.add("contact", reason::WRONG_STATE);
        }
        if self.sending.is_some() {
            refusal.add("contact", reason::CONTACT_BEING_SENT);
        }
        if call.etag != self.etag() {
            refusal.add("etag", reason::ETAG_STALE);
        }
        if deed.needs_a_person() && call.actor.person.is_none() {
            refusal.add("acting_person", reason::PERSON_REQUIRED);
        }
    }

    fn moved(&self, deed: Deed, call: &Call<'_>, mut refusal: Refusal) -> Result<Self, Refusal> {
        self.object(deed, call, &mut refusal);
        let state = refusal.or(self.state.after(deed))?;
        let state = state.ok_or_else(|| Refusal::one("contact", reason::WRONG_STATE))?;
        Ok(Self { state, since: call.now, version: self.version + 1, ..self.clone() })
    }
}

/// What a person must know of a referral that the last sending did not make.
fn sent_earlier() -> Objection {
    let candidates = Personal::new(Vec::new());
    Objection { subject: "referral".into(), reason: reason::CONTACT_SENT_EARLIER.into(), candidates }
}

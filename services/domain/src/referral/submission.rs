//! Submissions by another service of the same access point: what it asked for, and what became of it.
//!
//! Both are messages to oneself. What is to be submitted is checked like any request; only here it may begin a case
//! under an identifier that the asking service gave.

use nhipcau_proto::referral::v1 as pb;
use prost::Message as _;
use uuid::Uuid;

use super::{
    Personal, Refusal,
    content::{read_area, write_area},
    event::{Actor, PersonRef},
    violation::{LISTED, Violation},
    wire,
};
use crate::{area::AdminUnitRef, id::SystemId, reason};

/// Most candidates of an objection.
const CANDIDATES: usize = 64;
/// Longest subject of an objection, in characters.
const SUBJECT: usize = 200;

/// A referral that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Requested {
    /// The contact that it is sent from.
    pub contact: Uuid,
    /// The case that it belongs to, or begins.
    pub case: Uuid,
    /// Who asked.
    pub actor: Actor,
    /// Id of the request.
    pub request_id: Uuid,
    /// What is to be submitted. Not checked yet: it is submitted by the rules of any request.
    pub request: Personal<pb::SubmitReferralRequest>,
}

impl Requested {
    /// Reads the message.
    ///
    /// # Errors
    /// A [`Refusal`] with every violation.
    pub fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        let message = decoded::<pb::SubmissionRequested>(bytes)?;
        let mut refusal = Refusal::default();
        let contact = wire::uuid(&message.contact_uid, "contact_uid", &mut refusal);
        let system = wire::formatted(SystemId::new(&message.system), "system", &mut refusal);
        let Some(request) = wire::required(message.request, "request", &mut refusal) else { return Err(refusal) };
        let case = read_uid(&request.case_uid, "request.case_uid", &mut refusal);
        let request_id = read_uid(&request.request_id, "request.request_id", &mut refusal);
        let person = Some(&request.acting_person).filter(|person| !person.is_empty());
        let person =
            person.and_then(|person| wire::formatted(PersonRef::new(person), "request.acting_person", &mut refusal));
        if request.validate_only {
            refusal.add("request.validate_only", reason::FIELD_FORMAT);
        }
        match refusal.or((contact, system, case, request_id))? {
            (Some(contact), Some(system), Some(case), Some(request_id)) => {
                let actor = Actor { system, person };
                Ok(Self { contact, case, actor, request_id, request: Personal::new(request) })
            }
            _ => Err(Refusal::one("request", reason::FIELD_REQUIRED)),
        }
    }

    /// Encodes the message. What the request itself says of the case, the person and its id gives way to what stands
    /// here.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let person = self.actor.person.as_ref();
        let request = pb::SubmitReferralRequest {
            request_id: self.request_id.to_string(),
            case_uid: self.case.to_string(),
            acting_person: person.map_or_else(String::new, |person| person.as_str().to_owned()),
            validate_only: false,
            ..self.request.expose().clone()
        };
        let message = pb::SubmissionRequested {
            contact_uid: self.contact.as_bytes().to_vec(),
            system: self.actor.system.to_string(),
            request: Some(request),
        };
        message.encode_to_vec()
    }
}

/// One thing that stood against a submission. Never holds the offending value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// Path of the field in the request, or name of the subject.
    pub subject: Box<str>,
    /// Why: here a constant of [`crate::reason`], from another build maybe one that is not known.
    pub reason: Box<str>,
    /// From which units of the lists a person has to choose one.
    pub candidates: Personal<Vec<AdminUnitRef>>,
}

impl Objection {
    /// Reads one; what is wrong with it is added.
    pub fn read(value: &pb::SubmissionViolation, path: &str, refusal: &mut Refusal) -> Option<Self> {
        let is_short = value.subject.chars().nth(SUBJECT).is_none();
        let subject = wire::formatted(is_short.then_some(()).ok_or(()), &format!("{path}.subject"), refusal);
        let reason = wire::reason_name(&value.reason, &format!("{path}.reason"), refusal);
        let candidates = wire::list(
            &value.candidates,
            CANDIDATES,
            &format!("{path}.candidates"),
            refusal,
            |value, path, refusal| read_area(Some(value), path, refusal).map(Personal::into_inner),
        );
        subject?;
        Some(Self { subject: value.subject.as_str().into(), reason: reason?, candidates: Personal::new(candidates) })
    }

    /// Encodes it.
    #[must_use]
    pub fn write(&self) -> pb::SubmissionViolation {
        let candidates = self.candidates.expose().iter();
        pb::SubmissionViolation {
            subject: self.subject.to_string(),
            reason: self.reason.to_string(),
            candidates: candidates.map(|area| write_area(&Personal::new(area.clone()))).collect(),
        }
    }
}

impl From<&Violation> for Objection {
    fn from(violation: &Violation) -> Self {
        let candidates = violation.candidates.iter().take(CANDIDATES).cloned().collect();
        Self {
            subject: violation.subject.chars().take(SUBJECT).collect(),
            reason: violation.reason.into(),
            candidates: Personal::new(candidates),
        }
    }
}

/// What became of a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It was submitted.
    Submitted {
        /// The case.
        case: Uuid,
        /// The referral.
        referral: Uuid,
    },
    /// It was not, and nothing was changed.
    Refused(Vec<Objection>),
    /// It was not, because a referral of an earlier request stands in its place.
    Standing {
        /// That referral.
        referral: Uuid,
        /// What stood against the request.
        objections: Vec<Objection>,
    },
}

impl Answer {
    /// The referral that stands by it.
    #[must_use]
    pub const fn referral(&self) -> Option<Uuid> {
        match self {
            Self::Submitted { referral, .. } | Self::Standing { referral, .. } => Some(*referral),
            Self::Refused(_) => None,
        }
    }

    /// Reads the message: which contact and request are answered, and how.
    ///
    /// # Errors
    /// A [`Refusal`] with every violation.
    pub fn read(bytes: &[u8]) -> Result<(Uuid, Uuid, Self), Refusal> {
        let message = decoded::<pb::SubmissionAnswered>(bytes)?;
        let mut refusal = Refusal::default();
        let contact = wire::uuid(&message.contact_uid, "contact_uid", &mut refusal);
        let request_id = read_uid(&message.request_id, "request_id", &mut refusal);
        let answer = match (&message.submitted, &message.refused) {
            (Some(taken), None) => {
                let case = wire::uuid(&taken.case_uid, "submitted.case_uid", &mut refusal);
                let referral = wire::uuid(&taken.referral_uid, "submitted.referral_uid", &mut refusal);
                case.zip(referral).map(|(case, referral)| Self::Submitted { case, referral })
            }
            (None, Some(refused)) => {
                if refused.violations.is_empty() {
                    refusal.add("refused.violations", reason::FIELD_REQUIRED);
                }
                let path = "refused.violations";
                let objections = wire::list(&refused.violations, LISTED, path, &mut refusal, Objection::read);
                match &refused.referral_uid {
                    None => Some(Self::Refused(objections)),
                    Some(uid) => wire::uuid(uid, "refused.referral_uid", &mut refusal)
                        .map(|referral| Self::Standing { referral, objections }),
                }
            }
            _ => {
                refusal.add("answer", reason::FIELD_FORMAT);
                None
            }
        };
        match refusal.or((contact, request_id, answer))? {
            (Some(contact), Some(request_id), Some(answer)) => Ok((contact, request_id, answer)),
            _ => Err(Refusal::one("answer", reason::FIELD_REQUIRED)),
        }
    }

    /// Encodes the message.
    #[must_use]
    pub fn write(&self, contact: Uuid, request_id: Uuid) -> Vec<u8> {
        let mut message = pb::SubmissionAnswered {
            contact_uid: contact.as_bytes().to_vec(),
            request_id: request_id.to_string(),
            ..pb::SubmissionAnswered::default()
        };
        match self {
            Self::Submitted { case, referral } => {
                let (case_uid, referral_uid) = (case.as_bytes().to_vec(), referral.as_bytes().to_vec());
                message.submitted = Some(pb::SubmissionTaken { case_uid, referral_uid });
            }
            Self::Refused(objections) | Self::Standing { objections, .. } => {
                let violations = objections.iter().map(Objection::write).collect();
                let referral_uid = self.referral().map(|uid| uid.as_bytes().to_vec());
                message.refused = Some(pb::SubmissionRefused { violations, referral_uid });
            }
        }
        message.encode_to_vec()
    }
}

/// Why a request was refused, as it is answered.
impl From<&Refusal> for Answer {
    fn from(refusal: &Refusal) -> Self {
        Self::Refused(refusal.violations().iter().map(Objection::from).collect())
    }
}

fn decoded<M: prost::Message + Default>(bytes: &[u8]) -> Result<M, Refusal> {
    M::decode(bytes).map_err(|_| Refusal::one("message", reason::FIELD_FORMAT))
}

/// A uid as requests write it.
fn read_uid(text: &str, path: &str, refusal: &mut Refusal) -> Option<Uuid> {
    let uid = Uuid::try_parse(text).ok().filter(|uid| !uid.is_nil());
    wire::formatted(uid.ok_or(()), path, refusal)
}

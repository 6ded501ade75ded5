//! Reading an event that travelled: total, with every violation at once, and the digest over the bytes as they came.
//! An optional field that is wrong reads as absent beside its violation, so that nothing wrong is ever returned.

use jiff::Timestamp;
use nhipcau_proto::referral::v1::{self as pb, referral_event::Event as Wire};
use prost::Message as _;

use super::{
    code::{Cause, HandBack, Mistake, Outcome, Part, Redirection, Rejection, Revocation},
    content::Salt,
    event::{Actor, Body, Digest, Draft, Event, Ids, Mark, Opening, PartDigest, PersonRef, ReceiptRef},
    kind::{Kind, Side},
    telephone::TelephoneAcknowledgement,
    violation::Refusal,
    wire, wire_limit, withdrawal,
    work::Work,
};
use crate::{
    id::SystemId,
    limit::{LIMITS, Reckoning, Start},
    reason,
};

const MAX_PARTS: usize = 4;

impl Event {
    /// Reads the bytes of an event.
    ///
    /// # Errors
    /// A [`Refusal`] with every violation. An event of a kind that this build does not know is refused.
    pub fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        let value = pb::ReferralEvent::decode(bytes).map_err(|_| Refusal::one("event", reason::FIELD_FORMAT))?;
        let mut refusal = Refusal::default();
        let draft = decode(&value, &mut refusal);
        match refusal.or(draft)? {
            Some(draft) => Ok(Self::new(draft, Digest::of_event(bytes))),
            None => Err(Refusal::one("event", reason::FIELD_REQUIRED)),
        }
    }
}

pub(super) fn decode(value: &pb::ReferralEvent, refusal: &mut Refusal) -> Option<Draft> {
    let ids = ids(value, refusal);
    let side = wire::required(Side::from_wire(value.side), "side", refusal);
    let owner = wire::read_unit(value.owner.as_ref(), "owner", refusal);
    let counterpart = wire::read_unit(value.counterpart.as_ref(), "counterpart", refusal);
    if value.ordinal == 0 {
        refusal.add("ordinal", reason::FIELD_REQUIRED);
    }
    let previous = wire::bytes(&value.previous_digest, "previous_digest", refusal).map(Digest::new);
    let seen = value.seen.as_ref().and_then(|seen| read_mark(seen, refusal));
    let time = wire::timestamp(value.event_time.as_ref(), "event_time", refusal);
    let actor = wire::required(value.actor.as_ref(), "actor", refusal).and_then(|actor| read_actor(actor, refusal));
    let basis = value.lawful_basis.as_ref().and_then(|basis| wire::read_basis(basis, "lawful_basis", refusal));
    let parts = read_parts(&value.parts, refusal);
    let body = wire::required(value.event.as_ref(), "event", refusal).and_then(|event| body(event, refusal));
    if matches!(body, Some(Body::Opened(_))) && value.lawful_basis.is_none() {
        refusal.add("lawful_basis", reason::BASIS_MISSING);
    }
    // Anywhere else it would widen what the opening allows.
    let may_state = matches!(body, None | Some(Body::Opened(_) | Body::EmergencyReleased));
    if value.lawful_basis.is_some() && !may_state {
        refusal.add("lawful_basis", reason::FIELD_FORMAT);
    }
    let salt = (!value.salt.is_empty()).then(|| Salt::read(&value.salt, "salt", refusal)).flatten();
    let begun = begun(value, time, body.as_ref(), refusal);
    let (side, body) = (side?, body?);
    if body.kind().side() != side {
        refusal.add("side", reason::WRONG_SIDE);
    }
    let draft = Draft {
        ids: ids?,
        side,
        owner: owner?,
        counterpart: counterpart?,
        ordinal: value.ordinal,
        previous: previous?,
        seen,
        time: time?,
        actor: actor?,
        basis,
        parts,
        body,
        salt,
        begun,
    };
    if draft.is_about_a_person() && value.salt.is_empty() {
        refusal.add("salt", reason::FIELD_REQUIRED);
    }
    Some(draft)
}

/// The limits that begin with an event, of the form that its writer would have given them.
fn begun(value: &pb::ReferralEvent, time: Option<Timestamp>, body: Option<&Body>, refusal: &mut Refusal) -> Reckoning {
    let limits = wire::list(&value.time_limits, LIMITS, "time_limits", refusal, wire_limit::read_time_limit);
    let refused = wire::list(&value.limit_refusals, LIMITS, "limit_refusals", refusal, wire_limit::read_limit_refusal);
    let begins = body.is_none_or(|body| Start::LATER.contains(&body.kind()));
    let counts = [("time_limits", value.time_limits.len()), ("limit_refusals", value.limit_refusals.len())];
    for (path, _) in counts.into_iter().filter(|(_, count)| *count > 0 && !begins) {
        refusal.add(path, reason::FIELD_FORMAT);
    }
    let is_whole = limits.len() == value.time_limits.len();
    for (index, limit) in limits.iter().enumerate().filter(|_| is_whole) {
        if time.is_some_and(|time| limit.start != time) {
            refusal.add(format!("time_limits[{index}].start_time"), reason::TIME_LIMIT_ORDER);
        }
        // What has come already stops nothing, and would make the limit look as if it had been kept.
        if begins && body.is_some_and(|body| !Start::Written(body.kind()).is_before(limit.stop)) {
            refusal.add(format!("time_limits[{index}].stop"), reason::TIME_LIMIT_ORDER);
        }
        if !limit.steps.is_empty() || limit.confirmation.is_some() {
            refusal.add(format!("time_limits[{index}].steps"), reason::FIELD_FORMAT);
        }
    }
    Reckoning { limits, refused }
}

fn ids(value: &pb::ReferralEvent, refusal: &mut Refusal) -> Option<Ids> {
    let case = wire::uuid(&value.case_uid, "case_uid", refusal);
    let referral = wire::uuid(&value.referral_uid, "referral_uid", refusal);
    let branch = wire::uuid(&value.branch_uid, "branch_uid", refusal);
    Some(Ids { case: case?, referral: referral?, branch: branch? })
}

pub(crate) fn read_mark(seen: &pb::Seen, refusal: &mut Refusal) -> Option<Mark> {
    if seen.ordinal == 0 {
        refusal.add("seen.ordinal", reason::FIELD_REQUIRED);
    }
    let digest = wire::bytes(&seen.digest, "seen.digest", refusal).map(Digest::new)?;
    Some(Mark { ordinal: seen.ordinal, digest })
}

pub(crate) fn read_actor(actor: &pb::Actor, refusal: &mut Refusal) -> Option<Actor> {
    let system = wire::formatted(SystemId::new(&actor.system), "actor.system", refusal);
    let person = Some(&actor.person).filter(|person| !person.is_empty());
    let person = person.and_then(|person| wire::formatted(PersonRef::new(person), "actor.person", refusal));
    Some(Actor { system: system?, person })
}

pub(crate) fn read_parts(values: &[pb::PartDigest], refusal: &mut Refusal) -> Vec<PartDigest> {
    if values.len() > MAX_PARTS {
        refusal.add("parts", reason::TOO_MANY);
    }
    let mut parts = Vec::with_capacity(values.len().min(MAX_PARTS));
    for (index, value) in values.iter().enumerate().take(MAX_PARTS) {
        let path = format!("parts[{index}]");
        let part = wire::known(Part::from_wire(value.part), Part::is_known, &format!("{path}.part"), refusal);
        let digest = wire::bytes(&value.digest, &format!("{path}.digest"), refusal);
        if let (Some(part), Some(digest)) = (part, digest) {
            parts.push(PartDigest { part, digest });
        }
    }
    parts
}

fn body(value: &Wire, refusal: &mut Refusal) -> Option<Body> {
    let body = match value {
        Wire::Opened(opened) => Body::Opened(opening(opened, refusal)?),
        Wire::Received(received) => {
            Body::Received(receipt(received.receipt_number, &received.receipt_digest, "received", refusal)?)
        }
        Wire::Returned(returned) => {
            let name = &returned.refusal_reason;
            let valid = (1..=63).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
            let reason = wire::formatted(valid.then_some(name).ok_or(()), "returned.refusal_reason", refusal);
            let receipt = receipt(returned.receipt_number, &returned.receipt_digest, "returned", refusal);
            Body::Returned { reason: reason?.as_str().into(), receipt: receipt? }
        }
        Wire::Assigned(_) => Body::Assigned,
        Wire::DisclosureAdded(_) => Body::DisclosureAdded,
        Wire::EmergencyReleased(_) => Body::EmergencyReleased,
        Wire::Escalated(escalated) => {
            let level = Some(escalated.level).filter(|level| *level > 0);
            Body::Escalated { level: wire::required(level, "escalated.level", refusal)? }
        }
        Wire::Relieved(_) => Body::Relieved,
        Wire::Revoked(revoked) => {
            let reason = Revocation::from_wire(revoked.reason);
            Body::Revoked { reason: wire::code(reason, "revoked.reason", refusal)? }
        }
        Wire::RevocationRequested(requested) => {
            let reason = Revocation::from_wire(requested.reason);
            Body::RevocationRequested { reason: wire::code(reason, "revocation_requested.reason", refusal)? }
        }
        Wire::ConsentWithdrawn(withdrawn) => {
            let path = "consent_withdrawn.withdraw_time";
            Body::ConsentWithdrawn { time: wire::timestamp(withdrawn.withdraw_time.as_ref(), path, refusal)? }
        }
        Wire::EnteredInError(entered) => {
            let reason = Mistake::from_wire(entered.reason);
            Body::EnteredInError { reason: wire::code(reason, "entered_in_error.reason", refusal)? }
        }
        Wire::Closed(_) => Body::Closed,
        Wire::HandBackTaken(_) => Body::HandBackTaken,
        Wire::TelephoneAcknowledgementRecorded(recorded) => {
            let path = "telephone_acknowledgement_recorded.acknowledgement";
            let said = wire::required(recorded.acknowledgement.as_ref(), path, refusal)?;
            Body::TelephoneRecorded(TelephoneAcknowledgement::read(said, path, refusal)?)
        }
        Wire::Acknowledged(_) => Body::Acknowledged,
        Wire::Accepted(_) => Body::Accepted,
        Wire::Rejected(rejected) => {
            Body::Rejected { code: wire::code(Rejection::from_wire(rejected.code), "rejected.code", refusal)? }
        }
        Wire::Redirected(redirected) => redirection(redirected, refusal)?,
        Wire::ServiceStarted(_) => Body::ServiceStarted,
        Wire::Completed(completed) => {
            let outcome = Outcome::from_wire(completed.outcome);
            Body::Completed { outcome: wire::code(outcome, "completed.outcome", refusal)? }
        }
        Wire::RevocationGranted(_) => Body::RevocationGranted,
        Wire::RevocationRefused(_) => Body::RevocationRefused,
        Wire::Erased(_) => Body::Erased,
        Wire::HandBackRequested(requested) => {
            let reason = HandBack::from_wire(requested.reason);
            Body::HandBackRequested { reason: wire::code(reason, "hand_back_requested.reason", refusal)? }
        }
        Wire::WorkRecorded(recorded) => {
            let work = wire::required(recorded.work.as_ref(), "work_recorded.work", refusal)?;
            Body::WorkRecorded(Work::read(work, "work_recorded.work", refusal)?)
        }
        Wire::Moved(moved) => {
            Body::Moved { successor: wire::read_unit(moved.successor.as_ref(), "moved.successor", refusal)? }
        }
        Wire::Unattended(_) => Body::Unattended,
        Wire::WithdrawalAnswered(answered) => Body::WithdrawalAnswered(withdrawal::read(answered, refusal)?),
    };
    Some(body)
}

fn redirection(value: &pb::Redirected, refusal: &mut Refusal) -> Option<Body> {
    let reason = wire::code(Redirection::from_wire(value.reason), "redirected.reason", refusal);
    let advised = !value.advised_party.is_empty() || !value.advised_unit.is_empty();
    let advice = advised
        .then(|| wire::unit_of(&value.advised_party, &value.advised_unit, "redirected.advised", refusal))
        .flatten();
    Some(Body::Redirected { reason: reason?, advice })
}

fn receipt(number: u64, digest: &[u8], path: &str, refusal: &mut Refusal) -> Option<ReceiptRef> {
    let digest = wire::bytes(digest, &format!("{path}.receipt_digest"), refusal)?;
    Some(ReceiptRef { number, digest })
}

fn opening(value: &pb::Opened, refusal: &mut Refusal) -> Option<Opening> {
    let kind = wire::required(Kind::from_wire(value.kind), "opened.kind", refusal);
    let group = wire::uuid(&value.group_uid, "opened.group_uid", refusal);
    let cause = wire::code(Cause::from_wire(value.cause), "opened.cause", refusal);
    let cause_branch = (!value.cause_branch_uid.is_empty())
        .then(|| wire::uuid(&value.cause_branch_uid, "opened.cause_branch_uid", refusal))
        .flatten();
    // Of a cause that this build does not know it cannot say.
    let has_cause = !value.cause_branch_uid.is_empty();
    if cause.is_some_and(|cause| cause.is_known() && (cause == Cause::Initial) == has_cause) {
        refusal.add("opened.cause_branch_uid", if has_cause { reason::FIELD_FORMAT } else { reason::FIELD_REQUIRED });
    }
    let time_limits =
        wire::list(&value.time_limits, LIMITS, "opened.time_limits", refusal, wire_limit::read_time_limit);
    let limit_refusals =
        wire::list(&value.limit_refusals, LIMITS, "opened.limit_refusals", refusal, wire_limit::read_limit_refusal);
    Some(Opening { kind: kind?, group: group?, cause: cause?, cause_branch, time_limits, limit_refusals })
}

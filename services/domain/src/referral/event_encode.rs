//! Writing an event: encoded once, digested over exactly these bytes.

use nhipcau_proto::referral::v1::{self as pb, referral_event::Event as Wire};
use prost::Message as _;

use super::{
    content::Salt,
    event::{Actor, Body, Digest, Draft, Event, Mark, PartDigest},
    telephone::write_telephone_acknowledgement,
    wire::{write_basis, write_time, write_unit},
    wire_limit::{write_limit_refusal, write_time_limit},
    withdrawal::write_withdrawal_answer,
    work::write_work,
};

impl Event {
    /// Encodes a draft. The bytes are what travels and what is stored; they are never made anew.
    #[must_use]
    pub fn write(draft: Draft) -> (Self, Vec<u8>) {
        let bytes = encode(&draft).encode_to_vec();
        let digest = Digest::of_event(&bytes);
        (Self::new(draft, digest), bytes)
    }
}

pub(super) fn encode(draft: &Draft) -> pb::ReferralEvent {
    pb::ReferralEvent {
        case_uid: draft.ids.case.as_bytes().to_vec(),
        referral_uid: draft.ids.referral.as_bytes().to_vec(),
        branch_uid: draft.ids.branch.as_bytes().to_vec(),
        side: draft.side.to_wire(),
        owner: Some(write_unit(&draft.owner)),
        counterpart: Some(write_unit(&draft.counterpart)),
        ordinal: draft.ordinal,
        previous_digest: draft.previous.as_bytes().to_vec(),
        seen: draft.seen.map(write_mark),
        event_time: Some(write_time(draft.time)),
        actor: Some(write_actor(&draft.actor)),
        lawful_basis: draft.basis.as_ref().map(write_basis),
        parts: write_parts(&draft.parts),
        salt: draft.salt.map_or_else(Vec::new, Salt::write),
        time_limits: draft.begun.limits.iter().map(write_time_limit).collect(),
        limit_refusals: draft.begun.refused.iter().map(write_limit_refusal).collect(),
        event: Some(body(&draft.body)),
    }
}

pub(crate) fn write_mark(mark: Mark) -> pb::Seen {
    pb::Seen { ordinal: mark.ordinal, digest: mark.digest.as_bytes().to_vec() }
}

pub(crate) fn write_actor(actor: &Actor) -> pb::Actor {
    let person = actor.person.as_ref().map_or_else(String::new, |person| person.as_str().to_owned());
    pb::Actor { system: actor.system.to_string(), person }
}

pub(crate) fn write_parts(parts: &[PartDigest]) -> Vec<pb::PartDigest> {
    let parts = parts.iter();
    parts.map(|entry| pb::PartDigest { part: entry.part.to_wire(), digest: entry.digest.to_vec() }).collect()
}

fn body(body: &Body) -> Wire {
    match body {
        Body::Opened(opening) => Wire::Opened(pb::Opened {
            kind: opening.kind.to_wire(),
            group_uid: opening.group.as_bytes().to_vec(),
            cause: opening.cause.to_wire(),
            cause_branch_uid: opening.cause_branch.map_or_else(Vec::new, |branch| branch.as_bytes().to_vec()),
            time_limits: opening.time_limits.iter().map(write_time_limit).collect(),
            limit_refusals: opening.limit_refusals.iter().map(write_limit_refusal).collect(),
        }),
        Body::Received(receipt) => {
            Wire::Received(pb::Received { receipt_number: receipt.number, receipt_digest: receipt.digest.to_vec() })
        }
        Body::Returned { reason, receipt } => Wire::Returned(pb::Returned {
            refusal_reason: reason.to_string(),
            receipt_number: receipt.number,
            receipt_digest: receipt.digest.to_vec(),
        }),
        Body::Assigned => Wire::Assigned(pb::Assigned {}),
        Body::DisclosureAdded => Wire::DisclosureAdded(pb::DisclosureAdded {}),
        Body::EmergencyReleased => Wire::EmergencyReleased(pb::EmergencyReleased {}),
        Body::Escalated { level } => Wire::Escalated(pb::Escalated { level: *level }),
        Body::Relieved => Wire::Relieved(pb::Relieved {}),
        Body::Revoked { reason } => Wire::Revoked(pb::Revoked { reason: reason.to_wire() }),
        Body::RevocationRequested { reason } => {
            Wire::RevocationRequested(pb::RevocationRequested { reason: reason.to_wire() })
        }
        Body::ConsentWithdrawn { time } => {
            Wire::ConsentWithdrawn(pb::ConsentWithdrawn { withdraw_time: Some(write_time(*time)) })
        }
        Body::EnteredInError { reason } => Wire::EnteredInError(pb::EnteredInError { reason: reason.to_wire() }),
        Body::Closed => Wire::Closed(pb::Closed {}),
        Body::HandBackTaken => Wire::HandBackTaken(pb::HandBackTaken {}),
        Body::TelephoneRecorded(said) => Wire::TelephoneAcknowledgementRecorded(pb::TelephoneRecorded {
            acknowledgement: Some(write_telephone_acknowledgement(said)),
        }),
        Body::Acknowledged => Wire::Acknowledged(pb::Acknowledged {}),
        Body::Accepted => Wire::Accepted(pb::Accepted {}),
        Body::Rejected { code } => Wire::Rejected(pb::Rejected { code: code.to_wire() }),
        Body::Redirected { reason, advice } => Wire::Redirected(pb::Redirected {
            reason: reason.to_wire(),
            advised_party: advice.as_ref().map_or(String::new(), |unit| unit.party.to_string()),
            advised_unit: advice.as_ref().map_or(String::new(), |unit| unit.unit.to_string()),
        }),
        Body::ServiceStarted => Wire::ServiceStarted(pb::ServiceStarted {}),
        Body::Completed { outcome } => Wire::Completed(pb::Completed { outcome: outcome.to_wire() }),
        Body::RevocationGranted => Wire::RevocationGranted(pb::RevocationGranted {}),
        Body::RevocationRefused => Wire::RevocationRefused(pb::RevocationRefused {}),
        Body::Erased => Wire::Erased(pb::Erased {}),
        Body::HandBackRequested { reason } => {
            Wire::HandBackRequested(pb::HandBackRequested { reason: reason.to_wire() })
        }
        Body::WorkRecorded(work) => Wire::WorkRecorded(pb::WorkRecorded { work: Some(write_work(work)) }),
        Body::Moved { successor } => Wire::Moved(pb::Moved { successor: Some(write_unit(successor)) }),
        Body::Unattended => Wire::Unattended(pb::Unattended {}),
        Body::WithdrawalAnswered(answer) => Wire::WithdrawalAnswered(write_withdrawal_answer(answer)),
    }
}

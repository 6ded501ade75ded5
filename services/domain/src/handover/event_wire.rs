//! Events as they travel: encoded once, read with every violation at once, and digested over exactly these bytes.

use nhipcau_proto::switchboard::v1::{self as pb, switchboard_event::Event as Wire};
use prost::Message as _;

use super::{
    asked::Asked,
    event::{Body, Draft, Event, Ids},
};
use crate::{
    reason,
    referral::{
        Digest, HandBack, Refusal, Rejection, Revocation, Side, read_actor, read_basis, read_mark, read_parts,
        read_unit, wire, write_actor, write_basis, write_mark, write_parts, write_time, write_unit,
    },
};

/// Most fields that an offer says were asked.
const ASKED: usize = 32;

fn digest(bytes: &[u8]) -> Digest {
    Digest::over(&[b"nhipcau/1/switchboard-event", bytes])
}

impl Event {
    /// Encodes a draft. The bytes are what travels and what is stored; they are never made anew.
    #[must_use]
    pub fn write(draft: Draft) -> (Self, Vec<u8>) {
        let bytes = encode(&draft).encode_to_vec();
        let digest = digest(&bytes);
        (Self::new(draft, digest), bytes)
    }

    /// Reads the bytes of an event.
    ///
    /// # Errors
    /// A [`Refusal`] with every violation. An event of a kind that this build does not know is refused.
    pub fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        let value = pb::SwitchboardEvent::decode(bytes).map_err(|_| Refusal::one("event", reason::FIELD_FORMAT))?;
        let mut refusal = Refusal::default();
        let draft = decode(&value, &mut refusal);
        match refusal.or(draft)? {
            Some(draft) => Ok(Self::new(draft, digest(bytes))),
            None => Err(Refusal::one("event", reason::FIELD_REQUIRED)),
        }
    }
}

fn encode(draft: &Draft) -> pb::SwitchboardEvent {
    pb::SwitchboardEvent {
        case_uid: draft.ids.case.as_bytes().to_vec(),
        contact_uid: draft.ids.contact.as_bytes().to_vec(),
        handover_uid: draft.ids.handover.as_bytes().to_vec(),
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
        event: Some(write_body(&draft.body)),
    }
}

fn write_body(body: &Body) -> Wire {
    match body {
        Body::HandoverOffered { asked, waiting } => Wire::HandoverOffered(pb::HandoverOffered {
            asked: asked.iter().map(|field| field.to_wire()).collect(),
            waiting: *waiting,
        }),
        Body::HandoverTaken => Wire::HandoverTaken(pb::HandoverTaken {}),
        Body::HandoverWithdrawn { reason } => {
            Wire::HandoverWithdrawn(pb::HandoverWithdrawn { reason: reason.to_wire() })
        }
        Body::HandedBack => Wire::HandedBack(pb::HandedBack {}),
        Body::ContactNoteAdded => Wire::ContactNoteAdded(pb::ContactNoteAdded {}),
        Body::HandoverAccepted => Wire::HandoverAccepted(pb::HandoverAccepted {}),
        Body::HandoverDeclined { code } => Wire::HandoverDeclined(pb::HandoverDeclined { code: code.to_wire() }),
        Body::HandBackAsked { reason } => Wire::HandBackAsked(pb::HandBackAsked { reason: reason.to_wire() }),
    }
}

fn decode(value: &pb::SwitchboardEvent, refusal: &mut Refusal) -> Option<Draft> {
    let case = wire::uuid(&value.case_uid, "case_uid", refusal);
    let contact = wire::uuid(&value.contact_uid, "contact_uid", refusal);
    let handover = wire::uuid(&value.handover_uid, "handover_uid", refusal);
    let side = Side::ALL.into_iter().find(|side| side.to_wire() == value.side);
    let side = wire::required(side, "side", refusal);
    let owner = read_unit(value.owner.as_ref(), "owner", refusal);
    let counterpart = read_unit(value.counterpart.as_ref(), "counterpart", refusal);
    if value.ordinal == 0 {
        refusal.add("ordinal", reason::FIELD_REQUIRED);
    }
    let previous = wire::bytes(&value.previous_digest, "previous_digest", refusal).map(Digest::new);
    let seen = value.seen.as_ref().and_then(|seen| read_mark(seen, refusal));
    let time = wire::timestamp(value.event_time.as_ref(), "event_time", refusal);
    let actor = wire::required(value.actor.as_ref(), "actor", refusal).and_then(|actor| read_actor(actor, refusal));
    let basis = value.lawful_basis.as_ref().and_then(|basis| read_basis(basis, "lawful_basis", refusal));
    let parts = read_parts(&value.parts, refusal);
    let body = wire::required(value.event.as_ref(), "event", refusal).and_then(|event| read_body(event, refusal));
    let is_offer = matches!(value.event, Some(Wire::HandoverOffered(_)));
    match (is_offer, &value.lawful_basis) {
        (true, None) => refusal.add("lawful_basis", reason::BASIS_MISSING),
        // Anywhere else it would widen what the offer allows.
        (false, Some(_)) => refusal.add("lawful_basis", reason::FIELD_FORMAT),
        _ => {}
    }
    let (side, body) = (side?, body?);
    if body.kind().side() != side {
        refusal.add("side", reason::WRONG_SIDE);
    }
    Some(Draft {
        ids: Ids { case: case?, contact: contact?, handover: handover? },
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
    })
}

fn read_body(value: &Wire, refusal: &mut Refusal) -> Option<Body> {
    Some(match value {
        Wire::HandoverOffered(offered) => {
            let asked = wire::codes(&offered.asked, ASKED, Asked::from_wire, "handover_offered.asked", refusal);
            wire::unique(&asked, "handover_offered.asked", refusal);
            Body::HandoverOffered { asked, waiting: offered.waiting }
        }
        Wire::HandoverTaken(_) => Body::HandoverTaken,
        Wire::HandoverWithdrawn(withdrawn) => {
            let reason = Revocation::from_wire(withdrawn.reason);
            Body::HandoverWithdrawn { reason: wire::code(reason, "handover_withdrawn.reason", refusal)? }
        }
        Wire::HandedBack(_) => Body::HandedBack,
        Wire::ContactNoteAdded(_) => Body::ContactNoteAdded,
        Wire::HandoverAccepted(_) => Body::HandoverAccepted,
        Wire::HandoverDeclined(declined) => {
            let code = Rejection::from_wire(declined.code);
            Body::HandoverDeclined { code: wire::code(code, "handover_declined.code", refusal)? }
        }
        Wire::HandBackAsked(asked) => {
            let reason = HandBack::from_wire(asked.reason);
            Body::HandBackAsked { reason: wire::code(reason, "hand_back_asked.reason", refusal)? }
        }
    })
}

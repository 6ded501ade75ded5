//! Events as they travel: encoded once, read with every violation at once, and digested over exactly these bytes.

use jiff::Timestamp;
use nhipcau_proto::placement::v1::{self as pb, placement_event::Event as Wire};
use prost::Message as _;

use super::event::{Answer, Body, Draft, Event};
use crate::{
    reason,
    referral::{
        Digest, Refusal, Rejection, Side, read_actor, read_mark, read_unit, wire, write_actor, write_mark, write_time,
        write_unit,
    },
};

fn digest(bytes: &[u8]) -> Digest {
    Digest::over(&[b"nhipcau/1/placement-event", bytes])
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
        let value = pb::PlacementEvent::decode(bytes).map_err(|_| Refusal::one("event", reason::FIELD_FORMAT))?;
        let mut refusal = Refusal::default();
        let draft = decode(&value, &mut refusal);
        match refusal.or(draft)? {
            Some(draft) => Ok(Self::new(draft, digest(bytes))),
            None => Err(Refusal::one("event", reason::FIELD_REQUIRED)),
        }
    }
}

impl Answer {
    /// Reads an answer: a yes with its time alone, a no with its code alone.
    pub fn read(value: &pb::PlacementAnswered, refusal: &mut Refusal) -> Option<Self> {
        let (until, code) = (value.hold_until_time.as_ref(), Rejection::from_wire(value.code));
        let answer = pb::PlacementAnswer::try_from(value.answer).unwrap_or_default();
        if until.is_some() && answer != pb::PlacementAnswer::Yes {
            refusal.add("hold_until_time", reason::FIELD_FORMAT);
        }
        if code.is_some() && answer != pb::PlacementAnswer::No {
            refusal.add("code", reason::FIELD_FORMAT);
        }
        match answer {
            pb::PlacementAnswer::Unspecified => {
                refusal.add("answer", reason::CODE_UNKNOWN);
                None
            }
            pb::PlacementAnswer::Yes => Some(Self::Yes { until: wire::timestamp(until, "hold_until_time", refusal)? }),
            pb::PlacementAnswer::No => Some(Self::No { code: wire::code(code, "code", refusal)? }),
            pb::PlacementAnswer::CallMe => Some(Self::CallMe),
        }
    }

    fn write(self) -> pb::PlacementAnswered {
        let (answer, until, code) = match self {
            Self::Yes { until } => (pb::PlacementAnswer::Yes, Some(until), 0),
            Self::No { code } => (pb::PlacementAnswer::No, None, code.to_wire()),
            Self::CallMe => (pb::PlacementAnswer::CallMe, None, 0),
        };
        pb::PlacementAnswered { answer: answer.into(), hold_until_time: until.map(write_time), code }
    }
}

fn encode(draft: &Draft) -> pb::PlacementEvent {
    pb::PlacementEvent {
        placement_uid: draft.placement.as_bytes().to_vec(),
        side: draft.body.side().to_wire(),
        owner: Some(write_unit(&draft.owner)),
        counterpart: Some(write_unit(&draft.counterpart)),
        ordinal: draft.ordinal,
        seen: draft.seen.map(write_mark),
        event_time: Some(write_time(draft.time)),
        actor: Some(write_actor(&draft.actor)),
        event: Some(match draft.body {
            Body::Asked { from } => Wire::PlacementAsked(pb::PlacementAsked { from_time: from.map(write_time) }),
            Body::Withdrawn => Wire::PlacementWithdrawn(pb::PlacementWithdrawn {}),
            Body::Confirmed { referral } => {
                Wire::PlacementConfirmed(pb::PlacementConfirmed { referral_uid: referral.as_bytes().to_vec() })
            }
            Body::Released => Wire::PlacementReleased(pb::PlacementReleased {}),
            Body::Answered(answer) => Wire::PlacementAnswered(answer.write()),
            Body::Unattended => Wire::PlacementUnattended(pb::PlacementUnattended {}),
        }),
    }
}

fn decode(value: &pb::PlacementEvent, refusal: &mut Refusal) -> Option<Draft> {
    let placement = wire::uuid(&value.placement_uid, "placement_uid", refusal);
    let side = Side::ALL.into_iter().find(|side| side.to_wire() == value.side);
    let side = wire::required(side, "side", refusal);
    let owner = read_unit(value.owner.as_ref(), "owner", refusal);
    let counterpart = read_unit(value.counterpart.as_ref(), "counterpart", refusal);
    if value.ordinal == 0 {
        refusal.add("ordinal", reason::FIELD_REQUIRED);
    }
    let seen = value.seen.as_ref().and_then(|seen| read_mark(seen, refusal));
    let time = wire::timestamp(value.event_time.as_ref(), "event_time", refusal);
    let actor = wire::required(value.actor.as_ref(), "actor", refusal).and_then(|actor| read_actor(actor, refusal));
    let body = wire::required(value.event.as_ref(), "event", refusal).and_then(|event| read_body(event, refusal));
    let (side, body) = (side?, body?);
    if body.side() != side {
        refusal.add("side", reason::WRONG_SIDE);
    }
    Some(Draft {
        placement: placement?,
        owner: owner?,
        counterpart: counterpart?,
        ordinal: value.ordinal,
        seen,
        time: time?,
        actor: actor?,
        body,
    })
}

/// Reads from when on somebody needs it; absent for tonight.
pub fn read_from(value: Option<&prost_types::Timestamp>, refusal: &mut Refusal) -> Option<Timestamp> {
    value.and_then(|from| wire::timestamp(Some(from), "from_time", refusal))
}

fn read_body(value: &Wire, refusal: &mut Refusal) -> Option<Body> {
    Some(match value {
        Wire::PlacementAsked(asked) => Body::Asked { from: read_from(asked.from_time.as_ref(), refusal) },
        Wire::PlacementWithdrawn(_) => Body::Withdrawn,
        Wire::PlacementConfirmed(confirmed) => {
            Body::Confirmed { referral: wire::uuid(&confirmed.referral_uid, "referral_uid", refusal)? }
        }
        Wire::PlacementReleased(_) => Body::Released,
        Wire::PlacementAnswered(answered) => Body::Answered(Answer::read(answered, refusal)?),
        Wire::PlacementUnattended(_) => Body::Unattended,
    })
}

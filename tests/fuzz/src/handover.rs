//! Events of a hand-over between switchboards: what is read is the same when it is written again.

use nhipcau_domain::handover::Event;
use nhipcau_proto::{
    referral::v1::{self as referral, RejectionCode, Side},
    switchboard::v1::{self as pb, switchboard_event::Event as Wire},
};
use prost::Message as _;

/// See the head of this file.
pub fn property(bytes: &[u8]) {
    let Ok(event) = Event::read(bytes) else { return };
    let (written, again) = Event::write((*event).clone());
    let read = Event::read(&again).expect("what was written is read");
    assert_eq!(read, written);
    assert_eq!(*read, *event, "an event says the same however it was encoded");
    assert_eq!(read.body.kind().side(), read.side, "nobody writes for the other side");
}

/// An offer, with what stands in the golden opening of a referral, and what a recipient answers.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let opened: &[u8] = include_bytes!("../../../proto/vectors/events/referral_opened.binpb");
    let opened = referral::ReferralEvent::decode(opened).expect("a golden vector");
    let offered = pb::SwitchboardEvent {
        case_uid: opened.case_uid,
        contact_uid: opened.referral_uid,
        handover_uid: opened.branch_uid,
        side: Side::Origin.into(),
        owner: opened.owner,
        counterpart: opened.counterpart,
        ordinal: 1,
        previous_digest: opened.previous_digest,
        seen: None,
        event_time: opened.event_time,
        actor: opened.actor,
        lawful_basis: opened.lawful_basis,
        parts: opened.parts,
        event: Some(Wire::HandoverOffered(pb::HandoverOffered { asked: vec![1, 2], waiting: true })),
    };
    let declined = pb::SwitchboardEvent {
        side: Side::Recipient.into(),
        owner: offered.counterpart.clone(),
        counterpart: offered.owner.clone(),
        seen: Some(referral::Seen { ordinal: 1, digest: vec![7; 32] }),
        lawful_basis: None,
        parts: Vec::new(),
        event: Some(Wire::HandoverDeclined(pb::HandoverDeclined { code: RejectionCode::NoCapacity.into() })),
        ..offered.clone()
    };
    vec![offered.encode_to_vec(), declined.encode_to_vec()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_are_read_so_that_the_property_says_something() {
        for seed in seeds() {
            assert_eq!(Event::read(&seed).err(), None);
        }
    }
}

//! Events of a placement enquiry, and what is needed: what is read is the same when it is written again.

use nhipcau_domain::placement::{Event, check_need};
use nhipcau_proto::{
    placement::v1::{self as pb, placement_event::Event as Wire},
    referral::v1::{self as referral, Side},
};
use prost::Message as _;

/// See the head of this file.
pub fn property(bytes: &[u8]) {
    if let Ok(need) = pb::PlacementNeed::decode(bytes)
        && check_need(&need).is_ok()
    {
        assert!(need.persons.iter().all(|persons| (1..=20).contains(&persons.count)), "so many and no more");
    }
    let Ok(event) = Event::read(bytes) else { return };
    let (written, again) = Event::write((*event).clone());
    let read = Event::read(&again).expect("what was written is read");
    assert_eq!(read, written);
    assert_eq!(*read, *event, "an event says the same however it was encoded");
}

/// A question, with what stands in the golden opening of a referral, what a desk answers, and what is needed.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let opened: &[u8] = include_bytes!("../../../proto/vectors/events/referral_opened.binpb");
    let opened = referral::ReferralEvent::decode(opened).expect("a golden vector");
    let asked = pb::PlacementEvent {
        placement_uid: opened.branch_uid,
        side: Side::Origin.into(),
        owner: opened.owner,
        counterpart: opened.counterpart,
        ordinal: 1,
        seen: None,
        event_time: opened.event_time,
        actor: opened.actor,
        event: Some(Wire::PlacementAsked(pb::PlacementAsked { from_time: opened.event_time })),
    };
    let answered = pb::PlacementEvent {
        side: Side::Recipient.into(),
        owner: asked.counterpart.clone(),
        counterpart: asked.owner.clone(),
        seen: Some(referral::Seen { ordinal: 1, digest: vec![7; 32] }),
        event: Some(Wire::PlacementAnswered(pb::PlacementAnswered {
            answer: pb::PlacementAnswer::Yes.into(),
            hold_until_time: asked.event_time,
            code: 0,
        })),
        ..asked.clone()
    };
    let persons = vec![pb::PersonCount { age_group: 6, sex: 2, count: 1 }];
    let need = pb::PlacementNeed { persons, needs: vec![1] };
    vec![asked.encode_to_vec(), answered.encode_to_vec(), need.encode_to_vec()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_are_read_so_that_the_property_says_something() {
        let [asked, answered, need] = seeds().try_into().expect("three seeds");
        assert_eq!((Event::read(&asked).err(), Event::read(&answered).err()), (None, None));
        let need = pb::PlacementNeed::decode(need.as_slice()).expect("what is needed");
        assert_eq!(check_need(&need), Ok(()));
    }
}

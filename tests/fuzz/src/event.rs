//! Events of a case: what is read is the same when it is written again, and what is masked says of nobody anything.

use nhipcau_domain::referral::Event;
use nhipcau_proto::referral::v1::{self as pb, referral_event::Event as Wire};
use prost::Message as _;

/// See the head of this file.
pub fn property(bytes: &[u8]) {
    let Ok(event) = Event::read(bytes) else { return };
    let (written, again) = Event::write((*event).clone());
    let read = Event::read(&again).expect("what was written is read");
    assert_eq!(read, written);
    assert_eq!(*read, *event, "an event says the same however it was encoded");
    if let Some(masked) = event.masked(bytes) {
        let known = Event::read_masked(&masked, event.digest()).expect("what was masked is read");
        assert_eq!((known.digest(), known.ordinal, known.side), (event.digest(), event.ordinal, event.side));
    }
}

/// The events of the golden vectors. The opening's time limit has its times in order here, and a ladder; another could
/// not be computed. What was rejected is acknowledged here as well, by which limits begin.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let opened: &[u8] = include_bytes!("../../../proto/vectors/events/referral_opened.binpb");
    let mut opened = pb::ReferralEvent::decode(opened).expect("a golden vector");
    if let Some(Wire::Opened(opening)) = &mut opened.event {
        for limit in &mut opening.time_limits {
            limit.warn_time = limit.acknowledge_due_time;
            let unit = Some(pb::UnitRef { party: "hanoi".to_owned(), unit: "west".to_owned() });
            limit.steps.push(pb::LadderStep { step_time: limit.escalate_time, unit });
        }
        let (rule, citation) = ("plan".to_owned(), "Decree 56/2017/NĐ-CP".to_owned());
        opening.limit_refusals.push(pb::LimitRefusal { rule, citation, reason: "LIMIT_CALENDAR_ENDED".to_owned() });
    }
    let rejected: &[u8] = include_bytes!("../../../proto/vectors/events/referral_rejected.binpb");
    let mut answer = pb::ReferralEvent::decode(rejected).expect("a golden vector");
    answer.event = Some(Wire::Acknowledged(pb::Acknowledged {}));
    if let Some(Wire::Opened(opening)) = &opened.event {
        let (limits, start_time) = (opening.time_limits.iter(), answer.event_time);
        let stop = pb::TimeLimitStop::Completed.into();
        let begun = limits.map(|limit| pb::TimeLimit { start_time, stop, steps: Vec::new(), ..limit.clone() });
        answer.time_limits = begun.collect();
        answer.limit_refusals.clone_from(&opening.limit_refusals);
    }
    vec![
        opened.encode_to_vec(),
        answer.encode_to_vec(),
        rejected.to_vec(),
        include_bytes!("../../../proto/vectors/events/referral_completed.binpb").to_vec(),
    ]
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

//! Looks up the events that time limits name. An access point leaves out a limit that nothing it knows starts or stops,
//! because a newer build may know more; whoever draws up a release has misspelled it.

use nhipcau_domain::{
    limit::{STOP_EVENTS, Start},
    referral::Stop,
};
use nhipcau_proto::directory::v1 as pb;
use nhipcau_referrals::CONTRACT;

use crate::directory::problem::{Problems, entry_place};

/// Adds every start and stop event that does nothing.
pub(super) fn check(content: &pb::Release, problems: &mut Problems) {
    for (i, limit) in content.time_limits.iter().enumerate() {
        let place = || entry_place("time-limits.toml", "time_limit", i);
        if limit.contract != CONTRACT {
            // A contract that the release does not contain is named by the review; an entry without one was not read.
            if !limit.contract.is_empty() && content.contracts.iter().any(|entry| entry.contract == limit.contract) {
                problems.add(place(), "contract has no time limits");
            }
            continue;
        }
        if Start::of_event(&limit.start_event).is_none() {
            let known = Start::ALL.map(Start::name).join(", ");
            problems.add(place(), format_args!("start_event starts nothing; known are {known}"));
        }
        for (j, _) in limit.stop_events.iter().enumerate().filter(|(_, event)| Stop::of_event(event).is_none()) {
            let known = STOP_EVENTS.map(|(event, _)| event.name()).join(", ");
            problems.add(place(), format_args!("stop_events[{j}] stops nothing; known are {known}"));
        }
    }
}

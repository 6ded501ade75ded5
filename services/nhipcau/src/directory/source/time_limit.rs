//! Looks up the events that time limits name. An access point leaves out a limit that nothing it knows starts or stops,
//! because a newer build may know more; whoever draws up a release has misspelled it. Nor is drawn up what a limit
//! cannot have that starts with an answer: a ladder, which leads to one, or an end that comes before its start.

use nhipcau_domain::{
    limit::{STOP_EVENTS, Start},
    referral::{BEGINNING_MINOR, Stop},
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
        let start = Start::of_event(&limit.start_event);
        if start.is_none() {
            let known = Start::ALL.map(Start::name).join(", ");
            problems.add(place(), format_args!("start_event starts nothing; known are {known}"));
        }
        for (j, event) in limit.stop_events.iter().enumerate() {
            match Stop::of_event(event) {
                None => {
                    let known = STOP_EVENTS.map(|(event, _)| event.name()).join(", ");
                    problems.add(place(), format_args!("stop_events[{j}] stops nothing; known are {known}"));
                }
                Some(stop) if start.is_some_and(|start| !start.is_before(stop)) => {
                    let start = &limit.start_event;
                    problems.add(place(), format_args!("stop_events[{j}] comes with {start} or before it, if at all"));
                }
                Some(_) => {}
            }
        }
        if let Some(Start::Written(_)) = start {
            check_later(content, limit, &place, problems);
        }
    }
}

/// Adds everything that a limit cannot have that starts with an answer of the recipient.
fn check_later(content: &pb::Release, limit: &pb::TimeLimit, place: &dyn Fn() -> String, problems: &mut Problems) {
    let start = &limit.start_event;
    for (field, is_there) in [
        ("acknowledge_within", limit.acknowledge_within.is_some()),
        ("escalation", !limit.escalation.is_empty()),
        ("telephone_confirmation", limit.telephone_confirmation.is_some()),
    ] {
        if is_there {
            problems.add(place(), format_args!("{field} leads to an answer, and {start} is one"));
        }
    }
    let contract = content.contracts.iter().find(|entry| entry.contract == CONTRACT);
    if contract.is_some_and(|entry| entry.minor < BEGINNING_MINOR) {
        let minor = BEGINNING_MINOR;
        problems.add(place(), format_args!("start_event needs minor {minor} of the contract in programme.toml"));
    }
}

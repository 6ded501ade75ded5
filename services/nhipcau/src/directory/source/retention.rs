//! Looks up what retention classes name. An access point keeps nothing for what it does not know, because a newer build
//! may know more; whoever draws up a release has misspelled it.

use nhipcau_domain::retention::{PARTS, STATES};
use nhipcau_proto::directory::v1 as pb;
use nhipcau_referrals::CONTRACT;

use crate::directory::problem::{Problems, entry_place};

/// Adds every state and part that is none.
pub(super) fn check(content: &pb::Release, problems: &mut Problems) {
    for (i, class) in content.retention_classes.iter().enumerate() {
        let place = || entry_place("retention.toml", "retention_class", i);
        if class.contract != CONTRACT {
            // A contract that the release does not contain is named by the review; an entry without one was not read.
            if !class.contract.is_empty() && content.contracts.iter().any(|entry| entry.contract == class.contract) {
                problems.add(place(), "contract has no retention classes");
            }
            continue;
        }
        if !STATES.iter().any(|(name, _)| *name == class.state_from) {
            let known = STATES.map(|(name, _)| name).join(", ");
            problems.add(place(), format_args!("state_from is no state that binds; known are {known}"));
        }
        for (j, _) in class.parts.iter().enumerate().filter(|(_, part)| !PARTS.iter().any(|(name, _)| name == part)) {
            let known = PARTS.map(|(name, _)| name).join(", ");
            problems.add(place(), format_args!("parts[{j}] is no part; known are {known}"));
        }
    }
}

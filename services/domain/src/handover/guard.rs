//! Conditions of an event that are no states: an acting person, a pending request, the tiers of disclosure.

use super::{
    event::{Draft, EventKind, State},
    fold::View,
    table::{self, Verdict},
};
use crate::{
    reason,
    referral::{self, disclosure},
};

/// After so many events of a log no note is taken: the other side must be able to read the whole log again.
pub const MOST_NOTES: u64 = 100;

/// Every reason against writing this event in this view; empty when it is lawful.
#[must_use]
pub fn objections(view: &View, event: &Draft) -> Vec<&'static str> {
    let kind = event.body.kind();
    let mut reasons = Vec::new();
    if let Verdict::Refuse(reason) = table::verdict(view.state, event.side, kind) {
        reasons.push(reason);
    }
    // A voice is handed from one person to another; only that the acceptance is stored needs none.
    let is_by_rule = matches!(kind, EventKind::HandoverTaken | EventKind::ContactNoteAdded);
    if !is_by_rule && event.actor.person.is_none() {
        reasons.push(reason::PERSON_REQUIRED);
    }
    match kind {
        EventKind::HandBackAsked if view.hand_back.is_some() => reasons.push(reason::HAND_BACK_REQUESTED),
        EventKind::HandedBack if view.hand_back.is_none() => reasons.push(reason::NO_HAND_BACK_REQUESTED),
        EventKind::ContactNoteAdded if event.ordinal > MOST_NOTES => reasons.push(reason::TOO_MANY),
        _ => {}
    }
    reasons.extend(disclosed(view, event));
    reasons.sort_unstable();
    reasons.dedup();
    reasons
}

/// The tiers of a referral: the preview with the offer, everything else once it is taken.
fn disclosed(view: &View, event: &Draft) -> Vec<&'static str> {
    let parts: Vec<_> = event.parts.iter().map(|entry| entry.part).collect();
    let as_event = match event.body.kind() {
        EventKind::HandoverOffered => referral::EventKind::Opened,
        EventKind::HandoverTaken => referral::EventKind::Assigned,
        EventKind::ContactNoteAdded => referral::EventKind::DisclosureAdded,
        _ => referral::EventKind::Closed,
    };
    let as_state = match view.state {
        State::Offered => referral::State::Submitted,
        State::Accepted => referral::State::Accepted,
        State::Taken => referral::State::Assigned,
        State::HandedBack | State::Declined | State::Withdrawn => referral::State::Revoked,
    };
    let stage = disclosure::Stage { kind: referral::Kind::Referral, state: Some(as_state), event: as_event };
    disclosure::objections(stage, &parts, event.basis.as_ref().unwrap_or(&view.basis), event.time)
}

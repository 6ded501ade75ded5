//! Conditions of an event that are no states: an acting person, a pending request, the tiers of disclosure.

use super::{
    event::{Draft, EventKind, State},
    fold::View,
    table::{self, Verdict},
};
use crate::{
    reason,
    referral::{self, PartSet, disclosure},
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

/// What stands against the parts that an event names.
fn disclosed(view: &View, event: &Draft) -> Vec<&'static str> {
    let parts: Vec<_> = event.parts.iter().map(|entry| entry.part).collect();
    let stage = stage(view.state, event.body.kind());
    disclosure::objections(stage, &parts, event.basis.as_ref().unwrap_or(&view.basis), event.time)
}

/// Of the parts at hand those that an event may tell. A reporter who did not agree is not among them.
#[must_use]
pub fn may_tell(view: &View, event: EventKind, at_hand: PartSet) -> PartSet {
    stage(view.state, event).select(at_hand, true, &view.basis)
}

/// The tiers of a referral: the preview with the offer, everything else once it is taken.
fn stage(state: State, event: EventKind) -> disclosure::Stage {
    let event = match event {
        EventKind::HandoverOffered => referral::EventKind::Opened,
        EventKind::HandoverTaken => referral::EventKind::Assigned,
        EventKind::ContactNoteAdded => referral::EventKind::DisclosureAdded,
        _ => referral::EventKind::Closed,
    };
    let state = match state {
        State::Offered => referral::State::Submitted,
        State::Accepted => referral::State::Accepted,
        State::Taken => referral::State::Assigned,
        State::HandedBack | State::Declined | State::Withdrawn => referral::State::Revoked,
    };
    disclosure::Stage { kind: referral::Kind::Referral, state: Some(state), event }
}

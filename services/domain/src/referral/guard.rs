//! Conditions of an event that are no states, beside the transition table: an acting person, a pending request, the
//! basis, the tiers of disclosure. The fold, the decisions and the judgement of arriving events all ask here.

use super::{
    disclosure,
    event::{Body, Draft},
    kind::{EventKind, Side},
    table::{self, Verdict},
    telephone,
    view::View,
    work,
};
use crate::reason;

/// Events of a log after which none is taken that would change no state: the other side must be able to read the
/// whole log again with every event. What ends a branch, its hand-over to a successor, the confirmation that it was
/// erased, the first answer to a withdrawal, and what ends an open review always have room.
pub const MOST_EVENTS: u64 = 1_000;

/// Every reason against writing this event in this view; empty when it is lawful.
#[must_use]
pub fn objections(view: &View, event: &Draft) -> Vec<&'static str> {
    let kind = event.body.kind();
    let mut reasons = Vec::new();
    match table::verdict(view.kind, view.state, event.side, kind) {
        Verdict::Refuse(reason) => reasons.push(reason),
        Verdict::Wait if view.waits_for_assignment(kind) => reasons.push(reason::WRONG_STATE),
        Verdict::To(_) | Verdict::Keep | Verdict::Wait => {}
    }
    let changes_nothing = table::verdict(view.kind, view.state, event.side, kind) == Verdict::Keep;
    let is_first_answer = kind == EventKind::WithdrawalAnswered && view.withdrawal_answer.is_none();
    let ends_review = matches!(&event.body, Body::WorkRecorded(work) if view.is_ended_by(work));
    let always_has_room = matches!(kind, EventKind::Erased | EventKind::Moved) || is_first_answer || ends_review;
    if event.ordinal > MOST_EVENTS && changes_nothing && !always_has_room {
        reasons.push(reason::TOO_MANY);
    }
    match kind {
        EventKind::Acknowledged | EventKind::HandBackTaken if event.actor.person.is_none() => {
            reasons.push(reason::PERSON_REQUIRED);
        }
        EventKind::ConsentWithdrawn if !view.basis.is_consent() => reasons.push(reason::BASIS_NOT_CONSENT),
        EventKind::RevocationGranted | EventKind::RevocationRefused if view.revocation_requested.is_none() => {
            reasons.push(reason::NO_REVOCATION_REQUESTED);
        }
        EventKind::HandBackRequested if view.hand_back.is_some() => reasons.push(reason::HAND_BACK_REQUESTED),
        EventKind::Returned if view.head(Side::Recipient).is_some() => reasons.push(reason::OPENING_STORED),
        EventKind::Escalated if matches!(event.body, Body::Escalated { level: 0 }) => {
            reasons.push(reason::FIELD_REQUIRED)
        }
        EventKind::Erased if view.erased => reasons.push(reason::ERASURE_NOT_DUE),
        EventKind::Unattended if view.unattended => reasons.push(reason::WRONG_STATE),
        EventKind::WithdrawalAnswered if !view.is_withdrawn() => reasons.push(reason::WRONG_STATE),
        EventKind::Completed if view.has_open_review() => reasons.push(reason::REVIEW_OPEN),
        _ => {}
    }
    match &event.body {
        Body::WorkRecorded(work) => reasons.extend(work::objections(view, event, work)),
        Body::TelephoneRecorded(said) => reasons.extend(telephone::objections(view, event, said)),
        _ => {}
    }
    if kind == EventKind::HandBackTaken && !view.asks_to_hand_back() {
        reasons.push(reason::NO_HAND_BACK_REQUESTED);
    }
    if let Body::EmergencyReleased = event.body
        && !event.basis.as_ref().is_some_and(super::Basis::is_vital_interest)
    {
        reasons.push(reason::BASIS_NOT_VITAL);
    }
    let basis = event.basis.as_ref().unwrap_or(&view.basis);
    let parts: Vec<_> = event.parts.iter().map(|entry| entry.part).collect();
    let stage = disclosure::Stage { kind: view.kind, state: Some(view.state), event: kind };
    reasons.extend(disclosure::objections(stage, &parts, basis, event.time));
    reasons.sort_unstable();
    reasons.dedup();
    reasons
}

//! Which part of the content may be sealed, and when.
//!
//! A TRANSFER has one tier. A REFERRAL shows the preview first; identity and narrative are sealed only by the event
//! that assigns the branch, which the sender can write only once its own store holds the recipient's acceptance, or
//! later. An emergency release is the one exception, rests on a vital interest and alarms both sides. The reporter
//! travels only with his agreement. A NOTIFICATION shows the preview and nothing else.

use jiff::Timestamp;

use super::{
    basis::Basis,
    code::Part,
    kind::{EventKind, Kind, State},
    parts::PartSet,
};
use crate::reason;

/// Where in the life of a branch a disclosure would happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// Kind of the referral.
    pub kind: Kind,
    /// State of the branch in the sender's own view; `None` before the opening.
    pub state: Option<State>,
    /// The event that would carry the parts.
    pub event: EventKind,
}

impl Stage {
    /// The parts that may travel with the event at this stage.
    #[must_use]
    pub fn tier(self) -> PartSet {
        let preview = PartSet::of(&[Part::Preview]);
        let all = PartSet::CONTENT;
        match (self.kind, self.event) {
            (Kind::Transfer, EventKind::Opened | EventKind::Assigned | EventKind::DisclosureAdded) => all,
            (Kind::Referral | Kind::Notification, EventKind::Opened) => preview,
            (Kind::Referral, EventKind::Assigned) if self.state == Some(State::Accepted) => all,
            (Kind::Referral, EventKind::DisclosureAdded) => match self.state {
                Some(State::Assigned | State::InService) => all,
                _ => preview,
            },
            (Kind::Referral, EventKind::EmergencyReleased) => PartSet::of(&[Part::Identity, Part::Narrative]),
            (Kind::Notification, EventKind::DisclosureAdded) => preview,
            (Kind::Transfer | Kind::Referral, EventKind::WorkRecorded) => PartSet::of(&[Part::Work]),
            _ => PartSet::EMPTY,
        }
    }

    /// Of the parts at hand, those to be sealed with the event: what the tier and the basis allow, and the reporter
    /// only if he agreed.
    #[must_use]
    pub fn select(self, at_hand: PartSet, reporter_agreed: bool, basis: &Basis) -> PartSet {
        self.tier()
            .intersection(at_hand)
            .iter()
            .filter(|part| basis.covers(*part) && (*part != Part::Reporter || reporter_agreed))
            .collect()
    }

    const fn needs_a_part(self) -> bool {
        matches!(self.event, EventKind::Opened | EventKind::DisclosureAdded | EventKind::EmergencyReleased)
    }
}

/// Every reason against sealing these parts at this stage.
#[must_use]
pub fn objections(stage: Stage, parts: &[Part], basis: &Basis, now: Timestamp) -> Vec<&'static str> {
    let mut reasons = Vec::new();
    let (tier, mut given) = (stage.tier(), PartSet::EMPTY);
    for part in parts {
        if !part.is_known() {
            reasons.push(reason::CODE_UNKNOWN);
        } else if given.contains(*part) {
            reasons.push(reason::PART_REPEATED);
        } else if !tier.contains(*part) {
            reasons.push(reason::DISCLOSURE_TOO_EARLY);
        } else if !basis.covers(*part) {
            reasons.push(reason::BASIS_SCOPE);
        }
        given.insert(*part);
    }
    if stage.needs_a_part() && given.is_empty() || stage.event == EventKind::Opened && !given.contains(Part::Preview) {
        reasons.push(reason::PART_MISSING);
    }
    if !parts.is_empty() {
        reasons.extend(basis.objections(&[], now));
    }
    reasons
}

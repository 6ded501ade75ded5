//! What hand-overs promise, in every order in which two logs can be written and delivered.

mod document;
mod orders;
mod steps;

use jiff::Timestamp;
use uuid::Uuid;

use super::*;
use crate::referral::{
    Actor, Basis, HandBack, Part, PartDigest, Refusal, Rejection, Revocation, Side, UnitRef,
    tests::world::{duty, time},
};

fn unit(text: &str) -> UnitRef {
    let (party, unit) = text.split_once('/').unwrap();
    UnitRef { party: party.parse().unwrap(), unit: unit.parse().unwrap() }
}

fn person() -> Actor {
    Actor { person: Some(crate::referral::PersonRef::new("tv-3").unwrap()), ..system() }
}

fn system() -> Actor {
    Actor { system: "access-point".parse().unwrap(), person: None }
}

fn parts(parts: &[Part]) -> Vec<PartDigest> {
    parts.iter().map(|part| PartDigest { part: *part, digest: [7; 32] }).collect()
}

fn everything() -> Vec<PartDigest> {
    parts(&[Part::Preview, Part::Identity, Part::Narrative])
}

fn offering() -> Offer {
    Offer {
        ids: Ids { case: Uuid::from_u128(1), contact: Uuid::from_u128(2), handover: Uuid::from_u128(3) },
        origin: unit("moh/111"),
        recipient: unit("vwu/1900969680"),
        basis: duty(),
        body: Body::HandoverOffered { asked: vec![Asked::FullName, Asked::Condition], waiting: true },
        parts: parts(&[Part::Preview]),
        actor: person(),
        now: time(0),
    }
}

/// What a side can be asked to write, one of each.
fn bodies(side: Side) -> Vec<Body> {
    match side {
        Side::Origin => vec![
            Body::HandoverTaken,
            Body::HandoverWithdrawn { reason: Revocation::NoAnswer },
            Body::HandedBack,
            Body::ContactNoteAdded,
        ],
        Side::Recipient => vec![
            Body::HandoverAccepted,
            Body::HandoverDeclined { code: Rejection::NoCapacity },
            Body::HandBackAsked { reason: HandBack::NoCapacity },
        ],
    }
}

fn parts_of(body: &Body) -> Vec<PartDigest> {
    match body {
        Body::HandoverTaken => everything(),
        Body::ContactNoteAdded => parts(&[Part::Preview]),
        _ => Vec::new(),
    }
}

/// Both copies of one hand-over.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) origin: Handover,
    /// `None` until the offer is delivered.
    pub(crate) recipient: Option<Handover>,
}

impl World {
    pub(crate) fn new() -> Self {
        let (event, _) = Event::write(offer(offering()).unwrap());
        Self { origin: Handover::open(event).unwrap(), recipient: None }
    }

    /// One that is taken, and of which the offer says that this was asked.
    pub(crate) fn asking(asked: Vec<Asked>) -> Self {
        let body = Body::HandoverOffered { asked, waiting: true };
        let (event, _) = Event::write(offer(Offer { body, ..offering() }).unwrap());
        let mut world = Self { origin: Handover::open(event).unwrap(), recipient: None };
        world.deliver(Side::Recipient);
        world.write(Side::Recipient, Body::HandoverAccepted);
        world.deliver(Side::Origin);
        world.write(Side::Origin, Body::HandoverTaken);
        world.deliver(Side::Recipient);
        world
    }

    fn copy(&self, side: Side) -> Option<&Handover> {
        match side {
            Side::Origin => Some(&self.origin),
            Side::Recipient => self.recipient.as_ref(),
        }
    }

    fn copy_mut(&mut self, side: Side) -> Option<&mut Handover> {
        match side {
            Side::Origin => Some(&mut self.origin),
            Side::Recipient => self.recipient.as_mut(),
        }
    }

    /// Writes an event at a side; false where that is refused.
    pub(crate) fn write(&mut self, side: Side, body: Body) -> bool {
        let parts = parts_of(&body);
        let Some(copy) = self.copy_mut(side) else { return false };
        let Ok(draft) = copy.next(side, body, parts, person(), time(2)) else { return false };
        let (event, bytes) = Event::write(draft);
        assert_eq!(Event::read(&bytes).as_ref(), Ok(&event), "what is written is read");
        copy.record(event).unwrap();
        true
    }

    /// Delivers the next event to a side; false when there is none.
    pub(crate) fn deliver(&mut self, to: Side) -> bool {
        let held = self.copy(to).map_or(0, |copy| copy.log(to.other()).len());
        let Some(event) = self.copy(to.other()).and_then(|copy| copy.log(to.other()).get(held).cloned()) else {
            return false;
        };
        match self.copy_mut(to) {
            None => self.recipient = Some(Handover::open(event).unwrap()),
            Some(copy) => {
                copy.admit(&event).expect("lawful with what its writer knew");
                copy.record(event).unwrap();
            }
        }
        true
    }

    fn exchanged(&self, first: Side) -> Self {
        let mut world = self.clone();
        while world.deliver(first) || world.deliver(first.other()) {}
        world
    }

    pub(crate) fn state(&self, side: Side) -> Option<State> {
        self.copy(side).map(|copy| copy.view().state)
    }

    /// What holds at every moment.
    pub(crate) fn check(&self) {
        let answers = |side| self.state(side).is_some_and(|state| state.answers(side));
        assert!(answers(Side::Origin) || answers(Side::Recipient), "nobody answers: {self:?}");
        for event in self.origin.log(Side::Origin) {
            let late = event.parts.iter().any(|entry| entry.part != Part::Preview);
            let known = self.origin.log(Side::Recipient).get(..event.seen_ordinal() as usize).unwrap();
            let accepted = known.iter().any(|event| event.body == Body::HandoverAccepted);
            assert!(!late || accepted, "told before an acceptance was stored: {event:?}");
        }
    }

    /// What holds once everything has arrived, in whatever order.
    fn check_exchange(&self) {
        let (one, two) = (self.exchanged(Side::Origin), self.exchanged(Side::Recipient));
        assert_eq!(one.origin.view(), two.origin.view());
        assert_eq!(Some(one.origin.view()), one.recipient.as_ref().map(Handover::view), "both sides fold to the same");
        let state = one.origin.view().state;
        assert!(state.answers(state.responsible()));
        let both = state.answers(Side::Origin) && state.answers(Side::Recipient);
        assert_eq!(both, state == State::Accepted, "both answer only while an acceptance waits");
    }
}

fn found(refusal: &Refusal) -> Vec<&str> {
    refusal.violations().iter().map(|it| it.reason).collect()
}

fn with_basis(basis: Basis) -> Offer {
    Offer { basis, ..offering() }
}

fn later(seconds: i64) -> Timestamp {
    time(seconds)
}

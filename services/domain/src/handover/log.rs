//! The two logs of a hand-over as one side holds them: what is recorded, what is judged, and what may be written next.

use jiff::Timestamp;

use super::{
    event::{Body, Draft, Event, Ids},
    fold::{View, fold},
    guard,
};
use crate::{
    reason,
    referral::{Actor, Basis, Digest, Fault, PartDigest, Recorded, Refusal, Side, UnitRef},
};

/// What is offered to another switchboard.
#[derive(Debug, Clone)]
pub struct Offer {
    /// What it belongs to.
    pub ids: Ids,
    /// Unit that has the contact.
    pub origin: UnitRef,
    /// Unit that is asked.
    pub recipient: UnitRef,
    /// Lawful basis.
    pub basis: Basis,
    /// What was asked already, and whether somebody waits; a [`Body::HandoverOffered`].
    pub body: Body,
    /// The preview.
    pub parts: Vec<PartDigest>,
    /// Who offers.
    pub actor: Actor,
    /// The clock.
    pub now: Timestamp,
}

/// The first event of a hand-over.
///
/// # Errors
/// A [`Refusal`] with every reason against it.
pub fn offer(new: Offer) -> Result<Draft, Refusal> {
    let draft = Draft {
        ids: new.ids,
        side: Side::Origin,
        owner: new.origin,
        counterpart: new.recipient,
        ordinal: 1,
        previous: Digest::ZERO,
        seen: None,
        time: new.now,
        actor: new.actor,
        basis: Some(new.basis),
        parts: new.parts,
        body: new.body,
    };
    let mut refusal = against_offer(&draft);
    if draft.owner == draft.counterpart {
        refusal.add("recipient", reason::RECIPIENT_REPEATED);
    }
    refusal.or(draft)
}

/// What stands against an offer. That nothing was offered before is seen by its place.
fn against_offer(draft: &Draft) -> Refusal {
    let mut refusal = Refusal::default();
    let (event, _) = Event::write(draft.clone());
    match fold(std::slice::from_ref(&event), &[]) {
        None => refusal.add("event", reason::FIELD_REQUIRED),
        Some(view) => {
            let reasons = guard::objections(&view, draft).into_iter();
            reasons.filter(|reason| *reason != reason::ALREADY_OPENED).for_each(|it| refusal.add("event", it));
        }
    }
    refusal
}

/// Both logs of a hand-over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handover {
    offer: Event,
    origin: Vec<Event>,
    recipient: Vec<Event>,
    view: View,
}

impl Handover {
    /// Begins with an offer, one's own or one that arrived.
    ///
    /// # Errors
    /// A [`Refusal`] with every reason against it.
    pub fn open(event: Event) -> Result<Self, Refusal> {
        let is_first = event.ordinal == 1 && event.previous == Digest::ZERO && event.seen.is_none();
        let mut refusal = against_offer(&event);
        if !is_first || event.side != Side::Origin {
            refusal.add("ordinal", reason::FIELD_FORMAT);
        }
        let origin = vec![event.clone()];
        match refusal.or(fold(&origin, &[]))? {
            Some(view) => Ok(Self { offer: event, origin, recipient: Vec::new(), view }),
            None => Err(Refusal::one("event", reason::FIELD_REQUIRED)),
        }
    }

    /// Puts two logs together as far as they fit, and says whether that is all: an event waits for what it names, and
    /// after a rollback those of the two sides come back in any order. `None` while the offer is missing.
    ///
    /// # Errors
    /// A [`Refusal`] when the offer is none.
    pub fn assemble(origin: &[Event], recipient: &[Event]) -> Result<Option<(Self, bool)>, Refusal> {
        let Some((offer, later)) = origin.split_first().filter(|(first, _)| first.ordinal == 1) else {
            return Ok(None);
        };
        let mut handover = Self::open(offer.clone())?;
        let mut rest = [later, recipient];
        let mut moved = true;
        while moved {
            moved = false;
            for log in &mut rest {
                while let Some((next, after)) = log.split_first() {
                    if handover.record(next.clone()).is_err() {
                        break;
                    }
                    *log = after;
                    moved = true;
                }
            }
        }
        Ok(Some((handover, rest.iter().all(|log| log.is_empty()))))
    }

    /// Judges an event that arrived: was it lawful with what its writer knew?
    ///
    /// # Errors
    /// A [`Refusal`] with every reason against it.
    pub fn admit(&self, event: &Event) -> Result<(), Refusal> {
        let own = prefix(self.log(event.side), event.ordinal.saturating_sub(1));
        let known = prefix(self.log(event.side.other()), event.seen_ordinal());
        let view = match event.side {
            Side::Origin => fold(own, known),
            Side::Recipient => fold(known, own),
        };
        let mut refusal = Refusal::default();
        match view {
            None => refusal.add("seen", reason::FIELD_REQUIRED),
            Some(view) => guard::objections(&view, event).into_iter().for_each(|it| refusal.add("event", it)),
        }
        refusal.or(())
    }

    /// Records an event of either side after its chain was checked.
    ///
    /// # Errors
    /// A [`Fault`]; nothing was changed then.
    pub fn record(&mut self, event: Event) -> Result<Recorded, Fault> {
        let (log, other) = (self.log(event.side), self.log(event.side.other()));
        if !self.is_of_this(&event) {
            return Err(Fault::Foreign);
        }
        if let Some(present) = at(log, event.ordinal) {
            return if present.digest() == event.digest() { Ok(Recorded::Again) } else { Err(Fault::Forked) };
        }
        if event.ordinal != log.len() as u64 + 1 {
            return Err(Fault::Gap);
        }
        if event.previous != log.last().map_or(Digest::ZERO, Event::digest) {
            return Err(Fault::Forked);
        }
        if log.last().is_some_and(|last| event.seen_ordinal() < last.seen_ordinal()) {
            return Err(Fault::SeenBackwards);
        }
        if let Some(seen) = event.seen
            && at(other, seen.ordinal).ok_or(Fault::SeenUnknown)?.digest() != seen.digest
        {
            return Err(Fault::Forked);
        }
        match event.side {
            Side::Origin => self.origin.push(event),
            Side::Recipient => self.recipient.push(event),
        }
        if let Some(view) = fold(&self.origin, &self.recipient) {
            self.view = view;
        }
        Ok(Recorded::New)
    }

    /// The next event of a side.
    ///
    /// # Errors
    /// A [`Refusal`] with every reason against it.
    pub fn next(
        &self,
        side: Side,
        body: Body,
        parts: Vec<PartDigest>,
        actor: Actor,
        now: Timestamp,
    ) -> Result<Draft, Refusal> {
        let log = self.log(side);
        let draft = Draft {
            ids: self.offer.ids,
            side,
            owner: self.unit(side).clone(),
            counterpart: self.unit(side.other()).clone(),
            ordinal: log.len() as u64 + 1,
            previous: log.last().map_or(Digest::ZERO, Event::digest),
            seen: self.log(side.other()).last().map(Event::mark),
            time: now,
            actor,
            basis: None,
            parts,
            body,
        };
        let mut refusal = Refusal::default();
        guard::objections(&self.view, &draft).into_iter().for_each(|it| refusal.add("handover", it));
        refusal.or(draft)
    }

    /// What the two logs say together.
    #[must_use]
    pub const fn view(&self) -> &View {
        &self.view
    }

    /// The offer.
    #[must_use]
    pub const fn offer(&self) -> &Event {
        &self.offer
    }

    /// What a caller must have read to change it.
    #[must_use]
    pub fn etag(&self) -> String {
        format!("{}.{}", self.origin.len(), self.recipient.len())
    }

    /// What it belongs to.
    #[must_use]
    pub fn ids(&self) -> Ids {
        self.offer.ids
    }

    /// The unit of a side.
    #[must_use]
    pub fn unit(&self, side: Side) -> &UnitRef {
        match side {
            Side::Origin => &self.offer.owner,
            Side::Recipient => &self.offer.counterpart,
        }
    }

    fn is_of_this(&self, event: &Event) -> bool {
        let units = (&event.owner, &event.counterpart);
        event.ids == self.offer.ids && units == (self.unit(event.side), self.unit(event.side.other()))
    }

    /// The log of a side.
    #[must_use]
    pub fn log(&self, side: Side) -> &[Event] {
        match side {
            Side::Origin => &self.origin,
            Side::Recipient => &self.recipient,
        }
    }
}

fn at(log: &[Event], ordinal: u64) -> Option<&Event> {
    log.get(usize::try_from(ordinal.checked_sub(1)?).ok()?)
}

fn prefix(log: &[Event], count: u64) -> &[Event] {
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(log.len());
    log.get(..count).unwrap_or_default()
}

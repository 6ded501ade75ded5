//! The state of a hand-over as a pure function of its two logs.
//!
//! The logs are read as one sequence that keeps each log's order and what each event had seen; of two events that
//! crossed, the origin's comes first. So a withdrawal wins over an acceptance that crossed it.

use jiff::Timestamp;

use super::{
    asked::Asked,
    event::{Body, Event, State},
    guard,
    table::{self, Verdict},
};
use crate::referral::{Basis, HandBack, PartSet, Rejection, Revocation, Side};

/// An event that stays in its log as evidence and changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Superseded {
    /// Whose log.
    pub side: Side,
    /// Position there.
    pub ordinal: u64,
    /// A constant of [`crate::reason`].
    pub reason: &'static str,
}

/// What two logs say together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// State.
    pub state: State,
    /// When it was entered, by the clock of whoever wrote it.
    pub since: Timestamp,
    /// Lawful basis of the offer.
    pub basis: Basis,
    /// What was asked already.
    pub asked: Vec<Asked>,
    /// Somebody waits on the line.
    pub waiting: bool,
    /// Why the recipient asks to hand it back; stays after it was.
    pub hand_back: Option<HandBack>,
    /// Why the recipient declined.
    pub declined: Option<Rejection>,
    /// Why the origin withdrew.
    pub withdrawn: Option<Revocation>,
    /// Parts that the events name.
    pub disclosed: PartSet,
    /// What changed nothing.
    pub superseded: Vec<Superseded>,
}

/// Folds the two logs. `None` when the origin's does not begin with an offer; an event that names what is not there
/// ends the reading of its log.
#[must_use]
pub fn fold(origin: &[Event], recipient: &[Event]) -> Option<View> {
    let (mut ours, mut theirs) = (origin.iter().peekable(), recipient.iter().peekable());
    let offer = ours.next()?;
    let Body::HandoverOffered { asked, waiting } = &offer.body else { return None };
    let mut view = View {
        state: State::Offered,
        since: offer.time,
        basis: offer.basis.clone()?,
        asked: asked.clone(),
        waiting: *waiting,
        hand_back: None,
        declined: None,
        withdrawn: None,
        disclosed: PartSet::EMPTY,
        superseded: Vec::new(),
    };
    view.disclose(offer);
    let (mut read, mut heard) = (1, 0);
    loop {
        if let Some(event) = ours.next_if(|event| event.seen_ordinal() <= heard) {
            read += 1;
            view.take(event);
        } else if let Some(event) = theirs.next_if(|event| event.seen_ordinal() <= read) {
            heard += 1;
            view.take(event);
        } else {
            return Some(view);
        }
    }
}

impl View {
    fn take(&mut self, event: &Event) {
        self.disclose(event);
        if let Some(reason) = guard::objections(self, event).first() {
            self.superseded.push(Superseded { side: event.side, ordinal: event.ordinal, reason });
            return;
        }
        match event.body {
            Body::HandoverWithdrawn { reason } => self.withdrawn = Some(reason),
            Body::HandoverDeclined { code } => self.declined = Some(code),
            Body::HandBackAsked { reason } => self.hand_back = Some(reason),
            _ => {}
        }
        if let Verdict::To(state) = table::verdict(self.state, event.side, event.body.kind()) {
            self.state = state;
            self.since = event.time;
        }
    }

    fn disclose(&mut self, event: &Event) {
        self.disclosed = event.parts.iter().map(|entry| entry.part).chain(self.disclosed.iter()).collect();
    }
}

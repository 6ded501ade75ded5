//! Retention: of an ended branch, what goes and what must be kept by whom it reached, on which duty, until when.
//!
//! A legal hold outranks every class, a class outranks a withdrawal of consent and names its source, and what no class
//! names goes. A class binds only what came as far as an assigned service, and nothing that never should have been
//! sent: of a rejection nothing is kept. Knows no clock and no store; whoever asks says when the branch ended by their
//! own clock, because the time in an event is its writer's word.

mod class;
#[cfg(test)]
mod tests;

pub use class::{Class, PARTS, STATES, classes};
use jiff::{SignedDuration, Timestamp};

use crate::referral::{Effect, Kept, Part, State, Text, View};

/// A branch that has ended at its recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// How far it had come; `None` when it never was assigned.
    pub reached: Option<State>,
    /// How it ended.
    pub state: State,
    /// When, by the clock of whoever asks.
    pub time: Timestamp,
}

impl Ended {
    /// How a branch ended; `None` while nothing has to be erased.
    #[must_use]
    pub fn of(view: &View, time: Timestamp) -> Option<Self> {
        let reached = view.history.iter().filter_map(|entry| match entry.effect {
            Effect::Took(state) if state.is_assigned() => Some(state),
            _ => None,
        });
        view.state.calls_for_erasure().then(|| Self { reached: reached.max(), state: view.state, time })
    }
}

/// What becomes of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It goes.
    Erase,
    /// It must be kept: why, on which duty and until when.
    Keep(Kept),
}

/// Decides on one part of an ended branch at `now`. `holds`: the source that each legal hold on the case names.
#[must_use]
pub fn verdict(part: Part, ended: &Ended, holds: &[Text], classes: &[Class], now: Timestamp) -> Verdict {
    if let Some(citation) = holds.first() {
        return Verdict::Keep(Kept { part, citation: citation.clone(), class: None, until: None });
    }
    let bound = classes.iter().filter(|class| class.binds(part, ended));
    let kept = bound.map(|class| (class.until(ended), class)).max_by_key(|(until, _)| *until);
    match kept {
        Some((until, class)) if now < until => {
            let (citation, id) = (class.source.clone(), class.id.clone());
            Verdict::Keep(Kept { part, citation, class: Some(id), until: Some(until) })
        }
        _ => Verdict::Erase,
    }
}

impl Class {
    /// Whether this is about the part of a branch that ended so.
    fn binds(&self, part: Part, ended: &Ended) -> bool {
        ended.state != State::EnteredInError
            && ended.reached.is_some_and(|reached| self.from <= reached)
            && self.parts.contains(part)
            && self.validity.contains(ended.time)
    }

    fn until(&self, ended: &Ended) -> Timestamp {
        let span = SignedDuration::from_hours(24 * i64::from(self.days));
        ended.time.checked_add(span).unwrap_or(Timestamp::MAX)
    }
}

//! One side's log of a branch: numbered from 1, chained by digest, written by that side alone.

use super::{
    event::{Digest, Event, Mark},
    kind::Side,
};
use crate::reason;

/// Why an event cannot stand at its place in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The event is of another branch, side or unit.
    #[error("the event belongs to another log")]
    Foreign,
    /// The first event of an origin's log is not an opening.
    #[error("the log does not begin with an opening")]
    NotAnOpening,
    /// An earlier event is missing; it will come or has to be asked for.
    #[error("an earlier event of the log is missing")]
    Gap,
    /// Two different events claim one position, or the chain does not fit.
    #[error("two events claim the same position of a log")]
    Forked,
    /// Names an event of the other log that is not there; it will come or has to be asked for.
    #[error("the event names an event of the other log that is not there")]
    SeenUnknown,
    /// Has seen less of the other log than the event before it.
    #[error("the event has seen less than the one before it")]
    SeenBackwards,
}

impl Fault {
    /// The stable reason.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Foreign => reason::WRONG_SIDE,
            Self::NotAnOpening => reason::WRONG_STATE,
            Self::Gap => reason::LOG_GAP,
            Self::Forked => reason::LOG_FORKED,
            Self::SeenUnknown => reason::LOG_SEEN_UNKNOWN,
            Self::SeenBackwards => reason::LOG_SEEN_BACKWARDS,
        }
    }
}

/// What became of an event that was offered to a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It is new and stands at the end now.
    New,
    /// It was there already.
    Again,
}

/// The log of one side.
#[derive(Debug, Clone)]
pub struct Log {
    side: Side,
    events: Vec<Event>,
}

impl Log {
    pub(super) const fn new(side: Side) -> Self {
        Self { side, events: Vec::new() }
    }

    /// Whose log.
    #[must_use]
    pub const fn side(&self) -> Side {
        self.side
    }

    /// Its events in order.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The last position; `None` while the log is empty.
    #[must_use]
    pub fn head(&self) -> Option<Mark> {
        self.events.last().map(Event::mark)
    }

    /// The event at a position.
    #[must_use]
    pub fn at(&self, ordinal: u64) -> Option<&Event> {
        let index = usize::try_from(ordinal.checked_sub(1)?).ok()?;
        self.events.get(index)
    }

    /// The first `count` events, or all when there are fewer.
    #[must_use]
    pub fn prefix(&self, count: u64) -> &[Event] {
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(self.events.len());
        self.events.get(..count).unwrap_or_default()
    }

    /// Appends an event whose chain and sight of the other log fit.
    pub(super) fn append(&mut self, event: Event, other: &Self) -> Result<Recorded, Fault> {
        if event.side != self.side {
            return Err(Fault::Foreign);
        }
        if let Some(present) = self.at(event.ordinal) {
            return if present.digest() == event.digest() { Ok(Recorded::Again) } else { Err(Fault::Forked) };
        }
        if event.ordinal != self.next_ordinal() {
            return Err(Fault::Gap);
        }
        if event.previous != self.head().map_or(Digest::ZERO, |mark| mark.digest) {
            return Err(Fault::Forked);
        }
        if self.events.last().is_some_and(|last| event.seen_ordinal() < last.seen_ordinal()) {
            return Err(Fault::SeenBackwards);
        }
        if let Some(seen) = event.seen {
            let named = other.at(seen.ordinal).ok_or(Fault::SeenUnknown)?;
            if named.digest() != seen.digest {
                return Err(Fault::Forked);
            }
        }
        self.events.push(event);
        Ok(Recorded::New)
    }

    pub(super) fn next_ordinal(&self) -> u64 {
        self.head().map_or(0, |mark| mark.ordinal) + 1
    }
}

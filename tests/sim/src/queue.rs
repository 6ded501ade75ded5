//! Simulated time: what happens next, in order of time and then of having been planned.

use std::collections::BTreeMap;

/// Simulated microseconds since the run began.
pub type Micros = u64;

/// A millisecond.
pub const MILLI: Micros = 1_000;

/// A second.
pub const SECOND: Micros = 1_000 * MILLI;

/// What is planned.
#[derive(Debug)]
pub struct Queue<E> {
    now: Micros,
    serial: u64,
    planned: BTreeMap<(Micros, u64), E>,
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Self { now: 0, serial: 0, planned: BTreeMap::new() }
    }
}

impl<E> Queue<E> {
    /// The present.
    #[must_use]
    pub fn now(&self) -> Micros {
        self.now
    }

    /// Plans an event for after a delay.
    pub fn plan(&mut self, delay: Micros, event: E) {
        self.serial += 1;
        self.planned.insert((self.now + delay, self.serial), event);
    }

    /// Moves to the next event.
    pub fn advance(&mut self) -> Option<E> {
        let ((at, _), event) = self.planned.pop_first()?;
        self.now = at;
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_and_then_as_planned() {
        let mut queue = Queue::default();
        queue.plan(5, "c");
        queue.plan(2, "a");
        queue.plan(2, "b");
        assert_eq!(queue.advance(), Some("a"));
        queue.plan(1, "between");
        assert_eq!(queue.advance(), Some("b"));
        assert_eq!(queue.advance(), Some("between"));
        assert_eq!((queue.now(), queue.advance()), (3, Some("c")));
        assert_eq!(queue.advance(), None);
    }
}

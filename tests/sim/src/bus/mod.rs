//! The broker as measured, at its worst: one work queue per recipient and one stream for broadcasts, that may lose
//! what they acknowledged, go back, use sequences again, repeat, freeze, fall silent or come back empty.
//!
//! Pure: the time comes with the call, and whatever is lost or late on the way is the network's affair. A message
//! is acknowledged by its sequence only, so that after a sequence was used again an acknowledgement may hit
//! another message, as it does in reality.

mod stream;

use std::{collections::VecDeque, rc::Rc};

use nhipcau_messaging::engine::Kind;
pub use stream::{Retention, Stored};
use stream::{Stream, Taken};

use crate::{Point, queue::Micros};

/// What the broker says to a publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Stored, it says.
    Stored,
    /// The sender's share is full.
    Full,
    /// Nothing.
    Silence,
}

/// A message handed out.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Acknowledges it.
    pub token: u64,
    /// Kind of its subject.
    pub kind: Kind,
    /// Sender named by its subject.
    pub sender: Point,
    /// Its bytes.
    pub bytes: Rc<[u8]>,
}

/// Where a token points to.
#[derive(Debug, Clone, Copy)]
struct Place {
    queue: Option<Point>,
    consumer: usize,
    sequence: u64,
    serial: u64,
}

const SNAPSHOTS: usize = 8;

/// The broker.
#[derive(Debug)]
pub struct Bus {
    queues: Vec<Stream>,
    broadcast: Stream,
    tokens: Vec<Place>,
    snapshots: VecDeque<(Vec<Stream>, Stream)>,
    frozen_until: Micros,
    silent_until: Micros,
    missing_until: Micros,
    serial: u64,
    has_lost: bool,
}

impl Bus {
    /// An empty broker with streams for so many access points.
    #[must_use]
    pub fn new(points: usize) -> Self {
        Self {
            queues: (0..points).map(|_| Stream::new(Retention::WorkQueue)).collect(),
            broadcast: Stream::new(Retention::Limits),
            tokens: Vec::new(),
            snapshots: VecDeque::new(),
            frozen_until: 0,
            silent_until: 0,
            missing_until: 0,
            serial: 0,
            has_lost: false,
        }
    }

    /// Whether something was lost since the last call that no recipient had acknowledged.
    pub fn take_loss(&mut self) -> bool {
        std::mem::take(&mut self.has_lost)
    }

    /// A publish arrives. Without a recipient it goes to the stream of broadcasts.
    pub fn publish(
        &mut self,
        now: Micros,
        kind: Kind,
        sender: Point,
        recipient: Option<Point>,
        bytes: Rc<[u8]>,
    ) -> Answer {
        if now < self.frozen_until || now < self.missing_until {
            return Answer::Silence;
        }
        let stream = match recipient {
            Some(point) => &mut self.queues[point],
            None => &mut self.broadcast,
        };
        self.serial += 1;
        let stored = Stored { kind, sender, bytes, serial: self.serial };
        match stream.store(stored) {
            Taken::Refused => Answer::Full,
            Taken::Stored { displaced } => {
                self.has_lost |= displaced;
                Answer::Stored
            }
        }
    }

    /// What is now due to an access point: what is new, and what it did not acknowledge in time.
    pub fn due(&mut self, now: Micros, point: Point) -> Vec<Delivery> {
        if now < self.frozen_until || now < self.silent_until || now < self.missing_until {
            return Vec::new();
        }
        let mut due = Vec::new();
        for consumer in 0..stream::CONSUMERS {
            for (sequence, stored) in self.queues[point].due(now, consumer) {
                due.push((Place { queue: Some(point), consumer, sequence, serial: stored.serial }, stored));
            }
        }
        for (sequence, stored) in self.broadcast.due(now, point) {
            // A consumer's filter leaves the subscriber's own subject out.
            if stored.sender == point {
                self.broadcast.acknowledge(point, sequence);
            } else {
                due.push((Place { queue: None, consumer: point, sequence, serial: stored.serial }, stored));
            }
        }
        due.into_iter()
            .map(|(place, stored)| {
                self.tokens.push(place);
                let token = self.tokens.len() as u64 - 1;
                Delivery { token, kind: stored.kind, sender: stored.sender, bytes: stored.bytes }
            })
            .collect()
    }

    /// An acknowledgement arrives.
    pub fn acknowledge(&mut self, now: Micros, token: u64) {
        if now < self.frozen_until || now < self.missing_until {
            return;
        }
        let Some(place) = usize::try_from(token).ok().and_then(|token| self.tokens.get(token)) else { return };
        let stream = match place.queue {
            Some(point) => &mut self.queues[point],
            None => &mut self.broadcast,
        };
        // After a sequence was used again this hits another message than the one that was meant.
        let hit = stream.acknowledge(place.consumer, place.sequence);
        self.has_lost |= hit.is_some_and(|serial| serial != place.serial);
    }

    /// Everything that is still to be handed out, with whose queue it lies in; none for broadcasts.
    pub fn waiting(&self) -> impl Iterator<Item = (Option<Point>, &Stored)> {
        let queues = self.queues.iter().enumerate();
        let queued = queues.flat_map(|(point, queue)| queue.stored().map(move |stored| (Some(point), stored)));
        queued.chain(self.broadcast.unacknowledged(self.queues.len()).map(|stored| (None, stored)))
    }

    /// Remembers the present state, to go back to.
    pub fn remember(&mut self) {
        self.snapshots.truncate(SNAPSHOTS - 1);
        self.snapshots.push_front((self.queues.clone(), self.broadcast.clone()));
    }

    /// How many states are remembered.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.snapshots.len()
    }

    /// Goes back to the `age`-th last state remembered.
    pub fn roll_back(&mut self, age: usize) {
        if let Some((queues, broadcast)) = self.snapshots.get(age) {
            self.queues.clone_from(queues);
            self.broadcast.clone_from(broadcast);
            self.has_lost = true;
        }
    }

    /// Loses the last messages of an access point's queue, or of the broadcasts; says how many.
    pub fn lose_tail(&mut self, queue: Option<Point>, most: u64) -> u64 {
        self.has_lost = true;
        match queue {
            Some(point) => self.queues[point].lose_tail(most),
            None => self.broadcast.lose_tail(most),
        }
    }

    /// Loses everything, streams included; they are back at `provisioned`.
    pub fn wipe(&mut self, provisioned: Micros) {
        let snapshots = std::mem::take(&mut self.snapshots);
        let tokens = std::mem::take(&mut self.tokens);
        let (serial, has_lost) = (self.serial, true);
        *self =
            Self { snapshots, tokens, serial, has_lost, missing_until: provisioned, ..Self::new(self.queues.len()) };
    }

    /// Answers nothing until then.
    pub fn freeze(&mut self, until: Micros) {
        self.frozen_until = until;
    }

    /// Has its streams from then on.
    pub fn provision(&mut self, at: Micros) {
        self.missing_until = self.missing_until.min(at);
    }

    /// Hands nothing out until then.
    pub fn fall_silent(&mut self, until: Micros) {
        self.silent_until = until;
    }

    /// Whether signals pass: they need no stream, only a server.
    #[must_use]
    pub fn passes_signals(&self, now: Micros) -> bool {
        now >= self.frozen_until && now >= self.silent_until
    }
}

#[cfg(test)]
mod tests {
    use nhipcau_messaging::message::Lane;

    use super::*;
    use crate::queue::SECOND;

    const M: Kind = Kind::Lane(Lane::Messages);

    fn publish(bus: &mut Bus, text: &str) -> Answer {
        bus.publish(0, M, 0, Some(1), text.as_bytes().into())
    }

    fn texts(due: &[Delivery]) -> Vec<String> {
        due.iter().map(|d| String::from_utf8(d.bytes.to_vec()).unwrap()).collect()
    }

    #[test]
    fn what_is_acknowledged_is_gone_and_what_is_not_comes_again() {
        let mut bus = Bus::new(2);
        publish(&mut bus, "a");
        publish(&mut bus, "b");
        let due = bus.due(0, 1);
        assert_eq!(texts(&due), ["a", "b"]);
        bus.acknowledge(0, due[0].token);
        assert!(bus.due(1, 1).is_empty());
        assert_eq!(texts(&bus.due(60 * SECOND, 1)), ["b"]);
    }

    #[test]
    fn a_sender_fills_only_its_own_share() {
        let mut bus = Bus::new(3);
        while publish(&mut bus, "x") == Answer::Stored {}
        assert_eq!(publish(&mut bus, "x"), Answer::Full);
        assert_eq!(bus.publish(0, M, 2, Some(1), b"y".as_slice().into()), Answer::Stored);
        assert_eq!(bus.publish(0, Kind::Receipts, 0, Some(1), b"y".as_slice().into()), Answer::Stored);
    }

    #[test]
    fn a_lost_tail_uses_its_sequences_again_and_an_old_acknowledgement_hits_another_message() {
        let mut bus = Bus::new(2);
        publish(&mut bus, "a");
        let old = bus.due(0, 1);
        assert_eq!(bus.lose_tail(Some(1), 5), 1);
        publish(&mut bus, "b");
        bus.acknowledge(0, old[0].token);
        assert!(bus.due(60 * SECOND, 1).is_empty());
    }

    #[test]
    fn going_back_repeats_what_was_done_and_loses_what_is_new() {
        let mut bus = Bus::new(2);
        publish(&mut bus, "a");
        bus.remember();
        let due = bus.due(0, 1);
        bus.acknowledge(0, due[0].token);
        publish(&mut bus, "b");
        bus.roll_back(0);
        assert_eq!(texts(&bus.due(0, 1)), ["a"]);
    }

    #[test]
    fn a_frozen_a_silent_and_a_wiped_broker_each_fail_in_their_way() {
        let mut bus = Bus::new(2);
        bus.freeze(10);
        assert_eq!(publish(&mut bus, "a"), Answer::Silence);
        bus.freeze(0);
        bus.fall_silent(10);
        assert_eq!(publish(&mut bus, "b"), Answer::Stored);
        assert!(bus.due(0, 1).is_empty());
        assert_eq!(texts(&bus.due(10, 1)), ["b"]);
        bus.wipe(20);
        assert_eq!(publish(&mut bus, "c"), Answer::Silence);
        assert_eq!(bus.waiting().count(), 0);
    }

    #[test]
    fn every_subscriber_has_its_own_cursor_and_a_slow_one_misses_what_gave_way() {
        let mut bus = Bus::new(3);
        let broadcast = |bus: &mut Bus, text: &str| bus.publish(0, Kind::Broadcast, 0, None, text.as_bytes().into());
        broadcast(&mut bus, "first");
        assert_eq!(texts(&bus.due(0, 1)), ["first"]);
        (0..stream::KEPT).for_each(|n| assert_eq!(broadcast(&mut bus, &n.to_string()), Answer::Stored));
        assert!(!texts(&bus.due(0, 2)).contains(&"first".to_owned()));
        assert!(bus.due(0, 0).is_empty(), "a publisher does not hear itself");
    }
}

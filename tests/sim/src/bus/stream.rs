//! One stream: what it keeps, and what each of its consumers still has to acknowledge.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use nhipcau_messaging::{engine::Kind, message::Lane};

use crate::{
    Point,
    queue::{Micros, SECOND},
};

/// Disjoint consumers of a work queue: messages, bulk, receipts.
pub(super) const CONSUMERS: usize = 3;

/// Messages of one sender and kind that a work queue takes.
const SHARE: usize = 2;

/// Messages of one sender that the stream of broadcasts keeps.
pub(super) const KEPT: usize = 4;

/// Messages that a consumer may hold unacknowledged.
const PENDING: usize = 12;

/// Time after which what is not acknowledged is handed out again.
const ACKNOWLEDGE_WITHIN: Micros = 5 * SECOND;

/// What a stream does with messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retention {
    /// Keeps a message until it is acknowledged; refuses what is beyond a sender's share.
    WorkQueue,
    /// Keeps the newest of each sender, whoever acknowledged what.
    Limits,
}

/// A message in a stream.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Kind of its subject.
    pub kind: Kind,
    /// Sender named by its subject.
    pub sender: Point,
    /// Its bytes.
    pub bytes: Rc<[u8]>,
    /// Tells it from another with the same sequence.
    pub serial: u64,
}

/// What became of a publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// Its sender's share is full.
    Refused,
    /// Stored; an older one may have given way.
    Stored { displaced: bool },
}

impl Stored {
    fn consumer(&self) -> usize {
        match self.kind {
            Kind::Lane(Lane::Messages) => 0,
            Kind::Lane(Lane::Bulk) | Kind::Broadcast => 1,
            Kind::Receipts => 2,
        }
    }
}

#[derive(Debug, Clone, Default)]
struct Consumer {
    due_again: BTreeMap<u64, Micros>,
    acknowledged: BTreeSet<u64>,
}

#[derive(Debug, Clone)]
pub(super) struct Stream {
    retention: Retention,
    last: u64,
    messages: BTreeMap<u64, Stored>,
    consumers: BTreeMap<usize, Consumer>,
}

impl Stream {
    pub(super) fn new(retention: Retention) -> Self {
        Self { retention, last: 0, messages: BTreeMap::new(), consumers: BTreeMap::new() }
    }

    /// Takes a message, or refuses it because its sender's share is full.
    pub(super) fn store(&mut self, stored: Stored) -> Taken {
        let mut displaced = false;
        let same = |other: &Stored| other.sender == stored.sender && other.kind == stored.kind;
        let kept = self.messages.iter().filter(|(_, other)| same(other)).map(|(sequence, _)| *sequence);
        let kept: Vec<u64> = kept.collect();
        match self.retention {
            Retention::WorkQueue if kept.len() >= SHARE => return Taken::Refused,
            Retention::Limits if kept.len() >= KEPT => {
                displaced = self.messages.remove(&kept[0]).is_some();
            }
            _ => {}
        }
        self.last += 1;
        self.messages.insert(self.last, stored);
        Taken::Stored { displaced }
    }

    /// What a consumer is handed now.
    pub(super) fn due(&mut self, now: Micros, number: usize) -> Vec<(u64, Stored)> {
        let (messages, retention) = (&self.messages, self.retention);
        let consumer = self.consumers.entry(number).or_default();
        consumer.due_again.retain(|sequence, _| messages.contains_key(sequence));
        let mut out = Vec::new();
        for (sequence, stored) in messages {
            if retention == Retention::WorkQueue && stored.consumer() != number
                || consumer.acknowledged.contains(sequence)
            {
                continue;
            }
            let again = consumer.due_again.get(sequence);
            let due = again.map_or(consumer.due_again.len() < PENDING, |at| *at <= now);
            if due {
                consumer.due_again.insert(*sequence, now + ACKNOWLEDGE_WITHIN);
                out.push((*sequence, stored.clone()));
            }
        }
        out
    }

    /// Takes an acknowledgement; says which message it removed, if any.
    pub(super) fn acknowledge(&mut self, number: usize, sequence: u64) -> Option<u64> {
        let consumer = self.consumers.entry(number).or_default();
        consumer.due_again.remove(&sequence);
        match self.retention {
            Retention::WorkQueue => self.messages.remove(&sequence).map(|stored| stored.serial),
            Retention::Limits => {
                consumer.acknowledged.insert(sequence);
                None
            }
        }
    }

    /// Loses up to so many of the newest; the next message takes the first of their sequences. A consumer's
    /// acknowledgements beyond the new end are clamped.
    pub(super) fn lose_tail(&mut self, most: u64) -> u64 {
        let before = self.messages.len();
        self.last = self.last.saturating_sub(most);
        let last = self.last;
        self.messages.retain(|sequence, _| *sequence <= last);
        for consumer in self.consumers.values_mut() {
            consumer.due_again.retain(|sequence, _| *sequence <= last);
            consumer.acknowledged.retain(|sequence| *sequence <= last);
        }
        (before - self.messages.len()) as u64
    }

    pub(super) fn stored(&self) -> impl Iterator<Item = &Stored> {
        self.messages.values()
    }

    /// What one of these consumers has not acknowledged.
    pub(super) fn unacknowledged(&self, consumers: usize) -> impl Iterator<Item = &Stored> {
        let waited_for = move |(sequence, stored): &(&u64, &Stored)| {
            let done = |number| self.consumers.get(&number).is_some_and(|c| c.acknowledged.contains(sequence));
            (0..consumers).any(|number| number != stored.sender && !done(number))
        };
        self.messages.iter().filter(waited_for).map(|(_, stored)| stored)
    }
}

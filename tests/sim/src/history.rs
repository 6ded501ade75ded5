//! What the checker knows of a run: the messages that were committed, and what each disk has come to hold.

use std::collections::{BTreeMap, BTreeSet};

use nhipcau_messaging::message::{Lane, MessageId, Outcome, RefusalReason};

use crate::{Point, payload::Verb};

/// A message as its sender committed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// Access point that sends it.
    pub sender: Point,
    /// Access point that it is for; none for a broadcast.
    pub recipient: Option<Point>,
    /// Its channel's lane.
    pub lane: Lane,
    /// What it asks.
    pub verb: Verb,
    /// Its case; 0 is none.
    pub case: u32,
    /// Stands for its parts.
    pub digest: u64,
}

/// An effect on a disk, as its recipient saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effect {
    /// The message.
    pub id: MessageId,
    /// Access point that it came from.
    pub sender: Point,
    /// Whether it came by broadcast.
    pub broadcast: bool,
    /// Stands for its parts.
    pub digest: u64,
    /// Position in its channel.
    pub sequence: u64,
}

/// One thing that a commit brought to a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// A message to send was accepted.
    Sent(Message),
    /// An own message came back from a peer.
    Recovered {
        /// The message.
        id: MessageId,
        /// Stands for its parts.
        digest: u64,
    },
    /// A message had its effect.
    Effect(Effect),
    /// A position was taken; with a reason when it was refused.
    Position {
        /// Sender of the channel.
        sender: Point,
        /// Message at the position.
        id: MessageId,
        /// Why it was refused.
        refused: Option<RefusalReason>,
    },
    /// The sender learned what became of its message.
    Concluded {
        /// The message.
        id: MessageId,
        /// What became of it.
        outcome: Outcome,
    },
}

/// What one store has come to hold. Goes back with the store when that is rolled back.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    /// Access point it belongs to.
    pub point: Point,
    /// Which of the access point's lines of history it is: a store put back begins a new one.
    pub line: u64,
    /// Messages it accepted to send, in order.
    pub sent: Vec<MessageId>,
    /// Effects by sender and message.
    pub effects: BTreeMap<(Point, MessageId), u64>,
    /// Final refusals by sender and message.
    pub refused: BTreeMap<(Point, MessageId), RefusalReason>,
    /// Own messages that it gave up.
    pub given_up: BTreeSet<MessageId>,
    /// Messages of others that it holds without having taken them.
    pub strays: BTreeSet<MessageId>,
    /// What it learned of its own messages.
    pub concluded: BTreeMap<MessageId, Outcome>,
    /// Last position with an effect by sender, lane and whether it is the broadcast.
    pub heads: BTreeMap<(Point, Lane, bool), u64>,
}

/// Whether a refusal ends a message. That its id was used before says that something else has.
#[must_use]
pub fn is_final(reason: RefusalReason) -> bool {
    !matches!(reason, RefusalReason::NotYet | RefusalReason::Moved | RefusalReason::IdReused)
}

/// What was committed in the whole run, by whomever.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Every message ever committed.
    pub messages: BTreeMap<MessageId, Message>,
    /// Messages that no disk and no broker holds any more: a rollback took the last copy.
    pub lost: BTreeSet<MessageId>,
    /// Messages of a stretch of history that was once undone or lived twice: their order proves nothing.
    pub blurred: BTreeSet<MessageId>,
    /// Effects that were ever on a disk of the access point.
    pub effective: BTreeSet<(Point, MessageId)>,
    /// Cases whose acceptance was once on the disk of the access point that has to disclose.
    pub accepted: BTreeSet<(Point, u32)>,
    /// The order in which each line of history accepted its messages.
    pub lines: BTreeMap<u64, Vec<MessageId>>,
    /// Access points whose disk was ever put back or copied.
    pub undone: BTreeSet<Point>,
    /// Access points that run twice at present.
    pub doubled: BTreeSet<Point>,
}

//! What the checker knows of a run: the messages that were committed, and what each disk has come to hold.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use nhipcau_messaging::{
    message::{BlobRef, Lane, MessageId, Outcome, RefusalReason},
    pae::Digest,
};

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
    /// Makes it different from every other.
    pub nonce: u64,
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
    /// A message to send carries a piece of a blob.
    Carried {
        /// The message.
        id: MessageId,
        /// The piece.
        piece: Piece,
    },
    /// A message to send is known once more, of which no service says so: a piece of a blob that a peer has returned,
    /// or something that was given up.
    Restored {
        /// The message.
        id: MessageId,
    },
    /// What came on the bulk lane was taken, as a message or as a piece of a blob.
    Taken {
        /// Sender of the channel.
        sender: Point,
        /// Message at the position.
        id: MessageId,
    },
    /// The engine says that it has a blob whole.
    Whole {
        /// The blob.
        blob: Blob,
        /// Whether what it hands over is what the digest and the size say.
        is_true: bool,
    },
    /// A blob that was whole is gone.
    Gone(Blob),
    /// A case was erased.
    Erased(u32),
    /// What a question asked for did not come in time.
    RanOut {
        /// The question.
        id: MessageId,
    },
    /// A place that a question had asked for is held no longer.
    Freed {
        /// The question.
        id: MessageId,
    },
    /// The sender learned what became of its message.
    Concluded {
        /// The message.
        id: MessageId,
        /// What became of it.
        outcome: Outcome,
    },
}

/// A blob as its recipient's store names it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Blob {
    /// Access point that sends it.
    pub sender: Point,
    /// Its case; 0 is none.
    pub case: u32,
    /// SHA-256 of its content.
    pub digest: Digest,
    /// Its bytes.
    pub size: u64,
}

impl Blob {
    /// As messages name it.
    #[must_use]
    pub fn named(&self) -> BlobRef {
        BlobRef { digest: self.digest, size_bytes: self.size }
    }

    /// Stands for its content.
    #[must_use]
    pub fn short(&self) -> u64 {
        self.digest.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x} of ap-{} in case {}", self.short(), self.sender, self.case)
    }
}

/// A piece of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// The blob.
    pub blob: Blob,
    /// The piece's place in it, from 0.
    pub place: u64,
    /// How many pieces it has.
    pub of: u64,
}

/// A channel at its recipient: its sender, its lane, and whether it is the sender's broadcast.
pub type Channel = (Point, Lane, bool);

/// What stands at each position of a channel: a message, under an incarnation of the channel.
pub type Places = BTreeMap<u64, (u64, MessageId)>;

/// A position that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// The channel.
    pub channel: Channel,
    /// The position.
    pub sequence: u64,
    /// What stands there.
    pub place: (u64, MessageId),
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
    /// Own questions by what makes them different, whose answer had its effect.
    pub answered: BTreeSet<u64>,
    /// Own questions whose time is over.
    pub ran_out: BTreeSet<MessageId>,
    /// Questions for a place by what makes them different, that had their effect: it is held, until it was let go or
    /// taken.
    pub held: BTreeSet<u64>,
    /// Those whose time is over.
    pub freed: BTreeSet<u64>,
    /// Those that were taken.
    pub taken: BTreeSet<u64>,
    /// What it learned of its own messages.
    pub concluded: BTreeMap<MessageId, Outcome>,
    /// The places of each blob of which a piece came since its case was last erased.
    pub pieces: BTreeMap<Blob, BTreeSet<u64>>,
    /// Blobs that it has whole.
    pub blobs: BTreeSet<Blob>,
    /// Last position with an effect.
    pub heads: BTreeMap<Channel, u64>,
    /// The positions that were taken.
    pub places: BTreeMap<Channel, Places>,
}

impl Disk {
    /// A position was taken. A broadcast may go on from an earlier one than its last: what was behind is then no more.
    pub fn take(&mut self, placed: &Placed) {
        let places = self.places.entry(placed.channel).or_default();
        drop(places.split_off(&placed.sequence));
        places.insert(placed.sequence, placed.place);
    }
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
    /// What the messages among them carry that carry a piece of a blob.
    pub carried: BTreeMap<MessageId, Piece>,
    /// Blobs that were ever whole at an access point.
    pub whole: BTreeSet<(Point, Blob)>,
    /// Messages that no disk and no broker holds any more: a rollback took the last copy.
    pub lost: BTreeSet<MessageId>,
    /// Messages of a stretch of history that was once undone or lived twice: their order proves nothing.
    pub blurred: BTreeSet<MessageId>,
    /// Effects that were ever on a disk of the access point.
    pub effective: BTreeSet<(Point, MessageId)>,
    /// Cases whose acceptance was once on the disk of the access point that has to disclose.
    pub accepted: BTreeSet<(Point, u32)>,
    /// Places that were ever let go, by access point.
    pub freed: BTreeSet<(Point, u64)>,
    /// Messages that would have taken a place, and were refused because it was held no longer or was not there.
    pub came_late: BTreeSet<MessageId>,
    /// The order in which each line of history accepted its messages.
    pub lines: BTreeMap<u64, Vec<MessageId>>,
    /// Access points whose disk was ever put back or copied.
    pub undone: BTreeSet<Point>,
    /// Access points that run twice at present.
    pub doubled: BTreeSet<Point>,
}

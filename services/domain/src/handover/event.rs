//! One event of one hand-over: who wrote it, what its writer knew, and what happened. Immutable; its digest is taken
//! over the bytes that travelled.

use std::sync::Arc;

use jiff::Timestamp;
use nhipcau_proto::switchboard::v1 as pb;
use uuid::Uuid;

use super::asked::Asked;
use crate::referral::{Actor, Basis, Digest, HandBack, Mark, PartDigest, Rejection, Revocation, Side, UnitRef};

/// State of a hand-over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Another switchboard is asked.
    Offered,
    /// A person there will take over.
    Accepted,
    /// The other switchboard answers.
    Taken,
    /// The origin answers again.
    HandedBack,
    /// The other switchboard will not take over.
    Declined,
    /// The origin took the offer back.
    Withdrawn,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Offered, Self::Accepted, Self::Taken, Self::HandedBack, Self::Declined, Self::Withdrawn];

    /// The name in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Offered => "OFFERED",
            Self::Accepted => "ACCEPTED",
            Self::Taken => "TAKEN",
            Self::HandedBack => "HANDED_BACK",
            Self::Declined => "DECLINED",
            Self::Withdrawn => "WITHDRAWN",
        }
    }

    /// The number in the contract.
    #[must_use]
    pub const fn to_wire(self) -> i32 {
        match self {
            Self::Offered => pb::HandoverState::Offered as i32,
            Self::Accepted => pb::HandoverState::Accepted as i32,
            Self::Taken => pb::HandoverState::Taken as i32,
            Self::HandedBack => pb::HandoverState::HandedBack as i32,
            Self::Declined => pb::HandoverState::Declined as i32,
            Self::Withdrawn => pb::HandoverState::Withdrawn as i32,
        }
    }

    /// True until another switchboard has said whether it takes over, and the origin has acted on it.
    #[must_use]
    pub const fn is_pending(self) -> bool {
        matches!(self, Self::Offered | Self::Accepted)
    }

    /// Whether that side answers for the contact, as it sees it itself. The origin does until it has written that the
    /// contact is taken; the recipient from its acceptance on. Both do for a moment; at none does neither.
    #[must_use]
    pub const fn answers(self, side: Side) -> bool {
        match side {
            Side::Origin => !matches!(self, Self::Taken),
            Side::Recipient => matches!(self, Self::Accepted | Self::Taken),
        }
    }

    /// Who answers once everything has arrived.
    #[must_use]
    pub const fn responsible(self) -> Side {
        if matches!(self, Self::Taken) { Side::Recipient } else { Side::Origin }
    }

    /// True when the recipient keeps nothing of the content.
    #[must_use]
    pub const fn calls_for_erasure(self) -> bool {
        matches!(self, Self::HandedBack | Self::Declined | Self::Withdrawn)
    }
}

macro_rules! events {
    ($($(#[$doc:meta])* $event:ident = $name:literal by $side:ident),* $(,)?) => {
        /// The kind of an event.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventKind { $($(#[$doc])* $event),* }

        impl EventKind {
            /// Every kind of event, in contract order.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$event),*];

            /// The name in `SwitchboardEvent.event`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$event => $name),* }
            }

            /// The only side that writes it.
            #[must_use]
            pub const fn side(self) -> Side {
                match self { $(Self::$event => Side::$side),* }
            }
        }
    };
}

events! {
    /// Offered to another switchboard.
    HandoverOffered = "handover_offered" by Origin,
    /// The recipient answers from here.
    HandoverTaken = "handover_taken" by Origin,
    /// Taken back before that.
    HandoverWithdrawn = "handover_withdrawn" by Origin,
    /// A person took the contact back as the recipient had asked.
    HandedBack = "handed_back" by Origin,
    /// Further parts were disclosed.
    ContactNoteAdded = "contact_note_added" by Origin,
    /// A person will take over.
    HandoverAccepted = "handover_accepted" by Recipient,
    /// Will not take over.
    HandoverDeclined = "handover_declined" by Recipient,
    /// Asks the origin to take the contact back.
    HandBackAsked = "hand_back_asked" by Recipient,
}

/// What a hand-over belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ids {
    /// Case.
    pub case: Uuid,
    /// Contact at the origin.
    pub contact: Uuid,
    /// Hand-over.
    pub handover: Uuid,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is documented at the EventKind of the same name")]
pub enum Body {
    HandoverOffered { asked: Vec<Asked>, waiting: bool },
    HandoverTaken,
    HandoverWithdrawn { reason: Revocation },
    HandedBack,
    ContactNoteAdded,
    HandoverAccepted,
    HandoverDeclined { code: Rejection },
    HandBackAsked { reason: HandBack },
}

impl Body {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::HandoverOffered { .. } => EventKind::HandoverOffered,
            Self::HandoverTaken => EventKind::HandoverTaken,
            Self::HandoverWithdrawn { .. } => EventKind::HandoverWithdrawn,
            Self::HandedBack => EventKind::HandedBack,
            Self::ContactNoteAdded => EventKind::ContactNoteAdded,
            Self::HandoverAccepted => EventKind::HandoverAccepted,
            Self::HandoverDeclined { .. } => EventKind::HandoverDeclined,
            Self::HandBackAsked { .. } => EventKind::HandBackAsked,
        }
    }
}

/// An event that has not been encoded yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// What it belongs to.
    pub ids: Ids,
    /// Whose log.
    pub side: Side,
    /// Unit that owns the log.
    pub owner: UnitRef,
    /// Unit at the other side.
    pub counterpart: UnitRef,
    /// Position from 1.
    pub ordinal: u64,
    /// Digest of the previous event of the log.
    pub previous: Digest,
    /// Last event of the other side that the writer had stored.
    pub seen: Option<Mark>,
    /// By the writer's clock.
    pub time: Timestamp,
    /// Who caused it.
    pub actor: Actor,
    /// Lawful basis; in an offer, and nowhere else.
    pub basis: Option<Basis>,
    /// Parts in the order of the envelope.
    pub parts: Vec<PartDigest>,
    /// What happened.
    pub body: Body,
}

impl Draft {
    /// How much of the other log the writer had stored.
    #[must_use]
    pub fn seen_ordinal(&self) -> u64 {
        self.seen.map_or(0, |mark| mark.ordinal)
    }
}

/// An event with the digest of its bytes. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    draft: Arc<Draft>,
    digest: Digest,
}

impl Event {
    pub(super) fn new(draft: Draft, digest: Digest) -> Self {
        Self { draft: Arc::new(draft), digest }
    }

    /// Digest of its bytes.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Its position and digest.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark { ordinal: self.draft.ordinal, digest: self.digest }
    }
}

impl std::ops::Deref for Event {
    type Target = Draft;

    fn deref(&self) -> &Draft {
        &self.draft
    }
}

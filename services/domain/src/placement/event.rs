//! One event of one enquiry: who wrote it, what its writer knew, and what happened. Immutable; its digest is taken over
//! the bytes that travelled.

use jiff::Timestamp;
use nhipcau_proto::placement::v1 as pb;
use uuid::Uuid;

use crate::referral::{Actor, Digest, Mark, Rejection, Side, UnitRef};

/// State of an enquiry at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// The desk is asked.
    Asked,
    /// The desk wants to be called; it may still say yes or no.
    CallWanted,
    /// The desk said yes and holds it until a time.
    Held,
    /// The asker confirmed, with a referral.
    Confirmed,
    /// The asker needs it no more.
    Released,
    /// The desk said no.
    Refused,
    /// Taken back before there was an answer.
    Withdrawn,
    /// Nobody answered, or nobody confirmed, until its time was over.
    Expired,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Asked,
        Self::CallWanted,
        Self::Held,
        Self::Confirmed,
        Self::Released,
        Self::Refused,
        Self::Withdrawn,
        Self::Expired,
    ];

    /// The number in the contract.
    #[must_use]
    pub const fn to_wire(self) -> i32 {
        match self {
            Self::Asked => pb::PlacementState::Asked as i32,
            Self::CallWanted => pb::PlacementState::CallWanted as i32,
            Self::Held => pb::PlacementState::Held as i32,
            Self::Confirmed => pb::PlacementState::Confirmed as i32,
            Self::Released => pb::PlacementState::Released as i32,
            Self::Refused => pb::PlacementState::Refused as i32,
            Self::Withdrawn => pb::PlacementState::Withdrawn as i32,
            Self::Expired => pb::PlacementState::Expired as i32,
        }
    }

    /// True while the desk has neither said yes nor no.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Asked | Self::CallWanted)
    }
}

/// What a person at the desk answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// Yes, and it is held until then.
    Yes {
        /// When the hold ends by itself.
        until: Timestamp,
    },
    /// No.
    No {
        /// Why.
        code: Rejection,
    },
    /// The desk wants to be called.
    CallMe,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Body {
    /// Origin: a desk is asked.
    Asked {
        /// From when on somebody needs it; `None` for tonight.
        from: Option<Timestamp>,
    },
    /// Origin: taken back before there was an answer.
    Withdrawn,
    /// Origin: the hold is for this referral.
    Confirmed {
        /// The referral.
        referral: Uuid,
    },
    /// Origin: the hold is needed no more.
    Released,
    /// Recipient: a person answered.
    Answered(Answer),
    /// Recipient: nobody at the desk is left to tell that somebody asks. No person's word.
    Unattended,
}

impl Body {
    /// What it is called.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Asked { .. } => "asked",
            Self::Withdrawn => "withdrawn",
            Self::Confirmed { .. } => "confirmed",
            Self::Released => "released",
            Self::Answered(_) => "answered",
            Self::Unattended => "unattended",
        }
    }

    /// The first minor version of the contract whose readers know it.
    #[must_use]
    pub const fn minor(&self) -> u32 {
        match self {
            Self::Unattended => 1,
            _ => 0,
        }
    }

    /// The only side that writes it.
    #[must_use]
    pub const fn side(&self) -> Side {
        match self {
            Self::Answered(_) | Self::Unattended => Side::Recipient,
            _ => Side::Origin,
        }
    }
}

/// An event that has not been encoded yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The enquiry.
    pub placement: Uuid,
    /// Unit that owns the log.
    pub owner: UnitRef,
    /// Unit at the other side.
    pub counterpart: UnitRef,
    /// Position from 1.
    pub ordinal: u64,
    /// Last event of the other side that the writer had stored.
    pub seen: Option<Mark>,
    /// By the writer's clock.
    pub time: Timestamp,
    /// Who caused it.
    pub actor: Actor,
    /// What happened.
    pub body: Body,
}

/// An event with the digest of its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    draft: Draft,
    digest: Digest,
}

impl Event {
    pub(super) const fn new(draft: Draft, digest: Digest) -> Self {
        Self { draft, digest }
    }

    /// Whose log it stands in.
    #[must_use]
    pub const fn side(&self) -> Side {
        self.draft.body.side()
    }

    /// Digest of its bytes.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Its position and digest.
    #[must_use]
    pub const fn mark(&self) -> Mark {
        Mark { ordinal: self.draft.ordinal, digest: self.digest }
    }
}

impl std::ops::Deref for Event {
    type Target = Draft;

    fn deref(&self) -> &Draft {
        &self.draft
    }
}

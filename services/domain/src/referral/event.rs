//! One event of one branch: who wrote it, what its writer knew, and what happened.
//!
//! An [`Event`] is an immutable pair of content and digest. The digest is taken over the bytes that travelled; an
//! event is never encoded a second time.

use std::{fmt, sync::Arc};

use aws_lc_rs::digest;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{
    basis::Basis,
    code::{Cause, HandBack, Mistake, Outcome, Part, Redirection, Rejection, Revocation, Stop},
    content::Salt,
    kind::{EventKind, Kind, Side},
    telephone::TelephoneAcknowledgement,
    text::Text,
    withdrawal::WithdrawalAnswer,
    work::Work,
};
use crate::{
    id::{PartyId, SystemId, UnitId},
    limit::Reckoning,
};

/// The minor version of the contract since which answers can begin time limits.
pub const BEGINNING_MINOR: u32 = 3;

/// SHA-256 over PAE("nhipcau/1/referral-event", event).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// What stands before the first event of a log.
    pub const ZERO: Self = Self([0; 32]);

    /// The digest of an event's bytes.
    #[must_use]
    pub fn of_event(bytes: &[u8]) -> Self {
        Self::over(&[b"nhipcau/1/referral-event", bytes])
    }

    /// SHA-256 over the PAE of the pieces: their number, then each length and piece, 64-bit little-endian.
    pub(crate) fn over(pieces: &[&[u8]]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(&(pieces.len() as u64).to_le_bytes());
        for piece in pieces {
            context.update(&(piece.len() as u64).to_le_bytes());
            context.update(piece);
        }
        let mut out = [0; 32];
        out.copy_from_slice(context.finish().as_ref());
        Self(out)
    }

    /// Wraps a digest that was computed elsewhere.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// A position of a log and the digest of the event there. The chain makes it stand for the whole log up to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mark {
    /// Position from 1.
    pub ordinal: u64,
    /// Digest of the event there.
    pub digest: Digest,
}

/// A unit of a party.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitRef {
    /// Party.
    pub party: PartyId,
    /// Unit of the party.
    pub unit: UnitId,
}

impl fmt::Display for UnitRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.party, self.unit)
    }
}

/// Who caused an event.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Actor {
    /// Calling system.
    pub system: SystemId,
    /// Reference of the acting person in the party's own system, never a name; `None` when no person acted.
    pub person: Option<PersonRef>,
}

/// Reference of a person in a party's own system: `[A-Za-z0-9._-]{1,64}`, never a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonRef(Box<str>);

impl PersonRef {
    /// Checks the syntax.
    ///
    /// # Errors
    /// [`crate::id::InvalidId`] when the text does not have it.
    pub fn new(text: &str) -> Result<Self, crate::id::InvalidId> {
        let valid = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if valid {
            Ok(Self(text.into()))
        } else {
            Err(crate::id::InvalidId {
                kind: "person reference",
                expected: "1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-'",
            })
        }
    }

    /// The text as it travels.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a branch belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ids {
    /// Case.
    pub case: Uuid,
    /// Referral.
    pub referral: Uuid,
    /// Branch.
    pub branch: Uuid,
}

/// A part that travels with an event, by the digest of its salted bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PartDigest {
    /// Which part.
    pub part: Part,
    /// SHA-256 of the serialized part.
    pub digest: [u8; 32],
}

/// A legal time limit with its computed times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeLimit {
    /// Rule of the directory.
    pub rule: Box<str>,
    /// Legal source.
    pub citation: Text,
    /// What stops it.
    pub stop: Stop,
    /// When it began to run.
    pub start: Timestamp,
    /// By when a person must have acknowledged.
    pub acknowledge_due: Timestamp,
    /// When both sides are warned.
    pub warn: Timestamp,
    /// When the origin turns to the next level: the time of the first step, where there are steps.
    pub escalate: Timestamp,
    /// When the legal limit is passed.
    pub due: Timestamp,
    /// To whom the origin turns, and when; at most [`STEPS`](crate::limit::STEPS).
    pub steps: Vec<LadderStep>,
    /// How long a person has to confirm an acknowledgement by telephone; `None` when such a word puts nothing off.
    pub confirmation: Option<SignedDuration>,
}

impl TimeLimit {
    /// True when start ≤ acknowledge ≤ warn ≤ escalate ≤ due, and the steps lead in order from escalate to due.
    #[must_use]
    pub fn is_ordered(&self) -> bool {
        let steps = || self.steps.iter().map(|step| step.time);
        [self.start, self.acknowledge_due, self.warn, self.escalate, self.due].is_sorted()
            && steps().next().is_none_or(|first| first == self.escalate)
            && steps().chain([self.due]).is_sorted()
    }
}

/// One step of the ladder of a time limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LadderStep {
    /// When.
    pub time: Timestamp,
    /// Whom to turn to; `None` for the parent of the unit that was last turned to.
    pub unit: Option<UnitRef>,
}

/// A time limit that runs and could not be computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitRefusal {
    /// Rule of the directory; empty when it has none that it should have.
    pub rule: Box<str>,
    /// Legal source; empty when there is none or it cannot be read.
    pub citation: Text,
    /// Why: here a constant of [`crate::reason`], from another build maybe one that is not known.
    pub reason: Box<str>,
}

/// The receipt on which an origin event rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiptRef {
    /// Number in its channel.
    pub number: u64,
    /// Digest of the receipt.
    pub digest: [u8; 32],
}

/// What the opening of a branch says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// Kind.
    pub kind: Kind,
    /// The need; branches for one need share it.
    pub group: Uuid,
    /// Why it was opened.
    pub cause: Cause,
    /// The branch that led to it.
    pub cause_branch: Option<Uuid>,
    /// Time limits.
    pub time_limits: Vec<TimeLimit>,
    /// Time limits that could not be computed.
    pub limit_refusals: Vec<LimitRefusal>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is documented at the EventKind of the same name")]
pub enum Body {
    Opened(Opening),
    Received(ReceiptRef),
    Returned { reason: Box<str>, receipt: ReceiptRef },
    Assigned,
    DisclosureAdded,
    EmergencyReleased,
    Escalated { level: u32 },
    Relieved,
    Revoked { reason: Revocation },
    RevocationRequested { reason: Revocation },
    ConsentWithdrawn { time: Timestamp },
    EnteredInError { reason: Mistake },
    Closed,
    HandBackTaken,
    TelephoneRecorded(TelephoneAcknowledgement),
    Acknowledged,
    Accepted,
    Rejected { code: Rejection },
    Redirected { reason: Redirection, advice: Option<UnitRef> },
    ServiceStarted,
    Completed { outcome: Outcome },
    RevocationGranted,
    RevocationRefused,
    Erased,
    HandBackRequested { reason: HandBack },
    WorkRecorded(Work),
    Moved { successor: UnitRef },
    Unattended,
    WithdrawalAnswered(WithdrawalAnswer),
}

impl Body {
    /// Whether it ends the whole referral of its branch.
    #[must_use]
    pub const fn ends_referral(&self) -> bool {
        matches!(self, Self::EnteredInError { .. } | Self::ConsentWithdrawn { .. })
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::Opened(_) => EventKind::Opened,
            Self::Received(_) => EventKind::Received,
            Self::Returned { .. } => EventKind::Returned,
            Self::Assigned => EventKind::Assigned,
            Self::DisclosureAdded => EventKind::DisclosureAdded,
            Self::EmergencyReleased => EventKind::EmergencyReleased,
            Self::Escalated { .. } => EventKind::Escalated,
            Self::Relieved => EventKind::Relieved,
            Self::Revoked { .. } => EventKind::Revoked,
            Self::RevocationRequested { .. } => EventKind::RevocationRequested,
            Self::ConsentWithdrawn { .. } => EventKind::ConsentWithdrawn,
            Self::EnteredInError { .. } => EventKind::EnteredInError,
            Self::Closed => EventKind::Closed,
            Self::HandBackTaken => EventKind::HandBackTaken,
            Self::TelephoneRecorded(_) => EventKind::TelephoneRecorded,
            Self::Acknowledged => EventKind::Acknowledged,
            Self::Accepted => EventKind::Accepted,
            Self::Rejected { .. } => EventKind::Rejected,
            Self::Redirected { .. } => EventKind::Redirected,
            Self::ServiceStarted => EventKind::ServiceStarted,
            Self::Completed { .. } => EventKind::Completed,
            Self::RevocationGranted => EventKind::RevocationGranted,
            Self::RevocationRefused => EventKind::RevocationRefused,
            Self::Erased => EventKind::Erased,
            Self::HandBackRequested { .. } => EventKind::HandBackRequested,
            Self::WorkRecorded(_) => EventKind::WorkRecorded,
            Self::Moved { .. } => EventKind::Moved,
            Self::Unattended => EventKind::Unattended,
            Self::WithdrawalAnswered(_) => EventKind::WithdrawalAnswered,
        }
    }

    /// The first minor version of the contract whose readers take it. An older one would refuse it for good.
    #[must_use]
    pub const fn minor(&self) -> u32 {
        match self {
            Self::Unattended => 4,
            Self::TelephoneRecorded(_) | Self::WorkRecorded(_) | Self::Moved { .. } => 2,
            Self::HandBackTaken | Self::HandBackRequested { .. } | Self::WithdrawalAnswered(_) => 1,
            // An older reader holds it against the group of the branch that led to it.
            Self::Opened(opening) if matches!(opening.cause, Cause::Reopened) => 1,
            _ => 0,
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
    /// Lawful basis; present in an opening and in an emergency release.
    pub basis: Option<Basis>,
    /// Parts in the order of the envelope.
    pub parts: Vec<PartDigest>,
    /// What happened.
    pub body: Body,
    /// Random bytes beside what is said about a person, see [`Draft::salted`].
    pub salt: Option<Salt>,
    /// Time limits that begin with it, each at its time and without steps; none in an opening, which has its own.
    pub begun: Reckoning,
}

impl Draft {
    /// Puts a fresh salt beside what is said about a person: without it a digest would tell the few values that there
    /// are. An event that says nothing about one has none.
    #[must_use]
    pub fn salted(self, salt: impl FnOnce() -> Salt) -> Self {
        let salt = self.is_about_a_person().then(salt);
        Self { salt, ..self }
    }

    /// The first minor version of the contract whose readers take it. An older one would read past limits that it does
    /// not know.
    #[must_use]
    pub fn minor(&self) -> u32 {
        let least = if self.begun.is_empty() { 0 } else { BEGINNING_MINOR };
        self.body.minor().max(least)
    }

    /// True when it says how a service ended or what a danger is, or would if that was not taken out.
    #[must_use]
    pub fn is_about_a_person(&self) -> bool {
        matches!(self.body, Body::Completed { .. }) || self.basis.as_ref().is_some_and(Basis::is_vital_interest)
    }

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

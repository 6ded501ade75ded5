//! Messages as services see them: a draft to send, a message that arrived, its id and its header.

use std::fmt;

use jiff::Timestamp;
use nhipcau_domain::id::{AccessPointId, ContractId, PartyId, Purpose, SystemId, UnitId};
pub use nhipcau_proto::envelope::v1::{RefusalReason, SkipReason};

use crate::{derived, pae};

/// Largest content of a message on the messages lane, all parts together, in bytes.
pub const MESSAGE_LIMIT: usize = 256 * 1024;

/// Every number that is signed stays below this, so that any store can keep it as a signed integer.
pub const NUMBER_LIMIT: u64 = 1 << 62;

/// Most parts of a message, the control part not counted.
pub const PARTS_LIMIT: usize = 16;

/// Which of a pair's channels a message takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Messages up to 256 KiB.
    Messages,
    /// Blobs, statistics, broadcasts.
    Bulk,
}

impl Lane {
    /// Both lanes.
    pub const ALL: [Self; 2] = [Self::Messages, Self::Bulk];

    /// The lane of a number on the wire or in the store.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        match number {
            1 => Some(Self::Messages),
            2 => Some(Self::Bulk),
            _ => None,
        }
    }

    /// Its number on the wire and in the store.
    #[must_use]
    pub fn number(self) -> i32 {
        match self {
            Self::Messages => 1,
            Self::Bulk => 2,
        }
    }

    /// Its letter in subjects.
    #[must_use]
    pub fn letter(self) -> &'static str {
        match self {
            Self::Messages => "m",
            Self::Bulk => "b",
        }
    }
}

/// Where an envelope goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Recipient {
    /// One access point, sealed to it.
    One(AccessPointId),
    /// Every subscriber, signed and not sealed; public content only, on the bulk lane.
    All,
}

impl Recipient {
    /// Reads the name used on the wire and in the store; `all` is the broadcast.
    ///
    /// # Errors
    /// [`nhipcau_domain::id::InvalidId`] when it is neither `all` nor an access point's name.
    pub fn parse(text: &str) -> Result<Self, nhipcau_domain::id::InvalidId> {
        if text == "all" { Ok(Self::All) } else { AccessPointId::new(text).map(Self::One) }
    }

    /// The name used on the wire and in the store.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::One(id) => id.as_str(),
            Self::All => "all",
        }
    }
}

/// The id of a message: a UUIDv8 of an HMAC, the same for the same cause even after a restore.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub [u8; 16]);

impl MessageId {
    /// Derives the id of the cause's `ordinal`-th message. The key is kept outside the store. Ids of causes of one time
    /// begin alike: with the milliseconds of a request id that is a UUIDv7, with those of the entry, or as the message
    /// that arrived does.
    #[must_use]
    pub fn derive(key: &[u8; 32], cause: &Cause, ordinal: u32) -> Self {
        let ordinal = ordinal.to_string();
        let ordinal = ordinal.as_bytes();
        let (prefix, cause) = match cause {
            Cause::Request { system, request_id } => {
                let fields = [pae::ID, b"request", system.as_str().as_bytes(), request_id.as_bytes(), ordinal];
                (derived::prefix_of(request_id), pae::pae(&fields))
            }
            Cause::Entry { system, time, digest } => {
                let fields = [pae::ID, b"entry", system.as_str().as_bytes(), digest, ordinal];
                (derived::prefix_at(*time), pae::pae(&fields))
            }
            Cause::Event(id) => (id.0.first_chunk().copied(), pae::pae(&[pae::ID, b"event", &id.0, ordinal])),
            Cause::Timer(name) => (None, pae::pae(&[pae::ID, b"timer", name.as_bytes(), ordinal])),
        };
        Self(derived::derive(key, prefix, &cause).into_bytes())
    }

    /// Whether the bytes are a UUIDv8 (RFC 9562).
    #[must_use]
    pub fn is_well_formed(&self) -> bool {
        let id = uuid::Uuid::from_bytes(self.0);
        id.get_version() == Some(uuid::Version::Custom) && id.get_variant() == uuid::Variant::RFC4122
    }

    /// Reads the 16 bytes of a UUIDv8.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        <[u8; 16]>::try_from(bytes).ok().map(Self).filter(|id| id.is_well_formed())
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        uuid::Uuid::from_bytes(self.0).fmt(f)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a message exists; with an ordinal it fixes the id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// A calling system's request.
    Request {
        /// The calling system.
        system: SystemId,
        /// Its request id.
        request_id: String,
    },
    /// An entry that a service has made in a log of its own.
    Entry {
        /// The calling system that had it made.
        system: SystemId,
        /// Its time.
        time: Timestamp,
        /// Its digest.
        digest: pae::Digest,
    },
    /// A message that arrived.
    Event(MessageId),
    /// Something became due; the name is unique for ever and holds nothing personal.
    Timer(String),
}

/// The thread of messages that must stay in order across refusals: a case.
pub type Correlation = [u8; 16];

/// A party and one of its units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The party.
    pub party: PartyId,
    /// The unit, or none for the party as a whole.
    pub unit: Option<UnitId>,
}

/// A blob by content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobRef {
    /// SHA-256 of the blob.
    pub digest: pae::Digest,
    /// Size in bytes.
    pub size_bytes: u64,
}

/// What the control part says of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Fully qualified name of the message in part 1.
    pub message: String,
    /// Contract it belongs to.
    pub contract: ContractId,
    /// Minor version needed to understand it.
    pub contract_minor: u32,
    /// On whose behalf it is sent.
    pub sender: Address,
    /// For whom; none in a broadcast.
    pub recipient: Option<Address>,
    /// Purpose that the agreement names.
    pub purpose: Purpose,
    /// Lawful basis with its citation; empty for public content.
    pub legal_basis: String,
    /// The case it belongs to.
    pub correlation: Option<Correlation>,
    /// Kind of what it belongs to, as the contract's service names it, such as `TRANSFER`; for counting only, and empty
    /// where the contract has no kinds. Travels sealed.
    pub kind: String,
    /// The refused message that it corrects.
    pub corrected: Option<MessageId>,
    /// W3C Trace Context of the sending call, or empty.
    pub traceparent: String,
    /// Blobs it names; they travel on the bulk lane.
    pub blobs: Vec<BlobRef>,
}

/// A message to send.
#[derive(Clone)]
pub struct Draft {
    /// What it is about.
    pub header: Header,
    /// Where it goes.
    pub recipient: Recipient,
    /// Which channel it takes.
    pub lane: Lane,
    /// Its parts as they will be sealed, in order; the first is the message that the header names.
    pub parts: Vec<Vec<u8>>,
    /// Why it exists.
    pub cause: Cause,
    /// Distinguishes several messages of one cause.
    pub ordinal: u32,
}

impl fmt::Debug for Draft {
    /// Without the parts: they may be about a child.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft")
            .field("message", &self.header.message)
            .field("recipient", &self.recipient)
            .field("lane", &self.lane)
            .field("parts", &self.parts.len())
            .finish_non_exhaustive()
    }
}

/// A message that arrived and may be applied: verified, opened, authorised and new.
pub struct Incoming<'m> {
    /// Its id.
    pub id: MessageId,
    /// Access point that signed it.
    pub sender: &'m AccessPointId,
    /// True when that is this access point itself.
    pub own: bool,
    /// True when it came by broadcast.
    pub broadcast: bool,
    /// Position in its channel.
    pub sequence: u64,
    /// Directory release that its sender applied, as it says.
    pub directory_version: u64,
    /// What it is about.
    pub header: &'m Header,
    /// Its parts without padding.
    pub parts: &'m [Vec<u8>],
}

impl fmt::Debug for Incoming<'_> {
    /// Without the parts: they may be about a child.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("id", &self.id)
            .field("sender", &self.sender)
            .field("sequence", &self.sequence)
            .field("message", &self.header.message)
            .field("parts", &self.parts.len())
            .finish_non_exhaustive()
    }
}

/// What became of a message at its recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Its effect is on the recipient's disk.
    Received,
    /// Refused for good.
    Refused(RefusalReason),
}

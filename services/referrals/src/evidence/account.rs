//! What a file of evidence says once it was read, how well each event in it is known, and why a file is refused.

use jiff::Timestamp;
use nhipcau_domain::{
    directory,
    id::AccessPointId,
    proof::Tenure,
    referral::{Branch, EventKind, Fault, Side, View},
};
use nhipcau_messaging::carriage::{self, Delivery};
use uuid::Uuid;

use super::{
    found::{Concern, Marked},
    outline,
};

/// Why a file proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The bytes are no evidence of a known format, or out of bounds.
    #[error("the file is not evidence of a known format")]
    Malformed,
    /// There is more in it than is read.
    #[error(
        "the file is larger, or has more branches, events, envelopes, receipts or releases in it, than evidence of one \
         case may: nobody could check it"
    )]
    TooMuch,
    /// The directory in it.
    #[error("the directory in the file is not to be believed")]
    Directory(#[from] directory::Error),
    /// Whoever made it is not in that directory.
    #[error("the access point that made the file, or its key, is not in release {0}, the newest in the file")]
    UnknownMaker(u64),
    /// Its maker's key had been revoked.
    #[error("the key that signed the file had been revoked when the file was made")]
    RevokedMaker,
    /// It was changed since it was made.
    #[error("the file is not what its maker signed")]
    Changed,
    /// Its maker has signed something in it later than the file.
    #[error("the file says that it was made before its maker signed something in it")]
    Backdated,
    /// It was not made yet.
    #[error("the file says that it was made later than now")]
    Future,
    /// Something was signed by a key that is not known any more.
    #[error(
        "release {release} of {issued}, the newest in the file, does not list a key that signed an envelope or a \
         receipt in it: a key that was dropped from the directory is not known any more"
    )]
    KeyDropped {
        /// Number of the newest release in the file.
        release: u64,
        /// When that was drawn up.
        issued: Timestamp,
    },
    /// An envelope or a receipt.
    #[error(transparent)]
    Carriage(carriage::Rejected),
    /// An event does not belong where it stands.
    #[error("event {ordinal} of the {} of branch {branch}: {fault}", side.name())]
    Event {
        /// The branch.
        branch: Uuid,
        /// Whose log.
        side: Side,
        /// Position in the file, from 1.
        ordinal: u64,
        /// What is wrong.
        fault: EventFault,
    },
    /// The logs of a branch do not hold together.
    #[error("the logs of branch {branch}: {fault}")]
    Log {
        /// The branch.
        branch: Uuid,
        /// What is wrong.
        fault: Fault,
    },
}

impl From<outline::Fault> for Refused {
    fn from(fault: outline::Fault) -> Self {
        match fault {
            outline::Fault::Malformed => Self::Malformed,
            outline::Fault::TooMuch => Self::TooMuch,
        }
    }
}

/// What is wrong with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EventFault {
    /// The bytes are no event.
    #[error("the bytes are not an event")]
    Malformed,
    /// It says something about a person that has no place in evidence.
    #[error("it says something about a person")]
    Personal,
    /// It is shown in part, and such an event says nothing about a person that could be missing.
    #[error("it is shown in part though nothing can have been taken out of it")]
    Whole,
    /// It belongs to another case, branch or log.
    #[error("it belongs elsewhere")]
    Elsewhere,
    /// Its envelope is not in the file.
    #[error("its envelope is not in the file")]
    NoEnvelope,
    /// The envelope did not carry it.
    #[error("its envelope carried something else")]
    NotCarried,
}

/// How well it is known that a side said this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// By the word of who made the file alone.
    Told,
    /// By the signature of the side's access point, over it or over a later event that leads to it.
    Signed,
    /// By the signature of the other side's access point, over an event that leads to it.
    Named,
}

impl Standing {
    /// Its stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Told => "TOLD",
            Self::Signed => "SIGNED",
            Self::Named => "NAMED",
        }
    }
}

/// Why the envelope of an event does not prove it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// Something about a person was taken out.
    Masked,
    /// No envelope, or none of which the key was kept.
    Unkept,
    /// Its key had been revoked when it was signed.
    Revoked,
    /// The newest release in the file does not say that the access points of the envelope serve the two units. Who
    /// served them before, it does not tell.
    NotServed,
}

impl Doubt {
    /// What it is, in words.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Masked => "shown in part",
            Self::Unkept => "no key of its envelope",
            Self::Revoked => "signed by a revoked key",
            Self::NotServed => "the release does not say that these access points serve its units",
        }
    }
}

/// What a file says.
#[derive(Debug)]
pub struct Account {
    /// The case.
    pub case: Uuid,
    /// Who made it.
    pub access_point: AccessPointId,
    /// When, by that clock.
    pub made: Timestamp,
    /// The newest release in it.
    pub release: u64,
    /// When that was drawn up: of what the directory said later, of keys above all, the file knows nothing.
    pub issued: Timestamp,
    /// What in it is later than it: a clock is wrong, or the file was made later than it says.
    pub later: Vec<Later>,
    /// Its branches.
    pub branches: Vec<BranchAccount>,
    /// How many access records there were, and the digest of the last.
    pub access_head: Option<(u64, [u8; 32])>,
}

/// Something that is later than the file in which it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Later {
    /// Another access point signed something.
    Signed {
        /// The access point.
        by: AccessPointId,
        /// When it last did, by its clock.
        time: Timestamp,
    },
    /// The newest release was drawn up.
    Issued {
        /// When.
        time: Timestamp,
    },
}

impl Later {
    /// Its stable name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Signed { .. } => "SIGNED_LATER",
            Self::Issued { .. } => "ISSUED_LATER",
        }
    }
}

/// What it says of a branch.
#[derive(Debug)]
pub struct BranchAccount {
    /// Which side made the file.
    pub holder: Side,
    /// Both logs.
    pub branch: Branch,
    /// State, limits and history, as the rules read them.
    pub view: View,
    /// Who answered when, in order, the first from the opening on.
    pub tenures: Vec<Marked<Tenure>>,
    /// What was broken or cannot be told.
    pub findings: Vec<Marked<Concern>>,
    /// Every event, in the order in which the rules read them.
    pub lines: Vec<Line>,
    /// The access point that serves both units, if one does: nothing is named by another then.
    pub one_for_both: Option<AccessPointId>,
}

impl BranchAccount {
    /// How well an event is known.
    #[must_use]
    pub fn standing(&self, side: Side, ordinal: u64) -> Standing {
        let line = self.lines.iter().find(|line| (line.side, line.ordinal) == (side, ordinal));
        line.map_or(Standing::Told, |line| line.standing)
    }

    /// How many events are known by the word of who made the file alone.
    #[must_use]
    pub fn told(&self) -> usize {
        self.lines.iter().filter(|line| line.is_told()).count()
    }
}

/// An event.
#[derive(Debug)]
pub struct Line {
    /// Whose log.
    pub side: Side,
    /// Position there.
    pub ordinal: u64,
    /// What it says.
    pub event: EventKind,
    /// By its writer's clock.
    pub time: Timestamp,
    /// Reference of the acting person.
    pub person: Option<String>,
    /// What it says beside its name, where that is the word of its writer about what somebody did.
    pub said: Option<String>,
    /// How well it is known.
    pub standing: Standing,
    /// Whose signatures lead to it; of a masked event, to its digest.
    pub signers: Vec<AccessPointId>,
    /// Why it is not proven by its own envelope.
    pub doubt: Option<Doubt>,
    /// Something about a person was taken out, and what is left is told, not signed.
    pub masked: bool,
    /// What its receipt says.
    pub delivery: Option<Delivery>,
}

impl Line {
    /// Whether it is known by the word of who made the file alone.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.standing == Standing::Told
    }
}

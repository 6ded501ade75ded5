//! The states of a contact, and what leads from one to another.

use nhipcau_proto::switchboard::v1 as pb;

/// State of a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// It was recorded; the unit that received it answers for it.
    Open,
    /// A person counselled the caller.
    Counselled,
    /// A referral was sent from it.
    Referred,
    /// Another switchboard took it over.
    HandedOver,
    /// Nothing more is done with it.
    Closed,
}

/// What is done with a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Deed {
    /// What is known is added to or corrected.
    Amend,
    /// A person counselled the caller.
    Counsel,
    /// It is sent; the answer comes later.
    Send,
    /// The referral stands.
    Refer,
    /// Another switchboard takes it over.
    HandOver,
    /// It comes back from there, as the other switchboard asked.
    TakeBack,
    /// It is closed.
    Close,
}

/// Why a contact is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CloseReason {
    /// What was asked for was done.
    Done,
    /// Nobody needs protection.
    NoConcern,
    /// It is recorded already.
    Duplicate,
    /// Whoever turned to the switchboard could not be reached again.
    NotReached,
    /// Another reason.
    Other,
    /// A number that this build does not know.
    Unrecognized(i32),
}

impl State {
    /// Every state, in contract order.
    pub const ALL: [Self; 5] = [Self::Open, Self::Counselled, Self::Referred, Self::HandedOver, Self::Closed];

    /// Where a deed leads; `None` where it is not possible.
    #[must_use]
    pub const fn after(self, deed: Deed) -> Option<Self> {
        match (self, deed) {
            (Self::Open | Self::Counselled | Self::Referred, Deed::Amend) => Some(self),
            (Self::Open, Deed::Counsel) => Some(Self::Counselled),
            (Self::Open | Self::Counselled, Deed::Send) => Some(self),
            (Self::Open | Self::Counselled, Deed::Refer) => Some(Self::Referred),
            (Self::Open | Self::Counselled | Self::Referred, Deed::HandOver) => Some(Self::HandedOver),
            (Self::HandedOver, Deed::TakeBack) => Some(Self::Open),
            (Self::Open | Self::Counselled | Self::Referred, Deed::Close) => Some(Self::Closed),
            _ => None,
        }
    }

    /// The number in the contract.
    #[must_use]
    pub const fn to_wire(self) -> i32 {
        match self {
            Self::Open => pb::ContactState::Open as i32,
            Self::Counselled => pb::ContactState::Counselled as i32,
            Self::Referred => pb::ContactState::Referred as i32,
            Self::HandedOver => pb::ContactState::HandedOver as i32,
            Self::Closed => pb::ContactState::Closed as i32,
        }
    }

    /// Reads the contract's number; `None` for one that this build does not know.
    #[must_use]
    pub fn from_wire(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.to_wire() == number)
    }
}

impl Deed {
    /// Every deed.
    pub const ALL: [Self; 7] =
        [Self::Amend, Self::Counsel, Self::Send, Self::Refer, Self::HandOver, Self::TakeBack, Self::Close];

    /// Whether only a person may do it.
    #[must_use]
    pub const fn needs_a_person(self) -> bool {
        matches!(self, Self::Counsel | Self::HandOver | Self::TakeBack | Self::Close)
    }
}

impl CloseReason {
    /// Reads the contract's number; `None` for the value that is never sent.
    #[must_use]
    pub fn from_wire(number: i32) -> Option<Self> {
        match pb::ContactCloseReason::try_from(number) {
            Ok(pb::ContactCloseReason::Unspecified) => None,
            Ok(pb::ContactCloseReason::Done) => Some(Self::Done),
            Ok(pb::ContactCloseReason::NoConcern) => Some(Self::NoConcern),
            Ok(pb::ContactCloseReason::Duplicate) => Some(Self::Duplicate),
            Ok(pb::ContactCloseReason::NotReached) => Some(Self::NotReached),
            Ok(pb::ContactCloseReason::Other) => Some(Self::Other),
            Err(_) => Some(Self::Unrecognized(number)),
        }
    }

    /// The number in the contract.
    #[must_use]
    pub const fn to_wire(self) -> i32 {
        match self {
            Self::Done => pb::ContactCloseReason::Done as i32,
            Self::NoConcern => pb::ContactCloseReason::NoConcern as i32,
            Self::Duplicate => pb::ContactCloseReason::Duplicate as i32,
            Self::NotReached => pb::ContactCloseReason::NotReached as i32,
            Self::Other => pb::ContactCloseReason::Other as i32,
            Self::Unrecognized(number) => number,
        }
    }
}

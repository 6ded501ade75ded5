//! The small closed vocabularies of the rules: kinds, sides, states, events, parts.

use nhipcau_proto::referral::v1 as pb;

/// What is asked of the recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Responsibility moves; full content at once; never rejected.
    Transfer,
    /// A service is requested; preview first; the sender keeps the case.
    Referral,
    /// A copy for information.
    Notification,
}

impl Kind {
    /// Every kind, in contract order.
    pub const ALL: [Self; 3] = [Self::Transfer, Self::Referral, Self::Notification];

    /// The name in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transfer => "TRANSFER",
            Self::Referral => "REFERRAL",
            Self::Notification => "NOTIFICATION",
        }
    }

    pub(super) fn from_wire(number: i32) -> Option<Self> {
        match pb::ReferralKind::try_from(number).ok()? {
            pb::ReferralKind::Unspecified => None,
            pb::ReferralKind::Transfer => Some(Self::Transfer),
            pb::ReferralKind::Referral => Some(Self::Referral),
            pb::ReferralKind::Notification => Some(Self::Notification),
        }
    }

    /// The number in the contract.
    #[must_use]
    pub const fn to_wire(self) -> i32 {
        match self {
            Self::Transfer => pb::ReferralKind::Transfer as i32,
            Self::Referral => pb::ReferralKind::Referral as i32,
            Self::Notification => pb::ReferralKind::Notification as i32,
        }
    }
}

/// Whose log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The unit that opened the branch.
    Origin,
    /// The addressed unit.
    Recipient,
}

impl Side {
    /// Both sides.
    pub const ALL: [Self; 2] = [Self::Origin, Self::Recipient];

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Origin => Self::Recipient,
            Self::Recipient => Self::Origin,
        }
    }

    /// The name in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Origin => "origin",
            Self::Recipient => "recipient",
        }
    }

    /// The number in the contract.
    #[must_use]
    pub const fn to_wire(self) -> i32 {
        match self {
            Self::Origin => pb::Side::Origin as i32,
            Self::Recipient => pb::Side::Recipient as i32,
        }
    }

    pub(super) fn from_wire(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|side| side.to_wire() == number)
    }
}

macro_rules! states {
    ($($(#[$doc:meta])* $state:ident = $name:literal),* $(,)?) => {
        /// The state of a branch.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum State { $($(#[$doc])* $state),* }

        impl State {
            /// Every state, in contract order.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$state),*];

            /// The name in the contract without its prefix.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$state => $name),* }
            }

            /// The number in the contract.
            #[must_use]
            pub const fn to_wire(self) -> i32 {
                match self { $(Self::$state => pb::BranchState::$state as i32),* }
            }
        }
    };
}

states! {
    /// The origin has opened the branch.
    Submitted = "SUBMITTED",
    /// The origin holds the recipient's receipt.
    Received = "RECEIVED",
    /// A person at the recipient has seen it.
    Acknowledged = "ACKNOWLEDGED",
    /// The recipient will serve.
    Accepted = "ACCEPTED",
    /// The origin chose this branch and disclosed what is due.
    Assigned = "ASSIGNED",
    /// The service runs.
    InService = "IN_SERVICE",
    /// The service ended.
    Completed = "COMPLETED",
    /// The origin noted the outcome.
    Closed = "CLOSED",
    /// The recipient will not serve.
    Rejected = "REJECTED",
    /// The recipient advised another unit.
    Redirected = "REDIRECTED",
    /// Another branch of the group serves.
    Relieved = "RELIEVED",
    /// Taken back, or consent withdrawn.
    Revoked = "REVOKED",
    /// The opening was refused for good.
    Returned = "RETURNED",
    /// Never should have been sent.
    EnteredInError = "ENTERED_IN_ERROR",
}

impl State {
    /// True when the branch serves the need or has served it: at most one branch of a group is ever so.
    #[must_use]
    pub const fn is_assigned(self) -> bool {
        matches!(self, Self::Assigned | Self::InService | Self::Completed | Self::Closed)
    }

    /// True while the branch waits for a decision or an assignment.
    #[must_use]
    pub const fn is_pending(self) -> bool {
        matches!(self, Self::Submitted | Self::Received | Self::Acknowledged | Self::Accepted)
    }

    /// True while time limits run: somebody waits for the recipient.
    #[must_use]
    pub const fn is_waited_for(self) -> bool {
        self.is_pending() || matches!(self, Self::Assigned | Self::InService)
    }

    /// True when the recipient has to erase what it holds.
    #[must_use]
    pub const fn calls_for_erasure(self) -> bool {
        matches!(self, Self::Rejected | Self::Redirected | Self::Relieved | Self::Revoked | Self::EnteredInError)
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

            /// The name in `ReferralEvent.event`.
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
    /// The branch was opened.
    Opened = "opened" by Origin,
    /// The recipient's receipt was stored.
    Received = "received" by Origin,
    /// The opening was refused for good.
    Returned = "returned" by Origin,
    /// The branch was chosen.
    Assigned = "assigned" by Origin,
    /// Further parts were disclosed.
    DisclosureAdded = "disclosure_added" by Origin,
    /// Parts were released before acceptance.
    EmergencyReleased = "emergency_released" by Origin,
    /// The origin turned to the next level.
    Escalated = "escalated" by Origin,
    /// Another branch was assigned.
    Relieved = "relieved" by Origin,
    /// Taken back before assignment.
    Revoked = "revoked" by Origin,
    /// Asked to stop after assignment.
    RevocationRequested = "revocation_requested" by Origin,
    /// Consent was withdrawn.
    ConsentWithdrawn = "consent_withdrawn" by Origin,
    /// Recalled.
    EnteredInError = "entered_in_error" by Origin,
    /// The outcome was noted.
    Closed = "closed" by Origin,
    /// A person took the branch back as the recipient had asked.
    HandBackTaken = "hand_back_taken" by Origin,
    /// Somebody at the recipient said by telephone that they take it.
    TelephoneRecorded = "telephone_acknowledgement_recorded" by Origin,
    /// A person has seen it.
    Acknowledged = "acknowledged" by Recipient,
    /// Will serve.
    Accepted = "accepted" by Recipient,
    /// Will not serve.
    Rejected = "rejected" by Recipient,
    /// Advises another unit.
    Redirected = "redirected" by Recipient,
    /// The service began.
    ServiceStarted = "service_started" by Recipient,
    /// The service ended.
    Completed = "completed" by Recipient,
    /// Stopped as asked.
    RevocationGranted = "revocation_granted" by Recipient,
    /// Goes on although asked to stop.
    RevocationRefused = "revocation_refused" by Recipient,
    /// Erased what an ended branch left behind.
    Erased = "erased" by Recipient,
    /// Asks the origin to take the branch back.
    HandBackRequested = "hand_back_requested" by Recipient,
    /// Said what was done in the case.
    WorkRecorded = "work_recorded" by Recipient,
    /// Handed the branch over to the unit that took over its duties.
    Moved = "moved" by Recipient,
    /// Said that nobody at the unit is left to tell.
    Unattended = "unattended" by Recipient,
    /// Said what became of the content after consent was withdrawn.
    WithdrawalAnswered = "withdrawal_answered" by Recipient,
}

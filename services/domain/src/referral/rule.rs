//! The events by which a time limit of the directory says for what it holds: the opening of a branch of one kind
//! starts it, and an answer of the recipient stops it.
//!
//! These names are read from signed releases. One that this build does not know starts or stops nothing.

use super::{
    code::Stop,
    kind::{EventKind, Kind},
};

/// Every answer that stops a time limit, and how long the limit then waits.
pub const STOP_EVENTS: [(EventKind, Stop); 6] = [
    (EventKind::Acknowledged, Stop::Acknowledged),
    (EventKind::Accepted, Stop::Decided),
    (EventKind::Rejected, Stop::Decided),
    (EventKind::Redirected, Stop::Decided),
    (EventKind::ServiceStarted, Stop::ServiceStarted),
    (EventKind::Completed, Stop::Completed),
];

impl Kind {
    /// The event that starts a time limit for branches of this kind.
    #[must_use]
    pub const fn start_event(self) -> &'static str {
        match self {
            Self::Transfer => "transfer_opened",
            Self::Referral => "referral_opened",
            Self::Notification => "notification_opened",
        }
    }
}

impl Stop {
    /// What a limit waits for that this event stops.
    #[must_use]
    pub fn of_event(name: &str) -> Option<Self> {
        STOP_EVENTS.iter().find(|(event, _)| event.name() == name).map(|(_, stop)| *stop)
    }
}

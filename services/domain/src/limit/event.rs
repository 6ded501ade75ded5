//! The events by which a time limit of the directory says for what it holds: what starts it, and which answer of the
//! recipient stops it.
//!
//! These names are read from signed releases. One that this build does not know starts or stops nothing.

use crate::referral::{EventKind, Kind, Stop};

/// What starts a time limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The first branch for a need was opened, of this kind.
    Opened(Kind),
    /// The report was received that is handed over by a TRANSFER.
    ReportReceived,
}

impl Start {
    /// Every start, in the order of documents.
    pub const ALL: [Self; 4] = [
        Self::Opened(Kind::Transfer),
        Self::Opened(Kind::Referral),
        Self::Opened(Kind::Notification),
        Self::ReportReceived,
    ];

    /// The name in rules.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opened(Kind::Transfer) => "transfer_opened",
            Self::Opened(Kind::Referral) => "referral_opened",
            Self::Opened(Kind::Notification) => "notification_opened",
            Self::ReportReceived => "report_received",
        }
    }

    /// The start of this name.
    #[must_use]
    pub fn of_event(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|start| start.name() == name)
    }

    /// The kind of the branches whose limits start so. Only a TRANSFER hands a report over: a REFERRAL asks for a
    /// service, maybe long afterwards, and a NOTIFICATION for nothing.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self {
            Self::Opened(kind) => kind,
            Self::ReportReceived => Kind::Transfer,
        }
    }
}

/// Every answer that stops a time limit, and how long the limit then waits.
pub const STOP_EVENTS: [(EventKind, Stop); 6] = [
    (EventKind::Acknowledged, Stop::Acknowledged),
    (EventKind::Accepted, Stop::Decided),
    (EventKind::Rejected, Stop::Decided),
    (EventKind::Redirected, Stop::Decided),
    (EventKind::ServiceStarted, Stop::ServiceStarted),
    (EventKind::Completed, Stop::Completed),
];

impl Stop {
    /// What a limit waits for that this event stops.
    #[must_use]
    pub fn of_event(name: &str) -> Option<Self> {
        STOP_EVENTS.iter().find(|(event, _)| event.name() == name).map(|(_, stop)| *stop)
    }

    /// What a limit waits for that any of these events stops: the one that comes last in the life of a branch.
    pub(super) fn last(events: &[String]) -> Option<Self> {
        events.iter().filter_map(|event| Self::of_event(event)).max()
    }
}

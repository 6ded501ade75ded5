//! The events by which a time limit of the directory says for what it holds: what starts it, the opening or an answer
//! of the recipient, and which answer stops it.
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
    /// The recipient wrote this event in a branch that was opened before; one of [`Self::LATER`].
    Written(EventKind),
}

impl Start {
    /// Every start, in the order of documents.
    pub const ALL: [Self; 7] = [
        Self::Opened(Kind::Transfer),
        Self::Opened(Kind::Referral),
        Self::Opened(Kind::Notification),
        Self::ReportReceived,
        Self::Written(EventKind::Acknowledged),
        Self::Written(EventKind::Accepted),
        Self::Written(EventKind::ServiceStarted),
    ];
    /// The events with which a limit can start after the opening.
    pub const LATER: [EventKind; 3] = [EventKind::Acknowledged, EventKind::Accepted, EventKind::ServiceStarted];

    /// The name in rules.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opened(Kind::Transfer) => "transfer_opened",
            Self::Opened(Kind::Referral) => "referral_opened",
            Self::Opened(Kind::Notification) => "notification_opened",
            Self::ReportReceived => "report_received",
            Self::Written(event) => event.name(),
        }
    }

    /// The start of this name.
    #[must_use]
    pub fn of_event(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|start| start.name() == name)
    }

    /// Whether limits of a branch of this kind start so when it is opened. Only a TRANSFER hands a report over: a
    /// REFERRAL asks for a service, maybe long afterwards, and a NOTIFICATION for nothing.
    #[must_use]
    pub fn is_of_opening(self, kind: Kind) -> bool {
        match self {
            Self::Opened(of) => of == kind,
            Self::ReportReceived => kind == Kind::Transfer,
            Self::Written(_) => false,
        }
    }

    /// Whether limits start so with an event in a branch of this kind. Whoever accepts without having acknowledged has
    /// acknowledged by that. A NOTIFICATION asks for nothing.
    #[must_use]
    pub fn is_written_by(self, event: EventKind, kind: Kind) -> bool {
        let Self::Written(start) = self else { return false };
        let acknowledges = start == EventKind::Acknowledged && event == EventKind::Accepted;
        kind != Kind::Notification && (start == event || acknowledges)
    }

    /// Whether what stops a limit can still come when it starts so.
    #[must_use]
    pub fn is_before(self, stop: Stop) -> bool {
        let Self::Written(start) = self else { return true };
        Stop::of_event(start.name()).is_some_and(|reached| reached < stop)
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

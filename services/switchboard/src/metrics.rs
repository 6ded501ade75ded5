//! What this service counts. Names and help texts are constants; no label carries what a caller wrote.

use std::sync::atomic::{AtomicU64, Ordering};

/// Name and help text of a counter.
pub type Metric = (&'static str, &'static str);

/// Contacts recorded.
pub const RECORDED: Metric = ("nhipcau_switchboard_contacts_recorded_total", "Contacts that were recorded.");
/// Contacts sent.
pub const SENT: Metric = ("nhipcau_switchboard_contacts_sent_total", "Times that a contact was sent.");
/// Contacts of which a referral stands.
pub const REFERRED: Metric = ("nhipcau_switchboard_contacts_referred_total", "Contacts of which a referral stands.");
/// Contacts that could not be sent.
pub const OBJECTED: Metric = (
    "nhipcau_switchboard_contacts_objected_total",
    "Times that a contact could not be sent as asked and a person must look.",
);
/// Contacts asked for again.
pub const ASKED_AGAIN: Metric =
    ("nhipcau_switchboard_sendings_asked_again_total", "Times that the sending of a contact was not answered in time.");
/// Messages refused.
pub const REFUSED: Metric = ("nhipcau_switchboard_messages_refused_total", "Messages that were refused here.");

/// Contacts offered.
pub const OFFERED: Metric =
    ("nhipcau_switchboard_handovers_offered_total", "Times that a contact was offered to another switchboard.");
/// Events of hand-overs stored.
pub const HANDOVER_EVENTS: Metric =
    ("nhipcau_switchboard_handover_events_total", "Events of hand-overs that were stored, of either side.");

/// The counters, shared by the handler and whoever shows them.
#[derive(Debug, Default)]
pub struct Counters {
    pub(crate) recorded: AtomicU64,
    pub(crate) sent: AtomicU64,
    pub(crate) referred: AtomicU64,
    pub(crate) objected: AtomicU64,
    pub(crate) asked_again: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) offered: AtomicU64,
    pub(crate) handover_events: AtomicU64,
}

impl Counters {
    /// Every counter with its value.
    #[must_use]
    pub fn read(&self) -> [(Metric, u64); 8] {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        [
            (RECORDED, read(&self.recorded)),
            (SENT, read(&self.sent)),
            (REFERRED, read(&self.referred)),
            (OBJECTED, read(&self.objected)),
            (ASKED_AGAIN, read(&self.asked_again)),
            (REFUSED, read(&self.refused)),
            (OFFERED, read(&self.offered)),
            (HANDOVER_EVENTS, read(&self.handover_events)),
        ]
    }
}

pub(crate) fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

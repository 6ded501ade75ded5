//! What this service counts. Names and help texts are constants; no label carries what a caller or peer wrote.

use std::sync::atomic::{AtomicU64, Ordering};

/// Name and help text of a counter.
pub type Metric = (&'static str, &'static str);

/// Branches opened.
pub const OPENED: Metric = ("nhipcau_referral_branches_opened_total", "Branches that own units opened.");
/// Events written.
pub const WRITTEN: Metric = ("nhipcau_referral_events_written_total", "Events that own units wrote.");
/// Events that arrived and were stored.
pub const STORED: Metric = ("nhipcau_referral_events_stored_total", "Events of other units that were stored.");
/// Events of others that were refused.
pub const REFUSED: Metric = ("nhipcau_referral_events_refused_total", "Events of other units that were refused here.");
/// Own events that a peer refused for good.
pub const REFUSED_BY_PEER: Metric =
    ("nhipcau_referral_events_refused_by_peer_total", "Own events that a peer refused for good.");
/// Own events that a peer gave back.
pub const RECOVERED: Metric =
    ("nhipcau_referral_events_recovered_total", "Own events that came back after the store was rolled back.");
/// Content that was released before acceptance, at either side.
pub const EMERGENCIES: Metric =
    ("nhipcau_referral_emergency_releases_total", "Releases of content in an emergency, own and of others.");
/// Levels that were turned to by time alone.
pub const ESCALATED: Metric =
    ("nhipcau_referral_escalations_total", "Times that the next level was turned to because nobody had answered.");
/// People on duty who were to be told.
pub const CALLED: Metric =
    ("nhipcau_referral_people_called_total", "Times that somebody on duty was to be told that something waits.");
/// Nobody was left to tell.
pub const UNCALLED: Metric =
    ("nhipcau_referral_nobody_called_total", "Times that something waited and nobody was left to tell.");
/// Acceptances beyond what was agreed for an hour.
pub const OVER_LIMIT: Metric = (
    "nhipcau_referral_acceptances_over_limit_total",
    "Acceptances of a party beyond what its agreement allows within an hour.",
);
/// Units that could not be told of a transfer.
pub const UNTOLD: Metric =
    ("nhipcau_referral_units_untold_total", "Units that were to be told of a transfer and could not be.");
/// Cases of which every body was erased.
pub const ERASED: Metric = ("nhipcau_referral_cases_erased_total", "Cases of which every body was erased here.");

/// The counters, shared by the handler and whoever shows them.
#[derive(Debug, Default)]
pub struct Counters {
    pub(crate) opened: AtomicU64,
    pub(crate) written: AtomicU64,
    pub(crate) stored: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) refused_by_peer: AtomicU64,
    pub(crate) recovered: AtomicU64,
    pub(crate) emergencies: AtomicU64,
    pub(crate) escalated: AtomicU64,
    pub(crate) called: AtomicU64,
    pub(crate) uncalled: AtomicU64,
    pub(crate) over_limit: AtomicU64,
    pub(crate) untold: AtomicU64,
    pub(crate) erased: AtomicU64,
}

impl Counters {
    /// Every counter with its value.
    #[must_use]
    pub fn read(&self) -> [(Metric, u64); 13] {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        [
            (OPENED, read(&self.opened)),
            (WRITTEN, read(&self.written)),
            (STORED, read(&self.stored)),
            (REFUSED, read(&self.refused)),
            (REFUSED_BY_PEER, read(&self.refused_by_peer)),
            (RECOVERED, read(&self.recovered)),
            (EMERGENCIES, read(&self.emergencies)),
            (ESCALATED, read(&self.escalated)),
            (CALLED, read(&self.called)),
            (UNCALLED, read(&self.uncalled)),
            (OVER_LIMIT, read(&self.over_limit)),
            (UNTOLD, read(&self.untold)),
            (ERASED, read(&self.erased)),
        ]
    }
}

pub(crate) fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

//! What this service counts. Names and help texts are constants; no label carries what a caller or peer wrote.

use std::sync::atomic::{AtomicU64, Ordering};

/// Name and help text of a counter.
pub type Metric = (&'static str, &'static str);

/// Own submissions published.
pub const PUBLISHED: Metric = ("nhipcau_indicator_submissions_published_total", "Own submissions that were published.");
/// Observations in own submissions.
pub const PUBLISHED_OBSERVATIONS: Metric =
    ("nhipcau_indicator_observations_published_total", "Observations in own submissions that were published.");
/// Submissions that arrived and were stored.
pub const HELD: Metric = ("nhipcau_indicator_submissions_held_total", "Submissions that arrived and were stored.");
/// Observations in them.
pub const HELD_OBSERVATIONS: Metric =
    ("nhipcau_indicator_observations_held_total", "Observations in submissions that arrived and were stored.");
/// Messages of others that were refused.
pub const REFUSED: Metric = ("nhipcau_indicator_messages_refused_total", "Published messages that were refused here.");
/// Own messages that a peer refused for good.
pub const REFUSED_BY_PEER: Metric =
    ("nhipcau_indicator_messages_refused_by_peer_total", "Own published messages that a peer refused for good.");
/// Own submissions that a peer gave back.
pub const RECOVERED: Metric =
    ("nhipcau_indicator_submissions_recovered_total", "Own messages that came back after the store was rolled back.");

/// The counters, shared by the handler and whoever shows them.
#[derive(Debug, Default)]
pub struct Counters {
    pub(crate) published: AtomicU64,
    pub(crate) published_observations: AtomicU64,
    pub(crate) held: AtomicU64,
    pub(crate) held_observations: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) refused_by_peer: AtomicU64,
    pub(crate) recovered: AtomicU64,
}

impl Counters {
    /// Every counter with its value.
    #[must_use]
    pub fn read(&self) -> [(Metric, u64); 7] {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        [
            (PUBLISHED, read(&self.published)),
            (PUBLISHED_OBSERVATIONS, read(&self.published_observations)),
            (HELD, read(&self.held)),
            (HELD_OBSERVATIONS, read(&self.held_observations)),
            (REFUSED, read(&self.refused)),
            (REFUSED_BY_PEER, read(&self.refused_by_peer)),
            (RECOVERED, read(&self.recovered)),
        ]
    }
}

pub(crate) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

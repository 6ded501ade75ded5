//! Deliveries that the broker awaits an acknowledgement for, by the token that the engine knows them by.
//!
//! Acknowledgements are sent and not confirmed: a lost one only has the broker deliver again, and the engine answers
//! a repeated envelope by the receipt that covers it. A confirmation would be another question to a broker whose
//! answers decide nothing.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_nats::Subject;
use tokio::time::Instant;

use super::{ACKNOWLEDGE_WITHIN, budget::Share};

/// What the broker expects as the content of an acknowledgement.
pub(super) const ACKNOWLEDGEMENT: &[u8] = b"+ACK";

#[derive(Debug, Default)]
pub(super) struct Unacknowledged(Mutex<Deliveries>);

#[derive(Debug, Default)]
struct Deliveries {
    last: u64,
    // Ascending tokens are ascending times.
    waiting: BTreeMap<u64, Delivery>,
}

#[derive(Debug)]
struct Delivery {
    reply: Subject,
    since: Instant,
    _share: Share,
}

impl Unacknowledged {
    /// Notes a delivery and gives it a token.
    pub(super) fn note(&self, reply: Subject, share: Share) -> u64 {
        let mut deliveries = self.lock();
        deliveries.last += 1;
        let token = deliveries.last;
        deliveries.waiting.insert(token, Delivery { reply, since: Instant::now(), _share: share });
        token
    }

    /// Where to acknowledge, once; nothing when it lapsed.
    pub(super) fn take(&self, token: u64) -> Option<Subject> {
        self.lock().waiting.remove(&token).map(|delivery| delivery.reply)
    }

    /// Forgets what the broker delivers again by now, and says how many those are.
    pub(super) fn lapse(&self) -> usize {
        let mut deliveries = self.lock();
        let before = deliveries.waiting.len();
        deliveries.waiting.retain(|_, delivery| delivery.since.elapsed() < ACKNOWLEDGE_WITHIN);
        before - deliveries.waiting.len()
    }

    fn lock(&self) -> MutexGuard<'_, Deliveries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nats::budget::Budget;

    #[tokio::test(start_paused = true)]
    async fn a_delivery_is_acknowledged_once_or_lapses() {
        let budget = Budget::new(2048);
        let deliveries = Unacknowledged::default();
        let first = deliveries.note("reply.1".into(), budget.reserve(1).await);
        let second = deliveries.note("reply.2".into(), budget.reserve(1).await);
        assert!(budget.try_reserve(1).is_none());
        assert_eq!(deliveries.take(first).as_deref(), Some("reply.1"));
        assert_eq!(deliveries.take(first), None);
        assert_eq!(deliveries.lapse(), 0);
        tokio::time::advance(ACKNOWLEDGE_WITHIN).await;
        assert_eq!(deliveries.lapse(), 1);
        assert_eq!(deliveries.take(second), None);
        assert!(budget.try_reserve(2048).is_some());
    }
}

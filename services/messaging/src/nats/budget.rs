//! A bound on bytes in memory, shared by those who hold them.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Counting in KiB keeps every budget within a semaphore's range.
const UNIT: usize = 1024;

/// How many bytes may be held at a time.
#[derive(Debug, Clone)]
pub(super) struct Budget(Arc<Semaphore>);

/// A part of a budget, given back when dropped.
#[derive(Debug)]
pub(super) struct Share(OwnedSemaphorePermit);

impl Budget {
    pub(super) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes / UNIT)))
    }

    /// Waits until there is room. Never more than the whole budget is asked for, so that it always comes.
    pub(super) async fn reserve(&self, bytes: usize) -> Share {
        let permits = units(bytes);
        match Arc::clone(&self.0).acquire_many_owned(permits).await {
            Ok(permit) => Share(permit),
            // The semaphore is never closed.
            Err(_) => std::future::pending().await,
        }
    }

    /// Takes a share if there is room now.
    #[cfg(test)]
    pub(super) fn try_reserve(&self, bytes: usize) -> Option<Share> {
        Arc::clone(&self.0).try_acquire_many_owned(units(bytes)).ok().map(Share)
    }
}

impl Share {
    /// Cuts a smaller share off, or none when this one is too small.
    pub(super) fn split(&mut self, bytes: usize) -> Option<Self> {
        self.0.split(units(bytes) as usize).map(Self)
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT).max(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_held_is_bounded_and_comes_back() {
        let budget = Budget::new(8 * UNIT);
        let mut whole = budget.reserve(8 * UNIT).await;
        assert!(budget.try_reserve(1).is_none());
        let part = whole.split(3 * UNIT).unwrap();
        assert!(whole.split(6 * UNIT).is_none());
        drop(whole);
        assert!(budget.try_reserve(6 * UNIT).is_none());
        drop(part);
        assert!(budget.try_reserve(8 * UNIT).is_some());
    }
}

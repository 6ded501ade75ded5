//! How often somebody may ask something of this access point: so many times in a row, then at a steady pace, so that
//! nobody's curiosity costs another's messages.
//!
//! Time is the monotonic one: a clock that is set changes nothing.

use std::time::Duration;

use tokio::time::Instant;

/// A pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Times in a row …
    pub burst: u32,
    /// … and how soon once more.
    pub refill: Duration,
}

/// The pace of peers.
const PEERS: Rate = Rate { burst: 64, refill: Duration::from_millis(125) };

/// What somebody may still ask.
#[derive(Debug)]
pub struct Quota {
    rate: Rate,
    /// When all of it will be there again.
    full_at: Instant,
}

impl Quota {
    /// That of a peer who has not asked yet.
    #[must_use]
    pub fn full() -> Self {
        Self::of(PEERS)
    }

    /// That of somebody with a pace of their own, who has not asked yet.
    #[must_use]
    pub fn of(rate: Rate) -> Self {
        Self { rate, full_at: Instant::now() }
    }

    /// Whether once more is within it; if so, that is spent.
    pub fn spend(&mut self) -> bool {
        self.take().is_ok()
    }

    /// Spends once more, or says how long it takes until that is within it.
    ///
    /// # Errors
    /// The time until then; nothing is spent.
    pub fn take(&mut self) -> Result<(), Duration> {
        let now = Instant::now();
        let full_at = self.full_at.max(now) + self.rate.refill;
        let beyond = full_at.duration_since(now).saturating_sub(self.rate.refill * self.rate.burst);
        if beyond.is_zero() {
            self.full_at = full_at;
            return Ok(());
        }
        Err(beyond)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_quota_is_spent_and_comes_back_at_its_pace() {
        let mut quota = Quota::full();
        assert!((0..PEERS.burst).all(|_| quota.spend()));
        assert!(!quota.spend());
        advance(PEERS.refill).await;
        assert!(quota.spend());
        assert!(!quota.spend());
        advance(PEERS.refill * 1000).await;
        assert!((0..PEERS.burst).all(|_| quota.spend()));
        assert!(!quota.spend());
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_that_is_named_is_the_one_that_helps() {
        let mut quota = Quota::of(Rate { burst: 2, refill: Duration::from_millis(10) });
        assert_eq!([quota.take(), quota.take()], [Ok(()), Ok(())]);
        advance(Duration::from_millis(4)).await;
        let wait = quota.take().unwrap_err();
        assert_eq!(wait, Duration::from_millis(6));
        advance(wait - Duration::from_millis(1)).await;
        assert_eq!(quota.take(), Err(Duration::from_millis(1)));
        advance(Duration::from_millis(1)).await;
        assert_eq!(quota.take(), Ok(()));
    }
}

//! How often a peer may ask something of this access point: so many times in a row, then at a steady pace, so that
//! nobody's curiosity costs another's messages.

use std::time::Duration;

use tokio::time::Instant;

/// Questions in a row …
const BURST: u32 = 64;
/// … and how soon one more.
const REFILL: Duration = Duration::from_millis(125);

/// What a peer may still ask.
#[derive(Debug)]
pub struct Quota {
    left: u32,
    since: Instant,
}

impl Quota {
    /// That of somebody who has not asked yet.
    #[must_use]
    pub fn full() -> Self {
        Self { left: BURST, since: Instant::now() }
    }

    /// Whether one more question is within it; if so, that one is spent.
    pub fn spend(&mut self) -> bool {
        let earned = self.since.elapsed().as_millis() / REFILL.as_millis();
        if earned > 0 {
            self.left = self.left.saturating_add(u32::try_from(earned).unwrap_or(BURST)).min(BURST);
            self.since = Instant::now();
        }
        let may = self.left > 0;
        self.left -= u32::from(may);
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_quota_is_spent_and_comes_back_at_its_pace() {
        let mut quota = Quota::full();
        assert!((0..BURST).all(|_| quota.spend()));
        assert!(!quota.spend());
        tokio::time::advance(REFILL).await;
        assert!(quota.spend());
        assert!(!quota.spend());
        tokio::time::advance(REFILL * 1000).await;
        assert!((0..BURST).all(|_| quota.spend()));
        assert!(!quota.spend());
    }
}

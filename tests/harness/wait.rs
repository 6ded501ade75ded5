//! Waiting for something to become true, with a deadline. Level-triggered: whoever looks late still sees it.
//!
//! No test sleeps for a time that should be enough: slow machines only take longer, and what never comes is named.

use std::time::Duration;

use anyhow::bail;
use tokio::time::{Instant, sleep};

/// How long a test waits for what normally takes milliseconds.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How long a test waits for what real processes do between them, on a machine that does other things too.
pub const LONG: Duration = Duration::from_secs(120);

/// Asks again until `probe` answers or [`PATIENCE`] is over.
///
/// # Errors
/// When the time is over; the message says what was awaited.
pub async fn until<T>(awaited: &str, mut probe: impl FnMut() -> Option<T>) -> anyhow::Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = probe() {
            return Ok(answer);
        }
        if Instant::now() > deadline {
            bail!("waited {PATIENCE:?} in vain for {awaited}");
        }
        sleep(Duration::from_millis(5)).await;
    }
}

/// Asks again until `probe`, which itself takes time, answers or [`LONG`] is over.
///
/// # Errors
/// When the time is over; the message says what was awaited.
pub async fn until_answered<T>(awaited: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> anyhow::Result<T> {
    let deadline = Instant::now() + LONG;
    loop {
        if let Some(answer) = probe().await {
            return Ok(answer);
        }
        if Instant::now() > deadline {
            bail!("waited {LONG:?} in vain for {awaited}");
        }
        sleep(Duration::from_millis(50)).await;
    }
}

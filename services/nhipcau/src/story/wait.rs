//! Waiting for what other processes do: by looking, never by the clock alone.
//!
//! In vain, it says who waited for what and what was there instead: that is what somebody needs who mends it.

use std::time::{Duration, Instant};

use crate::exit::{Code, Failure};

/// How long anything in the story may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen<T> {
    /// What was waited for.
    There(T),
    /// Something else, as the error would say it.
    Instead(String),
}

/// Looks until what is waited for is there.
///
/// # Errors
/// Says who waited for what and what was there instead; or what looking failed with.
pub(crate) async fn until<T>(
    who: &str,
    what: &str,
    patience: Duration,
    mut look: impl AsyncFnMut() -> Result<Seen<T>, Failure>,
) -> Result<T, Failure> {
    let deadline = Instant::now() + patience;
    loop {
        let instead = match Box::pin(look()).await? {
            Seen::There(found) => return Ok(found),
            Seen::Instead(instead) => instead,
        };
        if Instant::now() >= deadline {
            let seconds = patience.as_secs();
            let text = format!("{who} waited {seconds} s for {what}; there is {instead}");
            return Err(Failure::because(Code::Unavailable, text));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

//! When the process is to end: SIGINT or SIGTERM begin an orderly end, a second one ends it at once.

use std::{io, process};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Exit code after a second signal: the end was not orderly.
pub const IMPATIENT: i32 = 1;

/// A token that is cancelled by the first signal. For `main` only: the second signal exits the process. Needs a tokio
/// runtime.
///
/// # Errors
/// When the signals cannot be listened to.
pub fn on_signal() -> io::Result<CancellationToken> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let token = CancellationToken::new();
    let stop = token.clone();
    tokio::spawn(async move {
        for is_last in [false, true] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if is_last {
                tracing::warn!("A second signal ends the process at once.");
                process::exit(IMPATIENT);
            }
            tracing::info!("A signal begins the end of the process.");
            stop.cancel();
        }
    });
    Ok(token)
}

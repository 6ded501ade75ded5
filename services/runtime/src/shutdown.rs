//! When the process is to end: SIGINT or SIGTERM begin an orderly end, a second one ends it at once, unless others
//! would be left behind.

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
    listen(|| {
        tracing::warn!("A second signal ends the process at once.");
        process::exit(IMPATIENT)
    })
}

/// A token that is cancelled by the first signal; further ones change nothing. For a process that runs others, which
/// would stay behind, and whose end is bounded. Needs a tokio runtime.
///
/// # Errors
/// When the signals cannot be listened to.
pub fn on_first_signal() -> io::Result<CancellationToken> {
    listen(|| tracing::warn!("The end goes on; further signals change nothing."))
}

fn listen(exit: impl FnOnce() + Send + 'static) -> io::Result<CancellationToken> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let token = CancellationToken::new();
    let stop = token.clone();
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        };
        next().await;
        tracing::info!("A signal begins the end of the process.");
        stop.cancel();
        next().await;
        exit();
    });
    Ok(token)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn send(signal: &str) {
        let sent = Command::new("kill").args([signal, &process::id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    #[tokio::test]
    async fn the_first_signal_begins_the_end_and_the_second_is_the_end() {
        let exited = CancellationToken::new();
        let exit = exited.clone();
        let stop = listen(move || exit.cancel()).unwrap();
        send("-TERM");
        stop.cancelled().await;
        assert!(!exited.is_cancelled());
        send("-INT");
        exited.cancelled().await;
    }
}

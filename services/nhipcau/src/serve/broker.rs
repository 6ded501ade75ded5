//! What is said about the connection to the broker: a line whenever it changes, and a number for whoever watches.
//!
//! A connection that comes back within two seconds is not worth a line. Connecting again is the transport's; nothing
//! here decides anything.

use std::time::Duration;

use nhipcau_messaging::nats::State;
use prometheus_client::{metrics::gauge::Gauge, registry::Registry};
use tokio::{sync::watch, time::timeout};

/// How long the connection may be gone before anybody is told.
const PATIENCE: Duration = Duration::from_secs(2);

/// Follows the state until the transport ends.
pub(super) fn follow(mut state: watch::Receiver<State>, registry: &mut Registry) {
    let usable = Gauge::<i64>::default();
    registry.register("broker_usable", "Whether the broker is connected and has what it needs.", usable.clone());
    tokio::spawn(async move {
        loop {
            let now = *state.borrow_and_update();
            usable.set(i64::from(matches!(now, State::Connected { .. })));
            // A connection that is being made, or ended with the process, is not worth a line.
            let awaited = if now == State::Disconnected { PATIENCE } else { Duration::ZERO };
            let changed = match timeout(awaited, state.changed()).await {
                Ok(changed) => changed,
                Err(_) => {
                    say(now);
                    state.changed().await
                }
            };
            if changed.is_err() {
                return;
            }
        }
    });
}

fn say(state: State) {
    match state {
        State::Connected { server } => tracing::info!(%server, "The broker is connected."),
        State::Disconnected => {
            tracing::warn!("The broker is not connected; it is being tried for as long as it takes.")
        }
        State::StreamsMissing { server } => {
            tracing::error!(%server, "The broker lacks streams of this access point: run nhipcau provision apply.");
        }
        State::Unsupported { server } => {
            let server = server.map(tracing::field::display);
            tracing::error!(server, "The broker is too old and nothing is exchanged: install a newer nats-server.");
        }
    }
}

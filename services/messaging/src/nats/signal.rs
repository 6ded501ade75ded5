//! Hearing signals: what others say on core NATS, which keeps nothing and promises nothing.

use std::sync::Arc;

use futures_util::StreamExt;

use super::{BUNDLE_BYTES, Subject, subject, transport::Line};
use crate::engine::Input;

/// Hands signals on until the transport ends. When they come faster than they are read, the client drops some,
/// which is counted and harmless: whoever sent one repeats it.
pub(super) async fn run(line: Arc<Line>) {
    let pattern = subject::filter("s", line.me.as_str());
    let Ok(mut signals) = line.client.subscribe(pattern).await else { return };
    while let Some(message) = signals.next().await {
        let sender = match Subject::parse(&message.subject) {
            Ok(Subject::Signal { sender, .. }) if message.payload.len() <= BUNDLE_BYTES => sender,
            _ => {
                line.counters.foreign();
                continue;
            }
        };
        line.counters.signals();
        if line.inputs.send(Input::Signal { sender, bytes: message.payload.to_vec() }).await.is_err() {
            return;
        }
    }
}

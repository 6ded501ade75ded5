//! Pulling from one queue: exactly as much as there is room for, one request after the other.
//!
//! Speaks the pull protocol itself rather than through the client's consumer streams: those need to be told about
//! the consumer first, hold what they prefetch outside any bound, and take a status that a sender forged in the
//! headers of a message for the broker's own.

use std::{sync::Arc, time::Duration};

use async_nats::{Message, StatusCode, Subscriber};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::{
    BUNDLE_BYTES, Queue, Subject,
    budget::{Budget, Share},
    transport::Line,
};
use crate::engine::Input;

/// Most messages of one request; fewer than a subscription holds.
const BATCH: usize = 64;

/// Most bytes of one request; the largest message with its subject and headers fits several times.
const REQUEST_BYTES: usize = 4 * BUNDLE_BYTES;

/// Most bytes of one queue that are in memory and not acknowledged.
const QUEUE_BYTES: usize = 4 * REQUEST_BYTES;

/// How long a request waits at the broker, and how often the broker says that it still does.
const EXPIRY: Duration = Duration::from_secs(30);
const HEARTBEAT: Duration = Duration::from_secs(5);

/// After this silence a request counts as lost.
const SILENCE: Duration = Duration::from_secs(12);

/// Pause before the broker is asked again for a consumer that it lacks, or after a refusal.
const PAUSE: Duration = Duration::from_secs(1);

/// How a request ended.
enum End {
    /// It was served, has expired or found nothing: ask again.
    Served,
    /// The broker has no such consumer.
    Missing,
    /// The broker refused it, or nothing was heard.
    Refused,
    /// The connection is another one or none.
    Disconnected,
    /// The transport ends.
    Closed,
}

/// Pulls until the transport ends.
pub(super) async fn run(line: Arc<Line>, queue: Queue) {
    // One inbox for all requests of the queue; its last token tells their statuses apart.
    let base = line.client.new_inbox();
    let Ok(mut inbox) = line.client.subscribe(format!("{base}.*")).await else { return };
    let mut pull = Pull { line, queue, base, budget: Budget::new(QUEUE_BYTES), requests: 0 };
    let mut known = None;
    loop {
        let generation = pull.line.board.usable().await;
        // The first request does not wait, so that a missing consumer is noticed at once.
        let end = pull.request(&mut inbox, generation, known != Some(generation)).await;
        match end {
            End::Served => known = Some(generation),
            End::Missing | End::Refused | End::Disconnected => known = None,
            End::Closed => return,
        }
        match end {
            End::Served => pull.line.board.missing(queue, false),
            End::Missing => pull.line.board.missing(queue, true),
            _ => {}
        }
        if known.is_none() {
            // Over early when the connection is another one.
            drop(timeout(PAUSE, pull.line.board.ended(generation)).await);
        }
    }
}

struct Pull {
    line: Arc<Line>,
    queue: Queue,
    base: String,
    budget: Budget,
    requests: u64,
}

impl Pull {
    async fn request(&mut self, inbox: &mut Subscriber, generation: u64, probe: bool) -> End {
        let share = self.budget.reserve(REQUEST_BYTES).await;
        self.requests += 1;
        let reply = format!("{}.{}", self.base, self.requests);
        let me = &self.line.me;
        let (stream, consumer) = (self.queue.stream(me), self.queue.consumer(me));
        let subject = format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}");
        let waiting = if probe {
            r#""no_wait":true"#.to_owned()
        } else {
            format!(r#""expires":{},"idle_heartbeat":{}"#, EXPIRY.as_nanos(), HEARTBEAT.as_nanos())
        };
        let body = format!(r#"{{"batch":{BATCH},"max_bytes":{REQUEST_BYTES},{waiting}}}"#);
        if !self.line.send(subject, Some(reply.clone()), body.into_bytes()).await {
            return End::Disconnected;
        }
        self.collect(inbox, generation, &reply, share).await
    }

    async fn collect(&self, inbox: &mut Subscriber, generation: u64, reply: &str, mut share: Share) -> End {
        let mut delivered = 0;
        while delivered < BATCH {
            let heard = tokio::select! {
                heard = timeout(SILENCE, inbox.next()) => heard,
                () = self.line.board.ended(generation) => return End::Disconnected,
            };
            let message = match heard {
                Ok(Some(message)) => message,
                Ok(None) => return End::Closed,
                Err(_) => return End::Refused,
            };
            // Only what comes on the inbox itself is a status: what a sender wrote keeps its own subject.
            if !message.subject.starts_with(&self.base) {
                delivered += 1;
                if !self.deliver(message, &mut share).await {
                    return End::Closed;
                }
            } else if message.subject.as_str() == reply {
                match end(&message, delivered) {
                    Some(end) => return end,
                    None => self.line.board.missing(self.queue, false),
                }
            }
        }
        End::Served
    }

    /// Hands a message on; false when nobody takes it any more.
    async fn deliver(&self, message: Message, share: &mut Share) -> bool {
        let counters = &self.line.counters;
        // What cannot be acknowledged was not delivered by a consumer.
        let Some(reply) = message.reply else {
            counters.foreign();
            return true;
        };
        let subject = Subject::parse(&message.subject).ok().filter(|s| self.queue.holds(s, &self.line.me));
        let own = subject.as_ref().is_some_and(|subject| *subject.sender() == self.line.me);
        let Some(subject) = subject.filter(|_| !own) else {
            // An own broadcast comes back with everybody's; anything else has no place here.
            if !(own && self.queue == Queue::Broadcast) {
                counters.foreign();
            }
            self.line.acknowledge(reply).await;
            return true;
        };
        let share = match share.split(message.length) {
            Some(share) => share,
            None => self.budget.reserve(message.length.min(QUEUE_BYTES)).await,
        };
        counters.delivered();
        let input = Input::Delivery {
            kind: self.queue.kind(),
            sender: subject.sender().clone(),
            bytes: message.payload.to_vec(),
            token: self.line.unacknowledged.note(reply, share),
        };
        self.line.inputs.send(input).await.is_ok()
    }
}

/// What a status says of the request, or nothing while it goes on.
fn end(status: &Message, delivered: usize) -> Option<End> {
    match status.status {
        Some(StatusCode::IDLE_HEARTBEAT) => None,
        Some(StatusCode::NOT_FOUND | StatusCode::TIMEOUT) => Some(End::Served),
        Some(StatusCode::NO_RESPONDERS) => Some(End::Missing),
        Some(StatusCode::REQUEST_TERMINATED) if is_gone(status) => Some(End::Missing),
        // The rest of the request was too small for the next message.
        Some(StatusCode::REQUEST_TERMINATED) if delivered > 0 => Some(End::Served),
        _ => Some(End::Refused),
    }
}

fn is_gone(status: &Message) -> bool {
    matches!(status.description.as_deref(), Some("Consumer Deleted" | "Consumer is push based"))
}

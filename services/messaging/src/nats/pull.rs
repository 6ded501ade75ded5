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

/// How many messages are asked for one by one on a new connection. A sender can have the broker keep a message that
/// the client cannot parse and breaks the connection over; it must not take those that follow it along.
const ONE_BY_ONE: usize = 2 * BATCH;

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
    let mut pull = Pull { line, queue, budget: Budget::new(QUEUE_BYTES), requests: 0, careful: ONE_BY_ONE };
    loop {
        let generation = pull.line.board.usable().await;
        if matches!(pull.follow(generation).await, End::Closed) {
            return;
        }
    }
}

/// A request at the broker.
struct Request<'r> {
    /// Connection that it was made on.
    generation: u64,
    /// Inbox of that connection.
    base: &'r str,
    /// Where its statuses come.
    reply: String,
    /// Most messages that it brings.
    batch: usize,
}

struct Pull {
    line: Arc<Line>,
    queue: Queue,
    budget: Budget,
    requests: u64,
    /// How many messages are still asked for one by one.
    careful: usize,
}

impl Pull {
    /// Asks on one connection, until it ends or the transport does.
    async fn follow(&mut self, generation: u64) -> End {
        // An inbox of this connection: what was asked for on an earlier one finds nobody, instead of coming in bulk.
        // Its last token tells the statuses of the requests apart.
        let base = self.line.client.new_inbox();
        let Ok(mut inbox) = self.line.client.subscribe(format!("{base}.*")).await else { return End::Closed };
        let mut is_found = false;
        loop {
            // The first request does not wait, so that a missing consumer is noticed at once.
            match self.request(&mut inbox, &base, generation, !is_found).await {
                End::Served => {
                    self.line.board.missing(self.queue, false);
                    is_found = true;
                    continue;
                }
                End::Missing => self.line.board.missing(self.queue, true),
                End::Refused => {}
                End::Disconnected => {
                    self.careful = ONE_BY_ONE;
                    return End::Disconnected;
                }
                End::Closed => return End::Closed,
            }
            is_found = false;
            // Over early when the connection is another one.
            drop(timeout(PAUSE, self.line.board.ended(generation)).await);
        }
    }

    async fn request(&mut self, inbox: &mut Subscriber, base: &str, generation: u64, probe: bool) -> End {
        let share = self.budget.reserve(REQUEST_BYTES).await;
        self.requests += 1;
        let reply = format!("{base}.{}", self.requests);
        let me = &self.line.me;
        let (stream, consumer) = (self.queue.stream(me), self.queue.consumer(me));
        let subject = format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}");
        let waiting = if probe {
            r#""no_wait":true"#.to_owned()
        } else {
            format!(r#""expires":{},"idle_heartbeat":{}"#, EXPIRY.as_nanos(), HEARTBEAT.as_nanos())
        };
        let batch = if self.careful > 0 { 1 } else { BATCH };
        let body = format!(r#"{{"batch":{batch},"max_bytes":{REQUEST_BYTES},{waiting}}}"#);
        if !self.line.send(subject, Some(reply.clone()), body.into_bytes()).await {
            return End::Refused;
        }
        self.collect(inbox, &Request { generation, base, reply, batch }, share).await
    }

    async fn collect(&mut self, inbox: &mut Subscriber, request: &Request<'_>, mut share: Share) -> End {
        let mut delivered = 0;
        while delivered < request.batch {
            let heard = tokio::select! {
                heard = timeout(SILENCE, inbox.next()) => heard,
                () = self.line.board.ended(request.generation) => return End::Disconnected,
            };
            let message = match heard {
                Ok(Some(message)) => message,
                Ok(None) => return End::Closed,
                Err(_) => return End::Refused,
            };
            // Only what comes on the inbox itself is a status: what a sender wrote keeps its own subject.
            if !message.subject.starts_with(request.base) {
                delivered += 1;
                self.careful = self.careful.saturating_sub(1);
                if !self.deliver(message, &mut share).await {
                    return End::Closed;
                }
            } else if message.subject.as_str() == request.reply {
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

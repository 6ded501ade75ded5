//! Publishes that await the broker's answer. One inbox takes all answers: a future per publish would leave its
//! place in the client behind whenever no answer comes.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_nats::{
    Message, StatusCode,
    jetstream::{ErrorCode, publish::PublishAck, response::Response},
};
use futures_util::StreamExt;
use tokio::time::Instant;

use super::{
    budget::{Budget, Share},
    connection::SUBSCRIPTION_CAPACITY,
    transport::Line,
};
use crate::engine::{Input, PublishResult};

/// How long the broker has for its answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Most bytes on their way to the broker.
const BYTES_IN_FLIGHT: usize = 32 * 1024 * 1024;

/// What a publish counts for at least, so that all answers together fit into one subscription.
const LEAST: usize = BYTES_IN_FLIGHT / SUBSCRIPTION_CAPACITY;

/// Publishes without an answer yet.
#[derive(Debug)]
pub(super) struct InFlight {
    base: String,
    budget: Budget,
    publishes: Mutex<Publishes>,
}

#[derive(Debug, Default)]
struct Publishes {
    last: u64,
    // Ascending numbers are ascending deadlines.
    waiting: BTreeMap<u64, Publish>,
}

#[derive(Debug)]
struct Publish {
    token: u64,
    deadline: Instant,
    _share: Share,
}

impl InFlight {
    pub(super) fn new(base: String) -> Self {
        Self { base, budget: Budget::new(BYTES_IN_FLIGHT), publishes: Mutex::default() }
    }

    /// Waits for room, at most until earlier publishes are overdue; then notes a publish and says where its answer
    /// goes.
    pub(super) async fn note(&self, token: u64, bytes: usize) -> String {
        let share = self.budget.reserve(bytes.clamp(LEAST, BYTES_IN_FLIGHT)).await;
        let mut publishes = self.lock();
        publishes.last += 1;
        let number = publishes.last;
        let deadline = Instant::now() + ANSWER_WITHIN;
        publishes.waiting.insert(number, Publish { token, deadline, _share: share });
        format!("{}.{number}", self.base)
    }

    /// Waits until no publish is without an answer.
    pub(super) async fn settled(&self) {
        drop(self.budget.reserve(BYTES_IN_FLIGHT).await);
    }

    /// The token of an answered publish, once.
    pub(super) fn take(&self, subject: &str) -> Option<u64> {
        let number = subject.strip_prefix(&self.base)?.strip_prefix('.')?.parse().ok()?;
        self.lock().waiting.remove(&number).map(|publish| publish.token)
    }

    /// The tokens of those whose time is over.
    pub(super) fn overdue(&self) -> Vec<u64> {
        let now = Instant::now();
        self.take_while(|publish| publish.deadline <= now)
    }

    /// The tokens of all: the connection on which the answers would have come is gone.
    pub(super) fn abandon(&self) -> Vec<u64> {
        self.take_while(|_| true)
    }

    fn take_while(&self, is_over: impl Fn(&Publish) -> bool) -> Vec<u64> {
        let mut publishes = self.lock();
        let mut tokens = Vec::new();
        while let Some(first) = publishes.waiting.first_entry().filter(|entry| is_over(entry.get())) {
            tokens.push(first.remove().token);
        }
        tokens
    }

    fn lock(&self) -> MutexGuard<'_, Publishes> {
        self.publishes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the broker's answers until the transport ends.
pub(super) async fn run(line: Arc<Line>) {
    let Ok(mut inbox) = line.client.subscribe(format!("{}.*", line.in_flight.base)).await else { return };
    while let Some(answer) = inbox.next().await {
        let Some(token) = line.in_flight.take(&answer.subject) else { continue };
        let result = read(&answer);
        match result {
            PublishResult::Stored => line.counters.stored(),
            PublishResult::Full => line.counters.full(),
            PublishResult::Unknown => line.counters.unanswered(),
        }
        // Goes on when nobody listens any more, as giving up does: the end waits until no publish is in flight.
        drop(line.inputs.send(Input::Published { token, result }).await);
    }
}

/// Reports publishes that nobody will answer any more.
pub(super) async fn give_up(line: &Line, tokens: Vec<u64>) {
    for token in tokens {
        line.counters.unanswered();
        drop(line.inputs.send(Input::Published { token, result: PublishResult::Unknown }).await);
    }
}

fn read(answer: &Message) -> PublishResult {
    if answer.status == Some(StatusCode::NO_RESPONDERS) {
        return PublishResult::Unknown;
    }
    match serde_json::from_slice::<Response<PublishAck>>(&answer.payload) {
        Ok(Response::Ok(_)) => PublishResult::Stored,
        // The same code stands for a failing disk, which a full share must not be mistaken for.
        Ok(Response::Err { error })
            if error.error_code() == ErrorCode::STREAM_STORE_FAILED && error.to_string().contains("per subject") =>
        {
            PublishResult::Full
        }
        _ => PublishResult::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn answer(payload: &'static str) -> Message {
        Message {
            subject: "_INBOX_moha.x.1".into(),
            reply: None,
            payload: payload.into(),
            headers: None,
            status: None,
            description: None,
            length: payload.len(),
        }
    }

    #[test]
    fn only_a_full_share_counts_as_full() {
        let full = r#"{"error":{"code":503,"err_code":10077,"description":"maximum messages per subject exceeded"}}"#;
        let disk = r#"{"error":{"code":503,"err_code":10077,"description":"no space left on device"}}"#;
        assert_eq!(read(&answer(full)), PublishResult::Full);
        assert_eq!(read(&answer(disk)), PublishResult::Unknown);
        assert_eq!(read(&answer(r#"{"stream":"NC_MOH","seq":7}"#)), PublishResult::Stored);
        assert_eq!(read(&answer("garbage")), PublishResult::Unknown);
    }

    #[tokio::test(start_paused = true)]
    async fn each_publish_is_answered_once_or_overdue_once() {
        let publishes = InFlight::new("_INBOX_moha.x".to_owned());
        let answered = publishes.note(70, 1).await;
        publishes.note(71, 1).await;
        assert_eq!(publishes.take(&answered), Some(70));
        assert_eq!(publishes.take(&answered), None);
        assert_eq!(publishes.take("_INBOX_moha.x.nonsense"), None);
        assert!(publishes.overdue().is_empty());
        tokio::time::advance(ANSWER_WITHIN).await;
        assert_eq!(publishes.overdue(), [71]);
        assert!(publishes.overdue().is_empty());
    }

    #[tokio::test]
    async fn all_is_settled_once_every_publish_is_answered() {
        let publishes = InFlight::new("_INBOX_moha.x".to_owned());
        assert!(publishes.settled().now_or_never().is_some());
        let first = publishes.note(1, 1).await;
        let second = publishes.note(2, 100_000).await;
        publishes.take(&first).unwrap();
        assert!(publishes.settled().now_or_never().is_none());
        publishes.take(&second).unwrap();
        assert!(publishes.settled().now_or_never().is_some());
    }

    #[tokio::test]
    async fn publishes_in_flight_are_bounded_in_number_and_in_bytes() {
        let publishes = InFlight::new("_INBOX_moha.x".to_owned());
        let small = async {
            for token in 0.. {
                publishes.note(token, 1).await;
            }
        };
        assert!(small.now_or_never().is_none());
        assert_eq!(publishes.abandon().len(), SUBSCRIPTION_CAPACITY);
        publishes.note(1, BYTES_IN_FLIGHT).await;
        assert!(publishes.note(2, 1).now_or_never().is_none());
        assert_eq!(publishes.abandon(), [1]);
    }
}

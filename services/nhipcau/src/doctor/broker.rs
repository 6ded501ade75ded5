//! The broker, with the access point's own login: whether it answers, is new enough, lets the login in, has the own
//! streams and consumers, and what time it has.

use std::{error::Error as _, time::Duration};

use async_nats::{Client, ConnectErrorKind};
use jiff::Timestamp;
use nhipcau_domain::id::AccessPointId;
use nhipcau_messaging::nats::{Error, MINIMUM_SERVER, Queue};
use nhipcau_runtime::{clock::Clock, config::Config};
use serde_json::Value;
use tokio::time::timeout;

use crate::{check::Finding, terminal::counted};

/// How long the broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Clocks that differ by more than the first make times hard to compare, by more than the second make keys and
/// agreements begin and end at the wrong time.
const CLOCK_WARNING_SECONDS: i64 = 5;
const CLOCK_PROBLEM_SECONDS: i64 = 300;

/// Looks at the broker.
pub(super) async fn look(config: &Config, clock: &Clock) -> Vec<Finding> {
    let client = match timeout(PATIENCE * 2, config.broker.connect()).await {
        Ok(Ok(client)) => client,
        Ok(Err(error)) => return vec![Finding::problem("broker", said(&error), advice(&error))],
        Err(_) => {
            let advice = "look whether the broker runs and the network lets this machine reach it";
            return vec![Finding::problem("broker", "the broker did not answer in time", advice)];
        }
    };
    let version = client.server_info().version;
    let mut found = vec![Finding::good(
        "broker",
        format!("nats-server {version} answers (at least {MINIMUM_SERVER}) and lets us in"),
    )];
    let mut time = None;
    for queue in Queue::ALL {
        let (finding, offset) = consumer(&client, queue, &config.access_point, clock).await;
        found.push(finding);
        time = time.or(offset);
    }
    found.extend(time.map(at_the_broker));
    found
}

/// The error with its cause. The client's own errors repeat their causes, so no deeper.
fn said(error: &Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

fn advice(error: &Error) -> &'static str {
    match error {
        Error::Credential(_) => "put the login back, readable by the service's user alone",
        Error::TooOld { .. } => "install a newer nats-server: this one has published faults",
        Error::Connect(error) => match error.kind() {
            ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
                "have the operator compare the public half of the login with users.conf"
            }
            ConnectErrorKind::Tls => {
                "look at broker.root_certificates and at the client certificate: who signed, until when"
            }
            _ => "look at broker.servers, and whether the broker runs and can be reached from here",
        },
    }
}

/// Asks for one of the own consumers, which is also the way to learn the broker's time.
async fn consumer(client: &Client, queue: Queue, me: &AccessPointId, clock: &Clock) -> (Finding, Option<i64>) {
    let name = format!("{}/{}", queue.stream(me), queue.consumer(me));
    let subject = format!("$JS.API.CONSUMER.INFO.{}.{}", queue.stream(me), queue.consumer(me));
    let begun = clock.now();
    let Ok(Ok(answer)) = timeout(PATIENCE, client.request(subject, "".into())).await else {
        let advice = "have the operator compare users.conf with the directory: it must let us ask for our consumers";
        return (Finding::problem("broker", format!("no answer about the consumer {name}"), advice), None);
    };
    let answer: Value = serde_json::from_slice(&answer.payload).unwrap_or_default();
    let offset = answer.get("ts").and_then(Value::as_str).and_then(|text| offset(text, begun, clock.now()));
    (judged(&name, &answer), offset)
}

fn judged(name: &str, answer: &Value) -> Finding {
    if answer.get("error").is_some() || answer.get("config").is_none() {
        let advice = "have the operator run nhipcau provision apply; access points send again what has no receipt";
        return Finding::problem("broker", format!("the consumer {name} is missing"), advice);
    }
    let count = |key: &str| answer.get(key).and_then(Value::as_u64).unwrap_or_default();
    let waiting = count("num_pending") + count("num_ack_pending");
    Finding::good("broker", format!("the consumer {name} is there, with {} waiting in it", counted(waiting, "message")))
}

/// How many seconds the broker is ahead, by its time of an answer between two of ours.
fn offset(broker: &str, begun: Timestamp, ended: Timestamp) -> Option<i64> {
    let broker: Timestamp = broker.parse().ok()?;
    let half = ended.duration_since(begun) / 2;
    Some(broker.duration_since(begun.checked_add(half).ok()?).as_secs())
}

fn at_the_broker(offset: i64) -> Finding {
    let what = format!("the broker's clock is {offset} s ahead of ours");
    let advice = "set both clocks by a time service (chrony, systemd-timesyncd); find out first which of them is wrong";
    let seconds = offset.abs();
    if seconds <= CLOCK_WARNING_SECONDS {
        Finding::good("clock", "the broker has the same time as we")
    } else if seconds <= CLOCK_PROBLEM_SECONDS {
        Finding::warning("clock", what, advice)
    } else {
        Finding::problem("clock", what, advice)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::check::Severity;

    #[test]
    fn a_clock_is_compared_with_the_middle_of_the_question() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let [begun, ended] = ["2026-11-23T08:00:00Z", "2026-11-23T08:00:04Z"].map(at);
        assert_eq!(offset("2026-11-23T08:00:02.5Z", begun, ended), Some(0));
        assert_eq!(offset("2026-11-23T07:58:02Z", begun, ended), Some(-120));
        assert_eq!(offset("yesterday", begun, ended), None);
        let severities = [0, -120, 3600].map(|seconds| at_the_broker(seconds).severity);
        assert_eq!(severities, [Severity::Good, Severity::Warning, Severity::Problem]);
    }

    #[test]
    fn a_missing_consumer_is_a_problem_and_a_full_one_is_not() {
        let missing = json!({"error": {"code": 404}});
        assert_eq!(judged("NC_MOH/m", &missing).severity, Severity::Problem);
        let there = judged("NC_MOH/m", &json!({"config": {}, "num_pending": 2, "num_ack_pending": 1}));
        assert_eq!(there.severity, Severity::Good);
        assert!(there.what.contains("3 messages"));
    }
}

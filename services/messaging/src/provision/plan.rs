//! The streams and consumers that a set of access points needs.

use std::{collections::BTreeSet, time::Duration};

use async_nats::jetstream::{
    consumer::{AckPolicy, DeliverPolicy, ReplayPolicy, pull},
    stream::{Config, DiscardPolicy, RetentionPolicy, StorageType},
};
use nhipcau_domain::{directory::Release, id::AccessPointId};

use super::OPERATOR;
use crate::nats::{ACKNOWLEDGE_WITHIN, BROADCAST_STREAM, BUNDLE_BYTES, Queue, stream_name};

/// The broker's part in erasure: no copy is older, and the keys it is sealed to die at most this much later.
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// One sender's deliveries that wait for an acknowledgement must not hold back another's.
const UNACKNOWLEDGED: i64 = 16_384;

/// Requests that may wait at one consumer: those of a process, and of one before it that has just died.
const REQUESTS: i64 = 8;

/// What the operator decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Copies of each stream: 1 on one host, 3 on three.
    pub replicas: usize,
    /// A sender's share of a recipient's queue, in messages of at most [`BUNDLE_BYTES`]. The disk a stream can fill
    /// is this times the senders times three queues.
    pub share: i64,
    /// Broadcast messages kept per sender; older ones go, and a subscriber asks the sender for them.
    pub broadcasts: i64,
}

impl Default for Layout {
    fn default() -> Self {
        Self { replicas: 1, share: 256, broadcasts: 1024 }
    }
}

/// The access point has a name that the broker's set-up needs for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an access point must not be named \"{OPERATOR}\"")]
pub struct ReservedName;

/// A stream with its consumers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedStream {
    /// Its configuration.
    pub config: Config,
    /// Its consumers, each durable.
    pub consumers: Vec<pull::Config>,
}

/// Everything that the broker should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Streams: one per access point, and that of the broadcasts.
    pub streams: Vec<PlannedStream>,
}

impl Plan {
    /// Plans for the access points of a release.
    ///
    /// # Errors
    /// [`ReservedName`].
    pub fn of(release: &Release, layout: Layout) -> Result<Self, ReservedName> {
        Self::new(release.access_points().map(|access_point| access_point.id.clone()), layout)
    }

    /// Plans for access points, in ascending order.
    ///
    /// # Errors
    /// [`ReservedName`].
    pub fn new(access_points: impl IntoIterator<Item = AccessPointId>, layout: Layout) -> Result<Self, ReservedName> {
        let access_points: BTreeSet<AccessPointId> = access_points.into_iter().collect();
        if access_points.iter().any(|id| id.as_str() == OPERATOR) {
            return Err(ReservedName);
        }
        let mut streams: Vec<PlannedStream> = access_points.iter().map(|id| own(id, layout)).collect();
        streams.push(broadcasts(&access_points, layout));
        Ok(Self { streams })
    }
}

/// What is sent to one access point waits here until it is acknowledged; then its place is free again. Retention by
/// limits would count acknowledged messages against the sender's share.
fn own(id: &AccessPointId, layout: Layout) -> PlannedStream {
    let queues = [Queue::Messages, Queue::Bulk, Queue::Receipts];
    let config = Config {
        name: stream_name(id),
        subjects: queues.iter().map(|queue| queue.filter(id)).collect(),
        retention: RetentionPolicy::WorkQueue,
        discard: DiscardPolicy::New,
        discard_new_per_subject: true,
        max_messages_per_subject: layout.share,
        ..stream(layout)
    };
    let consumers = queues.iter().map(|queue| consumer(*queue, id)).collect();
    PlannedStream { config, consumers }
}

/// All broadcasts, for all subscribers.
fn broadcasts(access_points: &BTreeSet<AccessPointId>, layout: Layout) -> PlannedStream {
    let subjects = access_points.first().map(|id| Queue::Broadcast.filter(id));
    let config = Config {
        name: BROADCAST_STREAM.to_owned(),
        // The filter is the same whoever pulls; a stream without access points has it all the same.
        subjects: vec![subjects.unwrap_or_else(|| "nc.v1.b.all.*".to_owned())],
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::Old,
        max_messages_per_subject: layout.broadcasts,
        ..stream(layout)
    };
    let consumers = access_points.iter().map(|id| consumer(Queue::Broadcast, id)).collect();
    PlannedStream { config, consumers }
}

fn stream(layout: Layout) -> Config {
    Config {
        storage: StorageType::File,
        num_replicas: layout.replicas,
        max_age: KEPT,
        max_message_size: i32::try_from(BUNDLE_BYTES).unwrap_or(i32::MAX),
        max_bytes: -1,
        max_messages: -1,
        max_consumers: -1,
        ..Config::default()
    }
}

/// Delivers again and again until acknowledged: a limit on deliveries would lose a message silently.
fn consumer(queue: Queue, id: &AccessPointId) -> pull::Config {
    pull::Config {
        durable_name: Some(queue.consumer(id).to_owned()),
        filter_subject: queue.filter(id),
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::Explicit,
        replay_policy: ReplayPolicy::Instant,
        ack_wait: ACKNOWLEDGE_WITHIN,
        max_deliver: -1,
        max_ack_pending: UNACKNOWLEDGED,
        max_waiting: REQUESTS,
        ..pull::Config::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> AccessPointId {
        AccessPointId::new(text).unwrap()
    }

    #[test]
    fn the_plan_does_not_depend_on_order_or_repetition() {
        let one = Plan::new([id("moh"), id("vwu"), id("moh")], Layout::default()).unwrap();
        let other = Plan::new([id("vwu"), id("moh")], Layout::default()).unwrap();
        assert_eq!(one, other);
    }

    #[test]
    fn each_access_point_has_its_stream_and_a_place_at_the_broadcasts() {
        let plan = Plan::new([id("moh"), id("vwu")], Layout { replicas: 3, ..Layout::default() }).unwrap();
        let names: Vec<&str> = plan.streams.iter().map(|stream| stream.config.name.as_str()).collect();
        assert_eq!(names, ["NC_MOH", "NC_VWU", "NC_ALL"]);
        let consumers = |stream: &PlannedStream| -> Vec<String> {
            stream.consumers.iter().filter_map(|consumer| consumer.durable_name.clone()).collect()
        };
        assert_eq!(consumers(&plan.streams[0]), ["m", "b", "r"]);
        assert_eq!(consumers(&plan.streams[2]), ["moh", "vwu"]);
        assert!(plan.streams.iter().all(|stream| stream.config.num_replicas == 3));
    }

    #[test]
    fn nothing_is_given_up_after_some_deliveries() {
        let plan = Plan::new([id("moh")], Layout::default()).unwrap();
        assert!(plan.streams.iter().flat_map(|stream| &stream.consumers).all(|one| one.max_deliver == -1));
    }

    #[test]
    fn the_operators_name_is_refused() {
        assert_eq!(Plan::new([id("operator")], Layout::default()), Err(ReservedName));
    }
}

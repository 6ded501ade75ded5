//! The four queues that an access point pulls from, and the names of the streams and consumers behind them.
//!
//! Every recipient has one stream with three consumers whose filters are disjoint, so that bulk never delays a
//! case; all broadcasts are one stream with one consumer per subscriber.

use std::fmt;

use nhipcau_domain::id::AccessPointId;

use super::{Subject, subject};
use crate::{engine::Kind, message::Lane};

/// The stream of all broadcasts.
pub const BROADCAST_STREAM: &str = "NC_ALL";

/// The stream in which what is sent to the access point waits. Upper case keeps it apart from consumer names in an
/// operator's listing; ids have no upper case and no `_`, so that two access points never share a stream.
#[must_use]
pub fn stream_name(recipient: &AccessPointId) -> String {
    format!("NC_{}", recipient.as_str().to_ascii_uppercase().replace('-', "_"))
}

/// Something that an access point pulls from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Queue {
    /// The messages lane.
    Messages,
    /// The bulk lane.
    Bulk,
    /// Receipts.
    Receipts,
    /// Broadcasts.
    Broadcast,
}

impl Queue {
    /// All of them, the most urgent first.
    pub const ALL: [Self; 4] = [Self::Receipts, Self::Messages, Self::Bulk, Self::Broadcast];

    /// The stream that holds it.
    #[must_use]
    pub fn stream(self, me: &AccessPointId) -> String {
        match self {
            Self::Messages | Self::Bulk | Self::Receipts => stream_name(me),
            Self::Broadcast => BROADCAST_STREAM.to_owned(),
        }
    }

    /// The durable consumer on that stream.
    #[must_use]
    pub fn consumer(self, me: &AccessPointId) -> &str {
        match self {
            Self::Messages | Self::Bulk | Self::Receipts => self.letter(),
            Self::Broadcast => me.as_str(),
        }
    }

    /// The subjects that the consumer filters.
    #[must_use]
    pub fn filter(self, me: &AccessPointId) -> String {
        let recipient = if self == Self::Broadcast { "all" } else { me.as_str() };
        subject::filter(self.letter(), recipient)
    }

    /// Its letter in subjects.
    fn letter(self) -> &'static str {
        match self {
            Self::Messages => "m",
            Self::Bulk | Self::Broadcast => "b",
            Self::Receipts => "r",
        }
    }

    /// What the engine calls it.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::Messages => Kind::Lane(Lane::Messages),
            Self::Bulk => Kind::Lane(Lane::Bulk),
            Self::Receipts => Kind::Receipts,
            Self::Broadcast => Kind::Broadcast,
        }
    }

    /// Whether a subject belongs into this queue of the access point.
    pub(super) fn holds(self, subject: &Subject, me: &AccessPointId) -> bool {
        subject.kind() == Some(self.kind()) && subject.recipient().is_none_or(|recipient| recipient == me)
    }
}

impl fmt::Display for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Messages => "messages",
            Self::Bulk => "bulk",
            Self::Receipts => "receipts",
            Self::Broadcast => "broadcast",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn filters_of_one_stream_are_disjoint() {
        let me = AccessPointId::new("ha-noi").unwrap();
        let filters: BTreeSet<String> = Queue::ALL.iter().map(|queue| queue.filter(&me)).collect();
        assert_eq!(filters.len(), Queue::ALL.len());
        assert_eq!(Queue::Bulk.filter(&me), "nc.v1.b.ha-noi.*");
        assert_eq!(Queue::Broadcast.filter(&me), "nc.v1.b.all.*");
    }

    #[test]
    fn a_queue_holds_only_what_is_meant_for_the_access_point() {
        let me = AccessPointId::new("moh").unwrap();
        let mine = Subject::parse("nc.v1.m.moh.moha").unwrap();
        let another = Subject::parse("nc.v1.m.vwu.moha").unwrap();
        assert!(Queue::Messages.holds(&mine, &me));
        assert!(!Queue::Messages.holds(&another, &me));
        assert!(!Queue::Bulk.holds(&mine, &me));
        assert!(Queue::Broadcast.holds(&Subject::parse("nc.v1.b.all.moha").unwrap(), &me));
    }

    #[test]
    fn a_stream_is_named_as_the_shipped_permissions_name_it() {
        assert_eq!(stream_name(&AccessPointId::new("ha-noi").unwrap()), "NC_HA_NOI");
    }
}

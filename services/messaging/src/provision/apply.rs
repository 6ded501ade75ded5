//! Bringing a broker to the plan: look at everything first, refuse if anything is of another kind, then act.

use std::fmt;

use async_nats::{
    Client,
    jetstream::{
        self, Context, ErrorCode,
        consumer::{self, FromConsumer, IntoConsumerConfig, pull},
        context::{CreateStreamError, GetStreamErrorKind, UpdateStreamError},
        stream::{self, ConsumerErrorKind, ConsumerInfoErrorKind},
    },
};

use super::plan::{Plan, PlannedStream};

/// What was done about one stream or consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It was as planned.
    Kept,
    /// It was missing.
    Created,
    /// Limits were brought to the plan.
    Updated,
}

/// One stream or consumer and what was done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Name of the stream.
    pub stream: String,
    /// Name of the consumer, or none for the stream itself.
    pub consumer: Option<String>,
    /// What was done.
    pub action: Action,
}

/// Something at the broker is not what the plan means by its name, and changing it could lose or leak messages. The
/// operator decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Name of the stream.
    pub stream: String,
    /// Name of the consumer, or none for the stream itself.
    pub consumer: Option<String>,
    /// The setting that differs, as nats-server names it.
    pub setting: &'static str,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream, consumer, setting } = self;
        match consumer {
            Some(consumer) => write!(f, "{stream}/{consumer}: {setting}"),
            None => write!(f, "{stream}: {setting}"),
        }
    }
}

/// Why the broker is not as planned. What was created before an error stays; running again goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing was changed.
    #[error("the broker holds streams or consumers of another kind under the planned names: {}", list(.0))]
    Differs(Vec<Difference>),
    /// A stream or consumer could not be read.
    #[error("the broker did not show {name}")]
    Read {
        /// Which.
        name: String,
        /// What the broker or the connection said.
        source: jetstream::context::RequestError,
    },
    /// The broker refused to show a stream or consumer.
    #[error("the broker refused to show {name}")]
    Show {
        /// Which.
        name: String,
        /// What it said.
        source: jetstream::Error,
    },
    /// A stream could not be made.
    #[error("the broker did not make the stream {name}")]
    CreateStream {
        /// Which.
        name: String,
        /// What the broker or the connection said.
        source: CreateStreamError,
    },
    /// A stream could not be brought to the plan.
    #[error("the broker did not change the stream {name}")]
    UpdateStream {
        /// Which.
        name: String,
        /// What the broker or the connection said.
        source: UpdateStreamError,
    },
    /// A consumer could not be made or brought to the plan.
    #[error("the broker did not make or change the consumer {name}")]
    Consumer {
        /// Which.
        name: String,
        /// What the broker or the connection said.
        source: stream::ConsumerError,
    },
}

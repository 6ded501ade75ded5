//! Statistics of an access point: takes figures from calling systems, publishes them to everybody, holds what others
//! publish, and answers and tells readers.
//!
//! Owns the tables `indicator_*`. Promises: a submission takes effect whole or not at all, is published in the
//! transaction that stores it, and is kept for ever; access points that hold the same submissions give the same
//! answers, whatever order they arrived in; a reader can follow everything from the beginning. Never: changes a
//! figure, publishes what does not fit its structure, lets one provider touch another's series, or touches anything
//! that is not public.

mod apply;
pub mod bulk;
mod content;
mod encode;
mod error;
pub mod grpc;
pub mod handler;
pub mod metrics;
mod observation;
mod page;
pub mod query;
mod registry;
pub mod sdmx;
mod select;
pub mod series;
mod store;
pub mod submit;
pub mod watch;

use std::sync::Arc;

use nhipcau_domain::id::{AccessPointId, ContractId, Purpose};
use nhipcau_messaging::{store::Readers, writer};
use tokio::sync;
use tokio_util::sync::CancellationToken;

pub use self::{error::Error, registry::Registry, store::SCHEMA};

/// The contract of this service.
pub const CONTRACT: &str = "nhipcau.indicator.v1";
/// Its newest minor version here.
pub const MINOR: u32 = 0;
/// The purpose under which figures are published.
pub const PURPOSE: &str = "publication";

/// Message that has the effect.
const EVENT_MESSAGE: &str = "nhipcau.indicator.v1.IndicatorEvent";
/// Message that carries a piece of a large submission.
const PIECE_MESSAGE: &str = "nhipcau.indicator.v1.Chunk";

#[expect(clippy::expect_used, reason = "the text is a constant of the right form, which a test shows")]
fn contract() -> ContractId {
    ContractId::new(CONTRACT).expect("the name of a contract")
}

#[expect(clippy::expect_used, reason = "the text is a constant of the right form, which a test shows")]
fn purpose() -> Purpose {
    Purpose::new(PURPOSE).expect("the name of a purpose")
}

/// What the two sides of the service share: the one in messaging and the one that callers see.
#[derive(Debug, Clone)]
pub struct Indicators {
    registry: sync::watch::Receiver<Arc<Registry>>,
    changes: sync::watch::Sender<()>,
    counters: Arc<metrics::Counters>,
}

impl Indicators {
    /// A service that checks against the newest registry.
    #[must_use]
    pub fn new(registry: sync::watch::Receiver<Arc<Registry>>) -> Self {
        Self { registry, changes: sync::watch::Sender::new(()), counters: Arc::default() }
    }

    /// The side in messaging, for the engine.
    #[must_use]
    pub fn handler(&self) -> handler::Indicators {
        handler::Indicators::new(self.registry.clone(), self.changes.clone(), Arc::clone(&self.counters))
    }

    /// The side that callers see. Streams end when `closing` is cancelled.
    #[must_use]
    pub fn door(
        &self,
        writer: writer::Handle,
        readers: Readers,
        access_point: AccessPointId,
        closing: CancellationToken,
    ) -> grpc::Door {
        grpc::Door { shared: self.clone(), writer, readers, access_point, closing }
    }

    /// What the service counts.
    #[must_use]
    pub fn counters(&self) -> &metrics::Counters {
        &self.counters
    }
}

#[cfg(test)]
mod tests;

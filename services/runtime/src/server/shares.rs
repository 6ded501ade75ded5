//! What callers hold of the door at once: connections, calls with the bytes of their requests, and streams that go on.
//!
//! Of what all share, one system gets a quarter at most, so that it fills the house for nobody but itself. Whoever the
//! configuration does not name counts as one system. Nothing waits: what has no room is turned away.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{caller::SystemName, config};

/// The bounds of everything that is held. Cheap to clone.
#[derive(Clone)]
pub(super) struct Shares {
    /// Connections that have shaken hands.
    pub(super) connections: Room,
    /// Calls until they are done and their answers have left.
    pub(super) calls: Room,
    /// Bytes of the requests of such calls.
    pub(super) bytes: Room,
    /// Calls whose answer is a stream.
    pub(super) watches: Room,
}

impl Shares {
    pub(super) fn of(config: &config::Server) -> Self {
        Self {
            connections: Room::of_each(config.connections),
            calls: Room::of_all(config.concurrency),
            bytes: Room::of_all(config.requests_bytes),
            watches: Room::of_each(config.watches),
        }
    }
}

/// How much there is of one thing, and who has it.
#[derive(Clone)]
pub(super) struct Room(Arc<Shared>);

struct Shared {
    of_one: usize,
    all: Arc<Semaphore>,
    /// As many as systems are named, and one that all others share.
    systems: Mutex<HashMap<Option<SystemName>, Arc<Semaphore>>>,
}

impl Room {
    /// So much for each system.
    fn of_each(of_one: usize) -> Self {
        Self::new(of_one, Semaphore::MAX_PERMITS)
    }

    /// So much together, and a quarter of it for each system.
    fn of_all(all: usize) -> Self {
        Self::new(all.div_ceil(4), all)
    }

    fn new(of_one: usize, all: usize) -> Self {
        Self(Arc::new(Shared { of_one, all: Arc::new(Semaphore::new(all)), systems: Mutex::default() }))
    }

    /// So much for a known system, or for the others; `None` when there is no room.
    pub(super) fn take(&self, system: Option<&SystemName>, amount: u32) -> Option<Share> {
        let Shared { of_one, all, systems } = &*self.0;
        let own = {
            let mut systems = systems.lock().unwrap_or_else(PoisonError::into_inner);
            let own = systems.entry(system.cloned()).or_insert_with(|| Arc::new(Semaphore::new(*of_one)));
            Arc::clone(own)
        };
        let own = own.try_acquire_many_owned(amount).ok()?;
        let all = Arc::clone(all).try_acquire_many_owned(amount).ok()?;
        Some(Share { own, all })
    }
}

/// What one holds, until it is dropped.
pub(super) struct Share {
    own: OwnedSemaphorePermit,
    all: OwnedSemaphorePermit,
}

impl Share {
    /// Holds what another share of the same room and system held as well.
    pub(super) fn merge(&mut self, other: Self) {
        self.own.merge(other.own);
        self.all.merge(other.all);
    }
}

//! What callers are let in by: the server's certificate, the authorities of theirs, the systems that are known and how
//! often each may call. Read from files whole, used from the next handshake and the next call on, renewed while
//! connections are open.
//!
//! What cannot be used changes nothing. A call goes by what holds when it is made; connections go on when certificates
//! are renewed, and end when an authority is taken away or their system has lost a role.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use jiff::Timestamp;
use nhipcau_messaging::quota::{Quota, Rate};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::{
    Error,
    tls::{self, Files},
};
use crate::{
    caller::{Identity, Shown, SystemName, Systems},
    config,
};

/// What holds now.
pub(super) struct Terms {
    files: Files,
    pub(super) tls: TlsAcceptor,
    systems: Systems,
    /// Of whoever has no rate of their own.
    rate: Rate,
}

impl Terms {
    fn read(config: &config::Server, systems: Systems) -> Result<Self, Error> {
        let files = tls::read(config)?;
        let tls = TlsAcceptor::from(tls::config(&files)?);
        Ok(Self { files, tls, systems, rate: config.rate })
    }

    /// Whether an authority of earlier terms is none any more.
    fn distrusts(&self, earlier: &Self) -> bool {
        earlier.files.authorities.iter().any(|authority| !self.files.authorities.contains(authority))
    }
}

/// Everything that lets in. Cheap to clone.
#[derive(Clone)]
pub(super) struct Entry(Arc<Shared>);

struct Shared {
    terms: RwLock<Arc<Terms>>,
    /// As many as systems are named, and one that all others share.
    quotas: Mutex<HashMap<Option<SystemName>, Quota>>,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    last: u64,
    connections: HashMap<u64, (Shown, CancellationToken)>,
}

impl Entry {
    /// # Errors
    /// [`Error::Tls`].
    pub(super) fn read(config: &config::Server, systems: Systems) -> Result<Self, Error> {
        let terms = RwLock::new(Arc::new(Terms::read(config, systems)?));
        Ok(Self(Arc::new(Shared { terms, quotas: Mutex::default(), open: Mutex::default() })))
    }

    pub(super) fn terms(&self) -> Arc<Terms> {
        Arc::clone(&self.0.terms.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Who calls, by what holds now.
    pub(super) fn identify(&self, shown: &Shown) -> Identity {
        Identity(
            shown.0.as_ref().map_err(|error| *error).and_then(|name| self.terms().systems.caller(name)).map(Arc::new),
        )
    }

    /// Spends a call of a known system, or of the others.
    ///
    /// # Errors
    /// How long it takes until one more is within the rate.
    pub(super) fn spend(&self, caller: Option<&SystemName>) -> Result<(), Duration> {
        let mut quotas = lock(&self.0.quotas);
        if let Some(quota) = quotas.get_mut(&caller.cloned()) {
            return quota.take();
        }
        let terms = self.terms();
        let rate = caller.and_then(|name| terms.systems.rate(name)).unwrap_or(terms.rate);
        quotas.entry(caller.cloned()).or_insert_with(|| Quota::of(rate)).take()
    }

    /// Notes a connection that was let in by these terms, until it is dropped; it is cut with its place, or with
    /// everything.
    pub(super) fn note(&self, shown: &Shown, terms: &Terms, everything: &CancellationToken) -> Place {
        let mut open = lock(&self.0.open);
        open.last += 1;
        let (number, cut) = (open.last, everything.child_token());
        if self.terms().distrusts(terms) {
            // Shaken hands with while they were renewed.
            cut.cancel();
        }
        open.connections.insert(number, (shown.clone(), cut.clone()));
        Place { entry: self.clone(), number, cut }
    }

    /// Takes renewed terms into use; says whether anything has changed.
    ///
    /// # Errors
    /// [`Error::Tls`]: everything stays as it is.
    pub(super) fn renew(&self, config: &config::Server, systems: Systems, now: Timestamp) -> Result<bool, Error> {
        let new = Terms::read(config, systems)?;
        new.files.check(now)?;
        let old = self.terms();
        if (&new.files, &new.systems, new.rate) == (&old.files, &old.systems, old.rate) {
            return Ok(false);
        }
        let distrusted = new.distrusts(&old);
        let new = Arc::new(new);
        *self.0.terms.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&new);
        if (&new.systems, new.rate) != (&old.systems, old.rate) {
            lock(&self.0.quotas).clear();
        }
        for (Shown(shown), cut) in lock(&self.0.open).connections.values() {
            let is_less = shown.as_ref().is_ok_and(|name| new.systems.has_less(name, &old.systems));
            if distrusted || is_less {
                cut.cancel();
            }
        }
        Ok(true)
    }
}

/// The place of an open connection.
pub(super) struct Place {
    entry: Entry,
    number: u64,
    pub(super) cut: CancellationToken,
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.entry.0.open).connections.remove(&self.number);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

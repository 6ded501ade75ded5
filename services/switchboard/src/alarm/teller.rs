//! What the operator is told of presses: floods, and what is of no use to tell more than once a minute.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use nhipcau_domain::alarm::Burst;
use nhipcau_messaging::engine::{Alarm, AlarmKind};

/// Whoever tells the operator.
type Seam = Box<dyn FnMut(Alarm) + Send>;

/// The way to the operator.
#[derive(Clone)]
pub(crate) struct Teller(Arc<Mutex<Seam>>);

impl Default for Teller {
    fn default() -> Self {
        Self::new(Box::new(|_| ()))
    }
}

impl fmt::Debug for Teller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Teller")
    }
}

impl Teller {
    pub(crate) fn new(seam: Seam) -> Self {
        Self(Arc::new(Mutex::new(seam)))
    }

    pub(super) fn tell(&self, kind: AlarmKind) {
        (self.0.lock().unwrap_or_else(PoisonError::into_inner))(Alarm { kind, peer: None });
    }
}

/// What arrived in the present minute. Three numbers, whatever arrives.
#[derive(Debug, Default)]
pub(crate) struct Watch(Mutex<Minute>);

#[derive(Debug, Default)]
struct Minute {
    noise: Burst,
    repeated: Burst,
    /// The minute in which the operator was told of a device that nobody registered.
    unknown: Option<i64>,
}

impl Watch {
    /// Bytes that no device made. True when the operator is told of a flood now.
    pub(super) fn noise(&self, now: Timestamp) -> bool {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (noise, is_flood) = minute.noise.more(now);
        minute.noise = noise;
        is_flood
    }

    /// A press that arrived before. True when the operator is told of a flood now.
    pub(super) fn repeated(&self, now: Timestamp) -> bool {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (repeated, is_flood) = minute.repeated.more(now);
        minute.repeated = repeated;
        is_flood
    }

    /// A press of a device that nobody registered. True when the operator is told now.
    pub(super) fn unknown(&self, now: Timestamp) -> bool {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let present = Some(now.as_second().div_euclid(60));
        let is_told = minute.unknown == present;
        minute.unknown = present;
        !is_told
    }
}

//! The disk below the store: looked at every second, so that callers are turned away before it is full and the store
//! fails.
//!
//! Two steps, each taken back by itself: below the floor callers submit nothing new; below a quarter of it nothing is
//! taken from the broker either, which keeps what is not acknowledged. Receipts and signals are always taken, and
//! reading always goes on.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use nhipcau_messaging::{
    engine::{Input, Kind},
    writer::Handle,
};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Room {
    /// Hardly any.
    None,
    /// Little.
    Low,
    /// Enough.
    Enough,
}

impl Room {
    /// With so much free. More than the floor is needed to be enough again, so that it does not change to and fro.
    fn of(free: u64, floor: u64, before: Self) -> Self {
        let low = if before < Self::Enough { floor.saturating_add(floor / 8) } else { floor };
        let none = if before < Self::Low { floor / 3 } else { floor / 4 };
        match free {
            free if free < none => Self::None,
            free if free < low => Self::Low,
            _ => Self::Enough,
        }
    }

    /// Whether an input may be taken now.
    pub(super) fn lets_in(self, input: &Input) -> bool {
        let is_envelope = matches!(input, Input::Delivery { kind: Kind::Lane(_) | Kind::Broadcast, .. });
        self > Self::None || !is_envelope
    }
}

/// Says how many bytes are free.
type Measure = Arc<dyn Fn() -> io::Result<u64> + Send + Sync>;

/// The disk of a store. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Disk(Measure);

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Disk")
    }
}

impl Disk {
    /// The disk that a store's file is on.
    pub(super) fn below(store: &Path) -> Self {
        let place = store.parent().map_or_else(PathBuf::new, Path::to_owned);
        Self(Arc::new(move || {
            let facts = rustix::fs::statvfs(&place)?;
            Ok(facts.f_bavail.saturating_mul(facts.f_frsize))
        }))
    }

    /// Bytes that are free.
    pub(crate) fn free(&self) -> io::Result<u64> {
        (self.0)()
    }

    /// Looks for as long as the writer runs, tells it, and says what it saw. A disk that cannot be looked at counts as
    /// it did.
    pub(super) async fn watch(self, floor: u64, handle: Handle, room: watch::Sender<Room>) {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let before = *room.borrow();
            let now = self.free().map_or(before, |free| Room::of(free, floor, before));
            if now == before {
                continue;
            }
            tracing::info!(room = ?now, "The room on the disk of the store has changed.");
            room.send_replace(now);
            let (is_low, was_low) = (now < Room::Enough, before < Room::Enough);
            if is_low != was_low && handle.input(Input::DiskLow(is_low)).await.is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;

//! Turning callers away in time: when much waits for a recipient that gives no receipts, and when the disk has little
//! room left.
//!
//! Only what a caller begins anew is turned away. A case that this access point knows goes on, and so do messages that
//! follow from others, receipts, recovery, and what a caller had asked for before. A recipient that is down costs the
//! new messages for itself and nobody else's; a broadcast waits for nobody and is not counted.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::id::AccessPointId;

use super::{AlarmKind, Engine, Error, SubmitError};
use crate::{
    message::{Correlation, Recipient},
    store::{Tx, waiting},
};

/// How soon it is counted again what waits for a recipient for whom too much waited.
const COUNT_EVERY: SignedDuration = SignedDuration::from_secs(5);
/// How soon a caller who was turned away for lack of disk may ask again.
const DISK_PAUSE: Duration = Duration::from_secs(30);

/// What may wait for one recipient before callers are turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Messages without a receipt.
    pub messages: u64,
    /// Bytes of their contents.
    pub bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { messages: 50_000, bytes: 1 << 30 }
    }
}

impl Limits {
    fn hold(self, waiting: &Waiting, size: u64) -> bool {
        waiting.messages < self.messages && waiting.bytes.saturating_add(size) <= self.bytes
    }

    /// What must be free after too much had waited, so that it is not counted for each message.
    fn with_room(self) -> Self {
        Self { messages: self.messages - self.messages / 16, bytes: self.bytes - self.bytes / 16 }
    }
}

/// What waits for a recipient: what was counted, and what was submitted since. Rather too much than too little, since
/// receipts and work that was undone show only in the next count.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting {
    messages: u64,
    bytes: u64,
    counted_at: Timestamp,
    /// Whether it was too much when it was counted; a person was told then.
    is_full: bool,
}

impl Engine {
    /// Whether callers may submit what begins something new.
    pub(crate) fn disk_admits(&self) -> Result<(), SubmitError> {
        if self.disk_is_low { Err(SubmitError::DiskLow { retry_after: DISK_PAUSE }) } else { Ok(()) }
    }

    /// Hears how much room the disk has.
    pub(super) fn hear_disk(&mut self, is_low: bool) {
        if is_low && !self.disk_is_low {
            self.alarm(AlarmKind::DiskLow, None);
        }
        self.disk_is_low = is_low;
    }

    /// Whether one more message of a caller may wait for a recipient.
    pub(super) fn admit_to(
        &mut self,
        recipient: &Recipient,
        case: Option<&Correlation>,
        size: usize,
        tx: &mut Tx<'_>,
    ) -> Result<(), SubmitError> {
        let admitted = self.disk_admits().and_then(|()| match recipient {
            Recipient::One(peer) => self.admit_waiting(peer, size as u64, tx),
            Recipient::All => Ok(()),
        });
        match (admitted, case) {
            (Err(SubmitError::DiskLow { .. } | SubmitError::OutboxFull { .. }), Some(case))
                if waiting::knows_case(tx, case, self.group_serial)? =>
            {
                Ok(())
            }
            (admitted, _) => admitted,
        }
    }

    fn admit_waiting(&mut self, peer: &AccessPointId, size: u64, tx: &mut Tx<'_>) -> Result<(), SubmitError> {
        let time = self.time;
        let known = self.waiting.get(peer).copied();
        let was_full = known.is_some_and(|waiting| waiting.is_full);
        // Receipts that came since would only make it less: while it holds, it need not be counted.
        let holds = |waiting: &Waiting| match waiting.is_full {
            true => time.duration_since(waiting.counted_at) < COUNT_EVERY,
            false => self.limits.hold(waiting, size),
        };
        let mut waiting = match known.filter(holds) {
            Some(waiting) => waiting,
            None => self.count_waiting(peer, size, tx)?,
        };
        let (may, tell) = (!waiting.is_full, waiting.is_full && !was_full);
        if may {
            waiting.messages += 1;
            waiting.bytes += size;
        }
        let left = COUNT_EVERY - time.duration_since(waiting.counted_at);
        self.waiting.insert(peer.clone(), waiting);
        if tell {
            self.alarm(AlarmKind::OutboxFull, Some(peer));
        }
        if may { Ok(()) } else { Err(SubmitError::OutboxFull { retry_after: left.unsigned_abs() }) }
    }

    fn count_waiting(&self, peer: &AccessPointId, size: u64, tx: &mut Tx<'_>) -> Result<Waiting, Error> {
        let (messages, bytes) = waiting::size(tx, peer)?;
        let waiting = Waiting { messages, bytes, counted_at: self.time, is_full: false };
        Ok(Waiting { is_full: !self.limits.with_room().hold(&waiting, size), ..waiting })
    }
}

//! Letting go of what can be returned no more: an envelope that its recipient has receipted stays whole for a time, in
//! which a peer whose store was rolled back gets it back. After it no key opens it any more on either side, and what is
//! evidence stays: routing, manifest and signature, receipts, ids and digests. Broadcasts are public and stay whole.

use jiff::{SignedDuration, Timestamp};

use super::{Engine, Error, micros};
use crate::store::{Tx, retention};

/// How long after its receipt an envelope stays whole: as long as the key lives that it was sealed to.
const RETENTION: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How often is looked for what has become older.
const EVERY: SignedDuration = SignedDuration::from_hours(1);
/// Messages sent, and positions received, that are let go in one transaction.
const BATCH: u64 = 64;

impl Engine {
    /// Takes the parts from envelopes, and the content from messages, whose receipts are older than the retention.
    pub(super) fn let_go(&mut self, now: Timestamp, tx: &mut Tx<'_>) -> Result<(), Error> {
        let time = self.time;
        if time < self.next_letting_go {
            return Ok(());
        }
        let Ok(before) = now.checked_sub(RETENTION).map(micros) else { return Ok(()) };
        let sent = retention::sent_before(tx, before, BATCH)?;
        let received = retention::received_before(tx, before, BATCH)?;
        let is_more = [sent.len(), received.len()].contains(&(BATCH as usize));
        self.next_letting_go = if is_more { time } else { time + EVERY };
        for message in sent {
            self.strip_positions(message.id, message.correlation.as_ref(), tx)?;
            retention::drop_content(tx, message.id)?;
        }
        for position in received {
            self.strip_received(position, tx)?;
        }
        Ok(())
    }
}

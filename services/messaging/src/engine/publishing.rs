//! Handing signed envelopes to the broker: bundles, a bounded window, resending until the receipt is here.

use std::mem;

use jiff::Timestamp;
use prost::Message;

use super::{
    Engine, Error, Kind, OutgoingKey, Output, PublishResult,
    channel::{IN_FLIGHT, Phase, RESEND_FIRST, RESEND_LONGEST},
    micros,
};
use crate::{
    envelope::{Content, wire},
    message::Recipient,
    store::{
        Tx, outbox,
        sent::{self, Stored},
    },
};

/// Largest bundle, in bytes.
pub(super) const BUNDLE_LIMIT: usize = 512 * 1024;
/// Envelopes of one bundle, at most.
pub(super) const BUNDLE_ENVELOPES: usize = 128;
/// Envelopes handed over in one group on one channel.
const AT_ONCE: u64 = 512;
/// Publishes whose answer is awaited, at most; older ones count as unknown.
const AWAITED: usize = 4096;

impl Engine {
    /// Publishes what every open channel has signed and not handed over, and again what waits too long.
    pub(super) fn publish(&mut self, now: Timestamp, tx: &mut Tx<'_>) -> Result<(), Error> {
        let time = self.time;
        let mut ready = Vec::new();
        for (key, out) in &mut self.outgoing {
            let fresh = mem::take(&mut out.fresh);
            if out.phase != Phase::Open || time < out.hold_until {
                continue;
            }
            let waits = key.0 != Recipient::All && out.receipted < out.handed;
            if waits && time >= out.resend_at {
                out.handed = out.receipted;
                out.backoff = (out.backoff * 2).min(RESEND_LONGEST);
                out.resend_at = time + out.backoff;
            }
            if let Some((from, at)) = out.again
                && time >= at
            {
                out.handed = out.handed.min(from);
                out.again = None;
            }
            if out.handed < out.head.sequence {
                ready.push((key.clone(), fresh));
            }
        }
        for (key, fresh) in ready {
            self.publish_channel(now, &key, fresh, tx)?;
        }
        Ok(())
    }

    fn publish_channel(
        &mut self,
        now: Timestamp,
        key: &OutgoingKey,
        fresh: Vec<(u64, wire::Envelope)>,
        tx: &mut Tx<'_>,
    ) -> Result<(), Error> {
        let time = self.time;
        let Some(out) = self.outgoing.get_mut(key) else { return Ok(()) };
        if out.handed == out.receipted {
            out.resend_at = time + out.backoff;
        }
        let after = out.handed;
        if fresh.first().is_some_and(|(first, _)| *first == after + 1) {
            // Nothing else waits: what was just signed need not be read again.
            let last = out.head.sequence;
            self.hand_over(key, after, last, fresh.into_iter().map(|(_, envelope)| envelope).collect());
            return Ok(());
        }
        let stored = sent::positions(tx, &key.0, key.1, after, AT_ONCE.min(IN_FLIGHT))?;
        let Some(last) = stored.last().map(|s| s.sequence) else { return Ok(()) };
        if !self.may_still_go(now, key, &stored, tx)? {
            self.branch("rechecked");
            self.reopen(key, tx)?;
            if let Recipient::One(id) = &key.0
                && let Some(peer) = self.peers.get_mut(id)
            {
                peer.status_due(time);
            }
            return Ok(());
        }
        let envelopes = match self.wake_envelopes(key, stored, tx)? {
            Ok(envelopes) => envelopes,
            Err(sequence) => return self.pass_unreadable(key, sequence, tx),
        };
        self.hand_over(key, after, last, envelopes);
        Ok(())
    }

    /// Gives the envelopes after a position, up to another, to the shell, or takes them when they are for oneself.
    fn hand_over(&mut self, key: &OutgoingKey, after: u64, last: u64, envelopes: Vec<wire::Envelope>) {
        if key.0 == Recipient::One(self.me.clone()) {
            self.loopback.extend(envelopes);
        } else {
            let kind = if key.0 == Recipient::All { Kind::Broadcast } else { Kind::Lane(key.1) };
            self.publish_envelopes(key, kind, &key.0.clone(), after, envelopes);
        }
        if let Some(out) = self.outgoing.get_mut(key) {
            out.handed = last;
        }
    }

    /// Whether each of these positions may go now as it might when it was signed. What no longer may is agreed on anew
    /// and skipped. Not asked of broadcasts, which are public and served for ever, nor of what the recipient has taken.
    fn may_still_go(
        &mut self,
        now: Timestamp,
        key: &OutgoingKey,
        stored: &[Stored],
        tx: &mut Tx<'_>,
    ) -> Result<bool, Error> {
        let Some(out) = self.outgoing.get(key).filter(|_| key.0 != Recipient::All) else { return Ok(true) };
        let taken = if out.theirs == u64::MAX { out.receipted } else { out.receipted.max(out.theirs) };
        for row in stored.iter().filter(|row| row.sequence > taken && row.sign_time != micros(now)) {
            let Some(body) = outbox::going(tx, row.id)? else { continue };
            let body = self.wake(row.correlation.as_ref(), "outbox", &row.id.0, Some(&body), tx)?;
            let Some(content) = body.and_then(|bytes| Content::unpack(&bytes)) else { return Ok(false) };
            if self.may_send(now, row.id, &key.0, &content, tx)?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A stored envelope can no longer be read, or was erased. If its recipient holds it, it need not go again: that
    /// one states what became of it.
    fn pass_unreadable(&mut self, key: &OutgoingKey, sequence: u64, tx: &mut Tx<'_>) -> Result<(), Error> {
        match self.outgoing.get_mut(key).filter(|out| (sequence..=out.head.sequence).contains(&out.theirs)) {
            Some(out) => {
                out.handed = out.theirs;
                Ok(())
            }
            None => self.give_up_unreadable(key, sequence, tx),
        }
    }

    /// A stored envelope can no longer be read. Its message is signed anew, or skipped when it cannot be read either;
    /// also when it was received, since only a recipient that has lost it asks for it.
    fn give_up_unreadable(&mut self, key: &OutgoingKey, sequence: u64, tx: &mut Tx<'_>) -> Result<(), Error> {
        let before = sent::position(tx, &key.0, key.1, sequence - 1)?;
        if let Some(out) = self.outgoing.get_mut(key).filter(|out| out.receipted >= sequence) {
            out.receipted = sequence - 1;
            out.tip = before.unwrap_or_default();
        }
        self.branch("unreadable_position");
        self.reopen(key, tx)
    }

    /// Decrypts stored envelopes; when one of them can no longer be read, gives its position.
    pub(super) fn wake_envelopes(
        &mut self,
        key: &OutgoingKey,
        stored: Vec<Stored>,
        tx: &mut Tx<'_>,
    ) -> Result<Result<Vec<wire::Envelope>, u64>, Error> {
        let receipted = self.outgoing.get(key).map_or(0, |out| out.receipted);
        let mut envelopes = Vec::with_capacity(stored.len());
        for row in stored {
            let bytes = match &key.0 {
                // What was concluded and erased since goes to a recipient that was rolled back as it is.
                _ if row.erased.is_some() && row.sequence <= receipted => row.erased,
                Recipient::All => row.envelope,
                Recipient::One(_) => {
                    self.wake(row.correlation.as_ref(), "sent", &row.id.0, row.envelope.as_deref(), tx)?
                }
            };
            match bytes.and_then(|bytes| wire::Envelope::decode(bytes.as_slice()).ok()) {
                Some(envelope) => envelopes.push(envelope),
                None => return Ok(Err(row.sequence)),
            }
        }
        Ok(Ok(envelopes))
    }

    /// Bundles envelopes and gives them to the shell.
    pub(super) fn publish_envelopes(
        &mut self,
        key: &OutgoingKey,
        kind: Kind,
        recipient: &Recipient,
        after: u64,
        envelopes: Vec<wire::Envelope>,
    ) {
        let mut bundle = wire::Bundle::default();
        let mut size = 0;
        let mut first = after;
        for envelope in envelopes {
            let length = envelope.encoded_len() + 8;
            if size + length > BUNDLE_LIMIT - 1024 || bundle.envelopes.len() >= BUNDLE_ENVELOPES {
                let count = bundle.envelopes.len() as u64;
                self.publish_bundle(key, kind, recipient, first, std::mem::take(&mut bundle));
                first += count;
                size = 0;
            }
            size += length;
            bundle.envelopes.push(envelope);
        }
        self.publish_bundle(key, kind, recipient, first, bundle);
    }

    fn publish_bundle(
        &mut self,
        key: &OutgoingKey,
        kind: Kind,
        recipient: &Recipient,
        after: u64,
        bundle: wire::Bundle,
    ) {
        if bundle.envelopes.is_empty() {
            return;
        }
        let token = self.token();
        if self.published.len() >= AWAITED {
            self.published.clear();
        }
        self.published.insert(token, (key.clone(), after));
        let bytes = bundle.encode_to_vec();
        self.outputs.push(Output::Publish { kind, recipient: recipient.clone(), bytes, token });
    }

    /// A token for an output, never used twice.
    pub(super) fn token(&mut self) -> u64 {
        self.next_token += 1;
        self.next_token
    }

    /// The broker's answer only decides when to try again.
    pub(super) fn published(&mut self, token: u64, result: PublishResult) {
        let time = self.time;
        let Some((key, after)) = self.published.remove(&token) else { return };
        let Some(out) = self.outgoing.get_mut(&key) else { return };
        match result {
            PublishResult::Stored => {
                // A broadcast has no receipts that everybody owes: the broker's word only resets the wait.
                if key.0 == Recipient::All {
                    out.backoff = RESEND_FIRST;
                }
            }
            PublishResult::Full => {
                // What was published before still waits there; publishing it again would not help.
                out.handed = out.handed.min(after);
                out.hold_until = time + out.backoff;
                self.branch("share_full");
            }
            PublishResult::Unknown => {
                out.handed = out.handed.min(after);
                // Many that were under way together are one silence, and the next try is not many times as far away.
                if time >= out.hold_until {
                    out.hold_until = time + out.backoff;
                    out.backoff = (out.backoff * 2).min(RESEND_LONGEST);
                }
                self.branch("publish_unknown");
            }
        }
    }
}

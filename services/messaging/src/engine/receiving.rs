//! What arrives: belief, position, order.
//!
//! Only an envelope that verifies under its channel's sender and names this access point may take a position or
//! cause a receipt. Everything else is quarantined and never answered, and the position stays wanted.

use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::id::AccessPointId;
use prost::Message;

use super::{
    AlarmKind, Engine, Error, HELD_LIMIT, Input, Kind, Output,
    channel::{Incoming, IncomingKey, Serving, WINDOW},
    publishing::BUNDLE_ENVELOPES,
    receipting::BUNDLE_RECEIPTS,
};
use crate::{
    envelope::{self, Rejected, Trust, Verified, wire},
    message::{Lane, Recipient, RefusalReason},
    pae, receipt,
    store::{
        Tx,
        inbox::{self, Promise},
        issued,
        sent::Head,
    },
};

/// How long what only a newer release can verify is left with the broker.
const RELEASE_PATIENCE: SignedDuration = SignedDuration::from_mins(5);

/// Whether a refusal spends only the position.
pub(super) fn is_retryable(reason: i32) -> bool {
    reason == RefusalReason::NotYet as i32
}

/// Whether a bundle is within its bounds and holds what its kind of subject carries.
fn is_proper(bundle: &wire::Bundle, kind: Kind) -> bool {
    match kind {
        Kind::Receipts => bundle.envelopes.is_empty() && bundle.receipts.len() <= BUNDLE_RECEIPTS,
        _ => bundle.receipts.is_empty() && bundle.envelopes.len() <= BUNDLE_ENVELOPES,
    }
}

/// Whether an envelope that is due is a link of the sender's present chain: those behind it that came ahead lead to the
/// position that the sender says it has signed last.
fn stands(channel: &Incoming, verified: &Verified) -> bool {
    let (mut sequence, mut digest) = (verified.routing.sequence, verified.digest);
    while sequence < channel.announced.sequence {
        sequence += 1;
        match channel.window.get(&sequence).filter(|next| next.routing.previous == digest) {
            Some(next) => digest = next.digest,
            None => return false,
        }
    }
    (sequence, digest) == (channel.announced.sequence, channel.announced.digest)
}

impl Engine {
    /// A bundle from the broker.
    pub(super) fn deliver(
        &mut self,
        now: Timestamp,
        kind: Kind,
        sender: AccessPointId,
        bytes: Vec<u8>,
        token: u64,
        tx: &mut Tx<'_>,
    ) -> Result<(), Error> {
        let unsynced = kind != Kind::Receipts
            && Lane::ALL.iter().any(|lane| {
                [false, true]
                    .iter()
                    .any(|all| self.incoming.get(&(sender.clone(), *all, *lane)).is_some_and(|channel| !channel.synced))
            });
        if unsynced {
            if self.held.len() < HELD_LIMIT {
                self.held.push_back(Input::Delivery { kind, sender, bytes, token });
            }
            // Beyond the limit it stays unacknowledged, and the broker delivers it again.
            return Ok(());
        }
        self.quarantined_bundle = false;
        self.unkept = false;
        match wire::Bundle::decode(bytes.as_slice()).ok().filter(|bundle| is_proper(bundle, kind)) {
            None => self.quarantine(now, &sender, Rejected::Malformed.name(), &bytes, tx)?,
            Some(bundle) => {
                for envelope in bundle.envelopes {
                    self.receive(now, &sender, envelope, tx)?;
                }
                for receipt in bundle.receipts {
                    self.take_receipt(now, &sender, receipt, tx)?;
                }
            }
        }
        // What could not be kept stays with the broker, which delivers it again.
        if !self.unkept {
            self.outputs.push(Output::Acknowledge { token });
        }
        Ok(())
    }

    /// Deliveries that were kept back until their sender was heard, after what waits on disk before them.
    pub(super) fn take_held(&mut self, now: Timestamp, tx: &mut Tx<'_>) -> Result<(), Error> {
        self.apply_held_back(now, tx)?;
        for input in std::mem::take(&mut self.held) {
            if let Input::Delivery { kind, sender, bytes, token } = input {
                self.deliver(now, kind, sender, bytes, token, tx)?;
            }
        }
        Ok(())
    }

    /// One envelope, from a bundle or from oneself.
    pub(super) fn receive(
        &mut self,
        now: Timestamp,
        subject_sender: &AccessPointId,
        envelope: wire::Envelope,
        tx: &mut Tx<'_>,
    ) -> Result<(), Error> {
        let time = self.time;
        let digest_bytes = envelope.routing.clone();
        let trust = Trust { erased: true, revoked: false };
        let verified = envelope::verify(envelope, pae::ENVELOPE, &self.release, now, trust).and_then(|v| {
            let for_me = match &v.routing.recipient {
                Recipient::One(id) => *id == self.me,
                Recipient::All => v.routing.sender != self.me && v.routing.lane == Some(Lane::Bulk),
            };
            if for_me && v.routing.sender == *subject_sender { Ok(v) } else { Err(Rejected::Misrouted) }
        });
        let verified = match verified {
            Ok(verified) => verified,
            Err(reason) => {
                if reason == Rejected::UnknownSigner
                    && self.peer(subject_sender).may_serve(Serving::UnknownSigner, time)
                {
                    self.alarm(AlarmKind::UnknownSigner, Some(subject_sender));
                    self.request_release(subject_sender);
                }
                if reason == Rejected::UnknownSigner && self.awaits_release(subject_sender, &digest_bytes) {
                    self.unkept = true;
                    return Ok(());
                }
                return self.quarantine(now, subject_sender, reason.name(), &digest_bytes, tx);
            }
        };
        let routing = &verified.routing;
        let lane = routing.lane.unwrap_or(Lane::Messages);
        let key = (routing.sender.clone(), routing.recipient == Recipient::All, lane);
        if !self.incoming.contains_key(&key) {
            // The directory knows the sender, or it would not have verified, but the channel is new.
            let channel = Incoming::load(tx, self.channel(&key), true, time)?;
            self.incoming.insert(key.clone(), channel);
        }
        if verified.envelope.parts.is_empty()
            && self.incoming.get(&key).is_none_or(|channel| !channel.erased.contains(&verified.routing.sequence))
        {
            // Only the sender's own status can say that it erased a content; on the way anybody can cut it off.
            return self.quarantine(now, subject_sender, Rejected::PartsDiffer.name(), &digest_bytes, tx);
        }
        if self.admit(&key, &verified, tx)? {
            self.place(now, &key, verified, tx)?;
        }
        Ok(())
    }

    /// Whether the release here is older than the sender's, which may know the signer. Then the envelope stays with the
    /// broker until that release has come: the sender may have been put back, and this be the last copy. Not for ever,
    /// since whoever writes under the sender's subject can claim any release.
    fn awaits_release(&mut self, sender: &AccessPointId, routing: &[u8]) -> bool {
        let time = self.time;
        let claimed = wire::Routing::decode(routing).map_or(0, |routing| routing.directory_version);
        if claimed <= self.release.version() {
            return false;
        }
        let since = *self.peer(sender).behind_since.get_or_insert(time);
        time.duration_since(since) < RELEASE_PATIENCE
    }

    /// Whether the envelope's incarnation may still take a position.
    fn admit(&mut self, key: &IncomingKey, verified: &Verified, tx: &mut Tx<'_>) -> Result<bool, Error> {
        let r = &verified.routing;
        let Some(channel) = self.incoming.get_mut(key) else { return Ok(false) };
        if key.1 {
            return self.admit_broadcast(key, verified, tx);
        }
        let learned = if r.incarnation > channel.promised {
            channel.promised = r.incarnation;
            channel.promised_run = Vec::new();
            channel.proposal = Vec::new();
            channel.base = Some(r.base_sequence);
            true
        } else if r.incarnation == channel.promised && channel.base.is_none() {
            channel.base = Some(r.base_sequence);
            true
        } else {
            false
        };
        if learned {
            let (promised, base) = (channel.promised, channel.base);
            let run = channel.promised_run.clone();
            let proposal = channel.proposal.clone();
            inbox::set_promise(tx, self.channel(key), &Promise { incarnation: promised, run, base, proposal })?;
            self.clear_window(key, tx)?;
            return Ok(true);
        }
        let stale = r.incarnation < channel.promised && channel.base.is_none_or(|base| r.sequence > base);
        if stale {
            self.keep_stray(key, verified, tx)?;
        }
        Ok(!stale)
    }

    /// An envelope that takes no position here because its sender gave the position up. If the sender's store was
    /// rolled back, it may not even know the message any more: it gets its own envelope back and sends it again under
    /// the same id.
    pub(super) fn keep_stray(&mut self, key: &IncomingKey, verified: &Verified, tx: &mut Tx<'_>) -> Result<(), Error> {
        let time = self.time;
        let r = &verified.routing;
        if inbox::has_position(tx, self.channel(key), r.id)? {
            return Ok(());
        }
        let stray = inbox::Stray {
            sender: &key.0,
            lane: key.2,
            incarnation: r.incarnation,
            sequence: r.sequence,
            id: r.id,
            envelope: &verified.envelope.encode_to_vec(),
        };
        let kept = inbox::keep_stray(tx, &stray)?;
        if kept.is_none() {
            self.unkept = true;
        } else if let Some(channel) = self.incoming.get_mut(key) {
            channel.strays = true;
        }
        self.branch("stray_kept");
        let peer = self.peer(&key.0);
        peer.status_due(time);
        if kept == Some(true) {
            peer.strays_changed(time);
        }
        Ok(())
    }

    /// The window's envelopes belong to a history that may be over: they were acknowledged, so none is dropped unseen.
    pub(super) fn clear_window(&mut self, key: &IncomingKey, tx: &mut Tx<'_>) -> Result<(), Error> {
        let Some(channel) = self.incoming.get_mut(key) else { return Ok(()) };
        let (promised, base) = (channel.promised, channel.base);
        let mut over = Vec::new();
        for (sequence, verified) in std::mem::take(&mut channel.window) {
            if verified.routing.incarnation >= promised || base.is_some_and(|base| sequence <= base) {
                channel.window.insert(sequence, verified);
            } else {
                over.push(verified);
            }
        }
        for verified in over {
            self.keep_stray(key, &verified, tx)?;
        }
        Ok(())
    }

    /// A broadcast's publisher waits for nobody: a higher incarnation may begin before this subscriber's head.
    fn admit_broadcast(&mut self, key: &IncomingKey, verified: &Verified, tx: &mut Tx<'_>) -> Result<bool, Error> {
        let r = &verified.routing;
        let Some(head) = self.incoming.get(key).map(|channel| channel.head) else { return Ok(false) };
        if r.incarnation < head.incarnation && r.sequence > head.sequence {
            // Of a history that the publisher has left: positions only ever go on under the same or a higher one.
            self.keep_stray(key, verified, tx)?;
            return Ok(false);
        }
        let begins_earlier = r.incarnation > head.incarnation && r.base_sequence < head.sequence;
        if begins_earlier
            && r.sequence == r.base_sequence + 1
            && let Some(base) = inbox::at(tx, self.channel(key), r.base_sequence)?
            && base.digest == r.previous
        {
            self.rewind(key, base, tx)?;
        }
        Ok(true)
    }

    /// Goes back to a position of a broadcast from which the publisher's history goes on differently.
    pub(super) fn rewind(&mut self, key: &IncomingKey, to: Head, tx: &mut Tx<'_>) -> Result<(), Error> {
        let time = self.time;
        inbox::abandon(tx, self.channel(key), to.sequence)?;
        if let Some(channel) = self.incoming.get_mut(key) {
            channel.head = to;
            channel.window.clear();
            // What held others back may be abandoned.
            channel.retry_at = channel.retry_at.map(|_| time);
            channel.round = None;
        }
        self.branch("broadcast_rewound");
        Ok(())
    }

    /// Accepts the envelope at the next position, keeps one that is ahead, answers one that was there before.
    fn place(&mut self, now: Timestamp, key: &IncomingKey, verified: Verified, tx: &mut Tx<'_>) -> Result<(), Error> {
        let time = self.time;
        let mut next = Some(verified);
        while let Some(verified) = next.take() {
            let Some(channel) = self.incoming.get_mut(key) else { return Ok(()) };
            let head = channel.head;
            let sequence = verified.routing.sequence;
            if sequence <= head.sequence {
                self.repeat(now, key, &verified, tx)?;
            } else if sequence > head.sequence + 1 {
                if sequence <= head.sequence + WINDOW {
                    // It is acknowledged now, and memory ends with the process.
                    self.keep_stray(key, &verified, tx)?;
                    if let Some(channel) = self.incoming.get_mut(key) {
                        channel.window.entry(sequence).or_insert(verified);
                    }
                }
                self.branch("gap");
                self.peer(&key.0).status_due(time);
                return Ok(());
            } else if verified.routing.previous != head.digest {
                // Another history than the one accepted here; the sender learns of it from the status.
                self.branch("history_differs");
                self.keep_stray(key, &verified, tx)?;
                self.peer(&key.0).status_due(time);
                return Ok(());
            } else if sequence <= channel.covered
                && !stands(channel, &verified)
                && self.contradicts_receipt(now, key, &verified, tx)?
            {
                // An own receipt, returned after a rollback, names another envelope here: this one was given up.
                self.branch("given_up_refused");
                self.keep_stray(key, &verified, tx)?;
                self.peer(&key.0).status_due(time);
                return Ok(());
            } else {
                self.accept(now, key, &verified, tx)?;
            }
            if let Some(channel) = self.incoming.get_mut(key) {
                let wanted = channel.head.sequence + 1;
                channel.window.retain(|s, _| *s >= wanted);
                next = channel.window.remove(&wanted);
            }
        }
        Ok(())
    }

    /// An envelope at a position that is taken: the same one is answered again, another is a fork.
    fn repeat(&mut self, now: Timestamp, key: &IncomingKey, verified: &Verified, tx: &mut Tx<'_>) -> Result<(), Error> {
        let time = self.time;
        let r = &verified.routing;
        let taken = inbox::at(tx, self.channel(key), r.sequence)?;
        match taken.filter(|head| head.incarnation == r.incarnation) {
            Some(head) if head.digest == verified.digest => {
                let covering = issued::all_covering(tx, self.channel(key), r.sequence)?;
                let mut places = covering.iter().filter_map(|r| receipt::place_of(r, &self.release, now));
                if let Some((number, _)) = places.find(|(_, is_believed)| *is_believed)
                    && let Some(channel) = self.incoming.get_mut(key)
                {
                    channel.answers.insert(number);
                }
                self.branch("duplicate");
            }
            Some(_) => {
                self.branch("fork");
                self.alarm(AlarmKind::Fork, Some(&key.0));
                self.peer(&key.0).status_due(time);
            }
            None => {
                // Signed anew after this side had accepted the position; the sender learns of it from the status.
                self.branch("position_taken");
                self.keep_stray(key, verified, tx)?;
                self.peer(&key.0).status_due(time);
            }
        }
        Ok(())
    }
}

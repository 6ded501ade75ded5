//! What arrives: belief, position, order, then effect and inbox row in one transaction.
//!
//! Only an envelope that verifies under its channel's sender and names this access point may take a position or
//! cause a receipt. Everything else is quarantined and never answered, and the position stays wanted.

use jiff::Timestamp;
use nhipcau_domain::id::AccessPointId;
use prost::Message;

use super::{
    AlarmKind, Engine, Error, HELD_LIMIT, Input, Kind, Output,
    channel::{Accepted, IncomingKey, Serving, WINDOW},
    micros,
    publishing::BUNDLE_ENVELOPES,
    receipting::BUNDLE_RECEIPTS,
};
use crate::{
    blob,
    crypto::seal::ChannelKey,
    envelope::{self, Content, OpenError, Rejected, Trust, Verified, wire},
    handler::{Context, Refused},
    message::{self, Lane, Outcome, Recipient, RefusalReason, SkipReason},
    pae,
    store::{
        Tx,
        inbox::{self, Direction, Promise},
        outbox::Head,
    },
};

/// The outcome of a message in the inbox: 0 received, else the refusal reason.
const RECEIVED: i32 = 0;
/// Unwrapped channel keys remembered; the wrap repeats in every envelope of a day.
const OPENED_KEYS: usize = 1024;

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

    /// Deliveries that were kept back until their sender was heard.
    pub(super) fn take_held(&mut self, now: Timestamp, tx: &mut Tx<'_>) -> Result<(), Error> {
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
                return self.quarantine(now, subject_sender, reason.name(), &digest_bytes, tx);
            }
        };
        let routing = &verified.routing;
        let lane = routing.lane.unwrap_or(Lane::Messages);
        let key = (routing.sender.clone(), routing.recipient == Recipient::All, lane);
        if !self.incoming.contains_key(&key) {
            // The directory knows the sender, or it would not have verified, but the channel is new.
            let channel = super::Incoming::load(tx, self.channel(&key), true)?;
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

    /// An envelope that takes no position here because its sender gave the position up. If the sender's store was rolled
    /// back, it may not even know the message any more: it gets its own envelope back and sends it again under the
    /// same id.
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
        if !inbox::keep_stray(tx, &stray)? {
            self.unkept = true;
        } else if let Some(channel) = self.incoming.get_mut(key) {
            channel.strays = true;
        }
        self.branch("stray_kept");
        self.peer(&key.0).status_due(time);
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
        inbox::abandon(tx, self.channel(key), to.sequence)?;
        if let Some(channel) = self.incoming.get_mut(key) {
            channel.head = to;
            channel.window.clear();
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
                    channel.window.entry(sequence).or_insert(verified);
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
            } else if sequence <= channel.covered && self.contradicts_receipt(now, key, &verified, tx)? {
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
                if let Some(receipt) = inbox::covering(tx, self.channel(key), r.sequence)?
                    && let Ok(receipt) = crate::receipt::verify(receipt, &self.release, now, true)
                    && let Some(channel) = self.incoming.get_mut(key)
                {
                    channel.answers.insert(receipt.statement.number);
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

    /// Takes the position: opens, authorises, applies, notes.
    fn accept(&mut self, now: Timestamp, key: &IncomingKey, verified: &Verified, tx: &mut Tx<'_>) -> Result<(), Error> {
        let r = &verified.routing;
        let erased = verified.envelope.parts.is_empty();
        let opened = if erased { Ok(None) } else { self.open(verified).map(Some) };
        let (content, mut outcome) = match opened {
            Ok(content) => (content, RECEIVED),
            Err(OpenError::MissingKey) => (None, RefusalReason::NotYet as i32),
            Err(OpenError::Unreadable) => (None, RefusalReason::Unreadable as i32),
        };
        let content_digest = content.as_ref().map_or([0; 32], Content::digest_apart_from_ordinal);
        let spent = inbox::spent(tx, &key.0, r.id)?;
        let repeated = spent.is_some();
        if let Some(content) = &content {
            outcome = match spent {
                Some((digest, before)) if digest == content_digest || content.skip.is_some() => {
                    if key.1 {
                        inbox::reclaim(tx, &key.0, r.id)?;
                    }
                    self.branch("id_repeated");
                    match self.out_of_order(key, content, tx)? {
                        Some(RefusalReason::NotYet) => RefusalReason::NotYet as i32,
                        _ => i32::try_from(before).unwrap_or(0),
                    }
                }
                Some(_) => RefusalReason::IdReused as i32,
                None => self.apply(now, key, verified, content, tx)?,
            };
            self.count(key, content, outcome, tx)?;
        } else if erased && let Some(Outcome::Refused(reason)) = self.stated(now, key, r, tx)? {
            outcome = reason as i32;
        }
        let correlation = content.as_ref().and_then(|c| c.header.correlation);
        let bytes = verified.envelope.encode_to_vec();
        let stored = match r.recipient {
            _ if erased => Vec::new(),
            Recipient::All => bytes.clone(),
            Recipient::One(_) => self.rest(correlation.as_ref(), "received", &verified.digest, &bytes, tx)?,
        };
        let head = Head { incarnation: r.incarnation, sequence: r.sequence, digest: verified.digest };
        inbox::accept(
            tx,
            &inbox::Accepted {
                sender: &key.0,
                recipient: inbox::recipient_name(&r.recipient),
                lane: key.2,
                head,
                id: r.id,
                correlation,
                content_digest,
                outcome: i64::from(outcome),
                spent: !repeated && !erased && !is_retryable(outcome),
                envelope: (!erased).then_some(stored.as_slice()),
                erased: erased.then_some(bytes.as_slice()),
                now: micros(now),
            },
        )?;
        let Some(channel) = self.incoming.get_mut(key) else { return Ok(()) };
        if channel.strays {
            inbox::forget_stray(tx, &key.0, r.id)?;
        }
        channel.head = head;
        channel.pending.push(Accepted { head, id: r.id, outcome });
        Ok(())
    }

    /// Decides and performs the effect; gives the outcome.
    fn apply(
        &mut self,
        now: Timestamp,
        key: &IncomingKey,
        verified: &Verified,
        content: &Content,
        tx: &mut Tx<'_>,
    ) -> Result<i32, Error> {
        let r = &verified.routing;
        // A receipt that a peer returned after a rollback is kept: what it refused stays refused, and what it received
        // was allowed then, whatever the release here says now.
        let covered = self.incoming.get(key).map_or(0, |channel| channel.covered);
        let stated = if r.sequence <= covered { self.stated(now, key, r, tx)? } else { None };
        if let Some(Outcome::Refused(reason)) = stated {
            self.branch("receipt_honoured");
            return Ok(reason as i32);
        }
        if let Some(reason) = self.out_of_order(key, content, tx)? {
            return Ok(reason as i32);
        }
        if let Some(skip) = content.skip {
            if skip.reason != SkipReason::Erased {
                self.alarm(AlarmKind::Skipped, Some(&key.0));
            }
            self.branch("skip_received");
            return Ok(RECEIVED);
        }
        if stated.is_none()
            && let Err(reason) = self.authorise(now, key, r.directory_version, content)
        {
            return Ok(reason as i32);
        }
        let outcome = self.effect(now, key, verified, content, tx)?;
        if stated.is_some() && outcome != RECEIVED {
            // It had an effect once and cannot have it again: a new receipt tells the sender, and a person must look.
            self.branch("receipt_contradicted");
            self.alarm(AlarmKind::RolledBack, Some(&key.0));
        }
        Ok(outcome)
    }

    fn effect(
        &mut self,
        now: Timestamp,
        key: &IncomingKey,
        verified: &Verified,
        content: &Content,
        tx: &mut Tx<'_>,
    ) -> Result<i32, Error> {
        let incoming = message::Incoming {
            id: verified.routing.id,
            sender: &key.0,
            broadcast: key.1,
            sequence: verified.routing.sequence,
            header: &content.header,
            parts: &content.parts,
        };
        if blob::is_chunk(&content.header) {
            return Ok(self.take_chunk(&incoming, tx)?.map_or_else(|reason| reason as i32, |()| RECEIVED));
        }
        // The handler leaves the map while it works, so that what it sends can be submitted by the same engine.
        let Some(mut handler) = self.handlers.remove(&content.header.contract) else {
            return Ok(RefusalReason::NotYet as i32);
        };
        let result = tx.savepoint(|tx| {
            let mut context = Context::new(now, tx, &self.case_keys, &self.keys.id_key, self.entropy.as_mut());
            handler.receive(&incoming, &mut context)?;
            let wishes = context.finish();
            self.fulfil(now, wishes, tx)
        });
        self.handlers.insert(content.header.contract.clone(), handler);
        match result {
            Ok(()) => Ok(RECEIVED),
            Err(Refused::Store(error)) => Err(error.into()),
            Err(Refused::Key(error)) => Err(error.into()),
            Err(Refused::Reason(RefusalReason::Unspecified)) => Ok(RefusalReason::Invalid as i32),
            Err(Refused::Reason(reason)) => Ok(reason as i32),
        }
    }

    /// Within a case nothing is applied before what came before it, whatever was refused in between. Where a restored
    /// recipient was told that contents were erased, the missing number may have been one of them.
    fn out_of_order(
        &mut self,
        key: &IncomingKey,
        content: &Content,
        tx: &mut Tx<'_>,
    ) -> Result<Option<RefusalReason>, Error> {
        let (Some(case), false) = (&content.header.correlation, content.ordinal == 0) else { return Ok(None) };
        let last = inbox::ordinal(tx, Direction::Received, key.0.as_str(), case)?;
        Ok(if content.ordinal > last + 1 && !inbox::has_erased(tx, self.channel(key))? {
            self.branch("earlier_of_case_missing");
            Some(RefusalReason::NotYet)
        } else {
            if content.ordinal <= last {
                // Both sides lost history and the number went to another message: the id alone prevents a second effect.
                self.branch("number_taken");
            }
            None
        })
    }

    fn count(&mut self, key: &IncomingKey, content: &Content, outcome: i32, tx: &mut Tx<'_>) -> Result<(), Error> {
        if let Some(case) = &content.header.correlation
            && content.ordinal > 0
            && !is_retryable(outcome)
        {
            inbox::raise_ordinal(tx, Direction::Received, key.0.as_str(), case, content.ordinal)?;
        }
        Ok(())
    }

    /// Default deny by the newest release here. What a newer release may allow is refused for now only.
    fn authorise(
        &self,
        now: Timestamp,
        key: &IncomingKey,
        sender_release: u64,
        content: &Content,
    ) -> Result<(), RefusalReason> {
        let header = &content.header;
        let behind = self.release.version() < sender_release;
        let or_not_yet = |reason| if behind { RefusalReason::NotYet } else { reason };
        if !self.release.hosts(&key.0, &header.sender.party, header.sender.unit.as_ref(), &header.contract) {
            return Err(or_not_yet(RefusalReason::NotHosted));
        }
        match &header.recipient {
            None if key.1 => {
                if !self.release.broadcast_allowed(&header.sender.party, &header.contract) {
                    return Err(or_not_yet(RefusalReason::NotAgreed));
                }
            }
            Some(to) if !key.1 => {
                if !self.release.hosts(&self.me, &to.party, to.unit.as_ref(), &header.contract) {
                    let moved = to
                        .unit
                        .as_ref()
                        .is_some_and(|unit| self.release.access_point_for(&to.party, unit, &header.contract).is_some());
                    return Err(or_not_yet(if moved { RefusalReason::Moved } else { RefusalReason::NotHosted }));
                }
                if !self.release.allows(&header.sender.party, &header.contract, &to.party, &header.purpose, now) {
                    return Err(or_not_yet(RefusalReason::NotAgreed));
                }
            }
            _ => return Err(RefusalReason::Invalid),
        }
        match self.handlers.get(&header.contract) {
            Some(handler) if handler.minor() >= header.contract_minor => Ok(()),
            _ => Err(RefusalReason::NotYet),
        }
    }

    /// Opens an envelope for this access point.
    pub(super) fn open(&mut self, verified: &Verified) -> Result<Content, OpenError> {
        let key = self.open_key(verified)?;
        Ok(envelope::open(verified, key.as_ref())?.content)
    }

    /// The channel key of an envelope, remembered by its wrap.
    pub(super) fn open_key(&mut self, verified: &Verified) -> Result<Option<ChannelKey>, OpenError> {
        let r = &verified.routing;
        let Some((sealing, wrapped)) = &r.wrap else { return Ok(None) };
        let memo = pae::pae(&[
            r.sender.as_str().as_bytes(),
            r.signing_key.as_str().as_bytes(),
            sealing.as_str().as_bytes(),
            &wrapped.encapsulated_key,
            &wrapped.ciphertext,
        ]);
        if let Some(key) = self.opened_keys.get(&memo) {
            return Ok(Some(key.clone()));
        }
        let key = envelope::channel_key(verified, &self.keys.sealing)?;
        if let Some(key) = &key {
            if self.opened_keys.len() >= OPENED_KEYS {
                self.opened_keys.clear();
            }
            self.opened_keys.insert(memo, key.clone());
        }
        Ok(key)
    }
}

//! What a position brings: its content is opened and authorised, has its effect, or is refused, in the transaction that
//! takes the position.

use jiff::Timestamp;
use nhipcau_domain::flow::Flow;
use prost::Message as _;

use super::{
    AlarmKind, Engine, Error,
    channel::{Accepted, IncomingKey},
    micros,
    receiving::is_retryable,
    sealing::SKIP_CONTRACT,
};
use crate::{
    blob,
    crypto::seal::ChannelKey,
    envelope::{self, Content, OpenError, Proof, Verified, wire::Envelope},
    handler::{Context, Refused},
    message::{self, Outcome, Recipient, RefusalReason, SkipReason},
    pae,
    store::{
        Tx,
        inbox::{self, Spent, SpentBy},
        sent::Head,
    },
};

/// The outcome of a message in the inbox: 0 received, else the refusal reason.
const RECEIVED: i32 = 0;
/// Unwrapped channel keys remembered; the wrap repeats in every envelope of a day.
const OPENED_KEYS: usize = 1024;

impl Engine {
    /// Takes the position: opens, authorises, applies, notes.
    pub(super) fn accept(
        &mut self,
        now: Timestamp,
        key: &IncomingKey,
        verified: &Verified,
        tx: &mut Tx<'_>,
    ) -> Result<(), Error> {
        let time = self.time;
        let r = &verified.routing;
        let erased = verified.envelope.parts.is_empty();
        let opened = if erased { Ok(None) } else { self.open(verified).map(Some) };
        let (content, mut outcome) = match opened {
            Ok(content) => (content, RECEIVED),
            Err(OpenError::MissingKey) => (None, RefusalReason::NotYet as i32),
            Err(OpenError::Unreadable) => (None, RefusalReason::Unreadable as i32),
        };
        let content_digest = content.as_ref().map_or([0; 32], Content::digest_apart_from_ordinal);
        let mut expected = 0;
        let repeated;
        if let Some(content) = &content {
            expected = self.expected(key, content, tx)?;
            let in_order = expected == 0 || content.ordinal == expected;
            (outcome, repeated) = self.decide(now, key, verified, content, expected, tx)?;
            if expected > 0 && in_order && !is_retryable(outcome) {
                self.count(key, content, tx)?;
            }
        } else {
            repeated = inbox::spent(tx, &key.0, r.id)?.is_some();
            if erased && let Some(Outcome::Refused(reason)) = self.stated(now, key, verified, tx)? {
                outcome = reason as i32;
            }
        }
        if !is_retryable(outcome) {
            expected = 0;
        }
        let is_skip = content.as_ref().is_some_and(|content| content.skip.is_some());
        let by = if is_skip && !key.1 { SpentBy::Skip } else { SpentBy::Message };
        let correlation = content.as_ref().and_then(|c| c.header.correlation);
        let flow = content.as_ref().map_or_else(Flow::default, |content| self.flow_of(content));
        let bytes = verified.envelope.encode_to_vec();
        // Of a chunk that is not kept nothing is: its case may have been erased here meanwhile.
        let is_bare = erased || outcome != RECEIVED && content.as_ref().is_some_and(|c| blob::is_chunk(&c.header));
        let bytes = if is_bare && !erased {
            Envelope { parts: Vec::new(), ..verified.envelope.clone() }.encode_to_vec()
        } else {
            bytes
        };
        let stored = match r.recipient {
            _ if is_bare => Vec::new(),
            Recipient::All => bytes.clone(),
            Recipient::One(_) => self.rest(correlation.as_ref(), "received", &verified.digest, &bytes, tx)?,
        };
        let proof = match content.as_ref().filter(|content| outcome == RECEIVED && self.keeps_proof(content)) {
            Some(_) => self.open_key(verified).ok().flatten().and_then(|key| Proof::of(verified, &key)),
            None => None,
        };
        let head = Head { incarnation: r.incarnation, sequence: r.sequence, digest: verified.digest };
        inbox::accept(
            tx,
            &inbox::Accepted {
                sender: &key.0,
                recipient: r.recipient.as_str(),
                lane: key.2,
                head,
                id: r.id,
                correlation,
                flow: &flow,
                content_digest,
                outcome: i64::from(outcome),
                expected,
                spent: (!repeated && !erased && !is_retryable(outcome)).then_some(by),
                envelope: (!is_bare).then_some(stored.as_slice()),
                erased: is_bare.then_some(bytes.as_slice()),
                proof: proof.as_ref(),
                now: micros(now),
            },
        )?;
        let Some(channel) = self.incoming.get_mut(key) else { return Ok(()) };
        let was_stray = channel.strays && inbox::forget_stray(tx, &key.0, r.id)?;
        channel.head = head;
        if key.1 && is_retryable(outcome) && channel.retry_at.is_none() {
            channel.retry_at = Some(time + channel.retry_backoff);
        }
        channel.pending.push(Accepted { head, id: r.id, outcome, expected });
        if was_stray {
            self.peer(&key.0).strays_changed(time);
        }
        Ok(())
    }

    /// The flow of what another sent. It lies in the clear, so that no name that the sender made up gets in.
    pub(super) fn flow_of(&self, content: &Content) -> Flow {
        let contract = &content.header.contract;
        let is_known = contract.as_str() == SKIP_CONTRACT
            || self.release.contract(contract).is_some()
            || self.handlers.contains_key(contract);
        if is_known { content.flow() } else { Flow::default() }
    }

    /// What becomes of a content at its position: the outcome, and whether its id was spent before.
    pub(super) fn decide(
        &mut self,
        now: Timestamp,
        key: &IncomingKey,
        verified: &Verified,
        content: &Content,
        expected: u64,
        tx: &mut Tx<'_>,
    ) -> Result<(i32, bool), Error> {
        let r = &verified.routing;
        let in_order = expected == 0 || content.ordinal == expected;
        let stated = self.stated_before(now, key, verified, tx)?;
        let spent = inbox::spent(tx, &key.0, r.id)?;
        let repeated = spent.is_some();
        let outcome = match spent {
            // A skip of what had its effect before is other content, and its sender learns so.
            Some(Spent { outcome: 0, by: SpentBy::Message, .. }) if content.skip.is_some() && !key.1 => {
                self.branch("id_repeated");
                RefusalReason::IdReused as i32
            }
            Some(Spent { digest, outcome, .. })
                if digest == content.digest_apart_from_ordinal() || content.skip.is_some() =>
            {
                if key.1 {
                    inbox::reclaim(tx, &key.0, r.id)?;
                }
                self.branch("id_repeated");
                i32::try_from(outcome).unwrap_or(0)
            }
            Some(_) => RefusalReason::IdReused as i32,
            None if in_order || matches!(stated, Some(Outcome::Refused(_))) => {
                self.apply(now, key, verified, content, stated, tx)?
            }
            None => {
                self.branch("other_number_expected");
                RefusalReason::NotYet as i32
            }
        };
        Ok((outcome, repeated))
    }

    /// What an own receipt, that a peer returned after a rollback, says of the position: what it refused stays refused,
    /// and what it received was allowed then, whatever the release here says now.
    fn stated_before(
        &mut self,
        now: Timestamp,
        key: &IncomingKey,
        verified: &Verified,
        tx: &mut Tx<'_>,
    ) -> Result<Option<Outcome>, Error> {
        let covered = self.incoming.get(key).map_or(0, |channel| channel.covered);
        let stated = if verified.routing.sequence <= covered { self.stated(now, key, verified, tx)? } else { None };
        Ok(stated.filter(|outcome| !matches!(outcome, Outcome::Refused(reason) if is_retryable(*reason as i32))))
    }

    /// Decides and performs the effect; gives the outcome.
    fn apply(
        &mut self,
        now: Timestamp,
        key: &IncomingKey,
        verified: &Verified,
        content: &Content,
        stated: Option<Outcome>,
        tx: &mut Tx<'_>,
    ) -> Result<i32, Error> {
        if let Some(Outcome::Refused(reason)) = stated {
            self.branch("receipt_honoured");
            return Ok(reason as i32);
        }
        if let Some(skip) = content.skip {
            if skip.reason != SkipReason::Erased {
                self.alarm(AlarmKind::Skipped, Some(&key.0));
            }
            self.branch("skip_received");
            return Ok(RECEIVED);
        }
        if stated.is_none() {
            let allowed = self.authorise(now, key, verified.routing.directory_version, content);
            let sequence = verified.routing.sequence;
            if let Err(reason) = self.hold_back(key, sequence, &content.header.contract, allowed) {
                return Ok(reason as i32);
            }
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
            own: key.0 == self.me,
            broadcast: key.1,
            sequence: verified.routing.sequence,
            directory_version: verified.routing.directory_version,
            header: &content.header,
            parts: &content.parts,
        };
        if blob::is_chunk(&content.header) {
            return Ok(self.take_chunk(now, &incoming, tx)?.map_or_else(|reason| reason as i32, |()| RECEIVED));
        }
        // The handler leaves the map while it works, so that what it sends can be submitted by the same engine.
        let Some(mut handler) = self.handlers.remove(&content.header.contract) else {
            return Ok(RefusalReason::NotYet as i32);
        };
        let result = tx.savepoint(|tx| {
            let mut context = Context::new(now, tx, &self.case_keys, &self.keys.id_key, self.entropy.as_mut());
            handler.receive(&incoming, &mut context)?;
            let wishes = context.finish();
            let refusal = wishes.refusal;
            self.fulfil(now, wishes, tx).map(|()| refusal.map_or(RECEIVED, |reason| reason as i32))
        });
        self.handlers.insert(content.header.contract.clone(), handler);
        match result {
            Ok(outcome) => Ok(outcome),
            Err(Refused::Store(error)) => Err(error.into()),
            Err(Refused::Key(error)) => Err(error.into()),
            Err(Refused::Reason(RefusalReason::Unspecified)) => Ok(RefusalReason::Invalid as i32),
            Err(Refused::Reason(reason)) => Ok(reason as i32),
        }
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
                if !self.allows(header, to, now) {
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

//! Taking back what this store has lost and a peer has given back.
//!
//! Nothing is believed for being returned: the reader checks its own signatures, and opens its own ciphertext with
//! part keys that only the recipient could derive.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::id::AccessPointId;
use prost::Message;

use super::{
    AlarmKind, Engine, Error, OutgoingKey,
    channel::{IncomingKey, Phase, START_SHIFT},
    micros,
    receiving::is_retryable,
    returning::ORIGINALS,
};
use crate::{
    blob,
    envelope::{self, Content, Proof, Rejected, Trust, Verified, wire},
    handler::{Context, Refused},
    message::{self, Recipient},
    pae,
    receipt::{self, Number, Statement},
    store::{
        Tx, inbox, issued,
        outbox::{self, NewMessage, State},
        sent::{self, Head, Position},
    },
};

/// How long a returned message waits for an earlier one of its case.
const EARLY_PATIENCE: SignedDuration = SignedDuration::from_secs(90);
/// Messages that wait so, at most.
const EARLY_STRAYS: usize = 1024;

impl Engine {
    /// A peer gives back what it holds of this access point.
    pub(super) fn take_return(
        &mut self,
        now: Timestamp,
        subject_sender: &AccessPointId,
        returned: wire::Returned,
        tx: &mut Tx<'_>,
    ) -> Result<(), Error> {
        let time = self.time;
        let envelope = returned.parcel.unwrap_or_default();
        let bytes = envelope.routing.clone();
        let verified = envelope::verify(envelope, pae::RETURN, &self.release, now, Trust::default()).and_then(|v| {
            let for_me = v.routing.recipient == Recipient::One(self.me.clone());
            if for_me && v.routing.sender == *subject_sender { Ok(v) } else { Err(Rejected::Misrouted) }
        });
        let parcel = verified.ok().and_then(|v| self.open(&v).ok()).and_then(|content| content.parcel());
        let Some(parcel) = parcel else { return self.quarantine(now, subject_sender, "bad_return", &bytes, tx) };
        for receipt in parcel.receipts {
            self.take_back_receipt(now, subject_sender, receipt, tx)?;
        }
        let mut keys: HashMap<_, _> = parcel.keys.into_iter().map(|k| (k.digest, k.part_keys)).collect();
        let mut own = Vec::new();
        for envelope in returned.originals.into_iter().take(ORIGINALS) {
            // An own signature holds also under a key that was revoked since. Under a later start, and a key that
            // nobody else has, it proves that another process of this access point has followed.
            let trust = Trust { erased: true, revoked: true };
            let Ok(v) = envelope::verify(envelope, pae::ENVELOPE, &self.release, now, trust) else { continue };
            let to_peer = match &v.routing.recipient {
                Recipient::One(id) => id == subject_sender,
                Recipient::All => true,
            };
            if v.routing.sender == self.me && to_peer && v.routing.lane.is_some() {
                let key = self.release.signing_key(&self.me, &v.routing.signing_key);
                let is_mine_alone = key.is_some_and(|key| key.revoked.is_none());
                if v.routing.incarnation >> START_SHIFT > self.start && is_mine_alone {
                    return Err(Error::Superseded);
                }
                let part_keys = keys.remove(v.digest.as_slice()).unwrap_or_default();
                own.push((v, part_keys));
            }
        }
        own.sort_by_key(|(v, _)| (v.routing.lane, v.routing.sequence, v.routing.incarnation));
        for (verified, part_keys) in own {
            self.take_back(now, verified, &part_keys, tx)?;
        }
        self.peer(subject_sender).status_due(time);
        self.take_held(now, tx)
    }

    /// A receipt that this access point once issued and no longer has.
    fn take_back_receipt(
        &mut self,
        now: Timestamp,
        peer: &AccessPointId,
        receipt: wire::Receipt,
        tx: &mut Tx<'_>,
    ) -> Result<(), Error> {
        let Ok(v) = receipt::verify(receipt, &self.release, now, true) else { return Ok(()) };
        let s = &v.statement;
        if s.issuer != self.me || s.sender != *peer || s.number.series >= self.start {
            return Ok(());
        }
        let key = (peer.clone(), s.recipient == Recipient::All, s.lane);
        let Some(channel) = self.incoming.get_mut(&key) else { return Ok(()) };
        if s.number <= channel.receipt.0 {
            return Ok(());
        }
        // Those between are returned with the next status: none is passed over that this disk may contradict.
        let before = Number { series: s.number.series, number: s.number.number - 1 };
        if before.number > 0 && issued::at(tx, self.channel(&key), before)?.is_none() {
            return Ok(());
        }
        let parting = self.parting(&key, s, tx)?;
        let Some(channel) = self.incoming.get_mut(&key) else { return Ok(()) };
        channel.receipt = (s.number, v.digest);
        channel.covered = channel.covered.max(s.last);
        let head = channel.head.sequence;
        issued::keep(tx, &v)?;
        self.branch("receipt_taken_back");
        self.alarm(AlarmKind::RolledBack, Some(peer));
        let otherwise = s.first <= head && self.says_otherwise(&key, s, tx)?;
        // Written by a history that this store is not: the sender has to know what is on this disk, once it has
        // returned everything. A receipt issued before would be taken for the last.
        let found = otherwise.then_some(s.first).into_iter().chain(parting);
        let Some(channel) = self.incoming.get_mut(&key) else { return Ok(()) };
        let from = found.chain(channel.restate_from).min();
        if from != channel.restate_from {
            channel.restate_from = from;
            issued::owe(tx, self.channel(&key), from)?;
        }
        Ok(())
    }

    /// Where a receipt goes on from an earlier one than the last here, or from one that is not here: the first position
    /// of which the sender may hold something else than this store has stated last.
    fn parting(&self, key: &IncomingKey, s: &Statement, tx: &mut Tx<'_>) -> Result<Option<u64>, Error> {
        if self.incoming.get(key).is_none_or(|channel| channel.receipt.1 == s.previous) {
            return Ok(None);
        }
        let Some(before) = issued::place(tx, self.channel(key), &s.previous)? else { return Ok(Some(1)) };
        Ok(issued::first_stated_after(tx, self.channel(key), before)?)
    }

    /// Whether a receipt says of an accepted position the opposite of what is on this disk.
    fn says_otherwise(&self, key: &IncomingKey, s: &Statement, tx: &mut Tx<'_>) -> Result<bool, Error> {
        let taken = inbox::accepted_from(tx, self.channel(key), s.first)?;
        Ok(taken.iter().take_while(|taken| taken.head.sequence <= s.last).any(|taken| {
            let refused = s.refusals.iter().find(|refusal| refusal.sequence == taken.head.sequence);
            let said = refused.map_or(0, |refusal| refusal.reason as i32);
            !is_retryable(taken.outcome) && (said == 0) != (taken.outcome == 0)
        }))
    }

    /// An envelope that this access point once signed.
    fn take_back(&mut self, now: Timestamp, v: Verified, part_keys: &[Vec<u8>], tx: &mut Tx<'_>) -> Result<(), Error> {
        let r = v.routing.clone();
        let Some(lane) = r.lane else { return Ok(()) };
        let key: OutgoingKey = (r.recipient.clone(), lane);
        let content = if v.envelope.parts.is_empty() {
            None
        } else {
            match envelope::open_returned(&v, part_keys) {
                Ok(opened) => Some(opened.content),
                // An own signature over what nobody can read.
                Err(_) if part_keys.is_empty() => {
                    self.alarm(AlarmKind::Fork, None);
                    None
                }
                // Keys that do not open it: the peer is wrong, and what it says is not used.
                Err(_) => return Ok(()),
            }
        };
        let Some(out) = self.outgoing.get_mut(&key) else { return Ok(()) };
        let wanted = out.phase == Phase::Opening && out.return_from > 0 && r.sequence == out.tip.sequence + 1;
        if wanted && r.previous != out.tip.digest {
            // The histories part earlier still.
            let earlier = sent::position(tx, &key.0, key.1, out.tip.sequence / 2)?;
            out.tip = earlier.unwrap_or_default();
            out.return_from = out.tip.sequence + 1;
            self.branch("histories_part_earlier");
            return Ok(());
        }
        let Some(out) = self.outgoing.get(&key) else { return Ok(()) };
        let extends = key.0 != Recipient::All
            && out.phase == Phase::Opening
            && out.return_from > 0
            && r.sequence == out.tip.sequence + 1
            && r.previous == out.tip.digest;
        let known = outbox::find(tx, r.id)?.is_some();
        let is_skip = content.as_ref().is_some_and(|c| c.skip.is_some());
        if let (false, true, Some(content)) = (known, is_skip, &content) {
            self.restore_skipped(now, &key, &v, content, tx)?;
        } else if !known {
            self.restore_message(now, &v, content.as_ref(), extends, tx)?;
        }
        if extends {
            self.restore_position(&key, &v, content.as_ref(), part_keys, tx)?;
        }
        Ok(())
    }

    /// Puts a lost message back into the outbox and tells its service.
    fn restore_message(
        &mut self,
        now: Timestamp,
        v: &Verified,
        content: Option<&Content>,
        placed: bool,
        tx: &mut Tx<'_>,
    ) -> Result<(), Error> {
        let Some(content) = content else { return Ok(()) };
        let r = &v.routing;
        let (Some(lane), header) = (r.lane, &content.header) else { return Ok(()) };
        if !placed && self.comes_too_early(v, content, tx)? {
            return Ok(());
        }
        let mut draft = content.clone();
        draft.ordinal = 0;
        let body = self.rest(header.correlation.as_ref(), "outbox", &r.id.0, &draft.pack(), tx)?;
        let serial = self.next_serial;
        self.next_serial += 1;
        outbox::insert(
            tx,
            &NewMessage {
                id: r.id,
                recipient: &r.recipient,
                lane,
                serial,
                flow: content.flow(),
                correlation: header.correlation,
                ordinal: content.ordinal,
                draft_digest: draft.digest(),
                content: Some(&body),
                state: State::Draft,
                signed: true,
                now: micros(now),
            },
        )?;
        if let Some(out) = self.outgoing.get_mut(&(r.recipient.clone(), lane)) {
            out.drafts = true;
        }
        self.branch("message_restored");
        if blob::is_chunk(header) {
            return Ok(());
        }
        let Some(mut handler) = self.handlers.remove(&header.contract) else { return Ok(()) };
        let incoming = message::Incoming {
            id: r.id,
            sender: &r.sender,
            own: r.sender == self.me,
            broadcast: r.recipient == Recipient::All,
            sequence: r.sequence,
            directory_version: r.directory_version,
            header,
            parts: &content.parts,
        };
        let result = tx.savepoint(|tx| {
            let mut context = Context::new(now, tx, &self.case_keys, &self.keys.id_key, self.entropy.as_mut());
            handler.recovered(&incoming, &mut context)?;
            let wishes = context.finish();
            self.fulfil(now, wishes, tx)
        });
        self.handlers.insert(header.contract.clone(), handler);
        match result {
            Err(Refused::Store(error)) => Err(error.into()),
            Err(Refused::Key(error)) => Err(error.into()),
            Err(Refused::Reason(_)) | Ok(()) => Ok(()),
        }
    }

    /// Notes a message that was given up before this store was rolled back.
    fn restore_skipped(
        &mut self,
        now: Timestamp,
        key: &OutgoingKey,
        v: &Verified,
        content: &Content,
        tx: &mut Tx<'_>,
    ) -> Result<(), Error> {
        let serial = self.next_serial;
        self.next_serial += 1;
        outbox::insert(
            tx,
            &NewMessage {
                id: v.routing.id,
                recipient: &key.0,
                lane: key.1,
                serial,
                flow: content.flow(),
                correlation: content.header.correlation,
                ordinal: content.ordinal,
                draft_digest: outbox::GIVEN_UP,
                content: None,
                state: State::Skipped,
                signed: true,
                now: micros(now),
            },
        )?;
        self.branch("skip_restored");
        Ok(())
    }

    /// Whether a returned message should wait for an earlier one of its case to be returned as well. Not for ever: the
    /// earlier one may never have left.
    fn comes_too_early(&mut self, v: &Verified, content: &Content, tx: &mut Tx<'_>) -> Result<bool, Error> {
        let time = self.time;
        let (Some(case), true) = (&content.header.correlation, content.ordinal > 0) else { return Ok(false) };
        let counted = outbox::last_counted(tx, &v.routing.recipient, case)?;
        let last = counted.max(outbox::last_number(tx, &v.routing.recipient, case)?);
        if content.ordinal <= last + 1 {
            self.early_strays.remove(&v.routing.id);
            return Ok(false);
        }
        if self.early_strays.len() >= EARLY_STRAYS {
            self.early_strays.clear();
        }
        let since = *self.early_strays.entry(v.routing.id).or_insert(time);
        let waits = time.duration_since(since) < EARLY_PATIENCE;
        if !waits {
            self.early_strays.remove(&v.routing.id);
            self.branch("earlier_of_case_lost");
        }
        Ok(waits)
    }

    /// Puts a lost position back: the peer accepted it, so this history holds and any other is given up.
    fn restore_position(
        &mut self,
        key: &OutgoingKey,
        v: &Verified,
        content: Option<&Content>,
        part_keys: &[Vec<u8>],
        tx: &mut Tx<'_>,
    ) -> Result<(), Error> {
        let r = &v.routing;
        let head = Head { incarnation: r.incarnation, sequence: r.sequence, digest: v.digest };
        let restored = sent::position(tx, &key.0, key.1, r.sequence)? != Some(head);
        if restored {
            sent::give_up_after(tx, &key.0, key.1, r.sequence - 1)?;
            let correlation = content.and_then(|c| c.header.correlation);
            let bytes = v.envelope.encode_to_vec();
            let skeleton = wire::Envelope { parts: Vec::new(), ..v.envelope.clone() }.encode_to_vec();
            let proof = content.filter(|content| self.keeps_proof(content)).and_then(|_| Proof::returned(part_keys));
            let body = match content {
                Some(_) => Some(self.rest(correlation.as_ref(), "sent", &r.id.0, &bytes, tx)?),
                None => None,
            };
            let flow = match content {
                Some(content) => content.flow(),
                None => outbox::flow(tx, r.id)?.unwrap_or_default(),
            };
            sent::add_position(
                tx,
                &Position {
                    recipient: &key.0,
                    lane: key.1,
                    head,
                    id: r.id,
                    correlation,
                    ordinal: content.map_or(0, |content| content.ordinal),
                    flow,
                    envelope: body.as_deref(),
                    erased: content.is_none().then_some(skeleton.as_slice()),
                    proof: proof.as_ref(),
                    now: micros(r.create_time),
                },
            )?;
            match content {
                Some(content) => {
                    let skip = content.skip.map_or(0, |s| s.reason as i64);
                    outbox::place(tx, r.id, content.ordinal, skip)?;
                }
                None => outbox::place_bare(tx, r.id)?,
            }
            self.branch("position_restored");
        }
        if let Some(out) = self.outgoing.get_mut(key) {
            out.tip = head;
            if restored {
                out.receipted = out.receipted.min(r.sequence - 1);
            }
            out.head = sent::head(tx, &key.0, key.1)?;
            out.return_from = head.sequence + 1;
        }
        Ok(())
    }
}

//! Giving messages their position: the last check, sealing, signing.

use std::collections::HashMap;

use jiff::Timestamp;
use nhipcau_domain::id::{AccessPointId, PartyId};

use super::{AlarmKind, Engine, Error, OutgoingKey, channel::IN_FLIGHT, channel::Phase, micros};
use crate::{
    blob,
    envelope::{Content, Place, Sealed, Sender, Skip, seal},
    handler::Context,
    message::{Correlation, Header, MessageId, Recipient, SkipReason},
    store::{
        Tx,
        outbox::{self, Pending},
        sent::{self, Head, Position},
    },
};

/// Messages signed in one group on one channel.
const AT_ONCE: u64 = 256;

/// The contract of a skip.
pub(super) const SKIP_CONTRACT: &str = "nhipcau.envelope.v1";
/// The message name of a skipped position.
const SKIPPED: &str = "nhipcau.envelope.v1.Skip";

/// What came of sealing.
enum Attempt {
    /// Sealed and signed for its place.
    Sealed(Box<Sealed>, Head),
    /// The recipient has no usable sealing key: everything waits.
    NoKey,
    /// The content does not fit an envelope.
    Unsealable,
}

/// Contents of messages that were accepted in this transaction and wait to be signed.
#[derive(Default)]
pub(super) struct Drafted(HashMap<MessageId, Content>);

impl Drafted {
    pub(super) fn remember(id: MessageId, content: Content, tx: &mut Tx<'_>) {
        let Self(contents) = tx.memory();
        if contents.len() < AT_ONCE as usize {
            contents.insert(id, content);
        }
    }

    /// What was stored of a case is gone.
    pub(super) fn forget(case: &Correlation, tx: &mut Tx<'_>) {
        tx.memory::<Self>().0.retain(|_, content| content.header.correlation.as_ref() != Some(case));
    }

    fn take(id: MessageId, tx: &mut Tx<'_>) -> Option<Content> {
        tx.memory::<Self>().0.remove(&id)
    }
}

impl Engine {
    /// Signs the drafts of every open channel, in the order of their acceptance.
    pub(super) fn seal_drafts(&mut self, now: Timestamp, tx: &mut Tx<'_>) -> Result<(), Error> {
        let ready: Vec<OutgoingKey> = self
            .outgoing
            .iter()
            .filter(|(_, out)| out.drafts && out.phase == Phase::Open)
            .map(|(key, _)| key.clone())
            .collect();
        for key in ready {
            self.seal_channel(now, &key, tx)?;
        }
        Ok(())
    }

    fn seal_channel(&mut self, now: Timestamp, key: &OutgoingKey, tx: &mut Tx<'_>) -> Result<(), Error> {
        let Some(out) = self.outgoing.get(key) else { return Ok(()) };
        let receipted = if key.0 == Recipient::All { out.handed } else { out.receipted };
        let room = IN_FLIGHT.saturating_sub(out.head.sequence - receipted).min(AT_ONCE);
        if room == 0 {
            return Ok(());
        }
        let drafts = outbox::drafts(tx, &key.0, key.1, room)?;
        let more = drafts.len() as u64 == room;
        for draft in drafts {
            if !self.seal_one(now, key, draft, tx)? {
                return Ok(());
            }
        }
        if let Some(out) = self.outgoing.get_mut(key) {
            out.drafts = more;
        }
        Ok(())
    }

    /// Signs one draft; `false` when the recipient has no usable sealing key and everything must wait.
    fn seal_one(&mut self, now: Timestamp, key: &OutgoingKey, draft: Pending, tx: &mut Tx<'_>) -> Result<bool, Error> {
        let content = self.content_of(&draft, tx)?;
        let skip = match (&content, SkipReason::try_from(i32::try_from(draft.skip).unwrap_or(0))) {
            (_, Ok(reason)) if reason != SkipReason::Unspecified => Some(reason),
            (None, _) if !draft.is_whole && !self.case_keys.has(draft.correlation.as_ref(), tx)? => {
                Some(SkipReason::Erased)
            }
            (None, _) => Some(SkipReason::Unreadable),
            (Some(content), _) => self.may_send(now, draft.id, &key.0, content, tx)?,
        };
        if skip.is_some() && !draft.signed {
            // The recipient was never to expect it: no position is needed.
            outbox::skipped(tx, draft.id, skip.map_or(0, |s| s as i64))?;
            self.tell_skipped(skip, &key.0);
            return Ok(true);
        }

        if skip.is_some() && key.0 != Recipient::All {
            self.strip_positions(draft.id, draft.correlation.as_ref(), tx)?;
        }
        let ordinal = self.number(key, draft.correlation.as_ref(), tx)?;
        let content = match (skip, content) {
            (None, Some(mut content)) => {
                content.ordinal = ordinal;
                content
            }
            (reason, _) => {
                let reason = reason.unwrap_or(SkipReason::Unreadable);
                let Some(content) = self.skip_content(draft.id, reason, &key.0, draft.correlation, ordinal) else {
                    outbox::skipped(tx, draft.id, reason as i64)?;
                    self.tell_skipped(Some(reason), &key.0);
                    return Ok(true);
                };
                content
            }
        };
        let (sealed, head) = match self.seal_at_head(now, key, draft.id, &content)? {
            Attempt::Sealed(sealed, head) => (sealed, head),
            Attempt::NoKey => return Ok(false),
            Attempt::Unsealable if skip.is_none() => {
                // Written by a version with other limits: it can never be sent.
                outbox::give_up(tx, draft.id, SkipReason::Unreadable as i64)?;
                return Ok(true);
            }
            Attempt::Unsealable => return Ok(false),
        };

        let proof = sealed.proof.as_ref().filter(|_| self.keeps_proof(&content));
        let bytes = prost::Message::encode_to_vec(&sealed.envelope);
        let stored = match key.0 {
            Recipient::All => bytes,
            Recipient::One(_) => self.rest(draft.correlation.as_ref(), "sent", &draft.id.0, &bytes, tx)?,
        };
        sent::add_position(
            tx,
            &Position {
                recipient: &key.0,
                lane: key.1,
                head,
                id: draft.id,
                correlation: draft.correlation,
                ordinal,
                flow: content.flow(),
                envelope: Some(&stored),
                erased: None,
                proof,
                now: micros(now),
            },
        )?;
        outbox::signed(tx, draft.id, ordinal, skip.map_or(0, |s| s as i64))?;
        self.tell_skipped(skip, &key.0);
        let time = self.time;
        if let Some(out) = self.outgoing.get_mut(key) {
            out.head = head;
            if time >= out.hold_until {
                out.fresh.push((head.sequence, sealed.envelope));
            }
        }
        Ok(true)
    }

    /// The content of a draft, when it is there and can be read.
    fn content_of(&mut self, draft: &Pending, tx: &mut Tx<'_>) -> Result<Option<Content>, Error> {
        if let Some(content) = Drafted::take(draft.id, tx) {
            return Ok(Some(content));
        }
        let stored = outbox::content(tx, draft.serial)?;
        let bytes = self.wake(draft.correlation.as_ref(), "outbox", &draft.id.0, stored.as_deref(), tx)?;
        Ok(bytes.and_then(|bytes| Content::unpack(&bytes)))
    }

    /// The rules rechecked each time a message is signed or published: agreement, basis, revocation.
    pub(super) fn may_send(
        &mut self,
        now: Timestamp,
        id: MessageId,
        recipient: &Recipient,
        content: &Content,
        tx: &mut Tx<'_>,
    ) -> Result<Option<SkipReason>, Error> {
        let header = &content.header;
        let allowed = match (recipient, &header.recipient) {
            (Recipient::All, _) => self.release.broadcast_allowed(&header.sender.party, &header.contract),
            (Recipient::One(access_point), Some(to)) => {
                if self.release.access_point(access_point).is_none() {
                    return Ok(Some(SkipReason::RecipientGone));
                }
                self.allows(header, to, now)
            }
            (Recipient::One(_), None) => false,
        };
        if !allowed {
            return Ok(Some(SkipReason::AgreementEnded));
        }
        match self.handlers.get_mut(&header.contract) {
            None => Ok(None),
            Some(handler) => Ok(handler.may_send(
                id,
                header,
                &mut Context::new(now, tx, &self.case_keys, &self.keys.id_key, self.entropy.as_mut()),
            )?),
        }
    }

    /// Whether what proves a message is kept with its position.
    pub(super) fn keeps_proof(&self, content: &Content) -> bool {
        let handler = self.handlers.get(&content.header.contract);
        let part = content.parts.first().filter(|_| content.skip.is_none() && !blob::is_chunk(&content.header));
        handler.zip(part).is_some_and(|(handler, part)| handler.keeps_proof(&content.header, part))
    }

    fn seal_at_head(
        &mut self,
        now: Timestamp,
        key: &OutgoingKey,
        id: MessageId,
        content: &Content,
    ) -> Result<Attempt, Error> {
        let Some(out) = self.outgoing.get(key) else { return Ok(Attempt::NoKey) };
        let sequence = out.head.sequence + 1;
        let place = Place {
            lane: Some(key.1),
            incarnation: out.incarnation,
            sequence,
            base_sequence: out.base,
            previous: out.head.digest,
            create_time: now,
        };
        let sender =
            Sender { access_point: &self.me, signing: &self.keys.signing, directory_version: self.release.version() };
        let entropy = self.entropy.as_mut();
        let sealed = match &key.0 {
            Recipient::All => seal(sender, &key.0, place, id, content, None, entropy),
            Recipient::One(access_point) => {
                let Some(sealing) = self.release.sealing_key(access_point, now) else { return Ok(Attempt::NoKey) };
                let to = (access_point, &sealing.id, &sealing.public);
                // A public key that cannot be sealed to is as good as none.
                let Ok((channel_key, wrapped)) = self.channel_keys.get(sender, to, now, entropy) else {
                    return Ok(Attempt::NoKey);
                };
                seal(sender, &key.0, place, id, content, Some((&sealing.id, &channel_key, &wrapped)), entropy)
            }
        };
        Ok(match sealed {
            Ok(sealed) => {
                let head = Head { incarnation: place.incarnation, sequence, digest: sealed.digest };
                Attempt::Sealed(Box::new(sealed), head)
            }
            Err(_) => Attempt::Unsealable,
        })
    }

    /// A content that only fills a position. Names the first party of each side, since the message's own parties may
    /// be gone with its content.
    fn skip_content(
        &self,
        id: MessageId,
        reason: SkipReason,
        recipient: &Recipient,
        correlation: Option<Correlation>,
        ordinal: u64,
    ) -> Option<Content> {
        let party = |access_point: &AccessPointId| -> Option<PartyId> {
            self.release.access_point(access_point)?.parties.iter().next().cloned()
        };
        let address = |party| crate::message::Address { party, unit: None };
        let to = match recipient {
            Recipient::All => None,
            Recipient::One(access_point) => Some(address(party(access_point)?)),
        };
        let header = Header {
            message: SKIPPED.to_owned(),
            contract: nhipcau_domain::id::ContractId::new(SKIP_CONTRACT).ok()?,
            contract_minor: 0,
            sender: address(party(&self.me)?),
            recipient: to,
            purpose: nhipcau_domain::id::Purpose::new("skip").ok()?,
            legal_basis: String::new(),
            correlation,
            kind: String::new(),
            corrected: None,
            traceparent: String::new(),
            blobs: Vec::new(),
        };
        Some(Content { header, ordinal, skip: Some(Skip { id, reason }), parts: Vec::new() })
    }

    fn tell_skipped(&mut self, reason: Option<SkipReason>, recipient: &Recipient) {
        let Some(reason) = reason else { return };
        self.branch("skipped");
        if reason != SkipReason::Erased {
            let peer = match recipient {
                Recipient::One(peer) => Some(peer.clone()),
                Recipient::All => None,
            };
            self.alarm(AlarmKind::Skipped, peer.as_ref());
        }
    }
}

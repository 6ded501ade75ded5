//! Broadcasts that could not be taken when they came. Nobody sends them again: their publisher waits for no one, and
//! their envelopes are on disk. They are applied from there, in order, and a receipt says so.
//!
//! What the release or the program here is too old for holds back all that follows of its publisher and contract. What
//! only its service could not take yet is tried again too, and holds nothing back: the service knows its own order.

use jiff::Timestamp;
use nhipcau_domain::id::ContractId;
use prost::Message;

use super::{
    Engine, Error,
    channel::{IncomingKey, RETRY_FIRST, RETRY_LONGEST},
    receiving::is_retryable,
};
use crate::{
    envelope::{self, Trust, Verified, wire},
    message::RefusalReason,
    pae,
    store::{Tx, inbox},
};

/// Positions of a channel that are tried again in one transaction.
const BATCH: u64 = 256;

/// How far trying again has come; the next transaction goes on there.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Round {
    /// The last position tried.
    after: u64,
    /// Whether something still cannot be taken.
    waits: bool,
}

impl Engine {
    /// Whether a content of a broadcast that is allowed may have its effect, or an earlier one has to come first.
    pub(super) fn hold_back(
        &mut self,
        key: &IncomingKey,
        sequence: u64,
        contract: &ContractId,
        allowed: Result<(), RefusalReason>,
    ) -> Result<(), RefusalReason> {
        let Some(channel) = self.incoming.get_mut(key).filter(|_| key.1) else { return allowed };
        if allowed == Err(RefusalReason::NotYet) {
            channel.held_back.insert(contract.clone());
            return allowed;
        }
        // What comes during a round is behind all that the round has yet to try.
        let is_behind = channel.round.is_some() && sequence > channel.head.sequence;
        if !is_behind && !channel.held_back.contains(contract) {
            return allowed;
        }
        self.branch("broadcast_held_back");
        Err(RefusalReason::NotYet)
    }

    /// Tries what broadcasts brought and could not be taken, where it is time to. Not before the publisher has said
    /// that no receipt of this access point is missing here: what an own receipt refused for good stays refused.
    pub(super) fn apply_held_back(&mut self, now: Timestamp, tx: &mut Tx<'_>) -> Result<(), Error> {
        let time = self.time;
        let is_due = |at: Timestamp| at <= time;
        let due: Vec<IncomingKey> = self
            .incoming
            .iter()
            .filter(|(_, channel)| channel.synced && channel.retry_at.is_some_and(is_due))
            .map(|(key, _)| key.clone())
            .collect();
        for key in due {
            self.apply_held_back_of(now, &key, tx)?;
        }
        Ok(())
    }

    fn apply_held_back_of(&mut self, now: Timestamp, key: &IncomingKey, tx: &mut Tx<'_>) -> Result<(), Error> {
        let time = self.time;
        let Some(channel) = self.incoming.get_mut(key) else { return Ok(()) };
        let mut round = channel.round.take().unwrap_or_else(|| {
            channel.held_back.clear();
            Round::default()
        });
        let batch = inbox::refused_for_now(tx, self.channel(key), round.after, BATCH)?;
        let mut first = None;
        for &sequence in &batch {
            let outcome = self.try_held_back(now, key, sequence, tx)?;
            match outcome {
                Some(outcome) if !is_retryable(outcome) => {
                    first.get_or_insert(sequence);
                }
                _ => round.waits = true,
            }
            round.after = sequence;
        }
        let Some(channel) = self.incoming.get_mut(key) else { return Ok(()) };
        if batch.len() as u64 == BATCH {
            channel.round = Some(round);
        } else {
            channel.retry_at = round.waits.then(|| time + channel.retry_backoff);
            channel.retry_backoff =
                if round.waits { (channel.retry_backoff * 2).min(RETRY_LONGEST) } else { RETRY_FIRST };
        }
        match first {
            Some(first) => self.restate(key, first, tx),
            None => Ok(()),
        }
    }

    /// Tries one position; gives its outcome, or nothing when its envelope is no longer believed.
    fn try_held_back(
        &mut self,
        now: Timestamp,
        key: &IncomingKey,
        sequence: u64,
        tx: &mut Tx<'_>,
    ) -> Result<Option<i32>, Error> {
        let Some(verified) = self.held_back_at(now, key, sequence, tx)? else { return Ok(None) };
        let Ok(content) = self.open(&verified) else { return Ok(None) };
        let (outcome, repeated) = self.decide(now, key, &verified, &content, 0, tx)?;
        if is_retryable(outcome) {
            return Ok(Some(outcome));
        }
        let flow = self.flow_of(&content);
        inbox::settle(tx, self.channel(key), (sequence, &flow), outcome, !repeated)?;
        if let Some(channel) = self.incoming.get_mut(key) {
            let pending = channel.pending.iter_mut().filter(|accepted| accepted.head.sequence == sequence);
            pending.for_each(|accepted| accepted.outcome = outcome);
        }
        self.branch("broadcast_applied_later");
        Ok(Some(outcome))
    }

    /// A position's envelope, if its signer is still to be believed.
    fn held_back_at(
        &self,
        now: Timestamp,
        key: &IncomingKey,
        sequence: u64,
        tx: &mut Tx<'_>,
    ) -> Result<Option<Verified>, Error> {
        let stored = inbox::envelope_at(tx, self.channel(key), sequence)?;
        let envelope = stored.and_then(|bytes| wire::Envelope::decode(bytes.as_slice()).ok());
        Ok(envelope.and_then(|e| envelope::verify(e, pae::ENVELOPE, &self.release, now, Trust::default()).ok()))
    }
}

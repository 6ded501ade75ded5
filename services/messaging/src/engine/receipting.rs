//! Receipts as they are issued: for what this group accepted, and again for whoever lacks them.

use jiff::Timestamp;
use nhipcau_domain::id::AccessPointId;
use prost::Message;

use super::{
    Engine, Error, Kind, Output,
    channel::{Accepted, IncomingKey},
    publishing::BUNDLE_LIMIT,
    receiving::is_retryable,
};
use crate::{
    envelope::{self, wire},
    message::{Outcome, Recipient, RefusalReason},
    receipt::{self, Number, REFUSALS_LIMIT, Refusal, Statement},
    store::{Tx, inbox, issued},
};

/// Receipts of one bundle, at most.
pub(super) const BUNDLE_RECEIPTS: usize = 256;

impl Engine {
    /// Issues the receipts of this group, in the same transaction as the effects, and repeats the ones that were
    /// asked for.
    pub(super) fn issue_receipts(&mut self, now: Timestamp, tx: &mut Tx<'_>) -> Result<(), Error> {
        let ready: Vec<IncomingKey> = self
            .incoming
            .iter()
            .filter(|(_, channel)| !channel.pending.is_empty() || !channel.answers.is_empty())
            .map(|(key, _)| key.clone())
            .collect();
        for key in ready {
            self.issue_channel(now, &key, tx)?;
        }
        Ok(())
    }

    fn issue_channel(&mut self, now: Timestamp, key: &IncomingKey, tx: &mut Tx<'_>) -> Result<(), Error> {
        let Some(channel) = self.incoming.get_mut(key) else { return Ok(()) };
        let pending = std::mem::take(&mut channel.pending);
        let answers = std::mem::take(&mut channel.answers);
        let mut receipts = Vec::new();
        for number in answers {
            let before = Number { series: number.series, number: number.number - 1 };
            receipts.extend(issued::after(tx, self.channel(key), before)?.into_iter().take(1));
        }
        for run in
            pending.chunk_by(|a, b| a.head.incarnation == b.head.incarnation && a.head.sequence + 1 == b.head.sequence)
        {
            for part in run.chunks(REFUSALS_LIMIT) {
                receipts.extend(self.issue(now, key, part, tx)?);
            }
        }
        self.publish_receipts(now, &key.0, receipts, tx)
    }

    fn issue(
        &mut self,
        now: Timestamp,
        key: &IncomingKey,
        accepted: &[Accepted],
        tx: &mut Tx<'_>,
    ) -> Result<Option<wire::Receipt>, Error> {
        let (Some(first), Some(last), Some(channel)) = (accepted.first(), accepted.last(), self.incoming.get(key))
        else {
            return Ok(None);
        };
        let (before, previous) = channel.receipt;
        let (number, previous) = if before.series == self.start {
            (before.number + 1, previous)
        } else {
            (1, channel.link.unwrap_or(previous))
        };
        let statement = Statement {
            issuer: self.me.clone(),
            sender: key.0.clone(),
            recipient: if key.1 { Recipient::All } else { Recipient::One(self.me.clone()) },
            lane: key.2,
            incarnation: last.head.incarnation,
            first: first.head.sequence,
            last: last.head.sequence,
            head: last.head.digest,
            refusals: accepted
                .iter()
                .filter(|a| a.outcome != 0)
                .map(|a| {
                    let reason = RefusalReason::try_from(a.outcome).unwrap_or(RefusalReason::Invalid);
                    Refusal { sequence: a.head.sequence, id: a.id, reason, expected: a.expected }
                })
                .collect(),
            number: Number { series: self.start, number },
            previous,
            receive_time: now,
            directory_version: self.release.version(),
        };
        let issued = receipt::issue(statement, self.sender());
        issued::keep(tx, &issued)?;
        if let Some(channel) = self.incoming.get_mut(key) {
            channel.receipt = (issued.statement.number, issued.digest);
            channel.covered = channel.covered.max(issued.statement.last);
        }
        Ok(Some(issued.receipt))
    }

    /// Gives receipts to the shell, or takes them at once when they are one's own.
    pub(super) fn publish_receipts(
        &mut self,
        now: Timestamp,
        to: &AccessPointId,
        receipts: Vec<wire::Receipt>,
        tx: &mut Tx<'_>,
    ) -> Result<(), Error> {
        if receipts.is_empty() {
            return Ok(());
        }
        if *to == self.me {
            for receipt in receipts {
                self.take_receipt(now, to, receipt, tx)?;
            }
            return Ok(());
        }
        let mut bundle = wire::Bundle::default();
        let mut size = 0;
        for receipt in receipts {
            let length = receipt.encoded_len() + 8;
            if size + length > BUNDLE_LIMIT - 1024 || bundle.receipts.len() >= BUNDLE_RECEIPTS {
                self.publish_receipt_bundle(to, &std::mem::take(&mut bundle));
                size = 0;
            }
            size += length;
            bundle.receipts.push(receipt);
        }
        self.publish_receipt_bundle(to, &bundle);
        Ok(())
    }

    fn publish_receipt_bundle(&mut self, to: &AccessPointId, bundle: &wire::Bundle) {
        let token = self.token();
        let (recipient, bytes) = (Recipient::One(to.clone()), bundle.encode_to_vec());
        self.outputs.push(Output::Publish { kind: Kind::Receipts, recipient, bytes, token });
    }

    /// What an own earlier receipt states of an envelope at its position; that it could not be taken yet, when nothing
    /// else was said.
    pub(super) fn stated(
        &mut self,
        now: Timestamp,
        key: &IncomingKey,
        verified: &envelope::Verified,
        tx: &mut Tx<'_>,
    ) -> Result<Option<Outcome>, Error> {
        let routing = &verified.routing;
        let mut for_now = None;
        for receipt in issued::all_covering(tx, self.channel(key), routing.sequence)? {
            let Ok(receipt) = receipt::verify(receipt, &self.release, now, true) else { return Ok(None) };
            let s = &receipt.statement;
            let refusal = s.refusals.iter().find(|refusal| refusal.sequence == routing.sequence);
            let outcome = match refusal {
                // What was said after it counts.
                Some(refusal) if is_retryable(refusal.reason as i32) => {
                    for_now = (refusal.id == routing.id).then_some(Outcome::Refused(refusal.reason));
                    continue;
                }
                Some(refusal) => (refusal.id == routing.id).then_some(Outcome::Refused(refusal.reason)),
                // A receipt names its received positions by the digest of the last one only. For those before it the
                // sender's present incarnation must be known, so that no given-up envelope passes for what was
                // received.
                None => {
                    let known = self.incoming.get(key).is_some_and(|channel| channel.base.is_some());
                    let names = if s.last == routing.sequence { s.head == verified.digest } else { known };
                    let speaks = s.incarnation == routing.incarnation && names;
                    (!key.1 && speaks).then_some(Outcome::Received)
                }
            };
            return Ok(outcome);
        }
        Ok(for_now)
    }

    /// Whether the own receipt that speaks last of this position names another envelope there.
    pub(super) fn contradicts_receipt(
        &mut self,
        now: Timestamp,
        key: &IncomingKey,
        verified: &envelope::Verified,
        tx: &mut Tx<'_>,
    ) -> Result<bool, Error> {
        let Some(receipt) = issued::ending_at(tx, self.channel(key), verified.routing.sequence)? else {
            return Ok(false);
        };
        let Ok(receipt) = receipt::verify(receipt, &self.release, now, true) else { return Ok(false) };
        // Signed anew since, under a higher incarnation, the position was agreed on without what the receipt names.
        let (s, r) = (&receipt.statement, &verified.routing);
        Ok(!key.1 && s.head != verified.digest && s.incarnation >= r.incarnation)
    }

    /// States positions again that the sender has no usable receipt for, though it has all there are.
    pub(super) fn restate(&mut self, key: &IncomingKey, from: u64, tx: &mut Tx<'_>) -> Result<(), Error> {
        let again = inbox::accepted_from(tx, self.channel(key), from)?;
        let Some(channel) = self.incoming.get_mut(key) else { return Ok(()) };
        let pending = channel.pending.first().map_or(u64::MAX, |first| first.head.sequence);
        let mut stated: Vec<_> = again
            .into_iter()
            .map(|inbox::Stated { head, id, outcome, expected }| Accepted { head, id, outcome, expected })
            .filter(|accepted| accepted.head.sequence < pending)
            .collect();
        stated.append(&mut channel.pending);
        channel.pending = stated;
        self.branch("receipts_restated");
        Ok(())
    }

    /// Sends the receipts after the last one that the sender holds. It can believe none of them once their key has been
    /// revoked: then what they stated is stated anew under the present key, after the last one that it does hold.
    pub(super) fn repeat_receipts(
        &mut self,
        now: Timestamp,
        key: &IncomingKey,
        theirs: Number,
        tx: &mut Tx<'_>,
    ) -> Result<(), Error> {
        let mut after = theirs;
        loop {
            let page = issued::after(tx, self.channel(key), after)?;
            let places: Vec<_> = page.iter().filter_map(|r| receipt::place_of(r, &self.release, now)).collect();
            let Some((last, _)) = places.last() else { break };
            after = *last;
            let believed: Vec<_> =
                page.into_iter().zip(&places).filter(|(_, (_, is_believed))| *is_believed).map(|(r, _)| r).collect();
            if let Some(first) = believed.first() {
                let first = receipt::verify(first.clone(), &self.release, now, false).ok();
                let next = first.map(|v| (v.statement.number, v.digest)).filter(|(number, _)| number.number == 1);
                if let Some(channel) = self.incoming.get_mut(key).filter(|channel| channel.next != next) {
                    channel.next = next;
                    let time = self.time;
                    self.peer(&key.0).status_due(time);
                }
                self.branch("receipts_repeated");
                return self.publish_receipts(now, &key.0, believed, tx);
            }
        }
        let is_of_this_start = self.incoming.get(key).is_none_or(|channel| channel.receipt.0.series == self.start);
        let Some(mut from) = issued::first_stated_after(tx, self.channel(key), theirs)? else { return Ok(()) };
        if is_of_this_start {
            return Ok(());
        }
        let link = match issued::at(tx, self.channel(key), theirs)? {
            Some((digest, last)) => {
                from = from.min(last + 1);
                Some(digest)
            }
            None if theirs == Number::default() => {
                from = 1;
                Some([0; 32])
            }
            None => None,
        };
        if let Some(channel) = self.incoming.get_mut(key) {
            channel.link = link;
        }
        let time = self.time;
        self.peer(&key.0).status_due(time);
        self.restate(key, from, tx)
    }
}

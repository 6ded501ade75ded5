//! Receipts, both ways: issued for what this group accepted, taken for what was sent.

use jiff::Timestamp;
use nhipcau_domain::id::AccessPointId;
use prost::Message;

use super::{
    AlarmKind, Engine, Error, Kind, Output,
    channel::{Accepted, IncomingKey, RESEND_FIRST, Serving},
    publishing::BUNDLE_LIMIT,
    receiving::is_retryable,
};
use crate::{
    envelope::{self, wire},
    handler::{Context, Refused},
    message::{Outcome, Recipient, RefusalReason},
    receipt::{self, Number, REFUSALS_LIMIT, Refusal, Statement, Verified},
    store::{
        Tx, held, inbox, issued,
        outbox::{self, Concluded, State, Told},
        sent::{self, Covered},
    },
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

    /// Takes a receipt for own envelopes.
    pub(super) fn take_receipt(
        &mut self,
        now: Timestamp,
        subject_sender: &AccessPointId,
        receipt: wire::Receipt,
        tx: &mut Tx<'_>,
    ) -> Result<(), Error> {
        let time = self.time;
        let bytes = receipt.statement.clone();
        let verified = match receipt::verify(receipt, &self.release, now, false) {
            Ok(v) if v.statement.issuer == *subject_sender && v.statement.sender == self.me => v,
            _ => return self.quarantine(now, subject_sender, "bad_receipt", &bytes, tx),
        };
        let s = &verified.statement;
        let addressed = match &s.recipient {
            Recipient::One(recipient) => *recipient == s.issuer,
            Recipient::All => true,
        };
        if !addressed {
            return self.quarantine(now, subject_sender, "bad_receipt", &bytes, tx);
        }
        let (held, held_digest, _) = held::last(tx, &s.issuer, &s.recipient, s.lane)?;
        if s.number <= held {
            if s.number == held && verified.digest != held_digest {
                self.branch("receipt_fork");
                self.alarm(AlarmKind::Fork, Some(subject_sender));
            }
            return Ok(());
        }
        let before = held::place(tx, &s.issuer, &s.recipient, s.lane, &s.previous)?;
        let follows = if s.number.series == held.series {
            s.number.number == held.number + 1 && s.previous == held_digest
        } else {
            s.number.number == 1 && before.is_some()
        };
        // Its predecessor may be lost on both sides: then its issuer says that this one comes next.
        let next = match &s.recipient {
            Recipient::One(_) => self.outgoing.get(&(s.recipient.clone(), s.lane)).and_then(|out| out.next),
            Recipient::All => self.peers.get(subject_sender).and_then(|peer| peer.next),
        };
        let begins = s.number.number == 1 && s.number.series > held.series && next == Some((s.number, verified.digest));
        if !follows && !begins {
            self.branch("receipt_gap");
            self.peer(subject_sender).status_due(time);
            return Ok(());
        }
        self.take_next_receipt(now, &verified, (held, before), tx)
    }

    /// A receipt that does not follow on the last one held: its issuer was put back, and stands by another row than the
    /// one that this store has seen. What the receipts left behind say no longer holds. Their messages are open again
    /// until the issuer has stated their positions once more. Says whether the receipt may be taken now.
    fn leave_behind(
        &mut self,
        s: &Statement,
        (held, before): (Number, Option<Number>),
        tx: &mut Tx<'_>,
    ) -> Result<bool, Error> {
        let time = self.time;
        // Where the row parts is not known when the receipt before is not: then at least all that was refused is asked
        // for again.
        let parts = before.unwrap_or(Number { series: held.series, number: 0 });
        if parts >= held {
            return Ok(true);
        }
        // An issuer may begin rows as it likes, and must not keep this store at work so.
        if !self.peer(&s.issuer).may_seldom(Serving::LeftBehind(s.lane), time) {
            return Ok(false);
        }
        let opened = outbox::doubt(tx, &s.issuer, s.lane, parts, before.is_none())?;
        if opened > 0 {
            self.branch("receipts_left_behind");
        }
        Ok(true)
    }

    /// `row`: the place of the last receipt held, and of the one that this one follows on, if that is held.
    fn take_next_receipt(
        &mut self,
        now: Timestamp,
        verified: &Verified,
        row: (Number, Option<Number>),
        tx: &mut Tx<'_>,
    ) -> Result<(), Error> {
        let time = self.time;
        let s = &verified.statement;
        let key = (s.recipient.clone(), s.lane);
        let own = sent::position(tx, &s.recipient, s.lane, s.last)?;
        let matches = own.is_some_and(|h| h.incarnation == s.incarnation && h.digest == s.head);
        if s.recipient == Recipient::All {
            // Evidence of who holds what; a position of an abandoned branch concludes nothing.
            return Ok(held::keep(tx, verified)?);
        }
        if !matches {
            // The recipient accepted something that this store does not hold at that position any more. Either they
            // have to agree anew, and its status will say so; or they have since, and this is what was lost on both.
            self.branch("receipt_unknown_position");
            let vouched = self.outgoing.get(&key).map_or_else(Number::default, |out| out.vouched);
            if s.number > vouched {
                self.peer(&s.issuer).status_due(time);
                return Ok(());
            }
        }
        if !self.leave_behind(s, row, tx)? {
            self.peer(&s.issuer).status_due(time);
            return Ok(());
        }
        held::keep(tx, verified)?;
        if !matches {
            self.branch("receipt_of_lost_history");
            return Ok(());
        }
        if let Some(out) = self.outgoing.get_mut(&key)
            && s.last > out.receipted
        {
            out.receipted = s.last;
            out.handed = out.handed.max(s.last);
            out.backoff = RESEND_FIRST;
            out.resend_at = time + out.backoff;
            if let Some(head) = own {
                out.tip = head;
            }
        }
        for position in sent::covered(tx, &s.recipient, s.lane, s.first, s.last)? {
            let refusal = s.refusals.iter().find(|refusal| refusal.sequence == position.sequence);
            self.learn(&s.issuer, &position, refusal, tx)?;
            if let Some(refusal) = refusal.filter(|refusal| is_retryable(refusal.reason as i32)) {
                // Sent again since, what was said then no longer matters.
                if position.is_last {
                    self.try_again(&position, refusal, tx)?;
                }
            } else if let Some(message) = outbox::concluding(tx, position.id)? {
                if refusal.is_none() && position.is_bare && message.is_whole && message.is_open {
                    // It may have been a skip that stood there: the message goes again, and its id decides.
                    continue;
                }
                self.conclude(now, &s.issuer, &message, refusal.map(|refusal| refusal.reason), tx)?;
            }
        }
        // What waited for this within a case may go.
        if let Some(out) = self.outgoing.get_mut(&key) {
            out.drafts = true;
        }
        Ok(())
    }

    /// Has a message that was refused for now sent again: at once under the number that comes next, else when the
    /// recipient has become able to take it. Also when it was received before: the recipient's store was rolled back.
    fn try_again(&mut self, position: &Covered, refusal: &Refusal, tx: &mut Tx<'_>) -> Result<(), Error> {
        let Some(message) =
            outbox::concluding(tx, position.id)?.filter(|message| !message.refused && !message.is_given_up)
        else {
            return Ok(());
        };
        if let Told::Refused(reason) = message.told {
            // Its service has gone on from the refusal.
            return Ok(outbox::conclude(tx, position.id, State::Refused, reason, None)?);
        }
        if refusal.expected != 0 && refusal.expected != position.ordinal {
            self.branch("renumbered");
            return Ok(outbox::redraft(tx, position.id)?);
        }
        self.branch("refused_not_yet");
        Ok(outbox::wait(tx, position.id)?)
    }

    fn conclude(
        &mut self,
        now: Timestamp,
        issuer: &AccessPointId,
        message: &Concluded,
        refusal: Option<RefusalReason>,
        tx: &mut Tx<'_>,
    ) -> Result<(), Error> {
        let outcome = match refusal {
            None if message.is_open && message.skip => {
                return Ok(outbox::conclude(tx, message.id, State::Skipped, 0, None)?);
            }
            // Also what was refused by a history of the recipient that is gone: the effect is on its disk.
            None if message.is_open || message.refused => {
                outbox::conclude(tx, message.id, State::Received, 0, Some(Told::Received))?;
                if message.told == Told::Received {
                    return Ok(());
                }
                Outcome::Received
            }
            // It had its effect before it was given up, or under an id that has told so since.
            Some(RefusalReason::IdReused) if message.skip || message.told == Told::Received => {
                outbox::conclude(tx, message.id, State::Received, 0, Some(Told::Received))?;
                if message.told == Told::Received {
                    return Ok(());
                }
                Outcome::Received
            }
            None => return Ok(()),
            Some(_) if message.refused || message.is_given_up => return Ok(()),
            Some(reason) if message.skip => {
                return Ok(outbox::conclude(tx, message.id, State::Skipped, reason as i64, None)?);
            }
            Some(reason) => {
                let told = Told::Refused(reason as i64);
                outbox::conclude(tx, message.id, State::Refused, reason as i64, Some(told))?;
                if message.told == told {
                    return Ok(());
                }
                self.branch("refused_for_good");
                self.alarm(AlarmKind::Refused, Some(issuer));
                Outcome::Refused(reason)
            }
        };
        let contract = nhipcau_domain::id::ContractId::new(&message.contract).ok();
        let Some((contract, mut handler)) = contract.and_then(|c| self.handlers.remove_entry(&c)) else {
            return Ok(());
        };
        let result = tx.savepoint(|tx| {
            let mut context = Context::new(now, tx, &self.case_keys, &self.keys.id_key, self.entropy.as_mut());
            handler.concluded(message.id, message.correlation, outcome, &mut context)?;
            let wishes = context.finish();
            self.fulfil(now, wishes, tx)
        });
        self.handlers.insert(contract, handler);
        match result {
            Err(Refused::Store(error)) => Err(error.into()),
            Err(Refused::Key(error)) => Err(error.into()),
            Err(Refused::Reason(_)) | Ok(()) => Ok(()),
        }
    }
}

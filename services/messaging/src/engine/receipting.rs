//! Receipts, both ways: issued for what this group accepted, taken for what was sent.

use jiff::Timestamp;
use nhipcau_domain::id::AccessPointId;
use prost::Message;

use super::{
    AlarmKind, Engine, Error, Kind, Output,
    channel::{Accepted, IncomingKey, RESEND_FIRST},
    receiving::is_retryable,
};
use crate::{
    envelope::wire,
    handler::{Context, Refused},
    message::{MessageId, Outcome, Recipient, RefusalReason},
    receipt::{self, Number, REFUSALS_LIMIT, Statement, Verified},
    store::{
        Tx, inbox,
        outbox::{self, Concluded, State},
    },
};

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
            receipts.extend(inbox::issued_after(tx, self.channel(key), before)?.into_iter().take(1));
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
        let number = if before.series == self.start { before.number + 1 } else { 1 };
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
                    (a.head.sequence, a.id, reason)
                })
                .collect(),
            number: Number { series: self.start, number },
            previous,
            receive_time: now,
            directory_version: self.release.version(),
        };
        let issued = receipt::issue(statement, self.sender());
        inbox::add_receipt(tx, &issued)?;
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
        for some in receipts.chunks(256) {
            let bundle = wire::Bundle { envelopes: Vec::new(), receipts: some.to_vec() };
            let token = self.token();
            let recipient = Recipient::One(to.clone());
            let bytes = bundle.encode_to_vec();
            self.outputs.push(Output::Publish { kind: Kind::Receipts, recipient, bytes, token });
        }
        Ok(())
    }

    /// The final refusal that an own earlier receipt states of a message at its position.
    pub(super) fn stated(
        &mut self,
        now: Timestamp,
        key: &IncomingKey,
        sequence: u64,
        id: MessageId,
        tx: &mut Tx<'_>,
    ) -> Result<Option<i32>, Error> {
        let Some(receipt) = inbox::covering(tx, self.channel(key), sequence)? else { return Ok(None) };
        let Ok(receipt) = receipt::verify(receipt, &self.release, now) else { return Ok(None) };
        let refusal = receipt.statement.refusals.iter().find(|(at, of, _)| *at == sequence && *of == id);
        Ok(refusal.map(|(_, _, reason)| *reason as i32).filter(|reason| !is_retryable(*reason)))
    }

    /// States positions again that the sender has no usable receipt for, though it has all there are.
    pub(super) fn restate(&mut self, key: &IncomingKey, from: u64, tx: &mut Tx<'_>) -> Result<(), Error> {
        let again = inbox::accepted_from(tx, self.channel(key), from)?;
        let Some(channel) = self.incoming.get_mut(key) else { return Ok(()) };
        let pending = channel.pending.first().map_or(u64::MAX, |first| first.head.sequence);
        let mut stated: Vec<_> = again
            .into_iter()
            .filter(|(head, _, _)| head.sequence < pending)
            .map(|(head, id, outcome)| Accepted { head, id, outcome: i32::try_from(outcome).unwrap_or(0) })
            .collect();
        stated.append(&mut channel.pending);
        channel.pending = stated;
        self.branch("receipts_restated");
        Ok(())
    }

    /// Takes a receipt for own envelopes.
    pub(super) fn take_receipt(
        &mut self,
        now: Timestamp,
        subject_sender: &AccessPointId,
        receipt: wire::Receipt,
        tx: &mut Tx<'_>,
    ) -> Result<(), Error> {
        let bytes = receipt.statement.clone();
        let verified = match receipt::verify(receipt, &self.release, now) {
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
        let (held, held_digest, _) = outbox::last_held(tx, &s.issuer, &s.recipient, s.lane)?;
        if s.number <= held {
            if s.number == held && verified.digest != held_digest {
                self.branch("receipt_fork");
                self.alarm(AlarmKind::Fork, Some(subject_sender));
            }
            return Ok(());
        }
        let follows = if s.number.series == held.series {
            s.number.number == held.number + 1 && s.previous == held_digest
        } else {
            s.number.number == 1
                && (s.previous == [0; 32] || outbox::holds_receipt(tx, &s.issuer, &s.recipient, s.lane, &s.previous)?)
        };
        if !follows {
            self.branch("receipt_gap");
            self.peer(subject_sender, now).status_due(now);
            return Ok(());
        }
        self.take_next_receipt(now, &verified, tx)
    }

    fn take_next_receipt(&mut self, now: Timestamp, verified: &Verified, tx: &mut Tx<'_>) -> Result<(), Error> {
        let s = &verified.statement;
        let key = (s.recipient.clone(), s.lane);
        let own = outbox::position(tx, &s.recipient, s.lane, s.last)?;
        let matches = own.is_some_and(|h| h.incarnation == s.incarnation && h.digest == s.head);
        if s.recipient == Recipient::All {
            // Evidence of who holds what; a position of an abandoned branch concludes nothing.
            return Ok(outbox::hold_receipt(tx, verified)?);
        }
        if !matches {
            // The recipient accepted something that this store does not hold at that position any more. Either they
            // have to agree anew, and its status will say so; or they have since, and this is what was lost on both.
            self.branch("receipt_unknown_position");
            let vouched = self.outgoing.get(&key).map_or_else(Number::default, |out| out.vouched);
            if s.number <= vouched {
                self.branch("receipt_of_lost_history");
                return Ok(outbox::hold_receipt(tx, verified)?);
            }
            self.peer(&s.issuer, now).status_due(now);
            return Ok(());
        }
        outbox::hold_receipt(tx, verified)?;
        if let Some(out) = self.outgoing.get_mut(&key)
            && s.last > out.receipted
        {
            out.receipted = s.last;
            out.handed = out.handed.max(s.last);
            out.backoff = RESEND_FIRST;
            out.resend_at = now + out.backoff;
            if let Some(head) = own {
                out.tip = head;
            }
        }
        for message in outbox::unconcluded(tx, &s.recipient, s.lane, s.first, s.last)? {
            let refusal = s.refusals.iter().find(|(at, _, _)| *at == message.sequence).map(|(_, _, reason)| *reason);
            self.conclude(now, &s.issuer, &message, refusal, tx)?;
        }
        Ok(())
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
            Some(reason) if is_retryable(reason as i32) => {
                self.branch("refused_not_yet");
                return Ok(tx
                    .execute("UPDATE outbox SET state = 4 WHERE id = $1 AND state = 1", &[(&message.id.0).into()])
                    .map(|_| ())?);
            }
            _ if message.skip => {
                tx.execute("UPDATE outbox SET state = 5 WHERE id = $1", &[(&message.id.0).into()])?;
                return Ok(());
            }
            Some(reason) => {
                outbox::conclude(tx, message.id, State::Refused, reason as i64)?;
                self.branch("refused_for_good");
                self.alarm(AlarmKind::Refused, Some(issuer));
                Outcome::Refused(reason)
            }
            None => {
                outbox::conclude(tx, message.id, State::Received, 0)?;
                Outcome::Received
            }
        };
        let contract = nhipcau_domain::id::ContractId::new(&message.contract).ok();
        let Some((contract, mut handler)) = contract.and_then(|c| self.handlers.remove_entry(&c)) else {
            return Ok(());
        };
        let mut context = Context::new(now, tx, &self.case_keys, self.entropy.as_mut());
        let told = handler.concluded(message.id, message.correlation, outcome, &mut context);
        let drafts = context.drafts;
        self.handlers.insert(contract, handler);
        told?;
        match self.submit_all(now, drafts, tx) {
            Err(Refused::Store(error)) => Err(error.into()),
            Err(Refused::Key(error)) => Err(error.into()),
            _ => Ok(()),
        }
    }
}

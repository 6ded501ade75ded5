//! Receipts as they are taken: what becomes of what was sent.

use jiff::Timestamp;
use nhipcau_domain::id::AccessPointId;

use super::{
    AlarmKind, Engine, Error,
    channel::{RESEND_FIRST, Serving},
    receiving::is_retryable,
};
use crate::{
    envelope::wire,
    handler::{Context, Refused},
    message::{Outcome, Recipient, RefusalReason},
    receipt::{self, Number, Refusal, Statement, Verified},
    store::{
        Tx, held,
        outbox::{self, Concluded, State, Told},
        sent::{self, Covered},
    },
};

impl Engine {
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

//! The judge: every fact is held against the history as it is committed, and the whole history once more at the end.
//!
//! It knows nothing of receipts or recovery, and of channels only what stands where. It knows what was accepted, what
//! took effect, what was refused, and what of it a rollback may take away: only what no disk and no broker held any
//! more.

mod blobs;
mod channels;
mod holds;
mod ladder;
mod limits;
mod violation;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use nhipcau_messaging::message::{Lane, MessageId, Outcome, RefusalReason};

pub use self::{
    channels::{Differences, Ends, Unreconciled},
    violation::Violation,
};
use crate::{
    Point,
    history::{Disk, Effect, Fact, Ledger, Message, is_final},
    payload::Verb,
};

/// What the checker may ask of the world while it judges.
pub trait Witness {
    /// Whether the recipient's release in force at this commit lets the sender send to it.
    fn is_allowed(&self, sender: Point, recipient: Point) -> bool;

    /// Whether a disk of the sender gave the message up or knows it to be refused, or its case was erased.
    fn is_given_up(&self, message: &Message) -> bool;

    /// Whether a disk of the recipient holds the effect.
    fn has_effect(&self, recipient: Point, sender: Point, id: MessageId) -> bool;
}

/// What an access point's own store says of a message that it sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It does not know the message.
    Unknown,
    /// It still waits for a final outcome.
    Open,
    /// The recipient received it.
    Received,
    /// The recipient refused it for good.
    Refused,
    /// It was given up.
    GivenUp,
}

/// The checker with all it has seen.
#[derive(Debug, Default)]
pub struct Checker {
    /// What was committed.
    pub ledger: Ledger,
    lines: u64,
}

impl Checker {
    /// A new line of history for a store that begins, was put back or was copied.
    pub fn begin_line(&mut self, disk: &mut Disk) {
        self.lines += 1;
        disk.line = self.lines;
        self.ledger.lines.insert(self.lines, disk.sent.clone());
    }

    /// A disk gives way to another, or lives on beside it: what either accepted beyond their common past can come back
    /// in another order.
    pub fn blur(&mut self, disk: &Disk, other: &Disk) {
        self.ledger.undone.insert(disk.point);
        let common = disk.sent.iter().zip(&other.sent).take_while(|(a, b)| a == b).count();
        self.ledger.blurred.extend(disk.sent.iter().skip(common));
        self.ledger.blurred.extend(other.sent.iter().skip(common));
    }

    /// After something was lost: which messages are still held somewhere.
    pub fn recount(&mut self, held: &BTreeSet<MessageId>) {
        let gone = self.ledger.messages.keys().filter(|id| !held.contains(id));
        self.ledger.lost.extend(gone);
    }

    /// A commit brought all this to a disk at once.
    ///
    /// # Errors
    /// The first [`Violation`] in it.
    pub fn judge_all(&mut self, disk: &mut Disk, facts: &[Fact], witness: &dyn Witness) -> Result<(), Violation> {
        // The order between refusals and effects within a commit is not on the disk.
        for fact in facts {
            if let Fact::Position { sender, id, refused: Some(reason) } = fact
                && is_final(*reason)
            {
                disk.refused.insert((*sender, *id), *reason);
            }
        }
        // To itself an access point concludes in the commit in which it takes.
        let (conclusions, others): (Vec<_>, Vec<_>) =
            facts.iter().partition(|fact| matches!(fact, Fact::Concluded { .. }));
        others.into_iter().chain(conclusions).try_for_each(|fact| self.judge(disk, fact, witness))?;
        if facts.iter().any(|fact| matches!(fact, Fact::Taken { .. })) {
            return self.what_has_come_is_whole(disk);
        }
        Ok(())
    }

    fn judge(&mut self, disk: &mut Disk, fact: &Fact, witness: &dyn Witness) -> Result<(), Violation> {
        match fact {
            Fact::Sent(message) => {
                self.comes_in_time(disk, message)?;
                self.sent(disk, message)
            }
            Fact::Recovered { id, digest } => self.recovered(disk, *id, *digest),
            Fact::Effect(effect) => self.effect(disk, effect, witness),
            Fact::Position { sender, id, refused } => self.position(disk, *sender, *id, *refused),
            Fact::Carried { id, piece } => {
                self.ledger.carried.insert(*id, *piece);
                Ok(())
            }
            Fact::Restored { id } => self.restored(disk, *id),
            Fact::Taken { sender, id } => self.taken(disk, *sender, *id, witness),
            Fact::Whole { blob, is_true } => self.whole(disk, *blob, *is_true),
            Fact::Gone(blob) => Err(Violation::BlobGone { point: disk.point, blob: *blob }),
            Fact::Erased(case) => {
                Self::erased(disk, *case);
                Ok(())
            }
            Fact::RanOut { id } => self.ran_out(disk, *id),
            Fact::Freed { id } => self.freed(disk, *id),
            Fact::Concluded { id, outcome } => self.concluded(disk, *id, *outcome, witness),
        }
    }

    fn sent(&mut self, disk: &mut Disk, message: &Message) -> Result<(), Violation> {
        if message.verb == Verb::Disclose && !self.ledger.accepted.contains(&(message.sender, message.case)) {
            return Err(Violation::EarlyDisclosure { case: message.case });
        }
        if let Some(before) = self.ledger.messages.insert(message.id, *message)
            && before != *message
        {
            return Err(Violation::Changed { id: message.id });
        }
        if disk.sent.contains(&message.id) {
            return Ok(());
        }
        disk.sent.push(message.id);
        self.ledger.lines.entry(disk.line).or_default().push(message.id);
        self.ledger.lost.remove(&message.id);
        if self.ledger.doubled.contains(&disk.point) {
            self.ledger.blurred.insert(message.id);
        }
        Ok(())
    }

    fn recovered(&mut self, disk: &mut Disk, id: MessageId, digest: u64) -> Result<(), Violation> {
        let known = self.ledger.messages.get(&id).copied();
        let Some(message) = known.filter(|m| m.sender == disk.point && m.digest == digest) else {
            return Err(Violation::Invented { point: disk.point, id });
        };
        self.ledger.blurred.insert(id);
        self.sent(disk, &message)
    }

    fn effect(&mut self, disk: &mut Disk, effect: &Effect, witness: &dyn Witness) -> Result<(), Violation> {
        let (point, id) = (disk.point, effect.id);
        let seen = (effect.sender, effect.broadcast, effect.digest);
        let known = self.ledger.messages.get(&id).copied();
        let Some(message) = known.filter(|m| (m.sender, m.recipient.is_none(), m.digest) == seen) else {
            return Err(Violation::Invented { point, id });
        };
        if message.recipient.is_some_and(|recipient| recipient != point) {
            return Err(Violation::WrongRecipient { point, id });
        }
        // A disk that was put back takes again what it had once received, whatever a newer release says.
        let is_new = self.ledger.effective.insert((point, id));
        if is_new && message.recipient.is_some() && !witness.is_allowed(message.sender, point) {
            return Err(Violation::Unauthorised { point, id });
        }
        let channel = (message.sender, message.lane, message.recipient.is_none());
        let head = disk.heads.insert(channel, effect.sequence).unwrap_or(0);
        // A publisher whose store was put back signs on without asking anybody: its broadcasts may branch.
        let may_branch = effect.broadcast && self.ledger.undone.contains(&effect.sender);
        if effect.sequence <= head && !may_branch {
            return Err(Violation::OutOfOrder { point, id, sequence: effect.sequence, head });
        }
        if disk.effects.insert((message.sender, id), effect.sequence).is_some() {
            return Err(Violation::Doubled { point, id });
        }
        if disk.refused.contains_key(&(message.sender, id)) {
            return Err(Violation::RefusedAndEffective { point, id });
        }
        if let Some(missing) = self.missing_before(disk, &message, witness) {
            return Err(Violation::Gap { point, id, missing });
        }
        if message.verb.is_answer() {
            disk.answered.insert(message.nonce.wrapping_sub(1));
        }
        Self::held_or_taken(disk, &message)?;
        if message.verb == Verb::Accept {
            self.ledger.accepted.insert((point, message.case));
        }
        Ok(())
    }

    /// A message of the same case that was to come first and did not.
    fn missing_before(&self, disk: &Disk, message: &Message, witness: &dyn Witness) -> Option<MessageId> {
        let ledger = &self.ledger;
        if message.case == 0 || message.lane != Lane::Messages || ledger.blurred.contains(&message.id) {
            return None;
        }
        let line = ledger.lines.values().find(|line| line.contains(&message.id))?;
        let before = line.iter().take_while(|id| **id != message.id).filter(|id| !ledger.blurred.contains(id));
        let same = before.filter_map(|id| ledger.messages.get(id)).filter(|earlier| {
            (earlier.case, earlier.recipient, earlier.lane) == (message.case, message.recipient, message.lane)
        });
        let mut open = same.filter(|earlier| {
            let key = (earlier.sender, earlier.id);
            let here = disk.point == earlier.sender && disk.given_up.contains(&earlier.id);
            let settled = disk.effects.contains_key(&key) || disk.refused.contains_key(&key) || here;
            !settled && !witness.is_given_up(earlier)
        });
        open.next().map(|earlier| earlier.id)
    }

    fn position(
        &mut self,
        disk: &mut Disk,
        sender: Point,
        id: MessageId,
        refused: Option<RefusalReason>,
    ) -> Result<(), Violation> {
        let point = disk.point;
        let known = self.ledger.messages.get(&id).filter(|message| message.sender == sender);
        if known.is_none() {
            return Err(Violation::Invented { point, id });
        }
        let Some(reason) = refused.filter(|reason| is_final(*reason)) else { return Ok(()) };
        if disk.effects.contains_key(&(sender, id)) {
            return Err(Violation::RefusedAndEffective { point, id });
        }
        disk.refused.insert((sender, id), reason);
        self.not_taken(disk, id, reason)
    }

    fn concluded(
        &mut self,
        disk: &mut Disk,
        id: MessageId,
        outcome: Outcome,
        witness: &dyn Witness,
    ) -> Result<(), Violation> {
        let point = disk.point;
        let Some(message) = self.ledger.messages.get(&id).filter(|message| message.sender == point) else {
            return Err(Violation::Invented { point, id });
        };
        let before = disk.concluded.insert(id, outcome);
        let sure = message.recipient.is_none_or(|recipient| !self.ledger.undone.contains(&recipient));
        // A recipient that was put back may decide anew what it had decided, and say so.
        if before.is_some_and(|before| sure || before == outcome) {
            return Err(Violation::ConcludedTwice { point, id });
        }
        let Some(recipient) = message.recipient else { return Ok(()) };
        let effective = disk.point == recipient && disk.effects.contains_key(&(point, id));
        match (outcome, effective || witness.has_effect(recipient, point, id)) {
            (Outcome::Received, false) if sure => Err(Violation::ReceiptWithoutEffect { point: recipient, id }),
            (Outcome::Refused(_), true) if sure => Err(Violation::RefusedAndEffective { point: recipient, id }),
            _ => Ok(()),
        }
    }

    /// The end, with every fault healed and nothing more going on: what each message has come to. The disks are one of
    /// each access point, in their order.
    ///
    /// # Errors
    /// The first [`Violation`], in order of message id.
    pub fn conclude(
        &self,
        disks: &[&Disk],
        standing: &dyn Fn(&Message) -> Standing,
        may_refuse: &dyn Fn(&Message, Option<RefusalReason>) -> bool,
        is_erased: &dyn Fn(u32) -> bool,
        may_be_said: &dyn Fn(&Message) -> bool,
    ) -> Result<(), Violation> {
        let found = self.conclude_all(disks, standing, may_refuse, is_erased, may_be_said);
        found.first().map_or(Ok(()), |first| Err(*first))
    }

    /// The same with every [`Violation`]: one for each message and recipient, so that they can be counted.
    pub fn conclude_all(
        &self,
        disks: &[&Disk],
        standing: &dyn Fn(&Message) -> Standing,
        may_refuse: &dyn Fn(&Message, Option<RefusalReason>) -> bool,
        is_erased: &dyn Fn(u32) -> bool,
        may_be_said: &dyn Fn(&Message) -> bool,
    ) -> Vec<Violation> {
        let timed = [
            self.no_limit_is_forgotten(disks, may_be_said),
            self.no_level_is_forgotten(disks, may_be_said),
            self.no_hold_is_forgotten(disks),
        ];
        let mut found: Vec<Violation> = timed.into_iter().filter_map(Result::err).collect();
        let is_owed = |m: &&Message| !self.ledger.lost.contains(&m.id) && (m.case == 0 || !is_erased(m.case));
        for message in self.ledger.messages.values().filter(is_owed) {
            let standing = standing(message);
            let recipients = match message.recipient {
                Some(point) => vec![point],
                None => (0..disks.len()).filter(|point| *point != message.sender).collect(),
            };
            let ended = |point| Self::ended(disks, message, point, standing, may_refuse).err();
            found.extend(recipients.into_iter().filter_map(ended));
        }
        found
    }

    /// What a message has come to at one recipient.
    fn ended(
        disks: &[&Disk],
        message: &Message,
        point: Point,
        standing: Standing,
        may_refuse: &dyn Fn(&Message, Option<RefusalReason>) -> bool,
    ) -> Result<(), Violation> {
        let id = message.id;
        let key = (message.sender, id);
        let effective = disks[point].effects.contains_key(&key);
        // A refusal that the sender holds stands, also when the recipient's disk was put back since.
        let told = match disks[message.sender].concluded.get(&id) {
            Some(Outcome::Refused(reason)) if standing == Standing::Refused => Some(*reason),
            _ => None,
        };
        let refused = disks[point].refused.get(&key).copied().or(told);
        match (effective, refused, standing) {
            (true, _, Standing::GivenUp | Standing::Refused) => Err(Violation::RefusedAndEffective { point, id }),
            (true, None, Standing::Received) => Ok(()),
            (true, None, Standing::Open) if message.recipient.is_none() => Ok(()),
            (false, Some(reason), Standing::Refused) if may_refuse(message, Some(reason)) => Ok(()),
            (false, Some(_), Standing::Open) if message.recipient.is_none() => Ok(()),
            (false, refused, Standing::GivenUp)
                if may_refuse(message, None) || refused.is_some() && may_refuse(message, refused) =>
            {
                Ok(())
            }
            (false, refused, Standing::Refused | Standing::GivenUp) => {
                Err(Violation::WrongReason { id, verb: message.verb, reason: refused })
            }
            (_, _, Standing::Unknown) => Err(Violation::Forgotten { point: message.sender, id, effective }),
            _ => Err(Violation::Lost { point, id, effective, standing }),
        }
    }
}

//! What envelopes and receipts prove together, held against each other offline and years later: nothing was left
//! out, nothing was replaced, and what was said first of each position.
//!
//! Works on what was verified one by one before. Knows no store and no clock, so that whoever keeps copies comes
//! to the same result as the access points that made them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::{
    envelope,
    message::RefusalReason,
    pae::Digest,
    receipt::{self, Number, Statement},
};

/// Why a row of envelopes or receipts does not prove what it is said to prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Not all are of one channel and one issuer.
    #[error("the row mixes channels")]
    MixedChannel,
    /// A position is left out, repeated or out of order.
    #[error("the positions have a gap")]
    SequenceGap,
    /// Another one, or a missing one, is named as the one before.
    #[error("another one stands before")]
    WrongPrevious,
    /// The incarnation goes back, or does not begin at the position agreed on.
    #[error("the incarnation does not follow")]
    WrongIncarnation,
    /// A receipt is left out, repeated or out of order.
    #[error("the receipts have a gap")]
    ReceiptGap,
    /// The receipt's head is not the envelope at its last position.
    #[error("the receipt names another envelope")]
    WrongHead,
    /// The receipt refuses another id than that of the envelope at the position.
    #[error("the receipt refuses another message")]
    WrongRefusal,
}

/// What the receipts of one issuer say of a channel in sum.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coverage {
    /// Positions whose effect is on the issuer's disk.
    pub received: BTreeSet<u64>,
    /// Refused positions.
    pub refused: BTreeMap<u64, RefusalReason>,
    /// Positions of which the issuer said something else later. What it said first counts; `NOT_YET` says nothing
    /// final and is contradicted by nothing.
    pub contradicted: BTreeSet<u64>,
    /// Receipts for envelopes that were lost on both sides, and whose last position was signed anew since.
    pub lost: Vec<Number>,
}

/// Checks that envelopes are one channel from position 1 on, in its order, as a recipient accepted them.
///
/// # Errors
/// [`Broken`] with the first fault.
pub fn check_channel(envelopes: &[envelope::Verified]) -> Result<(), Broken> {
    if envelopes.first().is_some_and(|first| first.routing.sequence != 1) {
        return Err(Broken::SequenceGap);
    }
    envelopes.windows(2).try_for_each(|pair| match pair {
        [before, after] => check_step(before, after),
        _ => Ok(()),
    })
}

fn check_step(before: &envelope::Verified, after: &envelope::Verified) -> Result<(), Broken> {
    let (b, a) = (&before.routing, &after.routing);
    if (&b.sender, &b.recipient, b.lane) != (&a.sender, &a.recipient, a.lane) {
        return Err(Broken::MixedChannel);
    }
    if a.sequence != b.sequence + 1 {
        return Err(Broken::SequenceGap);
    }
    if a.previous != before.digest {
        return Err(Broken::WrongPrevious);
    }
    let agreed = if a.incarnation == b.incarnation { b.base_sequence } else { b.sequence };
    if a.incarnation < b.incarnation || a.base_sequence != agreed {
        return Err(Broken::WrongIncarnation);
    }
    Ok(())
}

/// Checks all receipts of one issuer on one channel, in the order of series and number, and holds them against the
/// channel's envelopes from position 1 on, which [`check_channel`] has accepted.
///
/// # Errors
/// [`Broken`] with the first fault.
pub fn check_receipts(receipts: &[receipt::Verified], channel: &[envelope::Verified]) -> Result<Coverage, Broken> {
    let mut known: HashMap<Digest, &Statement> = HashMap::new();
    let mut last = None;
    for receipt in receipts {
        check_place(last, receipt)?;
        let s = &receipt.statement;
        match known.get(&s.previous) {
            Some(before) => check_positions(before, s)?,
            None if s.previous != [0; 32] => return Err(Broken::WrongPrevious),
            None if s.first != 1 => return Err(Broken::SequenceGap),
            None => {}
        }
        known.insert(receipt.digest, s);
        last = Some(receipt);
    }
    let mut coverage = Coverage::default();
    for receipt in receipts {
        let s = &receipt.statement;
        if at(channel, s.last).is_some_and(|head| head.routing.incarnation > s.incarnation) {
            coverage.lost.push(s.number);
        } else {
            check_against(s, channel)?;
            coverage.add(s);
        }
    }
    Ok(coverage)
}

fn check_place(last: Option<&receipt::Verified>, receipt: &receipt::Verified) -> Result<(), Broken> {
    let s = &receipt.statement;
    let Some(last) = last else {
        return if s.number.number == 1 { Ok(()) } else { Err(Broken::ReceiptGap) };
    };
    let l = &last.statement;
    if (&l.issuer, &l.sender, &l.recipient, l.lane) != (&s.issuer, &s.sender, &s.recipient, s.lane) {
        return Err(Broken::MixedChannel);
    }
    if s.number.series == l.number.series {
        if s.number.number != l.number.number + 1 {
            return Err(Broken::ReceiptGap);
        }
        return if s.previous == last.digest { Ok(()) } else { Err(Broken::WrongPrevious) };
    }
    if s.number.series > l.number.series && s.number.number == 1 { Ok(()) } else { Err(Broken::ReceiptGap) }
}

fn check_positions(before: &Statement, after: &Statement) -> Result<(), Broken> {
    // Positions may be stated again, as they are after a rollback.
    if after.first <= before.last {
        return Ok(());
    }
    if after.first != before.last + 1 {
        return Err(Broken::SequenceGap);
    }
    if after.incarnation < before.incarnation { Err(Broken::WrongIncarnation) } else { Ok(()) }
}

fn at(channel: &[envelope::Verified], sequence: u64) -> Option<&envelope::Verified> {
    channel.get(usize::try_from(sequence.checked_sub(1)?).ok()?)
}

fn check_against(s: &Statement, channel: &[envelope::Verified]) -> Result<(), Broken> {
    let head = at(channel, s.last).ok_or(Broken::WrongHead)?;
    let r = &head.routing;
    if (&r.sender, &r.recipient, r.lane) != (&s.sender, &s.recipient, Some(s.lane)) {
        return Err(Broken::MixedChannel);
    }
    if head.digest != s.head {
        return Err(Broken::WrongHead);
    }
    if r.incarnation != s.incarnation {
        return Err(Broken::WrongIncarnation);
    }
    let refuses_what_was_sent =
        s.refusals.iter().all(|refusal| at(channel, refusal.sequence).is_some_and(|e| e.routing.id == refusal.id));
    if refuses_what_was_sent { Ok(()) } else { Err(Broken::WrongRefusal) }
}

impl Coverage {
    /// The positions were held against envelopes that exist, so that their number is bounded.
    fn add(&mut self, s: &Statement) {
        let refused: BTreeMap<_, _> = s.refusals.iter().map(|refusal| (refusal.sequence, refusal.reason)).collect();
        for position in s.first..=s.last {
            let now = refused.get(&position).copied();
            let before = match self.refused.get(&position) {
                Some(reason) => Some(Some(*reason)),
                None => self.received.contains(&position).then_some(None),
            };
            match (before, now) {
                (Some(Some(RefusalReason::NotYet)), now) => {
                    self.refused.remove(&position);
                    self.say(position, now);
                }
                (Some(before), now) if before != now => {
                    self.contradicted.insert(position);
                }
                (Some(_), _) => {}
                (None, now) => self.say(position, now),
            }
        }
    }

    fn say(&mut self, position: u64, refused: Option<RefusalReason>) {
        match refused {
            Some(reason) => {
                self.refused.insert(position, reason);
            }
            None => {
                self.received.insert(position);
            }
        }
    }
}

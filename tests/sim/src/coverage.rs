//! What a run has gone through: how often each fault fired and each branch of recovery was taken.

use std::collections::BTreeMap;

/// Every kind of fault that the simulation makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A process dies with a transaction open.
    CrashBeforeCommit,
    /// A process dies after the commit and before anything goes out.
    CrashAfterCommit,
    /// A process dies between two groups.
    Kill,
    /// A process stands still for long.
    Pause,
    /// A clock is wrong, or jumps.
    ClockWrong,
    /// A store is put back to an older copy.
    StoreRolledBack,
    /// The stores of two access points are put back at once.
    PairRolledBack,
    /// A restored copy is started beside the running process.
    TwinStarted,
    /// A publish never reaches the broker.
    PublishLost,
    /// The broker stores and its answer is lost.
    AnswerLost,
    /// The broker refuses: the sender's share is full.
    SubjectFull,
    /// The broker delivers once more.
    DeliveryRepeated,
    /// A delivery is overtaken by later ones.
    DeliveryDelayed,
    /// A delivery is lost on the way, to be repeated after the wait for its acknowledgement.
    DeliveryLost,
    /// An acknowledgement to the broker is lost.
    AcknowledgementLost,
    /// The broker loses the tail that it had acknowledged, and uses the sequences again.
    TailLost,
    /// The broker goes back to an older state: what was done comes again, what is new is gone.
    BrokerRolledBack,
    /// The broker answers nothing.
    BrokerFrozen,
    /// The broker takes everything and hands out nothing.
    BrokerSilent,
    /// The broker comes back empty, without streams until they are provisioned.
    BrokerWiped,
    /// An access point's packets do not reach the broker.
    PartitionOut,
    /// The broker's packets do not reach an access point.
    PartitionIn,
    /// Neither reach the other.
    PartitionBoth,
    /// A signal is lost.
    SignalLost,
    /// A signal arrives twice.
    SignalRepeated,
    /// A signal is overtaken.
    SignalDelayed,
    /// Random bytes are put under somebody's subject.
    Garbage,
    /// Bytes seen before come cut short.
    Truncated,
    /// Bytes seen before come with one bit changed.
    BitFlipped,
    /// Bytes seen before come under another subject, or to another recipient.
    Readdressed,
    /// Bytes seen before come again, much later.
    Replayed,
    /// The broker's own answer is stored under somebody's subject.
    ServerMade,
    /// A signature is replaced by that of another access point.
    Resigned,
    /// An access point signs one position, or one receipt, twice.
    Forked,
    /// An access point says that it promised to another process what it did not.
    PromiseMadeUp,
    /// An access point gets a directory release later than others.
    ReleaseLate,
    /// An access point restarts under a signing key that some peers do not know yet.
    KeyChanged,
    /// An access point begins a sealing epoch and says so itself.
    EpochBegun,
    /// An access point runs an older program than its peers.
    ProgramOld,
    /// The first message of a case never leaves, a later one does, and their sender's store is put back to before both.
    FirstOfCaseLost,
    /// A message is withdrawn after it was signed, and its sender's store is put back to before both.
    WithdrawalLost,
    /// A recipient's store is put back, and the broker brings it what its sender has given up before it hears its
    /// sender.
    OldHistoryTaken,
    /// A recipient's store is put back, hears what it had stated, and gets from the broker what its sender has given
    /// up.
    GivenUpComesLate,
    /// A recipient's store is put back and hears what it had stated; then its sender's store is put back as well.
    HistoryLostAtBoth,
    /// A recipient's receipts are lost and it states all anew from an older store; then its first store comes back.
    ReceiptOvertaken,
    /// Bodies of messages that have not arrived can no longer be read.
    BodyUnreadable,
    /// A recipient's store is put back to before what it answered, under a release that forbids the answer.
    AnswersForbidden,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 47] = [
        Self::CrashBeforeCommit,
        Self::CrashAfterCommit,
        Self::Kill,
        Self::Pause,
        Self::ClockWrong,
        Self::StoreRolledBack,
        Self::PairRolledBack,
        Self::TwinStarted,
        Self::PublishLost,
        Self::AnswerLost,
        Self::SubjectFull,
        Self::DeliveryRepeated,
        Self::DeliveryDelayed,
        Self::DeliveryLost,
        Self::AcknowledgementLost,
        Self::TailLost,
        Self::BrokerRolledBack,
        Self::BrokerFrozen,
        Self::BrokerSilent,
        Self::BrokerWiped,
        Self::PartitionOut,
        Self::PartitionIn,
        Self::PartitionBoth,
        Self::SignalLost,
        Self::SignalRepeated,
        Self::SignalDelayed,
        Self::Garbage,
        Self::Truncated,
        Self::BitFlipped,
        Self::Readdressed,
        Self::Replayed,
        Self::ServerMade,
        Self::Resigned,
        Self::Forked,
        Self::PromiseMadeUp,
        Self::ReleaseLate,
        Self::KeyChanged,
        Self::EpochBegun,
        Self::ProgramOld,
        Self::FirstOfCaseLost,
        Self::WithdrawalLost,
        Self::OldHistoryTaken,
        Self::GivenUpComesLate,
        Self::HistoryLostAtBoth,
        Self::ReceiptOvertaken,
        Self::BodyUnreadable,
        Self::AnswersForbidden,
    ];
}

/// What must have become of blobs: one is whole; whole once more at an access point whose store was put back; erased by
/// one side on its way; a piece of it is back at a sender whose store was put back.
pub const BLOBS: [&str; 4] = ["blob_whole", "blob_whole_again", "blob_cut_off", "blob_returned"];

/// What reconciliations must have come to: a channel differs from an older copy of the other side's store.
pub const RECONCILED: [&str; 1] = ["difference_found"];

/// What must have come of time: no answer came before it ran out; the level above was asked; one level was told that
/// the other has answered; what was held was let go; it was taken; it was let go before who took it came.
pub const TIMERS: [&str; 6] =
    ["limit_ran_out", "level_above_asked", "level_excused", "hold_let_go", "hold_taken", "hold_taken_too_late"];

/// Counts by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    counts: BTreeMap<String, u64>,
}

impl Coverage {
    /// Counts a fault.
    pub fn fault(&mut self, fault: Fault) {
        self.add(&format!("{fault:?}"), 1);
    }

    /// Adds to a count; with 0 it makes the name known.
    pub fn add(&mut self, name: &str, times: u64) {
        match self.counts.get_mut(name) {
            Some(count) => *count += times,
            None => {
                self.counts.insert(name.to_owned(), times);
            }
        }
    }

    /// Adds every count of another.
    pub fn merge(&mut self, other: &Self) {
        other.counts.iter().for_each(|(name, count)| self.add(name, *count));
    }

    /// The count of a name.
    #[must_use]
    pub fn count(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or(0)
    }

    /// All counts by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.counts.iter().map(|(name, count)| (name.as_str(), *count))
    }

    /// The names that fired less often than they must.
    #[must_use]
    pub fn below(&self, least: u64) -> Vec<(&str, u64)> {
        self.iter().filter(|(_, count)| *count < least).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_fired_is_below_and_named() {
        let mut coverage = Coverage::default();
        Fault::ALL.iter().for_each(|fault| coverage.add(&format!("{fault:?}"), 0));
        (0..3).for_each(|_| coverage.fault(Fault::Kill));
        let below = coverage.below(1);
        assert_eq!(below.len(), Fault::ALL.len() - 1);
        assert!(!below.iter().any(|(name, _)| *name == "Kill"));
    }
}

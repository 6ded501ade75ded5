//! How far the signatures of a file reach: from an event that is proven back through all that it names by digest.
//!
//! A signed event vouches for the one before it and for the last one of the other log that its writer had seen, and
//! these for theirs. It ends at an event of which something was taken out: its digest is named, and what is shown of
//! it, also what it names in turn, is the word of whoever made the file.
//!
//! A release has one access point serve a unit, so that two speak here at most: who they are does not depend on what
//! somebody put into the file or left out.

use nhipcau_domain::{
    id::AccessPointId,
    referral::{Event, Side},
};

use super::account::Standing;

/// An event as signatures see it.
pub(super) struct Seen<'r> {
    pub(super) event: &'r Event,
    /// It was in an envelope of the access point that serves its unit.
    pub(super) proven: bool,
    pub(super) masked: bool,
}

/// What the access points of the two units vouch for.
pub(super) struct Reach<'r> {
    /// Who serves the unit of each side.
    hosts: [Option<&'r AccessPointId>; 2],
    /// For each side, what its access point vouches for in both logs.
    reached: [[Vec<bool>; 2]; 2],
    maker: &'r AccessPointId,
}

const fn number(side: Side) -> usize {
    match side {
        Side::Origin => 0,
        Side::Recipient => 1,
    }
}

impl<'r> Reach<'r> {
    pub(super) fn of(
        logs: &[Vec<Seen<'r>>; 2],
        hosts: [Option<&'r AccessPointId>; 2],
        maker: &'r AccessPointId,
    ) -> Self {
        Self { hosts, reached: Side::ALL.map(|by| reached(logs, by)), maker }
    }

    /// Who vouches for the digest of an event.
    pub(super) fn signers(&self, side: Side, ordinal: u64) -> Vec<AccessPointId> {
        let vouching = Side::ALL.into_iter().filter(|by| self.vouches(*by, side, ordinal));
        let mut signers: Vec<_> = vouching.filter_map(|by| self.host(by)).cloned().collect();
        signers.dedup();
        signers
    }

    /// Whether the other side's access point names an event: it holds it.
    pub(super) fn is_named(&self, side: Side, ordinal: u64) -> bool {
        self.vouches(side.other(), side, ordinal)
    }

    /// How well it is known that a side said this. What is told of another is not better known because the other side
    /// names it, whoever it had make the file: the side's own access point has signed it, or made the file.
    pub(super) fn standing(&self, side: Side, event: &Seen<'_>) -> Standing {
        let ordinal = event.event.ordinal;
        let (own, named) = (self.vouches(side, side, ordinal), self.is_named(side, ordinal));
        match self.one_for_both() {
            _ if event.masked => Standing::Told,
            None if named && (own || self.host(side) == Some(self.maker)) => Standing::Named,
            Some(_) if named => Standing::Signed,
            _ if own => Standing::Signed,
            _ => Standing::Told,
        }
    }

    /// The access point that serves both units: neither says more than the other then.
    pub(super) fn one_for_both(&self) -> Option<&'r AccessPointId> {
        self.host(Side::Origin).filter(|origin| self.host(Side::Recipient) == Some(*origin))
    }

    fn host(&self, side: Side) -> Option<&'r AccessPointId> {
        self.hosts.get(number(side)).copied().flatten()
    }

    fn vouches(&self, by: Side, side: Side, ordinal: u64) -> bool {
        let index = ordinal.checked_sub(1).and_then(|index| usize::try_from(index).ok());
        let log = self.reached.get(number(by)).and_then(|logs| logs.get(number(side)));
        index.zip(log).and_then(|(index, log)| log.get(index)).copied().unwrap_or_default()
    }
}

/// What the proven events of a side name, and what these name. Every event is looked at once.
fn reached(logs: &[Vec<Seen<'_>>; 2], by: Side) -> [Vec<bool>; 2] {
    let mut reached = logs.each_ref().map(|log| vec![false; log.len()]);
    let proven = logs.iter().flatten().filter(|seen| seen.proven && seen.event.side == by);
    let mut named: Vec<_> = proven.map(|seen| (seen.event.side, seen.event.ordinal)).collect();
    while let Some((side, ordinal)) = named.pop() {
        let index = ordinal.checked_sub(1).and_then(|index| usize::try_from(index).ok());
        let (log, marks) = (logs.get(number(side)), reached.get_mut(number(side)));
        let (Some(index), Some(log), Some(marks)) = (index, log, marks) else { continue };
        let (Some(seen), Some(mark)) = (log.get(index), marks.get_mut(index)) else { continue };
        if std::mem::replace(mark, true) || seen.masked {
            continue;
        }
        named.push((side, ordinal.saturating_sub(1)));
        named.push((side.other(), seen.event.seen_ordinal()));
    }
    reached
}

//! How far the signatures of a file reach: from an event that is proven back through all that it names by digest.
//!
//! A signed event vouches for the one before it and for the last one of the other log that its writer had seen, and
//! these for theirs. It ends at an event of which something was taken out: its digest is named, and what is shown of
//! it, also what it names in turn, is the word of whoever made the file.

use nhipcau_domain::{
    id::AccessPointId,
    referral::{Event, Side},
};

use super::account::Standing;

/// An event as signatures see it.
pub(super) struct Seen<'r> {
    pub(super) event: &'r Event,
    /// The access point whose envelope held it, where that is proven.
    pub(super) signer: Option<&'r AccessPointId>,
    pub(super) masked: bool,
}

/// What one access point vouches for.
struct Signer<'r> {
    id: &'r AccessPointId,
    /// For whose log it signed.
    signs: [bool; 2],
    reached: [Vec<bool>; 2],
}

/// What is vouched for, and by whom.
pub(super) struct Reach<'r> {
    signers: Vec<Signer<'r>>,
    maker: &'r AccessPointId,
}

const fn number(side: Side) -> usize {
    match side {
        Side::Origin => 0,
        Side::Recipient => 1,
    }
}

impl<'r> Reach<'r> {
    pub(super) fn of(logs: &[Vec<Seen<'r>>; 2], maker: &'r AccessPointId) -> Self {
        let mut signers: Vec<Signer<'r>> = Vec::new();
        for id in logs.iter().flatten().filter_map(|seen| seen.signer) {
            if signers.iter().all(|known| known.id != id) {
                let signs = logs.each_ref().map(|log| log.iter().any(|seen| seen.signer == Some(id)));
                signers.push(Signer { id, signs, reached: reached(logs, id) });
            }
        }
        Self { signers, maker }
    }

    /// Who vouches for the digest of an event.
    pub(super) fn signers(&self, side: Side, ordinal: u64) -> Vec<AccessPointId> {
        self.reaching(side, ordinal).map(|signer| signer.id.clone()).collect()
    }

    /// How well it is known that a side said this. What is told of another is not better known because the one who
    /// tells it has signed it.
    pub(super) fn standing(&self, side: Side, event: &Seen<'_>) -> Standing {
        if event.masked {
            return Standing::Told;
        }
        let signs = |signer: &Signer<'_>, side| signer.signs.get(number(side)).copied().unwrap_or_default();
        let ordinal = event.event.ordinal;
        let own = self.reaching(side, ordinal).any(|signer| signs(signer, side));
        let is_other = |signer: &Signer<'r>| signs(signer, side.other()) && (own || signer.id != self.maker);
        match (own, self.reaching(side, ordinal).any(is_other)) {
            (_, true) if self.one_for_both().is_none() => Standing::Named,
            (false, false) => Standing::Told,
            _ => Standing::Signed,
        }
    }

    /// The access point that signed for both sides: neither says more than the other then.
    pub(super) fn one_for_both(&self) -> Option<&'r AccessPointId> {
        self.signers.iter().find(|signer| signer.signs == [true; 2]).map(|signer| signer.id)
    }

    fn reaching(&self, side: Side, ordinal: u64) -> impl Iterator<Item = &Signer<'r>> {
        let index = ordinal.checked_sub(1).and_then(|index| usize::try_from(index).ok()).unwrap_or(usize::MAX);
        let is_reached = move |signer: &&Signer<'r>| {
            let log = signer.reached.get(number(side)).and_then(|log| log.get(index));
            log.copied().unwrap_or_default()
        };
        self.signers.iter().filter(is_reached)
    }
}

/// What a signer's events name, and what these name. Every event is looked at once.
fn reached(logs: &[Vec<Seen<'_>>; 2], id: &AccessPointId) -> [Vec<bool>; 2] {
    let mut reached = logs.each_ref().map(|log| vec![false; log.len()]);
    let signed = logs.iter().flatten().filter(|seen| seen.signer == Some(id));
    let mut named: Vec<_> = signed.map(|seen| (seen.event.side, seen.event.ordinal)).collect();
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

//! How far the signatures of a file reach: from an event that is proven back through all that it names by digest.
//!
//! A signed event vouches for the one before it and for the last one of the other log that its writer had seen, and
//! these for theirs. It ends at an event of which something was taken out: its digest is named, and what is shown of
//! it, also what it names in turn, is the word of whoever made the file.
//!
//! A release has one access point serve a unit, so that only those of the units of the branch speak here: who they are
//! does not depend on what somebody put into the file or left out. Whoever took a branch over names what the unit
//! before had written, and has not signed it for that.

use nhipcau_domain::{
    id::AccessPointId,
    referral::{Event, Side},
};

use super::account::Standing;

/// An event as signatures see it.
pub(super) struct Seen<'r> {
    pub(super) event: &'r Event,
    /// The access point that serves its unit.
    pub(super) host: Option<&'r AccessPointId>,
    /// It was in an envelope of that access point.
    pub(super) proven: bool,
    pub(super) masked: bool,
}

/// What the access points of the units vouch for.
pub(super) struct Reach<'r> {
    /// Who serves the unit of each side now.
    hosts: [Option<&'r AccessPointId>; 2],
    speakers: Vec<Speaker<'r>>,
    maker: &'r AccessPointId,
}

/// An access point that signed events of a side, and what it vouches for in both logs.
struct Speaker<'r> {
    side: Side,
    host: &'r AccessPointId,
    reached: [Vec<bool>; 2],
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
        let mut speakers: Vec<Speaker<'r>> = Vec::new();
        for seen in logs.iter().flatten().filter(|seen| seen.proven) {
            let (side, Some(host)) = (seen.event.side, seen.host) else { continue };
            if !speakers.iter().any(|speaker| (speaker.side, speaker.host) == (side, host)) {
                speakers.push(Speaker { side, host, reached: reached(logs, side, host) });
            }
        }
        Self { hosts, speakers, maker }
    }

    /// Who vouches for the digest of an event.
    pub(super) fn signers(&self, side: Side, ordinal: u64) -> Vec<AccessPointId> {
        let vouching = self.speakers.iter().filter(|speaker| speaker.vouches(side, ordinal));
        let mut signers: Vec<AccessPointId> = Vec::new();
        for speaker in vouching {
            if !signers.contains(speaker.host) {
                signers.push(speaker.host.clone());
            }
        }
        signers
    }

    /// Whether an access point of the other side names an event: it holds it.
    pub(super) fn is_named(&self, side: Side, ordinal: u64) -> bool {
        self.speakers.iter().any(|speaker| speaker.side != side && speaker.vouches(side, ordinal))
    }

    /// How well it is known that a side said this. What is told of another is not better known because the other side
    /// names it, whoever it had make the file: the access point of its own unit has signed it, or made the file.
    pub(super) fn standing(&self, side: Side, event: &Seen<'_>) -> Standing {
        let ordinal = event.event.ordinal;
        let vouches = |is_wanted: &dyn Fn(&Speaker<'_>) -> bool| {
            self.speakers.iter().any(|speaker| is_wanted(speaker) && speaker.vouches(side, ordinal))
        };
        let is_own = |speaker: &Speaker<'_>| event.host == Some(speaker.host);
        let own = vouches(&is_own);
        let named = vouches(&|speaker| speaker.side != side && !is_own(speaker));
        if event.masked {
            Standing::Told
        } else if named && (own || event.host == Some(self.maker)) {
            Standing::Named
        } else if own {
            Standing::Signed
        } else {
            Standing::Told
        }
    }

    /// The access point that serves both units: neither says more than the other then.
    pub(super) fn one_for_both(&self) -> Option<&'r AccessPointId> {
        let [origin, recipient] = self.hosts;
        origin.filter(|origin| recipient == Some(*origin))
    }
}

impl Speaker<'_> {
    fn vouches(&self, side: Side, ordinal: u64) -> bool {
        let index = ordinal.checked_sub(1).and_then(|index| usize::try_from(index).ok());
        let log = self.reached.get(number(side));
        index.zip(log).and_then(|(index, log)| log.get(index)).copied().unwrap_or_default()
    }
}

/// What the proven events of an access point name, and what these name. Every event is looked at once.
fn reached(logs: &[Vec<Seen<'_>>; 2], by: Side, host: &AccessPointId) -> [Vec<bool>; 2] {
    let mut reached = logs.each_ref().map(|log| vec![false; log.len()]);
    let of_host = |seen: &&Seen<'_>| seen.proven && seen.event.side == by && seen.host == Some(host);
    let proven = logs.iter().flatten().filter(of_host);
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

//! Who took over the duties of a unit: its successors, and theirs where they are over as well.
//!
//! A successor that is over hands on to its own, so that whoever looks late finds the same as whoever looked in
//! between. Releases have no loops of successors: every walk ends. Nobody is chosen among several.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use nhipcau_proto::directory::v1 as pb;

use super::Release;
use super::violation::{Problem, Violations};
use crate::referral::UnitRef;

/// By how much the clocks of two access points may differ.
const CLOCKS: SignedDuration = SignedDuration::from_hours(24);

/// The units that took over the duties of one, at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Succession {
    named: BTreeSet<UnitRef>,
    in_force: BTreeSet<UnitRef>,
}

/// To whom an open branch goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heir {
    /// The unit is not over, or nobody took its duties over.
    Nobody,
    /// One unit took them over.
    One(UnitRef),
    /// Several did: a person decides.
    Several,
}

impl Succession {
    /// Follows the successors of a unit that is over at a time. Of one that is not, there are none.
    #[must_use]
    pub fn of(release: &Release, unit: &UnitRef, at: Timestamp) -> Self {
        let (mut named, mut in_force, mut open) = (BTreeSet::new(), BTreeSet::new(), vec![unit.clone()]);
        while let Some(next) = open.pop() {
            let Some(known) = release.unit(&next.party, &next.unit) else { continue };
            if release.is_addressable(&next.party, &next.unit, at) {
                in_force.insert(next);
            } else if is_over(release, &next, at) {
                let successors = known.successors.iter().cloned();
                let successors = successors.map(|(party, unit)| UnitRef { party, unit });
                open.extend(successors.filter(|successor| named.insert(successor.clone())));
            }
        }
        in_force.remove(unit);
        Self { named, in_force }
    }

    /// Whether the release confirms another access point's word that a unit which was over by its clock gave its duties
    /// to an heir. By the clock here that may be a day away.
    #[must_use]
    pub fn confirms(release: &Release, unit: &UnitRef, heir: &UnitRef, now: Timestamp) -> bool {
        Self::of(release, unit, now.saturating_add(CLOCKS).unwrap_or(now)).names(heir)
    }

    /// Whether this unit took over, or did and is over by now.
    #[must_use]
    pub fn names(&self, unit: &UnitRef) -> bool {
        self.named.contains(unit)
    }

    /// Whether a branch may be handed to this unit now.
    #[must_use]
    pub fn offers(&self, unit: &UnitRef) -> bool {
        self.in_force.contains(unit)
    }

    /// To whom a branch goes, if nobody says to whom.
    #[must_use]
    pub fn heir(&self) -> Heir {
        let mut units = self.in_force.iter();
        match (units.next(), units.next()) {
            (None, _) => Heir::Nobody,
            (Some(unit), None) => Heir::One(unit.clone()),
            _ => Heir::Several,
        }
    }
}

/// Adds every unit that is over and from which a release takes back who took its duties over: branches went there
/// already, and whoever hears of it only now must find the same.
pub(super) fn check(release: &Release, current: &Release, found: &mut Violations) {
    let at = release.issue_time();
    for before in current.units().filter(|unit| !unit.successors.is_empty()) {
        let unit = UnitRef { party: before.party.clone(), unit: before.id.clone() };
        if !is_over(current, &unit, at) {
            continue;
        }
        let is_same =
            |wire: &pb::Unit| (wire.party.as_str(), wire.unit.as_str()) == (unit.party.as_str(), unit.unit.as_str());
        let keeps = release.unit(&unit.party, &unit.unit).is_some_and(|after| {
            is_over(release, &unit, at)
                && before.successors.iter().all(|successor| after.successors.contains(successor))
        });
        match release.wire().units.iter().position(is_same) {
            Some(i) => found.require(keeps, Problem::TakenBack, format_args!("units[{i}].successors")),
            None => found.add(Problem::TakenBack, format_args!("units {unit}")),
        }
    }
}

fn is_over(release: &Release, unit: &UnitRef, at: Timestamp) -> bool {
    let is_past = |expire: Option<Timestamp>| expire.is_some_and(|expire| expire <= at);
    let of_party = release.party(&unit.party).and_then(|party| party.validity.expire);
    let of_unit = release.unit(&unit.party, &unit.unit).and_then(|unit| unit.validity.expire);
    is_past(of_party) || is_past(of_unit)
}

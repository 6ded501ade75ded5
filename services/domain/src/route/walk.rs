//! From the units that serve an area to the one that serves it at that time: rank by rank, and inside a rank from who
//! does not fit to who stands in for it, until exactly one fits.

use std::collections::BTreeSet;

use super::{Asked, Considered, Decision, Question, Route, Urgency, Verdict};
use crate::directory::{Release, Unit};
use crate::referral::UnitRef;

/// Looks at the units of each rank in turn. Each unit is looked at once, so that every walk ends.
pub(super) fn walk(release: &Release, ranks: &[&[UnitRef]], asked: &Asked<'_>) -> Route {
    let serving: BTreeSet<&UnitRef> = ranks.iter().copied().flatten().collect();
    let (mut seen, mut considered) = (BTreeSet::new(), Vec::new());
    for rank in ranks {
        let mut step: Vec<(UnitRef, Option<UnitRef>)> = rank.iter().map(|unit| (unit.clone(), None)).collect();
        while !step.is_empty() {
            let (mut fitting, mut next) = (Vec::new(), Vec::new());
            for (unit, handed_on_by) in step {
                let Some(known) = release.unit(&unit.party, &unit.unit) else { continue };
                if !seen.insert(unit.clone()) {
                    continue;
                }
                let verdict = judge(release, known, serving.contains(&unit), asked);
                match verdict {
                    Verdict::Fits => fitting.push(unit.clone()),
                    _ => next.extend(beyond(known, verdict).map(|beyond| (beyond, Some(unit.clone())))),
                }
                considered.push(Considered { unit, verdict, handed_on_by });
            }
            match fitting.as_slice() {
                [] => {}
                [unit] => return Route { decision: Decision::Unit(unit.clone()), considered },
                _ => return Route { decision: Decision::Person(Question::Several(fitting)), considered },
            }
            step = next;
        }
    }
    Route { decision: Decision::Person(Question::Nobody), considered }
}

fn judge(release: &Release, unit: &Unit, serves: bool, asked: &Asked<'_>) -> Verdict {
    if !release.is_addressable(&unit.party, &unit.id, asked.at) {
        Verdict::NotInForce
    } else if !unit.services.contains(asked.service) {
        Verdict::NoService
    } else if !serves {
        Verdict::NotItsArea
    } else if asked.urgency == Urgency::CanWait || unit.hours.contain(asked.at) {
        Verdict::Fits
    } else if unit.hours.are_known() {
        Verdict::Closed
    } else {
        Verdict::HoursMissing
    }
}

/// Who stands in for a unit that does not fit: its only successor when it is over, else the unit above it. Of several
/// successors none is preferred.
fn beyond(unit: &Unit, verdict: Verdict) -> Option<UnitRef> {
    match (verdict, unit.successors.as_slice()) {
        (Verdict::NotInForce, [(party, unit)]) => Some(UnitRef { party: party.clone(), unit: unit.clone() }),
        _ => Some(UnitRef { party: unit.party.clone(), unit: unit.parent.clone()? }),
    }
}

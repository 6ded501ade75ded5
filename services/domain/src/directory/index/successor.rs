//! Refuses successors that lead back to where they began: whoever follows them must come to an end.

use std::collections::{BTreeMap, BTreeSet};

use nhipcau_proto::directory::v1 as pb;

use super::Reader;
use crate::directory::violation::Problem;

impl Reader<'_> {
    pub(super) fn successors(&mut self, wire: &pb::Release) {
        let parties = wire.parties.iter().map(|entry| {
            let successors = entry.successors.iter().map(String::as_str);
            (entry.party.as_str(), successors.collect())
        });
        self.refuse_loops("parties", &parties.collect::<Vec<_>>());
        let units = wire.units.iter().map(|entry| {
            let successors = entry.successors.iter().map(|to| (to.party.as_str(), to.unit.as_str()));
            ((entry.party.as_str(), entry.unit.as_str()), successors.collect())
        });
        self.refuse_loops("units", &units.collect::<Vec<_>>());
    }

    /// Reports every successor that lies on a loop, or on the way from one loop to another.
    fn refuse_loops<Id: Copy + Ord>(&mut self, list: &str, entries: &[(Id, Vec<Id>)]) {
        let steps = entries.iter().flat_map(|(from, successors)| successors.iter().map(|to| (*from, *to)));
        let turned = |steps: BTreeSet<(Id, Id)>| steps.into_iter().map(|(from, to)| (to, from)).collect();
        let endless = turned(endless(turned(endless(steps.collect()))));
        for (i, (from, successors)) in entries.iter().enumerate() {
            for (j, to) in successors.iter().enumerate() {
                let ends = !endless.contains(&(*from, *to));
                self.found.require(ends, Problem::Cycle, format_args!("{list}[{i}].successors[{j}]"));
            }
        }
    }
}

/// The steps after which one can go on for ever.
fn endless<Id: Copy + Ord>(mut steps: BTreeSet<(Id, Id)>) -> BTreeSet<(Id, Id)> {
    let mut ways_on: BTreeMap<Id, usize> = BTreeMap::new();
    let mut before: BTreeMap<Id, Vec<Id>> = BTreeMap::new();
    for (from, to) in &steps {
        *ways_on.entry(*from).or_default() += 1;
        ways_on.entry(*to).or_default();
        before.entry(*to).or_default().push(*from);
    }
    let mut ends: Vec<Id> = ways_on.iter().filter(|(_, ways)| **ways == 0).map(|(id, _)| *id).collect();
    while let Some(end) = ends.pop() {
        for from in before.get(&end).into_iter().flatten() {
            if let Some(ways) = ways_on.get_mut(from) {
                *ways -= 1;
                if *ways == 0 {
                    ends.push(*from);
                }
            }
        }
    }
    steps.retain(|(_, to)| ways_on.get(to).is_some_and(|ways| *ways > 0));
    steps
}

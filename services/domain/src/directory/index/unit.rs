//! Reads units: references to parents and successors resolve, no unit stands above itself, and hours are hours.

use std::collections::BTreeSet;

use nhipcau_proto::directory::v1 as pb;

use super::Reader;
use crate::directory::hours::Hours;
use crate::directory::participant::{AreaRef, UNIT_LEVELS, Unit};
use crate::directory::read;
use crate::directory::violation::Problem;
use crate::id::{PartyId, UnitId};

impl Reader<'_> {
    pub(super) fn units(&mut self, wire: &[pb::Unit]) {
        let ids: BTreeSet<(&str, &str)> = wire.iter().map(|u| (u.party.as_str(), u.unit.as_str())).collect();
        for (i, entry) in wire.iter().enumerate() {
            if let Some(unit) = self.unit(entry, &ids, i) {
                let of_party = self.known.units.entry(unit.party.clone()).or_default();
                let repeated = of_party.insert(unit.id.clone(), unit).is_some();
                self.found.require(!repeated, Problem::Repeated, format_args!("units[{i}].unit"));
            }
        }
        for (i, entry) in wire.iter().enumerate() {
            let (Ok(party), Ok(unit)) = (PartyId::new(&entry.party), UnitId::new(&entry.unit)) else {
                continue;
            };
            let Some(of_party) = self.known.units.get(&party) else {
                continue;
            };
            let above = std::iter::successors(of_party.get(&unit), |unit| of_party.get(unit.parent.as_ref()?));
            self.found.require(
                above.take(UNIT_LEVELS + 1).count() <= UNIT_LEVELS,
                Problem::Cycle,
                format_args!("units[{i}].parent"),
            );
        }
    }

    fn unit(&mut self, wire: &pb::Unit, ids: &BTreeSet<(&str, &str)>, i: usize) -> Option<Unit> {
        let path = format_args!("units[{i}]");
        let party = self.party(&wire.party, format_args!("{path}.party"));
        let id: Option<UnitId> = read::id(&wire.unit, self.found, format_args!("{path}.unit"));
        let names = read::names(wire.names.as_ref(), self.found, format_args!("{path}.names"));
        let validity = read::validity(wire.validity.as_ref(), self.found, format_args!("{path}.validity"));
        let parent = (!wire.parent.is_empty()).then_some(wire.parent.as_str());
        if let Some(parent) = parent {
            self.found.require(
                ids.contains(&(wire.party.as_str(), parent)),
                Problem::Unresolved,
                format_args!("{path}.parent"),
            );
        }
        let mut named = |list: &str, units: &[pb::UnitRef]| -> Vec<_> {
            for (j, unit) in units.iter().enumerate() {
                let there = ids.contains(&(unit.party.as_str(), unit.unit.as_str()));
                self.found.require(there, Problem::Unresolved, format_args!("{path}.{list}[{j}]"));
            }
            let read = |unit: &pb::UnitRef| PartyId::new(&unit.party).ok().zip(UnitId::new(&unit.unit).ok());
            units.iter().filter_map(read).collect()
        };
        let (successors, notified) = (named("successors", &wire.successors), named("notified", &wire.notified));
        for (j, unit) in wire.notified.iter().enumerate() {
            let is_itself = (&unit.party, &unit.unit) == (&wire.party, &wire.unit);
            self.found.require(!is_itself, Problem::Cycle, format_args!("{path}.notified[{j}]"));
        }
        for (j, service) in wire.services.iter().enumerate() {
            self.found.require(read::is_label(service), Problem::Syntax, format_args!("{path}.services[{j}]"));
        }
        let hours = Hours::read(&wire.hours, self.found, format_args!("{path}.hours"));
        let party = party?;
        let hostings = self.hostings(&wire.hostings, &party, path);
        Some(Unit {
            party,
            id: id?,
            names: names?,
            parent: parent.and_then(|parent| UnitId::new(parent).ok()),
            areas: wire.areas.iter().map(AreaRef::from_wire).collect(),
            services: wire.services.iter().map(|s| s.as_str().into()).collect(),
            validity: validity?,
            successors,
            hours,
            notified,
            hostings,
        })
    }
}

//! Units by service and by the code that their areas have on one day, so that list versions need not agree.

use std::collections::HashMap;

use jiff::civil::Date;

use crate::area::{AdminUnitRef, Areas, CODE_LIST};
use crate::directory::{AreaRef, Release, Unit};
use crate::referral::UnitRef;

/// As of one day.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) day: Date,
    services: HashMap<Box<str>, Service>,
    pub(super) unplaced: Vec<(UnitRef, AreaRef)>,
}

/// Who gives a service. Units stand in ascending order.
#[derive(Debug, Default)]
struct Service {
    by_code: HashMap<Box<str>, Vec<UnitRef>>,
    everywhere: Vec<UnitRef>,
}

impl Index {
    pub(super) fn new(release: &Release, areas: &Areas, day: Date) -> Self {
        let mut index = Self { day, services: HashMap::new(), unplaced: Vec::new() };
        for unit in release.units() {
            let codes = index.codes(unit, areas);
            for service in &unit.services {
                if !index.services.contains_key(service) {
                    index.services.insert(service.clone(), Service::default());
                }
                let Some(service) = index.services.get_mut(service) else { continue };
                for code in &codes {
                    service.by_code.entry(code.clone()).or_default().push(name(unit));
                }
                if unit.areas.is_empty() {
                    service.everywhere.push(name(unit));
                }
            }
        }
        index
    }

    /// The codes that the areas of a unit have on the day.
    fn codes(&mut self, unit: &Unit, areas: &Areas) -> Vec<Box<str>> {
        let mut codes = Vec::with_capacity(unit.areas.len());
        for area in &unit.areas {
            let reference = AdminUnitRef::new(&area.code, &area.version).ok().filter(|_| &*area.list == CODE_LIST);
            // Of an area that was split, a unit may have kept any part.
            match reference.and_then(|reference| areas.resolve(&reference, self.day).whole()) {
                Some(whole) if codes.contains(&whole.code) => {}
                Some(whole) => codes.push(whole.code.clone()),
                None => self.unplaced.push((name(unit), area.clone())),
            }
        }
        codes
    }

    /// The units that give the service: for each code those that serve it, at last those that serve every area.
    pub(super) fn ranks(&self, service: &str, codes: &[&str]) -> Vec<&[UnitRef]> {
        let Some(service) = self.services.get(service) else { return Vec::new() };
        let of_codes = codes.iter().filter_map(|code| service.by_code.get(*code)).map(Vec::as_slice);
        of_codes.chain([service.everywhere.as_slice()]).collect()
    }
}

fn name(unit: &Unit) -> UnitRef {
    UnitRef { party: unit.party.clone(), unit: unit.id.clone() }
}

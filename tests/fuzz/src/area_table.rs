//! The tables of administrative units: whatever is taken, a code means one unit on any day, and its parent was in force
//! with it; a reference leads on any day to units in force on it, and to itself on its own.

use std::sync::Arc;

use jiff::civil::{Date, date};
use nhipcau_domain::area::{AdminUnitRef, AreaList, Areas, Crosswalk, Level, Resolution};

const VERSIONS: &str = "version,valid_from,valid_until,basis,name_vi,name_en\n";
const UNITS: &str = "code,level,parent,kind,name,valid_from,valid_until\n";
const WALK: &str = "old_level,old_code,new_code,extent\n";

/// Three tables, separated by a byte that is not UTF-8: versions, units, a crosswalk. Also tried with right headers.
pub fn property(bytes: &[u8]) {
    let mut tables = bytes.splitn(3, |byte| *byte == 0xFF).map(<[u8]>::to_vec);
    let mut next = || tables.next().unwrap_or_default();
    let (versions, units, walk) = (next(), next(), next());
    holds(&versions, &units, &walk);
    let headed = |header: &str, rows: &[u8]| [header.as_bytes(), rows].concat();
    holds(&headed(VERSIONS, &versions), &headed(UNITS, &units), &headed(WALK, &walk));
}

fn holds(versions: &[u8], units: &[u8], walk: &[u8]) {
    let Ok(list) = AreaList::parse(versions, [units]) else { return };
    let reform = date(2025, 7, 1);
    let days = [date(2000, 1, 1), date(2025, 6, 30), reform, date(2026, 5, 1)];
    for (day, level) in
        days.iter().flat_map(|day| [Level::Province, Level::District, Level::Commune].map(|level| (*day, level)))
    {
        for unit in list.in_force(level, day) {
            assert_eq!(list.unit_on(&unit.code, day), Some(unit), "a code means one unit");
        }
    }
    let walk = Crosswalk::parse(reform, walk, &list).ok();
    assert!(walk.as_ref().is_none_or(|walk| walk.day() == reform));
    let list = Arc::new(list);
    let Ok(areas) = Areas::new(Arc::clone(&list), walk) else { return };
    for (then, version) in days.iter().flat_map(|day| list.versions().iter().map(|version| (*day, version))) {
        for unit in list.in_force(Level::Commune, then).chain(list.in_force(Level::Province, then)) {
            let Ok(reference) = AdminUnitRef::new(&unit.code, &version.name) else { continue };
            days.iter().for_each(|day| leads(&areas, &reference, *day));
        }
    }
}

fn leads(areas: &Areas, reference: &AdminUnitRef, on: Date) {
    let resolution = areas.resolve(reference, on);
    let units = match &resolution {
        Resolution::In(unit) | Resolution::Became(unit) => vec![*unit],
        Resolution::Split(units) => units.clone(),
        Resolution::Gone | Resolution::NotYet | Resolution::Unknown(_) => Vec::new(),
    };
    for unit in units {
        assert_eq!(areas.list().unit_on(&unit.code, on), Some(unit), "only what is in force is given");
    }
    if let Ok(unit) = areas.list().unit(reference)
        && areas.list().version(&reference.code_list_version).is_some_and(|version| version.validity.contains(on))
        && unit.validity.contains(on)
    {
        assert_eq!(resolution, Resolution::In(unit), "on the days of its list a unit is itself");
    }
}

/// The beginnings of the tables that are shipped for trying out.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let versions = include_str!("../../../deploy/dev/codelists/vn-versions.csv");
    let units = include_str!("../../../deploy/dev/codelists/vn-units.csv");
    let old = include_str!("../../../deploy/dev/codelists/vn-units-legacy.csv");
    let walk = include_str!("../../../deploy/dev/codelists/vn-crosswalk-2025-07-01.csv");
    let lines = |text: &str, count: usize, skipped: usize| -> Vec<u8> {
        text.split_inclusive('\n').skip(skipped).take(count).collect::<String>().into_bytes()
    };
    let both = [lines(units, 5, 0), lines(old, 4, 1)].concat();
    let rows = [lines(versions, 3, 1), lines(units, 4, 1), lines(walk, 3, 1)];
    vec![[lines(versions, 9, 0), both, lines(walk, 3, 0)].join(&0xFF), rows.join(&0xFF)]
}

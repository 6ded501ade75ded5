//! The whole country: every commune and every province with a unit for each of a handful of services.

use super::*;
use crate::area::Level;

const SERVICES: [&str; 5] = ["protection", "shelter", "counselling", "health-care", "legal-aid"];

#[test]
fn every_commune_of_the_country_finds_its_unit() {
    let areas = AREAS.list();
    let day = day_of(time(MONDAY));
    let mut directory = Directory::new();
    for level in [Level::Province, Level::Commune] {
        let mut units: Vec<_> = areas.in_force(level, day).collect();
        units.sort_by(|a, b| a.code.cmp(&b.code));
        for it in units {
            directory = directory.unit(&format!("hanoi/{}", it.code), &[&format!("{}@VN-34-2026", it.code)], |unit| {
                unit.parent = it.parent.as_deref().unwrap_or_default().into();
                unit.services = SERVICES.map(Into::into).to_vec();
                // At night the province takes it.
                unit.hours = if level == Level::Province { around_the_clock() } else { office() };
            });
        }
    }
    let release = directory.release();
    assert_eq!(release.units().count(), 3_321 + 34);
    let routes = Routes::new(release, Arc::clone(&AREAS), time(MONDAY));
    assert!(routes.unplaced().is_empty());
    for it in areas.in_force(Level::Commune, day) {
        let area = AdminUnitRef::new(&it.code, "VN-34-2026").unwrap();
        for (at, code) in [(MONDAY, &*it.code), (NIGHT, it.parent.as_deref().unwrap())] {
            let asked = Asked { service: SERVICES[4], area: &area, at: time(at), urgency: Urgency::Now };
            assert_eq!(routes.route(&asked).decision, Decision::Unit(unit(&format!("hanoi/{code}"))), "{area} {at}");
        }
    }
}

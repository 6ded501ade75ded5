//! Who gets a contact: the unit that serves, or what a person must decide, said as it is.

use super::*;
use crate::{
    reason,
    referral::Timeframe,
    route::{Route, Urgency, tests::unit},
};

fn route(directory: &Directory, place: &str) -> Option<Route> {
    let contact = record(Some(pb::ContactDetails { incident_area: Some(area(place)), ..least() })).unwrap();
    way::of(&contact.report, "protection", now(), &directory.routes(MONDAY))
}

fn decided(directory: &Directory, place: &str) -> Result<Option<UnitRef>, Refusal> {
    let mut refusal = Refusal::default();
    let unit = way::decided(&route(directory, place).unwrap(), &mut refusal);
    refusal.or(unit)
}

#[test]
fn a_contact_goes_to_the_unit_of_its_area_also_by_an_old_code() {
    let one = Directory::new().serving("hanoi/ba-dinh", &[BA_DINH]);
    assert_eq!(decided(&one, BA_DINH), Ok(Some(unit("hanoi/ba-dinh"))));
    let written = way::write(route(&one, BA_DINH).as_ref());
    assert_eq!((written.unit.unwrap().unit.as_str(), written.question), ("ba-dinh", 0));
    assert_eq!(written.considered[0].verdict, i32::from(pb::UnitVerdict::Fits));
    // Trúc Bạch of the old list went whole into Ba Đình, which has its code now.
    assert_eq!(decided(&one, "00004@VN-63"), Ok(Some(unit("hanoi/ba-dinh"))));
}

#[test]
fn nobody_and_several_are_for_a_person_and_are_said() {
    let none = Directory::new();
    assert_eq!(decided(&none, BA_DINH), Err(Refusal::one("recipients", reason::NO_UNIT_FITS)));
    assert_eq!(way::write(route(&none, BA_DINH).as_ref()).question, i32::from(pb::RouteQuestion::Nobody));
    let two = Directory::new().serving("hanoi/a", &[BA_DINH]).serving("hanoi/b", &[BA_DINH]);
    assert_eq!(decided(&two, BA_DINH), Err(Refusal::one("recipients", reason::SEVERAL_UNITS_FIT)));
    let written = way::write(route(&two, BA_DINH).as_ref());
    let units: Vec<_> = written.candidate_units.iter().map(|unit| unit.unit.as_str()).collect();
    assert_eq!((written.unit, units), (None, vec!["a", "b"]));
}

#[test]
fn a_split_area_is_given_with_every_candidate() {
    // 00634 of the old list went into five communes.
    let one = Directory::new().serving("hanoi/ba-dinh", &[BA_DINH]);
    let refusal = decided(&one, "00634@VN-63").unwrap_err();
    let [violation] = refusal.violations() else { panic!("one violation: {refusal:?}") };
    assert_eq!((violation.subject.as_str(), violation.reason), ("details.incident_area", reason::AREA_SPLIT));
    assert_eq!(violation.candidates.len(), 5);
    let written = way::write(route(&one, "00634@VN-63").as_ref());
    assert_eq!(written.candidate_areas.len(), 5);
    assert_eq!(written.question, i32::from(pb::RouteQuestion::AreaSplit));
}

#[test]
fn an_area_of_no_list_is_not_taken_for_another() {
    let one = Directory::new().serving("hanoi/0-all", &[]);
    let refusal = decided(&one, "99999@VN-34-2026").unwrap_err();
    assert_eq!(found(&refusal), [("details.incident_area", reason::AREA_UNKNOWN)]);
}

#[test]
fn without_an_area_there_is_no_way() {
    let contact = record(Some(pb::ContactDetails { incident_area: None, ..least() })).unwrap();
    assert_eq!(way::of(&contact.report, "protection", now(), &ROUTES), None);
    assert_eq!(way::write(None).question, i32::from(pb::RouteQuestion::AreaMissing));
}

#[test]
fn whoever_did_not_say_how_soon_is_not_made_to_wait() {
    assert_eq!(record(None).unwrap().report.timeframe(), Some(Timeframe::OneHour));
    let urgencies = [Timeframe::OneHour, Timeframe::ThreeHours, Timeframe::OneDay, Timeframe::ThreeDays]
        .map(|timeframe| way::urgency(Some(timeframe)));
    assert_eq!(urgencies, [Urgency::Now, Urgency::Now, Urgency::CanWait, Urgency::CanWait]);
    assert_eq!(way::urgency(Some(Timeframe::Unrecognized(9))), Urgency::Now);
    assert_eq!(way::urgency(None), Urgency::Now);
}

//! One need at a time: who gets it, and what is said about everybody who was looked at.

use super::*;

const BA_DINH: &str = "00004@VN-34-2026";

fn goes_to(name: &str) -> Decision {
    Decision::Unit(unit(name))
}

#[test]
fn the_unit_of_the_commune_comes_before_that_of_its_province_and_that_before_one_of_all_areas() {
    let all = Directory::new().serving("hanoi/0-all", &[]);
    let (decision, told) = all.ask(BA_DINH, MONDAY, Urgency::Now);
    assert_eq!((decision, told), (goes_to("hanoi/0-all"), vec!["hanoi/0-all fits".into()]));
    let province = all.serving("hanoi/1-health", &["01@VN-34-2026"]);
    assert_eq!(province.ask(BA_DINH, MONDAY, Urgency::Now).0, goes_to("hanoi/1-health"));
    let commune = province.unit("hanoi/2-ba-dinh", &[BA_DINH], under("1-health"));
    assert_eq!(commune.ask(BA_DINH, MONDAY, Urgency::Now).0, goes_to("hanoi/2-ba-dinh"));
    assert_eq!(commune.ask("00070@VN-34-2026", MONDAY, Urgency::Now).0, goes_to("hanoi/1-health"));
}

#[test]
fn a_closed_unit_is_not_addressed() {
    let directory = Directory::new()
        .unit("hanoi/old", &[BA_DINH], |unit| over(unit, &["hanoi/middle"]))
        .unit("hanoi/middle", &[BA_DINH], |unit| over(unit, &["hanoi/new"]))
        .serving("hanoi/new", &[BA_DINH, "01@VN-34-2026"]);
    // The one that serves by itself is found at once; before the others ended there was more than one.
    assert_eq!(directory.ask(BA_DINH, MONDAY, Urgency::Now).0, goes_to("hanoi/new"));
    let several = ["hanoi/middle", "hanoi/new", "hanoi/old"].map(unit).to_vec();
    let before = directory.ask(BA_DINH, "2025-12-31T00:00:00Z", Urgency::Now).0;
    assert_eq!(before, Decision::Person(Question::Several(several)));
    // At the very instant of its end a unit is over.
    assert_eq!(directory.ask(BA_DINH, "2026-01-01T00:00:00Z", Urgency::Now).0, goes_to("hanoi/new"));
}

#[test]
fn the_only_successor_of_a_closed_unit_serves_in_its_place() {
    let directory = Directory::new()
        .party("health")
        .unit("hanoi/office", &[], |unit| unit.services.clear())
        .unit("hanoi/old", &[BA_DINH], |unit| {
            unit.parent = "office".into();
            over(unit, &["health/new"]);
        })
        .serving("health/new", &["01@VN-34-2026"]);
    let (decision, told) = directory.ask(BA_DINH, MONDAY, Urgency::Now);
    assert_eq!(decision, goes_to("health/new"));
    assert_eq!(told, ["hanoi/old is not in force at that time", "health/new fits, after hanoi/old"]);
}

#[test]
fn of_several_successors_none_is_preferred() {
    let directory = Directory::new()
        .serving("hanoi/health", &["01@VN-34-2026"])
        .unit("hanoi/old", &[BA_DINH], |unit| {
            unit.parent = "health".into();
            over(unit, &["hanoi/left", "hanoi/right"]);
        })
        .serving("hanoi/left", &["00070@VN-34-2026"])
        .serving("hanoi/right", &["00103@VN-34-2026"]);
    let (decision, told) = directory.ask(BA_DINH, MONDAY, Urgency::Now);
    assert_eq!(decision, goes_to("hanoi/health"));
    assert_eq!(told, ["hanoi/old is not in force at that time", "hanoi/health fits, after hanoi/old"]);
}

#[test]
fn a_successor_of_other_areas_gets_nothing_for_being_one() {
    let directory = Directory::new()
        .unit("hanoi/old", &[BA_DINH], |unit| over(unit, &["hanoi/new"]))
        .serving("hanoi/new", &["00070@VN-34-2026"]);
    let (decision, told) = directory.ask(BA_DINH, MONDAY, Urgency::Now);
    assert_eq!(decision, Decision::Person(Question::Nobody));
    assert_eq!(told, ["hanoi/old is not in force at that time", "hanoi/new serves other areas, after hanoi/old"]);
}

#[test]
fn whoever_is_closed_hands_up_and_it_is_said() {
    let directory = Directory::new()
        .serving("hanoi/health", &["01@VN-34-2026"])
        .unit("hanoi/office", &[], |unit| {
            unit.parent = "health".into();
            unit.services = vec!["counselling".into()];
        })
        .unit("hanoi/ba-dinh", &[BA_DINH], |unit| {
            unit.parent = "office".into();
            unit.hours = office();
        });
    let by_day = directory.ask(BA_DINH, MONDAY, Urgency::Now);
    assert_eq!(by_day, (goes_to("hanoi/ba-dinh"), vec!["hanoi/ba-dinh fits".into()]));
    let (decision, told) = directory.ask(BA_DINH, NIGHT, Urgency::Now);
    assert_eq!(decision, goes_to("hanoi/health"));
    assert_eq!(
        told,
        [
            "hanoi/ba-dinh has nobody there at that time",
            "hanoi/office does not give the service, after hanoi/ba-dinh",
            "hanoi/health fits, after hanoi/office",
        ]
    );
}

#[test]
fn what_can_wait_lies_until_the_unit_opens() {
    let directory = Directory::new()
        .serving("hanoi/health", &["01@VN-34-2026"])
        .unit("hanoi/ba-dinh", &[BA_DINH], |unit| unit.hours = office())
        .unit("hanoi/hoan-kiem", &["00070@VN-34-2026"], |unit| unit.hours.clear());
    assert_eq!(directory.ask(BA_DINH, NIGHT, Urgency::CanWait).0, goes_to("hanoi/ba-dinh"));
    assert_eq!(directory.ask("00070@VN-34-2026", NIGHT, Urgency::CanWait).0, goes_to("hanoi/hoan-kiem"));
}

#[test]
fn hours_that_nobody_has_said_are_not_guessed() {
    let directory =
        Directory::new()
            .serving("hanoi/health", &["01@VN-34-2026"])
            .unit("hanoi/ba-dinh", &[BA_DINH], |unit| unit.hours.clear());
    let (decision, told) = directory.ask(BA_DINH, MONDAY, Urgency::Now);
    assert_eq!(decision, goes_to("hanoi/health"));
    assert_eq!(told, ["hanoi/ba-dinh has not said when somebody is there", "hanoi/health fits"]);
}

#[test]
fn two_units_that_fit_equally_are_for_a_person_to_decide_between() {
    let directory = Directory::new()
        .party("vwu")
        .serving("hanoi/health", &["01@VN-34-2026"])
        .unit("hanoi/ba-dinh", &[BA_DINH], under("health"))
        .unit("vwu/ba-dinh", &["00004@VN-34-2025"], |unit| unit.hours = office());
    let (decision, told) = directory.ask(BA_DINH, MONDAY, Urgency::Now);
    assert_eq!(decision, Decision::Person(Question::Several(["hanoi/ba-dinh", "vwu/ba-dinh"].map(unit).to_vec())));
    assert_eq!(told, ["hanoi/ba-dinh fits", "vwu/ba-dinh fits"]);
    // At night there is only one.
    assert_eq!(directory.ask(BA_DINH, NIGHT, Urgency::Now).0, goes_to("hanoi/ba-dinh"));
}

#[test]
fn two_closed_units_under_one_hand_up_to_it_once() {
    let directory = Directory::new().serving("hanoi/health", &["01@VN-34-2026"]);
    let directory = ["a", "b"].into_iter().fold(directory, |directory, name| {
        directory.unit(&format!("hanoi/{name}"), &[BA_DINH], |unit| {
            unit.parent = "health".into();
            unit.hours = office();
        })
    });
    let (decision, told) = directory.ask(BA_DINH, NIGHT, Urgency::Now);
    assert_eq!((decision, told.len()), (goes_to("hanoi/health"), 3));
}

#[test]
fn a_unit_of_another_list_version_serves_the_resolved_area() {
    let directory = Directory::new()
        .serving("hanoi/a", &["00004@VN-34-2025"])
        .serving("hanoi/b", &["00043@VN-63", "00070@VN-34-2025", "00070@VN-34-2026"]);
    // Trúc Bạch went whole into Ba Đình, which has had its code since.
    for area in ["00004@VN-63", "00004@VN-34-2025", BA_DINH] {
        assert_eq!(directory.ask(area, MONDAY, Urgency::Now).0, goes_to("hanoi/a"), "{area}");
    }
    assert_eq!(directory.ask("00070@VN-34-2026", MONDAY, Urgency::Now).0, goes_to("hanoi/b"));
}

#[test]
fn an_area_that_was_split_and_one_that_nobody_knows_are_for_a_person() {
    let directory = Directory::new().serving("hanoi/health", &["01@VN-34-2026"]);
    let (decision, told) = directory.ask("00019@VN-63", MONDAY, Urgency::Now);
    let parts = ["00004", "00070", "00190", "00226"].map(|code| format!("{code}@VN-34-2026").parse().unwrap()).to_vec();
    assert_eq!((decision, told), (Decision::Person(Question::Split(parts)), Vec::new()));
    let unknown = directory.ask("99999@VN-63", MONDAY, Urgency::Now).0;
    assert_eq!(unknown, Decision::Person(Question::UnknownArea));
}

#[test]
fn a_unit_whose_area_was_split_is_named_and_found_in_none_of_the_parts() {
    let directory = Directory::new().serving("hanoi/old", &["00019@VN-63", BA_DINH]);
    let routes = directory.routes(MONDAY);
    let named: Vec<_> = routes.unplaced().iter().map(|(unit, area)| format!("{unit} {}", area.code)).collect();
    assert_eq!(named, ["hanoi/old 00019"]);
    assert_eq!(directory.ask("00070@VN-34-2026", MONDAY, Urgency::Now).0, Decision::Person(Question::Nobody));
    assert_eq!(directory.ask(BA_DINH, MONDAY, Urgency::Now).0, goes_to("hanoi/old"));
}

#[test]
fn an_area_is_looked_up_as_of_the_day_that_is_asked_about() {
    // Trúc Bạch, when there still was one, and a ward that still was one of its own then.
    let directory =
        Directory::new().serving("hanoi/truc-bach", &["00004@VN-63"]).serving("hanoi/vinh-phuc", &["00013@VN-63"]);
    let routes = directory.routes(MONDAY);
    let area = "00013@VN-63".parse().unwrap();
    let asked = |at| Asked { service: "protection", area: &area, at: time(at), urgency: Urgency::Now };
    let before = routes.route(&asked("2025-06-30T16:59:59Z")).decision;
    assert_eq!(before, goes_to("hanoi/vinh-phuc"), "one second before the first of July in Viet Nam");
    let both = ["hanoi/truc-bach", "hanoi/vinh-phuc"].map(unit).to_vec();
    let after = routes.route(&asked("2025-06-30T17:00:00Z")).decision;
    assert_eq!(after, Decision::Person(Question::Several(both)));
}

#[test]
fn a_service_that_nobody_gives_is_for_a_person() {
    let directory = Directory::new().unit("hanoi/health", &["01@VN-34-2026"], |unit| unit.services.clear());
    assert_eq!(directory.ask(BA_DINH, MONDAY, Urgency::Now), (Decision::Person(Question::Nobody), Vec::new()));
}

#[test]
fn a_unit_of_a_party_that_takes_part_no_more_is_not_addressed() {
    let directory = Directory::new().serving("hanoi/ba-dinh", &[BA_DINH]);
    let end = prost_types::Timestamp { seconds: time(MONDAY).as_second(), nanos: 0 };
    let ended = Directory(directory.0.with(|wire| wire.parties[0].validity.as_mut().unwrap().expire_time = Some(end)));
    assert_eq!(ended.ask(BA_DINH, NIGHT, Urgency::Now).0, goes_to("hanoi/ba-dinh"));
    assert_eq!(ended.ask(BA_DINH, MONDAY, Urgency::Now).0, Decision::Person(Question::Nobody));
}

#[test]
fn an_open_branch_goes_to_whoever_took_over_last_and_of_several_to_nobody_by_itself() {
    use crate::directory::{Heir, Succession};
    let release = Directory::new()
        .unit("hanoi/old", &[BA_DINH], |unit| over(unit, &["hanoi/middle"]))
        .unit("hanoi/middle", &[BA_DINH], |unit| over(unit, &["hanoi/new"]))
        .unit("hanoi/split", &[BA_DINH], |unit| over(unit, &["hanoi/new", "hanoi/other"]))
        .unit("hanoi/alone", &[BA_DINH], |unit| over(unit, &[]))
        .serving("hanoi/new", &[BA_DINH])
        .serving("hanoi/other", &[BA_DINH])
        .release();
    let of = |name: &str, at: &str| Succession::of(&release, &unit(name), time(at));
    assert_eq!(of("hanoi/old", MONDAY).heir(), Heir::One(unit("hanoi/new")));
    assert!(of("hanoi/old", MONDAY).names(&unit("hanoi/middle")), "who was in between is named, and not offered");
    assert!(!of("hanoi/old", MONDAY).offers(&unit("hanoi/middle")));
    assert!(!of("hanoi/old", MONDAY).names(&unit("hanoi/other")));
    assert_eq!(of("hanoi/split", MONDAY).heir(), Heir::Several);
    assert!(["hanoi/new", "hanoi/other"].iter().all(|heir| of("hanoi/split", MONDAY).offers(&unit(heir))));
    for nobody in ["hanoi/alone", "hanoi/new", "hanoi/unknown"] {
        assert_eq!(of(nobody, MONDAY).heir(), Heir::Nobody);
    }
    assert_eq!(of("hanoi/old", "2025-12-31T00:00:00Z").heir(), Heir::Nobody, "before it is over");
}

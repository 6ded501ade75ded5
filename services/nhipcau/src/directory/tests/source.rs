//! A source with mistakes: every one is listed, with its place, and nothing is written.

use super::*;

fn problems(office: &Office) -> Vec<String> {
    let refused = office.draw_up(&Before::Root(&office.root), "out/1.release").unwrap_err();
    assert!(!office.path("out/1.release").exists());
    refused.listed().iter().map(ToString::to_string).collect()
}

#[test]
fn an_unknown_party_in_an_agreement_is_named_by_its_place() {
    let office = Office::new();
    office.change("agreements.toml", "\"vwu\"", "\"vwx\"");
    let place = "agreements.toml, [[agreement]] 1: recipient_party names something that the release does not contain";
    assert_eq!(problems(&office), [place]);
}

#[test]
fn every_mistake_of_every_file_is_listed_at_once() {
    let office = Office::new();
    office.change("programme.toml", "programme = \"trial\"", "programme = \"other\"\ncolour = \"blue\"");
    office.change("parties.toml", "names = { vi = \"Hội\", en = \"Union\" }\n", "");
    office.change("access-points.toml", SEALING, SIGNING);
    office.change("units.toml", "01@VN-34-2026", "02@VN-34-2026");
    office.change("units.toml", "unit = \"111\"", "unit = \"111\"\nparent = \"desk\"\nsuccessors = [\"moh/112\"]");
    office.change("agreements.toml", "2026-01-01T00:00:00Z", "2026-01-01");
    office.write("tables/units.csv", "code,level,parent,kind,name,valid_from,valid_until\n01,commune,,city,Hà Nội,,\n");
    office.write("tables/other.csv", "a,b\n");
    let expected = [
        "programme.toml: colour is not known here",
        "parties.toml, [[party]] 2: missing field `names`",
        "agreements.toml, [[agreement]] 1: a time needs its offset, such as 2026-01-01T00:00:00+07:00",
        "tables/other.csv: has columns that no kind of table has",
        "tables/units.csv: line 2: level is malformed",
        "units.toml, [[unit]] 1: serves the area 02 that no table has",
        "programme.toml: programme must be \"trial\", as in the root",
        "access-points.toml, [[access_point]] 1: sealing_keys[0].public_key stands more than once",
        "units.toml, [[unit]] 1: parent names something that the release does not contain",
        "units.toml, [[unit]] 1: successors[0] names something that the release does not contain",
        "units.toml, [[unit]] 1: areas[0] names something that the release does not contain",
    ];
    assert_eq!(problems(&office), expected);
}

#[test]
fn a_loop_of_successors_and_hours_that_are_none_are_named_by_their_place() {
    let office = Office::new();
    let hours = "hours = [{ weekdays = [8], start = \"08:00\", end = \"07:30\" }]\nservices";
    office.change("units.toml", "services", hours);
    office.change("units.toml", "unit = \"111\"", "unit = \"111\"\nsuccessors = [\"moh/111\"]");
    let expected = [
        "units.toml, [[unit]] 1: hours[0].weekdays[0] is out of range",
        "units.toml, [[unit]] 1: hours[0] ends before it starts",
        "units.toml, [[unit]] 1: successors[0] leads back to where it begins, or on without end",
    ];
    assert_eq!(problems(&office), expected);
    for wrong in ["7:30", "24:01", "07:60", "+7:30", "0730"] {
        office.write_source();
        office.change("units.toml", "services", &hours.replace("07:30", wrong));
        let place = "units.toml, [[unit]] 1: a time of the day is written 07:30";
        assert!(problems(&office).iter().any(|found| found.starts_with(place)), "{wrong}");
    }
}

#[test]
fn a_time_limit_that_nothing_would_start_or_stop_is_listed() {
    let office = Office::new();
    office.change(
        "programme.toml",
        "minor = 0",
        "minor = 0\n[[contract]]\ncontract = \"nhipcau.indicator.v1\"\nminor = 0",
    );
    let limit = |contract: &str, start: &str, stop: &str| {
        format!(
            "[[time_limit]]\ntime_limit = \"{start}\"\ncontract = \"nhipcau.{contract}.v1\"\n\
             start_event = \"{start}_opened\"\nstop_events = [\"accepted\", \"{stop}\"]\n\
             limit = {{ elapsed = \"12h\" }}\nlegal_source = \"Agreement\"\nstart_time = 2026-01-01T00:00:00Z\n"
        )
    };
    let good = limit("referral", "notification", "rejected");
    let wrong = [limit("referral", "transfers", "started"), limit("indicator", "referral", "rejected")];
    office.write("time-limits.toml", &[good, wrong.concat()].concat());
    let expected = [
        "time-limits.toml, [[time_limit]] 2: start_event starts nothing; known are transfer_opened, referral_opened, \
         notification_opened, report_received, acknowledged, accepted, service_started",
        "time-limits.toml, [[time_limit]] 2: stop_events[1] stops nothing; known are acknowledged, accepted, rejected, \
         redirected, service_started, completed",
        "time-limits.toml, [[time_limit]] 3: contract has no time limits",
    ];
    assert_eq!(problems(&office), expected);
}

#[test]
fn a_time_limit_that_starts_with_an_answer_has_no_ladder_and_ends_after_it() {
    let office = Office::new();
    let limit = |start: &str, stops: &str, beside: &str| {
        let name = start.replace('_', "-");
        format!(
            "[[time_limit]]\ntime_limit = \"{name}\"\ncontract = \"nhipcau.referral.v1\"\n\
             start_event = \"{start}\"\nstop_events = [{stops}]\nlimit = {{ elapsed = \"12h\" }}\n{beside}\
             legal_source = \"Agreement\"\nstart_time = 2026-01-01T00:00:00Z\n"
        )
    };
    let good = limit("acknowledged", "\"accepted\", \"completed\"", "warn_after = { elapsed = \"6h\" }\n");
    office.change("programme.toml", "minor = 0", "minor = 2");
    office.write("time-limits.toml", &good);
    let early = "start_event needs minor 3 of the contract in programme.toml";
    assert_eq!(problems(&office), [format!("time-limits.toml, [[time_limit]] 1: {early}")]);
    office.change("programme.toml", "minor = 2", "minor = 3");
    let ladder = "acknowledge_within = { elapsed = \"1h\" }\ntelephone_confirmation = \"90m\"\n\
                  escalation = [{ after = { elapsed = \"2h\" } }]\n";
    let wrong = limit("service_started", "\"accepted\", \"rain\", \"service_started\"", ladder);
    office.write("time-limits.toml", &[good, wrong].concat());
    let known = "known are acknowledged, accepted, rejected, redirected, service_started, completed";
    let expected = [
        "stop_events[0] comes with service_started or before it, if at all",
        &format!("stop_events[1] stops nothing; {known}"),
        "stop_events[2] comes with service_started or before it, if at all",
        "acknowledge_within leads to an answer, and service_started is one",
        "escalation leads to an answer, and service_started is one",
        "telephone_confirmation leads to an answer, and service_started is one",
    ];
    let expected = expected.map(|problem| format!("time-limits.toml, [[time_limit]] 2: {problem}"));
    assert_eq!(problems(&office), expected);
}

#[test]
fn a_retention_class_that_would_keep_nothing_is_misspelled() {
    let office = Office::new();
    let contract = "minor = 0\n[[contract]]\ncontract = \"nhipcau.indicator.v1\"\nminor = 0";
    office.change("programme.toml", "minor = 0", contract);
    let class = |contract: &str, state: &str, part: &str| {
        format!(
            "[[retention_class]]\nretention_class = \"{contract}-{state}\"\ncontract = \"nhipcau.{contract}.v1\"\n\
             state_from = \"{state}\"\nparts = [\"narrative\", \"{part}\"]\nkeep_days = 30\n\
             legal_source = \"An example\"\nstart_time = 2026-07-01T00:00:00+07:00\n"
        )
    };
    let good = class("referral", "completed", "preview");
    let wrong = [class("referral", "rejected", "diary"), class("indicator", "completed", "preview")];
    office.write("retention.toml", &[good, wrong.concat()].concat());
    let expected = [
        "retention.toml, [[retention_class]] 2: state_from is no state that binds; known are assigned, in_service, \
         completed",
        "retention.toml, [[retention_class]] 2: parts[1] is no part; known are preview, identity, narrative, reporter",
        "retention.toml, [[retention_class]] 3: contract has no retention classes",
    ];
    assert_eq!(problems(&office), expected);
}

#[test]
fn of_entries_that_could_not_be_read_nothing_else_is_said() {
    let office = Office::new();
    office.write("time-limits.toml", "[[time_limit]]\ntime_limit = 12\n");
    office.change("programme.toml", "minor = 0", "minor = \"none\"");
    let found = problems(&office);
    let limits: Vec<_> = found.iter().filter(|line| line.starts_with("time-limits.toml")).collect();
    assert_eq!(limits.len(), 1, "{found:#?}");
}

#[test]
fn a_file_that_is_missing_or_not_toml_does_not_hide_the_others() {
    let office = Office::new();
    fs::remove_file(office.path("source/parties.toml")).unwrap();
    office.write("units.toml", "[[unit\n");
    office.change("agreements.toml", "purpose", "purpos");
    let found = problems(&office);
    for start in [
        "parties.toml: cannot be read",
        "units.toml: TOML parse error",
        "agreements.toml, [[agreement]] 1: unknown field `purpos`",
    ] {
        assert!(found.iter().any(|line| line.starts_with(start)), "{start} is not in {found:#?}");
    }
}

#[test]
fn a_table_keeps_its_content_under_its_name() {
    let office = Office::new();
    let first = release::read(&office.first()).unwrap();
    office.change("tables/units.csv", "Thành phố Hà Nội", "Thủ đô Hà Nội");
    let refused = office.draw_up(&Before::Release(&first, None), "out/2.release").unwrap_err();
    let place = "tables/units.csv: has another content than in the release before; give the file another name";
    assert!(refused.listed().iter().any(|problem| problem.to_string() == place), "{refused}");
}

#[test]
fn a_crosswalk_names_its_day_and_is_the_only_one_of_it() {
    let office = Office::new();
    let walk = "old_level,old_code,new_code,extent\nprovince,01,01,whole\n";
    office.write("tables/walk.csv", walk);
    office.write("tables/walk-2026-01-01.csv", walk);
    office.write("tables/walk-of-communes-2026-01-01.csv", walk);
    office.write("tables/walk-2025-07-01.csv", walk);
    let expected = [
        "tables/walk-2025-07-01.csv: line 2: refers to an unknown unit",
        "tables/walk-of-communes-2026-01-01.csv: is a second crosswalk of its day; bring the two together",
        "tables/walk.csv: needs a name that ends in the day the new units began, such as vn-crosswalk-2025-07-01.csv",
    ];
    assert_eq!(problems(&office), expected);
}

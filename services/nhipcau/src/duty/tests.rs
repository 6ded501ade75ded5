//! The way of a roster through files of a real home: written, checked, signed, installed, shown, and refused.

use std::{fs, path::PathBuf};

use tempfile::TempDir;

use super::*;
use crate::sandbox::World;

const ADDRESS: &str = "+84 900 000 017";

/// The home of the access point of Hà Nội's communes.
struct Office {
    here: TempDir,
    home: Home,
}

impl Office {
    fn new() -> Self {
        let here = tempfile::tempdir().unwrap();
        let (world, _) = World::open(&here.path().join("sandbox"), now()).unwrap();
        let config = world.path(&world.access_point("hanoi").unwrap().config);
        Self { here, home: Home { home: config.parent().unwrap().to_owned() } }
    }

    fn open(&self) -> Open {
        self.home.open(now()).unwrap()
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.here.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

fn now() -> Timestamp {
    Timestamp::now()
}

/// What a unit writes: one shift from the hour before now to `hours` later.
fn written(hours: i64, more: &str) -> String {
    let hour = |plus: i64| now().as_second().div_euclid(3600) * 3600 + plus * 3600;
    let time = |plus: i64| Timestamp::from_second(hour(plus)).unwrap().to_string();
    format!(
        "unit = \"hanoi/00070\"\n{more}\n[[shift]]\nstart_time = {}\nend_time = {}\n\
         people = [{{ person = \"cb-17\", role = \"officer\", channel = \"sms\", address = \"{ADDRESS}\" }}]\n",
        time(-1),
        time(hours),
    )
}

fn said(failure: Result<impl Sized, Failure>) -> String {
    failure.map(drop).unwrap_err().to_string()
}

#[test]
fn a_roster_is_written_checked_signed_installed_and_shown() {
    let office = Office::new();
    let source = office.file("ward.toml", written(200, ""));
    let report = office.open().check(&source).unwrap().to_string();
    assert!(report.starts_with("roster 1 of hanoi/00070: 1 shift until "), "{report}");
    let (signed, _) = office.open().sign(&read_text(&source).unwrap()).unwrap();
    let file = office.file("ward.roster", &signed);
    office.open().check(&file).unwrap();
    office.open().install(&file).unwrap();
    let shown = office.open().show(now());
    let document = serde_json::to_string(&shown).unwrap();
    for text in [shown.to_string(), document] {
        assert!(text.contains("cb-17") && !text.contains(ADDRESS), "{text}");
    }
    let report = office.open().check(&source).unwrap().to_string();
    assert!(report.starts_with("roster 2 of"), "the next version by itself: {report}");
    office.open().whole().unwrap();
}

#[test]
fn everything_that_is_wrong_with_what_a_unit_wrote_is_said_at_once_and_nothing_is_signed() {
    let office = Office::new();
    let more = "shifts = 3\nversion = 0\n[[shift]]\nstart_time = 2026-11-30T17:00:00Z\nname = \"x\"\n";
    let source = office.file("ward.toml", written(-2, more).replace("cb-17", "a b"));
    let text = said(office.open().sign(&read_text(&source).unwrap()));
    for expected in [
        "shifts is not known here",
        "the roster, [[shift]] 1: something is not known here",
        "the roster: version",
        "the roster, [[shift]] 2: people[0].person",
        "the roster, [[shift]] 2: ends before it starts",
    ] {
        assert!(text.contains(expected), "{expected} is missing in {text}");
    }
    assert!(!text.contains(ADDRESS), "{text}");
    let other = office.file("other.toml", written(5, "").replace("hanoi/00070", "vwu/desk"));
    assert!(said(office.open().check(&other)).contains("unit"), "another access point serves it");
}

#[test]
fn no_mistake_in_what_a_unit_wrote_has_an_address_printed() {
    let office = Office::new();
    let whole = written(5, "");
    for (text, expected) in [
        // The end of the text is missing in the line with the people.
        (whole.replace(&format!("{ADDRESS}\""), ADDRESS), "line 6, column "),
        (whole.replace("sms\", address", "sms\" address"), "line 6, column "),
        (whole.replace(&format!("\"{ADDRESS}\""), "84900000017"), "[[shift]] 1: something"),
        (whole.replace(&format!("address = \"{ADDRESS}\""), "\"+84 900 000 017\" = 1"), "[[shift]] 1: something"),
        (whole.replace(&format!(", address = \"{ADDRESS}\""), ""), "[[shift]] 1: missing field `address`"),
        (whole.replace("[[shift]]", "900000017 = 1\n[[shift]]"), "a key is not known here"),
        (whole.replace("hanoi/00070", ADDRESS), "unit: something"),
    ] {
        assert_ne!(text, whole);
        for said in [said(office.open().check(&office.file("ward.toml", &text))), said(office.open().sign(&text))] {
            assert!(said.contains(expected), "{expected} is missing in {said}");
            assert!(!said.contains("000 017") && !said.contains("000017"), "{said}");
        }
    }
}

#[test]
fn after_a_roster_that_is_gone_the_next_has_a_higher_version_still() {
    let office = Office::new();
    let (signed, _) = office.open().sign(&written(10, "version = 5")).unwrap();
    office.open().install(&office.file("ward.roster", &signed)).unwrap();
    fs::remove_file(office.open().config.duty.rosters.join("hanoi.00070.roster")).unwrap();
    let older = said(office.open().sign(&written(10, "version = 4")));
    assert!(older.contains("version"), "{older}");
    let report = office.open().check(&office.file("ward.toml", written(10, ""))).unwrap().to_string();
    assert!(report.starts_with("roster 6 of"), "{report}");
}

#[test]
fn a_roster_that_is_refused_is_not_installed_and_the_one_in_use_stays() {
    let office = Office::new();
    let sign = |hours, more| office.open().sign(&written(hours, more)).unwrap().0;
    let [first, third] = [sign(10, "version = 2"), sign(11, "version = 3")];
    office.open().install(&office.file("ward.roster", &third)).unwrap();
    let text = said(office.open().install(&office.file("ward.roster", &first)));
    assert!(text.contains("1 violation") && text.contains("version"), "{text}");
    let text = said(office.open().check(&office.file("ward.roster", &first)));
    assert!(text.contains("version"), "{text}");
    let text = said(office.open().install(&office.file("ward.roster", b"none")));
    assert!(text.contains("ROSTER_MALFORMED"), "{text}");
    assert!(office.open().show(now()).to_string().contains("roster 3 of hanoi/00070"));
}

#[test]
fn where_nobody_would_be_on_duty_in_opening_hours_is_said() {
    let office = Office::new();
    // The unit above the wards is open at all hours.
    let later = written(30, "").replace("hanoi/00070", "hanoi/health");
    let start = later.lines().find(|line| line.starts_with("start_time")).unwrap().to_owned();
    let tomorrow = Timestamp::from_second(now().as_second().div_euclid(3600) * 3600 + 20 * 3600).unwrap();
    let later = later.replace(&start, &format!("start_time = {tomorrow}"));
    let report = office.open().check(&office.file("health.toml", later)).unwrap().to_string();
    assert!(report.contains("1 time in which somebody should be on duty and nobody is:"), "{report}");
}

//! Whatever the reforms were, a reference leads to the unit that holds all of it, to every candidate, or to nothing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::date;
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::area::{
    InvalidAdminUnitRef, Kind, Level,
    tests::{CROSSWALK, REFORM, shipped},
};

const UNITS: &str = "code,level,parent,kind,name,valid_from,valid_until\n";
const WALK: &str = "old_level,old_code,new_code,extent\n";
const TODAY: Date = date(2026, 11, 29);

fn areas() -> Areas {
    let list = Arc::new(shipped());
    let crosswalk = Crosswalk::parse(REFORM, CROSSWALK.as_bytes(), &list).unwrap();
    Areas::new(list, [crosswalk]).unwrap()
}

fn reference(text: &str) -> AdminUnitRef {
    text.parse().unwrap()
}

/// An answer in words, with the codes of its units.
fn said(resolution: &Resolution<'_>) -> (&'static str, Vec<String>) {
    let codes = |units: &[&AdminUnit]| units.iter().map(|unit| unit.code.to_string()).collect();
    match resolution {
        Resolution::In(unit) => ("in", codes(&[unit])),
        Resolution::Became(unit) => ("became", codes(&[unit])),
        Resolution::Split(units) => ("split", codes(units)),
        Resolution::Gone => ("gone", Vec::new()),
        Resolution::NotYet => ("not yet", Vec::new()),
        Resolution::Unknown(_) => ("unknown", Vec::new()),
    }
}

fn found(areas: &Areas, text: &str, on: Date) -> (&'static str, Vec<String>) {
    said(&areas.resolve(&reference(text), on))
}

fn words(outcome: &'static str, codes: &[&str]) -> (&'static str, Vec<String>) {
    (outcome, codes.iter().map(ToString::to_string).collect())
}

#[test]
fn every_old_commune_resolves_whole_or_to_all_its_candidates() {
    let mut rows: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for row in CROSSWALK.lines().filter_map(|line| line.strip_prefix("commune,")) {
        let cells: Vec<_> = row.split(',').collect();
        rows.entry(cells[0]).or_default().insert(cells[1]);
    }
    let areas = areas();
    for on in [REFORM, date(2026, 4, 29), date(2026, 4, 30), TODAY] {
        let mut splits = [0; 6];
        for (old, new) in &rows {
            let codes: Vec<_> = new.iter().copied().collect();
            let outcome = if codes.len() == 1 { "became" } else { "split" };
            assert_eq!(found(&areas, &format!("{old}@VN-63"), on), words(outcome, &codes), "{old} on {on}");
            splits[codes.len()] += 1;
        }
        assert_eq!((rows.len(), splits), (10_035, [0, 9_564, 397, 58, 15, 1]));
    }
    let split = ["00622", "00634", "00637", "09556", "09886"];
    assert_eq!(found(&areas, "00634@VN-63", TODAY), words("split", &split));
}

#[test]
fn every_unit_is_itself_on_the_days_of_its_own_list() {
    let areas = areas();
    for (version, on) in [("VN-63", date(2025, 6, 30)), ("VN-34-2025", REFORM), ("VN-34-2026", TODAY)] {
        for level in [Level::Province, Level::District, Level::Commune] {
            for unit in areas.list().in_force(level, on) {
                let reference = AdminUnitRef::new(&unit.code, version).unwrap();
                assert_eq!(areas.resolve(&reference, on), Resolution::In(unit));
                assert_eq!(areas.reference(unit, on), Some(reference));
            }
        }
    }
}

#[test]
fn a_code_without_its_list_means_nothing() {
    assert_eq!("00004".parse::<AdminUnitRef>(), Err(InvalidAdminUnitRef::NoVersion));
    let areas = areas();
    let mut reused = 0;
    for unit in areas.list().in_force(Level::Commune, date(2025, 6, 30)) {
        for version in ["VN-36", "vn-63", "2025-06-30"] {
            let unlisted = areas.resolve(&AdminUnitRef::new(&unit.code, version).unwrap(), TODAY);
            assert_eq!(unlisted, Resolution::Unknown(UnknownArea::Version));
        }
        let Some(new) = areas.list().unit_on(&unit.code, TODAY) else { continue };
        reused += 1;
        let newer = AdminUnitRef::new(&unit.code, "VN-34-2026").unwrap();
        assert_eq!(areas.resolve(&newer, TODAY), Resolution::In(new), "the same digits, another list");
        let older = AdminUnitRef::new(&unit.code, "VN-63").unwrap();
        assert!(!matches!(areas.resolve(&older, TODAY), Resolution::In(_)), "never itself because of its digits");
    }
    assert_eq!(reused, 3_315);
    assert_eq!(areas.resolve(&reference("99999@VN-63"), TODAY), Resolution::Unknown(UnknownArea::Unit));
}

#[test]
fn the_ten_wards_of_dong_nai_stay_themselves() {
    let areas = areas();
    let eve = date(2026, 4, 29);
    let mut changed = Vec::new();
    for unit in areas.list().in_force(Level::Commune, eve).chain(areas.list().in_force(Level::Province, eve)) {
        let reference = AdminUnitRef::new(&unit.code, "VN-34-2025").unwrap();
        let Resolution::In(now) = areas.resolve(&reference, TODAY) else { panic!("{} is no more", unit.code) };
        assert_eq!(now.code, unit.code);
        if now != unit {
            changed.push((now.kind, now.parent.as_deref()));
        }
    }
    assert_eq!(changed.iter().filter(|change| **change == (Kind::Ward, Some("75"))).count(), 10);
    assert_eq!(changed.iter().filter(|change| **change == (Kind::City, None)).count(), 1);
    assert_eq!(changed.len(), 11);
    assert_eq!(found(&areas, "25270@VN-34-2026", eve), words("not yet", &[]));
}

#[test]
fn an_island_district_became_one_zone() {
    let areas = areas();
    let mut zones = 0;
    for district in areas.list().in_force(Level::District, date(2025, 6, 30)) {
        match areas.resolve(&AdminUnitRef::new(&district.code, "VN-63").unwrap(), TODAY) {
            Resolution::Became(zone) => {
                assert_eq!(zone.kind, Kind::SpecialZone);
                zones += 1;
            }
            other => assert_eq!(other, Resolution::Gone, "districts had no successors"),
        }
    }
    assert_eq!(zones, 5);
    assert_eq!(found(&areas, "755@VN-63", TODAY), words("became", &["26732"]));
}

#[test]
fn without_its_crosswalk_no_unit_passes_for_another_with_its_code() {
    let areas = Areas::new(Arc::new(shipped()), []).unwrap();
    for level in [Level::Province, Level::District, Level::Commune] {
        for unit in areas.list().in_force(level, date(2025, 6, 30)) {
            let reference = AdminUnitRef::new(&unit.code, "VN-63").unwrap();
            assert_eq!(areas.resolve(&reference, TODAY), Resolution::Gone);
        }
    }
    assert_eq!(found(&areas, "25270@VN-34-2025", TODAY), words("in", &["25270"]));
}

/// Rows of a crosswalk: old code, new code, extent.
type Rows<'r> = &'r [(&'r str, &'r str, &'r str)];

/// Communes of province 01 in three lists, V0 until 2024, V1 in 2025, V2 since: each with the days that it has, and
/// the crosswalks of the two reforms.
fn small(units: &[(&str, u8, u8)], walks: [Option<Rows<'_>>; 2]) -> Areas {
    let versions = "version,valid_from,valid_until,basis,name_vi,name_en\nV0,,2024-12-31,,0,0\n\
        V1,2025-01-01,2025-12-31,,1,1\nV2,2026-01-01,,,2,2\n";
    let bounds = [("", "2024-12-31"), ("2025-01-01", "2025-12-31"), ("2026-01-01", "")];
    let row = |(code, first, last): &(&str, u8, u8)| {
        let (from, until) = (bounds[usize::from(*first)].0, bounds[usize::from(*last)].1);
        format!("{code},commune,01,commune,Xã {code},{from},{until}\n")
    };
    let rows: String = units.iter().map(row).collect();
    let units = format!("{UNITS}01,province,,city,Thành phố,,\n{rows}");
    let list = Arc::new(AreaList::parse(versions.as_bytes(), [units.as_bytes()]).unwrap());
    let days = [date(2025, 1, 1), date(2026, 1, 1)];
    let walk = |(day, rows): (Date, Option<Rows<'_>>)| {
        let row = |(old, new, extent): &(&str, &str, &str)| format!("commune,{old},{new},{extent}\n");
        let table = format!("{WALK}{}", rows?.iter().map(row).collect::<String>());
        Some(Crosswalk::parse(day, table.as_bytes(), &list).unwrap())
    };
    let crosswalks: Vec<_> = days.into_iter().zip(walks).filter_map(walk).collect();
    Areas::new(list, crosswalks).unwrap()
}

#[test]
fn a_chain_of_two_reforms_is_followed() {
    let units = [
        ("00001", 0, 0),
        ("00002", 0, 0),
        ("00003", 0, 0),
        ("00011", 1, 1),
        ("00012", 1, 1),
        // The code of a unit that is no more.
        ("00001", 2, 2),
        ("00022", 2, 2),
        ("00023", 2, 2),
    ];
    let first = [("00001", "00011", "whole"), ("00002", "00011", "part"), ("00002", "00012", "part")];
    let second = [("00011", "00022", "whole"), ("00012", "00001", "part"), ("00012", "00023", "part")];
    let areas = small(&units, [Some(&first), Some(&second)]);
    let between = date(2025, 6, 1);
    assert_eq!(found(&areas, "00001@V0", between), words("became", &["00011"]));
    assert_eq!(found(&areas, "00001@V0", TODAY), words("became", &["00022"]));
    assert_eq!(found(&areas, "00002@V0", between), words("split", &["00011", "00012"]));
    assert_eq!(found(&areas, "00002@V0", TODAY), words("split", &["00001", "00022", "00023"]), "a part of a part");
    assert_eq!(found(&areas, "00012@V1", TODAY), words("split", &["00001", "00023"]));
    assert_eq!(found(&areas, "00003@V0", TODAY), words("gone", &[]), "the crosswalk of the day does not have it");
    assert_eq!(found(&areas, "00001@V2", date(2024, 6, 1)), words("not yet", &[]));
}

#[test]
fn parts_that_came_together_again_are_one_unit_and_a_lost_part_leaves_no_certainty() {
    let units = [("00001", 0, 0), ("00002", 0, 0), ("00011", 1, 1), ("00012", 1, 1), ("00013", 1, 1), ("00021", 2, 2)];
    let first = [
        ("00001", "00011", "part"),
        ("00001", "00012", "part"),
        ("00002", "00012", "part"),
        ("00002", "00013", "part"),
    ];
    let second = [("00011", "00021", "whole"), ("00012", "00021", "whole")];
    let areas = small(&units, [Some(&first), Some(&second)]);
    assert_eq!(found(&areas, "00001@V0", TODAY), words("became", &["00021"]));
    assert_eq!(found(&areas, "00002@V0", TODAY), words("split", &["00021"]));
}

#[test]
fn a_part_that_stands_alone_is_no_certainty() {
    let areas = small(&[("00001", 0, 0), ("00011", 1, 2)], [Some(&[("00001", "00011", "part")]), None]);
    assert_eq!(found(&areas, "00001@V0", TODAY), words("split", &["00011"]));
}

#[test]
fn a_unit_that_gave_a_part_away_is_split_although_it_goes_on() {
    let rows = [("00001", "00001", "part"), ("00001", "00002", "part")];
    let areas = small(&[("00001", 0, 2), ("00002", 0, 2)], [Some(&rows), None]);
    assert_eq!(found(&areas, "00001@V0", date(2024, 12, 31)), words("in", &["00001"]));
    assert_eq!(found(&areas, "00001@V0", TODAY), words("split", &["00001", "00002"]));
    assert_eq!(found(&areas, "00001@V1", TODAY), words("in", &["00001"]));
    assert_eq!(found(&areas, "00002@V0", TODAY), words("in", &["00002"]));
}

#[test]
fn a_unit_goes_on_under_its_code_only_while_its_neighbours_do() {
    let stays = small(&[("00001", 0, 0), ("00001", 1, 2), ("00002", 0, 2)], [None, None]);
    assert_eq!(found(&stays, "00001@V0", TODAY), words("in", &["00001"]));
    let another_began = small(&[("00001", 0, 0), ("00001", 1, 2), ("00002", 1, 2)], [None, None]);
    assert_eq!(found(&another_began, "00001@V0", TODAY), words("gone", &[]));
    let another_ended = small(&[("00001", 0, 0), ("00001", 1, 2), ("00002", 0, 0)], [None, None]);
    assert_eq!(found(&another_ended, "00001@V0", TODAY), words("gone", &[]));
    let told = small(&[("00001", 0, 0), ("00001", 1, 2)], [Some(&[]), None]);
    assert_eq!(found(&told, "00001@V0", TODAY), words("gone", &[]), "the day has a crosswalk, and it is not in it");
}

#[test]
fn two_crosswalks_of_one_day_are_refused() {
    let list = Arc::new(shipped());
    let crosswalk = || Crosswalk::parse(REFORM, CROSSWALK.as_bytes(), &list).unwrap();
    let refused = Areas::new(Arc::clone(&list), [crosswalk(), crosswalk()]).unwrap_err();
    assert_eq!(refused, RepeatedReform(REFORM));
}

#[test]
fn a_day_is_that_of_viet_nam() {
    assert_eq!(day_of("2025-06-30T16:59:59Z".parse().unwrap()), date(2025, 6, 30));
    assert_eq!(day_of("2025-06-30T17:00:00Z".parse().unwrap()), REFORM);
}

const CODES: [&str; 4] = ["00001", "00002", "00003", "00004"];

/// A country of six fields: which of four codes each field belongs to, in each period, and whether units whose fields
/// stay keep their entry in the list.
#[derive(Debug, Clone)]
struct Country {
    periods: Vec<[usize; 6]>,
    keeps: bool,
}

impl Country {
    fn fields(&self, period: usize, code: usize) -> BTreeSet<usize> {
        (0..6).filter(|field| self.periods[period][*field] == code).collect()
    }

    fn begin(period: usize) -> Date {
        date(2020 + i16::try_from(period).unwrap(), 1, 1)
    }

    /// As lists and crosswalks tell it. A period in which nothing moved has none.
    fn areas(&self) -> Areas {
        let until = |period: usize| match period + 1 < self.periods.len() {
            true => Self::begin(period + 1).yesterday().unwrap().to_string(),
            false => String::new(),
        };
        let mut versions = "version,valid_from,valid_until,basis,name_vi,name_en\n".to_owned();
        let mut units = format!("{UNITS}01,province,,city,Thành phố,,\n");
        for period in 0..self.periods.len() {
            versions += &format!("V{period},{},{},,v,v\n", Self::begin(period), until(period));
            for (code, text) in CODES.iter().enumerate() {
                let fields = self.fields(period, code);
                let is_kept = |other: usize| self.keeps && self.fields(other, code) == fields;
                if fields.is_empty() || period > 0 && is_kept(period - 1) {
                    continue;
                }
                let last = (period..self.periods.len()).take_while(|other| *other == period || is_kept(*other)).last();
                let (from, until) = (Self::begin(period), until(last.unwrap()));
                units += &format!("{text},commune,01,commune,Xã {text},{from},{until}\n");
            }
        }
        let list = Arc::new(AreaList::parse(versions.as_bytes(), [units.as_bytes()]).unwrap());
        let mut crosswalks = Vec::new();
        for period in (1..self.periods.len()).filter(|period| self.periods[*period] != self.periods[period - 1]) {
            let mut walk = WALK.to_owned();
            for (code, text) in CODES.iter().enumerate() {
                let new: BTreeSet<_> =
                    self.fields(period - 1, code).iter().map(|field| self.periods[period][*field]).collect();
                let extent = if new.len() == 1 { "whole" } else { "part" };
                for to in new {
                    walk += &format!("commune,{text},{},{extent}\n", CODES[to]);
                }
            }
            crosswalks.push(Crosswalk::parse(Self::begin(period), walk.as_bytes(), &list).unwrap());
        }
        Areas::new(list, crosswalks).unwrap()
    }
}

fn country() -> impl Strategy<Value = Country> {
    let period = proptest::array::uniform6(0..CODES.len());
    (vec((period, any::<bool>()), 1..5), any::<bool>()).prop_map(|(drawn, keeps)| {
        let mut periods: Vec<[usize; 6]> = Vec::new();
        for (fields, is_still) in drawn {
            let before = periods.last().copied();
            periods.push(before.filter(|_| is_still).unwrap_or(fields));
        }
        Country { periods, keeps }
    })
}

proptest! {
    /// One unit holds every field of the old one; of candidates none is missing, and each reform that moved nothing of
    /// a unit elsewhere leaves it certain.
    #[test]
    fn no_answer_is_a_guess_whatever_the_reforms(country in country()) {
        let areas = country.areas();
        let count = country.periods.len();
        for (then, now) in (0..count).flat_map(|then| (then..count).map(move |now| (then, now))) {
            for (code, text) in CODES.iter().enumerate() {
                let old = country.fields(then, code);
                let resolution = areas.resolve(&reference(&format!("{text}@V{then}")), Country::begin(now));
                if old.is_empty() {
                    prop_assert_eq!(resolution, Resolution::Unknown(UnknownArea::Unit));
                    continue;
                }
                let units = match &resolution {
                    Resolution::In(unit) | Resolution::Became(unit) => vec![*unit],
                    Resolution::Split(units) => units.clone(),
                    other => return Err(TestCaseError::fail(format!("{text}@V{then} in {now}: {other:?}"))),
                };
                let index = |unit: &&AdminUnit| CODES.iter().position(|code| *code == &*unit.code).unwrap();
                let fields: BTreeSet<usize> = units.iter().flat_map(|unit| country.fields(now, index(unit))).collect();
                prop_assert!(fields.is_superset(&old), "{}@V{} in {}: {:?}", text, then, now, resolution);
                if now == then + 1 {
                    let new: BTreeSet<_> = old.iter().map(|field| country.periods[now][*field]).collect();
                    prop_assert_eq!(units.iter().map(index).collect::<BTreeSet<_>>(), new, "no candidate too many");
                }
                if let Resolution::In(_) = resolution {
                    prop_assert_eq!(country.fields(now, code), old);
                }
            }
        }
    }
}

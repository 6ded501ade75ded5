//! The shipped lists of administrative units keep the official counts, and wrong lists are refused.

use super::*;
use jiff::civil::{Date, date};

pub(super) const VERSIONS: &str = include_str!("../../../../deploy/dev/codelists/vn-versions.csv");
const LEGACY: &str = include_str!("../../../../deploy/dev/codelists/vn-units-legacy.csv");
const CURRENT: &str = include_str!("../../../../deploy/dev/codelists/vn-units.csv");
pub(super) const CROSSWALK: &str = include_str!("../../../../deploy/dev/codelists/vn-crosswalk-2025-07-01.csv");
pub(super) const REFORM: Date = date(2025, 7, 1);

pub(super) fn shipped() -> AreaList {
    AreaList::parse(VERSIONS.as_bytes(), [LEGACY.as_bytes(), CURRENT.as_bytes()]).unwrap()
}

fn count(list: &AreaList, level: Level, day: Date) -> usize {
    list.in_force(level, day).count()
}

fn wards(list: &AreaList, day: Date) -> [usize; 3] {
    [Kind::Ward, Kind::Commune, Kind::SpecialZone]
        .map(|kind| list.in_force(Level::Commune, day).filter(|unit| unit.kind == kind).count())
}

#[test]
fn shipped_lists_have_the_official_counts_on_each_side_of_each_reform() {
    let list = shipped();
    let counts = |day| [Level::Province, Level::District, Level::Commune].map(|level| count(&list, level, day));
    assert_eq!(counts(date(2025, 6, 30)), [63, 696, 10_035]);
    assert_eq!(counts(REFORM), [34, 0, 3_321]);
    assert_eq!(counts(date(2026, 4, 30)), [34, 0, 3_321]);
    assert_eq!(wards(&list, date(2026, 4, 29)), [687, 2_621, 13]);
    assert_eq!(wards(&list, date(2026, 4, 30)), [697, 2_611, 13]);
}

#[test]
fn a_code_that_was_used_again_means_another_unit_after_the_reform() {
    let list = shipped();
    assert_eq!(&*list.unit_on("00004", date(2025, 6, 30)).unwrap().name, "Phường Trúc Bạch");
    assert_eq!(&*list.unit_on("00004", REFORM).unwrap().name, "Phường Ba Đình");
    let by_version = |version: &str| list.unit(&AdminUnitRef::new("00004", version).unwrap()).unwrap().name.clone();
    assert_eq!(&*by_version("VN-63"), "Phường Trúc Bạch");
    assert_eq!(&*by_version("VN-34-2025"), "Phường Ba Đình");
}

#[test]
fn dong_nai_is_a_city_from_30_april_2026_and_not_before() {
    let list = shipped();
    assert_eq!(list.unit_on("75", date(2026, 4, 29)).unwrap().kind, Kind::Province);
    let unit = list.unit(&"75@VN-34-2026".parse().unwrap()).unwrap();
    assert_eq!((unit.kind, &*unit.name), (Kind::City, "Thành phố Đồng Nai"));
    assert_eq!(&*list.unit_on("06978", REFORM).unwrap().name, "Xã Ba Chẽ");
}

#[test]
fn a_reference_needs_a_version_and_a_unit_that_it_knows() {
    let list = shipped();
    assert_eq!("01".parse::<AdminUnitRef>(), Err(InvalidAdminUnitRef::NoVersion));
    for malformed in ["", "1@VN-63", "0001@VN-63", "0a@VN-63", "01@VN 63", "01@VN-63@x"] {
        assert_eq!(malformed.parse::<AdminUnitRef>(), Err(InvalidAdminUnitRef::Malformed), "{malformed}");
    }
    assert_eq!(list.unit(&"01@VN-99".parse().unwrap()), Err(UnknownArea::Version));
    assert_eq!(list.unit(&"02@VN-34-2026".parse().unwrap()), Err(UnknownArea::Unit));
    let text = "00004@VN-34-2026";
    assert_eq!(text.parse::<AdminUnitRef>().unwrap().to_string(), text);
}

#[test]
fn every_old_unit_below_the_provinces_has_a_successor_and_splits_keep_all_candidates() {
    let list = shipped();
    let crosswalk = Crosswalk::parse(REFORM, CROSSWALK.as_bytes(), &list).unwrap();
    let eve = date(2025, 6, 30);
    let mut split = 0;
    for unit in list.in_force(Level::Commune, eve).chain(list.in_force(Level::Province, eve)) {
        let candidates = crosswalk.candidates(&unit.code).len();
        assert!(candidates > 0, "{}", unit.code);
        split += usize::from(candidates > 1);
    }
    assert_eq!(split, 471);
    let candidates = crosswalk.candidates("00019");
    assert_eq!(candidates.iter().map(|c| &*c.code).collect::<Vec<_>>(), ["00004", "00070", "00190", "00226"]);
    assert!(candidates.iter().all(|c| c.extent == Extent::Part));
    // An island district without communes of its own became a special zone.
    assert_eq!(crosswalk.candidates("498"), [Candidate { code: "20333".into(), extent: Extent::Whole }]);
    assert!(crosswalk.candidates("99999").is_empty());
}

#[test]
fn the_name_of_a_crosswalk_ends_in_its_day() {
    for name in ["vn-crosswalk-2025-07-01.csv", "2025-07-01", "2.2025-07-01.csv"] {
        assert_eq!(Crosswalk::day_of_table(name), Some(REFORM), "{name}");
    }
    for name in ["", "2025-07-01-final.csv", "crosswalk.csv", "vn-2025-7-1.csv", "vn-2025-06-31.csv", "đ025-07-01.csv"]
    {
        assert_eq!(Crosswalk::day_of_table(name), None, "{name}");
    }
}

#[test]
fn a_wrong_list_is_refused_with_its_line() {
    let header = "code,level,parent,kind,name,valid_from,valid_until\n";
    let refused = |rows: &str| {
        let file = format!("{header}{rows}");
        let error = AreaList::parse(VERSIONS.as_bytes(), [file.as_bytes()]).unwrap_err();
        (error.line, error.kind)
    };
    let hanoi = "01,province,,city,Hà Nội,2025-07-01,\n";
    assert!(matches!(refused(&format!("{hanoi}{hanoi}")), (3, ErrorKind::Overlap)));
    assert!(matches!(refused("001,province,,city,Hà Nội,,\n"), (2, ErrorKind::Cell("level"))));
    assert!(matches!(refused("01,province,,city,Hà Nội,2025-07-01,2025-06-30\n"), (2, ErrorKind::Dates)));
    assert!(matches!(refused("01,province,,city,Hà Nội,2025-7-1,\n"), (2, ErrorKind::Cell("date"))));
    assert!(matches!(refused("01,province,,city\n"), (2, ErrorKind::Csv(_))));
    assert!(matches!(refused("01,province,,city,Ha\u{300} Nội,,\n"), (2, ErrorKind::Cell("text not in NFC"))));
    assert!(matches!(refused("00004,commune,01,ward,Ba Đình,,\n"), (0, ErrorKind::Unknown("parent"))));
    let error = AreaList::parse(VERSIONS.as_bytes(), ["code,name\n".as_bytes()]).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Header(_)));
}

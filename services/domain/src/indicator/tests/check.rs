//! Each kind of bad input has its reason and place; good input passes unchanged.

use super::*;
use crate::{
    indicator::{Action, KeyPattern, Place, Raw, Value},
    reason,
};
use pb::Action::{Delete, Merge, Replace};

const KEY: &str = "A.704.F";

/// Checks one row under REPLACE and returns its reasons.
fn refused(key: &str, period: &str, value: Option<&str>, attributes: &[(&str, &str)]) -> Vec<&'static str> {
    let good = row("A.704.M", "1990", Some("1"), &[]);
    let violations = check(&SMALL, &[dataset(Replace, vec![good, row(key, period, value, attributes)])]).unwrap_err();
    assert_eq!(violations.listed()[0].place, Place::Row { dataset: 0, observation: 1 });
    reasons(&violations)
}

#[test]
fn values_keys_periods_and_attributes_pass_as_they_came() {
    let rows = vec![
        row(KEY, "2024", Some("-0.50"), &[("OBS_STATUS", "A"), ("NOTE", "Số sơ bộ")]),
        row("Q.704.F", "2024-Q1", Some("NaN"), &[]),
        row("A.00004@VN-34-2026.F", "2026", None, &[("OBS_STATUS", "E")]),
    ];
    let checked = check(&SMALL, &[dataset(Merge, rows)]).unwrap();
    let [Dataset::Merge(rows)] = &checked[..] else { panic!("one dataset") };
    assert_eq!(rows[0].value.as_ref().map(Value::as_str), Some("-0.50"));
    assert_eq!(rows[0].attributes.iter().collect::<Vec<_>>(), [("NOTE", "Số sơ bộ"), ("OBS_STATUS", "A")]);
    assert_eq!(rows[1].value, Some(Value::Missing));
    assert_eq!(rows[2].key.as_str(), "A.00004@VN-34-2026.F");
}

#[test]
fn each_wrong_row_has_its_reason() {
    let one = Some("1");
    type Case<'a> = (&'a str, &'a str, Option<&'a str>, &'a [(&'a str, &'a str)], &'a str);
    let cases: [Case<'_>; 20] = [
        ("A.704.X", "2024", one, &[], reason::CODE_NOT_IN_LIST),
        ("A.704.f", "2024", one, &[], reason::CODE_NOT_IN_LIST),
        ("A.704", "2024", one, &[], reason::KEY_MALFORMED),
        ("A.704.F.F", "2024", one, &[], reason::KEY_MALFORMED),
        ("A.704.", "2024", one, &[], reason::DIMENSION_MISSING),
        (KEY, "", one, &[], reason::DIMENSION_MISSING),
        (KEY, "2024-13", one, &[], reason::PERIOD_MALFORMED),
        (KEY, "2024-Q1", one, &[], reason::PERIOD_NOT_OF_FREQUENCY),
        ("Q.704.F", "2024", one, &[], reason::PERIOD_NOT_OF_FREQUENCY),
        (KEY, "2024", Some("1e3"), &[], reason::VALUE_NOT_DECIMAL),
        (KEY, "2024", Some(""), &[], reason::VALUE_NOT_DECIMAL),
        (KEY, "2024", None, &[], reason::OBSERVATION_EMPTY),
        (KEY, "2024", None, &[("NOTE", "")], reason::OBSERVATION_EMPTY),
        (KEY, "2024", one, &[("COLOUR", "red")], reason::COMPONENT_UNKNOWN),
        (KEY, "2024", one, &[("OBS_STATUS", "Z")], reason::CODE_NOT_IN_LIST),
        (KEY, "2009", one, &[("OBS_STATUS", "E")], reason::CODE_NOT_IN_FORCE),
        ("A.704.OLD", "2020", one, &[], reason::CODE_NOT_IN_FORCE),
        (KEY, "2024", one, &[("NOTE", "Ha\u{300} No\u{323}\u{302}i")], reason::TEXT_NOT_NFC),
        ("A.704.Nu\u{31b}\u{303}", "2024", one, &[], reason::TEXT_NOT_NFC),
        ("A.704.M", "1990-A1", one, &[], reason::DUPLICATE_OBSERVATION),
    ];
    for (key, period, value, attributes, expected) in cases {
        assert_eq!(refused(key, period, value, attributes), [expected], "{key} {period} {value:?} {attributes:?}");
    }
    let long = "ả".repeat(crate::indicator::MAX_TEXT + 1);
    assert_eq!(refused(KEY, "2024", one, &[("NOTE", &long)]), [reason::TEXT_TOO_LONG]);
}

#[test]
fn an_area_must_be_known_in_force_and_named_with_its_list() {
    let area = |area: &str, period: &str| refused(&format!("A.{area}.F"), period, Some("1"), &[]);
    assert_eq!(area("01", "2024"), [reason::AREA_WITHOUT_LIST_VERSION]);
    assert_eq!(area("00004", "2026"), [reason::AREA_WITHOUT_LIST_VERSION]);
    assert_eq!(area("02@VN-34-2026", "2026"), [reason::AREA_UNKNOWN]);
    assert_eq!(area("01@VN-35", "2026"), [reason::AREA_UNKNOWN]);
    assert_eq!(area("999", "2026"), [reason::AREA_WITHOUT_LIST_VERSION]);
    assert_eq!(area("Hanoi", "2026"), [reason::AREA_UNKNOWN]);
    assert_eq!(area("01@VN-34-2025", "2024"), [reason::AREA_NOT_IN_FORCE]);
    assert_eq!(area("02@VN-63", "2026"), [reason::AREA_NOT_IN_FORCE]);
    // In the year of the reform both the old and the new units were in force for some days.
    for code in ["02@VN-63", "08@VN-34-2025"] {
        let rows = vec![row(&format!("A.{code}.F"), "2025", Some("1"), &[])];
        assert!(check(&SMALL, &[dataset(Replace, rows)]).is_ok(), "{code}");
    }
}

#[test]
fn all_violations_are_counted_and_the_first_hundred_listed() {
    let rows = (0..10_000).map(|n| row("A.704.X", &(1000 + n % 9000).to_string(), Some("x"), &[])).collect();
    let violations = check(&SMALL, &[dataset(Replace, rows)]).unwrap_err();
    assert_eq!(violations.listed().len(), 100);
    // A wrong code and a wrong value in each row, and the years that come round again.
    assert_eq!(violations.total(), 21_000);
    assert_eq!(violations.listed()[3].place, Place::Row { dataset: 0, observation: 1 });
}

#[test]
fn one_wrong_row_refuses_the_whole_submission() {
    let good = dataset(Replace, vec![row(KEY, "2024", Some("1"), &[])]);
    let bad = dataset(Merge, vec![row(KEY, "2025", Some("?"), &[])]);
    assert!(check(&SMALL, &[good, bad]).is_err());
    assert_eq!(reasons(&check(&SMALL, &[]).unwrap_err()), [reason::SUBMISSION_EMPTY]);
    let unspecified = dataset(pb::Action::Unspecified, vec![row(KEY, "2024", Some("1"), &[])]);
    assert_eq!(reasons(&check(&SMALL, &[unspecified]).unwrap_err()), [reason::ACTION_UNKNOWN]);
}

#[test]
fn an_observation_is_named_once_in_a_submission_whatever_the_action() {
    let named = |action, key: &str| dataset(action, vec![row(key, "2024", Some("1"), &[])]);
    let violations = check(&SMALL, &[named(Replace, KEY), named(Merge, KEY)]).unwrap_err();
    assert_eq!(reasons(&violations), [reason::DUPLICATE_OBSERVATION]);
    let violations = check(&SMALL, &[named(Delete, KEY), named(Replace, KEY)]).unwrap_err();
    assert_eq!(reasons(&violations), [reason::DUPLICATE_OBSERVATION]);
    // Clearing by pattern and filling anew is how SDMX replaces a whole series.
    assert!(check(&SMALL, &[named(Delete, "A.704."), named(Replace, KEY)]).is_ok());
}

#[test]
fn a_deletion_may_leave_dimensions_open_but_not_invent_codes() {
    let deletion = |key: &str, period: &str| check(&SMALL, &[dataset(Delete, vec![row(key, period, None, &[])])]);
    let checked = deletion("..F", "").unwrap();
    let [Dataset::Delete(rows)] = &checked[..] else { panic!("one deletion") };
    assert_eq!((rows[0].pattern.to_string().as_str(), rows[0].period), ("..F", None));
    assert!(rows[0].parts.is_whole());
    for (key, expected) in [
        ("..X", reason::CODE_NOT_IN_LIST),
        (".01.", reason::AREA_WITHOUT_LIST_VERSION),
        ("", reason::KEY_MALFORMED),
        ("A.704", reason::KEY_MALFORMED),
        ("A.704.F+M", reason::KEY_MALFORMED),
        ("*.704.F", reason::KEY_MALFORMED),
    ] {
        assert_eq!(reasons(&deletion(key, "").unwrap_err()), [expected], "{key}");
    }
    assert_eq!(reasons(&deletion(KEY, "soon").unwrap_err()), [reason::PERIOD_MALFORMED]);
}

#[test]
fn only_a_frequency_that_means_one_length_everywhere_is_compared_and_a_deletion_never_is() {
    let rows = ["2024", "2024-S1"].map(|period| row("H.704.F", period, Some("1"), &[])).to_vec();
    assert!(check(&SMALL, &[dataset(Replace, rows)]).is_ok());
    assert!(check(&SMALL, &[dataset(Delete, vec![row(KEY, "2024-Q1", None, &[])])]).is_ok());
}

#[test]
fn blocks_say_the_same_as_rows() {
    let rows = vec![
        row(KEY, "2022", Some("1"), &[("OBS_STATUS", "A"), ("NOTE", "x")]),
        row(KEY, "2023", None, &[("OBS_STATUS", "E")]),
        row("A.704.M", "2022", Some("2"), &[("OBS_STATUS", "A")]),
    ];
    let deletions = vec![row("A..", "2020", Some("-"), &[("NOTE", "-")]), row("..", "", None, &[])];
    let checked = check(&SMALL, &[dataset(Delete, deletions), dataset(Merge, rows)]).unwrap();
    let written = wire::write_datasets(&checked);
    assert!(written.iter().all(|dataset| dataset.observations.is_empty()));
    assert_eq!(check(&SMALL, &written).unwrap(), checked);
}

#[test]
fn a_block_whose_columns_do_not_fit_is_refused() {
    let column = |positions: &[u32]| pb::AttributeColumn {
        attribute: "OBS_STATUS".into(),
        texts: vec!["A".into()],
        positions: positions.to_vec(),
    };
    let refused = |values: &[&str], positions: &[u32]| {
        let block = pb::SeriesBlock {
            key: KEY.into(),
            time_periods: vec!["2023".into(), "2024".into()],
            values: values.iter().map(ToString::to_string).collect(),
            attributes: vec![column(positions)],
        };
        let dataset = pb::Dataset { action: Replace.into(), observations: Vec::new(), blocks: vec![block] };
        check(&SMALL, &[dataset]).err().map(|violations| reasons(&violations))
    };
    assert_eq!(refused(&["1", "2"], &[1]), None);
    for (values, positions) in
        [(&["1"][..], &[1][..]), (&["1", "2"], &[1, 1, 1]), (&["1", "2"], &[2]), (&["1", "2"], &[])]
    {
        assert_eq!(refused(values, positions), Some(vec![reason::BLOCK_MALFORMED]), "{values:?} {positions:?}");
    }
}

#[test]
fn a_block_without_rows_or_with_too_many_columns_is_refused_whatever_the_action() {
    let refused = |action: pb::Action, periods: &[&str], columns: usize| {
        let column = pb::AttributeColumn { attribute: "NONE".into(), texts: Vec::new(), positions: vec![0] };
        let block = pb::SeriesBlock {
            key: KEY.into(),
            time_periods: periods.iter().map(ToString::to_string).collect(),
            values: Vec::new(),
            attributes: vec![column; columns],
        };
        let dataset = pb::Dataset { action: action.into(), observations: Vec::new(), blocks: vec![block] };
        check(&SMALL, &[dataset]).err().map(|violations| reasons(&violations))
    };
    for action in [Merge, Replace, Delete] {
        assert_eq!(refused(action, &[], 0), Some(vec![reason::BLOCK_MALFORMED]), "{action:?}");
        assert_eq!(refused(action, &["2023"], 65), Some(vec![reason::BLOCK_MALFORMED]), "{action:?}");
    }
}

#[test]
fn attribute_sets_with_the_same_letters_stay_apart() {
    let mut checker = Checker::new(&SMALL, &AREAS);
    checker.begin(Action::Merge);
    for (period, note) in [("2023", "A"), ("2024", "AA")] {
        let attributes = [("NOTE", note)].into_iter();
        checker.row(Place::Line(2), &Raw { key: KEY, period, value: Some("1"), attributes });
    }
    let checked = checker.finish().unwrap();
    let [Dataset::Merge(rows)] = &checked[..] else { panic!("one dataset") };
    assert_eq!(rows.iter().filter_map(|row| row.attributes.get("NOTE")).collect::<Vec<_>>(), ["A", "AA"]);
}

#[test]
fn a_malformed_key_pattern_is_refused() {
    assert!(KeyPattern::new("A.704.F+M", 3).is_ok());
    for text in ["A.704", "A.704.F.F", "A.704.F+", "A.704.+M"] {
        assert!(KeyPattern::new(text, 3).is_err(), "{text}");
    }
    let prefix = |text: &str| KeyPattern::new(text, 3).unwrap().prefix();
    assert_eq!(
        [prefix("A.704.F"), prefix("A.704."), prefix("A.704.F+M"), prefix("all")],
        ["A.704.F", "A.704.", "A.704.", ""]
    );
}

#[test]
fn a_selection_that_does_not_fit_its_structure_is_refused() {
    use crate::indicator::Selection;
    let good = pb::Selection {
        data_provider: "moha".into(),
        structure: "T:SMALL(1.0)".into(),
        key_pattern: "A..F+M".into(),
        start_period: "2020".into(),
        end_period: String::new(),
    };
    let selection = Selection::new(&good, &SMALL).unwrap();
    assert_eq!((selection.pattern.to_string().as_str(), selection.range.end), ("A..F+M", None));
    let refused = |change: fn(&mut pb::Selection)| {
        let mut wire = good.clone();
        change(&mut wire);
        Selection::new(&wire, &SMALL).unwrap_err().reason()
    };
    assert_eq!(refused(|wire| wire.structure = SDG.into()), reason::STRUCTURE_UNKNOWN);
    assert_eq!(refused(|wire| wire.key_pattern = "A.F".into()), reason::KEY_PATTERN_MALFORMED);
    assert_eq!(refused(|wire| wire.start_period = "soon".into()), reason::PERIOD_MALFORMED);
    assert_eq!(refused(|wire| wire.end_period = "2020-13".into()), reason::PERIOD_MALFORMED);
    assert_eq!(refused(|wire| wire.data_provider = "MoHA".into()), reason::FIELD_FORMAT);
}

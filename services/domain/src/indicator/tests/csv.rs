//! SDMX-CSV 2.0 as it is found: other column orders, quotes, Windows line ends, a byte order mark; and what is refused.

use super::*;
use crate::{
    indicator::{
        Action, Place,
        sdmx_csv::{ImportError, Limits},
    },
    reason,
};

const HEADER: &str = "STRUCTURE,STRUCTURE_ID,ACTION,FREQ,REF_AREA,SEX,TIME_PERIOD,OBS_VALUE,OBS_STATUS,NOTE";

fn file(rows: &[&str]) -> String {
    let rows = rows.iter().map(|row| format!("datastructure,T:SMALL(1.0),{row}\n"));
    format!("{HEADER}\n{}", rows.collect::<String>())
}

fn refused(file: impl AsRef<[u8]>) -> Vec<&'static str> {
    match import(&SMALL, file).unwrap_err() {
        ImportError::Invalid(violations) => reasons(&violations),
        other => vec![other.reason()],
    }
}

#[test]
fn a_file_is_one_submission_with_a_dataset_per_run_of_an_action() {
    let file = file(&["D,,704,,,,,", "R,A,704,F,2023,1.50,A,", "R,A,704,F,2024,2,A,", "M,A,704,M,2024,,E,ước tính"]);
    let import = import(&SMALL, &file).unwrap();
    let actions: Vec<_> = import.datasets.iter().map(|dataset| (dataset.action(), dataset.len())).collect();
    assert_eq!(actions, [(Action::Delete, 1), (Action::Replace, 2), (Action::Merge, 1)]);
    assert_eq!(import.dataflow, None);
    assert_eq!(export(&SMALL, &import.datasets), file);
}

#[test]
fn column_order_quotes_crlf_and_byte_order_mark_do_not_matter() {
    let plain = file(&["R,A,704,F,2024,2,A,\"một, \"\"hai\"\"\nba\"", "R,A,704,M,2024,1,,"]);
    let other = "\u{feff}STRUCTURE,STRUCTURE_ID,ACTION,NOTE,OBS_VALUE,SEX,TIME_PERIOD,REF_AREA,FREQ,OBS_STATUS\r\n\
        datastructure,T:SMALL(1.0),R,\"một, \"\"hai\"\"\nba\",2,F,2024,704,A,A\r\n\
        \"datastructure\",T:SMALL(1.0),\"R\",,1,M,2024,704,\"A\",\r\n";
    assert_eq!(import(&SMALL, other).unwrap(), import(&SMALL, &plain).unwrap());
    assert_eq!(export(&SMALL, &import(&SMALL, other).unwrap().datasets), plain);
}

#[test]
fn deleted_parts_are_marked_and_come_back_marked() {
    let file = file(&["D,A,704,F,2024,-,,", "D,,,F,,,-,-"]);
    assert_eq!(export(&SMALL, &import(&SMALL, &file).unwrap().datasets), file);
}

#[test]
fn deprecated_and_unknown_actions_are_refused() {
    assert_eq!(refused(file(&["I,A,704,F,2024,1,,", "A,A,704,F,2024,1,,"])), [reason::ACTION_DEPRECATED; 2]);
    assert_eq!(refused(file(&["X,A,704,F,2024,1,,", ",A,704,F,2024,1,,"])), [reason::ACTION_UNKNOWN; 2]);
}

#[test]
fn each_wrong_file_has_its_reason() {
    let row = "R,A,704,F,2024,1,,";
    assert_eq!(refused(b"\xff"), [reason::CSV_HEADER_INVALID]);
    assert_eq!(refused(""), [reason::CSV_HEADER_INVALID]);
    assert_eq!(refused("DATAFLOW,FREQ\n"), [reason::CSV_HEADER_INVALID]);
    assert_eq!(refused(file(&[row]).replace(',', ";")), [reason::CSV_HEADER_INVALID]);
    assert_eq!(refused(file(&[])), [reason::SUBMISSION_EMPTY]);
    assert_eq!(refused(file(&[row]).replace("SMALL(1.0)", "OTHER(1.0)")), [reason::STRUCTURE_UNKNOWN]);
    assert_eq!(refused(file(&[row]).replace("datastructure", "dataprovision")), [reason::STRUCTURE_UNKNOWN]);
    assert_eq!(refused(file(&[row]).replace("NOTE", "UPDATED")), [reason::COMPONENT_UNKNOWN]);
    assert_eq!(refused(file(&[row]).replace("NOTE", "OBS_STATUS")), [reason::COMPONENT_REPEATED]);
    assert_eq!(refused(file(&[row, "R,A,704,F,2025,1,"])), [reason::CSV_ROW_MALFORMED]);
    assert_eq!(refused(file(&["R,A,70.4,F,2024,1,,"])), [reason::CODE_NOT_IN_LIST]);
    assert_eq!(refused(file(&["R,A,704,,2024,1,,"])), [reason::DIMENSION_MISSING]);
    assert_eq!(refused(file(&["R,A,704,F,2024,1,,Ha\u{300}"])), [reason::TEXT_NOT_NFC]);
    assert_eq!(refused(file(&["R,A,704,F,2024,\"1,5\",,"])), [reason::VALUE_NOT_DECIMAL]);
    let mixed = format!("{}datastructure,T:SMALL(1.1),{row}\n", file(&[row]));
    assert_eq!(refused(mixed), [reason::STRUCTURE_MISMATCH]);
    let without_sex = file(&[row]).replace("SEX,", "").replace("704,F,", "704,");
    assert_eq!(refused(without_sex), [reason::DIMENSION_MISSING]);
}

#[test]
fn a_row_that_is_not_utf8_is_one_violation_among_others() {
    let mut bytes = file(&["R,A,704,F,2023,1,,?", "R,A,704,F,2024,x,,"]).into_bytes();
    let at = bytes.iter().position(|byte| *byte == b'?').unwrap();
    bytes[at] = 0xE0;
    let ImportError::Invalid(violations) = import(&SMALL, bytes).unwrap_err() else { panic!("violations") };
    assert_eq!(reasons(&violations), [reason::TEXT_NOT_UTF8, reason::VALUE_NOT_DECIMAL]);
    assert_eq!(violations.listed().iter().map(|v| v.place).collect::<Vec<_>>(), [Place::Line(2), Place::Line(3)]);
}

#[test]
fn a_file_without_a_readable_row_lists_its_lines() {
    let bytes = [format!("{HEADER}\n").as_bytes(), b"\xe0,,,,,,,,,\n\xe0,,,,,,,,,\n"].concat();
    assert_eq!(refused(bytes), [reason::TEXT_NOT_UTF8; 2]);
}

#[test]
fn violations_name_line_and_column_and_never_the_content() {
    let file = file(&["R,A,704,F,2024,Nguyen,,"]);
    let ImportError::Invalid(violations) = import(&SMALL, file).unwrap_err() else { panic!("violations") };
    assert_eq!(violations.listed()[0].to_string(), "line 2, OBS_VALUE: VALUE_NOT_DECIMAL");
}

#[test]
fn a_file_beyond_its_limits_is_refused() {
    let file = file(&["R,A,704,F,2023,1,,", "R,A,704,F,2024,1,,"]);
    let import = |limits| {
        let lookup = |_: &sdmx_csv::Artefact| Some(&*SMALL);
        sdmx_csv::import(file.as_bytes(), lookup, &AREAS, limits)
    };
    let fits = Limits { bytes: file.len() as u64, rows: 2 };
    assert!(import(fits).is_ok());
    for limits in [Limits { rows: 1, ..fits }, Limits { bytes: fits.bytes - 1, ..fits }] {
        assert!(matches!(import(limits), Err(ImportError::TooLarge)), "{limits:?}");
    }
}

#[test]
fn a_dataflow_is_kept_with_the_submission() {
    let file = file(&["R,A,704,F,2024,1,,"]).replace("datastructure,T:SMALL", "dataflow,T:FLOW");
    let import = sdmx_csv::import(file.as_bytes(), |_| Some(&*SMALL), &AREAS, Limits::default()).unwrap();
    assert_eq!(import.structure, *SMALL.reference());
    assert_eq!(import.dataflow.unwrap().as_str(), "T:FLOW(1.0)");
}

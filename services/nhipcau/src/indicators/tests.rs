//! What a file becomes before it is sent, what is said of a faulty one, and which pieces go again.

use std::sync::{Arc, LazyLock};

use nhipcau_domain::{
    area::AreaList,
    indicator::{CodeLists, Structure, sdmx_csv::ImportError},
};
use nhipcau_indicators::Registry;
use nhipcau_proto::indicator::v1 as pb;
use nhipcau_runtime::caller::SystemName;
use tonic_types::{ErrorDetails, StatusExt as _};

use super::{action::Action, check::Faulty, *};
use crate::client::Refused;

const CODES: &str = "codelist,code,valid_from,valid_until,name_vi,name_en\n\
    SEX,F,,,Nữ,Female\nSEX,M,,,Nam,Male\nSTATUS,A,,,Bình thường,Normal\n";
const STRUCTURE: &str = "structure,component,role,codelist,name_vi,name_en\n\
    T:SMALL(1.0),SEX,dimension,SEX,,\nT:SMALL(1.0),TIME_PERIOD,time,,,\nT:SMALL(1.0),OBS_VALUE,measure,,,\n\
    T:SMALL(1.0),OBS_STATUS,attribute,STATUS,,\n";
const HEADER: &str = "STRUCTURE,STRUCTURE_ID,ACTION,SEX,TIME_PERIOD,OBS_VALUE,OBS_STATUS\n";

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let codes = CodeLists::parse(CODES.as_bytes()).unwrap();
    let structure = Structure::parse(STRUCTURE.as_bytes(), &codes).unwrap();
    Registry::new(Arc::new(AreaList::default())).structure(structure)
});

fn caller() -> SystemName {
    "moha/statistics".parse().unwrap()
}

fn row(action: &str, rest: &str) -> String {
    format!("datastructure,T:SMALL(1.0),{action},{rest}\n")
}

fn read(rows: &str, caller: &SystemName) -> Result<Import, ImportError> {
    Import::read(format!("{HEADER}{rows}").as_bytes(), &REGISTRY, caller)
}

#[test]
fn the_same_content_of_the_same_caller_is_the_same_request() {
    let one = read(&row("R", "F,2024,1.50,A"), &caller()).unwrap();
    assert_eq!(one, read(&row("R", "F,2024,1.50,A"), &caller()).unwrap());
    assert_ne!(one.request_id, read(&row("R", "F,2024,1.5,A"), &caller()).unwrap().request_id);
    assert_ne!(one.request_id, read(&row("R", "F,2024,1.50,A"), &"vwu/desk".parse().unwrap()).unwrap().request_id);
    assert!(uuid::Uuid::parse_str(&one.request_id).is_ok());
}

#[test]
fn a_small_file_is_one_message() {
    let import = read(&(row("R", "F,2024,1,A") + &row("R", "M,2024,2,A")), &caller()).unwrap();
    let whole = import.content.whole().unwrap();
    assert_eq!((whole.structure.as_str(), import.content.observation_count), ("T:SMALL(1.0)", 2));
    assert_eq!(whole.datasets[0].blocks.len(), 2);
    let request = pb::SubmitRequest {
        parent: import.parent(),
        submission: Some(whole),
        request_id: import.request_id.clone(),
        validate_only: false,
    };
    assert_eq!(nhipcau_proto::violations(&request), []);
}

#[test]
fn a_file_too_large_for_one_message_is_not_sent_as_one() {
    let days: String = (1..=28)
        .flat_map(|day| {
            (1000..2000).map(move |year| row("R", &format!("F,{year:04}-01-{day:02},{},A", "7".repeat(64))))
        })
        .collect();
    let import = read(&days, &caller()).unwrap();
    assert!(import.content.chunks.len() > 1 && import.content.whole().is_none());
    assert!(import.content.chunks.iter().all(|chunk| chunk.len() <= 512 << 10));
}

#[test]
fn a_deletion_of_the_rows_of_a_file_names_observations_and_no_parts() {
    let mut import = read(&row("R", "F,2024,1.50,A"), &caller()).unwrap();
    import.apply(Action::Delete).unwrap();
    let dataset = &import.content.whole().unwrap().datasets[0];
    assert_eq!(dataset.action(), pb::Action::Delete);
    assert_eq!(dataset.blocks[0].time_periods, ["2024"]);
    assert!(dataset.blocks[0].values.is_empty() && dataset.blocks[0].attributes.is_empty());
}

#[test]
fn a_deletion_does_not_become_an_insertion() {
    let mut import = read(&row("D", "F,2024,,"), &caller()).unwrap();
    assert!(import.apply(Action::Replace).is_err());
    let mut import = read(&row("M", "F,2024,3,"), &caller()).unwrap();
    import.apply(Action::Replace).unwrap();
    assert_eq!(import.content.whole().unwrap().datasets[0].action(), pb::Action::Replace);
}

#[test]
fn every_violation_of_a_file_is_counted_and_the_first_hundred_have_lines() {
    let rows: String = (0..10_000).map(|_| row("R", "F,2024,abc,A")).collect();
    let faulty = Faulty::read(&read(&rows, &caller()).unwrap_err());
    let json = serde_json::to_value(&faulty).unwrap();
    assert!(json["violation_count"].as_u64().unwrap() >= 10_000);
    assert_eq!(json["violations"].as_array().unwrap().len(), 100);
    let first = serde_json::json!({ "line": 2, "component": "OBS_VALUE", "reason": "VALUE_NOT_DECIMAL" });
    assert_eq!(json["violations"][0], first);
    let text = faulty.to_string();
    assert!(text.contains("line 2, OBS_VALUE: VALUE_NOT_DECIMAL") && text.contains("… and ") && !text.contains("abc"));
}

#[test]
fn only_missing_pieces_are_sent_when_the_answer_names_them_all() {
    let digests = [[1; 32], [2; 32], [3; 32], [2; 32]];
    let refused = |chunks: &str, count: &str| {
        let mut details = ErrorDetails::new();
        let metadata = [("chunks", chunks), ("chunkCount", count)].map(|(k, v)| (k.to_owned(), v.to_owned()));
        details.set_error_info("CHUNK_MISSING", "nhipcau.vn", metadata);
        Refused::from(tonic::Status::with_error_details(tonic::Code::FailedPrecondition, "", details))
    };
    let named = hex::encode([3; 32]);
    assert_eq!(upload::missing(&refused(&named, "1"), &digests), [2]);
    assert_eq!(upload::missing(&refused(&named, "3"), &digests), [0, 1, 2]);
}

#[test]
fn what_the_access_point_finds_is_said_of_the_row_of_the_file() {
    let rows = ["F,2020,1,A", "F,2021,1,A", "M,2020,1,A"].map(|rest| row("R", rest)).concat() + &row("M", "M,2021,1,A");
    let datasets = read(&rows, &caller()).unwrap().content.chunks;
    let datasets = <pb::Chunk as prost::Message>::decode(datasets[0].as_slice()).unwrap().datasets;
    let mut details = ErrorDetails::new();
    details.set_error_info("SUBMISSION_INVALID", "nhipcau.vn", []);
    for field in ["datasets[0].blocks[1].time_periods[0].SEX", "datasets[1].blocks[0].time_periods[0]", "submission"] {
        details.add_bad_request_violation(field, "");
    }
    let refused = Refused::from(tonic::Status::with_error_details(tonic::Code::InvalidArgument, "", details));
    let json = serde_json::to_value(Faulty::answered(&refused, &datasets)).unwrap();
    let said = json["violations"].as_array().unwrap();
    assert_eq!((&said[0]["row"], &said[0]["component"]), (&3.into(), &"SEX".into()));
    assert_eq!((&said[1]["row"], &said[2]["field"]), (&4.into(), &"submission".into()));
}

//! Code lists, crosswalks and data structures, inside a release and beside it.

use aws_lc_rs::digest::{SHA256, digest};
use nhipcau_proto::google::r#type::Date;
use prost::Message as _;

use super::*;

fn list_key(version: &str) -> pb::CodeListKey {
    pb::CodeListKey { id: "VN-UNITS".into(), version: version.into() }
}

fn code(code: &str, parent: &str) -> pb::Code {
    let names = pb::Names { vi: format!("Đơn vị {code}"), en: String::new() };
    pb::Code { code: code.into(), parent: parent.into(), names: Some(names), ..pb::Code::default() }
}

fn list(version: &str, codes: Vec<pb::Code>) -> pb::CodeList {
    let names = pb::Names { vi: "Đơn vị hành chính".into(), en: "Administrative units".into() };
    pb::CodeList {
        key: Some(list_key(version)),
        names: Some(names),
        source: "19/2025/QĐ-TTg".into(),
        start_date: Some(Date { year: 2025, month: 7, day: 1 }),
        codes,
        ..pb::CodeList::default()
    }
}

fn list_ref(list: &pb::CodeList) -> pb::CodeListRef {
    let file = list.encode_to_vec();
    pb::CodeListRef {
        key: list.key.clone(),
        digest: digest(&SHA256, &file).as_ref().to_vec(),
        size_bytes: file.len() as u64,
    }
}

fn area(version: &str, code: &str) -> pb::AreaRef {
    let list = list_key(version);
    pb::AreaRef { code_list: list.id, code_list_version: list.version, code: code.into() }
}

fn mapping(source: &str, target: &str, preferred: bool) -> pb::CodeMapping {
    let extent = pb::MappingExtent::Whole.into();
    pb::CodeMapping { source_code: source.into(), target_code: target.into(), extent, preferred }
}

fn refused(found: Result<impl std::fmt::Debug, Error>) -> Vec<(String, Problem)> {
    match found {
        Err(Error::Invalid(found)) => found.listed().iter().map(|v| (v.path.clone(), v.problem)).collect(),
        other => panic!("not refused for its content: {other:?}"),
    }
}

#[test]
fn a_nationwide_list_is_a_file_that_the_release_names_by_digest() {
    let units = (0..3_321).map(|n| code(&format!("{n:05}"), "01"));
    let national = list("2026-04-30", std::iter::once(code("01", "")).chain(units).collect());
    let ceremony = ceremony();
    let builder = programme(&ceremony.root).with(|wire| {
        wire.code_list_refs.push(list_ref(&national));
        wire.units[2].areas.push(area("2026-04-30", "00004"));
    });
    let release = ceremony.release(&builder);
    assert!(release.signed_bytes().len() < 4096);

    let file = national.encode_to_vec();
    assert_eq!(release.code_list_file(&file).unwrap().codes.len(), 3_322);
    let mut other = file;
    *other.last_mut().unwrap() ^= 1;
    assert_eq!(release.code_list_file(&other).unwrap_err(), Error::UnknownAttachment);

    let missized = builder.with(|wire| wire.code_list_refs[0].size_bytes += 1);
    let refused = ceremony.release(&missized).code_list_file(&national.encode_to_vec());
    assert_eq!(refused.unwrap_err(), Error::UnknownAttachment);
}

#[test]
fn an_attached_list_is_checked_when_it_is_opened() {
    let ceremony = ceremony();
    let attached = list("v1", vec![code("01", ""), code("01", ""), code("02", "9")]);
    let builder = programme(&ceremony.root).with(|wire| {
        wire.code_list_refs.push(list_ref(&attached));
        wire.units[2].areas.push(area("v1", "05"));
    });
    let release = ceremony.release(&builder);
    let expected = [
        ("code_list.codes[1].code", Problem::Repeated),
        ("code_list.codes[2].parent", Problem::Unresolved),
        ("units[2].areas[0]", Problem::Unresolved),
    ];
    let found = refused(release.code_list_file(&attached.encode_to_vec()));
    assert_eq!(found, expected.map(|(path, problem)| (path.to_owned(), problem)));
}

#[test]
fn a_code_means_nothing_without_its_list_and_version() {
    let found = problems_of(|wire| {
        wire.code_lists.push(list("v1", vec![code("00004", "")]));
        wire.units[2].areas = vec![area("v1", "00004"), area("v2", "00004"), area("v1", "00005")];
    });
    let expected = ["units[2].areas[1]", "units[2].areas[2]"];
    assert_eq!(found, expected.map(|path| (path.to_owned(), Problem::Unresolved)));
}

#[test]
fn a_list_has_each_code_once_in_whole_days_and_without_circles() {
    let bad = list("v1", vec![code("1", "2"), code("2", "1")]);
    let found = problems_of(|wire| wire.code_lists.push(bad));
    let expected = ["code_lists[0].codes[0].parent", "code_lists[0].codes[1].parent"];
    assert_eq!(found, expected.map(|path| (path.to_owned(), Problem::Cycle)));

    let mut bad = list("v1", vec![code("1", "")]);
    bad.codes[0].start_date = Some(Date { year: 2025, month: 2, day: 30 });
    let found = problems_of(|wire| wire.code_lists.push(bad));
    assert_eq!(found, only("code_lists[0].codes[0].start_date", Problem::Time));

    let mut bad = list("v1", vec![code("1", "")]);
    bad.end_date = bad.start_date;
    let found = problems_of(|wire| wire.code_lists.push(bad));
    assert_eq!(found, only("code_lists[0]", Problem::EndsBeforeStart));

    let twice = list("v1", vec![code("1", "")]);
    let found = problems_of(|wire| wire.code_lists.extend([twice.clone(), twice]));
    assert_eq!(found, only("code_lists[1]", Problem::Repeated));
}

#[test]
fn a_crosswalk_joins_codes_that_exist_and_prefers_one_target() {
    let old = list("old", vec![code("1", ""), code("2", "")]);
    let new = list("new", vec![code("8", ""), code("9", "")]);
    let walk = |mappings| pb::Crosswalk { source: Some(list_key("old")), target: Some(list_key("new")), mappings };
    let split = vec![mapping("1", "8", true), mapping("1", "9", false), mapping("2", "9", true)];
    let (lists, good) = (vec![old.clone(), new.clone()], walk(split));
    let ceremony = ceremony();
    ceremony.release(&programme(&ceremony.root).with(|wire| {
        wire.code_lists = lists.clone();
        wire.crosswalks.push(good.clone());
    }));

    let torn = walk(vec![mapping("1", "8", true), mapping("1", "9", true), mapping("3", "9", true)]);
    let found = problems_of(|wire| {
        wire.code_lists = lists;
        wire.crosswalks.push(torn);
    });
    let expected = [
        ("crosswalks[0].mappings[1].preferred", Problem::Repeated),
        ("crosswalks[0].mappings[2].source_code", Problem::Unresolved),
    ];
    assert_eq!(found, expected.map(|(path, problem)| (path.to_owned(), problem)));

    let file = good.encode_to_vec();
    let attached = programme(&ceremony.root).with(|wire| {
        wire.code_list_refs = vec![list_ref(&old), list_ref(&new)];
        wire.crosswalk_refs.push(pb::CrosswalkRef {
            source: good.source.clone(),
            target: good.target.clone(),
            digest: digest(&SHA256, &file).as_ref().to_vec(),
            size_bytes: file.len() as u64,
        });
    });
    let release = ceremony.release(&attached);
    assert_eq!(release.crosswalk_file(&file, &[&old, &new]).unwrap(), good);
    let shorter = list("old", vec![code("1", "")]);
    let found = refused(release.crosswalk_file(&file, &[&shorter, &new]));
    assert_eq!(found, only("crosswalk.mappings[2].source_code", Problem::Unresolved));
}

#[test]
fn a_data_structure_takes_its_codes_from_the_release() {
    let names = || Some(pb::Names { vi: String::new(), en: "Sex".into() });
    let from = |kind| Some(pb::Representation { kind: Some(kind) });
    let inline = pb::InlineCodes { codes: vec![code("_T", ""), code("F", ""), code("M", "")] };
    let key = pb::DataStructureKey { agency: "IAEG-SDGs".into(), id: "SDG".into(), version: "1.8".into() };
    let structure = pb::DataStructure {
        key: Some(key.clone()),
        names: names(),
        dimensions: vec![
            pb::Dimension {
                id: "SEX".into(),
                names: names(),
                representation: from(pb::representation::Kind::InlineCodes(inline)),
                is_area: false,
            },
            pb::Dimension {
                id: "REF_AREA".into(),
                names: names(),
                representation: from(pb::representation::Kind::CodeList(list_key("v1"))),
                is_area: true,
            },
        ],
        time_dimension: "TIME_PERIOD".into(),
        primary_measure: "OBS_VALUE".into(),
        attributes: Vec::new(),
    };
    let flow = pb::Dataflow { id: "GENDER".into(), structure: Some(key), names: names() };
    let provision = pb::ProvisionAgreement { party: "moh".into(), dataflow: "GENDER".into() };
    let fill = |wire: &mut pb::Release| {
        wire.data_structures.push(structure.clone());
        wire.dataflows.push(flow.clone());
        wire.provision_agreements.push(provision.clone());
    };
    let ceremony = ceremony();
    ceremony.release(&programme(&ceremony.root).with(|wire| {
        fill(wire);
        wire.code_lists.push(list("v1", vec![code("704", "")]));
    }));

    let path = "data_structures[0].dimensions[1].representation.code_list";
    assert_eq!(problems_of(fill), only(path, Problem::Unresolved));
    let found = problems_of(|wire| {
        fill(wire);
        wire.code_lists.push(list("v1", vec![code("704", "")]));
        wire.data_structures[0].dimensions[1].id = "SEX".into();
        wire.provision_agreements[0].dataflow = "OTHER".into();
    });
    let expected = [
        ("data_structures[0].dimensions[1].id", Problem::Repeated),
        ("provision_agreements[0].dataflow", Problem::Unresolved),
    ];
    assert_eq!(found, expected.map(|(path, problem)| (path.to_owned(), problem)));
}

#[test]
fn a_table_is_vouched_for_by_name_and_bytes() {
    let table = "code,level\n00004,commune\n".as_bytes();
    let structure = pb::DataStructureKey { agency: "IAEG-SDGs".into(), id: "SDG".into(), version: "1.8".into() };
    let names = Some(pb::Names { vi: "Số liệu".into(), en: "Figures".into() });
    let flow = pb::Dataflow { id: "GENDER".into(), structure: Some(structure.clone()), names };
    let ceremony = ceremony();
    let builder = programme(&ceremony.root)
        .attachment("vn-units.csv", table, vec![list_key("VN-34-2026")], vec![structure])
        .with(|wire| {
            wire.units[2].areas.push(area("VN-34-2026", "00004"));
            wire.dataflows.push(flow);
        });
    let release = ceremony.release(&builder);
    assert_eq!(release.attachments().collect::<Vec<_>>(), ["vn-units.csv"]);
    assert_eq!(release.attachment("vn-units.csv", table), Ok(table));
    let refused = Err(Error::UnknownAttachment);
    assert_eq!(release.attachment("vn-units.csv", b"other"), refused);
    assert_eq!(release.attachment("other.csv", table), refused);
}

#[test]
fn a_table_has_a_name_that_stays_in_its_directory() {
    for name in ["", ".", "..", "../passwd", "/etc", "a/b", "a\\b", ".hidden", "A.csv", "a..b"] {
        let ceremony = ceremony();
        let builder = programme(&ceremony.root).attachment(name, b"x", Vec::new(), Vec::new());
        let found = problems(ceremony.verify(&ceremony.sign(&builder), None));
        assert_eq!(found, only("attachments[0].name", Problem::Syntax));
    }
}

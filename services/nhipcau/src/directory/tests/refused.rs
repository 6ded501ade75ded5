//! What is not installed, and what stays as it was.

use nhipcau_proto::directory::v1 as pb;
use prost::Message as _;

use super::*;
use crate::exit::{Code, Failure};

fn refusal(result: Result<Installed, Error>) -> rules::Error {
    match result {
        Err(Error::Refused { source, .. }) => source,
        other => panic!("not refused as a file: {other:?}"),
    }
}

#[test]
fn a_release_with_one_signature_is_refused() {
    let office = Office::new();
    let path = office.draw_up(&Before::Root(&office.root), "out/1.release").unwrap();
    office.sign(&path, 0);
    office.sign(&path, 0);
    assert_eq!(release::signatures(&fs::read(&path).unwrap()).unwrap(), (1, 2));
    assert_eq!(refusal(office.install(&path)), rules::Error::UnderSigned { valid: 1, needed: 2 });
    assert_eq!(fs::read_dir(office.path("moh/directory/releases")).unwrap().count(), 0);
}

#[test]
fn an_expired_release_is_refused_as_the_first() {
    let office = Office::new();
    let path = office.first();
    assert_eq!(refusal(install(&path, &office.place(), day(100))), rules::Error::Expired);
}

#[test]
fn an_older_release_is_refused_after_a_newer_one() {
    let office = Office::new();
    let first = office.first();
    office.install(&first).unwrap();
    office.install(&office.second(&first)).unwrap();
    assert_eq!(refusal(office.install(&first)), rules::Error::RolledBack { offered: 1, current: 2 });
    assert_eq!(verify(&office.place(), day(1)).unwrap().version(), 2);
}

#[test]
fn an_altered_byte_is_refused() {
    let office = Office::new();
    let path = office.first();
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 3;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert!(office.install(&path).is_err());
    assert!(verify(&office.place(), day(1)).is_err());
}

#[test]
fn a_disk_that_fails_is_told_from_a_directory_that_is_refused() {
    let code = |error: Error| Failure::from(error).code();
    let office = Office::new();
    let path = office.first();
    office.install(&path).unwrap();
    let unreadable = office.place().path.join("releases/00000009.release");
    fs::create_dir(&unreadable).unwrap();
    assert_eq!(code(office.install(&path).unwrap_err()), Code::Failed);
    fs::remove_dir(&unreadable).unwrap();
    fs::write(&unreadable, b"no release").unwrap();
    assert_eq!(code(office.install(&path).unwrap_err()), Code::Differs);
}

#[test]
fn an_altered_or_missing_table_keeps_the_release_out() {
    let office = Office::new();
    let path = office.first();
    let table = office.path("out/attachments/units.csv");
    let bytes = fs::read(&table).unwrap();
    fs::write(&table, "code\n").unwrap();
    assert!(matches!(office.install(&path), Err(Error::Table { .. })));
    fs::remove_file(&table).unwrap();
    assert!(matches!(office.install(&path), Err(Error::Table { .. })));
    assert_eq!(fs::read_dir(office.path("moh/directory/releases")).unwrap().count(), 0);
    fs::write(&table, bytes).unwrap();
    assert!(office.install(&path).is_ok());
}

#[test]
fn another_root_than_the_one_compared_is_refused() {
    let (office, other) = (Office::new(), Office::new());
    assert_eq!(refusal(office.install(&other.first())), rules::Error::FingerprintMismatch);
}

#[test]
fn a_stranger_does_not_sign() {
    let (office, other) = (Office::new(), Office::new());
    let path = office.draw_up(&Before::Root(&office.root), "out/1.release").unwrap();
    assert!(matches!(release::sign(&path, None, &other.keys[0]), Err(Error::NotASigner(_))));
}

#[test]
fn nobody_signs_structures_that_no_access_point_would_read() {
    let office = Office::new();
    let path = office.draw_up(&Before::Root(&office.root), "out/1.release").unwrap();
    let mut signed = pb::SignedRelease::decode(fs::read(&path).unwrap().as_slice()).unwrap();
    let mut release = pb::Release::decode(signed.release.as_slice()).unwrap();
    let (names, key) = (
        Some(pb::Names { vi: "Số liệu".to_owned(), en: "Figures".to_owned() }),
        pb::DataStructureKey { agency: "NSO".to_owned(), id: "AREA".to_owned(), version: "1.0".to_owned() },
    );
    let kind = Some(pb::representation::Kind::MaxCharacters(20));
    release.data_structures.push(pb::DataStructure {
        key: Some(key),
        names: names.clone(),
        dimensions: vec![pb::Dimension {
            id: "REF_AREA".to_owned(),
            names,
            representation: Some(pb::Representation { kind }),
            is_area: true,
        }],
        time_dimension: "TIME_PERIOD".to_owned(),
        primary_measure: "OBS_VALUE".to_owned(),
        attributes: Vec::new(),
    });
    signed.release = release.encode_to_vec();
    fs::write(&path, signed.encode_to_vec()).unwrap();
    assert!(matches!(release::sign(&path, None, &office.keys[0]), Err(Error::InlineStructures(_))));
}

#[test]
fn nobody_signs_or_installs_successors_that_lead_back() {
    let office = Office::new();
    let first = office.first();
    let mut signed = pb::SignedRelease::decode(fs::read(&first).unwrap().as_slice()).unwrap();
    let mut release = pb::Release::decode(signed.release.as_slice()).unwrap();
    release.parties[0].successors = vec!["vwu".to_owned()];
    release.parties[1].successors = vec!["moh".to_owned()];
    signed.release = release.encode_to_vec();
    signed.signatures.clear();
    let path = office.path("out/looped.release");
    fs::write(&path, signed.encode_to_vec()).unwrap();
    let Err(Error::Refused { source, .. }) = release::sign(&path, None, &office.keys[0]) else { panic!("signed") };
    assert_eq!(source.reason(), nhipcau_domain::reason::DIRECTORY_INVALID);
    // Whoever signs all the same, with another tool.
    let mut bytes = fs::read(&path).unwrap();
    for key in &office.keys[..2] {
        bytes = rules::authoring::sign(&bytes, &key.id, &key.pair).unwrap();
    }
    fs::write(&path, bytes).unwrap();
    let rules::Error::Invalid(found) = refusal(office.install(&path)) else { panic!("taken") };
    let places: Vec<_> = found.listed().iter().map(|it| it.path.as_str()).collect();
    assert_eq!(places, ["parties[0].successors[0]", "parties[1].successors[0]"]);
}

#[test]
fn a_root_without_the_programme_office_is_none() {
    let office = Office::new();
    let publics = office.keys.iter().map(|key| PublicSigner::of(key, key.id.as_str(), Role::Party)).collect();
    assert!(matches!(RootFile::new("trial", 1, publics).text(), Err(Error::Root(_))));
}

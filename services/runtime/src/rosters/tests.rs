//! What becomes of roster files: taken, kept in use, refused, and gone.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::sync::LazyLock;

use aws_lc_rs::signature::Ed25519KeyPair;
use jiff::SignedDuration;
use nhipcau_domain::{
    directory::{Release, Signer, SignerRole, TrustedRoot, Validity, authoring},
    id::{AccessPointId, ContractId, KeyId},
    reason,
};
use nhipcau_proto::directory::v1 as pb;
use tempfile::TempDir;

use super::*;
use crate::notify::Notice;

/// Midnight of a day in November.
pub(crate) fn at(hour: i64) -> Timestamp {
    "2026-11-23T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(hour)
}

fn pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

fn key(text: &str) -> KeyId {
    KeyId::new(text).unwrap()
}

fn unit(name: &str) -> UnitRef {
    UnitRef { party: PartyId::new("hanoi").unwrap(), unit: UnitId::new(name).unwrap() }
}

/// A release in which `hanoi` signs with the key of a seed and serves two wards.
fn release(seed: u8) -> Release {
    let pairs = [1, 2, 3].map(pair);
    let roles = [SignerRole::Party, SignerRole::Party, SignerRole::ProgrammeOffice];
    let signers: Vec<_> = pairs
        .iter()
        .zip(roles)
        .enumerate()
        .map(|(n, (pair, role))| Signer {
            id: key(&format!("root-{n}")),
            holder: format!("holder-{n}").into(),
            role,
            public: authoring::public_key(pair),
        })
        .collect();
    let root = TrustedRoot::new("test", 1, &signers).unwrap();
    let long = Validity { start: at(-1000), expire: Some(at(9000)) };
    let (party, me) = (PartyId::new("hanoi").unwrap(), AccessPointId::new("hanoi").unwrap());
    let contract: ContractId = "nhipcau.referral.v1".parse().unwrap();
    let mut builder = authoring::ReleaseBuilder::new(&root, at(-1000), at(9000))
        .contract(&contract, 1)
        .party(&party, ("Hà Nội", "Hà Nội"), long)
        .access_point(&me, &party, &[&party])
        .signing_key(&me, &key("s-1"), authoring::public_key(&pair(seed)), long)
        .host(&party, None, &me, &[&contract]);
    for name in ["cua-nam", "ba-dinh"] {
        builder = builder.unit(&party, &unit(name).unit, ("Phường", "Ward"), long);
    }
    let signed = builder.signed(&[(&key("root-0"), &pairs[0]), (&key("root-2"), &pairs[2])]);
    Release::verify(&signed, &root, None).unwrap()
}

fn person(person: &str, channel: &str, address: &str) -> pb::DutyPerson {
    pb::DutyPerson { person: person.into(), role: "officer".into(), channel: channel.into(), address: address.into() }
}

/// A roster of a unit for a day, signed with the key of a seed.
fn signed(name: &str, version: u64, people: Vec<pb::DutyPerson>, seed: u8) -> Vec<u8> {
    signed_for(name, version, vec![shift((0, 24), people)], seed)
}

fn shift((from, until): (i64, i64), people: Vec<pb::DutyPerson>) -> pb::Shift {
    let time = |hour| Some(prost_types::Timestamp { seconds: at(hour).as_second(), nanos: 0 });
    pb::Shift { start_time: time(from), end_time: time(until), people }
}

fn signed_for(name: &str, version: u64, shifts: Vec<pb::Shift>, seed: u8) -> Vec<u8> {
    let roster = pb::Roster {
        format: 1,
        programme: "test".into(),
        access_point: "hanoi".into(),
        unit: Some(pb::UnitRef { party: "hanoi".into(), unit: name.into() }),
        version,
        signing_key: "s-1".into(),
        shifts,
    };
    duty::signed(&roster, |kind, bytes| pair(seed).sign(&nhipcau_domain::pae::pae(&[kind, bytes])).as_ref().to_vec())
}

fn ward(version: u64) -> Vec<u8> {
    signed("cua-nam", version, vec![person("cb-17", "sms", "+84 900 000 017")], 9)
}

/// The roster of a unit in which those whom notices are for are on duty, and nobody else.
pub(crate) fn of_all(notices: &[Notice]) -> Rosters {
    let (home, release) = (tempfile::tempdir().unwrap(), release(9));
    let people = notices.iter().map(|it| person(it.person.as_str(), &it.channel, it.address.expose())).collect();
    install(home.path(), &signed(notices[0].unit.unit.as_str(), 1, people, 9), by(&release), at(8)).unwrap();
    load(&home, &release, None).0
}

/// The roster of a ward where `cb-17` is on duty between two hours of a day, each time at an address.
pub(crate) fn of_shifts(shifts: &[((i64, i64), &str)]) -> Rosters {
    let (home, release) = (tempfile::tempdir().unwrap(), release(9));
    let shifts = shifts.iter().map(|(time, address)| shift(*time, vec![person("cb-17", "sms", address)])).collect();
    install(home.path(), &signed_for("cua-nam", 1, shifts, 9), by(&release), at(8)).unwrap();
    load(&home, &release, None).0
}

static HANOI: LazyLock<AccessPointId> = LazyLock::new(|| AccessPointId::new("hanoi").unwrap());

fn by(release: &Release) -> Reader<'_> {
    Reader { access_point: &HANOI, release }
}

fn load(home: &TempDir, release: &Release, before: Option<&Rosters>) -> (Rosters, Vec<Error>) {
    Rosters::load(home.path(), by(release), before, at(8))
}

fn version(rosters: &Rosters, name: &str) -> Option<Option<u64>> {
    rosters.of(&unit(name)).map(|roster| roster.map(Roster::version))
}

fn put(home: &TempDir, name: &str, bytes: &[u8]) {
    private_file::replace(&home.path().join(name), bytes).unwrap();
}

#[test]
fn a_roster_is_installed_read_again_and_followed_by_newer_ones_only() {
    let (home, release) = (tempfile::tempdir().unwrap(), release(9));
    let place = home.path().join("rosters");
    let (none, refused) = Rosters::load(&place, by(&release), None, at(8));
    assert!(refused.is_empty() && none.of(&unit("cua-nam")).is_none(), "no directory, no rosters");
    install(&place, &ward(2), by(&release), at(8)).unwrap();
    let (rosters, refused) = Rosters::load(&place, by(&release), None, at(8));
    assert!(refused.is_empty());
    assert_eq!((version(&rosters, "cua-nam"), version(&rosters, "ba-dinh")), (Some(Some(2)), None));
    assert!(rosters.differing(&none).eq([&unit("cua-nam")]), "it has one now");
    let (again, _) = Rosters::load(&place, by(&release), Some(&rosters), at(8));
    assert_eq!(again.differing(&rosters).count(), 0, "read again, and the same");
    let file = place.join("hanoi.cua-nam.roster");
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    let Error::Refused { source, .. } = install(&place, &ward(1), by(&release), at(8)).unwrap_err() else { panic!() };
    assert_eq!(source.reason(), reason::ROSTER_INVALID);
    let Error::Refused { source, .. } = install(&place, b"none", by(&release), at(8)).unwrap_err() else { panic!() };
    assert_eq!(source.reason(), reason::ROSTER_MALFORMED);
    assert_eq!(fs::read(&file).unwrap(), ward(2), "the one in use is there still");
    install(&place, &ward(2), by(&release), at(8)).unwrap();
    install(&place, &ward(3), by(&release), at(8)).unwrap();
    let (newer, _) = Rosters::load(&place, by(&release), Some(&rosters), at(8));
    assert_eq!(version(&newer, "cua-nam"), Some(Some(3)));
    assert!(newer.differing(&rosters).eq([&unit("cua-nam")]), "it has another");
}

#[test]
fn a_file_that_is_refused_leaves_the_roster_in_use() {
    let (home, release) = (tempfile::tempdir().unwrap(), release(9));
    put(&home, "hanoi.cua-nam.roster", &ward(2));
    let (rosters, _) = load(&home, &release, None);
    let by_another = signed("cua-nam", 3, vec![person("cb-99", "sms", "x")], 8);
    for bytes in [b"none".to_vec(), ward(1), by_another, signed("ba-dinh", 3, vec![person("a", "b", "c")], 9)] {
        put(&home, "hanoi.cua-nam.roster", &bytes);
        let (kept, refused) = load(&home, &release, Some(&rosters));
        assert_eq!((version(&kept, "cua-nam"), refused.len()), (Some(Some(2)), 1));
    }
    put(&home, "hanoi.cua-nam.roster", &ward(3));
    fs::set_permissions(home.path().join("hanoi.cua-nam.roster"), Permissions::from_mode(0o644)).unwrap();
    let (kept, refused) = load(&home, &release, Some(&rosters));
    assert!(matches!(&refused[..], [Error::File { .. }]), "telephone numbers are not for everybody: {refused:?}");
    assert_eq!(version(&kept, "cua-nam"), Some(Some(2)));
    fs::remove_file(home.path().join("hanoi.cua-nam.roster")).unwrap();
    assert_eq!(version(&load(&home, &release, Some(&rosters)).0, "cua-nam"), None, "taken away by a person");
}

#[test]
fn a_directory_that_is_gone_leaves_the_rosters_in_use_and_a_file_that_is_gone_was_taken_away() {
    let (home, release) = (tempfile::tempdir().unwrap(), release(9));
    let [place, elsewhere] = ["rosters", "elsewhere"].map(|name| home.path().join(name));
    let load = |before: Option<&Rosters>| Rosters::load(&place, by(&release), before, at(8));
    install(&place, &ward(1), by(&release), at(8)).unwrap();
    let (rosters, _) = load(None);
    fs::rename(&place, &elsewhere).unwrap();
    let (kept, refused) = load(Some(&rosters));
    assert!(matches!(&refused[..], [Error::List { .. }, ..]), "{refused:?}");
    assert_eq!((version(&kept, "cua-nam"), kept.gone(&rosters).count()), (Some(Some(1)), 0));
    fs::rename(&elsewhere, &place).unwrap();
    fs::remove_file(place.join("hanoi.cua-nam.roster")).unwrap();
    let (rest, refused) = load(Some(&kept));
    assert!(refused.is_empty() && version(&rest, "cua-nam").is_none(), "{refused:?}");
    assert!(rest.gone(&kept).eq([&unit("cua-nam")]), "which is said");
}

#[test]
fn a_roster_that_cannot_be_used_is_another_thing_than_none() {
    let (home, first) = (tempfile::tempdir().unwrap(), release(9));
    put(&home, "hanoi.cua-nam.roster", b"none");
    put(&home, "cua-nam.roster", &ward(1));
    put(&home, "notes.txt", b"for people");
    let (rosters, refused) = load(&home, &first, None);
    assert_eq!((version(&rosters, "cua-nam"), version(&rosters, "ba-dinh")), (Some(None), None));
    assert!(matches!(&refused[..], [Error::Misnamed(_), Error::Refused { .. }]), "{refused:?}");
    // The key that signed it is in the directory no more.
    put(&home, "hanoi.cua-nam.roster", &ward(1));
    let (rosters, _) = load(&home, &first, None);
    assert_eq!(version(&rosters, "cua-nam"), Some(Some(1)));
    assert_eq!(version(&load(&home, &release(8), Some(&rosters)).0, "cua-nam"), Some(None));
}

#[test]
fn none_that_is_older_than_one_that_was_in_use_is_taken_after_a_restart() {
    let (home, release) = (tempfile::tempdir().unwrap(), release(9));
    let place = home.path();
    put(&home, "hanoi.cua-nam.roster", &ward(3));
    load(&home, &release, None).0.remember(place).unwrap();
    let memory = place.join("hanoi.cua-nam.version");
    assert_eq!(
        (fs::read_to_string(&memory).unwrap().as_str(), fs::metadata(&memory).unwrap().mode() & 0o777),
        ("3\n", 0o600)
    );
    let not_newer = |refused: &[Error]| match refused {
        [Error::Refused { source, .. }] => assert_eq!(source.reason(), reason::ROSTER_INVALID),
        other => panic!("{other:?}"),
    };
    // As from an old copy.
    put(&home, "hanoi.cua-nam.roster", &ward(2));
    let (rosters, refused) = load(&home, &release, None);
    not_newer(&refused);
    assert_eq!(version(&rosters, "cua-nam"), Some(None));
    rosters.remember(place).unwrap();
    fs::remove_file(place.join("hanoi.cua-nam.roster")).unwrap();
    not_newer(&[install(place, &ward(2), by(&release), at(8)).unwrap_err()]);
    install(place, &ward(3), by(&release), at(8)).unwrap();
    install(place, &ward(4), by(&release), at(8)).unwrap();
    assert_eq!(seen(place, &unit("cua-nam")).unwrap(), 4);
    let (rosters, refused) = load(&home, &release, None);
    assert_eq!((version(&rosters, "cua-nam"), refused.len()), (Some(Some(4)), 0));
    // What cannot be read keeps nothing out; it is said, and made good.
    fs::write(&memory, "four").unwrap();
    let (rosters, refused) = load(&home, &release, None);
    assert!(matches!(&refused[..], [Error::Version(_)]), "{refused:?}");
    rosters.remember(place).unwrap();
    assert_eq!(seen(place, &unit("cua-nam")).unwrap(), 4);
}

#[test]
fn what_is_said_of_rosters_names_nobody() {
    let (home, release) = (tempfile::tempdir().unwrap(), release(9));
    let rude = signed("cua-nam", 0, vec![person("cb-17", "sms", "+84 900 000 017 ")], 9);
    put(&home, "hanoi.cua-nam.roster", &rude);
    let (rosters, refused) = load(&home, &release, None);
    let said: String = refused.iter().map(|error| format!("{error} {error:?} {rosters:?}")).collect();
    assert!(!said.contains("900") && !said.contains("cb-17"), "{said}");
}

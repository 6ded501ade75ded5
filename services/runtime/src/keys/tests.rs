//! Key files on a real disk: what is read back, what is refused, what never happens twice.

use std::os::unix::fs::PermissionsExt as _;

use nhipcau_domain::pseudonym::Identifier;
use nhipcau_messaging::SystemEntropy;

use super::*;

fn id(text: &str) -> KeyId {
    KeyId::new(text).unwrap()
}

fn generated(home: &Path) -> (PathBuf, PathBuf, Public) {
    let (keys, kek) = (home.join("keys"), home.join("kek"));
    let ids = [&id("s-1"), &id("e-1"), &id("2026-11")];
    let public = generate(&keys, &kek, ids, &mut SystemEntropy).unwrap();
    (keys, kek, public)
}

#[test]
fn generated_keys_are_loaded_again() {
    let home = tempfile::tempdir().unwrap();
    let (keys, kek, public) = generated(home.path());
    let ring = load(&keys, &kek).unwrap();
    assert_eq!((ring.signing.id(), ring.signing.public()), (&id("s-1"), public.signing));
    assert_eq!(seal::public_key(&ring.sealing[0].private).unwrap(), public.sealing);
    assert_eq!(ring.kek.len(), 1);
    assert_ne!(ring.id_key, [0; 32]);
}

#[test]
fn further_epochs_and_months_are_added_and_the_last_month_is_last() {
    let home = tempfile::tempdir().unwrap();
    let (keys, kek, _) = generated(home.path());
    add_sealing_key(&keys, &id("e-2"), &mut SystemEntropy).unwrap();
    add_key_encryption_key(&kek, &id("2027-01"), &mut SystemEntropy).unwrap();
    add_key_encryption_key(&kek, &id("2026-12"), &mut SystemEntropy).unwrap();
    let ring = load(&keys, &kek).unwrap();
    assert_eq!(ring.sealing.len(), 2);
    assert_eq!(ring.kek.iter().map(|kek| kek.id.as_str()).collect::<Vec<_>>(), ["2026-11", "2026-12", "2027-01"]);
}

#[test]
fn a_key_encryption_key_is_destroyed_and_never_the_newest() {
    let home = tempfile::tempdir().unwrap();
    let (_, kek, _) = generated(home.path());
    assert!(matches!(retire_key_encryption_key(&kek, &id("2026-11")), Err(Error::Newest(_))));
    add_key_encryption_key(&kek, &id("2026-12"), &mut SystemEntropy).unwrap();
    retire_key_encryption_key(&kek, &id("2026-11")).unwrap();
    let left = key_encryption_keys(&kek).unwrap();
    assert_eq!(left.iter().map(|kek| kek.id.as_str()).collect::<Vec<_>>(), ["2026-12"]);
    assert!(matches!(retire_key_encryption_key(&kek, &id("2026-11")), Err(Error::File { .. })));
}

#[test]
fn alarm_keys_of_each_party_lie_apart_and_the_last_is_last() {
    let home = tempfile::tempdir().unwrap();
    let (keys, _, _) = generated(home.path());
    let [moh, vwu] = ["moh", "vwu"].map(|party| PartyId::new(party).unwrap());
    assert!(alarm_keys(&keys, &moh).unwrap().is_empty());
    // A process that was killed before the key was there has left an empty directory.
    private_file::create_directory(&keys.join("alarm/moh")).unwrap();
    assert!(alarm_keys(&keys, &moh).unwrap().is_empty());
    for name in ["a-2", "a-1"] {
        add_alarm_key(&keys, &moh, &id(name), &mut SystemEntropy).unwrap();
    }
    assert!(matches!(add_alarm_key(&keys, &moh, &id("a-1"), &mut SystemEntropy), Err(Error::File { .. })));
    let names = alarm_keys(&keys, &moh).unwrap().into_iter().map(|(name, _)| name);
    assert_eq!(names.collect::<Vec<_>>(), [id("a-1"), id("a-2")]);
    assert!(alarm_keys(&keys, &vwu).unwrap().is_empty());
    let path = keys.join("alarm/moh/a-1.key");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(alarm_keys(&keys, &moh), Err(Error::File { .. })), "one that others may read is not passed over");
}

#[test]
fn of_pseudonym_keys_the_last_two_of_a_party_find_and_the_last_records() {
    let home = tempfile::tempdir().unwrap();
    let (keys, _, _) = generated(home.path());
    let [moh, vwu] = ["moh", "vwu"].map(|party| PartyId::new(party).unwrap());
    assert!(pseudonym_keys(&keys, &moh).unwrap().is_empty());
    let caller = Identifier::phone("0912345678").unwrap();
    let found = |keys_of: &PartyId| -> Vec<_> {
        pseudonym_keys(&keys, keys_of).unwrap().iter().map(|key| key.of(&caller)).collect()
    };
    let mut newest = Vec::new();
    for name in ["p-1", "p-2", "p-3"] {
        add_pseudonym_key(&keys, &moh, &id(name), &mut SystemEntropy).unwrap();
        newest.extend(found(&moh).last().copied());
    }
    assert_eq!(found(&moh), newest[1..]);
    assert!(found(&vwu).is_empty(), "another party finds nobody by them");
    let again = add_pseudonym_key(&keys, &moh, &id("p-3"), &mut SystemEntropy);
    assert!(matches!(again, Err(Error::File { .. })), "none is written over another");
    let path = keys.join("pseudonym/moh/p-3.key");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(pseudonym_keys(&keys, &moh), Err(Error::File { .. })), "none is used that others may read");
}

#[test]
fn keys_are_never_overwritten() {
    let home = tempfile::tempdir().unwrap();
    let (keys, kek, _) = generated(home.path());
    let ids = [&id("s-2"), &id("e-2"), &id("2026-12")];
    assert!(matches!(generate(&keys, &kek, ids, &mut SystemEntropy), Err(Error::File { .. })));
    assert_eq!(load(&keys, &kek).unwrap().signing.id(), &id("s-1"));
}

#[test]
fn a_key_that_the_group_may_read_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let (keys, kek, _) = generated(home.path());
    for path in [keys.join("signing.key"), keys.join("sealing/e-1.key"), kek.join("2026-11.key")] {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let refused = load(&keys, &kek).unwrap_err();
        assert!(matches!(refused, Error::File { source: private_file::Error::Open(0o640), .. }), "{refused:?}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

#[test]
fn a_key_of_another_kind_is_refused_and_not_shown() {
    let home = tempfile::tempdir().unwrap();
    let (keys, kek, _) = generated(home.path());
    let path = keys.join("signing.key");
    fs::copy(kek.join("2026-11.key"), &path).unwrap();
    let refused = load(&keys, &kek).unwrap_err();
    assert!(matches!(refused, Error::Form { .. }), "{refused:?}");
    let digits = fs::read_to_string(&path).unwrap().split(' ').nth(2).unwrap().trim().to_owned();
    assert!(!format!("{refused:?} {refused}").contains(&digits));
}

#[test]
fn an_access_point_without_sealing_keys_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let (keys, kek, _) = generated(home.path());
    fs::remove_file(keys.join("sealing/e-1.key")).unwrap();
    assert!(matches!(load(&keys, &kek), Err(Error::None(_))));
}

#[test]
fn the_start_counter_only_rises() {
    let home = tempfile::tempdir().unwrap();
    let number = |opened| next_start(home.path(), opened).unwrap().number;
    assert_eq!([number(0), number(0)], [1, 2]);
    // The file was lost or restored, the store knows better …
    assert_eq!(number(40), 41);
    // … and the other way round.
    assert_eq!(number(3), 42);
    for text in ["many", "", "1 2 3", "7 -1"] {
        fs::write(home.path().join("start"), text).unwrap();
        assert!(matches!(next_start(home.path(), 0), Err(StartError::Form)), "{text}");
    }
}

#[test]
fn a_store_that_was_put_back_is_known_by_how_often_it_was_opened() {
    let home = tempfile::tempdir().unwrap();
    let is_put_back = |opened| next_start(home.path(), opened).unwrap().is_put_back;
    assert_eq!([is_put_back(1), is_put_back(2), is_put_back(5)], [false; 3]);
    assert!(is_put_back(5), "a copy of before the last start");
    assert!(!is_put_back(6), "from there on it is the store");
    assert!(is_put_back(2));
    fs::write(home.path().join("start"), "900").unwrap();
    assert!(!is_put_back(3), "an operator wrote the number");
}

//! What a sandbox promises on disk. That it runs is shown by `make sandbox`, `make demo` and the tests of processes.

use std::{collections::BTreeMap, os::unix::fs::PermissionsExt as _, path::Path};

use jiff::Timestamp;
use nhipcau_runtime::{config::Config, directory, keys};

use super::{
    error::Error,
    plan::MEMBERS,
    world::{Found, World},
};
use crate::client::Profile;

fn now() -> Timestamp {
    "2026-11-23T08:00:00Z".parse().unwrap()
}

#[test]
fn every_access_point_of_a_new_sandbox_could_start() {
    let here = tempfile::tempdir().unwrap();
    let (world, found) = World::open(&here.path().join("sandbox"), now()).unwrap();
    assert_eq!(found, Found::Made);
    for member in MEMBERS {
        let access_point = world.access_point(member.name).unwrap();
        let config = Config::load(Some(&world.path(&access_point.config)), &BTreeMap::new()).unwrap();
        config.check_files().unwrap();
        let ring = keys::load(&config.keys.directory, &config.keys.kek).unwrap();
        let release = directory::load(&config.directory, now(), false).unwrap();
        let name = member.name.parse().unwrap();
        let key = release.signing_key(&name, ring.signing.id()).unwrap();
        assert_eq!(key.public, ring.signing.public());
        assert!(release.sealing_key(&name, now()).is_some());
        for table in release.attachments() {
            directory::attachment(&config.directory, &release, table).unwrap();
        }
        let profile = Profile::read(&world.path(&access_point.profile)).unwrap();
        assert_eq!(profile.system().to_string(), member.system_name());
        assert_eq!(profile.endpoint(), access_point.grpc);
    }
}

#[test]
fn a_sandbox_is_kept_when_it_is_opened_again() {
    let here = tempfile::tempdir().unwrap();
    let home = here.path().join("sandbox");
    let (made, _) = World::open(&home, now()).unwrap();
    let (kept, found) = World::open(&home, now()).unwrap();
    assert_eq!(found, Found::Kept);
    assert_eq!(kept.endpoints(), made.endpoints());
    let held = kept.hold().unwrap();
    assert!(matches!(made.hold(), Err(Error::InUse)));
    drop(held);
    assert!(made.hold().is_ok());
}

#[test]
fn a_sandbox_is_neither_made_over_other_files_nor_moved() {
    let here = tempfile::tempdir().unwrap();
    std::fs::write(here.path().join("letter"), "mine").unwrap();
    assert!(matches!(World::open(here.path(), now()), Err(Error::Occupied(_))));
    let (old, new) = (here.path().join("old"), here.path().join("new"));
    World::open(&old, now()).unwrap();
    std::fs::rename(&old, &new).unwrap();
    assert!(matches!(World::open(&new, now()), Err(Error::Moved { .. })));
    assert!(matches!(World::open(&here.path().join("a\"b"), now()), Err(Error::Path(_))));
}

#[test]
fn no_secret_of_a_sandbox_is_open_to_others() {
    let here = tempfile::tempdir().unwrap();
    let (world, _) = World::open(&here.path().join("sandbox"), now()).unwrap();
    let mut secrets = Vec::new();
    walk(world.home(), &mut |path| {
        let text = std::fs::read(path).unwrap();
        let is_secret = [
            &b"PRIVATE KEY"[..],
            b"nhipcau-signing/1",
            b"nhipcau-sealing/1",
            b"nhipcau-id/1",
            b"nhipcau-kek/1",
            b"nhipcau-signer/1",
        ]
        .iter()
        .any(|mark| text.windows(mark.len()).any(|window| window == *mark))
            || path.extension().is_some_and(|extension| extension == "nk");
        if is_secret {
            let mode = std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{}", path.display());
            secrets.push(path.to_owned());
        }
    });
    // Per access point: signing, sealing, id, kek, two certificates' keys, login, and its system's; the broker's two
    // keys and the operator's login; two authorities; three signers.
    assert_eq!(secrets.len(), 4 * 8 + 3 + 2 + 3, "{secrets:#?}");
}

fn walk(directory: &Path, see: &mut impl FnMut(&Path)) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, see) } else { see(&path) }
    }
}

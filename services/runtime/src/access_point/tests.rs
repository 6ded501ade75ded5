//! An access point over generated keys and a signed directory, with a broker that cannot be reached.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt as _};

use aws_lc_rs::signature::Ed25519KeyPair;
use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::{
    directory::{Signer, SignerRole, TrustedRoot, Validity, authoring},
    id::{KeyId, PartyId},
};
use nhipcau_messaging::store::Value;
use tempfile::TempDir;

use super::*;
use crate::metrics::registry;

const TABLES: &str = "CREATE TABLE IF NOT EXISTS probe_note (text TEXT NOT NULL);";

fn id(text: &str) -> KeyId {
    KeyId::new(text).unwrap()
}

fn now() -> Timestamp {
    "2026-11-23T08:00:00Z".parse().unwrap()
}

/// The home of the access point `moh` with keys, a directory and a login.
pub(crate) struct Home {
    directory: TempDir,
    pub(crate) config: Config,
    root: TrustedRoot,
    pairs: Vec<Ed25519KeyPair>,
    builder: authoring::ReleaseBuilder,
}

impl Home {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path();
        let ids = [&id("s-1"), &id("e-1"), &id("2026-11")];
        let public = keys::generate(&home.join("keys"), &home.join("kek"), ids, &mut SystemEntropy).unwrap();
        let pairs: Vec<_> = [1, 2, 3].map(|n| Ed25519KeyPair::from_seed_unchecked(&[n; 32]).unwrap()).into();
        let roles = [SignerRole::Party, SignerRole::Party, SignerRole::ProgrammeOffice];
        let signers: Vec<_> = pairs
            .iter()
            .zip(roles)
            .enumerate()
            .map(|(n, (pair, role))| Signer {
                id: id(&format!("root-{n}")),
                holder: format!("holder-{n}").into(),
                role,
                public: authoring::public_key(pair),
            })
            .collect();
        let root = TrustedRoot::new("test", 1, &signers).unwrap();
        let year = SignedDuration::from_hours(24 * 365);
        let long = Validity { start: now() - year, expire: Some(now() + year) };
        let (party, me) = (PartyId::new("moh").unwrap(), AccessPointId::new("moh").unwrap());
        let builder = authoring::ReleaseBuilder::new(&root, now() - year, now() + year)
            .party(&party, ("Bộ Y tế", "Ministry of Health"), long)
            .access_point(&me, &party, &[&party])
            .signing_key(&me, &id("s-1"), public.signing, long)
            .sealing_key(&me, &id("e-1"), public.sealing, long);
        let text = format!(
            "[access_point]\nname = \"moh\"\nhome = {:?}\n[directory]\nfingerprint = \"{}\"\n[broker]\n\
             servers = [\"tls://127.0.0.1:1\"]\nroot_certificates = \"nats-ca.pem\"\nnkey = \"nats.nk\"\n",
            home.display().to_string(),
            root.fingerprint(),
        );
        let config = Config::parse(Some(&text), &BTreeMap::new()).unwrap();
        let seed = "SUAKX23JS7BWORRBVQ4EOMCVGRYNOFWC6ONYPQNPOVJF4C2XCGL665XJOI";
        private_file::create(&home.join("nats.nk"), seed.as_bytes()).unwrap();
        let authority = rcgen::CertificateParams::default();
        let authority = authority.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        fs::write(home.join("nats-ca.pem"), authority.pem()).unwrap();
        let made = Self { directory, config, root, pairs, builder };
        made.write("0001.release", &made.builder);
        made
    }

    fn write(&self, name: &str, builder: &authoring::ReleaseBuilder) {
        let signed = builder.signed(&[(&id("root-0"), &self.pairs[0]), (&id("root-2"), &self.pairs[2])]);
        let releases = self.directory.path().join("directory/releases");
        fs::create_dir_all(&releases).unwrap();
        fs::write(releases.join(name), signed).unwrap();
    }

    pub(crate) fn load(&self) -> Result<Loaded, Error> {
        self.load_at(now())
    }

    fn load_at(&self, at: Timestamp) -> Result<Loaded, Error> {
        Loaded::load(&self.config, &Clock::new(move || at))
    }

    pub(crate) async fn start(&self) -> AccessPoint {
        let part = Part { tables: vec![TABLES], handlers: Vec::new() };
        self.load().unwrap().start(vec![part], &mut registry()).await.unwrap()
    }
}

#[tokio::test]
async fn what_was_written_is_read_and_is_there_after_a_restart() {
    let home = Home::new();
    for texts in [&["one"] as &[&str], &["one", "one"]] {
        let running = home.start().await;
        let insert = |tx: &mut store::Tx<'_>| tx.execute("INSERT INTO probe_note (text) VALUES ($1)", &["one".into()]);
        running.handle().call(move |tx, _, _| insert(tx)).await.unwrap();
        let readers = running.readers();
        let read = readers.read(|tx| tx.query("SELECT text FROM probe_note", &[], |row| row.text(0)));
        assert_eq!(read.await.unwrap(), texts);
        running.stop(Duration::from_secs(10)).await.unwrap();
    }
    assert_eq!(fs::read_to_string(home.directory.path().join("keys/start")).unwrap().trim(), "3 2");
}

#[tokio::test]
async fn a_second_process_on_the_store_is_refused_and_disturbs_nothing() {
    let home = Home::new();
    let running = home.start().await;
    assert!(matches!(home.load().err(), Some(Error::InUse)));
    let handle = running.handle();
    let insert =
        |tx: &mut store::Tx<'_>| tx.execute("INSERT INTO probe_note (text) VALUES ($1)", &[Value::Text("one")]);
    handle.call(move |tx, _, _| insert(tx)).await.unwrap();
    running.stop(Duration::from_secs(10)).await.unwrap();
    assert!(home.load().is_ok());
}

#[tokio::test]
async fn a_newer_release_is_taken_into_use_and_a_forged_one_is_not() {
    let home = Home::new();
    let running = home.start().await;
    let mut releases = running.releases();
    let first = Arc::clone(&releases.borrow_and_update());
    let year = SignedDuration::from_hours(24 * 365);
    home.write("0002.release", &authoring::ReleaseBuilder::after(&first, now(), now() + year));
    let reloader = running.reloader();
    let newer = reloader.newer().unwrap().unwrap();
    assert_eq!(releases.borrow().version(), 1);
    reloader.install(newer).await.unwrap();
    releases.changed().await.unwrap();
    assert_eq!(releases.borrow_and_update().version(), 2);
    assert!(reloader.newer().unwrap().is_none());

    fs::write(home.directory.path().join("directory/releases/0003.release"), b"forged").unwrap();
    assert!(matches!(reloader.newer(), Err(Error::Directory(directory::Error::Refused { .. }))));
    assert_eq!(releases.borrow().version(), 2);
    running.stop(Duration::from_secs(10)).await.unwrap();
}

#[test]
fn another_root_than_the_one_compared_is_refused() {
    let mut home = Home::new();
    home.config.directory.fingerprint = "00".repeat(32).parse().unwrap();
    let refused = home.load().err();
    assert!(matches!(refused, Some(Error::Directory(directory::Error::Refused { .. }))), "{refused:?}");
}

#[test]
fn trust_does_not_begin_with_an_expired_release_but_goes_on_with_one() {
    let home = Home::new();
    let late = now() + SignedDuration::from_hours(24 * 500);
    for _ in 0..2 {
        assert!(matches!(home.load_at(late).err(), Some(Error::Directory(directory::Error::Refused { .. }))));
    }
    drop(home.load().unwrap());
    assert!(home.load_at(late).is_ok());
    assert_eq!(home.root.version(), 1);
}

#[test]
fn a_directory_without_a_release_is_refused() {
    let home = Home::new();
    fs::remove_file(home.directory.path().join("directory/releases/0001.release")).unwrap();
    assert!(matches!(home.load().err(), Some(Error::Directory(directory::Error::None(_)))));
}

#[test]
fn a_table_is_read_only_if_the_release_vouches_for_it() {
    let home = Home::new();
    let attachments = home.directory.path().join("directory/attachments");
    fs::create_dir_all(&attachments).unwrap();
    fs::write(attachments.join("areas.csv"), "code,name\n").unwrap();
    let release = directory::load(&home.config.directory, now(), false).unwrap();
    for name in ["areas.csv", "../../keys/signing.key"] {
        let refused = directory::attachment(&home.config.directory, &release, name).unwrap_err();
        assert!(matches!(refused, directory::Error::Refused { .. }), "{refused:?}");
    }
}

#[test]
fn open_keys_keep_the_access_point_from_starting() {
    let home = Home::new();
    let path = home.directory.path().join("keys/signing.key");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(home.load().err(), Some(Error::Keys(_))));
    assert!(!home.directory.path().join("keys/start").exists());
}

//! The way of a release through files: drawn up from a source, signed, verified, installed, succeeded, revoked — and
//! refused wherever it must be.

mod refused;
mod routing;
mod source;

use std::{
    fs,
    path::{Path, PathBuf},
};

use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::{
    directory::{self as rules, Release, TrustedRoot},
    id::KeyId,
};
use nhipcau_messaging::SystemEntropy;
use nhipcau_runtime::config;
use tempfile::TempDir;

use super::{
    author::{Before, draw_up},
    files,
    install::{Installed, install, verify},
    key_file::{Kind, OfflineKey, PublicSigner, Role},
    problem::Problems,
    release, revoke,
    root::RootFile,
    show::Summary,
    source::Source,
    *,
};

const SIGNING: &str = "1111111111111111111111111111111111111111111111111111111111111111";
const SEALING: &str = "2222222222222222222222222222222222222222222222222222222222222222";

fn id(text: &str) -> KeyId {
    text.parse().unwrap()
}

fn day(n: i64) -> Timestamp {
    "2026-11-01T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(24 * n)
}

/// A programme office with three signers, a source, and an access point's directory.
struct Office {
    here: TempDir,
    keys: Vec<OfflineKey>,
    root: TrustedRoot,
}

impl Office {
    fn new() -> Self {
        let here = tempfile::tempdir().unwrap();
        let roles = [
            ("moh-1", "moh", Role::Party),
            ("vwu-1", "vwu", Role::Party),
            ("office-1", "office", Role::ProgrammeOffice),
        ];
        let mut keys = Vec::new();
        let mut signers = Vec::new();
        for (name, holder, role) in roles {
            let (_, path) =
                OfflineKey::generate(&here.path().join("signers"), Kind::Signer, &id(name), &mut SystemEntropy)
                    .unwrap();
            let key = OfflineKey::read(&path, Kind::Signer).unwrap();
            signers.push(PublicSigner::of(&key, holder, role));
            keys.push(key);
        }
        let path = here.path().join("root.toml");
        files::write(&path, RootFile::new("trial", 1, signers).text().unwrap()).unwrap();
        let office = Self { root: RootFile::read(&path).unwrap(), here, keys };
        office.write_source();
        office
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.here.path().join(relative)
    }

    fn write(&self, file: &str, text: &str) {
        files::write(&self.path("source").join(file), text).unwrap();
    }

    /// Puts one text in place of another in a file of the source.
    fn change(&self, file: &str, from: &str, to: &str) {
        let path = self.path("source").join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} does not contain {from}");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    fn write_source(&self) {
        self.write(
            "programme.toml",
            "programme = \"trial\"\nexpire_time = 2027-01-30T00:00:00Z\n\
             [[contract]]\ncontract = \"nhipcau.referral.v1\"\nminor = 0\n",
        );
        self.write(
            "parties.toml",
            "[[party]]\nparty = \"moh\"\nnames = { vi = \"Bộ Y tế\" }\nstart_time = 2025-03-01T00:00:00+07:00\n\
             hostings = [{ access_point = \"moh\", contracts = [\"nhipcau.referral.v1\"] }]\n\
             [[party]]\nparty = \"vwu\"\nnames = { vi = \"Hội\", en = \"Union\" }\nstart_time = 2025-03-01T00:00:00+07:00\n",
        );
        self.write(
            "access-points.toml",
            &format!(
                "[[access_point]]\naccess_point = \"moh\"\noperator_party = \"moh\"\nparties = [\"moh\"]\n\
                 signing_keys = [{{ key_id = \"s-1\", public_key = \"{SIGNING}\", start_time = 2026-10-01T00:00:00Z, \
                 expire_time = 2027-10-01T00:00:00Z }}]\n\
                 sealing_keys = [{{ key_id = \"e-1\", public_key = \"{SEALING}\", start_time = 2026-10-01T00:00:00Z, \
                 expire_time = 2027-10-01T00:00:00Z }}]\n"
            ),
        );
        self.write(
            "units.toml",
            "[[unit]]\nparty = \"moh\"\nunit = \"111\"\nnames = { vi = \"Tổng đài 111\" }\n\
             start_time = 2025-03-01T00:00:00+07:00\nareas = [\"01@VN-34-2026\"]\nservices = [\"hotline\"]\n",
        );
        self.write(
            "agreements.toml",
            "[[agreement]]\nsender_party = \"moh\"\ncontract = \"nhipcau.referral.v1\"\nrecipient_party = \"vwu\"\n\
             purpose = \"protection\"\nstart_time = 2026-01-01T00:00:00Z\n",
        );
        self.write(
            "tables/versions.csv",
            "version,valid_from,valid_until,basis,name_vi,name_en\nVN-34-2026,2026-04-30,,Resolution,Sau,After\n",
        );
        self.write(
            "tables/units.csv",
            "code,level,parent,kind,name,valid_from,valid_until\n01,province,,city,Thành phố Hà Nội,2025-07-01,\n",
        );
    }

    fn draw_up(&self, before: &Before<'_>, out: &str) -> Result<PathBuf, Problems> {
        let mut problems = Problems::default();
        let source = Source::read(&self.path("source"), &mut problems);
        let draft = draw_up(source, before, day(0), problems)?;
        let path = self.path(out);
        draft.write(&path).unwrap();
        Ok(path)
    }

    fn sign(&self, path: &Path, key: usize) {
        let signed = release::sign(path, None, &self.keys[key]).unwrap();
        fs::write(path, signed).unwrap();
    }

    /// Release 1, signed by two.
    fn first(&self) -> PathBuf {
        let path = self.draw_up(&Before::Root(&self.root), "out/1.release").unwrap();
        self.sign(&path, 0);
        self.sign(&path, 2);
        path
    }

    /// Release 2 as the source now says, signed by two.
    fn second(&self, first: &Path) -> PathBuf {
        let first = release::read(first).unwrap();
        let path = self.draw_up(&Before::Release(&first, None), "out/2.release").unwrap();
        self.sign(&path, 1);
        self.sign(&path, 2);
        path
    }

    fn place(&self) -> config::Directory {
        config::Directory { path: self.path("moh/directory"), fingerprint: self.root.fingerprint() }
    }

    fn install(&self, path: &Path) -> Result<Installed, Error> {
        install(path, &self.place(), day(1))
    }
}

#[test]
fn a_release_goes_from_its_source_to_an_access_point() {
    let office = Office::new();
    let path = office.first();
    assert_eq!(office.install(&path).unwrap(), Installed::Release { version: 1, tables: 2 });
    assert_eq!(office.install(&path).unwrap(), Installed::Known(1));
    let release: Release = verify(&office.place(), day(1)).unwrap();
    let unit = release.unit(&"moh".parse().unwrap(), &"111".parse().unwrap()).unwrap();
    assert_eq!(&*unit.names.vi, "Tổng đài 111");
    assert_eq!(&*unit.areas[0].code, "01");
    assert!(release.allows(
        &"moh".parse().unwrap(),
        &"nhipcau.referral.v1".parse().unwrap(),
        &"vwu".parse().unwrap(),
        &"protection".parse().unwrap(),
        day(1)
    ));
}

#[test]
fn the_next_release_follows_and_says_what_changes() {
    let office = Office::new();
    let first = office.first();
    office.install(&first).unwrap();
    office.change("agreements.toml", "protection", "training");
    let second = office.second(&first);
    assert_eq!(office.install(&second).unwrap(), Installed::Release { version: 2, tables: 0 });
    assert_eq!(verify(&office.place(), day(1)).unwrap().version(), 2);

    let summary = |path: &Path| Summary::of(&fs::read(path).unwrap(), day(1)).unwrap();
    let changes = summary(&second).changes(&summary(&first)).to_string();
    assert!(changes.contains("- agreements: moh → vwu: nhipcau.referral.v1 for protection"), "{changes}");
    assert!(changes.contains("+ agreements: moh → vwu: nhipcau.referral.v1 for training"), "{changes}");
    assert_eq!(changes.lines().count(), 3, "{changes}");
}

#[test]
fn a_limit_of_acceptances_is_drawn_up_and_shown() {
    let office = Office::new();
    let first = office.first();
    office.install(&first).unwrap();
    office.change("agreements.toml", "purpose =", "hourly_acceptances = 10\npurpose =");
    let second = office.second(&first);
    office.install(&second).unwrap();
    let limit = verify(&office.place(), day(1)).unwrap().hourly_acceptances(
        &"moh".parse().unwrap(),
        &"nhipcau.referral.v1".parse().unwrap(),
        &"vwu".parse().unwrap(),
        &"protection".parse().unwrap(),
        day(1),
    );
    assert_eq!(limit.map(std::num::NonZeroU32::get), Some(10));
    let shown = Summary::of(&fs::read(&second).unwrap(), day(1)).unwrap().to_string();
    assert!(shown.contains(", at most 10 acceptances an hour without a person"), "{shown}");
}

#[test]
fn signers_sign_copies_that_are_brought_together() {
    let office = Office::new();
    let path = office.draw_up(&Before::Root(&office.root), "out/1.release").unwrap();
    let copy = office.path("out/copy.release");
    fs::copy(&path, &copy).unwrap();
    office.sign(&path, 0);
    office.sign(&copy, 1);
    let merged = release::merge(&path, &[&copy]).unwrap();
    assert_eq!(release::signatures(&merged).unwrap(), (2, 2));
    fs::write(&path, merged).unwrap();
    assert!(office.install(&path).is_ok());
}

#[test]
fn a_root_is_replaced_by_a_release_that_both_roots_sign() {
    let mut office = Office::new();
    let first = office.first();
    office.install(&first).unwrap();
    let (fresh, _) =
        OfflineKey::generate(&office.path("signers"), Kind::Signer, &id("moh-2"), &mut SystemEntropy).unwrap();
    let publics = vec![
        PublicSigner::of(&fresh, "moh", Role::Party),
        PublicSigner::of(&office.keys[1], "vwu", Role::Party),
        PublicSigner::of(&office.keys[2], "office", Role::ProgrammeOffice),
    ];
    let next = RootFile::new("trial", 2, publics).trusted().unwrap();
    office.keys.push(fresh);
    let before = release::read(&first).unwrap();
    let path = office.draw_up(&Before::Release(&before, Some(&next)), "out/2.release").unwrap();
    for (key, lacking) in [
        (0, Some(rules::Error::UnderSigned { valid: 1, needed: 2 })),
        (1, Some(rules::Error::RootUnderSigned { valid: 1, needed: 2 })),
        (3, None),
    ] {
        let signed = release::sign(&path, Some(&before), &office.keys[key]).unwrap();
        assert_eq!(release::lacks(&signed, Some(&before)).unwrap(), lacking);
        fs::write(&path, signed).unwrap();
    }
    assert_eq!(office.install(&path).unwrap(), Installed::Release { version: 2, tables: 0 });
    assert_eq!(verify(&office.place(), day(1)).unwrap().root(), &next);
}

#[test]
fn a_party_alone_revokes_its_own_key() {
    let office = Office::new();
    let (recovery, path) =
        OfflineKey::generate(&office.path("safe"), Kind::Recovery, &id("rescue"), &mut SystemEntropy).unwrap();
    assert!(OfflineKey::read(&path, Kind::Signer).is_err());
    let entry = format!(
        "recovery_keys = [{{ key_id = \"rescue\", public_key = \"{}\" }}]\n[[party]]\nparty = \"vwu\"",
        hex::encode(recovery.public())
    );
    office.change("parties.toml", "[[party]]\nparty = \"vwu\"", &entry);
    let first = office.first();
    office.install(&first).unwrap();
    let what = |party: &str| revoke::What {
        party: party.parse().unwrap(),
        access_point: "moh".parse().unwrap(),
        keys: vec![id("s-1")],
        from: day(1),
    };
    let release = release::read(&first).unwrap();
    assert!(revoke::sign(&release, what("vwu"), &recovery, Kind::Recovery).is_err());
    assert!(revoke::sign(&release, what("moh"), &office.keys[0], Kind::Recovery).is_err());
    let revocation = office.path("out/moh-s-1.revocation");
    files::write(&revocation, revoke::sign(&release, what("moh"), &recovery, Kind::Recovery).unwrap()).unwrap();
    assert!(matches!(office.install(&revocation).unwrap(), Installed::Revocation(_)));
    let release = verify(&office.place(), day(1)).unwrap();
    let key = release.signing_key(&"moh".parse().unwrap(), &id("s-1")).unwrap();
    assert!(!key.usable(day(2)) && key.usable(day(0)));
}

#[test]
fn a_change_of_any_kind_shows_before_signing() {
    let office = Office::new();
    let first = office.first();
    let first = Summary::of(&fs::read(&first).unwrap(), day(1)).unwrap();
    let changes: [(&str, &str, &str); 8] = [
        ("parties.toml", "en = \"Union\"", "en = \"Unions\""),
        (
            "parties.toml",
            "2025-03-01T00:00:00+07:00\n[[party]]",
            "2025-03-01T00:00:00+07:00\nsuccessors = [\"vwu\"]\n[[party]]",
        ),
        ("access-points.toml", SEALING, "3333333333333333333333333333333333333333333333333333333333333333"),
        ("units.toml", "\"hotline\"", "\"hotline\", \"counselling\""),
        ("units.toml", "services", "hours = [{ weekdays = [1], start = \"07:30\", end = \"24:00\" }]\nservices"),
        ("units.toml", "services", "expire_time = 2030-01-01T00:00:00Z\nservices"),
        ("programme.toml", "minor = 0", "minor = 1"),
        ("tables/units.csv", "Thành phố Hà Nội", "Thủ đô Hà Nội"),
    ];
    for (i, (file, from, to)) in changes.into_iter().enumerate() {
        office.write_source();
        if i == 1 {
            office.change(file, "hostings = [{ access_point = \"moh\", contracts = [\"nhipcau.referral.v1\"] }]\n", "");
        }
        office.change(file, from, to);
        let path = office.draw_up(&Before::Root(&office.root), &format!("out-{i}/1.release")).unwrap();
        let changed = Summary::of(&fs::read(&path).unwrap(), day(1)).unwrap().changes(&first).to_string();
        assert!(changed.contains("\n+ "), "{file}: {to} does not show in {changed}");
    }
}

//! The programme office of the sandbox: three signers, a source, and a release that two of them sign — through the very
//! commands that a real one uses.

use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::directory::TrustedRoot;
use nhipcau_messaging::Entropy;
use nhipcau_runtime::{config, keys};

use super::{
    error::Error,
    plan::{CONTRACTS, MEMBERS, PROGRAMME, SIGNERS},
};
use crate::directory::{
    self,
    author::{self, Before},
    files, install,
    key_file::{Kind, OfflineKey, PublicSigner, Role},
    problem::Problems,
    release,
    root::RootFile,
    source::Source,
};

/// A release of the sandbox is good for a year: nobody meets to sign the next one.
const GOOD_FOR: SignedDuration = SignedDuration::from_hours(24 * 365);
/// So that a machine whose clock is a little late takes it all the same.
const BEFORE: SignedDuration = SignedDuration::from_hours(1);

/// What of the source is the same in every sandbox.
const SOURCE: [(&str, &str); 6] = [
    ("parties.toml", include_str!("../../../../deploy/dev/sandbox/parties.toml")),
    ("units.toml", include_str!("../../../../deploy/dev/sandbox/units.toml")),
    ("agreements.toml", include_str!("../../../../deploy/dev/sandbox/agreements.toml")),
    ("statistics.toml", include_str!("../../../../deploy/dev/sandbox/statistics.toml")),
    ("time-limits.toml", include_str!("../../../../deploy/dev/sandbox/time-limits.toml")),
    ("retention.toml", include_str!("../../../../deploy/dev/sandbox/retention.toml")),
];

/// The shipped tables: administrative units and their crosswalk, the structure of figures and its codes.
const TABLES: [(&str, &[u8]); 6] = [
    ("vn-versions.csv", include_bytes!("../../../../deploy/dev/codelists/vn-versions.csv")),
    ("vn-units.csv", include_bytes!("../../../../deploy/dev/codelists/vn-units.csv")),
    ("vn-units-legacy.csv", include_bytes!("../../../../deploy/dev/codelists/vn-units-legacy.csv")),
    ("vn-crosswalk-2025-07-01.csv", include_bytes!("../../../../deploy/dev/codelists/vn-crosswalk-2025-07-01.csv")),
    ("sdg-structure.csv", include_bytes!("../../../../deploy/dev/codelists/sdg-structure.csv")),
    ("sdg-codes.csv", include_bytes!("../../../../deploy/dev/codelists/sdg-codes.csv")),
];

/// The files of the source that another can take the place of.
pub(crate) fn source_files() -> impl Iterator<Item = PathBuf> {
    let tables = TABLES.into_iter().map(|(name, _)| Path::new("tables").join(name));
    SOURCE.into_iter().map(|(name, _)| PathBuf::from(name)).chain(tables)
}

/// The public keys of the access points, in the order of [`MEMBERS`].
pub(super) type PublicKeys = Vec<keys::Public>;

/// Ids of the keys that an access point begins with: signing, sealing.
pub(super) const KEY_IDS: [&str; 2] = ["s-1", "e-1"];

/// Founds the programme below `directory` and gives its root; release 1 lies in `releases/`. Files of `replaced` take
/// the place of those of the same name in the source.
pub(super) fn found(
    directory: &Path,
    replaced: Option<&Path>,
    access_points: &PublicKeys,
    now: Timestamp,
    entropy: &mut dyn Entropy,
) -> Result<TrustedRoot, Error> {
    let source = directory.join("source");
    let own = SOURCE.map(|(name, text)| (PathBuf::from(name), text.as_bytes()));
    let tables = TABLES.map(|(name, bytes)| (Path::new("tables").join(name), bytes));
    for (name, bytes) in own.into_iter().chain(tables) {
        match replaced.map(|directory| directory.join(&name)).filter(|path| path.exists()) {
            Some(path) => files::write(&source.join(name), std::fs::read(&path).map_err(files::Error::read(&path))?)?,
            None => files::write(&source.join(name), bytes)?,
        }
    }
    let (issue, expire) = (now - BEFORE, now + GOOD_FOR);
    files::write(&source.join("programme.toml"), programme(expire))?;
    files::write(&source.join("access-points.toml"), access_points_text(access_points, issue, expire))?;

    let (signers, root) = sign_root(directory, entropy)?;
    let mut problems = Problems::default();
    let read = Source::read(&source, &mut problems);
    let draft = author::draw_up(read, &Before::Root(&root), issue, problems).map_err(directory::Error::Source)?;
    let path = directory.join("releases/1.release");
    draft.write(&path)?;
    for key in signers.iter().take(2) {
        let signed = release::sign(&path, None, key)?;
        files::write(&path, signed)?;
    }
    Ok(root)
}

/// Installs release 1 at an access point.
pub(super) fn bring(programme: &Path, root: &TrustedRoot, directory: &Path, now: Timestamp) -> Result<(), Error> {
    let place = config::Directory { path: directory.to_owned(), fingerprint: root.fingerprint() };
    install::install(&programme.join("releases/1.release"), &place, now)?;
    Ok(())
}

/// What a file of the source says otherwise in the next release.
#[derive(Debug)]
pub(crate) struct Amendment<'a> {
    /// The file.
    pub(crate) file: &'static str,
    /// What it says now; nothing where something is added at its end.
    pub(crate) before: &'a str,
    /// What it says then.
    pub(crate) after: &'a str,
}

/// Amends the source, draws the next release up from it and signs it, and gives its file.
///
/// # Errors
/// Everything that is wrong with it, such as what a source that was brought along does not go together with.
pub(super) fn amend(directory: &Path, amendments: &[Amendment<'_>], now: Timestamp) -> Result<PathBuf, Error> {
    let source = directory.join("source");
    for Amendment { file, before, after } in amendments {
        let text = files::read_text(&source.join(file))?;
        let text = if before.is_empty() { text + after } else { text.replace(before, after) };
        files::write(&source.join(file), text)?;
    }
    let (number, last) = (1..)
        .map(|number: u64| (number, directory.join(format!("releases/{number}.release"))))
        .take_while(|(_, path)| path.exists())
        .last()
        .unwrap_or_default();
    let previous = release::read(&last)?;
    let mut problems = Problems::default();
    let read = Source::read(&source, &mut problems);
    let before = Before::Release(&previous, None);
    let draft = author::draw_up(read, &before, now - BEFORE, problems).map_err(directory::Error::Source)?;
    let path = directory.join(format!("releases/{}.release", number + 1));
    draft.write(&path)?;
    for (id, ..) in SIGNERS.iter().take(2) {
        let key = directory.join(format!("signers/{id}.key"));
        let key = OfflineKey::read(&key, Kind::Signer).map_err(directory::Error::Key)?;
        let signed = release::sign(&path, Some(&previous), &key)?;
        files::write(&path, signed)?;
    }
    Ok(path)
}

fn sign_root(directory: &Path, entropy: &mut dyn Entropy) -> Result<(Vec<OfflineKey>, TrustedRoot), Error> {
    let mut pairs = Vec::new();
    let mut publics = Vec::new();
    for (id, holder, is_office) in SIGNERS {
        let id = id.parse().map_err(|_| directory::Error::SignerForm)?;
        let (key, _) = OfflineKey::generate(&directory.join("signers"), Kind::Signer, &id, entropy)
            .map_err(directory::Error::Key)?;
        let role = if is_office { Role::ProgrammeOffice } else { Role::Party };
        publics.push(PublicSigner::of(&key, holder, role));
        pairs.push(key);
    }
    let root = RootFile::new(PROGRAMME, 1, publics);
    files::write(&directory.join("root.toml"), root.text()?)?;
    Ok((pairs, root.trusted()?))
}

fn programme(expire: Timestamp) -> String {
    let contracts: String = CONTRACTS
        .iter()
        .map(|(contract, minor)| format!("\n[[contract]]\ncontract = \"{contract}\"\nminor = {minor}\n"))
        .collect();
    format!("programme = \"{PROGRAMME}\"\nexpire_time = {}\n{contracts}", whole(expire))
}

fn access_points_text(publics: &PublicKeys, start: Timestamp, expire: Timestamp) -> String {
    let [signing, sealing] = KEY_IDS;
    let (start, expire) = (whole(start), whole(expire));
    let key = |id: &str, public: &[u8; 32]| {
        format!(
            "[{{ key_id = \"{id}\", public_key = \"{}\", start_time = {start}, expire_time = {expire} }}]",
            hex::encode(public)
        )
    };
    let entries = MEMBERS.iter().zip(publics).map(|(member, public)| {
        format!(
            "[[access_point]]\naccess_point = \"{name}\"\noperator_party = \"{name}\"\nparties = [\"{name}\"]\n\
             signing_keys = {}\nsealing_keys = {}\n",
            key(signing, &public.signing),
            key(sealing, &public.sealing),
            name = member.name,
        )
    });
    let entries: Vec<String> = entries.collect();
    entries.join("\n")
}

/// An instant without a fraction of a second.
fn whole(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

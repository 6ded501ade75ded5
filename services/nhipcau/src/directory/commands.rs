//! The commands of `nhipcau directory`: what is asked for on the command line, and what is said when it is done.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use jiff::Timestamp;
use nhipcau_domain::{
    directory::{Fingerprint, Freshness, Release, TrustedRoot},
    id::{AccessPointId, KeyId, PartyId},
};
use nhipcau_messaging::SystemEntropy;
use nhipcau_runtime::{clock::Clock, config};
use serde_json::json;

use super::{
    Error,
    author::{self, Before},
    files,
    install::{self, Installed},
    key_file::{Kind, OfflineKey, PublicSigner, Role},
    problem::Problems,
    release, revoke,
    root::RootFile,
    show::Summary,
    source::Source,
};
use crate::{
    exit::Failure,
    settings,
    terminal::{counted, line, result},
};

/// `key`.
#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// Makes a key, writes DIR/ID.key for its keeper alone, and for a signer DIR/ID.signer to hand on.
    Generate {
        /// Id of the key, unique for ever: 1 to 32 of a-z, 0-9 and '-'.
        #[arg(long)]
        id: KeyId,
        /// Organisation that keeps it; of a signer.
        #[arg(long, required_unless_present = "recovery", conflicts_with = "recovery")]
        holder: Option<String>,
        /// In which role it signs; of a signer.
        #[arg(long, value_enum, required_unless_present = "recovery", conflicts_with = "recovery")]
        role: Option<Role>,
        /// Makes a recovery key instead, with which a party can only revoke its own keys.
        #[arg(long)]
        recovery: bool,
        /// Directory to write into.
        #[arg(long, value_name = "DIR", default_value = ".")]
        out: PathBuf,
    },
}

impl Key {
    pub(super) fn run(self) -> Result<(), Failure> {
        let Self::Generate { id, holder, role, recovery: _, out } = self;
        let entropy = &mut SystemEntropy;
        let (Some(holder), Some(role)) = (holder, role) else {
            let (key, path) = OfflineKey::generate(&out, Kind::Recovery, &id, entropy).map_err(Error::Key)?;
            line(format_args!("{}: keep it offline, in a safe", path.display()))?;
            let entry = format!("{{ key_id = \"{id}\", public_key = \"{}\" }}", hex::encode(key.public()));
            return line(format_args!("recovery_keys = [{entry}]"));
        };
        let (key, path) = OfflineKey::generate(&out, Kind::Signer, &id, entropy).map_err(Error::Key)?;
        let public = PublicSigner::of(&key, &holder, role);
        let text = toml::to_string(&public).map_err(|source| Error::Text(Box::new(source)))?;
        let handed_on = out.join(format!("{id}.signer"));
        files::write(&handed_on, text).map_err(Error::File)?;
        line(format_args!("{}: keep it offline, in a safe", path.display()))?;
        line(format_args!("{}: send it to whoever draws up the root", handed_on.display()))
    }
}

/// `root`.
#[derive(Debug, Subcommand)]
pub(super) enum Root {
    /// Draws up a root from the public halves of three signers. It counts by its fingerprint and by the release that
    /// carries it, which two of them sign.
    Author {
        /// Programme: 1 to 32 of a-z, 0-9 and '-'. Never changes.
        #[arg(long)]
        programme: String,
        /// What a signer handed on, ID.signer; three times.
        #[arg(long = "signer", value_name = "FILE", required = true)]
        signers: Vec<PathBuf>,
        /// Number of the root; rises with every change.
        #[arg(long, default_value_t = 1)]
        number: u64,
        /// File to write.
        #[arg(long, value_name = "FILE", default_value = "root.toml")]
        out: PathBuf,
    },
    /// Shows the fingerprint of a root.toml or of the root in a release, for comparing out of band.
    Fingerprint {
        /// A root.toml or a release.
        file: PathBuf,
    },
}

impl Root {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Author { programme, signers, number, out } => {
                let signers = signers.iter().map(|path| PublicSigner::read(path)).collect::<Result<_, _>>()?;
                let root = RootFile::new(&programme, number, signers);
                files::write(&out, root.text()?).map_err(Error::File)?;
                fingerprint(&root.trusted()?)
            }
            Self::Fingerprint { file } if file.extension().is_some_and(|extension| extension == "toml") => {
                fingerprint(&RootFile::read(&file)?)
            }
            Self::Fingerprint { file } => {
                let bytes = files::read(&file).map_err(Error::File)?;
                fingerprint(&TrustedRoot::claimed(&bytes).map_err(Error::refused(file))?)
            }
        }
    }
}

fn fingerprint(root: &TrustedRoot) -> Result<(), Failure> {
    line(format_args!(
        "root {} of {}; read this to each other by telephone or on paper:",
        root.version(),
        root.programme()
    ))?;
    line(root.fingerprint())
}

/// `author`.
#[derive(Debug, clap::Args)]
pub(super) struct Author {
    /// Directory with the source.
    #[arg(long, value_name = "DIR")]
    source: PathBuf,
    /// The release before; left out for the first.
    #[arg(long, value_name = "RELEASE", required_unless_present = "root")]
    previous: Option<PathBuf>,
    /// The first root; beside --previous, the root that replaces the one before.
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// When it is drawn up; now when left out.
    #[arg(long, value_name = "TIME")]
    issue_time: Option<Timestamp>,
    /// File to write; the tables go into attachments/ beside it.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Author {
    pub(super) fn run(self) -> Result<(), Failure> {
        let root = self.root.as_deref().map(RootFile::read).transpose()?;
        let previous = self.previous.as_deref().map(release::read).transpose()?;
        let before = match (&previous, &root) {
            (Some(previous), root) => Before::Release(previous, root.as_ref()),
            (None, Some(root)) => Before::Root(root),
            (None, None) => return Err(Error::Argument("name --root or --previous".to_owned()).into()),
        };
        let mut problems = Problems::default();
        let source = Source::read(&self.source, &mut problems);
        // Whole seconds are enough, and can be read to each other.
        let issue = self.issue_time.unwrap_or_else(|| Timestamp::from_second(now().as_second()).unwrap_or_default());
        let draft = author::draw_up(source, &before, issue, problems).map_err(Error::Source)?;
        draft.write(&self.out)?;
        line(format_args!("{}: two signers review and sign it, each on their own machine", self.out.display()))
    }
}

/// `sign`.
#[derive(Debug, clap::Args)]
pub(super) struct Sign {
    /// The signer's key file.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The release before, to review the change; needed where the root changes.
    #[arg(long, value_name = "RELEASE")]
    previous: Option<PathBuf>,
    /// The release; the signature is added to it.
    release: PathBuf,
}

impl Sign {
    pub(super) fn run(self) -> Result<(), Failure> {
        let previous = self.previous.as_deref().map(release::read).transpose()?;
        let key = OfflineKey::read(&self.key, Kind::Signer).map_err(Error::Key)?;
        let signed = release::sign(&self.release, previous.as_ref(), &key)?;
        files::write(&self.release, &signed).map_err(Error::File)?;
        signatures(&self.release, &signed, previous.as_ref())
    }
}

/// `merge`.
#[derive(Debug, clap::Args)]
pub(super) struct Merge {
    /// The copy that takes the signatures.
    release: PathBuf,
    /// Copies that others signed.
    #[arg(required = true)]
    others: Vec<PathBuf>,
}

impl Merge {
    pub(super) fn run(self) -> Result<(), Failure> {
        let merged = release::merge(&self.release, &self.others)?;
        files::write(&self.release, &merged).map_err(Error::File)?;
        signatures(&self.release, &merged, None)
    }
}

/// Says what a release still lacks.
fn signatures(path: &Path, bytes: &[u8], previous: Option<&Release>) -> Result<(), Failure> {
    match release::lacks(bytes, previous).map_err(Error::refused(path))? {
        Some(lacking) => line(format_args!("{}: {lacking}", path.display())),
        None => line(format_args!("{}: enough signatures; it can be installed", path.display())),
    }
}

/// `show`.
#[derive(Debug, clap::Args)]
pub(super) struct Show {
    /// The release, signed or not.
    release: PathBuf,
    /// Shows only what changes against this release.
    #[arg(long, value_name = "RELEASE")]
    against: Option<PathBuf>,
    /// Writes one JSON document.
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(super) fn run(self) -> Result<(), Failure> {
        let read = |path: &Path| -> Result<Summary, Failure> {
            let bytes = files::read(path).map_err(Error::File)?;
            Ok(Summary::of(&bytes, now()).map_err(Error::refused(path))?)
        };
        let shown = read(&self.release)?;
        match self.against {
            None => result(self.json, &shown),
            Some(before) => result(self.json, &shown.changes(&read(&before)?)),
        }
    }
}

/// `verify`.
#[derive(Debug, clap::Args)]
pub(super) struct Verify {
    /// Directory with releases/, revocations/ and attachments/.
    directory: PathBuf,
    /// Fingerprint of the first root, as it was compared out of band; in groups or not.
    #[arg(long, value_name = "HEX")]
    fingerprint: Fingerprint,
    /// Writes one JSON document.
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub(super) fn run(self) -> Result<(), Failure> {
        let place = config::Directory { path: self.directory, fingerprint: self.fingerprint };
        let release = install::verify(&place, now())?;
        let freshness = match release.freshness(now()) {
            Freshness::Current => "current",
            Freshness::ExpiresSoon => "expires soon: two signers are to sign the next release",
            Freshness::Expired => "expired: two signers are to sign the next release, today",
        };
        if self.json {
            return crate::terminal::json(&json!({
                "version": release.version(),
                "digest": hex::encode(release.digest()),
                "root_fingerprint": release.root().fingerprint().to_string(),
                "expire_time": release.expire_time().to_string(),
                "tables": release.attachments().collect::<Vec<_>>(),
            }));
        }
        let (version, expire) = (release.version(), release.expire_time());
        line(format_args!("release {version} verifies from the first root on; it expires {expire}: {freshness}"))
    }
}

/// `install`.
#[derive(Debug, clap::Args)]
pub(super) struct Install {
    /// A release, with attachments/ beside it, or a revocation.
    file: PathBuf,
    /// Home of the access point: the directory of its nhipcau.toml.
    #[arg(long, value_name = "DIR")]
    home: PathBuf,
}

impl Install {
    pub(super) fn run(self) -> Result<(), Failure> {
        let config = settings::load(Some(&self.home.join("nhipcau.toml")))?;
        let take = "a running process takes it on SIGHUP, a stopped one at its start";
        match install::install(&self.file, &config.directory, now())? {
            Installed::Release { version, tables } => {
                line(format_args!("release {version} is installed, with {}; {take}", counted(tables, "new table")))
            }
            Installed::Known(version) => line(format_args!("release {version} was installed before")),
            Installed::Revocation(path) => line(format_args!("{} is installed; {take}", path.display())),
        }
    }
}

/// `revoke`.
#[derive(Debug, clap::Args)]
pub(super) struct Revoke {
    /// The release in use.
    #[arg(long, value_name = "RELEASE")]
    release: PathBuf,
    /// Party that revokes.
    #[arg(long)]
    party: PartyId,
    /// Access point of that party whose keys are revoked.
    #[arg(long)]
    access_point: AccessPointId,
    /// Id of a key to revoke, signing or sealing; several times for several.
    #[arg(long = "key", value_name = "ID", required = true)]
    keys: Vec<KeyId>,
    /// From when on the keys must not be trusted; now when left out.
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// The party's recovery key.
    #[arg(long, value_name = "FILE", required_unless_present = "signing_key", conflicts_with = "signing_key")]
    recovery_key: Option<PathBuf>,
    /// Instead of a recovery key, the signing key of the access point: keys/signing.key.
    #[arg(long, value_name = "FILE")]
    signing_key: Option<PathBuf>,
    /// File to write; a name that ends in .revocation.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Revoke {
    pub(super) fn run(self) -> Result<(), Failure> {
        let release = release::read(&self.release)?;
        let (path, kind) = match (&self.recovery_key, &self.signing_key) {
            (Some(path), _) => (path, Kind::Recovery),
            (None, Some(path)) => (path, Kind::AccessPoint),
            (None, None) => return Err(Error::Argument("name --recovery-key or --signing-key".to_owned()).into()),
        };
        let key = OfflineKey::read(path, kind).map_err(Error::Key)?;
        let what = revoke::What {
            party: self.party,
            access_point: self.access_point,
            keys: self.keys,
            from: self.from.unwrap_or_else(now),
        };
        let bytes = revoke::sign(&release, what, &key, kind).map_err(Error::refused(&self.out))?;
        files::write(&self.out, bytes).map_err(Error::File)?;
        line(format_args!("{}: send it to every operator, who installs it", self.out.display()))
    }
}

fn now() -> Timestamp {
    Clock::system().now()
}

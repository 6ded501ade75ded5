//! Puts a release or revocation into an access point's directory, after verifying it as the access point will.
//!
//! Tables are written before the release that vouches for them, and never over others, so that a crash in between
//! leaves the release in use as it was. A running process takes the new release when it is told to (SIGHUP).

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use nhipcau_domain::directory::{Release, TrustedRoot};
use nhipcau_runtime::{config, directory as kept};

use super::{Error, files};

/// What was put where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Installed {
    /// A newer release is in its place.
    Release {
        /// Its number.
        version: u64,
        /// How many tables were new.
        tables: usize,
    },
    /// The release was there already.
    Known(u64),
    /// A revocation is in its place.
    Revocation(PathBuf),
}

/// Installs a file whose name ends in `.release` or `.revocation`.
pub(crate) fn install(file: &Path, place: &config::Directory, now: Timestamp) -> Result<Installed, Error> {
    for part in ["releases", "revocations", "attachments"] {
        files::create_directory(&place.path.join(part))?;
    }
    let bytes = files::read(file)?;
    let current = match kept::load(place, now, true) {
        Ok(release) => Some(release),
        Err(kept::Error::None(_)) => None,
        Err(error) => return Err(Error::Directory(error)),
    };
    if file.extension().is_some_and(|extension| extension == "revocation") {
        revocation(file, &bytes, place, current.as_ref())
    } else {
        release(file, &bytes, place, current.as_ref(), now)
    }
}

fn release(
    file: &Path,
    bytes: &[u8],
    place: &config::Directory,
    current: Option<&Release>,
    now: Timestamp,
) -> Result<Installed, Error> {
    let root = match current {
        Some(current) => current.root().clone(),
        None => TrustedRoot::pin(bytes, &place.fingerprint).map_err(Error::refused(file))?,
    };
    let release = Release::verify(bytes, &root, current).map_err(Error::refused(file))?;
    release.may_succeed(current, now).map_err(Error::refused(file))?;
    if current.is_some_and(|current| current.version() == release.version()) {
        return Ok(Installed::Known(release.version()));
    }
    let beside = file.parent().unwrap_or(Path::new(".")).join("attachments");
    let mut tables = 0;
    for name in release.attachments() {
        tables += usize::from(table(&release, name, &beside, &place.path.join("attachments"))?);
    }
    let name = format!("{:08}.release", release.version());
    files::write(&place.path.join("releases").join(name), bytes)?;
    Ok(Installed::Release { version: release.version(), tables })
}

/// Copies a table unless it is there; true when it was not.
fn table(release: &Release, name: &str, from: &Path, to: &Path) -> Result<bool, Error> {
    let there = to.join(name);
    match fs::read(&there) {
        Ok(bytes) if release.attachment(name, &bytes).is_ok() => return Ok(false),
        Ok(_) => return Err(Error::Exists(there)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(files::Error::read(&there)(error).into()),
    }
    let path = from.join(name);
    let bytes = fs::read(&path).ok();
    match bytes.as_deref().map(|bytes| release.attachment(name, bytes)) {
        Some(Ok(bytes)) => files::write(&there, bytes).map(|()| true).map_err(Into::into),
        _ => Err(Error::Table { path }),
    }
}

fn revocation(
    file: &Path,
    bytes: &[u8],
    place: &config::Directory,
    current: Option<&Release>,
) -> Result<Installed, Error> {
    let Some(current) = current else {
        return Err(Error::Directory(kept::Error::None(place.path.clone())));
    };
    current.revoke(bytes).map_err(Error::refused(file))?;
    let name = file.file_name().unwrap_or_default();
    let path = place.path.join("revocations").join(name);
    match fs::read(&path) {
        Ok(known) if known == bytes => {}
        Ok(_) => return Err(Error::Exists(path)),
        Err(_) => files::write(&path, bytes)?,
    }
    Ok(Installed::Revocation(path))
}

/// Verifies a directory as an access point does at its first start, with every table of the newest release.
pub(crate) fn verify(place: &config::Directory, now: Timestamp) -> Result<Release, Error> {
    let release = kept::load(place, now, false).map_err(Error::Directory)?;
    for name in release.attachments() {
        kept::attachment(place, &release, name).map_err(|error| match error {
            kept::Error::Refused { path, .. } | kept::Error::Read { path, .. } => Error::Table { path },
            other => Error::Directory(other),
        })?;
    }
    Ok(release)
}

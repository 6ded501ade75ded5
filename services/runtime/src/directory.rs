//! The signed directory as files: every release, the revocations and bulletins on top, the tables beside.
//!
//! Everything is verified anew at each start, beginning with the fingerprint that was compared out of band. A release,
//! or a revocation under a name that a person gave it, that does not verify stops the start rather than being passed
//! over: it was put there for a reason. What came over the bus by itself and counts no more is passed over.
//!
//! ```text
//! directory/releases/*.release       every release since the pinned root, in the order of their names
//! directory/revocations/*.revocation what parties revoked since; applied where they apply; from the bus under SHA-256
//! directory/bulletins/*.bulletin     the last word of each access point
//! directory/attachments/NAME         tables that the releases vouch for
//! ```

mod notices;

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use nhipcau_domain::directory::{self, Release, TrustedRoot};
pub use notices::{keep_bulletin, keep_notices};

use crate::{config, private_file};

/// Why there is no directory.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or the list of files cannot be read.
    #[error("{path} could not be read")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is refused.
    #[error("{path} was refused")]
    Refused {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: directory::Error,
    },
    /// A file or its place cannot be written.
    #[error("{path} could not be written")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A release is named so that the next one would not come last.
    #[error("{0} is not named by its number in eight digits")]
    Misnamed(PathBuf),
    /// There is no release.
    #[error("{0} holds no release")]
    None(PathBuf),
}

/// Verifies everything and gives the newest release with its revocations. An expired one is taken only where a
/// directory was in use before.
///
/// # Errors
/// [`Error`] at the first file that is refused.
pub fn load(config: &config::Directory, now: Timestamp, was_in_use: bool) -> Result<Release, Error> {
    let releases = listed(&config.path.join("releases"), "release")?;
    let none = || Error::None(config.path.clone());
    let (first, bytes) = releases.first().ok_or_else(none)?;
    let refused = |path: &Path| {
        let path = path.to_owned();
        |source| Error::Refused { path, source }
    };
    let root = TrustedRoot::pin(bytes, &config.fingerprint).map_err(refused(first))?;
    let bulletins = notices::bulletins(config)?;
    let mut revocations = notices::revocations(config)?;
    let mut current: Option<Release> = None;
    for (path, bytes) in &releases {
        let mut release = Release::verify(bytes, &root, current.as_ref()).map_err(refused(path))?;
        if let Some(heard) = release.hear(&bulletins).ok().and_then(|heard| heard.release) {
            release = heard;
        }
        // A revocation names keys of the release of its time; later releases keep them revoked.
        revocations.retain_mut(|file| match release.revoke_known(&file.bytes) {
            Ok(revoked) => {
                release = revoked;
                false
            }
            Err(directory::Error::Invalid(_)) => {
                // Signed by whoever may, of keys that have gone meanwhile.
                file.is_passable = true;
                true
            }
            Err(_) => true,
        });
        current = Some(release);
    }
    let (newest, _) = releases.last().ok_or_else(none)?;
    let release = current.ok_or_else(none)?;
    if let Some(file) = revocations.iter().find(|file| !file.is_passable) {
        // Once more, for the reason.
        release.revoke_known(&file.bytes).map_err(refused(&file.path))?;
    }
    if !was_in_use {
        release.may_succeed(None, now).map_err(refused(newest))?;
    }
    Ok(release)
}

/// The signed releases that lead from the pinned root to the newest: those in which the root changed, from the first
/// on, and the newest. For whoever verifies elsewhere; the directory here was [loaded](load) before.
///
/// # Errors
/// [`Error`] when a release cannot be read.
pub fn lineage(config: &config::Directory) -> Result<Vec<Vec<u8>>, Error> {
    let releases = listed(&config.path.join("releases"), "release")?;
    let newest = releases.len().saturating_sub(1);
    let (mut lineage, mut root) = (Vec::new(), None);
    for (index, (path, bytes)) in releases.into_iter().enumerate() {
        let claimed = TrustedRoot::claimed(&bytes).map_err(|source| Error::Refused { path, source })?.fingerprint();
        if root != Some(claimed) || index == newest {
            lineage.push(bytes);
        }
        root = Some(claimed);
    }
    Ok(lineage)
}

/// Reads a table that the release vouches for.
///
/// # Errors
/// [`Error`] when it cannot be read or is another than the release names.
pub fn attachment(config: &config::Directory, release: &Release, name: &str) -> Result<Vec<u8>, Error> {
    let path = config.path.join("attachments").join(name);
    // Asked before anything is opened, so that a name never leads out of the directory.
    let is_named = release.attachments().any(|known| known == name);
    let unknown = || Error::Refused { path: path.clone(), source: directory::Error::UnknownAttachment };
    if !is_named {
        return Err(unknown());
    }
    let bytes = fs::read(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
    release.attachment(name, &bytes).map_err(|source| Error::Refused { path: path.clone(), source })?;
    Ok(bytes)
}

/// Puts a table that the release vouches for into its place.
///
/// # Errors
/// [`Error`] when it is another than the release names or cannot be written.
pub fn keep_table(config: &config::Directory, release: &Release, name: &str, bytes: &[u8]) -> Result<(), Error> {
    let path = config.path.join("attachments").join(name);
    release.attachment(name, bytes).map_err(|source| Error::Refused { path: path.clone(), source })?;
    write(&path, bytes)
}

/// Puts a release into its place, unless one with its number is there, and what stands over it. Its tables have to be
/// in theirs.
///
/// # Errors
/// [`Error`] when it cannot be written or would not be read last.
pub fn keep(config: &config::Directory, release: &Release) -> Result<(), Error> {
    let releases = config.path.join("releases");
    let name = format!("{:08}.release", release.version());
    for (path, _) in listed(&releases, "release")? {
        let known = path.file_name().unwrap_or_default();
        if *known == *name {
            return keep_notices(config, release);
        }
        if known.len() != name.len() {
            return Err(Error::Misnamed(path));
        }
    }
    write(&releases.join(name), release.signed_bytes())?;
    keep_notices(config, release)
}

/// Writes a file in one step and to the disk, with the directory it lies in.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let arrived = path.with_added_extension("arrived");
    let write = || {
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        let mut file = File::create(&arrived)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&arrived, path)?;
        private_file::sync_parent(path)
    };
    write().map_err(|source| Error::Write { path: path.to_owned(), source })
}

/// The same where there need not be such a directory.
fn listed_if_any(directory: &Path, extension: &str) -> Result<Vec<(PathBuf, Vec<u8>)>, Error> {
    if directory.try_exists().is_ok_and(|exists| !exists) { Ok(Vec::new()) } else { listed(directory, extension) }
}

/// The files of a directory with an extension, by name.
pub(crate) fn listed(directory: &Path, extension: &str) -> Result<Vec<(PathBuf, Vec<u8>)>, Error> {
    let list = || -> io::Result<Vec<PathBuf>> { fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect() };
    let mut paths = list().map_err(|source| Error::Read { path: directory.to_owned(), source })?;
    paths.retain(|path| path.extension().is_some_and(|found| found == extension));
    paths.sort();
    let read = |path: PathBuf| match fs::read(&path) {
        Ok(bytes) => Some(Ok((path, bytes))),
        // Another process has taken it away since.
        Err(source) if source.kind() == io::ErrorKind::NotFound => None,
        Err(source) => Some(Err(Error::Read { path, source })),
    };
    paths.into_iter().filter_map(read).collect()
}

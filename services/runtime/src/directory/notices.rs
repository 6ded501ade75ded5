//! The files of bulletins and revocations: read for a start, and kept when they come over the bus.
//!
//! Of each access point the newest bulletin is kept; of revocations from the bus those that decide over a key, so that
//! their number is bounded by that of keys. What a person put there is never removed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use nhipcau_domain::{directory::Release, id::AccessPointId};
use nhipcau_messaging::pae::sha256;
use nhipcau_proto::directory::v1 as pb;
use prost::Message as _;

use super::{Error, listed_if_any, write};
use crate::config;

/// A revocation that has not found its release yet.
pub(super) struct RevocationFile {
    pub(super) path: PathBuf,
    pub(super) bytes: Vec<u8>,
    /// Whether a start goes on although it applies nowhere.
    pub(super) is_passable: bool,
}

/// Every bulletin, as the notices of a peer are.
pub(super) fn bulletins(config: &config::Directory) -> Result<Vec<u8>, Error> {
    let mut bulletins = Vec::new();
    for (path, bytes) in listed_if_any(&config.path.join("bulletins"), "bulletin")? {
        match pb::SignedBulletin::decode(bytes.as_slice()) {
            Ok(signed) => bulletins.push(signed),
            Err(_) => tracing::warn!(path = %path.display(), "A bulletin is damaged; a peer hands it on again."),
        }
    }
    Ok(pb::Notices { bulletins, revocations: Vec::new() }.encode_to_vec())
}

pub(super) fn revocations(config: &config::Directory) -> Result<Vec<RevocationFile>, Error> {
    let file = |(path, bytes): (PathBuf, _)| RevocationFile { is_passable: is_from_bus(&path), path, bytes };
    Ok(listed_if_any(&place(config), "revocation")?.into_iter().map(file).collect())
}

/// Puts the bulletins and revocations over a release among the files, and takes away those from the bus that decide
/// nothing any more.
///
/// # Errors
/// [`Error`] when one cannot be written.
pub fn keep_notices(config: &config::Directory, release: &Release) -> Result<(), Error> {
    for (access_point, bulletin) in release.bulletins() {
        keep_bulletin(config, release, access_point, &bulletin.signed_bytes())?;
    }
    let files = listed_if_any(&place(config), "revocation")?;
    for (digest, bytes) in release.revocations() {
        if !files.iter().any(|(_, known)| sha256(known) == digest) {
            write(&place(config).join(format!("{}.revocation", hex::encode(digest))), &bytes)?;
        }
    }
    for (path, bytes) in files.iter().filter(|(path, _)| is_from_bus(path)) {
        let decides = release.revocations().any(|(digest, _)| digest == sha256(bytes));
        let adds = |more: Release| more.notices_digest() != release.notices_digest();
        // Also one of keys that the directory no longer names: else somebody could fill the disk with them.
        if !decides && !release.revoke_known(bytes).is_ok_and(adds) {
            fs::remove_file(path).map_err(|source| Error::Write { path: path.clone(), source })?;
        }
    }
    Ok(())
}

/// Puts the bulletin of an access point into its place, unless a newer one is there that this release takes.
///
/// # Errors
/// [`Error`] when it cannot be written.
pub fn keep_bulletin(
    config: &config::Directory,
    release: &Release,
    access_point: &AccessPointId,
    bytes: &[u8],
) -> Result<(), Error> {
    let path = config.path.join("bulletins").join(format!("{access_point}.bulletin"));
    let known = fs::read(&path).unwrap_or_default();
    let is_newer = |taken: Release| taken.supersedes(release);
    if known == bytes || release.announce(&known).is_ok_and(is_newer) {
        return Ok(());
    }
    write(&path, bytes)
}

fn place(config: &config::Directory) -> PathBuf {
    config.path.join("revocations")
}

/// Whether a file came over the bus: it is named by its SHA-256.
fn is_from_bus(path: &Path) -> bool {
    let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

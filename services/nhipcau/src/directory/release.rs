//! Releases as files: read, signed, brought together.
//!
//! Nothing is signed that every access point would not take, and nothing whose structures of statistics stand inside
//! it, where none would look for them. Which root is the right one, whoever knows its fingerprint decides.

use std::path::Path;

use nhipcau_domain::directory::{Error as Refused, Release, TrustedRoot, authoring};
use nhipcau_proto::directory::v1 as pb;
use prost::Message as _;

use super::{Error, files, key_file::OfflineKey};

/// A release that its own root's signers have signed. Whether that root is the right one is for whoever knows its
/// fingerprint; drawing up the next release only needs the content.
pub(crate) fn read(path: &Path) -> Result<Release, Error> {
    let bytes = files::read(path)?;
    let root = TrustedRoot::claimed(&bytes).map_err(Error::refused(path))?;
    Release::verify(&bytes, &root, None).map_err(Error::refused(path))
}

/// Signs a release after reviewing it as every access point will. The key must be one of the root's signers, or of
/// those of the release before when the root changes.
///
/// # Errors
/// [`Error`]; nothing was signed.
pub(crate) fn sign(path: &Path, previous: Option<&Release>, key: &OfflineKey) -> Result<Vec<u8>, Error> {
    let bytes = files::read(path)?;
    authoring::review(&bytes, previous).map_err(Error::refused(path))?;
    // Drawn up by other tools. Access points take structures from tables alone, and would refuse its figures.
    let content = |signed: pb::SignedRelease| pb::Release::decode(signed.release.as_slice());
    if pb::SignedRelease::decode(bytes.as_slice()).and_then(content).is_ok_and(|it| !it.data_structures.is_empty()) {
        return Err(Error::InlineStructures(path.to_owned()));
    }
    let root = TrustedRoot::claimed(&bytes).map_err(Error::refused(path))?;
    let roots = previous.map(Release::root).into_iter().chain([&root]);
    let mut signers = roots.flat_map(TrustedRoot::signers);
    if !signers.any(|signer| signer.id == key.id && signer.public == key.public()) {
        return Err(Error::NotASigner(key.id.to_string()));
    }
    authoring::sign(&bytes, &key.id, &key.pair).map_err(Error::refused(path))
}

/// Brings the signatures of copies of one release together.
pub(crate) fn merge(path: &Path, others: &[impl AsRef<Path>]) -> Result<Vec<u8>, Error> {
    let mut merged = files::read(path)?;
    for other in others {
        let other = other.as_ref();
        merged = authoring::merge(&merged, &files::read(other)?).map_err(Error::refused(other))?;
    }
    Ok(merged)
}

/// How many of the signatures count under the release's own root, and how many are needed.
///
/// # Errors
/// When the file holds no root.
pub(crate) fn signatures(bytes: &[u8]) -> Result<(usize, usize), Refused> {
    match Release::verify(bytes, &TrustedRoot::claimed(bytes)?, None) {
        Err(Refused::UnderSigned { valid, needed }) => Ok((valid, needed)),
        // Signatures are looked at first: there are enough of them, and how many more says nothing.
        _ => Ok((2, 2)),
    }
}

/// What a release lacks until access points take it, after the release before where that is known.
///
/// # Errors
/// When it is refused for something else than its signatures.
pub(crate) fn lacks(bytes: &[u8], previous: Option<&Release>) -> Result<Option<Refused>, Refused> {
    let root = match previous {
        Some(previous) => previous.root().clone(),
        None => TrustedRoot::claimed(bytes)?,
    };
    match Release::verify(bytes, &root, previous) {
        Ok(_) => Ok(None),
        Err(lacking @ (Refused::UnderSigned { .. } | Refused::RootUnderSigned { .. })) => Ok(Some(lacking)),
        Err(error) => Err(error),
    }
}

//! What the directory signs and names by digest: a type string for each kind, so that none passes for another.

use crate::pae::{Digest, digest_of};

pub(super) const BULLETIN: &[u8] = b"nhipcau/1/bulletin";
pub(super) const RELEASE: &[u8] = b"nhipcau/1/release";
pub(super) const RELEASE_DIGEST: &[u8] = b"nhipcau/1/release-digest";
pub(super) const REVOCATION: &[u8] = b"nhipcau/1/revocation";
pub(super) const ROOT: &[u8] = b"nhipcau/1/root";
pub(crate) const ROSTER: &[u8] = b"nhipcau/1/roster";

/// Digest of a serialized `Release`: what the next release names as its predecessor.
pub(super) fn release_digest(release: &[u8]) -> Digest {
    digest_of(&[RELEASE_DIGEST, release])
}

//! Pre-authentication encoding (PASETO), and the digest over it: every signature and fingerprint of the directory
//! is over a type string and pieces whose lengths cannot be confused.

use aws_lc_rs::digest::{SHA256, digest};

pub(super) const RELEASE: &[u8] = b"nhipcau/1/release";
pub(super) const RELEASE_DIGEST: &[u8] = b"nhipcau/1/release-digest";
pub(super) const REVOCATION: &[u8] = b"nhipcau/1/revocation";
pub(super) const ROOT: &[u8] = b"nhipcau/1/root";

/// Encodes the pieces: their number, then each length and piece; numbers as 64-bit little-endian.
pub(super) fn pae(pieces: &[&[u8]]) -> Vec<u8> {
    let size = 8 + pieces.iter().map(|piece| 8 + piece.len()).sum::<usize>();
    let mut out = Vec::with_capacity(size);
    out.extend_from_slice(&(pieces.len() as u64).to_le_bytes());
    for piece in pieces {
        out.extend_from_slice(&(piece.len() as u64).to_le_bytes());
        out.extend_from_slice(piece);
    }
    out
}

/// SHA-256 of the bytes.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}

/// Digest of a serialized `Release`: what the next release names as its predecessor.
pub(super) fn release_digest(release: &[u8]) -> [u8; 32] {
    sha256(&pae(&[RELEASE_DIGEST, release]))
}

//! Pre-authentication encoding and the digests built on it.
//!
//! PAE (PASETO) makes a list of byte strings unambiguous, so that no signed kind can be read as another and no
//! byte can move from one piece to the next. Everything signed or hashed in the protocol goes through here.

use aws_lc_rs::digest;

/// A SHA-256 digest.
pub type Digest = [u8; 32];

/// Type string of a channel's envelope signature.
pub const ENVELOPE: &[u8] = b"nhipcau/1/envelope";
/// Type string of a Return's signature.
pub const RETURN: &[u8] = b"nhipcau/1/return";
/// Type string of a receipt's signature.
pub const RECEIPT: &[u8] = b"nhipcau/1/receipt";
/// Type string of a status's signature.
pub const STATUS: &[u8] = b"nhipcau/1/status";
/// Type string of an inquiry's signature.
pub const INQUIRY: &[u8] = b"nhipcau/1/inquiry";
/// Type string of an account's signature.
pub const ACCOUNT: &[u8] = b"nhipcau/1/account";
pub(crate) const POSITIONS: &[u8] = b"nhipcau/1/positions";
pub(crate) const ENVELOPE_DIGEST: &[u8] = b"nhipcau/1/digest";
pub(crate) const RECEIPT_DIGEST: &[u8] = b"nhipcau/1/receipt-digest";
pub(crate) const WRAP: &[u8] = b"nhipcau/1/wrap";
pub(crate) const PART: &[u8] = b"nhipcau/1/part";
pub(crate) const CONTENT: &[u8] = b"nhipcau/1/content";
pub(crate) const ID: &[u8] = b"nhipcau/1/id";
pub(crate) const REST: &[u8] = b"nhipcau/1/rest";

/// Encodes the pieces: their number, then each length and piece; numbers as 64-bit little-endian.
#[must_use]
pub fn pae(pieces: &[&[u8]]) -> Vec<u8> {
    let size = 8 + pieces.iter().map(|p| 8 + p.len()).sum::<usize>();
    let mut out = Vec::with_capacity(size);
    out.extend_from_slice(&(pieces.len() as u64).to_le_bytes());
    for piece in pieces {
        out.extend_from_slice(&(piece.len() as u64).to_le_bytes());
        out.extend_from_slice(piece);
    }
    out
}

/// SHA-256 of the bytes.
#[must_use]
pub fn sha256(bytes: &[u8]) -> Digest {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

/// SHA-256 over the PAE of the pieces.
#[must_use]
pub fn digest_of(pieces: &[&[u8]]) -> Digest {
    sha256(&pae(pieces))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paseto_examples_hold() {
        assert_eq!(pae(&[]), b"\0\0\0\0\0\0\0\0");
        assert_eq!(pae(&[b""]), b"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
        assert_eq!(pae(&[b"test"]), b"\x01\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0test");
    }

    proptest! {
        #[test]
        fn different_pieces_never_encode_alike(a: Vec<Vec<u8>>, b: Vec<Vec<u8>>) {
            let encode = |v: &[Vec<u8>]| pae(&v.iter().map(Vec::as_slice).collect::<Vec<_>>());
            prop_assert_eq!(a == b, encode(&a) == encode(&b));
        }
    }
}

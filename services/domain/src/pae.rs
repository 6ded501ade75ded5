//! Pre-authentication encoding and the digests built on it.
//!
//! PAE (PASETO) makes a list of byte strings unambiguous, so that no signed kind can be read as another and no
//! byte can move from one piece to the next. Everything that is signed goes through here, and every digest of bytes
//! that are at hand whole.

use aws_lc_rs::digest;

/// A SHA-256 digest.
pub type Digest = [u8; 32];

/// Encodes the pieces: their number, then each length and piece; numbers as 64-bit little-endian.
#[must_use]
pub fn pae(pieces: &[&[u8]]) -> Vec<u8> {
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

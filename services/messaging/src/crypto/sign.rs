//! Ed25519 signatures over PAE, one type string per signed kind.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use nhipcau_domain::id::KeyId;

use super::KeyError;
use crate::pae::pae;

/// An access point's signing key with its id in the directory.
pub struct SigningKey {
    id: KeyId,
    pair: Ed25519KeyPair,
}

impl SigningKey {
    /// Takes the 32-byte seed of RFC 8032.
    ///
    /// # Errors
    /// [`KeyError`] when the seed is not a key.
    pub fn from_seed(id: KeyId, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyError::Signing)?;
        Ok(Self { id, pair })
    }

    /// The key's id.
    #[must_use]
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// The 32-byte public key.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(self.pair.public_key().as_ref());
        out
    }

    /// Signs PAE(kind, pieces…).
    #[must_use]
    pub fn sign(&self, kind: &[u8], pieces: &[&[u8]]) -> Vec<u8> {
        self.pair.sign(&message(kind, pieces)).as_ref().to_vec()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Whether the signature over PAE(kind, pieces…) is the key's.
#[must_use]
pub fn verify(public: &[u8; 32], kind: &[u8], pieces: &[&[u8]], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, public).verify(&message(kind, pieces), signature).is_ok()
}

fn message(kind: &[u8], pieces: &[&[u8]]) -> Vec<u8> {
    let mut all = Vec::with_capacity(pieces.len() + 1);
    all.push(kind);
    all.extend_from_slice(pieces);
    pae(&all)
}

//! Encryption at rest: a key per case, wrapped by a key-encryption key that is kept off the data disk.
//!
//! Deleting the case key erases every stored body of the case, envelopes included. A body is bound to its row by
//! the additional data, so that rows cannot be exchanged.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::KeyError;
use crate::{Entropy, pae};

const NONCE_BYTES: usize = 12;

/// A key for bodies at rest: a case's key, or a key-encryption key that wraps those.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct RestKey([u8; 32]);

impl fmt::Debug for RestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RestKey(…)")
    }
}

impl RestKey {
    /// Takes the key's bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A fresh key.
    pub fn generate(entropy: &mut dyn Entropy) -> Self {
        let mut bytes = [0; 32];
        entropy.fill(&mut bytes);
        Self(bytes)
    }

    /// Wraps a case key under this key-encryption key.
    ///
    /// # Errors
    /// [`KeyError::Rest`] never in practice.
    pub fn wrap(&self, case: &[u8], key: &RestKey, entropy: &mut dyn Entropy) -> Result<Vec<u8>, KeyError> {
        self.seal("case_key", case, &key.0, entropy)
    }

    /// Unwraps a case key.
    ///
    /// # Errors
    /// [`KeyError::Rest`] when it was wrapped under another key or for another case.
    pub fn unwrap(&self, case: &[u8], wrapped: &[u8]) -> Result<RestKey, KeyError> {
        let mut bytes = self.open("case_key", case, wrapped)?;
        let key = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| KeyError::Rest);
        bytes.zeroize();
        key.map(RestKey)
    }

    /// Encrypts the body of a row.
    ///
    /// # Errors
    /// [`KeyError::Rest`] never in practice.
    pub fn seal(&self, table: &str, row: &[u8], body: &[u8], entropy: &mut dyn Entropy) -> Result<Vec<u8>, KeyError> {
        let mut nonce = [0; NONCE_BYTES];
        entropy.fill(&mut nonce);
        let mut sealed = body.to_vec();
        self.aead()?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad(table, row)), &mut sealed)
            .map_err(|_| KeyError::Rest)?;
        let mut out = nonce.to_vec();
        out.append(&mut sealed);
        Ok(out)
    }

    /// Decrypts the body of a row.
    ///
    /// # Errors
    /// [`KeyError::Rest`] when key, row or bytes are not the ones it was encrypted with.
    pub fn open(&self, table: &str, row: &[u8], stored: &[u8]) -> Result<Vec<u8>, KeyError> {
        let (nonce, sealed) = stored.split_at_checked(NONCE_BYTES).ok_or(KeyError::Rest)?;
        let nonce = <[u8; NONCE_BYTES]>::try_from(nonce).map_err(|_| KeyError::Rest)?;
        let mut bytes = sealed.to_vec();
        let length = self
            .aead()?
            .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(aad(table, row)), &mut bytes)
            .map_err(|_| KeyError::Rest)?
            .len();
        bytes.truncate(length);
        Ok(bytes)
    }

    fn aead(&self) -> Result<LessSafeKey, KeyError> {
        Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &self.0).map_err(|_| KeyError::Rest)?))
    }
}

fn aad(table: &str, row: &[u8]) -> Vec<u8> {
    pae::pae(&[pae::REST, table.as_bytes(), row])
}

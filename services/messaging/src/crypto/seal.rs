//! Sealing of parts: a channel key wrapped to one recipient by HPKE, single-use part keys derived from it.
//!
//! A part key is never used twice: its derivation takes the fresh salt and the digest of the whole routing. The
//! key commitment closes AES-GCM's lack of one: a ciphertext opens under exactly one key. Only primitives of
//! aws-lc-rs and rustls are used; a second implementation checks the vectors.

use std::fmt;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, KeyType, Prk, Salt},
};
use rustls::crypto::{
    aws_lc_rs::hpke::DH_KEM_X25519_HKDF_SHA256_AES_256,
    hpke::{EncapsulatedSecret, Hpke, HpkePrivateKey, HpkePublicKey},
};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::KeyError;
use crate::pae::{self, Digest};

const TAG_BYTES: usize = 16;

/// The key of one channel, day and process: never stored, never shared across directions.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct ChannelKey(pub(crate) [u8; 32]);

impl fmt::Debug for ChannelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChannelKey(…)")
    }
}

/// The single-use key of one part and the commitment to it.
pub struct PartKey {
    pub(crate) key: Zeroizing<[u8; 32]>,
    /// What the manifest publishes.
    pub commitment: [u8; 32],
}

/// A channel key sealed to a recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrapped {
    /// HPKE encapsulated key, 32 bytes.
    pub encapsulated_key: Vec<u8>,
    /// Sealed channel key, 48 bytes.
    pub ciphertext: Vec<u8>,
}

fn hpke() -> &'static dyn Hpke {
    DH_KEM_X25519_HKDF_SHA256_AES_256
}

/// Seals the channel key to an X25519 public key. Randomised by the primitive itself.
///
/// # Errors
/// [`KeyError::Sealing`] when the public key is not one.
pub fn wrap(key: &ChannelKey, recipient: &[u8; 32], info: &[u8]) -> Result<Wrapped, KeyError> {
    let (encapsulated, ciphertext) =
        hpke().seal(info, &[], &key.0, &HpkePublicKey(recipient.to_vec())).map_err(|_| KeyError::Sealing)?;
    Ok(Wrapped { encapsulated_key: encapsulated.0, ciphertext })
}

/// Opens a wrapped channel key.
///
/// # Errors
/// [`KeyError::Sealing`] when it was not sealed to this key under this info.
pub fn unwrap(wrapped: &Wrapped, private: &[u8; 32], info: &[u8]) -> Result<ChannelKey, KeyError> {
    let encapsulated = EncapsulatedSecret(wrapped.encapsulated_key.clone());
    let secret = HpkePrivateKey::from(private.to_vec());
    let opened = Zeroizing::new(
        hpke().open(&encapsulated, info, &[], &wrapped.ciphertext, &secret).map_err(|_| KeyError::Sealing)?,
    );
    let key = <[u8; 32]>::try_from(opened.as_slice()).map_err(|_| KeyError::Sealing)?;
    Ok(ChannelKey(key))
}

/// The X25519 public key of a private one.
///
/// # Errors
/// [`KeyError::Sealing`] when the bytes are not a private key.
pub fn public_key(private: &[u8; 32]) -> Result<[u8; 32], KeyError> {
    use aws_lc_rs::agreement::{PrivateKey, X25519};
    let key = PrivateKey::from_private_key(&X25519, private).map_err(|_| KeyError::Sealing)?;
    let public = key.compute_public_key().map_err(|_| KeyError::Sealing)?;
    <[u8; 32]>::try_from(public.as_ref()).map_err(|_| KeyError::Sealing)
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// Derives part keys of one envelope.
pub struct Parts {
    prk: Prk,
    routing_digest: Digest,
}

impl Parts {
    /// Extracts from the channel key with the envelope's salt.
    #[must_use]
    pub fn new(key: &ChannelKey, salt: &[u8], routing: &[u8]) -> Self {
        Self { prk: Salt::new(HKDF_SHA256, salt).extract(&key.0), routing_digest: pae::sha256(routing) }
    }

    /// Key and commitment of part `index`.
    ///
    /// # Errors
    /// [`KeyError::Sealing`] never in practice: the length is within HKDF's bound.
    pub fn key(&self, index: usize) -> Result<PartKey, KeyError> {
        let info = pae::pae(&[pae::PART, &self.routing_digest, index.to_string().as_bytes()]);
        let mut bytes = Zeroizing::new([0; 64]);
        self.prk
            .expand(&[&info], Length(64))
            .and_then(|okm| okm.fill(bytes.as_mut_slice()))
            .map_err(|_| KeyError::Sealing)?;
        let (key, commitment) = bytes.split_at(32);
        let mut part = PartKey { key: Zeroizing::new([0; 32]), commitment: [0; 32] };
        part.key.copy_from_slice(key);
        part.commitment.copy_from_slice(commitment);
        Ok(part)
    }
}

/// Seals padded bytes in place under a single-use key: zero nonce, AAD = SHA-256(routing).
///
/// # Errors
/// [`KeyError::Sealing`] never in practice.
pub fn seal_part(key: &[u8; 32], aad: &Digest, mut padded: Vec<u8>) -> Result<Vec<u8>, KeyError> {
    aead(key)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key([0; 12]), Aad::from(aad), &mut padded)
        .map_err(|_| KeyError::Sealing)?;
    Ok(padded)
}

/// Opens a sealed part.
///
/// # Errors
/// [`KeyError::Sealing`] when key, AAD or ciphertext is not the one it was sealed with.
pub fn open_part(key: &[u8; 32], aad: &Digest, ciphertext: &[u8]) -> Result<Vec<u8>, KeyError> {
    let mut bytes = ciphertext.to_vec();
    let length = aead(key)?
        .open_in_place(Nonce::assume_unique_for_key([0; 12]), Aad::from(aad), &mut bytes)
        .map_err(|_| KeyError::Sealing)?
        .len();
    bytes.truncate(length);
    Ok(bytes)
}

/// Length of the ciphertext of a padded part.
#[must_use]
pub fn sealed_length(padded: usize) -> usize {
    padded + TAG_BYTES
}

fn aead(key: &[u8; 32]) -> Result<LessSafeKey, KeyError> {
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).map_err(|_| KeyError::Sealing)?))
}

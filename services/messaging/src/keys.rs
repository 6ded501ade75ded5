//! The keys of one access point, as the process holds them.
//!
//! Debug output shows no private half. Reading them from files, and what makes and changes them, is outside this crate.

use nhipcau_domain::id::KeyId;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::crypto::{rest::RestKey, sign::SigningKey};

/// The private half of a sealing epoch.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SealingSecret {
    /// Its id in the directory.
    #[zeroize(skip)]
    pub id: KeyId,
    /// X25519 private key.
    pub private: [u8; 32],
}

impl std::fmt::Debug for SealingSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealingSecret").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A key-encryption key of one month.
#[derive(Debug)]
pub struct KeyEncryptionKey {
    /// Its name, such as `2026-11`.
    pub id: String,
    /// The key.
    pub key: RestKey,
}

/// Everything secret that an access point has. Lives outside the store.
pub struct KeyRing {
    /// Signs envelopes, receipts and status.
    pub signing: SigningKey,
    /// Opens envelopes of the present and of past epochs.
    pub sealing: Vec<SealingSecret>,
    /// Derives ids of messages and of what requests make.
    pub id_key: [u8; 32],
    /// Wraps case keys; the last is used for new ones.
    pub kek: Vec<KeyEncryptionKey>,
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRing").field("signing", &self.signing).finish_non_exhaustive()
    }
}

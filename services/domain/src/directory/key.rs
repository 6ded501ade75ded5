//! Access points and the keys that the directory vouches for.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::id::{AccessPointId, KeyId, PartyId};

/// An access point with its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessPoint {
    /// Identifier.
    pub id: AccessPointId,
    /// Party that runs it and may revoke its keys.
    pub operator: PartyId,
    /// Parties that it may serve.
    pub parties: BTreeSet<PartyId>,
    /// Keys that sign.
    pub(super) signing: BTreeMap<KeyId, SigningKey>,
    /// Keys that are sealed to, the newest first.
    pub(super) sealing: Vec<SealingKey>,
    /// Signing keys that the bytes of the release revoke. Unlike a key that a party revoked by itself, these can
    /// no longer sign a revocation.
    pub(super) withdrawn: BTreeSet<KeyId>,
}

impl AccessPoint {
    /// Its signing keys in ascending order of key id, revoked ones included.
    pub fn signing_keys(&self) -> impl Iterator<Item = &SigningKey> {
        self.signing.values()
    }

    /// Its sealing keys, the newest first, revoked ones included.
    pub fn sealing_keys(&self) -> impl Iterator<Item = &SealingKey> {
        self.sealing.iter()
    }

    /// Whether it has a key of this id, of either kind.
    #[must_use]
    pub fn has_key(&self, key: &KeyId) -> bool {
        self.signing.contains_key(key) || self.sealing.iter().any(|sealing| sealing.id == *key)
    }

    /// Takes the key out of use from the instant on; an earlier revocation stands.
    pub(super) fn revoke(&mut self, key: &KeyId, from: Timestamp) {
        let signing = self.signing.get_mut(key).map(|key| &mut key.revoked);
        let sealing = self
            .sealing
            .iter_mut()
            .filter(|sealing| sealing.id == *key)
            .map(|key| &mut key.revoked);
        for revoked in signing.into_iter().chain(sealing) {
            *revoked = Some(revoked.map_or(from, |earlier| earlier.min(from)));
        }
    }
}

/// A key that signs envelopes, receipts and status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// Key id, unique for ever in the access point.
    pub id: KeyId,
    /// Ed25519 public key.
    pub public: [u8; 32],
    /// First instant at which it may sign.
    pub start: Timestamp,
    /// First instant at which it may no longer sign.
    pub expire: Timestamp,
    /// From when on it must not be trusted.
    pub revoked: Option<Timestamp>,
}

impl SigningKey {
    /// Whether it may sign at the instant.
    #[must_use]
    pub fn usable(&self, at: Timestamp) -> bool {
        is_usable(self.start, self.expire, self.revoked, at)
    }
}

/// A key that others seal to: one epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealingKey {
    /// Key id, unique for ever in the access point.
    pub id: KeyId,
    /// X25519 public key.
    pub public: [u8; 32],
    /// First instant at which it may be sealed to.
    pub start: Timestamp,
    /// First instant at which it should no longer be sealed to.
    pub expire: Timestamp,
    /// From when on it must not be used.
    pub revoked: Option<Timestamp>,
}

impl SealingKey {
    /// Whether it may be sealed to at the instant.
    #[must_use]
    pub fn usable(&self, at: Timestamp) -> bool {
        is_usable(self.start, self.expire, self.revoked, at)
    }
}

fn is_usable(
    start: Timestamp,
    expire: Timestamp,
    revoked: Option<Timestamp>,
    at: Timestamp,
) -> bool {
    start <= at && at < expire && revoked.is_none_or(|revoked| at < revoked)
}

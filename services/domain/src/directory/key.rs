//! Access points and the keys that the directory vouches for.

use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;

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
    pub(super) signing: BTreeMap<KeyId, SigningKey>,
    /// The newest first.
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
        self.key_facts().any(|(id, _, _)| id == key)
    }

    /// Of every key its id, public key and revocation.
    pub(super) fn key_facts(&self) -> impl Iterator<Item = (&KeyId, &[u8; 32], Option<Timestamp>)> {
        let signing = self.signing.values().map(|key| (&key.id, &key.public, key.revoked));
        signing.chain(self.sealing.iter().map(|key| (&key.id, &key.public, key.revoked)))
    }

    /// Takes the key out of use from the instant on; an earlier revocation stands.
    pub(super) fn revoke(&mut self, key: &KeyId, from: Timestamp) {
        let signing = self.signing.get_mut(key).map(|key| &mut key.revoked);
        let sealing = self.sealing.iter_mut().filter(|sealing| sealing.id == *key);
        for revoked in signing.into_iter().chain(sealing.map(|key| &mut key.revoked)) {
            *revoked = Some(revoked.map_or(from, |earlier| earlier.min(from)));
        }
    }
}

/// Marks an Ed25519 key that signs envelopes, receipts and status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing {}

/// Marks an X25519 key that others seal to: one epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sealing {}

/// A key that signs envelopes, receipts and status.
pub type SigningKey = Key<Signing>;
/// A key that others seal to: one epoch.
pub type SealingKey = Key<Sealing>;

/// The public half of a key of an access point, for one use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key<Use> {
    /// Key id, unique for ever in the access point.
    pub id: KeyId,
    /// The public key.
    pub public: [u8; 32],
    /// First instant at which it may be used.
    pub start: Timestamp,
    /// First instant at which it may no longer be used, unless it outlives its release.
    pub expire: Timestamp,
    /// From when on it must not be trusted.
    pub revoked: Option<Timestamp>,
    /// Whether it expires no earlier than its release. If so, it being expired means that the release is too, and
    /// a known key then carries cases on.
    outlives_release: bool,
    of_use: PhantomData<Use>,
}

impl<Use> Key<Use> {
    pub(super) fn new(
        id: KeyId,
        public: [u8; 32],
        (start, expire, revoked): (Timestamp, Timestamp, Option<Timestamp>),
        outlives_release: bool,
    ) -> Self {
        Self { id, public, start, expire, revoked, outlives_release, of_use: PhantomData }
    }

    /// Whether it may be used at the instant: started, not revoked, and not expired. A key that outlives its release
    /// does not expire under it: only the next release ends it.
    #[must_use]
    pub fn usable(&self, at: Timestamp) -> bool {
        self.start <= at
            && (at < self.expire || self.outlives_release)
            && self.revoked.is_none_or(|revoked| at < revoked)
    }
}

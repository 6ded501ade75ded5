//! Access points and the keys that the directory vouches for.

use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;

use jiff::Timestamp;

use super::bulletin::Bulletin;
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
    /// Those of the release, the newest first.
    pub(super) sealing: Vec<SealingKey>,
    /// What it says itself since.
    pub(super) bulletin: Option<Bulletin>,
    /// Signing keys that the bytes of the release revoke. Unlike a key that a party revoked by itself, these can
    /// no longer sign a revocation.
    pub(super) withdrawn: BTreeSet<KeyId>,
}

impl AccessPoint {
    /// Its signing keys in ascending order of key id, revoked ones included.
    pub fn signing_keys(&self) -> impl Iterator<Item = &SigningKey> {
        self.signing.values()
    }

    /// Its sealing keys, the newest first, revoked ones included: those of its bulletin, if it has one, and not those
    /// of the release, so that a later release brings none back that the access point has destroyed.
    pub fn sealing_keys(&self) -> impl Iterator<Item = &SealingKey> {
        self.bulletin.as_ref().map_or(self.sealing.as_slice(), Bulletin::sealing_keys).iter()
    }

    /// The bulletin in use.
    #[must_use]
    pub fn bulletin(&self) -> Option<&Bulletin> {
        self.bulletin.as_ref()
    }

    /// A sealing key that the release itself lists.
    pub(super) fn listed(&self, key: &KeyId) -> Option<&SealingKey> {
        self.sealing.iter().find(|listed| listed.id == *key)
    }

    /// Whether it has a key of this id, of either kind, in the release or in its bulletin.
    #[must_use]
    pub fn has_key(&self, key: &KeyId) -> bool {
        self.key_facts().any(|(id, _, _)| id == key)
    }

    /// Of every key that the release lists its id, public key and revocation.
    pub(super) fn listed_facts(&self) -> impl Iterator<Item = (&KeyId, &[u8; 32], Option<Timestamp>)> {
        let signing = self.signing.values().map(|key| (&key.id, &key.public, key.revoked));
        signing.chain(self.sealing.iter().map(|key| (&key.id, &key.public, key.revoked)))
    }

    /// The same of every key, those of the bulletin included.
    pub(super) fn key_facts(&self) -> impl Iterator<Item = (&KeyId, &[u8; 32], Option<Timestamp>)> {
        let own = self.bulletin.iter().flat_map(|bulletin| bulletin.sealing_keys());
        self.listed_facts().chain(own.map(|key| (&key.id, &key.public, key.revoked)))
    }

    /// Takes the key out of use from the instant on; an earlier revocation stands. With it goes a bulletin that the key
    /// has signed: whoever stole it may have.
    pub(super) fn revoke(&mut self, key: &KeyId, from: Timestamp) {
        self.bulletin = self.bulletin.take().filter(|bulletin| *bulletin.signer() != *key);
        let signing = self.signing.get_mut(key).map(|key| &mut key.revoked);
        let own = self.bulletin.iter_mut().flat_map(|bulletin| &mut bulletin.sealing);
        let sealing = self.sealing.iter_mut().chain(own).filter(|sealing| sealing.id == *key);
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

//! A party's own revocation: signed by its recovery key or by a signing key of its access point, and by nobody else.

use aws_lc_rs::signature::Ed25519KeyPair;
use jiff::Timestamp;
use nhipcau_domain::{
    directory::{Error, Release, Revocation, RevocationSigner, authoring},
    id::{AccessPointId, KeyId, PartyId},
};

use super::key_file::{Kind, OfflineKey};

/// What is revoked.
pub(crate) struct What {
    /// Party that revokes.
    pub(crate) party: PartyId,
    /// Access point whose keys are revoked.
    pub(crate) access_point: AccessPointId,
    /// The keys.
    pub(crate) keys: Vec<KeyId>,
    /// From when on they must not be trusted.
    pub(crate) from: Timestamp,
}

/// Signs a revocation, and tries it on the release in use as every access point will.
///
/// # Errors
/// As an access point would refuse it; nothing was written.
pub(crate) fn sign(release: &Release, what: What, key: &OfflineKey, kind: Kind) -> Result<Vec<u8>, Error> {
    let signer = match kind {
        Kind::AccessPoint => RevocationSigner::Signing(what.access_point.clone(), key.id.clone()),
        Kind::Recovery | Kind::Signer => RevocationSigner::Recovery(key.id.clone()),
    };
    let revocation = Revocation {
        party: what.party,
        access_point: what.access_point,
        keys: what.keys,
        revoke_time: what.from,
        signer,
    };
    let pair: &Ed25519KeyPair = &key.pair;
    let bytes = authoring::revoke(release.root().programme(), &revocation, pair);
    release.revoke(&bytes).map(|_| bytes)
}

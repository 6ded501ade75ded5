//! A party's revocations: what is applied takes keys out of use and gives none, and twice is as once.

use nhipcau_domain::{
    directory::{AccessPoint, Release, Revocation, RevocationSigner, authoring},
    id::AccessPointId,
};
use nhipcau_proto::directory::v1 as pb;
use prost::Message as _;

use crate::ceremony::{PARTY, RECOVERY, key_id, pair, party, release, soon};

/// As it is, and as the holder of the party's recovery key, or of its signing key, could have signed it.
pub fn property(bytes: &[u8]) {
    holds(bytes);
    let Ok(wire) = pb::SignedRevocation::decode(bytes) else { return };
    for signer in [9, 20] {
        let message = nhipcau_domain::pae::pae(&[b"nhipcau/1/revocation", &wire.revocation]);
        let signature = pair(signer).sign(&message).as_ref().to_vec();
        holds(&pb::SignedRevocation { revocation: wire.revocation.clone(), signature }.encode_to_vec());
    }
}

fn usable(release: &Release) -> usize {
    let of = |point: &AccessPoint| {
        let signing = point.signing_keys().filter(|key| key.revoked.is_none()).count();
        signing + point.sealing_keys().filter(|key| key.revoked.is_none()).count()
    };
    release.access_points().map(of).sum()
}

fn holds(bytes: &[u8]) {
    let Ok(revoked) = release().revoke(bytes) else { return };
    assert!(usable(&revoked) <= usable(release()), "a revocation gives no key");
    assert_eq!(revoked.digest(), release().digest());
    let twice = revoked.revoke(bytes).expect("it may come again");
    assert!(!twice.supersedes(&revoked), "twice is as once");
}

/// One under the recovery key and one under a signing key.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let point = AccessPointId::new(PARTY).expect("an access point");
    let revocation = |signer| Revocation {
        party: party(PARTY),
        access_point: point.clone(),
        keys: vec![key_id("sign-1"), key_id("seal-1")],
        revoke_time: soon(),
        signer,
    };
    let signers = [
        (RevocationSigner::Recovery(key_id(RECOVERY)), 9),
        (RevocationSigner::Signing(point.clone(), key_id("sign-1")), 20),
    ];
    signers.map(|(signer, key)| authoring::revoke("fuzz", &revocation(signer), &pair(key))).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_are_applied_so_that_the_property_says_something() {
        for seed in seeds() {
            assert!(usable(&release().revoke(&seed).unwrap()) < usable(release()));
        }
    }
}

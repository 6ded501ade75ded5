//! The directory of a test: its root of trust and its releases.

use std::sync::Arc;

use aws_lc_rs::signature::Ed25519KeyPair;
use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::{
    directory::{Release, Signer, SignerRole, TrustedRoot, Validity, authoring},
    id::{Purpose, UnitId},
};
use nhipcau_messaging::crypto::{seal, sign::SigningKey};

use super::{NAMES, NIGHT_DESK, contract, key_id, newer_contract, party, point, seed};

/// What is different in the directory from three ordinary access points.
#[derive(Default)]
pub(crate) struct Setup {
    /// How long after the test's beginning the sealing key of `vwu` becomes valid.
    pub(crate) sealing_delay: SignedDuration,
    /// The public sealing key that the directory names for `vwu`, instead of its own.
    pub(crate) sealing_public: Option<[u8; 32]>,
    /// How long after the test's beginning the agreements end; none where they outlive it.
    pub(crate) agreed_for: Option<SignedDuration>,
    /// How long before its keys and agreements the first release expires.
    pub(crate) expires_before: SignedDuration,
}

/// Three releases: one with agreements between all; one without those of `vwu` to `hanoi` and with a night desk of
/// `moh`; and one in which the signing key of `vwu` is revoked and it has another.
pub(super) fn releases(now: Timestamp, setup: &Setup) -> Vec<Arc<Release>> {
    let year = SignedDuration::from_hours(24 * 365);
    let long = Validity { start: now - year, expire: Some(now + year) };
    let ids = ["root-0", "root-1", "root-2"].map(key_id);
    let pairs = [0u8, 1, 2].map(|n| Ed25519KeyPair::from_seed_unchecked(&[n + 1; 32]).unwrap());
    let roles = [SignerRole::Party, SignerRole::Party, SignerRole::ProgrammeOffice];
    let signers: Vec<_> = ids
        .iter()
        .zip(&pairs)
        .zip(roles)
        .map(|((id, pair), role)| Signer {
            id: id.clone(),
            holder: id.as_str().into(),
            public: authoring::public_key(pair),
            role,
        })
        .collect();
    let root = TrustedRoot::new("test", 1, &signers).unwrap();
    let sign = |builder: &authoring::ReleaseBuilder| builder.signed(&[(&ids[0], &pairs[0]), (&ids[2], &pairs[2])]);

    let mut builder =
        authoring::ReleaseBuilder::new(&root, now - year, now + year - setup.expires_before).contract(&contract(), 1);
    builder = builder.contract(&newer_contract(), 0);
    for name in NAMES {
        let (party, ap) = (party(name), point(name));
        let signing = SigningKey::from_seed(key_id("s-1"), &seed(name, 1)).unwrap().public();
        let (sealing, sealing_validity) = match name {
            "vwu" => (setup.sealing_public, Validity { start: now + setup.sealing_delay, expire: long.expire }),
            _ => (None, long),
        };
        let sealing = sealing.unwrap_or_else(|| seal::public_key(&seed(name, 2)).unwrap());
        builder = builder
            .party(&party, ("Bên", "Party"), long)
            .access_point(&ap, &party, &[&party])
            .signing_key(&ap, &key_id("s-1"), signing, long)
            .sealing_key(&ap, &key_id("e-1"), sealing, sealing_validity)
            .host(&party, None, &ap, &[&contract(), &newer_contract()])
            .publication(&party, &contract());
        for other in NAMES {
            let purpose = Purpose::new("protection").unwrap();
            let term = Validity { expire: setup.agreed_for.map_or(long.expire, |term| Some(now + term)), ..long };
            for contract in [contract(), newer_contract()] {
                builder = builder.agreement(&party, &contract, &super::party(other), &purpose, term);
            }
        }
    }
    let first = Arc::new(Release::verify(&sign(&builder), &root, None).unwrap());
    let second = authoring::ReleaseBuilder::after(&first, now - year, now + year).with(|wire| {
        wire.agreements.retain(|a| !(a.sender_party == "vwu" && a.recipient_party == "hanoi"));
    });
    let night = UnitId::new(NIGHT_DESK).unwrap();
    let second = second.unit(&party("moh"), &night, ("Trực đêm", "Night desk"), long);
    let second = Arc::new(Release::verify(&sign(&second), &root, Some(&first)).unwrap());
    let (vwu, public) = (point("vwu"), SigningKey::from_seed(key_id("s-2"), &seed("vwu", 6)).unwrap().public());
    let third = authoring::ReleaseBuilder::after(&second, now - year, now + year)
        .signing_key(&vwu, &key_id("s-2"), public, long)
        .revoke(&vwu, &key_id("s-1"), now);
    let third = Arc::new(Release::verify(&sign(&third), &root, Some(&second)).unwrap());
    vec![first, second, third]
}

//! A directory release that vouches for the keys of vectors. Shared with the example that makes vectors.

use std::error::Error;

use aws_lc_rs::signature::Ed25519KeyPair;
use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::{
    directory::{Release, Signer, SignerRole, TrustedRoot, Validity, authoring},
    id::{AccessPointId, KeyId, PartyId},
};

/// The public keys of an access point.
pub(crate) struct PublicKeys<'k> {
    pub(crate) name: &'k str,
    pub(crate) signing: (&'k str, [u8; 32]),
    pub(crate) sealing: (&'k str, [u8; 32]),
}

/// A release in which each access point serves the party of its own name.
pub(crate) fn release<'k>(
    points: impl IntoIterator<Item = PublicKeys<'k>>,
    now: Timestamp,
) -> Result<Release, Box<dyn Error>> {
    let year = SignedDuration::from_hours(24 * 365);
    let long = Validity { start: now - year, expire: Some(now + year) };
    let mut signers = Vec::new();
    for (seed, role) in [(1, SignerRole::Party), (2, SignerRole::Party), (3, SignerRole::ProgrammeOffice)] {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32])?;
        let id = KeyId::new(format!("root-{seed}"))?;
        signers.push((Signer { holder: id.as_str().into(), public: authoring::public_key(&pair), role, id }, pair));
    }
    let public: Vec<_> = signers.iter().map(|(signer, _)| signer.clone()).collect();
    let root = TrustedRoot::new("vectors", 1, &public)?;
    let mut builder = authoring::ReleaseBuilder::new(&root, now - year, now + year);
    for keys in points {
        let (party, point) = (PartyId::new(keys.name)?, AccessPointId::new(keys.name)?);
        builder = builder
            .party(&party, ("Bên", "Party"), long)
            .access_point(&point, &party, &[&party])
            .signing_key(&point, &KeyId::new(keys.signing.0)?, keys.signing.1, long)
            .sealing_key(&point, &KeyId::new(keys.sealing.0)?, keys.sealing.1, long);
    }
    let pairs: Vec<_> = signers.iter().map(|(signer, pair)| (&signer.id, pair)).collect();
    Ok(Release::verify(&builder.signed(&pairs), &root, None)?)
}

//! Draws up releases, revocations and bulletins and signs them: for the command line, for access points, and for tests.
//!
//! Nothing here is trusted. What comes out counts only once [`Release::verify`] has accepted it; [`review`] says
//! beforehand whether it could.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use jiff::Timestamp;
use nhipcau_proto::directory::v1 as pb;
use prost::Message as _;

use crate::directory::error::Error;
use crate::directory::release::Release;
use crate::directory::revocation::Revocation;
use crate::directory::succession;
use crate::directory::type_string;
use crate::directory::verify;
use crate::directory::violation::Violations;
use crate::id::{AccessPointId, KeyId, PartyId};
use crate::pae::pae;

mod builder;

pub use builder::ReleaseBuilder;

/// Checks everything about a release file except its signatures: what a signer wants to know before signing. Beyond
/// what every access point checks, whoever took over from a unit that is over stays its successor.
///
/// # Errors
/// One of [`Error`], as [`Release::verify`] would give it.
pub fn review(file: &[u8], current: Option<&Release>) -> Result<(), Error> {
    let signed = verify::decode_signed(file)?;
    let release = verify::read_release(file, &signed.release, current)?;
    let mut found = Violations::default();
    if let Some(current) = current {
        succession::check(&release, current, &mut found);
    }
    if found.total() == 0 { Ok(()) } else { Err(Error::Invalid(found)) }
}

/// Adds a signature to a release file, in place of an earlier one of the same signer.
///
/// # Errors
/// [`Error::Malformed`] when the file is not one.
pub fn sign(file: &[u8], signer: &KeyId, pair: &Ed25519KeyPair) -> Result<Vec<u8>, Error> {
    let mut signed = verify::decode_signed(file)?;
    signed.signatures.retain(|signature| signature.signer != signer.as_str());
    signed.signatures.push(signature(&signed.release, signer, pair));
    Ok(signed.encode_to_vec())
}

/// Brings the signatures of two copies of a release file together.
///
/// # Errors
/// [`Error::DifferentReleases`] when they are not copies of one; [`Error::Malformed`] when one is not a release file.
pub fn merge(file: &[u8], other: &[u8]) -> Result<Vec<u8>, Error> {
    let (mut signed, other) = (verify::decode_signed(file)?, verify::decode_signed(other)?);
    if signed.release != other.release {
        return Err(Error::DifferentReleases);
    }
    for signature in other.signatures {
        if !signed.signatures.contains(&signature) {
            signed.signatures.push(signature);
        }
    }
    Ok(signed.encode_to_vec())
}

/// Signs a party's revocation with the key that it names.
#[must_use]
pub fn revoke(programme: &str, revocation: &Revocation, pair: &Ed25519KeyPair) -> Vec<u8> {
    let revocation = revocation.to_wire(programme).encode_to_vec();
    let signature = pair.sign(&pae(&[type_string::REVOCATION, &revocation])).as_ref().to_vec();
    pb::SignedRevocation { revocation, signature }.encode_to_vec()
}

/// A bulletin as its access point wants it.
#[derive(Debug, Clone)]
pub struct BulletinDraft {
    /// Party that operates the access point.
    pub party: PartyId,
    /// Access point that speaks.
    pub access_point: AccessPointId,
    /// Higher than that of any bulletin before.
    pub version: u64,
    /// When it is drawn up.
    pub issue: Timestamp,
    /// The signing key that will sign.
    pub signing_key: KeyId,
    /// Sealing keys with start and end.
    pub sealing_keys: Vec<(KeyId, [u8; 32], (Timestamp, Timestamp))>,
}

/// Draws up a bulletin and has it signed: `sign` is given the type string and the bytes, to be signed as their PAE.
#[must_use]
pub fn bulletin(programme: &str, draft: &BulletinDraft, sign: impl FnOnce(&[u8], &[u8]) -> Vec<u8>) -> Vec<u8> {
    let key = |(id, public, (start, expire)): &(KeyId, [u8; 32], (Timestamp, Timestamp))| pb::Key {
        key_id: id.to_string(),
        public_key: public.to_vec(),
        start_time: Some(timestamp(*start)),
        expire_time: Some(timestamp(*expire)),
        revoke_time: None,
    };
    let bulletin = pb::Bulletin {
        format: 1,
        programme: programme.to_owned(),
        party: draft.party.to_string(),
        access_point: draft.access_point.to_string(),
        version: draft.version,
        issue_time: Some(timestamp(draft.issue)),
        signing_key: draft.signing_key.to_string(),
        sealing_keys: draft.sealing_keys.iter().map(key).collect(),
    };
    let bulletin = bulletin.encode_to_vec();
    let signature = sign(type_string::BULLETIN, &bulletin);
    pb::SignedBulletin { bulletin, signature }.encode_to_vec()
}

/// The public half of a key pair, as the directory lists it.
#[must_use]
pub fn public_key(pair: &Ed25519KeyPair) -> [u8; 32] {
    let mut public = [0; 32];
    public.copy_from_slice(pair.public_key().as_ref());
    public
}

fn signature(release: &[u8], signer: &KeyId, pair: &Ed25519KeyPair) -> pb::ReleaseSignature {
    pb::ReleaseSignature {
        signer: signer.to_string(),
        signature: pair.sign(&pae(&[type_string::RELEASE, release])).as_ref().to_vec(),
    }
}

pub(in crate::directory) fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    // The wire counts nanoseconds up from the second, also before 1970.
    let nanos = at.as_nanosecond();
    prost_types::Timestamp {
        seconds: nanos.div_euclid(1_000_000_000).try_into().unwrap_or_default(),
        nanos: nanos.rem_euclid(1_000_000_000).try_into().unwrap_or_default(),
    }
}

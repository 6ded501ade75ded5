//! A party's own revocation of its keys, applied on top of a release without waiting for the next one.
//!
//! Revocations only add up, and those of one release may be applied in any order: a key that a party revoked may
//! still sign revocations, and only a key that two signers of the root revoked may not. Whoever stole a key can
//! thereby take the party's keys out of use, which is safe, and nothing else.

use std::cmp::Ordering;

use jiff::Timestamp;
use nhipcau_proto::directory::v1 as pb;
use prost::Message as _;

use super::bulletin::Bulletin;
use super::error::Error;
use super::key::AccessPoint;
use super::read;
use super::release::Release;
use super::root::is_signature;
use super::type_string;
use super::violation::{Problem, Violations};
use crate::id::{AccessPointId, KeyId, PartyId};
use crate::pae::pae;

/// Largest signed revocation in bytes.
const MAX_BYTES: usize = 64 << 10;
const FORMAT: u32 = 1;

/// What a party revokes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// Party that revokes.
    pub party: PartyId,
    /// Access point of the party whose keys are revoked.
    pub access_point: AccessPointId,
    /// Keys that are revoked, signing or sealing.
    pub keys: Vec<KeyId>,
    /// From when on they must not be trusted.
    pub revoke_time: Timestamp,
    /// The key that signs the revocation.
    pub signer: RevocationSigner,
}

/// Which key signs a revocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RevocationSigner {
    /// A recovery key of the party.
    Recovery(KeyId),
    /// A signing key of an access point that the party operates.
    Signing(AccessPointId, KeyId),
}

impl Release {
    /// The same release with the revoked keys out of use. Releases verified on top of it keep them so; a release that
    /// is verified anew from its file, as at a start, has its revocations applied to it again.
    ///
    /// # Errors
    /// [`Error::RevocationSignerUnknown`] or [`Error::RevocationUnsigned`] unless a key of the party signed it;
    /// [`Error::Invalid`] when it names an access
    /// point that the party does not operate, or a key that is not there.
    pub fn revoke(&self, signed_bytes: &[u8]) -> Result<Self, Error> {
        let mut revoked = self.clone();
        revoked.take_revocation(signed_bytes, true)?;
        Ok(revoked)
    }

    /// The same, except that keys which are not there matter only when none is: it may be of an earlier release, or of
    /// a bulletin that is not here.
    ///
    /// # Errors
    /// As [`Release::revoke`].
    pub fn revoke_known(&self, signed_bytes: &[u8]) -> Result<Self, Error> {
        let mut revoked = self.clone();
        revoked.take_revocation(signed_bytes, false)?;
        Ok(revoked)
    }

    /// Changes nothing when it is refused.
    pub(super) fn take_revocation(&mut self, signed_bytes: &[u8], all: bool) -> Result<(), Error> {
        let signed = Some(signed_bytes)
            .filter(|bytes| bytes.len() <= MAX_BYTES)
            .and_then(|bytes| pb::SignedRevocation::decode(bytes).ok())
            .ok_or(Error::Malformed)?;
        let wire = pb::Revocation::decode(&*signed.revocation).map_err(|_| Error::Malformed)?;
        if wire.format != FORMAT {
            return Err(Error::UnknownFormat(wire.format));
        }
        if wire.programme != self.root.programme() {
            return Err(Error::WrongProgramme);
        }
        let revocation = Revocation::read(&wire)?;
        let message = pae(&[type_string::REVOCATION, &signed.revocation]);
        let public = self.revoking_key(&revocation).ok_or(Error::RevocationSignerUnknown)?;
        if !is_signature(public, &message, &signed.signature) {
            return Err(Error::RevocationUnsigned);
        }

        let owner = self.participants.access_points.get(&revocation.access_point);
        let Some(owner) = owner.filter(|owner| owner.operator == revocation.party) else {
            let mut found = Violations::default();
            found.add(Problem::Unresolved, format_args!("access_point"));
            return Err(Error::Invalid(found));
        };
        let mut found = Violations::default();
        for (i, key) in revocation.keys.iter().enumerate() {
            found.require(owner.has_key(key), Problem::Unresolved, format_args!("keys[{i}]"));
        }
        if found.total() > 0 && (all || found.total() == revocation.keys.len()) {
            return Err(Error::Invalid(found));
        }
        self.note_revocation(&signed, revocation);
        Ok(())
    }

    /// Whether taking this release into use in place of another brings anything: it is a later one, or the same one
    /// with more revoked or with newer bulletins.
    #[must_use]
    pub fn supersedes(&self, other: &Self) -> bool {
        let is_newer = |mine: &AccessPoint| {
            let known = other.access_point(&mine.id).and_then(AccessPoint::bulletin);
            mine.bulletin().map(Bulletin::version) > known.map(Bulletin::version)
        };
        let same = self.version() == other.version() && self.digest == other.digest;
        self.changes_trust(other) || (same && self.access_points().any(is_newer))
    }

    /// Whether it changes what may be believed or sent: it is a later release, or the same one with more revoked.
    #[must_use]
    pub fn changes_trust(&self, other: &Self) -> bool {
        match self.version().cmp(&other.version()) {
            Ordering::Greater => true,
            Ordering::Less => false,
            Ordering::Equal => self.digest == other.digest && self.revoked_since(other).next().is_some(),
        }
    }

    /// The access points of which a key is revoked that was not in the other, or from an earlier time on.
    pub fn revoked_since<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a AccessPointId> {
        let revokes_more = |mine: &AccessPoint, theirs: &AccessPoint| {
            mine.key_facts().any(|(id, _, revoked)| {
                let known = theirs.key_facts().find(|(other, ..)| *other == id).and_then(|(.., known)| known);
                revoked.is_some_and(|from| known.is_none_or(|known| from < known))
            })
        };
        let both = self.access_points().filter_map(|mine| Some((mine, other.access_point(&mine.id)?)));
        both.filter(move |(mine, theirs)| revokes_more(mine, theirs)).map(|(mine, _)| &mine.id)
    }

    fn revoking_key(&self, revocation: &Revocation) -> Option<&[u8; 32]> {
        match &revocation.signer {
            RevocationSigner::Recovery(key) => self.party(&revocation.party)?.recovery.get(key),
            RevocationSigner::Signing(owner, key) => {
                let owner = self.access_point(owner)?;
                let may_revoke = owner.operator == revocation.party && !owner.withdrawn.contains(key);
                owner.signing.get(key).filter(|_| may_revoke).map(|key| &key.public)
            }
        }
    }
}

impl Revocation {
    fn read(wire: &pb::Revocation) -> Result<Self, Error> {
        use pb::revocation::Signer;

        let mut found = Violations::default();
        let party = read::id(&wire.party, &mut found, format_args!("party"));
        let access_point = read::id(&wire.access_point, &mut found, format_args!("access_point"));
        let revoke_time = read::time(wire.revoke_time.as_ref(), &mut found, format_args!("revoke_time"));
        let mut keys = Vec::new();
        for (i, key) in wire.keys.iter().enumerate() {
            keys.extend(read::id::<KeyId>(key, &mut found, format_args!("keys[{i}]")));
        }
        found.require(!wire.keys.is_empty(), Problem::Missing, format_args!("keys"));
        let signer = match &wire.signer {
            Some(Signer::RecoveryKey(key)) => {
                read::id(key, &mut found, format_args!("recovery_key")).map(RevocationSigner::Recovery)
            }
            Some(Signer::SigningKey(key)) => {
                let owner = read::id(&key.access_point, &mut found, format_args!("signing_key.access_point"));
                let id = read::id(&key.key_id, &mut found, format_args!("signing_key.key_id"));
                owner.zip(id).map(|(owner, id)| RevocationSigner::Signing(owner, id))
            }
            None => {
                found.add(Problem::Missing, format_args!("signer"));
                None
            }
        };
        match (party, access_point, revoke_time, signer, found.total()) {
            (Some(party), Some(access_point), Some(revoke_time), Some(signer), 0) => {
                Ok(Self { party, access_point, keys, revoke_time, signer })
            }
            _ => Err(Error::Invalid(found)),
        }
    }

    pub(super) fn to_wire(&self, programme: &str) -> pb::Revocation {
        use pb::revocation::Signer;

        pb::Revocation {
            format: FORMAT,
            programme: programme.to_owned(),
            party: self.party.to_string(),
            access_point: self.access_point.to_string(),
            keys: self.keys.iter().map(KeyId::to_string).collect(),
            revoke_time: Some(super::authoring::timestamp(self.revoke_time)),
            signer: Some(match &self.signer {
                RevocationSigner::Recovery(key) => Signer::RecoveryKey(key.to_string()),
                RevocationSigner::Signing(owner, key) => {
                    Signer::SigningKey(pb::AccessPointKey { access_point: owner.to_string(), key_id: key.to_string() })
                }
            }),
        }
    }
}

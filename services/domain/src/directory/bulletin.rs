//! An access point's own word between releases: the epochs that others seal to, a whole each time.
//!
//! It counts by a signing key that the release lists and that nobody has revoked, and stands over the release. Versions
//! only rise. Whoever stole a signing key can thereby name sealing keys, until it is revoked; its bulletins go with it,
//! and their versions with them. Leaves out who makes epochs and when.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::SignedDuration;
use nhipcau_proto::directory::v1 as pb;
use prost::Message as _;

use super::error::Error;
use super::key::{AccessPoint, SealingKey};
use super::read;
use super::release::Release;
use super::root::is_signature;
use super::type_string;
use super::violation::{Problem, Violations};
use crate::id::{AccessPointId, KeyId, PartyId};
use crate::pae::pae;

/// Largest signed bulletin in bytes.
pub const MAX_BULLETIN_BYTES: usize = 16 << 10;
/// Most keys in a bulletin.
pub const SEALING_KEYS: usize = 16;
/// How long an epoch may last, and how far ahead it may be announced.
pub const LONGEST_EPOCH: SignedDuration = SignedDuration::from_hours(90 * 24);
const FORMAT: u32 = 1;

/// A verified bulletin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bulletin {
    version: u64,
    signer: KeyId,
    /// The newest first.
    pub(super) sealing: Vec<SealingKey>,
    signed: Arc<pb::SignedBulletin>,
}

impl Bulletin {
    /// Its number.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The signing key that signed it.
    #[must_use]
    pub fn signer(&self) -> &KeyId {
        &self.signer
    }

    /// Its sealing keys, the newest first, revoked ones included.
    #[must_use]
    pub fn sealing_keys(&self) -> &[SealingKey] {
        &self.sealing
    }

    /// What was verified, for handing on.
    #[must_use]
    pub fn signed_bytes(&self) -> Vec<u8> {
        self.signed.encode_to_vec()
    }

    pub(super) fn signed(&self) -> &pb::SignedBulletin {
        &self.signed
    }
}

impl Release {
    /// The same release with a newer bulletin over it; the one in use again changes nothing.
    ///
    /// # Errors
    /// [`Error::BulletinSignerUnknown`] or [`Error::BulletinUnsigned`] unless a key of the access point signed it that
    /// this release lists and that is not revoked; [`Error::BulletinRolledBack`] or [`Error::BulletinConflict`] by its
    /// version; [`Error::Invalid`] with all violations at once.
    pub fn announce(&self, signed_bytes: &[u8]) -> Result<Self, Error> {
        let mut announced = self.clone();
        announced.take_bulletin(signed_bytes)?;
        Ok(announced)
    }

    /// Changes nothing when it is refused.
    pub(super) fn take_bulletin(&mut self, signed_bytes: &[u8]) -> Result<(), Error> {
        let signed = Some(signed_bytes)
            .filter(|bytes| bytes.len() <= MAX_BULLETIN_BYTES)
            .and_then(|bytes| pb::SignedBulletin::decode(bytes).ok())
            .ok_or(Error::Malformed)?;
        let wire = pb::Bulletin::decode(&*signed.bulletin).map_err(|_| Error::Malformed)?;
        if wire.format != FORMAT {
            return Err(Error::UnknownFormat(wire.format));
        }
        if wire.programme != self.root.programme() {
            return Err(Error::WrongProgramme);
        }
        let (owner, signer) = self.check_signed(&wire, &signed)?;
        match self.access_point(&owner).and_then(AccessPoint::bulletin) {
            Some(current) if wire.version < current.version => {
                return Err(Error::BulletinRolledBack { offered: wire.version, current: current.version });
            }
            Some(current) if wire.version == current.version => {
                let same = current.signed.bulletin == signed.bulletin;
                return if same { Ok(()) } else { Err(Error::BulletinConflict(wire.version)) };
            }
            _ => {}
        }

        let mut found = Violations::default();
        let sealing = self.sealing_keys_of(&owner, &wire, &mut found);
        if found.total() > 0 {
            return Err(Error::Invalid(found));
        }
        let bulletin = Bulletin { version: wire.version, signer, sealing, signed: Arc::new(signed) };
        self.put_bulletin(&owner, bulletin);
        Ok(())
    }

    /// Who signed it, if that one may.
    fn check_signed(&self, wire: &pb::Bulletin, signed: &pb::SignedBulletin) -> Result<(AccessPointId, KeyId), Error> {
        let mut found = Violations::default();
        let party: Option<PartyId> = read::id(&wire.party, &mut found, format_args!("party"));
        let owner: Option<AccessPointId> = read::id(&wire.access_point, &mut found, format_args!("access_point"));
        let signer: Option<KeyId> = read::id(&wire.signing_key, &mut found, format_args!("signing_key"));
        let (Some(party), Some(owner), Some(signer)) = (party, owner, signer) else {
            return Err(Error::Invalid(found));
        };
        let known = self.access_point(&owner).filter(|known| known.operator == party);
        let key = known.and_then(|known| known.signing.get(&signer)).filter(|key| key.revoked.is_none());
        let key = key.ok_or(Error::BulletinSignerUnknown)?;
        let message = pae(&[type_string::BULLETIN, &signed.bulletin]);
        if !is_signature(&key.public, &message, &signed.signature) {
            return Err(Error::BulletinUnsigned);
        }
        Ok((owner, signer))
    }

    fn sealing_keys_of(&self, owner: &AccessPointId, wire: &pb::Bulletin, found: &mut Violations) -> Vec<SealingKey> {
        found.require(wire.version > 0, Problem::Range, format_args!("version"));
        let issue = read::time(wire.issue_time.as_ref(), found, format_args!("issue_time"));
        let counted = (1..=SEALING_KEYS).contains(&wire.sealing_keys.len());
        found.require(counted, Problem::Range, format_args!("sealing_keys"));
        let mut drafts = Vec::new();
        let (mut ids, mut publics) = (BTreeSet::new(), BTreeSet::new());
        for (i, entry) in wire.sealing_keys.iter().take(SEALING_KEYS).enumerate() {
            let path = format_args!("sealing_keys[{i}]");
            let id: Option<KeyId> = read::id(&entry.key_id, found, format_args!("{path}.key_id"));
            let public = read::key(&entry.public_key, found, format_args!("{path}.public_key"));
            let start = read::time(entry.start_time.as_ref(), found, format_args!("{path}.start_time"));
            let expire = read::time(entry.expire_time.as_ref(), found, format_args!("{path}.expire_time"));
            found.require(entry.revoke_time.is_none(), Problem::Range, format_args!("{path}.revoke_time"));
            let (Some(id), Some(public), Some(start), Some(expire), Some(issue)) = (id, public, start, expire, issue)
            else {
                continue;
            };
            found.require(ids.insert(id.clone()), Problem::Repeated, format_args!("{path}.key_id"));
            found.require(publics.insert(public), Problem::Repeated, format_args!("{path}.public_key"));
            found.require(start < expire, Problem::EndsBeforeStart, path);
            let is_near = start.duration_since(issue) <= LONGEST_EPOCH;
            let is_short = expire.duration_since(start.max(issue)) <= LONGEST_EPOCH;
            found.require(is_near && is_short, Problem::Range, path);
            let stands = self.key_stands(owner, &id, &public);
            found.require(stands != Stands::ForAnother, Problem::Reused, format_args!("{path}.key_id"));
            found.require(stands != Stands::Elsewhere, Problem::Repeated, format_args!("{path}.public_key"));
            drafts.push((id, public, (start, expire, None)));
        }
        let has_begun = issue.is_none_or(|issue| drafts.iter().any(|(.., (start, ..))| *start <= issue));
        found.require(has_begun || drafts.is_empty(), Problem::Missing, format_args!("sealing_keys"));
        drafts.sort_by(|(a, _, (a_start, ..)), (b, _, (b_start, ..))| (b_start, b).cmp(&(a_start, a)));
        let newest_first = drafts.into_iter().enumerate();
        newest_first.map(|(i, (id, public, times))| SealingKey::new(id, public, times, i == 0)).collect()
    }

    /// What the release, and the bulletin in use, say of a key that a bulletin names. Bulletins of others do not
    /// matter: which of two came first must not.
    fn key_stands(&self, owner: &AccessPointId, id: &KeyId, public: &[u8; 32]) -> Stands {
        let own = self.access_point(owner);
        if own.is_some_and(|own| own.key_facts().any(|(known, other, _)| known == id && other != public)) {
            return Stands::ForAnother;
        }
        let listed = self.access_points().flat_map(|point| point.listed_facts().map(move |facts| (&point.id, facts)));
        let elsewhere = listed.filter(|(_, (_, known, _))| *known == public).any(|(point, (known, ..))| {
            let is_sealing = own.is_some_and(|own| own.listed(id).is_some());
            point != owner || known != id || !is_sealing
        });
        if elsewhere { Stands::Elsewhere } else { Stands::Here }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    /// For nothing else.
    Here,
    /// The id stands for another key.
    ForAnother,
    /// The key has another owner, use or id.
    Elsewhere,
}

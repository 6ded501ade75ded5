//! What parties sign themselves between releases, taken together: bulletins and revocations over one release.
//!
//! Whoever has the same release and has heard the same comes to the same bytes, in whatever order it heard them, so
//! that a digest tells two access points apart. Of revocations only those are kept that decide from when on some key
//! is revoked: however many a thief signs, there are never more than keys.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nhipcau_proto::directory::v1 as pb;
use prost::Message as _;

use super::bulletin::Bulletin;
use super::error::Error;
use super::release::Release;
use super::revocation::Revocation;
use crate::id::AccessPointId;
use crate::pae::{Digest, sha256};

/// Largest file of notices in bytes.
pub const MAX_NOTICES_BYTES: usize = 4 << 20;
/// Bulletins, and revocations, in it at most: far more than there are access points, and checked in a moment.
const MAX_ENTRIES: usize = 1024;
/// Largest revocation that is handed on, in bytes.
const MAX_REVOCATION_BYTES: usize = 4 << 10;

/// The revocations over a release, and its notices as they are handed on.
#[derive(Debug, Clone, Default)]
pub(super) struct Notices {
    revocations: BTreeMap<Digest, Arc<Noted>>,
    bytes: Arc<[u8]>,
    digest: Option<Digest>,
}

#[derive(Debug)]
struct Noted {
    signed: pb::SignedRevocation,
    revocation: Revocation,
}

/// What came of the notices of a peer.
#[derive(Debug)]
pub struct Heard {
    /// The release with what was new in them over it; none when nothing was.
    pub release: Option<Release>,
    /// Why entries were refused that no honest peer hands on.
    pub refused: Vec<Error>,
}

impl Release {
    /// The bulletins and revocations over this release, as a file for peers; empty when there are none.
    #[must_use]
    pub fn notices(&self) -> &[u8] {
        &self.notices.bytes
    }

    /// SHA-256 of [`Release::notices`]; none when there are none.
    #[must_use]
    pub fn notices_digest(&self) -> Option<Digest> {
        self.notices.digest
    }

    /// Each bulletin in use with whose it is.
    pub fn bulletins(&self) -> impl Iterator<Item = (&AccessPointId, &Bulletin)> {
        self.access_points().filter_map(|point| Some((&point.id, point.bulletin()?)))
    }

    /// Each revocation that decides over a key, by the SHA-256 of its bytes.
    pub fn revocations(&self) -> impl Iterator<Item = (Digest, Vec<u8>)> {
        self.notices.revocations.iter().map(|(digest, noted)| (*digest, noted.signed.encode_to_vec()))
    }

    /// Takes what is new in the notices of a peer. One entry that is refused keeps no other away.
    ///
    /// # Errors
    /// [`Error::Malformed`] when they are not notices within their size limit.
    pub fn hear(&self, notices: &[u8]) -> Result<Heard, Error> {
        let wire = Some(notices).filter(|bytes| bytes.len() <= MAX_NOTICES_BYTES);
        let wire = wire.and_then(|bytes| pb::Notices::decode(bytes).ok());
        let is_bounded = |wire: &pb::Notices| wire.bulletins.len().max(wire.revocations.len()) <= MAX_ENTRIES;
        let wire = wire.filter(is_bounded).ok_or(Error::Malformed)?;
        let (mut release, mut refused) = (self.clone(), Vec::new());
        // Revocations first: what a revoked key has signed is not even looked at. Some may be of bulletins' keys.
        let mut revocations = Vec::new();
        for signed in &wire.revocations {
            let bytes = signed.encode_to_vec();
            let is_known = release.notices.revocations.contains_key(&sha256(&bytes));
            if bytes.len() > MAX_REVOCATION_BYTES {
                refused.push(Error::Malformed);
            } else if !is_known && release.take_revocation(&bytes, false).is_err() {
                revocations.push(bytes);
            }
        }
        for signed in &wire.bulletins {
            refused.extend(release.take_bulletin(&signed.encode_to_vec()).err());
        }
        for bytes in revocations {
            match release.take_revocation(&bytes, false) {
                // Of keys that only another release lists.
                Ok(()) | Err(Error::Invalid(_)) => {}
                Err(error) => refused.push(error),
            }
        }
        refused.retain(|error| !error.is_of_another_time());
        let release = Some(release).filter(|release| release.supersedes(self));
        Ok(Heard { release, refused })
    }

    /// Puts over this release what still counts of what stood over the one before it.
    pub(super) fn carry(&mut self, before: &Self) {
        let noted = before.notices.revocations.values();
        let noted: Vec<_> = noted.map(|noted| noted.signed.encode_to_vec()).collect();
        let bulletins = before.bulletins().map(|(_, bulletin)| bulletin.signed_bytes()).collect::<Vec<_>>();
        for bytes in &bulletins {
            // Whoever spoke may be gone, or sign with another key now.
            drop(self.take_bulletin(bytes));
        }
        for bytes in &noted {
            // Its keys may be gone, or who signed it.
            drop(self.take_revocation(bytes, false));
        }
        for known in before.access_points() {
            let Some(point) = self.participants.access_points.get_mut(&known.id) else { continue };
            for (key, _, revoked) in known.key_facts() {
                revoked.into_iter().for_each(|from| point.revoke(key, from));
            }
        }
        self.gather();
    }

    pub(super) fn put_bulletin(&mut self, owner: &AccessPointId, bulletin: Bulletin) {
        if let Some(point) = self.participants.access_points.get_mut(owner) {
            let before: Vec<_> = point.key_facts().filter_map(|(id, _, at)| Some((id.clone(), at?))).collect();
            point.bulletin = Some(bulletin);
            before.iter().for_each(|(id, from)| point.revoke(id, *from));
        }
        self.apply_revocations();
        self.gather();
    }

    pub(super) fn note_revocation(&mut self, signed: &pb::SignedRevocation, revocation: Revocation) {
        let noted = Noted { signed: signed.clone(), revocation };
        self.notices.revocations.insert(sha256(&signed.encode_to_vec()), Arc::new(noted));
        self.apply_revocations();
        self.gather();
    }

    fn apply_revocations(&mut self) {
        for noted in self.notices.revocations.values() {
            let Revocation { access_point, keys, revoke_time, .. } = &noted.revocation;
            if let Some(point) = self.participants.access_points.get_mut(access_point) {
                keys.iter().for_each(|key| point.revoke(key, *revoke_time));
            }
        }
    }

    /// Keeps the revocations that decide, and brings the notices to the state of the release.
    fn gather(&mut self) {
        let mut first = BTreeMap::new();
        for (digest, noted) in &self.notices.revocations {
            let Revocation { access_point, keys, revoke_time, .. } = &noted.revocation;
            let Some(point) = self.participants.access_points.get(access_point) else { continue };
            for key in keys.iter().filter(|key| point.has_key(key)) {
                let earliest = first.entry((access_point, key)).or_insert((revoke_time, digest));
                *earliest = (*earliest).min((revoke_time, digest));
            }
        }
        let decisive: BTreeSet<Digest> = first.into_values().map(|(_, digest)| *digest).collect();
        self.notices.revocations.retain(|digest, _| decisive.contains(digest));
        let short = self.notices.revocations.values().map(|noted| &noted.signed);
        let short = short.filter(|signed| signed.encoded_len() <= MAX_REVOCATION_BYTES);
        let notices = pb::Notices {
            bulletins: self.bulletins().map(|(_, bulletin)| bulletin.signed().clone()).collect(),
            revocations: short.cloned().collect(),
        };
        let bytes = notices.encode_to_vec();
        self.notices.digest = (!bytes.is_empty()).then(|| sha256(&bytes));
        self.notices.bytes = bytes.into();
    }
}

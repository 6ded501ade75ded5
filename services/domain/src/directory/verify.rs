//! From bytes to a release: signatures first, then order, then content. Bytes that too few have signed are not
//! looked into.

use std::sync::Arc;

use nhipcau_proto::directory::v1 as pb;
use prost::Message as _;

use super::error::Error;
use super::notices::Notices;
use super::participant::Participants;
use super::release::Release;
use super::root::TrustedRoot;
use super::type_string::release_digest;
use super::violation::{Problem, Violations};
use super::{attachment, code_list, data_structure, read, retention, time_limit};

/// Largest signed release in bytes: what is larger belongs into attached files.
pub const MAX_RELEASE_BYTES: usize = 4 << 20;
const MAX_SIGNATURES: usize = 16;
const FORMAT: u32 = 1;

impl Release {
    /// Verifies a signed release under the trusted root or, when a release is in use, under that release's root.
    ///
    /// Versions only rise; the version in use verifies again if it is the same. A change of root must be signed
    /// under both roots, so an access point that missed one takes the releases between in their order. Keys that
    /// were revoked in the release in use stay revoked, and its bulletins stay in use where they still count.
    ///
    /// # Errors
    /// One of [`Error`], [`Error::Invalid`] with all violations at once. Nothing is in use that was not before.
    pub fn verify(signed_bytes: &[u8], trusted: &TrustedRoot, current: Option<&Self>) -> Result<Self, Error> {
        let signed = decode_signed(signed_bytes)?;
        let authority = current.map_or(trusted, Self::root);
        let valid = authority.count_signers(&signed);
        if valid < authority.threshold() {
            return Err(Error::UnderSigned { valid, needed: authority.threshold() });
        }

        let release = read_release(signed_bytes, &signed.release, current)?;
        if release.root.programme() != authority.programme() {
            return Err(Error::WrongProgramme);
        }
        check_root(&release.root, authority, &signed)?;
        Ok(release)
    }
}

/// Everything about a release except who signed it.
pub(super) fn read_release(signed_bytes: &[u8], release: &[u8], current: Option<&Release>) -> Result<Release, Error> {
    let wire = decode_release(release)?;
    let digest = release_digest(release);
    if let Some(current) = current {
        check_order(&wire, &digest, current)?;
    }

    let mut found = Violations::default();
    let root = TrustedRoot::read(&wire.programme, wire.root.as_ref(), &mut found);
    let issue = read::time(wire.issue_time.as_ref(), &mut found, format_args!("issue_time"));
    let expire = read::time(wire.expire_time.as_ref(), &mut found, format_args!("expire_time"));
    if let (Some(issue), Some(expire)) = (issue, expire) {
        found.require(issue < expire, Problem::EndsBeforeStart, format_args!("expire_time"));
    }
    found.require(wire.version > 0, Problem::Range, format_args!("version"));
    let previous = if wire.version == 1 { 0 } else { 32 };
    found.require(wire.previous_digest.len() == previous, Problem::Range, format_args!("previous_digest"));
    let participants = Participants::read(&wire, expire, current, &mut found);
    attachment::check(&wire, &mut found);
    code_list::check(&wire, &mut found);
    data_structure::check(&wire, &mut found);
    time_limit::check(&wire, &mut found);
    retention::check(&wire, &mut found);

    let (Some(root), Some(issue), Some(expire), 0) = (root, issue, expire, found.total()) else {
        return Err(Error::Invalid(found));
    };
    let (signed, wire) = (signed_bytes.into(), Arc::new(wire));
    let mut release = Release { signed, digest, root, issue, expire, participants, wire, notices: Notices::default() };
    if let Some(current) = current {
        release.carry(current);
    }
    Ok(release)
}

pub(super) fn decode_signed(bytes: &[u8]) -> Result<pb::SignedRelease, Error> {
    if bytes.len() > MAX_RELEASE_BYTES {
        return Err(Error::Malformed);
    }
    pb::SignedRelease::decode(bytes)
        .ok()
        .filter(|signed| signed.signatures.len() <= MAX_SIGNATURES)
        .ok_or(Error::Malformed)
}

pub(super) fn decode_release(bytes: &[u8]) -> Result<pb::Release, Error> {
    let release = pb::Release::decode(bytes).map_err(|_| Error::Malformed)?;
    if release.format == FORMAT { Ok(release) } else { Err(Error::UnknownFormat(release.format)) }
}

fn check_order(wire: &pb::Release, digest: &[u8; 32], current: &Release) -> Result<(), Error> {
    let (offered, in_use) = (wire.version, current.version());
    if offered < in_use {
        Err(Error::RolledBack { offered, current: in_use })
    } else if offered == in_use && *digest != current.digest {
        Err(Error::Conflict(offered))
    } else if offered - in_use == 1 && wire.previous_digest != current.digest {
        Err(Error::Forked(offered))
    } else {
        Ok(())
    }
}

fn check_root(root: &TrustedRoot, authority: &TrustedRoot, signed: &pb::SignedRelease) -> Result<(), Error> {
    if root == authority {
        return Ok(());
    }
    if root.version() <= authority.version() {
        return Err(Error::RootRolledBack);
    }
    let valid = root.count_signers(signed);
    if valid < root.threshold() {
        return Err(Error::RootUnderSigned { valid, needed: root.threshold() });
    }
    Ok(())
}

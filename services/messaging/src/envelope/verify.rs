//! Checking an envelope as anyone can who has the directory: form, signature, parts against the manifest.

use jiff::Timestamp;
use nhipcau_domain::{
    directory::Release,
    id::{AccessPointId, KeyId},
};
use prost::Message;

use super::{ENVELOPE_LIMIT, FORMAT, Routing, Verified, digest, wire};
use crate::{
    crypto::{
        padding,
        seal::{Wrapped, sealed_length},
        sign,
    },
    message::{Lane, MessageId, NUMBER_LIMIT, PARTS_LIMIT, Recipient},
    pae,
};

/// Why an envelope cannot be believed. It takes no position, has no effect and gets no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// Not an envelope of this format, or a field is out of its bounds.
    #[error("the bytes are not an envelope of a known format")]
    Malformed,
    /// A suite that this version does not know.
    #[error("the suite is unknown")]
    UnknownSuite,
    /// The sender or its key is not in the directory release here.
    #[error("the signing key is not in the directory")]
    UnknownSigner,
    /// The signing key was revoked.
    #[error("the signing key was revoked")]
    RevokedSigner,
    /// The signature is not the sender's.
    #[error("the signature does not verify")]
    BadSignature,
    /// The parts are not those of the manifest.
    #[error("the parts differ from the manifest")]
    PartsDiffer,
    /// Verified, but for somebody else or on another channel's subject.
    #[error("the envelope belongs to another channel")]
    Misrouted,
}

impl Rejected {
    /// A stable name for counters.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownSuite => "unknown_suite",
            Self::UnknownSigner => "unknown_signer",
            Self::RevokedSigner => "revoked_signer",
            Self::BadSignature => "bad_signature",
            Self::PartsDiffer => "parts_differ",
            Self::Misrouted => "misrouted",
        }
    }
}

/// What is let pass that a stranger's envelope on a channel is not.
#[derive(Debug, Clone, Copy, Default)]
pub struct Trust {
    /// An envelope without its parts.
    pub erased: bool,
    /// A signing key that was revoked since: for own signatures.
    pub revoked: bool,
}

/// Checks an envelope signed under the type string `kind`.
///
/// # Errors
/// [`Rejected`] with the first reason found.
pub fn verify(
    envelope: wire::Envelope,
    kind: &[u8],
    release: &Release,
    now: Timestamp,
    trust: Trust,
) -> Result<Verified, Rejected> {
    if envelope.encoded_len() > ENVELOPE_LIMIT {
        return Err(Rejected::Malformed);
    }
    let (routing, suite) = parse_routing(&envelope.routing, kind == pae::RETURN)?;
    let manifest = wire::Manifest::decode(envelope.manifest.as_slice()).map_err(|_| Rejected::Malformed)?;

    let key = release.signing_key(&routing.sender, &routing.signing_key).ok_or(Rejected::UnknownSigner)?;
    if !trust.revoked && key.revoked.is_some_and(|at| at <= now) {
        return Err(Rejected::RevokedSigner);
    }
    if !sign::verify(&key.public, kind, &[&envelope.routing, &envelope.manifest], &envelope.signature) {
        return Err(Rejected::BadSignature);
    }

    check_manifest(&manifest, suite, routing.lane)?;
    if !(trust.erased && envelope.parts.is_empty()) {
        check_parts(&envelope.parts, &manifest, suite)?;
    }
    let digest = digest(&envelope);
    Ok(Verified { digest, routing, entries: manifest.entries, envelope })
}

fn check_manifest(manifest: &wire::Manifest, suite: wire::Suite, lane: Option<Lane>) -> Result<(), Rejected> {
    let well_formed = |entry: &wire::ManifestEntry| {
        let padded = entry.padded_bytes as usize;
        let sealed = match suite {
            wire::Suite::Public => entry.key_commitment.is_empty(),
            _ => {
                let on_lane = padded <= padding::MESSAGE_BUCKET || lane != Some(Lane::Messages);
                padding::is_bucket(padded) && on_lane && entry.key_commitment.len() == 32
            }
        };
        sealed && entry.digest.len() == 32
    };
    let counted = (1..=PARTS_LIMIT + 1).contains(&manifest.entries.len());
    if counted && manifest.entries.iter().all(well_formed) { Ok(()) } else { Err(Rejected::Malformed) }
}

fn check_parts(parts: &[Vec<u8>], manifest: &wire::Manifest, suite: wire::Suite) -> Result<(), Rejected> {
    let fits = |(part, entry): (&Vec<u8>, &wire::ManifestEntry)| {
        let padded = entry.padded_bytes as usize;
        let length = if suite == wire::Suite::Public { padded } else { sealed_length(padded) };
        part.len() == length && pae::sha256(part).as_slice() == entry.digest
    };
    let all = parts.len() == manifest.entries.len() && parts.iter().zip(&manifest.entries).all(fits);
    if all { Ok(()) } else { Err(Rejected::PartsDiffer) }
}

/// Reads a time as protobuf allows it: the years 1 to 9999, nanoseconds counted up from the second.
pub(crate) fn time(wire: Option<&prost_types::Timestamp>) -> Option<Timestamp> {
    let at = wire?;
    let allowed = (-62_135_596_800..=253_402_300_799).contains(&at.seconds) && (0..1_000_000_000).contains(&at.nanos);
    // Only the last two days of the year 9999 are beyond what can be represented here.
    allowed.then(|| Timestamp::new(at.seconds, at.nanos).unwrap_or(Timestamp::MAX))
}

fn parse_routing(bytes: &[u8], returned: bool) -> Result<(Routing, wire::Suite), Rejected> {
    let malformed = Rejected::Malformed;
    let r = wire::Routing::decode(bytes).map_err(|_| malformed)?;
    if r.format != FORMAT {
        return Err(malformed);
    }
    let suite = wire::Suite::try_from(r.suite).map_err(|_| Rejected::UnknownSuite)?;
    let recipient = Recipient::parse(&r.recipient).map_err(|_| malformed)?;
    let lane = Lane::from_number(i64::from(r.lane));
    let wrap = match (suite, r.wrap) {
        (wire::Suite::Public, None) if r.salt.is_empty() && recipient == Recipient::All && lane == Some(Lane::Bulk) => {
            None
        }
        (wire::Suite::X25519Aes256gcmEd25519, Some(wrap))
            if wrap.encapsulated_key.len() == 32
                && wrap.ciphertext.len() == 48
                && r.salt.len() == 32
                && recipient != Recipient::All =>
        {
            let key = KeyId::new(&wrap.sealing_key).map_err(|_| malformed)?;
            Some((key, Wrapped { encapsulated_key: wrap.encapsulated_key, ciphertext: wrap.ciphertext }))
        }
        (wire::Suite::Unspecified, _) => return Err(Rejected::UnknownSuite),
        _ => return Err(malformed),
    };
    let follows_nothing = r.previous_digest == [0; 32];
    let placed = if returned {
        r.lane == 0 && r.incarnation == 0 && r.sequence == 0 && r.base_sequence == 0 && follows_nothing
    } else {
        let first = r.sequence == 1;
        lane.is_some() && r.incarnation > 0 && r.base_sequence < r.sequence && follows_nothing == first
    };
    let numbers = [r.incarnation, r.sequence, r.base_sequence, r.directory_version];
    let countable = numbers.iter().all(|n| *n < NUMBER_LIMIT);
    if !placed || !countable {
        return Err(malformed);
    }
    let id = MessageId::from_slice(&r.id).ok_or(malformed)?;
    let routing = Routing {
        id,
        sender: AccessPointId::new(&r.sender).map_err(|_| malformed)?,
        recipient,
        lane,
        incarnation: r.incarnation,
        sequence: r.sequence,
        base_sequence: r.base_sequence,
        previous: r.previous_digest.as_slice().try_into().map_err(|_| malformed)?,
        create_time: time(r.create_time.as_ref()).ok_or(malformed)?,
        directory_version: r.directory_version,
        signing_key: KeyId::new(&r.signing_key).map_err(|_| malformed)?,
        wrap,
        salt: r.salt,
    };
    Ok((routing, suite))
}

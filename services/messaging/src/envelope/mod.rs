//! Envelopes: what a signed message is, made ([`fn@seal`]), checked by anyone ([`fn@verify`]) and opened by its
//! recipient ([`fn@open`]).
//!
//! Signed bytes are kept as they came and are never encoded again. Nothing here knows of stores or of order.

mod content;
mod open;
mod proof;
mod seal;
mod verify;

use jiff::Timestamp;
use nhipcau_domain::id::{AccessPointId, KeyId};
pub use nhipcau_proto::envelope::v1 as wire;

pub use self::{
    content::{Content, Skip},
    open::{OpenError, Opened, channel_key, open, open_returned, part_keys},
    proof::Proof,
    seal::{ChannelKeys, Place, Sealed, Sender, seal},
    verify::{Rejected, Trust, verify},
};
pub(crate) use self::{seal::timestamp, verify::time};
use crate::{
    crypto::seal::Wrapped,
    message::{Lane, MessageId, Recipient},
    pae::{self, Digest},
};

/// Format number of envelopes.
pub const FORMAT: u32 = 1;

/// Largest serialized envelope, in bytes: a full chunk with its control part.
pub const ENVELOPE_LIMIT: usize = 496 * 1024;

/// The clear part of an envelope, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routing {
    /// Message id.
    pub id: MessageId,
    /// Who signed.
    pub sender: AccessPointId,
    /// Who may open.
    pub recipient: Recipient,
    /// The channel's lane; none for a Return, which stands outside channels.
    pub lane: Option<Lane>,
    /// Life of the channel.
    pub incarnation: u64,
    /// Position in the channel.
    pub sequence: u64,
    /// Last position agreed on before this incarnation.
    pub base_sequence: u64,
    /// Digest of the channel's previous envelope.
    pub previous: Digest,
    /// When it was sealed, by the sender's clock.
    pub create_time: Timestamp,
    /// Directory release that the sender applied.
    pub directory_version: u64,
    /// The sender's signing key.
    pub signing_key: KeyId,
    /// The recipient's sealing key and the wrapped channel key; none in a broadcast.
    pub wrap: Option<(KeyId, Wrapped)>,
    /// Salt of this sealing.
    pub salt: Vec<u8>,
}

/// An envelope whose signature and manifest hold.
#[derive(Debug, Clone)]
pub struct Verified {
    /// The original.
    pub envelope: wire::Envelope,
    /// Its clear part.
    pub routing: Routing,
    /// Its digest, named by the next envelope and by receipts.
    pub digest: Digest,
    entries: Vec<wire::ManifestEntry>,
}

/// The digest of an envelope: SHA-256 over PAE of routing, manifest and signature.
#[must_use]
pub fn digest(envelope: &wire::Envelope) -> Digest {
    pae::digest_of(&[pae::ENVELOPE_DIGEST, &envelope.routing, &envelope.manifest, &envelope.signature])
}

fn wrap_info(sender: &AccessPointId, signing: &KeyId, recipient: &str, sealing: &KeyId) -> Vec<u8> {
    let suite = (wire::Suite::X25519Aes256gcmEd25519 as i32).to_string();
    pae::pae(&[
        pae::WRAP,
        suite.as_bytes(),
        sender.as_str().as_bytes(),
        signing.as_str().as_bytes(),
        recipient.as_bytes(),
        sealing.as_str().as_bytes(),
    ])
}

//! Making an envelope: sealing the parts and signing.

use std::collections::HashMap;

use jiff::Timestamp;
use nhipcau_domain::id::{AccessPointId, KeyId};
use prost::Message;

use super::{Content, FORMAT, Proof, digest, proof::MESSAGE_PART, wire, wrap_info};
use crate::{
    Entropy,
    crypto::{
        KeyError, padding,
        seal::{ChannelKey, Parts, Wrapped, seal_part, wrap},
        sign::SigningKey,
    },
    message::{Lane, MessageId, Recipient},
    pae::{self, Digest},
};

/// Who seals.
#[derive(Clone, Copy)]
pub struct Sender<'s> {
    /// The own access point.
    pub access_point: &'s AccessPointId,
    /// Its signing key.
    pub signing: &'s SigningKey,
    /// The directory release applied.
    pub directory_version: u64,
}

/// Where in its channel an envelope stands.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The lane; none for a Return.
    pub lane: Option<Lane>,
    /// Life of the channel.
    pub incarnation: u64,
    /// Position.
    pub sequence: u64,
    /// Last position agreed on before this incarnation.
    pub base_sequence: u64,
    /// Digest of the previous envelope.
    pub previous: Digest,
    /// When it is sealed.
    pub create_time: Timestamp,
}

/// A sealed and signed envelope.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// The envelope.
    pub envelope: wire::Envelope,
    /// Its digest.
    pub digest: Digest,
    /// What proves its message later; none where it is not sealed.
    pub proof: Option<Proof>,
}

/// Channel keys of this process: one per recipient, for its sealing key and the UTC day, in memory only. Those of an
/// earlier key or day are gone.
#[derive(Default)]
pub struct ChannelKeys {
    keys: HashMap<AccessPointId, (KeyId, i64, ChannelKey, Wrapped)>,
}

impl ChannelKeys {
    /// The day's channel key for the recipient with its wrap.
    ///
    /// # Errors
    /// [`KeyError::Sealing`] when the recipient's public key is not one.
    pub fn get(
        &mut self,
        sender: Sender<'_>,
        recipient: (&AccessPointId, &KeyId, &[u8; 32]),
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<(ChannelKey, Wrapped), KeyError> {
        let (access_point, key_id, public) = recipient;
        let day = now.as_second().div_euclid(86_400);
        if let Some((id, made, key, wrapped)) = self.keys.get(access_point)
            && (id, *made) == (key_id, day)
        {
            return Ok((key.clone(), wrapped.clone()));
        }
        let mut bytes = [0; 32];
        entropy.fill(&mut bytes);
        let key = ChannelKey(bytes);
        let info = wrap_info(sender.access_point, sender.signing.id(), access_point.as_str(), key_id);
        let wrapped = wrap(&key, public, &info)?;
        self.keys.retain(|_, (_, made, ..)| *made == day);
        self.keys.insert(access_point.clone(), (key_id.clone(), day, key.clone(), wrapped.clone()));
        Ok((key, wrapped))
    }
}

/// Seals the content for its place and signs it. Without a key the content is public and is only signed.
///
/// # Errors
/// [`KeyError::Sealing`] when a part is larger than the largest bucket.
pub fn seal(
    sender: Sender<'_>,
    recipient: &Recipient,
    place: Place,
    id: MessageId,
    content: &Content,
    key: Option<(&KeyId, &ChannelKey, &Wrapped)>,
    entropy: &mut dyn Entropy,
) -> Result<Sealed, KeyError> {
    let mut salt = Vec::new();
    if key.is_some() {
        salt.resize(32, 0);
        entropy.fill(&mut salt);
    }
    let suite = if key.is_some() { wire::Suite::X25519Aes256gcmEd25519 } else { wire::Suite::Public };
    let routing = wire::Routing {
        format: FORMAT,
        suite: suite as i32,
        id: id.0.to_vec(),
        sender: sender.access_point.to_string(),
        recipient: recipient.as_str().to_owned(),
        lane: place.lane.map_or(0, Lane::number),
        incarnation: place.incarnation,
        sequence: place.sequence,
        base_sequence: place.base_sequence,
        previous_digest: place.previous.to_vec(),
        create_time: Some(timestamp(place.create_time)),
        directory_version: sender.directory_version,
        signing_key: sender.signing.id().to_string(),
        wrap: key.map(|(id, _, wrapped)| wire::Wrap {
            sealing_key: id.to_string(),
            encapsulated_key: wrapped.encapsulated_key.clone(),
            ciphertext: wrapped.ciphertext.clone(),
        }),
        salt,
    };
    let salt = routing.salt.clone();
    let routing = routing.encode_to_vec();

    let control = content.control();
    let plain = std::iter::once(control.as_slice()).chain(content.parts.iter().map(Vec::as_slice));
    let mut entries = Vec::with_capacity(content.parts.len() + 1);
    let mut parts = Vec::with_capacity(content.parts.len() + 1);
    let mut proof = None;
    match key {
        None => {
            for part in plain {
                let padded_bytes = u32::try_from(part.len()).map_err(|_| KeyError::Sealing)?;
                let digest = pae::sha256(part).to_vec();
                entries.push(wire::ManifestEntry { digest, padded_bytes, key_commitment: Vec::new() });
                parts.push(part.to_vec());
            }
        }
        Some((_, channel_key, _)) => {
            let keys = Parts::new(channel_key, &salt, &routing);
            let aad = pae::sha256(&routing);
            for (index, part) in plain.enumerate() {
                let part_key = keys.key(index)?;
                let padded = padding::pad(part).ok_or(KeyError::Sealing)?;
                let padded_bytes = u32::try_from(padded.len()).map_err(|_| KeyError::Sealing)?;
                let sealed = seal_part(&part_key.key, &aad, padded)?;
                entries.push(wire::ManifestEntry {
                    digest: pae::sha256(&sealed).to_vec(),
                    padded_bytes,
                    key_commitment: part_key.commitment.to_vec(),
                });
                parts.push(sealed);
                if index == MESSAGE_PART {
                    proof = Some(Proof(part_key.key));
                }
            }
        }
    }
    let manifest = wire::Manifest { entries }.encode_to_vec();
    let kind = if place.lane.is_some() { pae::ENVELOPE } else { pae::RETURN };
    let signature = sender.signing.sign(kind, &[&routing, &manifest]);
    let envelope = wire::Envelope { routing, manifest, parts, signature };
    let digest = digest(&envelope);
    Ok(Sealed { envelope, digest, proof })
}

/// A time as it travels.
pub(crate) fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() }
}

//! Opening an envelope: by its recipient through the wrap, or by its own sender with part keys that a peer
//! returned.

use zeroize::Zeroizing;

use super::{Content, Verified, wrap_info};
use crate::{
    crypto::{
        padding,
        seal::{ChannelKey, Parts, open_part, unwrap},
    },
    keys::SealingSecret,
    message::MessageId,
    pae,
};

/// Why a verified envelope does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Sealed to a key that is not at hand.
    #[error("the sealing key is not at hand")]
    MissingKey,
    /// Wrap, commitment, ciphertext, padding or control part is wrong: the sender's fault.
    #[error("the envelope does not open to a content")]
    Unreadable,
}

/// An opened envelope.
#[derive(Debug, Clone)]
pub struct Opened {
    /// Message id.
    pub id: MessageId,
    /// What was sealed.
    pub content: Content,
}

/// Opens the channel key of an envelope's wrap. Recipients remember it by the wrap, after verifying.
///
/// # Errors
/// [`OpenError::MissingKey`] or [`OpenError::Unreadable`].
pub fn channel_key(verified: &Verified, secrets: &[SealingSecret]) -> Result<Option<ChannelKey>, OpenError> {
    let routing = &verified.routing;
    let Some((key_id, wrapped)) = &routing.wrap else { return Ok(None) };
    let secret = secrets.iter().find(|s| s.id == *key_id).ok_or(OpenError::MissingKey)?;
    let info = wrap_info(&routing.sender, &routing.signing_key, routing.recipient.as_str(), key_id);
    unwrap(wrapped, &secret.private, &info).map(Some).map_err(|_| OpenError::Unreadable)
}

/// Opens an envelope; without a channel key it must be public.
///
/// # Errors
/// [`OpenError::Unreadable`] when it does not open to a content.
pub fn open(verified: &Verified, key: Option<&ChannelKey>) -> Result<Opened, OpenError> {
    let parts = match key {
        None if verified.routing.wrap.is_none() => verified.envelope.parts.clone(),
        None => return Err(OpenError::Unreadable),
        Some(key) => open_parts(verified, &part_keys(verified, key)?)?,
    };
    content(verified, parts)
}

/// The key of each part, checked against its commitment.
///
/// # Errors
/// [`OpenError::Unreadable`] when a commitment is not that of the derived key.
pub fn part_keys(verified: &Verified, key: &ChannelKey) -> Result<Vec<Zeroizing<[u8; 32]>>, OpenError> {
    let parts = Parts::new(key, &verified.routing.salt, &verified.envelope.routing);
    verified
        .entries
        .iter()
        .enumerate()
        .map(|(index, entry)| match parts.key(index) {
            Ok(part) if part.commitment.as_slice() == entry.key_commitment => Ok(part.key),
            _ => Err(OpenError::Unreadable),
        })
        .collect()
}

/// Opens an own envelope that a peer returned with its part keys. AES-GCM under the wrong key fails, and the
/// manifest is signed, so that what opens is what was sealed.
///
/// # Errors
/// [`OpenError::Unreadable`] when the keys are not those of the envelope.
pub fn open_returned(verified: &Verified, keys: &[Vec<u8>]) -> Result<Opened, OpenError> {
    if verified.routing.wrap.is_none() {
        let parts = verified.envelope.parts.clone();
        return if keys.is_empty() { content(verified, parts) } else { Err(OpenError::Unreadable) };
    }
    let keys = keys
        .iter()
        .map(|k| <[u8; 32]>::try_from(k.as_slice()).map(Zeroizing::new).map_err(|_| OpenError::Unreadable))
        .collect::<Result<Vec<_>, _>>()?;
    let parts = open_parts(verified, &keys)?;
    content(verified, parts)
}

fn open_parts(verified: &Verified, keys: &[Zeroizing<[u8; 32]>]) -> Result<Vec<Vec<u8>>, OpenError> {
    if keys.len() != verified.envelope.parts.len() {
        return Err(OpenError::Unreadable);
    }
    let aad = pae::sha256(&verified.envelope.routing);
    verified
        .envelope
        .parts
        .iter()
        .zip(keys)
        .map(|(part, key)| {
            let padded = open_part(key, &aad, part).map_err(|_| OpenError::Unreadable)?;
            padding::unpad(padded).ok_or(OpenError::Unreadable)
        })
        .collect()
}

fn content(verified: &Verified, mut parts: Vec<Vec<u8>>) -> Result<Opened, OpenError> {
    if parts.is_empty() {
        return Err(OpenError::Unreadable);
    }
    let control = parts.remove(0);
    let content = Content::parse(&control, parts).ok_or(OpenError::Unreadable)?;
    // A broadcast is for no party, and what is sealed is for one.
    if content.header.recipient.is_none() != verified.routing.wrap.is_none() {
        return Err(OpenError::Unreadable);
    }
    Ok(Opened { id: verified.routing.id, content })
}

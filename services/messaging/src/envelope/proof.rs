//! Proof of what stood in part 1 of an envelope, long after the envelope lost its parts.
//!
//! A part is sealed under a key of its own with nothing random beside it, so that key and content make the very
//! ciphertext again whose digest the signed manifest names. The key opens that one part and nothing else. It is kept
//! only where the part lies in the clear as well (see [`keeps_proof`](crate::handler::Handler::keeps_proof)).
//!
//! Does not say that nobody ever made a second pair of key and content for the same ciphertext: AES-GCM does not commit
//! to its key, and whoever sealed the envelope could have looked for one. Its recipient checked the commitment when it
//! opened the envelope, so that what the *other* side sealed is not open to that in the hands of an honest keeper.

use std::fmt;

use zeroize::Zeroizing;

use super::Verified;
use crate::{
    crypto::{
        padding,
        seal::{ChannelKey, Parts, open_part, seal_part},
    },
    pae,
};

/// The part that holds the message.
pub(super) const MESSAGE_PART: usize = 1;

/// The key of the message's part in one envelope.
#[derive(Clone, PartialEq, Eq)]
pub struct Proof(pub(super) Zeroizing<[u8; 32]>);

impl Proof {
    /// Takes the 32 bytes that were kept.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        <[u8; 32]>::try_from(bytes).ok().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The proof of an envelope that can be opened; `None` where there is nothing to prove by a key.
    #[must_use]
    pub fn of(verified: &Verified, key: &ChannelKey) -> Option<Self> {
        let entry = verified.entries.get(MESSAGE_PART)?;
        let part = Parts::new(key, &verified.routing.salt, &verified.envelope.routing).key(MESSAGE_PART).ok()?;
        (part.commitment.as_slice() == entry.key_commitment).then_some(Self(part.key))
    }

    /// Whether it opens the message's part, where that is still there.
    #[must_use]
    pub fn opens(&self, verified: &Verified) -> bool {
        let aad = pae::sha256(&verified.envelope.routing);
        let part = verified.envelope.parts.get(MESSAGE_PART).filter(|_| verified.routing.wrap.is_some());
        part.is_some_and(|part| open_part(&self.0, &aad, part).is_ok())
    }

    /// The proof among the keys with which a peer returned an own envelope, which they opened.
    pub(crate) fn returned(part_keys: &[Vec<u8>]) -> Option<Self> {
        Self::from_slice(part_keys.get(MESSAGE_PART)?)
    }

    /// Whether this content, without padding, is what the signed envelope names as its message.
    #[must_use]
    pub fn holds(&self, verified: &Verified, content: &[u8]) -> bool {
        let Some(entry) = verified.entries.get(MESSAGE_PART) else { return false };
        let Some(padded) = padding::pad(content) else { return false };
        let aad = pae::sha256(&verified.envelope.routing);
        verified.routing.wrap.is_some()
            && padded.len() == entry.padded_bytes as usize
            && seal_part(&self.0, &aad, padded).is_ok_and(|sealed| pae::sha256(&sealed).as_slice() == entry.digest)
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proof(…)")
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use nhipcau_domain::id::{AccessPointId, KeyId};
    use prost::Message as _;

    use super::*;
    use crate::{
        SystemEntropy,
        crypto::{seal::public_key, sign::SigningKey},
        envelope::{ChannelKeys, Content, Place, Routing, Sender, channel_key, seal, wire},
        keys::SealingSecret,
        message::{Address, Header, Lane, MessageId, Recipient},
    };

    fn content(parts: &[&[u8]]) -> Content {
        let address = Address { party: "moh".parse().unwrap(), unit: None };
        let header = Header {
            message: "nhipcau.note.v1.Note".to_owned(),
            contract: "nhipcau.note.v1".parse().unwrap(),
            contract_minor: 0,
            sender: address.clone(),
            recipient: Some(address),
            purpose: "protection".parse().unwrap(),
            legal_basis: String::new(),
            correlation: None,
            kind: String::new(),
            corrected: None,
            traceparent: String::new(),
            blobs: Vec::new(),
        };
        Content { header, ordinal: 0, skip: None, parts: parts.iter().map(|part| part.to_vec()).collect() }
    }

    #[test]
    fn a_proof_holds_for_its_message_alone_and_opens_nothing_else() {
        let (me, to): (AccessPointId, AccessPointId) = ("moh".parse().unwrap(), "vwu".parse().unwrap());
        let (secret, sealing): (_, KeyId) = ([9; 32], "e-1".parse().unwrap());
        let signing = SigningKey::from_seed("s-1".parse().unwrap(), &[1; 32]).unwrap();
        let sender = Sender { access_point: &me, signing: &signing, directory_version: 1 };
        let public = public_key(&secret).unwrap();
        let now = Timestamp::UNIX_EPOCH;
        let key = ChannelKeys::default().get(sender, (&to, &sealing, &public), now, &mut SystemEntropy).unwrap();
        let (lane, id) = (Some(Lane::Messages), MessageId([0x80; 16]));
        let place = Place { lane, incarnation: 1, sequence: 1, base_sequence: 0, previous: [0; 32], create_time: now };
        let (message, content) = (b"an event".as_slice(), content(&[b"an event", b"a name"]));
        let recipient = Recipient::One(to);
        let key_of = Some((&sealing, &key.0, &key.1));
        let sealed = seal(sender, &recipient, place, id, &content, key_of, &mut SystemEntropy).unwrap();

        let routing = wire::Routing::decode(sealed.envelope.routing.as_slice()).unwrap();
        let verified = Verified {
            entries: wire::Manifest::decode(sealed.envelope.manifest.as_slice()).unwrap().entries,
            routing: Routing {
                id,
                sender: me.clone(),
                recipient,
                lane,
                incarnation: 1,
                sequence: 1,
                base_sequence: 0,
                previous: [0; 32],
                create_time: now,
                directory_version: 1,
                signing_key: "s-1".parse().unwrap(),
                wrap: Some((sealing.clone(), key.1.clone())),
                salt: routing.salt,
            },
            digest: sealed.digest,
            envelope: sealed.envelope,
        };
        let proof = sealed.proof.unwrap();
        let opened = channel_key(&verified, &[SealingSecret { id: sealing, private: secret }]).unwrap().unwrap();
        assert_eq!(Proof::of(&verified, &opened).unwrap(), proof, "both ends keep the same");
        assert!(proof.holds(&verified, message) && proof.opens(&verified));
        for other in [b"an even".as_slice(), b"an event\x80", b"another", b"a name", b""] {
            assert!(!proof.holds(&verified, other));
        }
        assert!(!Proof::from_slice(&[7; 32]).unwrap().holds(&verified, message));
        assert_eq!(Proof::from_slice(&[7; 31]), None);
        let aad = pae::sha256(&verified.envelope.routing);
        let opens = verified.envelope.parts.iter().map(|part| open_part(&proof.0, &aad, part).is_ok());
        assert_eq!(opens.collect::<Vec<_>>(), [false, true, false], "neither the control part nor the content");
    }
}

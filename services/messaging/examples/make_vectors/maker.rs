//! Access points that seal and sign, all of them in one place.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::{
    directory::Release,
    id::{AccessPointId, ContractId, KeyId, PartyId, Purpose, UnitId},
};
use nhipcau_messaging::{
    Entropy,
    crypto::{seal::public_key, sign::SigningKey},
    envelope::{self, ChannelKeys, Content, OpenError, Place, Sealed, Sender, Trust, Verified, seal, wire},
    keys::SealingSecret,
    message::{Address, Cause, Header, MessageId, Recipient},
    pae::{self, sha256},
};
use prost::Message;
use serde_json::{Value, json};

use crate::{
    Result,
    release::{PublicKeys, release},
};

const NAMES: [&str; 4] = ["hanoi", "moh", "moha", "vwu"];
const SIGNING: &str = "sign-2026";
const SEALING: &str = "seal-2026-11";

/// Fixed bytes for a name.
pub(crate) fn bytes_of(name: &str) -> [u8; 32] {
    sha256(format!("nhipcau golden vector: {name}").as_bytes())
}

/// A message id for a name.
pub(crate) fn id_of(name: &str) -> MessageId {
    MessageId::derive(&bytes_of("id key"), &Cause::Timer(name.to_owned()), 0)
}

/// Bytes that follow from a counter.
struct Counted(u64);

impl Entropy for Counted {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            self.0 += 1;
            chunk.iter_mut().zip(bytes_of(&format!("entropy {}", self.0))).for_each(|(to, from)| *to = from);
        }
    }
}

struct Point {
    id: AccessPointId,
    signing: SigningKey,
    sealing: SealingSecret,
    sealing_public: [u8; 32],
    channel_keys: ChannelKeys,
}

/// All access points of the vectors, and the release that vouches for their keys.
pub(crate) struct Maker {
    points: BTreeMap<&'static str, Point>,
    release: Release,
    entropy: Counted,
    pub(crate) now: Timestamp,
}

impl Maker {
    pub(crate) fn new() -> Result<Self> {
        let now = "2026-11-23T01:00:00Z".parse()?;
        let mut points = BTreeMap::new();
        for name in NAMES {
            let private = bytes_of(&format!("sealing key of {name}"));
            points.insert(
                name,
                Point {
                    id: AccessPointId::new(name)?,
                    signing: SigningKey::from_seed(KeyId::new(SIGNING)?, &signing_seed(name))?,
                    sealing: SealingSecret { id: KeyId::new(SEALING)?, private },
                    sealing_public: public_key(&private)?,
                    channel_keys: ChannelKeys::default(),
                },
            );
        }
        let keys = points.iter().map(|(name, point)| PublicKeys {
            name,
            signing: (SIGNING, point.signing.public()),
            sealing: (SEALING, point.sealing_public),
        });
        let release = release(keys, now)?;
        Ok(Self { points, release, entropy: Counted(0), now })
    }

    /// The cases of `keys.json`.
    pub(crate) fn keys(&self) -> Result<Vec<Value>> {
        let case = |(name, point): (&&str, &Point)| {
            json!({
                "name": name,
                "signing_key": SIGNING,
                "signing_seed": hex::encode(signing_seed(name)),
                "signing_public": hex::encode(point.signing.public()),
                "sealing_key": SEALING,
                "sealing_private": hex::encode(point.sealing.private),
                "sealing_public": hex::encode(point.sealing_public),
            })
        };
        Ok(self.points.iter().map(case).collect())
    }

    pub(crate) fn sender(&self, name: &str) -> Result<Sender<'_>> {
        let point = self.points.get(name).ok_or("no such access point")?;
        Ok(Sender { access_point: &point.id, signing: &point.signing, directory_version: self.release.version() })
    }

    /// Seals from one access point to another, or signs for `all`.
    pub(crate) fn seal(
        &mut self,
        (from, to): (&str, &str),
        place: Place,
        id: MessageId,
        content: &Content,
    ) -> Result<Sealed> {
        let directory_version = self.release.version();
        let recipient = Recipient::parse(to)?;
        let target =
            self.points.get(to).map(|point| (point.id.clone(), point.sealing.id.clone(), point.sealing_public));
        let point = self.points.get_mut(from).ok_or("no such access point")?;
        let sender = Sender { access_point: &point.id, signing: &point.signing, directory_version };
        let Some((to, sealing, public)) = target else {
            return Ok(seal(sender, &recipient, place, id, content, None, &mut self.entropy)?);
        };
        let target = (&to, &sealing, &public);
        let (key, wrapped) = point.channel_keys.get(sender, target, place.create_time, &mut self.entropy)?;
        let key = Some((&sealing, &key, &wrapped));
        Ok(seal(sender, &recipient, place, id, content, key, &mut self.entropy)?)
    }

    pub(crate) fn verify(&self, envelope: &wire::Envelope, kind: &[u8]) -> Result<Verified> {
        Ok(envelope::verify(envelope.clone(), kind, &self.release, self.now, Trust::default())?)
    }

    /// The keys of an envelope's parts, as its recipient derives them.
    pub(crate) fn part_keys(&self, verified: &Verified) -> Result<Vec<Vec<u8>>> {
        let Recipient::One(reader) = &verified.routing.recipient else { return Ok(Vec::new()) };
        let point = self.points.get(reader.as_str()).ok_or("no such access point")?;
        let key =
            envelope::channel_key(verified, std::slice::from_ref(&point.sealing))?.ok_or(OpenError::Unreadable)?;
        Ok(envelope::part_keys(verified, &key)?.iter().map(|key| key.to_vec()).collect())
    }

    /// The place at the beginning of a channel.
    pub(crate) fn first(&self, lane: nhipcau_messaging::message::Lane) -> Place {
        Place {
            lane: Some(lane),
            incarnation: 1,
            sequence: 1,
            base_sequence: 0,
            previous: [0; 32],
            create_time: self.now,
        }
    }

    /// The place after a sealed envelope, in the same incarnation, a second later.
    pub(crate) fn after(&self, place: Place, sealed: &Sealed) -> Place {
        let create_time = place.create_time + SignedDuration::from_secs(1);
        Place { sequence: place.sequence + 1, previous: sealed.digest, create_time, ..place }
    }
}

fn signing_seed(name: &str) -> [u8; 32] {
    bytes_of(&format!("signing key of {name}"))
}

/// A party and perhaps its unit, written `party/unit`.
pub(crate) fn address(text: &str) -> Result<Address> {
    let (party, unit) = text.split_once('/').map_or((text, None), |(party, unit)| (party, Some(unit)));
    Ok(Address { party: PartyId::new(party)?, unit: unit.map(UnitId::new).transpose()? })
}

/// A header with nothing that may be left out.
pub(crate) fn header(message: &str, from: &str, to: Option<&str>, purpose: &str) -> Result<Header> {
    let (contract, _) = message.rsplit_once('.').ok_or("a message name has a package")?;
    Ok(Header {
        message: message.to_owned(),
        contract: ContractId::new(contract)?,
        contract_minor: 0,
        sender: address(from)?,
        recipient: to.map(address).transpose()?,
        purpose: Purpose::new(purpose)?,
        legal_basis: String::new(),
        correlation: None,
        kind: String::new(),
        corrected: None,
        traceparent: String::new(),
        blobs: Vec::new(),
    })
}

/// A small event of a case from `moh` to `hanoi`, with its number within the case.
pub(crate) fn event(ordinal: u64, parts: &[&[u8]]) -> Result<Content> {
    let to = Some("hanoi/commune-00004");
    let mut header = header("nhipcau.referral.v1.ReferralEvent", "moh/111", to, "child-protection")?;
    header.legal_basis = "Điều 56 Luật Trẻ em".to_owned();
    header.correlation = Some(case_of("case"));
    Ok(Content { header, ordinal, skip: None, parts: parts.iter().map(|part| part.to_vec()).collect() })
}

/// A case for a name.
pub(crate) fn case_of(name: &str) -> [u8; 16] {
    let mut case = [0; 16];
    case.iter_mut().zip(bytes_of(name)).for_each(|(to, from)| *to = from);
    case
}

/// Serialized, in hexadecimal.
pub(crate) fn hexed(message: &impl Message) -> String {
    hex::encode(message.encode_to_vec())
}

/// The same message with another signature under it.
pub(crate) fn signed_by(envelope: &wire::Envelope, signer: Sender<'_>) -> wire::Envelope {
    let signature = signer.signing.sign(pae::ENVELOPE, &[&envelope.routing, &envelope.manifest]);
    wire::Envelope { signature, ..envelope.clone() }
}

//! The content of an envelope: header, order within its case, parts; and its digest.

use std::fmt;

use nhipcau_domain::{
    flow,
    id::{ContractId, PartyId, Purpose, UnitId},
};
use prost::Message;

use super::wire;
use crate::{
    message::{Address, BlobRef, Header, MessageId, NUMBER_LIMIT, PARTS_LIMIT, SkipReason},
    pae::{self, Digest},
};

/// The message name of a skip.
const SKIP: &str = "nhipcau.envelope.v1.Skip";
/// Message name, contract and purpose of a return.
const RETURN: (&str, &str, &str) = ("nhipcau.envelope.v1.Return", "nhipcau.envelope.v1", "return");

/// What is sealed into an envelope.
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    /// What it is about.
    pub header: Header,
    /// Its number within its case and between the two access points; 0 when it belongs to no case.
    pub ordinal: u64,
    /// Set when it only fills the position of a message that is given up.
    pub skip: Option<Skip>,
    /// Its parts without padding.
    pub parts: Vec<Vec<u8>>,
}

/// A message that is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skip {
    /// Its id.
    pub id: MessageId,
    /// Why.
    pub reason: SkipReason,
}

impl fmt::Debug for Content {
    /// Without the parts: they may be about a child.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content")
            .field("message", &self.header.message)
            .field("ordinal", &self.ordinal)
            .field("parts", &self.parts.len())
            .finish_non_exhaustive()
    }
}

impl Content {
    /// The digest that the control part carries.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest_with(self.ordinal)
    }

    /// What an id is spent on: the same message may get another ordinal when its sender had lost it.
    #[must_use]
    pub fn digest_apart_from_ordinal(&self) -> Digest {
        self.digest_with(0)
    }

    fn digest_with(&self, ordinal: u64) -> Digest {
        let h = &self.header;
        let ordinal = ordinal.to_string();
        let (recipient_party, recipient_unit) = texts(h.recipient.as_ref());
        let (sender_party, sender_unit) = texts(Some(&h.sender));
        let mut pieces: Vec<&[u8]> = vec![
            pae::CONTENT,
            h.message.as_bytes(),
            h.contract.as_str().as_bytes(),
            sender_party.as_bytes(),
            sender_unit.as_bytes(),
            recipient_party.as_bytes(),
            recipient_unit.as_bytes(),
            h.purpose.as_str().as_bytes(),
            h.legal_basis.as_bytes(),
            h.correlation.as_ref().map_or(&[], |c| c.as_slice()),
            ordinal.as_bytes(),
            h.corrected.as_ref().map_or(&[], |id| id.0.as_slice()),
        ];
        pieces.extend(self.parts.iter().map(Vec::as_slice));
        pae::digest_of(&pieces)
    }

    /// Part 0, without padding.
    #[must_use]
    pub fn control(&self) -> Vec<u8> {
        let h = &self.header;
        wire::Control {
            message: h.message.clone(),
            contract: h.contract.to_string(),
            contract_minor: h.contract_minor,
            sender: Some(to_wire(&h.sender)),
            recipient: h.recipient.as_ref().map(to_wire),
            purpose: h.purpose.to_string(),
            legal_basis: h.legal_basis.clone(),
            correlation: h.correlation.map(|c| c.to_vec()).unwrap_or_default(),
            ordinal: self.ordinal,
            content_digest: self.digest().to_vec(),
            corrected_id: h.corrected.map(|id| id.0.to_vec()).unwrap_or_default(),
            traceparent: h.traceparent.clone(),
            blobs: h.blobs.iter().map(|b| wire::Blob { digest: b.digest.to_vec(), size_bytes: b.size_bytes }).collect(),
            skip: self.skip.map(|s| wire::Skip { skipped_id: s.id.0.to_vec(), reason: s.reason as i32 }),
            kind: h.kind.clone(),
        }
        .encode_to_vec()
    }

    /// Reads a control part and the parts behind it, or gives `None` when they do not make a content or the digest
    /// in the control part is not theirs.
    #[must_use]
    pub fn parse(control: &[u8], parts: Vec<Vec<u8>>) -> Option<Self> {
        let c = wire::Control::decode(control).ok()?;
        let whole = match &c.skip {
            Some(_) => parts.is_empty() && c.message == SKIP && c.purpose == "skip",
            None => !parts.is_empty() && !c.message.is_empty(),
        };
        if !whole || parts.len() > PARTS_LIMIT || c.ordinal >= NUMBER_LIMIT || !flow::may_be_kind(&c.kind) {
            return None;
        }
        let skip = match &c.skip {
            None => None,
            Some(s) => Some(Skip::from_wire(s)?),
        };
        let content = Self {
            header: Header {
                message: c.message,
                contract: ContractId::new(&c.contract).ok()?,
                contract_minor: c.contract_minor,
                sender: from_wire(&c.sender?)?,
                recipient: match c.recipient {
                    None => None,
                    Some(r) => Some(from_wire(&r)?),
                },
                purpose: Purpose::new(&c.purpose).ok()?,
                legal_basis: c.legal_basis,
                correlation: optional(&c.correlation)?,
                kind: c.kind,
                corrected: match c.corrected_id.as_slice() {
                    [] => None,
                    id => Some(MessageId::from_slice(id)?),
                },
                traceparent: c.traceparent,
                blobs: c.blobs.iter().map(blob).collect::<Option<_>>()?,
            },
            ordinal: c.ordinal,
            skip,
            parts,
        };
        (content.digest().as_slice() == c.content_digest).then_some(content)
    }

    /// Under what it is counted. Of what others sent, whether the contract is one is for the caller to know.
    #[must_use]
    pub(crate) fn flow(&self) -> flow::Flow {
        flow::Flow::of(&self.header.contract, &self.header.kind)
    }

    /// The return that this content is, or `None` when it is something else.
    #[must_use]
    pub fn parcel(&self) -> Option<wire::Return> {
        let h = &self.header;
        let named = (h.message.as_str(), h.contract.as_str(), h.purpose.as_str()) == RETURN;
        let part = self.parts.first().filter(|_| named)?;
        wire::Return::decode(part.as_slice()).ok()
    }

    /// The content as the store keeps it, before encryption.
    #[must_use]
    pub(crate) fn pack(&self) -> Vec<u8> {
        let mut parts = vec![self.control()];
        parts.extend(self.parts.iter().cloned());
        wire::Envelope { parts, ..Default::default() }.encode_to_vec()
    }

    /// Reads what [`pack`](Self::pack) wrote.
    #[must_use]
    pub(crate) fn unpack(bytes: &[u8]) -> Option<Self> {
        let mut parts = wire::Envelope::decode(bytes).ok()?.parts;
        if parts.is_empty() {
            return None;
        }
        let control = parts.remove(0);
        Self::parse(&control, parts)
    }
}

impl Skip {
    fn from_wire(skip: &wire::Skip) -> Option<Self> {
        let reason = match SkipReason::try_from(skip.reason) {
            Ok(SkipReason::Unspecified) => return None,
            Ok(reason) => reason,
            Err(_) => SkipReason::Withdrawn,
        };
        Some(Self { id: MessageId::from_slice(&skip.skipped_id)?, reason })
    }
}

fn blob(blob: &wire::Blob) -> Option<BlobRef> {
    let digest = blob.digest.as_slice().try_into().ok()?;
    (blob.size_bytes < NUMBER_LIMIT).then_some(BlobRef { digest, size_bytes: blob.size_bytes })
}

fn optional(bytes: &[u8]) -> Option<Option<[u8; 16]>> {
    if bytes.is_empty() { Some(None) } else { <[u8; 16]>::try_from(bytes).ok().filter(|b| *b != [0; 16]).map(Some) }
}

fn texts(address: Option<&Address>) -> (&str, &str) {
    address.map_or(("", ""), |a| (a.party.as_str(), a.unit.as_ref().map_or("", UnitId::as_str)))
}

fn to_wire(address: &Address) -> wire::Address {
    let (party, unit) = texts(Some(address));
    wire::Address { party: party.to_owned(), unit: unit.to_owned() }
}

fn from_wire(address: &wire::Address) -> Option<Address> {
    let unit = if address.unit.is_empty() { None } else { Some(UnitId::new(&address.unit).ok()?) };
    Some(Address { party: PartyId::new(&address.party).ok()?, unit })
}

//! What is sealed into an envelope, as its sender could write it: what is taken for a content is the same when it is
//! sealed, travels and is opened.

use nhipcau_messaging::{
    envelope::{Content, Trust, channel_key, open, verify, wire},
    message::{Lane, Recipient},
    pae,
};
use nhipcau_sim::payload::Verb;
use prost::Message as _;

use crate::programme::{ME, content, first, now, plan, programme, release, sealed};

/// The first of the parts is the control part. It is also tried with the digest that the others have.
pub fn property(bytes: &[u8]) {
    let Ok(wire::Envelope { mut parts, .. }) = wire::Envelope::decode(bytes) else { return };
    if parts.is_empty() {
        return;
    }
    let control = parts.remove(0);
    if let Some(content) = Content::parse(&control, parts.clone()) {
        travels(&content);
    }
    let Ok(mut read) = wire::Control::decode(control.as_slice()) else { return };
    read.content_digest = digest(&read, &parts).to_vec();
    if let Some(content) = Content::parse(&read.encode_to_vec(), parts) {
        travels(&content);
    }
}

/// Written and read again it is the same.
pub(crate) fn holds(content: &Content) {
    let again = Content::parse(&content.control(), content.parts.clone());
    assert!(again.as_ref() == Some(content), "a content is read as it was written");
    if let Some(parcel) = content.parcel() {
        let again = wire::Return::decode(parcel.encode_to_vec().as_slice());
        assert_eq!(again.as_ref(), Ok(&parcel));
    }
}

fn travels(content: &Content) {
    holds(content);
    let lane = if content.header.recipient.is_some() { Lane::Messages } else { Lane::Bulk };
    let (envelope, _) = sealed(first(Some(lane)), content);
    // What is too large for its lane, or as a whole, is refused.
    let Ok(verified) = verify(envelope, pae::ENVELOPE, release(), now(), Trust::default()) else { return };
    let key = channel_key(&verified, &programme().key_ring(ME, 0).sealing).expect("sealed to this reader");
    assert_eq!(key.is_none(), verified.routing.recipient == Recipient::All);
    let opened = open(&verified, key.as_ref()).expect("a content opens");
    assert!(opened.content == *content, "what is opened is what was sealed");
}

/// The digest of a content, once more, from its contract.
fn digest(c: &wire::Control, parts: &[Vec<u8>]) -> pae::Digest {
    let ordinal = c.ordinal.to_string();
    let address = |address: &Option<wire::Address>| {
        address.as_ref().map_or_else(Default::default, |a| (a.party.clone(), a.unit.clone()))
    };
    let (sender, recipient) = (address(&c.sender), address(&c.recipient));
    let mut pieces: Vec<&[u8]> = vec![b"nhipcau/1/content", c.message.as_bytes(), c.contract.as_bytes()];
    pieces.extend([sender.0.as_bytes(), sender.1.as_bytes(), recipient.0.as_bytes(), recipient.1.as_bytes()]);
    pieces.extend([c.purpose.as_bytes(), c.legal_basis.as_bytes(), &c.correlation, ordinal.as_bytes()]);
    pieces.push(&c.corrected_id);
    pieces.extend(parts.iter().map(Vec::as_slice));
    pae::digest_of(&pieces)
}

/// A message of a case, one outside, a broadcast.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let of = |content: &Content| {
        let parts = std::iter::once(content.control()).chain(content.parts.iter().cloned()).collect();
        wire::Envelope { parts, ..Default::default() }.encode_to_vec()
    };
    let contents = [(Verb::Note, 1, 3), (Verb::Ask, 0, 1), (Verb::Publish, 0, 2)];
    contents.map(|(verb, case, nonce)| of(&content(&plan(verb, case, nonce), u64::from(case > 0)))).to_vec()
}

//! Single envelopes: verified, opened, compared with every recorded value, or refused.

use nhipcau_domain::id::AccessPointId;
use nhipcau_messaging::{
    envelope::{self, Content, Rejected, Trust, Verified, wire},
    message::{Recipient, SkipReason},
    pae::{self, sha256},
};
use prost::Message;

use crate::{
    given::{Case, Given},
    refusal::Refusal,
};

/// Takes serialized bytes as far as anyone can take them with the directory.
pub(crate) fn verify(given: &Given, bytes: &[u8], kind: &[u8]) -> Result<Verified, Refusal> {
    let envelope = wire::Envelope::decode(bytes).map_err(|_| Refusal::Envelope(Rejected::Malformed))?;
    envelope::verify(envelope, kind, &given.release, given.now, Trust::default()).map_err(Refusal::Envelope)
}

/// Opens a verified envelope as a reader, the way the engine does: only what names the reader, or all.
pub(crate) fn open(given: &Given, verified: &Verified, reader: &str) -> Result<Opened, Refusal> {
    let reader_id = AccessPointId::new(reader).unwrap();
    if !matches!(&verified.routing.recipient, Recipient::One(id) if *id == reader_id)
        && verified.routing.recipient != Recipient::All
    {
        return Err(Refusal::Envelope(Rejected::Misrouted));
    }
    let key = envelope::channel_key(verified, &given.secrets(reader)).map_err(Refusal::Opening)?;
    let content = envelope::open(verified, key.as_ref()).map_err(Refusal::Opening)?.content;
    let part_keys = match &key {
        None => Vec::new(),
        Some(key) => envelope::part_keys(verified, key).unwrap().iter().map(|key| key.to_vec()).collect(),
    };
    Ok(Opened { content, part_keys })
}

/// What a reader learns from an envelope.
pub(crate) struct Opened {
    pub(crate) content: Content,
    pub(crate) part_keys: Vec<Vec<u8>>,
}

#[test]
fn envelopes_open_to_the_same_values_or_are_refused() {
    for given in Given::both() {
        for case in given.cases("envelope") {
            let result = verify(&given, &case.bytes("envelope"), pae::ENVELOPE)
                .and_then(|verified| open(&given, &verified, case.text("reader")).map(|opened| (verified, opened)));
            if let Some((verified, opened)) = case.judge(result) {
                compare(case, &verified, &opened);
            }
        }
    }
}

fn compare(case: &Case, verified: &Verified, opened: &Opened) {
    case.compare("digest", hex::encode(verified.digest));
    case.compare("salt", hex::encode(&verified.routing.salt));
    // The keys of the parts follow from wrap, channel key, salt and PRK, so that each of those was the recorded one.
    case.compare("aad", hex::encode(sha256(&verified.envelope.routing)));
    case.compare("part_keys", hexed(&opened.part_keys));
    let manifest = wire::Manifest::decode(verified.envelope.manifest.as_slice()).unwrap();
    case.compare("commitments", hexed(manifest.entries.iter().map(|entry| &entry.key_commitment)));
    if case.get("parts").is_some() {
        let parts = case.list("parts");
        assert_eq!(opened.content.parts, parts[1..], "{}", case.name());
        let control = wire::Control::decode(parts[0].as_slice()).unwrap();
        assert_eq!(told_again(&opened.content), known_reason(control), "{}", case.name());
    }
    if case.get("content_encoding").is_some() {
        assert_eq!(sha256(&case.bytes("content_encoding")), opened.content.digest(), "{}", case.name());
    }
    // What a peer gives back opens to the same content without the wrap.
    let returned = envelope::open_returned(verified, &opened.part_keys).unwrap();
    assert_eq!(returned.content, opened.content);
}

fn told_again(content: &Content) -> wire::Control {
    wire::Control::decode(content.control().as_slice()).unwrap()
}

/// A skip reason of a newer version reads as WITHDRAWN.
fn known_reason(mut control: wire::Control) -> wire::Control {
    if let Some(skip) = &mut control.skip {
        skip.reason = SkipReason::try_from(skip.reason).unwrap_or(SkipReason::Withdrawn) as i32;
    }
    control
}

fn hexed<'b>(all: impl IntoIterator<Item = &'b Vec<u8>>) -> Vec<String> {
    all.into_iter().map(hex::encode).collect()
}

#[test]
fn no_flipped_bit_and_no_truncation_passes() {
    let given = &Given::both()[0];
    let case = given.case("envelope", "sealed-loopback-correction");
    let whole = case.bytes("envelope");
    let opens = |bytes: &[u8]| {
        verify(given, bytes, pae::ENVELOPE).and_then(|verified| open(given, &verified, case.text("reader"))).is_ok()
    };
    assert!(opens(&whole));
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 1 << (at % 8);
        assert!(!opens(&changed), "a flipped bit in byte {at} passed");
        assert!(!opens(&whole[..at]), "the first {at} bytes passed");
    }
}

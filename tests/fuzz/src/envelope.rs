//! Envelopes: what verifies has parts that are those of its manifest, verifies again, and no longer does when one byte
//! of what was signed is another; what opens is a content.

use nhipcau_messaging::{
    envelope::{ENVELOPE_LIMIT, Rejected, Trust, Verified, channel_key, open, verify, wire},
    message::{Lane, PARTS_LIMIT},
    pae,
};
use nhipcau_sim::payload::Verb;
use prost::Message as _;

use crate::programme::{ME, content, first, now, plan, programme, release, sealed, signed};

/// See the head of this file.
pub fn property(bytes: &[u8]) {
    let Ok(envelope) = wire::Envelope::decode(bytes) else { return };
    for kind in [pae::ENVELOPE, pae::RETURN] {
        for trust in [Trust::default(), Trust { erased: true, revoked: true }] {
            holds(envelope.clone(), kind, trust);
            holds(signed(envelope.clone(), kind), kind, trust);
        }
    }
}

fn check(envelope: wire::Envelope, kind: &[u8], trust: Trust) -> Result<Verified, Rejected> {
    verify(envelope, kind, release(), now(), trust)
}

fn holds(envelope: wire::Envelope, kind: &[u8], trust: Trust) {
    let Ok(verified) = check(envelope.clone(), kind, trust) else { return };
    let length = envelope.encoded_len();
    assert!(length <= ENVELOPE_LIMIT && envelope.parts.len() <= PARTS_LIMIT + 1);
    let again = wire::Envelope::decode(envelope.encode_to_vec().as_slice()).expect("what was written is read");
    let again = check(again, kind, trust).expect("what verified verifies again");
    assert_eq!((&again.routing, again.digest), (&verified.routing, verified.digest));

    let mut other = envelope.clone();
    let last = other.routing.last_mut().expect("a routing has bytes");
    *last ^= 1;
    assert!(check(other, kind, trust).is_err(), "a signature holds for one routing");
    if let Some(last) = envelope.parts.last().filter(|part| !part.is_empty()) {
        let mut other = envelope.clone();
        let mut part = last.clone();
        part[0] ^= 1;
        *other.parts.last_mut().expect("parts") = part;
        assert!(check(other, kind, trust).is_err(), "a signature holds for these parts");
    }

    let secrets = programme().key_ring(ME, 0).sealing;
    let Ok(key) = channel_key(&verified, &secrets) else { return };
    if let Ok(opened) = open(&verified, key.as_ref()) {
        assert_eq!(opened.id, verified.routing.id);
        crate::content::holds(&opened.content);
    }
}

/// One of each kind.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let mut return_ = content(&plan(Verb::Note, 0, 5), 0);
    return_.parts = vec![Vec::new()];
    let messages = first(Some(Lane::Messages));
    let kinds = [
        sealed(messages, &content(&plan(Verb::Note, 1, 3), 1)),
        sealed(messages, &content(&plan(Verb::Ask, 0, 1), 0)),
        sealed(first(Some(Lane::Bulk)), &content(&plan(Verb::Publish, 0, 2), 0)),
        sealed(first(None), &return_),
    ];
    kinds.iter().map(|(envelope, _)| envelope.encode_to_vec()).collect()
}

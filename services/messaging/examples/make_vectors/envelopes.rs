//! Vectors of single envelopes: each kind that is sent, and the few changes on the way that matter most.

use nhipcau_messaging::{
    envelope::{Content, Place, Sealed, Skip, wire},
    message::{BlobRef, Lane, SkipReason},
    pae::{self, sha256},
};
use prost::Message;
use serde_json::{Value, json};

use crate::{
    Result,
    maker::{Maker, bytes_of, case_of, event, header, hexed, id_of, signed_by},
};

pub(crate) fn cases(maker: &mut Maker) -> Result<Vec<Value>> {
    let (start, bulk) = (maker.first(Lane::Messages), maker.first(Lane::Bulk));
    let later = Place { incarnation: 7, sequence: 40, base_sequence: 31, previous: bytes_of("position 39"), ..start };
    let sixteen: Vec<[u8; 1]> = (1..=16).map(|part| [part]).collect();
    let sixteen: Vec<&[u8]> = sixteen.iter().map(<[u8; 1]>::as_slice).collect();
    let made = [
        ("sealed-tiers-of-a-case", ("moh", "hanoi"), start, tiers()?),
        ("sealed-correction", ("moh", "hanoi"), later, correction()?),
        ("sealed-loopback", ("moh", "moh"), start, loopback()?),
        ("sealed-erased-skip", ("moh", "hanoi"), later, skip(SkipReason::Erased)?),
        ("sealed-for-a-whole-party", ("hanoi", "vwu"), start, to_a_party()?),
        ("sealed-on-the-bulk-lane", ("moha", "vwu"), bulk, figures(Some("vwu"))?),
        ("sealed-sixteen-parts", ("moh", "hanoi"), start, event(1, &sixteen)?),
        ("public-broadcast", ("moha", "all"), bulk, figures(None)?),
    ];
    let mut cases = Vec::new();
    for (name, pair, place, content) in made {
        let sealed = maker.seal(pair, place, id_of(name), &content)?;
        let reader = if pair.1 == "all" { "hanoi" } else { pair.1 };
        cases.push(described(maker, name, reader, &sealed, &content)?);
    }
    cases.extend(changed_on_the_way(maker, start)?);
    Ok(cases)
}

fn described(maker: &Maker, name: &str, reader: &str, sealed: &Sealed, content: &Content) -> Result<Value> {
    let verified = maker.verify(&sealed.envelope, pae::ENVELOPE)?;
    let mut parts = vec![hex::encode(content.control())];
    parts.extend(content.parts.iter().map(hex::encode));
    let mut case = json!({
        "name": name,
        "expect": "ok",
        "reader": reader,
        "envelope": hexed(&sealed.envelope),
        "digest": hex::encode(sealed.digest),
        "parts": parts,
    });
    let keys = maker.part_keys(&verified)?;
    if let (Value::Object(fields), false) = (&mut case, keys.is_empty()) {
        let manifest = wire::Manifest::decode(sealed.envelope.manifest.as_slice())?;
        let commitments: Vec<_> = manifest.entries.iter().map(|entry| hex::encode(&entry.key_commitment)).collect();
        fields.insert("salt".to_owned(), json!(hex::encode(&verified.routing.salt)));
        fields.insert("aad".to_owned(), json!(hex::encode(sha256(&sealed.envelope.routing))));
        fields.insert("part_keys".to_owned(), json!(keys.iter().map(hex::encode).collect::<Vec<_>>()));
        fields.insert("commitments".to_owned(), json!(commitments));
    }
    Ok(case)
}

fn tiers() -> Result<Content> {
    let mut content = event(1, &[b"coded preview", &[b'i'; 700], "Tường thuật".as_bytes()])?;
    content.header.contract_minor = 3;
    content.header.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned();
    content.header.blobs = vec![BlobRef { digest: bytes_of("blob"), size_bytes: 393_217 }];
    Ok(content)
}

fn correction() -> Result<Content> {
    let mut content = event(12, &[&[b'x'; 255], &[b'y'; 256], b""])?;
    content.header.corrected = Some(id_of("refused"));
    Ok(content)
}

fn loopback() -> Result<Content> {
    let to = Some("moh/children-department");
    let header = header("nhipcau.switchboard.v1.ContactTaken", "moh/111", to, "child-protection")?;
    Ok(Content { header, ordinal: 0, skip: None, parts: vec![b"contact".to_vec()] })
}

/// A position that is only filled.
pub(crate) fn skip(reason: SkipReason) -> Result<Content> {
    let mut header = header("nhipcau.envelope.v1.Skip", "moh", Some("hanoi"), "skip")?;
    header.correlation = Some(case_of("case"));
    let skip = Some(Skip { id: id_of(&format!("given up: {reason:?}")), reason });
    Ok(Content { header, ordinal: 2, skip, parts: Vec::new() })
}

fn to_a_party() -> Result<Content> {
    let header = header("nhipcau.referral.v1.ReferralEvent", "hanoi/commune-00004", Some("vwu"), "support")?;
    Ok(Content { header, ordinal: 0, skip: None, parts: vec![b"request".to_vec()] })
}

fn figures(to: Option<&str>) -> Result<Content> {
    let header = header("nhipcau.indicator.v1.IndicatorEvent", "moha/gender-equality", to, "statistics")?;
    Ok(Content { header, ordinal: 0, skip: None, parts: vec![vec![b'1'; 7_000]] })
}

fn changed_on_the_way(maker: &mut Maker, place: Place) -> Result<Vec<Value>> {
    let whole = maker.seal(("moh", "hanoi"), place, id_of("changed"), &event(1, &[b"content"])?)?.envelope;
    let mut flipped = whole.clone();
    if let Some(byte) = flipped.parts.last_mut().and_then(|part| part.last_mut()) {
        *byte ^= 1;
    }
    let mut readdressed = wire::Routing::decode(whole.routing.as_slice())?;
    readdressed.recipient = "vwu".to_owned();
    let readdressed = wire::Envelope { routing: readdressed.encode_to_vec(), ..whole.clone() };
    let mut stolen = wire::Routing::decode(whole.routing.as_slice())?;
    stolen.sender = "vwu".to_owned();
    let stolen = wire::Envelope { routing: stolen.encode_to_vec(), ..whole.clone() };
    let wrong = [
        ("flipped-bit", "part-mismatch", "hanoi", flipped),
        ("re-addressed", "bad-signature", "vwu", readdressed.clone()),
        ("re-addressed-and-resigned", "unwrap-failed", "vwu", signed_by(&readdressed, maker.sender("moh")?)),
        ("stripped-and-resigned", "unwrap-failed", "hanoi", signed_by(&stolen, maker.sender("vwu")?)),
        ("signed-by-another", "bad-signature", "hanoi", signed_by(&whole, maker.sender("vwu")?)),
        ("opened-by-another", "wrong-recipient", "vwu", whole),
    ];
    let case = |(name, expect, reader, envelope): (&str, &str, &str, wire::Envelope)| json!({ "name": name, "expect": expect, "reader": reader, "envelope": hexed(&envelope) });
    Ok(wrong.into_iter().map(case).collect())
}

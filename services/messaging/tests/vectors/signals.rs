//! Status, and returns after a rollback.

use std::collections::HashMap;

use nhipcau_domain::id::AccessPointId;
use nhipcau_messaging::{
    envelope::{self, Content, Trust, wire},
    message::Recipient,
    pae, receipt,
    signal::{StatusStatement, verify_status},
};
use nhipcau_proto::envelope::v1::Status;
use prost::Message;
use serde_json::json;

use crate::{
    envelopes::{open, verify},
    given::Given,
    refusal::Refusal,
};

#[test]
fn a_status_is_believed_or_ignored() {
    for given in Given::both() {
        for case in given.cases("status") {
            let status = Status::decode(case.bytes("status").as_slice()).unwrap();
            let reader = StatusStatement::decode(status.statement.as_slice()).unwrap().recipient;
            let reader = AccessPointId::new(reader).unwrap();
            let believed = verify_status(&status, &reader, &given.release, given.now).ok_or(Refusal::Signal);
            if let Some((sender, statement)) = case.judge(believed) {
                assert_eq!(sender.as_str(), statement.sender);
                case.compare("statement", hex::encode(&status.statement));
                case.compare("signature", hex::encode(&status.signature));
            }
        }
    }
}

#[test]
fn a_return_gives_back_what_the_reader_made_and_nothing_else() {
    for given in Given::both() {
        for case in given.cases("return") {
            let result = take_back(&given, &case.bytes("returned"), case.text("reader"));
            if let Some((contents, receipts)) = case.judge(result) {
                let parts = |content: &Content| json!(content.parts.iter().map(hex::encode).collect::<Vec<_>>());
                let contents: Vec<_> = contents.iter().map(|content| content.as_ref().map(parts)).collect();
                case.compare("content", json!(contents));
                let receipts: Vec<_> = receipts.iter().map(|r| hex::encode(r.receipt.encode_to_vec())).collect();
                case.compare("receipts", receipts);
            }
        }
    }
}

type TakenBack = (Vec<Option<Content>>, Vec<receipt::Verified>);

/// The steps of the engine, without a store: what it would ignore is an error here.
fn take_back(given: &Given, bytes: &[u8], reader: &str) -> Result<TakenBack, Refusal> {
    let returned = wire::Returned::decode(bytes).unwrap();
    let outer = verify(given, &returned.parcel.unwrap_or_default().encode_to_vec(), pae::RETURN)?;
    let parcel = open(given, &outer, reader)?.content.parcel().ok_or(Refusal::NotAReturn)?;
    let me = AccessPointId::new(reader).unwrap();
    let peer = &outer.routing.sender;
    let keys: HashMap<_, _> = parcel.keys.into_iter().map(|keys| (keys.digest, keys.part_keys)).collect();
    let contents = returned
        .originals
        .into_iter()
        .map(|original| own_envelope(given, original, &keys, (&me, peer)))
        .collect::<Result<_, Refusal>>()?;
    let receipts = parcel
        .receipts
        .into_iter()
        .map(|item| {
            let own = receipt::verify(item, &given.release, given.now, true).map_err(Refusal::Receipt)?;
            let ours = own.statement.issuer == me && own.statement.sender == *peer;
            if ours { Ok(own) } else { Err(Refusal::NotTheReaders) }
        })
        .collect::<Result<_, Refusal>>()?;
    Ok((contents, receipts))
}

fn own_envelope(
    given: &Given,
    original: wire::Envelope,
    keys: &HashMap<Vec<u8>, Vec<Vec<u8>>>,
    (me, peer): (&AccessPointId, &AccessPointId),
) -> Result<Option<Content>, Refusal> {
    let trust = Trust { erased: true, revoked: true };
    let own = envelope::verify(original, pae::ENVELOPE, &given.release, given.now, trust).map_err(Refusal::Envelope)?;
    let to_peer = matches!(&own.routing.recipient, Recipient::One(id) if id == peer);
    if own.routing.sender != *me || !(to_peer || own.routing.recipient == Recipient::All) {
        return Err(Refusal::NotTheReaders);
    }
    if own.envelope.parts.is_empty() {
        return Ok(None);
    }
    let part_keys = keys.get(own.digest.as_slice()).map_or(&[][..], Vec::as_slice);
    let opened = envelope::open_returned(&own, part_keys).map_err(Refusal::Opening)?;
    Ok(Some(opened.content))
}

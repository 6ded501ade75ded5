//! Vectors of status and of returns.

use nhipcau_messaging::{
    envelope::{Content, Place, wire},
    message::Lane,
    pae,
    signal::{
        ContractSupport, Head, IncomingStatus, Kind, OutgoingStatus, ReceiptHead, Signal, StatusStatement, sign_status,
    },
};
use prost::Message;
use serde_json::{Value, json};

use crate::{
    Result,
    chains::Channels,
    maker::{Maker, case_of, header, hexed, id_of},
};

/// The cases of `status.json`.
pub(crate) fn statuses(maker: &Maker, channels: &Channels) -> Result<Vec<Value>> {
    let statement = statement(maker, channels)?;
    let status = sign(maker, "hanoi", &statement)?;
    let by_another = sign(maker, "vwu", &statement)?;
    Ok(vec![
        json!({
            "name": "status", "expect": "ok", "status": hexed(&status),
            "statement": hex::encode(&status.statement), "signature": hex::encode(&status.signature),
        }),
        json!({ "name": "signed-by-another", "expect": "bad-signature", "status": hexed(&by_another) }),
    ])
}

fn sign(maker: &Maker, name: &str, statement: &StatusStatement) -> Result<wire::Status> {
    match sign_status(statement, maker.sender(name)?) {
        Signal { kind: Some(Kind::Status(status)) } => Ok(status),
        _ => Err("a signed status is a status".into()),
    }
}

/// What `moh` had said when it proposed the incarnation that `hanoi` promised.
fn proposal(maker: &Maker) -> Result<wire::Status> {
    let sender = maker.sender("moh")?;
    let statement = StatusStatement {
        format: 1,
        sender: "moh".to_owned(),
        recipient: "hanoi".to_owned(),
        run: case_of("run of moh").to_vec(),
        number: 1,
        create_time: Some(prost_types::Timestamp { seconds: maker.now.as_second(), nanos: 0 }),
        directory_version: sender.directory_version,
        signing_key: sender.signing.id().to_string(),
        ..StatusStatement::default()
    };
    sign(maker, "moh", &statement)
}

fn statement(maker: &Maker, channels: &Channels) -> Result<StatusStatement> {
    let (place, _, sealed) = channels.case.last().ok_or("the channel has envelopes")?;
    let receipts = channels.case_receipts(maker)?;
    let receipt = receipts.last().ok_or("the channel has receipts")?;
    let head = Head { incarnation: place.incarnation, sequence: place.sequence, digest: sealed.digest.to_vec() };
    let number = receipt.statement.number;
    let receipt = ReceiptHead { number: number.number, digest: receipt.digest.to_vec(), series: number.series };
    let seconds = maker.now.as_second();
    Ok(StatusStatement {
        format: 1,
        sender: "hanoi".to_owned(),
        recipient: "moh".to_owned(),
        run: case_of("run of hanoi").to_vec(),
        echo: case_of("run of moh").to_vec(),
        number: 17,
        create_time: Some(prost_types::Timestamp { seconds, nanos: 123_000_000 }),
        directory_version: maker.sender("hanoi")?.directory_version,
        signing_key: maker.sender("hanoi")?.signing.id().to_string(),
        contracts: vec![ContractSupport { contract: "nhipcau.referral.v1".to_owned(), minor: 3 }],
        outgoing: vec![OutgoingStatus {
            lane: Lane::Bulk.number(),
            broadcast: false,
            incarnation: 9,
            opening: true,
            head: Some(Head::default()),
            receipt: Some(ReceiptHead::default()),
            return_from: 1,
            base_sequence: 0,
            receipted_sequence: 2,
            rewind: None,
            erased_sequences: vec![3],
        }],
        incoming: vec![IncomingStatus {
            lane: Lane::Messages.number(),
            broadcast: false,
            head: Some(head),
            promised_incarnation: 2,
            promised_run: case_of("run of moh").to_vec(),
            receipt: Some(receipt),
            proposal: proposal(maker)?.encode_to_vec(),
            next_receipt: None,
        }],
        notices_digest: Vec::new(),
    })
}

/// The cases of `return.json`: `hanoi` gives `moh` back what `moh` had sent, one envelope of it erased since, and
/// `moh` gives `hanoi` back the receipts that `hanoi` had issued.
pub(crate) fn returns(maker: &mut Maker, channels: &Channels) -> Result<Vec<Value>> {
    let (mut originals, mut keys) = (Vec::new(), Vec::new());
    for (_, _, sealed) in channels.case.iter().take(3) {
        let part_keys = maker.part_keys(&maker.verify(&sealed.envelope, pae::ENVELOPE)?)?;
        originals.push(sealed.envelope.clone());
        keys.push(wire::ReturnedKeys { digest: sealed.digest.to_vec(), part_keys });
    }
    if let Some(erased) = originals.get_mut(1) {
        erased.parts.clear();
        keys.remove(1);
    }
    // In any order.
    keys.reverse();
    let envelopes = wire::Return { keys, receipts: Vec::new() };
    let receipts = channels.case_receipts(maker)?.into_iter().map(|receipt| receipt.receipt).collect::<Vec<_>>();
    let evidence = wire::Return { keys: Vec::new(), receipts: receipts.clone() };
    let back = returned(maker, ("hanoi", "moh"), &envelopes, &originals)?;
    let proof = returned(maker, ("moh", "hanoi"), &evidence, &[])?;
    let astray = returned(maker, ("vwu", "moh"), &envelopes, &originals)?;
    let content = json!([[hex::encode("event 1")], null, []]);
    let receipts: Vec<_> = receipts.iter().map(hexed).collect();
    Ok(vec![
        json!({
            "name": "envelopes", "expect": "ok", "reader": "moh", "returned": back, "content": content, "receipts": [],
        }),
        json!({
            "name": "receipts", "expect": "ok", "reader": "hanoi",
            "returned": proof, "content": [], "receipts": receipts,
        }),
        json!({ "name": "of-another-peer", "expect": "not-the-readers", "reader": "moh", "returned": astray }),
    ])
}

fn returned(
    maker: &mut Maker,
    pair: (&str, &str),
    parcel: &wire::Return,
    originals: &[wire::Envelope],
) -> Result<String> {
    let header = header("nhipcau.envelope.v1.Return", pair.0, Some(pair.1), "return")?;
    let content = Content { header, ordinal: 0, skip: None, parts: vec![parcel.encode_to_vec()] };
    let nowhere =
        Place { lane: None, incarnation: 0, sequence: 0, base_sequence: 0, previous: [0; 32], create_time: maker.now };
    let id = id_of(&format!("return of {} to {}", pair.0, pair.1));
    let parcel = Some(maker.seal(pair, nowhere, id, &content)?.envelope);
    Ok(hexed(&wire::Returned { parcel, originals: originals.to_vec() }))
}

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
    let sign = |name: &str| -> Result<wire::Status> {
        match sign_status(&statement, maker.sender(name)?) {
            Signal { kind: Some(Kind::Status(status)) } => Ok(status),
            _ => Err("a signed status is a status".into()),
        }
    };
    let status = sign("hanoi")?;
    Ok(vec![
        json!({
            "name": "status", "expect": "ok", "status": hexed(&status),
            "statement": hex::encode(&status.statement), "signature": hex::encode(&status.signature),
        }),
        json!({ "name": "signed-by-another", "expect": "bad-signature", "status": hexed(&sign("vwu")?) }),
    ])
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
        }],
        incoming: vec![IncomingStatus {
            lane: Lane::Messages.number(),
            broadcast: false,
            head: Some(head),
            promised_incarnation: 2,
            promised_run: case_of("run of moh").to_vec(),
            receipt: Some(receipt),
        }],
    })
}

/// The cases of `return.json`: `hanoi` gives `moh` back what `moh` had sent, one envelope of it erased since, and
/// `moh` gives `hanoi` back the receipts that `hanoi` had issued.
pub(crate) fn returns(maker: &mut Maker, channels: &Channels) -> Result<Vec<Value>> {
    let mut kept = Vec::new();
    for (_, _, sealed) in channels.case.iter().take(3) {
        let part_keys = maker.part_keys(&maker.verify(&sealed.envelope, pae::ENVELOPE)?)?;
        kept.push(wire::ReturnedEnvelope { envelope: Some(sealed.envelope.clone()), part_keys });
    }
    if let Some(erased) = kept.get_mut(1) {
        erased.part_keys.clear();
        if let Some(envelope) = &mut erased.envelope {
            envelope.parts.clear();
        }
    }
    let envelopes = wire::Return { envelopes: kept, receipts: Vec::new() };
    let receipts = channels.case_receipts(maker)?.into_iter().map(|receipt| receipt.receipt).collect::<Vec<_>>();
    let evidence = wire::Return { envelopes: Vec::new(), receipts: receipts.clone() };
    let back = returned(maker, ("hanoi", "moh"), &envelopes)?;
    let content = json!([[hex::encode("event 1")], null, []]);
    let astray = returned(maker, ("vwu", "moh"), &envelopes)?;
    let receipts: Vec<_> = receipts.iter().map(hexed).collect();
    Ok(vec![
        json!({
            "name": "envelopes", "expect": "ok", "reader": "moh", "envelope": back, "content": content, "receipts": [],
        }),
        json!({
            "name": "receipts", "expect": "ok", "reader": "hanoi",
            "envelope": returned(maker, ("moh", "hanoi"), &evidence)?, "content": [], "receipts": receipts,
        }),
        json!({ "name": "of-another-peer", "expect": "not-the-readers", "reader": "moh", "envelope": astray }),
    ])
}

fn returned(maker: &mut Maker, pair: (&str, &str), parcel: &wire::Return) -> Result<String> {
    let header = header("nhipcau.envelope.v1.Return", pair.0, Some(pair.1), "return")?;
    let content = Content { header, ordinal: 0, skip: None, parts: vec![parcel.encode_to_vec()] };
    let nowhere =
        Place { lane: None, incarnation: 0, sequence: 0, base_sequence: 0, previous: [0; 32], create_time: maker.now };
    let id = id_of(&format!("return of {} to {}", pair.0, pair.1));
    Ok(hexed(&maker.seal(pair, nowhere, id, &content)?.envelope))
}

//! Rows of envelopes, and of the receipts for them.

use nhipcau_messaging::{
    envelope::Verified,
    evidence::{self, Coverage},
    message::RefusalReason,
    pae, receipt,
};
use nhipcau_proto::envelope::v1 as wire;
use prost::Message;
use serde_json::json;

use crate::{
    envelopes::verify,
    given::{Case, Given},
    refusal::Refusal,
};

#[test]
fn channels_hold_or_are_refused() {
    for given in Given::both() {
        for case in given.cases("chain") {
            if let Some(channel) = case.judge(channel(&given, &case.list("envelopes"))) {
                let digests: Vec<_> = channel.iter().map(|envelope| hex::encode(envelope.digest)).collect();
                case.compare("digests", digests);
            }
        }
    }
}

#[test]
fn receipts_cover_their_channel_or_are_refused() {
    for given in Given::both() {
        for case in given.cases("receipt") {
            if let Some((receipts, coverage)) = case.judge(covered(&given, case)) {
                let digests: Vec<_> = receipts.iter().map(|receipt| hex::encode(receipt.digest)).collect();
                case.compare("digests", digests);
                compare(case, &coverage);
            }
        }
    }
}

fn channel(given: &Given, envelopes: &[Vec<u8>]) -> Result<Vec<Verified>, Refusal> {
    let channel =
        envelopes.iter().map(|bytes| verify(given, bytes, pae::ENVELOPE)).collect::<Result<Vec<_>, Refusal>>()?;
    evidence::check_channel(&channel).map_err(Refusal::Evidence)?;
    Ok(channel)
}

fn covered(given: &Given, case: &Case) -> Result<(Vec<receipt::Verified>, Coverage), Refusal> {
    let sent = given.case("chain", case.text("chain")).list("envelopes");
    let sent = channel(given, &sent[..case.number("sent")])?;
    let receipts = case
        .list("receipts")
        .iter()
        .map(|bytes| {
            let receipt = wire::Receipt::decode(bytes.as_slice()).unwrap();
            receipt::verify(receipt, &given.release, given.now, false).map_err(Refusal::Receipt)
        })
        .collect::<Result<Vec<_>, Refusal>>()?;
    let coverage = evidence::check_receipts(&receipts, &sent).map_err(Refusal::Evidence)?;
    Ok((receipts, coverage))
}

fn compare(case: &Case, coverage: &Coverage) {
    case.compare("received", json!(coverage.received));
    case.compare("contradicted", json!(coverage.contradicted));
    let lost = coverage.lost.iter().map(|at| json!({ "series": at.series, "number": at.number }));
    case.compare("lost", json!(lost.collect::<Vec<_>>()));
    let recorded = case.get("refused").and_then(|refused| refused.as_array()).cloned().unwrap_or_default();
    // A reason of a newer version reads as final.
    let known = |number: i64| RefusalReason::try_from(i32::try_from(number).unwrap()).unwrap_or(RefusalReason::Invalid);
    let recorded: Vec<_> = recorded
        .iter()
        .map(|refusal| (refusal["sequence"].as_u64().unwrap(), known(refusal["reason"].as_i64().unwrap())))
        .collect();
    assert_eq!(coverage.refused.iter().map(|(at, reason)| (*at, *reason)).collect::<Vec<_>>(), recorded);
}

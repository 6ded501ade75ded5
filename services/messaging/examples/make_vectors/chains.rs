//! Vectors of channels and of the receipts for them.

use jiff::SignedDuration;
use nhipcau_messaging::{
    envelope::{Place, Sealed},
    message::{Lane, MessageId, Recipient, RefusalReason, SkipReason},
    receipt::{self, Number, Refusal, Statement},
};
use serde_json::{Value, json};

use crate::{
    Result,
    envelopes::skip,
    maker::{Maker, event, header, hexed, id_of},
};

/// What a receipt is about: issuer and channel.
#[derive(Clone, Copy)]
struct About<'c> {
    issuer: &'c str,
    sender: &'c str,
    lane: Lane,
    channel: &'c [(Place, MessageId, Sealed)],
}

/// The channels that receipts, status and returns refer to.
pub(crate) struct Channels {
    /// From `moh` to `hanoi`: two events, a skip, and after a start of the sender two events more.
    pub(crate) case: Vec<(Place, MessageId, Sealed)>,
    /// The broadcast of `moha`.
    pub(crate) broadcast: Vec<(Place, MessageId, Sealed)>,
}

impl Channels {
    pub(crate) fn new(maker: &mut Maker) -> Result<Self> {
        let mut case: Vec<(Place, MessageId, Sealed)> = Vec::new();
        for position in 1..=5_u64 {
            let content = if position == 3 {
                skip(SkipReason::Withdrawn)?
            } else {
                event(position, &[format!("event {position}").as_bytes()])?
            };
            let mut place = match case.last() {
                None => maker.first(Lane::Messages),
                Some((before, _, sealed)) => maker.after(*before, sealed),
            };
            if position == 4 {
                (place.incarnation, place.base_sequence) = (2, 3);
            }
            let id = id_of(&format!("event {position}"));
            let sealed = maker.seal(("moh", "hanoi"), place, id, &content)?;
            case.push((place, id, sealed));
        }
        let mut broadcast: Vec<(Place, MessageId, Sealed)> = Vec::new();
        for position in 1..=2 {
            let header = header("nhipcau.indicator.v1.IndicatorEvent", "moha/gender-equality", None, "statistics")?;
            let parts = vec![format!("figures {position}").into_bytes()];
            let content = nhipcau_messaging::envelope::Content { header, ordinal: 0, skip: None, parts };
            let place = match broadcast.last() {
                None => maker.first(Lane::Bulk),
                Some((before, _, sealed)) => maker.after(*before, sealed),
            };
            let id = id_of(&format!("figures {position}"));
            let sealed = maker.seal(("moha", "all"), place, id, &content)?;
            broadcast.push((place, id, sealed));
        }
        Ok(Self { case, broadcast })
    }

    /// The cases of `chain.json`.
    pub(crate) fn chains(&self) -> Vec<Value> {
        let whole = |name: &str, channel: &[(Place, MessageId, Sealed)]| {
            let envelopes: Vec<_> = channel.iter().map(|(_, _, sealed)| hexed(&sealed.envelope)).collect();
            let digests: Vec<_> = channel.iter().map(|(_, _, sealed)| hex::encode(sealed.digest)).collect();
            json!({ "name": name, "expect": "ok", "envelopes": envelopes, "digests": digests })
        };
        let without_second: Vec<_> =
            self.case.iter().filter(|(place, _, _)| place.sequence != 2).map(|(_, _, s)| hexed(&s.envelope)).collect();
        vec![
            whole("case", &self.case),
            whole("broadcast", &self.broadcast),
            json!({ "name": "position-left-out", "expect": "sequence-gap", "envelopes": without_second }),
        ]
    }

    fn about(&self) -> (About<'_>, About<'_>) {
        let case = About { issuer: "hanoi", sender: "moh", lane: Lane::Messages, channel: &self.case };
        let broadcast = About { issuer: "vwu", sender: "moha", lane: Lane::Bulk, channel: &self.broadcast };
        (case, broadcast)
    }

    /// The receipts of `hanoi` for the case, in two series; position 2 is refused.
    pub(crate) fn case_receipts(&self, maker: &Maker) -> Result<Vec<receipt::Verified>> {
        let (case, _) = self.about();
        let one = issue(maker, case, (1, 2), (4, 1), None, Some(2))?;
        let two = issue(maker, case, (3, 3), (4, 2), Some(&one), None)?;
        let three = issue(maker, case, (4, 5), (9, 1), Some(&two), None)?;
        Ok(vec![one, two, three])
    }

    /// The cases of `receipt.json`.
    pub(crate) fn receipts(&self, maker: &Maker) -> Result<Vec<Value>> {
        let (case, broadcast) = self.about();
        let all = self.case_receipts(maker)?;
        let subscriber = issue(maker, broadcast, (1, 2), (1, 1), None, None)?;
        let (Some(first), Some(second)) = (all.first(), all.get(1)) else { return Err("there are three".into()) };
        // The issuer was restored to its first receipt and stated position 2 otherwise.
        let again = issue(maker, case, (2, 5), (12, 1), Some(second), None)?;
        let refused = json!([{ "sequence": 2, "reason": RefusalReason::WrongState as i32 }]);
        let right = |name: &str, chain: &str, sent: usize, receipts: &[&receipt::Verified]| {
            let digests: Vec<_> = receipts.iter().map(|receipt| hex::encode(receipt.digest)).collect();
            let receipts: Vec<_> = receipts.iter().map(|receipt| hexed(&receipt.receipt)).collect();
            json!({
                "name": name, "expect": "ok", "chain": chain, "sent": sent, "receipts": receipts, "digests": digests,
                "received": [1, 2], "refused": [], "contradicted": [],
            })
        };
        let mut two_series = right("two-series", "case", 5, &all.iter().collect::<Vec<_>>());
        let mut stated_again = right("stated-again-after-a-rollback", "case", 5, &[first, second, &again]);
        for whole in [&mut two_series, &mut stated_again] {
            if let Value::Object(fields) = whole {
                fields.insert("received".to_owned(), json!([1, 3, 4, 5]));
                fields.insert("refused".to_owned(), refused.clone());
            }
        }
        if let Value::Object(fields) = &mut stated_again {
            fields.insert("contradicted".to_owned(), json!([2]));
        }
        let left_out: Vec<_> = all.iter().skip(1).map(|receipt| hexed(&receipt.receipt)).collect();
        let ahead: Vec<_> = all.iter().map(|receipt| hexed(&receipt.receipt)).collect();
        Ok(vec![
            two_series,
            stated_again,
            right("of-a-broadcast", "broadcast", 2, &[&subscriber]),
            json!({ "name": "receipt-left-out", "expect": "receipt-gap", "chain": "case", "sent": 5, "receipts": left_out }),
            json!({ "name": "more-than-was-sent", "expect": "wrong-head", "chain": "case", "sent": 4, "receipts": ahead }),
        ])
    }
}

fn issue(
    maker: &Maker,
    about: About<'_>,
    (first, last): (u64, u64),
    (series, number): (u64, u64),
    previous: Option<&receipt::Verified>,
    refused: Option<u64>,
) -> Result<receipt::Verified> {
    let at = |sequence: u64| {
        let found = about.channel.iter().find(|(place, _, _)| place.sequence == sequence);
        found.ok_or("the position is not in the channel")
    };
    let (place, _, sealed) = at(last)?;
    let refusals = match refused {
        None => Vec::new(),
        Some(sequence) => {
            vec![Refusal { sequence, id: at(sequence)?.1, reason: RefusalReason::WrongState, expected: 0 }]
        }
    };
    let issuer = maker.sender(about.issuer)?;
    let statement = Statement {
        issuer: issuer.access_point.clone(),
        sender: maker.sender(about.sender)?.access_point.clone(),
        recipient: match about.lane {
            Lane::Messages => Recipient::One(issuer.access_point.clone()),
            Lane::Bulk => Recipient::All,
        },
        lane: about.lane,
        incarnation: place.incarnation,
        first,
        last,
        head: sealed.digest,
        refusals,
        number: Number { series, number },
        previous: previous.map_or([0; 32], |receipt| receipt.digest),
        receive_time: place.create_time + SignedDuration::from_millis(250),
        directory_version: issuer.directory_version,
    };
    Ok(receipt::issue(statement, issuer))
}

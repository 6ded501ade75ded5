//! The receipts of one channel: whose they are, what follows what, and what they speak of.

use std::collections::BTreeMap;

use jiff::Timestamp;
use prost::Message;

use super::{Fault, Place, Scribe, positions::Channel};
use crate::{
    envelope::wire,
    evidence,
    message::Recipient,
    receipt::{self, Rejected, Verified},
    store::{
        Error, Tx,
        evidence::{self as rows, Side},
    },
};

/// Checks every receipt, and whether the receipts speak of what they must. `before` is how many findings there were
/// before this channel.
pub(super) fn check(scribe: &mut Scribe<'_>, channel: &Channel, before: usize, tx: &mut Tx<'_>) -> Result<(), Error> {
    let mut series: BTreeMap<String, Vec<Verified>> = BTreeMap::new();
    let mut last: Option<(String, u64, u64)> = None;
    for row in rows::receipts(tx, scribe.channel, scribe.auditor.me.as_str())? {
        let expected = match &last {
            Some((issuer, series, number)) if *issuer == row.issuer && *series == row.series => number + 1,
            _ => 1,
        };
        for number in expected..row.number.min(expected + 1000) {
            scribe.find(Place::Receipt(row.issuer.clone(), row.series, number), Fault::Missing);
        }
        last = Some((row.issuer.clone(), row.series, row.number));
        if let Some(verified) = verify(scribe, &row) {
            check_head(scribe, channel, &verified, &row);
            series.entry(row.issuer).or_default().push(verified);
        }
    }
    match scribe.channel.side {
        Side::Received => check_received(scribe, channel, series.get(scribe.auditor.me.as_str())),
        Side::Sent => check_sent(scribe, series.get(&scribe.channel.recipient), tx)?,
    }
    if scribe.report.findings.len() == before && channel.verified.len() == channel.rows.len() {
        judge(scribe, channel, &series);
    }
    Ok(())
}

/// What the rules that anybody can apply say of a channel in which nothing was found row by row.
fn judge(scribe: &mut Scribe<'_>, channel: &Channel, series: &BTreeMap<String, Vec<Verified>>) {
    let whole = evidence::check_channel(&channel.verified);
    let each = series.values().map(|receipts| evidence::check_receipts(receipts, &channel.verified).map(drop));
    let broken: Vec<_> = std::iter::once(whole).chain(each).filter_map(Result::err).collect();
    broken.into_iter().for_each(|broken| scribe.find(Place::Channel, Fault::Broken(broken)));
}

fn verify(scribe: &mut Scribe<'_>, row: &rows::Receipt) -> Option<Verified> {
    let place = Place::Receipt(row.issuer.clone(), row.series, row.number);
    let checked = wire::Receipt::decode(row.receipt.as_slice())
        .map_err(|_| Rejected::Malformed)
        .and_then(|receipt| receipt::verify(receipt, scribe.auditor.release, Timestamp::MAX, true));
    let verified = match checked {
        Ok(verified) => verified,
        Err(rejected) => {
            scribe.find(place, Fault::Receipt(rejected));
            return None;
        }
    };
    let (s, channel) = (&verified.statement, scribe.channel);
    let sender = match channel.side {
        Side::Sent => scribe.auditor.me.as_str(),
        Side::Received => channel.sender.as_str(),
    };
    let is_the_rows = s.issuer.as_str() == row.issuer
        && s.sender.as_str() == sender
        && s.recipient.as_str() == channel.recipient
        && i64::from(s.lane.number()) == channel.lane
        && (s.number.series, s.number.number, s.first, s.last) == (row.series, row.number, row.first, row.last)
        && verified.digest == row.digest;
    if !is_the_rows {
        scribe.find(place, Fault::RowDiffers);
        return None;
    }
    let counts = &mut scribe.report.counts;
    match channel.side {
        Side::Sent => counts.held += 1,
        Side::Received => counts.issued += 1,
    }
    Some(verified)
}

/// A receipt's last position must be there as it names it, unless it was lost and signed anew since.
fn check_head(scribe: &mut Scribe<'_>, channel: &Channel, verified: &Verified, row: &rows::Receipt) {
    let s = &verified.statement;
    let is_here = channel.at(s.last).is_some_and(|head| {
        (head.incarnation, head.digest) == (s.incarnation, s.head) || head.incarnation > s.incarnation
    });
    if !is_here {
        scribe.find(Place::Receipt(row.issuer.clone(), row.series, row.number), Fault::WithoutPosition);
    }
}

/// Every position received is receipted, with the outcome that its row has.
fn check_received(scribe: &mut Scribe<'_>, channel: &Channel, receipts: Option<&Vec<Verified>>) {
    let stated = Stated::of(receipts);
    for row in &channel.rows {
        let said = stated.of_position(row.sequence);
        let place = Place::Positions(row.sequence, row.sequence);
        if said.is_empty() {
            scribe.find(place, Fault::WithoutReceipt);
        } else if !said.contains(&row.outcome) {
            scribe.find(place, Fault::OutcomeDiffers);
        }
    }
}

/// Every message said to be received or refused has a position and a receipt that covers it, and every position its
/// message. Nothing concludes a broadcast.
fn check_sent(scribe: &mut Scribe<'_>, receipts: Option<&Vec<Verified>>, tx: &mut Tx<'_>) -> Result<(), Error> {
    for (sequence, _) in rows::orphaned(tx, scribe.channel)? {
        scribe.find(Place::Positions(sequence, sequence), Fault::WithoutMessage);
    }
    if scribe.channel.recipient == Recipient::All.as_str() {
        return Ok(());
    }
    let stated = Stated::of(receipts);
    for (id, position) in rows::concluded(tx, scribe.channel)? {
        match position {
            None => scribe.find(Place::Message(id), Fault::Unplaced),
            Some(at) if stated.of_position(at).is_empty() => {
                scribe.find(Place::Positions(at, at), Fault::WithoutReceipt);
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// What receipts say of positions: by last position, so that those that may cover one are found at once.
struct Stated<'r> {
    by_last: BTreeMap<u64, Vec<&'r receipt::Statement>>,
    longest: u64,
}

impl<'r> Stated<'r> {
    fn of(receipts: Option<&'r Vec<Verified>>) -> Self {
        let mut by_last: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut longest = 0;
        for receipt in receipts.into_iter().flatten() {
            let s = &receipt.statement;
            longest = longest.max(s.last - s.first);
            by_last.entry(s.last).or_default().push(s);
        }
        Self { by_last, longest }
    }

    /// Every outcome that a receipt states of a position: 0 received, else the refusal reason.
    fn of_position(&self, sequence: u64) -> Vec<i64> {
        let near = self.by_last.range(sequence..=sequence.saturating_add(self.longest)).flat_map(|(_, all)| all);
        let covering = near.filter(|s| s.first <= sequence);
        let outcome = |s: &&receipt::Statement| {
            let refused = s.refusals.iter().find(|refusal| refusal.sequence == sequence);
            refused.map_or(0, |refusal| i64::from(refusal.reason as i32))
        };
        covering.map(outcome).collect()
    }
}

//! Receipts, newest first, issued here and held from others.
//!
//! Shows the signed bytes as they are stored and verifies nothing: whoever wants proof does that with the directory. A
//! page begins after a place in the order of time, so that receipts that arrive meanwhile shift nothing.

use nhipcau_domain::{id::AccessPointId, reason};
use nhipcau_messaging::store::{
    Error, Tx,
    operations::{self, ReceiptPlace, StoredReceipt},
};
use nhipcau_proto::{
    accesspoint::v1 as pb,
    envelope::v1::{Receipt, ReceiptStatement},
};
use prost::Message as _;

use super::page;
use crate::status::{Refusal, Violation};

/// What a caller wants to see.
pub(super) struct Wanted {
    wanted: operations::Wanted,
    size: usize,
    filter: [String; 3],
}

impl Wanted {
    pub(super) fn read(request: &pb::ListReceiptsRequest) -> Result<Self, Refusal> {
        let issued = match pb::ChannelDirection::try_from(request.direction) {
            Ok(pb::ChannelDirection::Unspecified) => None,
            Ok(pb::ChannelDirection::Outgoing) => Some(false),
            Ok(pb::ChannelDirection::Incoming) => Some(true),
            Err(_) => return Err(unknown("direction")),
        };
        let filter = ["receipts".to_owned(), request.peer.clone(), request.direction.to_string()];
        let before = page::place(&borrowed(&filter), &request.page_token)?;
        let before = before.map(|place| read_place(place).ok_or_else(page::invalid)).transpose()?;
        let peer = Some(request.peer.clone()).filter(|peer| !peer.is_empty());
        let wanted = operations::Wanted { peer, issued, before };
        Ok(Self { wanted, size: page::size(request.page_size), filter })
    }
}

/// The refusal of an enum's value that the contract does not have.
pub(super) fn unknown(field: &str) -> Refusal {
    let description = "is not a value of the contract".to_owned();
    Refusal::invalid([Violation { field: field.to_owned(), reason: reason::CODE_UNKNOWN, description }])
}

pub(super) fn list(me: &AccessPointId, wanted: &Wanted, tx: &mut Tx<'_>) -> Result<pb::ListReceiptsResponse, Error> {
    let mut found = operations::receipts(tx, &wanted.wanted, wanted.size as u64 + 1)?;
    let is_last = found.len() <= wanted.size;
    found.truncate(wanted.size);
    let next_page_token = match found.last() {
        Some(last) if !is_last => page::token(&borrowed(&wanted.filter), &write_place(&last.place)),
        _ => String::new(),
    };
    let receipts = found.into_iter().map(|receipt| encode(me, receipt)).collect::<Result<_, _>>()?;
    Ok(pb::ListReceiptsResponse { receipts, next_page_token })
}

fn encode(me: &AccessPointId, stored: StoredReceipt) -> Result<pb::StoredReceipt, Error> {
    let broken = |_| Error::Corrupt("a receipt that does not parse");
    let receipt = Receipt::decode(stored.receipt.as_slice()).map_err(broken)?;
    let statement = ReceiptStatement::decode(receipt.statement.as_slice()).map_err(broken)?;
    let (place, me) = (stored.place, me.to_string());
    let (issuer, sender) = if place.issued { (me, place.peer) } else { (place.peer, me) };
    Ok(pb::StoredReceipt {
        issuer,
        sender,
        lane: statement.lane,
        number: place.number,
        first_sequence: stored.first,
        last_sequence: stored.last,
        refused_count: u32::try_from(statement.refusals.len()).unwrap_or(u32::MAX),
        receive_time: statement.receive_time,
        signed_receipt: stored.receipt,
    })
}

fn borrowed(filter: &[String; 3]) -> [&str; 3] {
    filter.each_ref().map(String::as_str)
}

fn write_place(place: &ReceiptPlace) -> String {
    let ReceiptPlace { time, peer, recipient, lane, series, number, issued } = place;
    format!("{time}.{peer}.{recipient}.{lane}.{series}.{number}.{}", u8::from(*issued))
}

fn read_place(text: &str) -> Option<ReceiptPlace> {
    let mut parts = text.split('.');
    let place = ReceiptPlace {
        time: parts.next()?.parse().ok()?,
        peer: parts.next()?.to_owned(),
        recipient: parts.next()?.to_owned(),
        lane: parts.next()?.parse().ok()?,
        series: parts.next()?.parse().ok()?,
        number: parts.next()?.parse().ok()?,
        issued: parts.next()? == "1",
    };
    parts.next().is_none().then_some(place)
}

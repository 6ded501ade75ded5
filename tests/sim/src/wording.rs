//! What goes over the wire, in words for the trace: positions and numbers, never a digest, a key or a content.

use std::fmt::Write as _;

use nhipcau_messaging::message::MessageId;
use nhipcau_proto::envelope::v1 as pb;
use prost::Message as _;

/// A bundle: envelopes as incarnation:position with their ids, receipts as series.number with what they cover.
#[must_use]
pub fn bundle(bytes: &[u8]) -> String {
    let Ok(bundle) = pb::Bundle::decode(bytes) else { return "no bundle".to_owned() };
    let mut text = String::new();
    for envelope in &bundle.envelopes {
        let r = pb::Routing::decode(&*envelope.routing).unwrap_or_default();
        let id = MessageId::from_slice(&r.id).map(|id| id.to_string()).unwrap_or_default();
        let (id, _) = id.split_at_checked(8).unwrap_or_default();
        write!(text, " {}:{}(base {}) {id}", r.incarnation, r.sequence, r.base_sequence).expect("a string grows");
    }
    for receipt in &bundle.receipts {
        let s = pb::ReceiptStatement::decode(&*receipt.statement).unwrap_or_default();
        let refused: Vec<u64> = s.refusals.iter().map(|refusal| refusal.sequence).collect();
        write!(
            text,
            " receipt {}.{} of lane {} {} {}..{} refused {refused:?}",
            s.series, s.number, s.lane, s.recipient, s.first_sequence, s.last_sequence
        )
        .expect("a string grows");
    }
    text
}

/// A signal: of a status, where its speaker sees each channel.
#[must_use]
pub fn signal(bytes: &[u8]) -> String {
    match pb::Signal::decode(bytes).ok().and_then(|signal| signal.kind) {
        None => "no signal".to_owned(),
        Some(pb::signal::Kind::Returned(_)) => "return".to_owned(),
        Some(pb::signal::Kind::ReleaseRequest(version)) => format!("asks for release {version}"),
        Some(pb::signal::Kind::Release(_)) => "release".to_owned(),
        Some(pb::signal::Kind::Inquiry(_)) => "inquiry".to_owned(),
        Some(pb::signal::Kind::Account(_)) => "account".to_owned(),
        Some(pb::signal::Kind::FileRequest(_)) => "file request".to_owned(),
        Some(pb::signal::Kind::FilePiece(_)) => "file piece".to_owned(),
        Some(pb::signal::Kind::Status(status)) => {
            let statement = pb::StatusStatement::decode(&*status.statement).unwrap_or_default();
            let mut text = format!("status {}", statement.number);
            statement.outgoing.iter().for_each(|out| outgoing(&mut text, out));
            statement.incoming.iter().for_each(|incoming_channel| incoming(&mut text, incoming_channel));
            text
        }
    }
}

fn outgoing(text: &mut String, out: &pb::OutgoingStatus) {
    let head = out.head.as_ref().map_or((0, 0), |head| (head.incarnation, head.sequence));
    let receipt = out.receipt.as_ref().map_or((0, 0), |receipt| (receipt.series, receipt.number));
    let all = if out.broadcast { "all" } else { "" };
    let opening = if out.opening { " opening" } else { "" };
    if head.1 > 0 || out.return_from > 0 || !opening.is_empty() {
        write!(
            text,
            " [out {all}{} {}{opening} head {}:{} base {} receipt {}.{} return {}]",
            out.lane, out.incarnation, head.0, head.1, out.base_sequence, receipt.0, receipt.1, out.return_from
        )
        .expect("a string grows");
    }
}

fn incoming(text: &mut String, seen: &pb::IncomingStatus) {
    let head = seen.head.as_ref().map_or((0, 0), |head| (head.incarnation, head.sequence));
    let receipt = seen.receipt.as_ref().map_or((0, 0), |receipt| (receipt.series, receipt.number));
    let all = if seen.broadcast { "all" } else { "" };
    if head.1 > 0 || seen.promised_incarnation > 0 {
        write!(
            text,
            " [in {all}{} promised {} head {}:{} receipt {}.{}]",
            seen.lane, seen.promised_incarnation, head.0, head.1, receipt.0, receipt.1
        )
        .expect("a string grows");
    }
}

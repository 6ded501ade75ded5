//! Signals, through the whole of the engine: status, returns, releases and their questions. Nothing in them ends the
//! process or sets off more than a bounded answer; a status that is believed is its signer's, for its reader.

use nhipcau_messaging::{
    envelope::{Content, wire},
    message::Lane,
    pae,
    signal::{
        ContractSupport, Head, IncomingStatus, Kind, OutgoingStatus, ReceiptHead, Signal, StatusStatement,
        verify_status,
    },
};
use nhipcau_sim::{
    directory::{CASES, access_point},
    payload::Verb,
};
use prost::Message as _;

use crate::{
    listener::Listener,
    programme::{ME, PEER, content, first, now, plan, programme, release, sealed, signed, signing_key},
};

/// As it is, and as its sender could have signed it, twice.
pub fn property(bytes: &[u8]) {
    let mut listener = Listener::start();
    listener.signal(bytes);
    let Some(kind) = Signal::decode(bytes).ok().and_then(|signal| signal.kind) else { return };
    let kind = match kind {
        Kind::Status(status) => Kind::Status(status_of(status, &listener)),
        Kind::Returned(returned) => Kind::Returned(wire::Returned {
            parcel: returned.parcel.map(|parcel| signed(parcel, pae::RETURN)),
            originals: returned.originals.into_iter().map(|envelope| signed(envelope, pae::ENVELOPE)).collect(),
        }),
        other => other,
    };
    if let Kind::Status(status) = &kind
        && let Some((sender, statement)) = verify_status(status, &access_point(ME), release(), now())
    {
        assert_eq!((sender, statement.recipient.as_str()), (access_point(PEER), access_point(ME).as_str()));
        assert!(statement.outgoing.len() <= 4 && statement.incoming.len() <= 4);
        let mut other = status.clone();
        *other.statement.last_mut().expect("a statement has bytes") ^= 1;
        assert!(verify_status(&other, &access_point(ME), release(), now()).is_none());
    }
    let bytes = Signal { kind: Some(kind) }.encode_to_vec();
    listener.signal(&bytes);
    listener.signal(&bytes);
    listener.wait();
}

/// Signed, and an answer to the process that hears it if it is an answer to anything.
fn status_of(mut status: wire::Status, listener: &Listener) -> wire::Status {
    if let Ok(mut statement) = StatusStatement::decode(status.statement.as_slice())
        && !statement.echo.is_empty()
        && let Some(Kind::Status(said)) = listener.said.as_deref().and_then(|bytes| Signal::decode(bytes).ok()?.kind)
        && let Ok(said) = StatusStatement::decode(said.statement.as_slice())
    {
        statement.echo = said.run;
        status.statement = statement.encode_to_vec();
    }
    status.signature = signing_key(PEER).sign(pae::STATUS, &[&status.statement]);
    status
}

fn statement() -> StatusStatement {
    let head = Some(Head { incarnation: 1, sequence: 2, digest: vec![4; 32] });
    let receipt = Some(ReceiptHead { series: 1, number: 2, digest: vec![5; 32] });
    let lane = Lane::Messages.number();
    StatusStatement {
        format: 1,
        sender: access_point(PEER).to_string(),
        recipient: access_point(ME).to_string(),
        run: vec![1; 16],
        echo: vec![2; 16],
        number: 3,
        create_time: Some(prost_types::Timestamp { seconds: now().as_second(), nanos: 0 }),
        directory_version: 1,
        signing_key: signing_key(PEER).id().to_string(),
        contracts: vec![ContractSupport { contract: CASES.to_owned(), minor: 1 }],
        outgoing: vec![OutgoingStatus {
            lane,
            incarnation: 1,
            head: head.clone(),
            receipt: receipt.clone(),
            ..Default::default()
        }],
        incoming: vec![IncomingStatus {
            lane,
            promised_incarnation: 1,
            promised_run: vec![3; 16],
            head,
            receipt,
            ..Default::default()
        }],
        notices_digest: vec![6; 32],
    }
}

/// One of each kind that is dealt with by the engine.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let opening = StatusStatement { echo: Vec::new(), outgoing: Vec::new(), incoming: Vec::new(), ..statement() };
    let status =
        |statement: StatusStatement| wire::Status { statement: statement.encode_to_vec(), signature: vec![0; 64] };
    let mut content_of_return: Content = content(&plan(Verb::Note, 0, 5), 0);
    content_of_return.header.message = "nhipcau.envelope.v1.Return".to_owned();
    content_of_return.header.contract = nhipcau_sim::directory::contract("nhipcau.envelope.v1");
    content_of_return.header.purpose = nhipcau_domain::id::Purpose::new("return").expect("a purpose");
    let receipts =
        crate::receipt::seeds().iter().filter_map(|bytes| wire::Receipt::decode(bytes.as_slice()).ok()).collect();
    content_of_return.parts = vec![wire::Return { keys: Vec::new(), receipts }.encode_to_vec()];
    let parcel = Some(sealed(first(None), &content_of_return).0);
    let kinds = [
        Kind::Status(status(statement())),
        Kind::Status(status(opening)),
        Kind::Returned(wire::Returned { parcel, originals: Vec::new() }),
        Kind::ReleaseRequest(1),
        Kind::Release(programme().release(1).signed_bytes().to_vec()),
    ];
    kinds.map(|kind| Signal { kind: Some(kind) }.encode_to_vec()).to_vec()
}

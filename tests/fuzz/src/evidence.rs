//! The store of another, as `nhipcau verify` reads it: whatever bytes stand in the place of an envelope or a receipt,
//! the audit ends, and finds them unless they say exactly what was there.

use std::sync::LazyLock;

use nhipcau_messaging::{
    audit::Auditor,
    engine::Kind,
    envelope::wire,
    message::Lane,
    store::{self, Store},
};
use nhipcau_sim::{directory::access_point, handler::TABLES, payload::Verb};
use prost::Message as _;

use crate::{
    listener::Listener,
    programme::{ME, content, first, plan, programme, release, sealed},
};

/// An access point that took a broadcast, whose envelope lies in the clear, and issued a receipt for it.
static IMAGE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut listener = Listener::start();
    let (envelope, _) = broadcast();
    let bundle = wire::Bundle { envelopes: vec![envelope], receipts: Vec::new() };
    assert_eq!(listener.deliver(Kind::Broadcast, &bundle.encode_to_vec()), 1);
    listener.wait();
    listener.image()
});

fn broadcast() -> (wire::Envelope, [u8; 32]) {
    sealed(first(Some(Lane::Bulk)), &content(&plan(Verb::Publish, 0, 2), 0))
}

const PLACES: [(&str, &str); 2] = [
    ("SELECT envelope FROM received WHERE envelope IS NOT NULL", "UPDATE received SET envelope = $1"),
    ("SELECT receipt FROM receipt_issued", "UPDATE receipt_issued SET receipt = $1"),
];

/// The first byte says in whose place the rest stands.
pub fn property(bytes: &[u8]) {
    let Some((place, bytes)) = bytes.split_first() else { return };
    let (read, write) = PLACES[usize::from(*place) % PLACES.len()];
    let mut store = Store::from_image(&IMAGE).expect("a store of ours");
    store.add_tables(TABLES).expect("the tables are there");
    let me = access_point(ME);
    let report = store.transaction(|tx| {
        let before = tx.query_one(read, &[], |row| row.blob(0))?.unwrap_or_default();
        tx.execute(write, &[bytes.into()])?;
        let auditor = Auditor::new(&me, release(), programme().key_ring(ME, 0).kek);
        Ok::<_, store::Error>((before, auditor.audit(tx)))
    });
    let (before, report) = report.expect("a row can be written");
    let says_the_same = wire::Envelope::decode(bytes) == wire::Envelope::decode(before.as_slice());
    if let Ok(report) = report
        && report.findings.is_empty()
    {
        assert!(says_the_same, "what was changed is found");
    } else {
        assert_ne!(bytes, before.as_slice(), "what was not changed holds");
    }
}

/// What stands there.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let mut store = Store::from_image(&IMAGE).expect("a store of ours");
    let mut seeds = Vec::new();
    for (number, (read, _)) in (0u8..).zip(PLACES) {
        let there = store.transaction(|tx| tx.query_one(read, &[], |row| row.blob(0)));
        seeds.extend(there.expect("a store of ours").map(|bytes| [vec![number], bytes].concat()));
    }
    assert_eq!(seeds.len(), PLACES.len(), "both are there");
    seeds
}

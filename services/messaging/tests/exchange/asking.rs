//! The reconciler: questions and answers as signals between two processes, what is not believed, and what is not
//! answered.

use std::sync::{Arc, Mutex};

use nhipcau_domain::id::AccessPointId;
use nhipcau_messaging::{
    crypto::sign::SigningKey,
    engine::{AlarmKind, Input, Kind, Output},
    message::Lane,
    reconcile::{
        AccountStatement, Error, InquiryStatement, Query, Reconciler, Seams, Span, Totals, sign_account, sign_inquiry,
    },
    signal::Signal,
    store::Readers,
};
use prost::Message;
use tokio::sync::watch;

use crate::world::{HANOI, MOH, Parcel, VWU, World, node_id, seed};

fn signing(node: usize) -> SigningKey {
    SigningKey::from_seed("s-1".parse().unwrap(), &seed(node_id(node).as_str(), 1)).unwrap()
}

/// Signals that a reconciler has sent.
type Sent = Arc<Mutex<Vec<(AccessPointId, Vec<u8>)>>>;

struct House {
    reconciler: Reconciler,
    sent: Sent,
    _directory: tempfile::TempDir,
}

/// Opens the reconciler of a node over a copy of its store.
fn open(world: &mut World, node: usize) -> House {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    std::fs::write(&path, world.image(node)).unwrap();
    let (now, sent) = (world.now, Sent::default());
    let outbox = Arc::clone(&sent);
    let reconciler = Reconciler::open(Seams {
        access_point: node_id(node),
        signing: signing(node),
        releases: watch::Sender::new(Arc::clone(&world.releases[0])).subscribe(),
        readers: Readers::open(&path, 1).unwrap(),
        clock: Box::new(move || now),
        outlet: Box::new(move |output| {
            if let Output::Signal { recipient, bytes } = output {
                outbox.lock().unwrap().push((recipient, bytes));
            }
        }),
    });
    House { reconciler, sent, _directory: directory }
}

fn signal(from: usize, bytes: Vec<u8>) -> Input {
    Input::Signal { sender: node_id(from), bytes }
}

/// Brings what one reconciler sends to the other until told to stop.
async fn carry(from: usize, sent: Sent, to: Reconciler) {
    loop {
        let waiting = std::mem::take(&mut *sent.lock().unwrap());
        for (_, bytes) in waiting {
            assert!(to.take(signal(from, bytes)).is_none());
        }
        tokio::task::yield_now().await;
    }
}

fn inquiry(from: usize, to: usize, spans: usize) -> InquiryStatement {
    let span = Span { lane: Lane::Messages.number(), first_sequence: 1, sent_by_asked: true, ..Span::default() };
    InquiryStatement {
        format: 1,
        sender: node_id(from).to_string(),
        recipient: node_id(to).to_string(),
        signing_key: "s-1".to_owned(),
        nonce: vec![7; 16],
        spans: vec![span; spans],
    }
}

#[tokio::test]
async fn two_processes_compare_by_signals() {
    let mut world = World::open();
    for n in 0..3 {
        world.send(MOH, VWU, &format!("r{n}"), b"x").unwrap();
    }
    world.settle();
    world.nodes[VWU].store.transaction(|tx| tx.execute("DELETE FROM received WHERE sequence = 2", &[])).unwrap();
    let (moh, vwu) = (open(&mut world, MOH), open(&mut world, VWU));
    let there = tokio::spawn(carry(MOH, Arc::clone(&moh.sent), vwu.reconciler.clone()));
    let back = tokio::spawn(carry(VWU, Arc::clone(&vwu.sent), moh.reconciler.clone()));
    let query = Query { limit: 10, ..Query::default() };
    let results = moh.reconciler.reconcile(&node_id(VWU), query).await.unwrap();
    let sent = results.iter().find(|r| r.is_sent && r.lane == Lane::Messages).unwrap();
    assert_eq!((sent.sent, sent.held, sent.difference_count), (3, 2, 1));
    assert_eq!(vwu.reconciler.totals(), Totals { answered: 1, ..Totals::default() });
    there.abort();
    back.abort();
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_waited_for_ten_seconds_and_asked_again_meanwhile() {
    let mut world = World::open();
    let moh = open(&mut world, MOH);
    let begun = tokio::time::Instant::now();
    let silent = moh.reconciler.reconcile(&node_id(VWU), Query::default()).await;
    assert!(matches!(silent, Err(Error::Silent)), "{silent:?}");
    assert_eq!(begun.elapsed().as_secs(), 10);
    assert_eq!(moh.sent.lock().unwrap().len(), 5);
}

#[tokio::test]
async fn what_is_not_signed_by_its_sender_for_the_reader_is_left_to_the_engine_and_counted() {
    let mut world = World::open();
    let moh = open(&mut world, MOH);
    let good = inquiry(VWU, MOH, 1);
    let unsigned = {
        let Signal { kind } = sign_inquiry(&good, &signing(VWU));
        let Some(nhipcau_messaging::signal::Kind::Inquiry(mut inquiry)) = kind else { unreachable!() };
        inquiry.signature = vec![0; 64];
        Signal { kind: Some(nhipcau_messaging::signal::Kind::Inquiry(inquiry)) }
    };
    let account = AccountStatement {
        format: 1,
        sender: "vwu".to_owned(),
        recipient: "hanoi".to_owned(),
        signing_key: "s-1".to_owned(),
        nonce: vec![7; 16],
        accounts: vec![Default::default()],
    };
    let oversized =
        AccountStatement { recipient: "moh".to_owned(), accounts: vec![Default::default(); 17], ..account.clone() };
    let broken: Vec<(usize, Signal)> = vec![
        (VWU, unsigned),
        // Signed by another, for another, on another's subject.
        (VWU, sign_inquiry(&good, &signing(HANOI))),
        (VWU, sign_inquiry(&inquiry(VWU, HANOI, 1), &signing(VWU))),
        (HANOI, sign_inquiry(&good, &signing(VWU))),
        (MOH, sign_inquiry(&inquiry(MOH, MOH, 1), &signing(MOH))),
        (VWU, sign_account(&account, &signing(VWU))),
        // More than one may ask or answer.
        (VWU, sign_inquiry(&inquiry(VWU, MOH, 17), &signing(VWU))),
        (VWU, sign_inquiry(&inquiry(VWU, MOH, 0), &signing(VWU))),
        (VWU, sign_account(&oversized, &signing(VWU))),
    ];
    let count = broken.len() as u64;
    for (from, broken) in broken {
        let bytes = broken.encode_to_vec();
        assert!(moh.reconciler.take(signal(from, bytes.clone())).is_some(), "it goes to the engine");
        world.deliver(Parcel { kind: Kind::Receipts, from, to: MOH, bytes, signal: true }).unwrap();
    }
    assert!(world.alarmed(MOH, AlarmKind::Quarantined));
    let totals = moh.reconciler.totals();
    assert_eq!((totals.disbelieved, totals.answered), (count, 0));
    assert!(moh.sent.lock().unwrap().is_empty(), "nothing was answered");
}

#[tokio::test]
async fn an_answer_that_nobody_waits_for_is_dropped() {
    let mut world = World::open();
    let moh = open(&mut world, MOH);
    let account = AccountStatement {
        format: 1,
        sender: "vwu".to_owned(),
        recipient: "moh".to_owned(),
        signing_key: "s-1".to_owned(),
        nonce: vec![7; 16],
        accounts: vec![Default::default()],
    };
    let bytes = sign_account(&account, &signing(VWU)).encode_to_vec();
    assert!(moh.reconciler.take(signal(VWU, bytes)).is_none());
    assert_eq!(moh.reconciler.totals().unasked, 1);
}

#[tokio::test]
async fn an_answer_to_something_else_than_was_asked_is_no_comparison() {
    let mut world = World::open();
    let moh = open(&mut world, MOH);
    let reconciler = moh.reconciler.clone();
    let asking = tokio::spawn(async move { reconciler.reconcile(&node_id(VWU), Query::default()).await });
    let asked = loop {
        if let Some((_, bytes)) = moh.sent.lock().unwrap().pop() {
            break bytes;
        }
        tokio::task::yield_now().await;
    };
    let kind = Signal::decode(asked.as_slice()).unwrap().kind;
    let Some(nhipcau_messaging::signal::Kind::Inquiry(inquiry)) = kind else { unreachable!() };
    let statement = InquiryStatement::decode(inquiry.statement.as_slice()).unwrap();
    let account = AccountStatement {
        format: 1,
        sender: "vwu".to_owned(),
        recipient: "moh".to_owned(),
        signing_key: "s-1".to_owned(),
        nonce: statement.nonce,
        accounts: vec![Default::default()],
    };
    let bytes = sign_account(&account, &signing(VWU)).encode_to_vec();
    assert!(moh.reconciler.take(signal(VWU, bytes)).is_none());
    let misled = asking.await.unwrap();
    assert!(matches!(misled, Err(Error::Misleading)), "{misled:?}");
}

#[tokio::test]
async fn a_peer_that_asks_without_end_is_answered_only_so_often() {
    let mut world = World::open();
    let moh = open(&mut world, MOH);
    let bytes = sign_inquiry(&inquiry(VWU, MOH, 1), &signing(VWU)).encode_to_vec();
    for _ in 0..200 {
        assert!(moh.reconciler.take(signal(VWU, bytes.clone())).is_none());
    }
    let totals = moh.reconciler.totals();
    assert!(totals.shed >= 100, "{totals:?}");
}

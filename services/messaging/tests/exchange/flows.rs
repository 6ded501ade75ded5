//! What two access points count by flow: the same on both sides, for ever, and nothing of it by who cannot count so.

use nhipcau_domain::{flow::Wanted, id::AccessPointId};
use nhipcau_messaging::{
    crypto::sign::SigningKey,
    message::Lane,
    reconcile::{
        AccountStatement, Comparison, DifferenceKind, Error, Query, Reconciled, account, sign_account, verify_account,
    },
    signal::{Kind, Signal},
    store::Tx,
};
use nhipcau_proto::envelope::v1::{FlowCount, SpanAccount};

use crate::{
    reconciling::compare,
    world::{HANOI, MOH, Secrets, VWU, World, newer_contract, node_id, signing},
};

const REFERRAL: &str = "nhipcau.referral.v1";
const SKIP: &str = "nhipcau.envelope.v1";

fn wanted(contract: &str, kind: &str, world: &World) -> Query {
    let pair = (&node_id(MOH), &node_id(VWU));
    let flows = Wanted::read(contract, kind, pair, &world.releases[0]).unwrap();
    assert!(flows.is_some());
    Query { flows, limit: 100, ..Query::default() }
}

fn all() -> Query {
    Query { limit: 100, ..Query::default() }
}

fn send(world: &mut World, request: &str, kind: &str) {
    world.send_changed(MOH, VWU, request, |draft| draft.header.kind = kind.to_owned()).unwrap();
}

/// The channel of messages from `moh` to `vwu`, as the sender and as the recipient compare it.
fn both(world: &mut World, query: &Query) -> [Reconciled; 2] {
    [(MOH, VWU, true), (VWU, MOH, false)].map(|(asking, asked, is_sent)| {
        let results = compare(world, asking, asked, query.clone());
        results.into_iter().find(|result| result.is_sent == is_sent && result.lane == Lane::Messages).unwrap()
    })
}

/// Flows with what was sent, held and skipped.
type Counts<'c> = Vec<(&'c str, &'c str, u64, u64, u64)>;

fn counts(result: &Reconciled) -> Counts<'_> {
    result.flows.iter().map(|it| (it.flow.contract(), it.flow.kind(), it.sent, it.held, it.skipped)).collect()
}

/// A transfer, two referrals and a message of another contract, which the recipient serves too.
fn exchanged() -> World {
    let mut world = World::open();
    world.restart_with(VWU, None, &Secrets { newer: true, ..Secrets::default() });
    for (n, kind) in ["REFERRAL", "TRANSFER", "REFERRAL"].into_iter().enumerate() {
        send(&mut world, &format!("r{n}"), kind);
    }
    world.send_changed(MOH, VWU, "visit", |draft| draft.header.contract = newer_contract()).unwrap();
    world.settle();
    world
}

/// What [`exchanged`] leaves.
const EXCHANGED: [(&str, &str, u64, u64, u64); 3] =
    [(REFERRAL, "REFERRAL", 2, 2, 0), (REFERRAL, "TRANSFER", 1, 1, 0), ("nhipcau.visit.v1", "", 1, 1, 0)];

fn change(world: &mut World, node: usize, sql: &'static str) {
    assert!(world.nodes[node].store.transaction(|tx| tx.execute(sql, &[])).unwrap() > 0, "{sql}");
}

#[test]
fn every_flow_is_counted_the_same_whoever_asks() {
    let mut world = exchanged();
    world.broadcast(MOH, "all", b"z").unwrap();
    world.settle();
    for result in both(&mut world, &all()) {
        assert_eq!(counts(&result), EXCHANGED);
        assert_eq!((result.sent, result.held), (4, 4));
    }
    for (contract, kind, flows, sent) in [
        (REFERRAL, "", &EXCHANGED[..2], 3),
        (REFERRAL, "TRANSFER", &EXCHANGED[1..2], 1),
        (REFERRAL, "NOTIFICATION", &[], 0),
        ("nhipcau.visit.v1", "", &EXCHANGED[2..], 1),
    ] {
        let query = wanted(contract, kind, &world);
        for result in both(&mut world, &query) {
            assert_eq!(counts(&result), flows, "{contract} {kind}");
            assert_eq!((result.sent, result.held), (sent, sent), "{contract} {kind}");
        }
    }
    let results = compare(&mut world, MOH, HANOI, all());
    let broadcast = results.iter().find(|result| result.broadcast && result.is_sent).unwrap();
    assert_eq!(counts(broadcast), [(REFERRAL, "", 1, 1, 0)]);
}

#[test]
fn a_lost_row_is_named_under_its_own_flow_and_under_no_other_whoever_asks() {
    for (node, sql, kind) in [
        (VWU, "DELETE FROM received WHERE sequence = 2", DifferenceKind::Missing),
        (MOH, "DELETE FROM sent WHERE recipient = 'vwu' AND sequence = 2", DifferenceKind::UnknownToSender),
        (VWU, "UPDATE received SET digest = zeroblob(32) WHERE sequence = 2", DifferenceKind::Digest),
    ] {
        let mut world = exchanged();
        change(&mut world, node, sql);
        let (transfers, referrals) = (wanted(REFERRAL, "TRANSFER", &world), wanted(REFERRAL, "REFERRAL", &world));
        for query in [all(), wanted(REFERRAL, "", &world), transfers] {
            for result in both(&mut world, &query) {
                let found: Vec<_> =
                    result.differences.iter().map(|it| (it.sequence, it.kind, it.flow.kind())).collect();
                assert_eq!(found, [(2, kind, "TRANSFER")], "{sql}");
                assert_eq!(result.difference_count, 1);
            }
        }
        for result in both(&mut world, &referrals) {
            assert_eq!((result.difference_count, result.sent, result.held), (0, 2, 2), "{sql}");
        }
    }
}

#[test]
fn in_a_long_channel_one_flow_is_found_and_counted_among_others() {
    let mut world = exchanged();
    let row = "INSERT INTO sent SELECT recipient, lane, $1, incarnation, $2, correlation, ordinal, contract, kind, \
               digest, envelope, erased, proof, sign_time FROM sent WHERE recipient = 'vwu' AND lane = 1 AND sequence = $3";
    let held = "INSERT INTO received SELECT sender, recipient, lane, branch, $1, incarnation, $2, correlation, \
                contract, kind, digest, content_digest, outcome, expected, 0, envelope, erased, proof, receive_time \
                FROM received WHERE sender = 'moh' AND recipient = 'vwu' AND lane = 1 AND branch = 0 AND sequence = $3";
    for (node, sql) in [(MOH, row), (VWU, held)] {
        // Every tenth like the transfer, the others like the first referral.
        let fill = |tx: &mut Tx<'_>| {
            (5..=2_000_u64).try_for_each(|sequence| {
                let (id, like) = (u128::from(sequence).to_be_bytes(), if sequence % 10 == 0 { 2_u64 } else { 1 });
                tx.execute(sql, &[sequence.into(), (&id).into(), like.into()]).map(drop)
            })
        };
        world.nodes[node].store.transaction(fill).unwrap();
    }
    change(&mut world, MOH, "UPDATE receipt_held SET last_sequence = 2000 WHERE issuer = 'vwu'");
    change(&mut world, VWU, "DELETE FROM received WHERE sequence IN (11, 500, 1999)");
    let (transfers, referrals) = (wanted(REFERRAL, "TRANSFER", &world), wanted(REFERRAL, "REFERRAL", &world));
    for result in both(&mut world, &transfers) {
        assert_eq!((result.sent, result.held, result.difference_count), (201, 200, 1));
        assert_eq!(result.differences[0].sequence, 500);
    }
    for result in both(&mut world, &referrals) {
        let found: Vec<_> = result.differences.iter().map(|it| (it.sequence, it.kind)).collect();
        assert_eq!(found, [(11, DifferenceKind::Missing), (1999, DifferenceKind::Missing)]);
        assert_eq!((result.sent, result.held), (1798, 1796));
    }
    for result in both(&mut world, &all()) {
        assert_eq!((result.sent, result.held, result.difference_count), (2_000, 1_997, 3));
    }
}

#[test]
fn flows_are_counted_as_before_when_nothing_of_the_contents_is_left() {
    let mut world = exchanged();
    let before = both(&mut world, &all());
    for node in [MOH, VWU] {
        world.group(node, |engine, tx| engine.erase(&[7; 16], tx)).unwrap();
    }
    world.settle();
    for (node, table) in [(MOH, "sent"), (VWU, "received")] {
        let whole = format!("SELECT COUNT(*) FROM {table} WHERE lane = 1 AND envelope IS NOT NULL").leak();
        assert_eq!(world.rows(node, whole, |row| row.int(0)), [0], "{table}");
    }
    assert_eq!(both(&mut world, &all()), before);
}

#[test]
fn a_store_that_was_put_back_counts_what_it_is_given_back_under_its_flow() {
    for node in [MOH, VWU] {
        let mut world = World::open();
        let image = world.image(node);
        send(&mut world, "r1", "TRANSFER");
        send(&mut world, "r2", "NOTIFICATION");
        world.settle();
        world.restart(node, Some(&image));
        world.settle();
        for result in both(&mut world, &all()) {
            let expected = [(REFERRAL, "NOTIFICATION", 1, 1, 0), (REFERRAL, "TRANSFER", 1, 1, 0)];
            assert_eq!((counts(&result), result.difference_count), (expected.to_vec(), 0), "{node}");
        }
    }
}

#[test]
fn what_is_given_back_without_its_content_is_counted_as_not_opened() {
    let mut world = World::open();
    let image = world.image(MOH);
    send(&mut world, "r1", "TRANSFER");
    world.settle();
    world.group(VWU, |engine, tx| engine.erase(&[7; 16], tx)).unwrap();
    world.restart(MOH, Some(&image));
    world.settle();
    for result in both(&mut world, &all()) {
        assert_eq!(counts(&result), [("", "", 1, 0, 0), (REFERRAL, "TRANSFER", 0, 1, 0)]);
    }
}

#[test]
fn a_skip_is_counted_with_the_flow_that_it_stands_for() {
    let mut world = World::open();
    let kind = |draft: &mut nhipcau_messaging::message::Draft| {
        draft.header.kind = "TRANSFER".to_owned();
        draft.header.correlation = Some([9; 16]);
    };
    world.send_changed(MOH, VWU, "r1", kind).unwrap();
    // The bus loses it, so that a skip takes its position.
    world.queue.clear();
    world.group(MOH, |engine, tx| engine.erase(&[9; 16], tx)).unwrap();
    world.settle();
    for result in both(&mut world, &all()) {
        assert_eq!(counts(&result), [(SKIP, "", 1, 1, 0), (REFERRAL, "TRANSFER", 0, 0, 1)]);
        assert_eq!((result.sent, result.held, result.skipped), (1, 1, 1));
    }
    let query = wanted(REFERRAL, "TRANSFER", &world);
    for result in both(&mut world, &query) {
        assert_eq!((result.sent, result.held, result.skipped), (0, 0, 1));
    }
}

#[test]
fn of_what_could_not_be_opened_the_sender_knows_the_flow() {
    let mut world = exchanged();
    change(&mut world, VWU, "UPDATE received SET contract = '', kind = '' WHERE sequence = 2");
    let query = wanted(REFERRAL, "TRANSFER", &world);
    for result in both(&mut world, &query) {
        assert_eq!(counts(&result), [("", "", 0, 1, 0), (REFERRAL, "TRANSFER", 1, 0, 0)]);
        assert_eq!(result.difference_count, 0, "both hold it");
    }
    change(&mut world, MOH, "DELETE FROM receipt_held WHERE issuer = 'vwu'");
    for result in both(&mut world, &query) {
        assert_eq!(result.differences.len(), 1);
        let difference = &result.differences[0];
        let found = (difference.sequence, difference.kind, difference.flow.kind());
        assert_eq!(found, (2, DifferenceKind::Unreceipted, "TRANSFER"));
    }
}

/// As of a contract that only the release brings by which it is applied.
#[test]
fn what_is_applied_later_has_its_flow_then() {
    let mut world = World::open();
    world.install(MOH);
    world.queue.clear();
    world.broadcast_by_night("late", b"late");
    world.deliver_without_signals();
    change(&mut world, VWU, "UPDATE received SET contract = '' WHERE recipient = 'all' AND outcome <> 0");
    world.install(VWU);
    world.settle();
    let results = compare(&mut world, MOH, VWU, all());
    let broadcast = results.iter().find(|result| result.broadcast && result.is_sent).unwrap();
    assert_eq!(counts(broadcast), [(REFERRAL, "", 1, 1, 0)]);
}

/// The answer of an access point of a version that does not count by flow.
fn older(mut account: SpanAccount) -> SpanAccount {
    account.flows.clear();
    account.positions.iter_mut().for_each(|position| position.flow = 0);
    account
}

#[test]
fn who_does_not_count_by_flow_is_compared_as_ever_and_asked_about_no_flow() {
    let mut world = exchanged();
    change(&mut world, VWU, "DELETE FROM received WHERE sequence = 2");
    let (me, peer) = (node_id(MOH), node_id(VWU));
    let query = wanted(REFERRAL, "TRANSFER", &world);
    for (query, is_refused) in [(all(), false), (query, true)] {
        let channels = world.nodes[MOH].store.transaction(|tx| Comparison::of_pair(&me, &peer, &query, tx)).unwrap();
        let mut channel = channels.into_iter().next().unwrap();
        let span = *channel.next().unwrap();
        let said = world.nodes[VWU].store.transaction(|tx| account(&peer, &me, &span, tx)).unwrap();
        assert!(!said.flows.is_empty());
        let heard = world.nodes[MOH].store.transaction(|tx| channel.hear(&older(said), tx));
        if is_refused {
            assert!(matches!(heard, Err(Error::NotCounted)), "{heard:?}");
            continue;
        }
        heard.unwrap();
        let result = channel.result();
        assert_eq!((result.sent, result.held, result.difference_count), (4, 3, 1));
        assert!(result.flows.is_empty(), "nothing is said for who does not count");
    }
}

fn believed(world: &World, account: SpanAccount) -> bool {
    let (peer, key): (AccessPointId, SigningKey) = (node_id(VWU), signing(VWU));
    let statement = AccountStatement {
        format: 1,
        sender: peer.to_string(),
        recipient: "moh".to_owned(),
        signing_key: "s-1".to_owned(),
        nonce: vec![7; 16],
        accounts: vec![account],
    };
    let Signal { kind: Some(Kind::Account(signed)) } = sign_account(&statement, &key) else { unreachable!() };
    verify_account(&signed, &node_id(MOH), &world.releases[0], world.now).is_some()
}

#[test]
fn flows_that_do_not_count_what_an_answer_holds_are_not_believed() {
    let mut world = exchanged();
    let (me, peer) = (node_id(VWU), node_id(MOH));
    let channels = world.nodes[MOH].store.transaction(|tx| Comparison::of_pair(&peer, &me, &all(), tx)).unwrap();
    let span = *channels[0].next().unwrap();
    let good = world.nodes[VWU].store.transaction(|tx| account(&me, &peer, &span, tx)).unwrap();
    assert!(believed(&world, good.clone()));
    assert!(believed(&world, older(good.clone())), "of an older version");
    let flow = |contract: &str, kind: &str, count| FlowCount {
        contract: contract.to_owned(),
        kind: kind.to_owned(),
        count,
        skipped_count: 0,
    };
    type Lie = fn(&mut SpanAccount);
    let lies: [Lie; 8] = [
        |said| said.flows[0].count += 1,
        |said| said.flows[0].skipped_count = 1,
        |said| said.flows.swap(0, 1),
        |said| said.flows[0].kind = "Nguyễn Thị Hoa".to_owned(),
        |said| said.flows[1].contract = "some contract".to_owned(),
        |said| said.positions[0].flow = 2,
        |said| said.positions[0].flow = 9,
        |said| said.flows.clear(),
    ];
    for (n, lie) in lies.into_iter().enumerate() {
        let mut account = good.clone();
        lie(&mut account);
        assert!(!believed(&world, account), "{n}");
    }
    let mut many = good;
    many.flows.extend((1..=32).map(|n| flow(&format!("nhipcau.z.v{}", 1000 + n), "", 0)));
    assert!(!believed(&world, many), "more than an answer may name");
}

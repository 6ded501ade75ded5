//! Two access points find out on which positions they differ, by asking, and believe nothing else than answers.

use jiff::{SignedDuration, Timestamp};
use nhipcau_messaging::{
    message::Lane,
    reconcile::{Comparison, Difference, DifferenceKind, Query, Reconciled, account},
};

use crate::world::{HANOI, MOH, VWU, World, node_id};

/// Compares as `asking` would, by questions to `asked`.
pub(crate) fn compare(world: &mut World, asking: usize, asked: usize, query: Query) -> Vec<Reconciled> {
    let (me, peer) = (node_id(asking), node_id(asked));
    let prepared = world.nodes[asking].store.transaction(|tx| Comparison::of_pair(&me, &peer, &query, tx)).unwrap();
    let mut results = Vec::new();
    for mut channel in prepared {
        let mut questions = 0;
        while let Some(span) = channel.next().copied() {
            questions += 1;
            assert!(questions < 50, "the comparison does not come to an end");
            let said = world.nodes[asked].store.transaction(|tx| account(&peer, &me, &span, tx)).unwrap();
            world.nodes[asking].store.transaction(|tx| channel.hear(&said, tx)).unwrap();
        }
        results.push(channel.result());
    }
    results
}

fn all() -> Query {
    Query { limit: 100, ..Query::default() }
}

/// The channel of messages in which the asking side sends.
fn sent(results: &[Reconciled]) -> &Reconciled {
    results.iter().find(|r| r.is_sent && r.lane == Lane::Messages).unwrap()
}

/// The one in which the asked side sends.
fn received(results: &[Reconciled]) -> &Reconciled {
    results.iter().find(|r| !r.is_sent && r.lane == Lane::Messages).unwrap()
}

fn exchanged(count: usize) -> World {
    let mut world = World::open();
    for n in 0..count {
        world.send(MOH, VWU, &format!("r{n}"), b"x").unwrap();
    }
    world.settle();
    world
}

fn kinds(result: &Reconciled) -> Vec<(u64, DifferenceKind)> {
    result.differences.iter().map(|d: &Difference| (d.sequence, d.kind)).collect()
}

#[test]
fn what_arrived_is_the_same_on_both_sides_of_every_channel() {
    let mut world = exchanged(5);
    world.send(VWU, MOH, "back", b"y").unwrap();
    world.broadcast(MOH, "all", b"z").unwrap();
    world.settle();
    for (asking, asked, counts) in [(MOH, VWU, [(5, 5), (1, 1)]), (VWU, MOH, [(1, 1), (5, 5)])] {
        let results = compare(&mut world, asking, asked, all());
        assert_eq!(results.len(), 6);
        assert!(results.iter().all(|r| r.difference_count == 0 && r.sent == r.held), "{results:?}");
        let counted = [sent(&results), received(&results)].map(|r| (r.sent, r.held));
        assert_eq!(counted, counts);
        let broadcast = results.iter().find(|r| r.broadcast && r.is_sent == (asking == MOH)).unwrap();
        assert_eq!((broadcast.sent, broadcast.held), (1, 1));
    }
    assert_eq!(sent(&compare(&mut world, MOH, HANOI, all())).sent, 0, "another pair's channel shows nothing");
}

#[test]
fn a_row_that_one_side_lost_is_named_whoever_asks() {
    for (node, sql, kind) in [
        (VWU, "DELETE FROM received WHERE sequence = 2", DifferenceKind::Missing),
        (VWU, "DELETE FROM received WHERE sequence = 5", DifferenceKind::Missing),
        (MOH, "DELETE FROM sent WHERE recipient = 'vwu' AND sequence = 5", DifferenceKind::UnknownToSender),
        (MOH, "DELETE FROM sent WHERE recipient = 'vwu' AND sequence = 1", DifferenceKind::UnknownToSender),
        (VWU, "UPDATE received SET digest = zeroblob(32) WHERE sequence = 3", DifferenceKind::Digest),
    ] {
        let mut world = exchanged(5);
        world.nodes[node].store.transaction(|tx| tx.execute(sql, &[])).unwrap();
        let by_sender = compare(&mut world, MOH, VWU, all());
        let by_recipient = compare(&mut world, VWU, MOH, all());
        for result in [sent(&by_sender), received(&by_recipient)] {
            assert_eq!(result.difference_count, 1, "{sql}");
            assert_eq!(result.differences[0].kind, kind, "{sql}");
            assert!(sql.ends_with(&result.differences[0].sequence.to_string()), "{sql}");
        }
        assert_eq!(sent(&by_sender), &Reconciled { is_sent: true, ..received(&by_recipient).clone() });
    }
}

#[test]
fn a_receipt_that_the_sender_lost_is_missed_whoever_asks() {
    let mut world = exchanged(3);
    world.nodes[MOH].store.transaction(|tx| tx.execute("DELETE FROM receipt_held WHERE issuer = 'vwu'", &[])).unwrap();
    let expected: Vec<_> = (1..=3).map(|sequence| (sequence, DifferenceKind::Unreceipted)).collect();
    assert_eq!(kinds(sent(&compare(&mut world, MOH, VWU, all()))), expected);
    assert_eq!(kinds(received(&compare(&mut world, VWU, MOH, all()))), expected);
}

#[test]
fn a_period_counts_by_the_senders_clock() {
    let mut world = World::open();
    let mut times: Vec<Timestamp> = Vec::new();
    for n in 0..4 {
        times.push(world.now);
        world.send(MOH, VWU, &format!("r{n}"), b"x").unwrap();
        world.settle();
        world.now += SignedDuration::from_hours(24);
    }
    for (start, end, count) in
        [(Some(1), None, 3), (None, Some(1), 1), (Some(1), Some(3), 2), (Some(2), Some(3), 1), (None, None, 4)]
    {
        let at = |index: Option<usize>| index.map(|index| times[index]);
        let query = Query { start: at(start), end: at(end), ..all() };
        assert_eq!(sent(&compare(&mut world, MOH, VWU, query.clone())).held, count);
        assert_eq!(received(&compare(&mut world, VWU, MOH, query)).sent, count);
    }
    let never = Query { start: Some(world.now), ..all() };
    assert_eq!(sent(&compare(&mut world, MOH, VWU, never)).sent, 0);
    let before = Query { end: Some(times[0]), ..all() };
    assert_eq!(received(&compare(&mut world, VWU, MOH, before)).sent, 0);
    // What was lost belongs to one period and not to another.
    world.nodes[VWU].store.transaction(|tx| tx.execute("DELETE FROM received WHERE sequence = 2", &[])).unwrap();
    let second = Query { start: Some(times[1]), end: Some(times[2]), ..all() };
    let third = Query { start: Some(times[2]), end: Some(times[3]), ..all() };
    for (query, count) in [(second, 1), (third, 0)] {
        assert_eq!(sent(&compare(&mut world, MOH, VWU, query.clone())).difference_count, count);
        assert_eq!(received(&compare(&mut world, VWU, MOH, query)).difference_count, count);
    }
}

#[test]
fn one_lane_is_compared_alone() {
    let mut world = exchanged(1);
    let results = compare(&mut world, MOH, VWU, Query { lane: Some(Lane::Bulk), ..all() });
    assert!(results.len() == 4 && results.iter().all(|r| r.lane == Lane::Bulk));
}

#[test]
fn in_a_long_channel_few_questions_find_what_differs_and_all_of_it_is_counted() {
    let mut world = exchanged(1);
    let row = "INSERT INTO sent SELECT recipient, lane, $1, incarnation, $2, correlation, ordinal, contract, kind, \
               digest, envelope, erased, proof, sign_time FROM sent WHERE recipient = 'vwu' AND lane = 1 AND sequence = 1";
    let held = "INSERT INTO received SELECT sender, recipient, lane, branch, $1, incarnation, $2, correlation, \
                contract, kind, digest, content_digest, outcome, expected, 0, envelope, erased, proof, receive_time \
                FROM received WHERE sender = 'moh' \
                AND recipient = 'vwu' AND lane = 1 AND branch = 0 AND sequence = 1";
    for (node, sql) in [(MOH, row), (VWU, held)] {
        let fill = |tx: &mut nhipcau_messaging::store::Tx<'_>| {
            (2..=20_000_u64).try_for_each(|sequence| {
                let id = u128::from(sequence).to_be_bytes();
                tx.execute(sql, &[sequence.into(), (&id).into()]).map(drop)
            })
        };
        world.nodes[node].store.transaction(fill).unwrap();
    }
    let receipt = "UPDATE receipt_held SET last_sequence = 20000 WHERE issuer = 'vwu'";
    world.nodes[MOH].store.transaction(|tx| tx.execute(receipt, &[])).unwrap();
    assert_eq!(sent(&compare(&mut world, MOH, VWU, all())).difference_count, 0);
    let lost = "DELETE FROM received WHERE sequence IN (7, 15000)";
    world.nodes[VWU].store.transaction(|tx| tx.execute(lost, &[])).unwrap();
    let expected = [(7, DifferenceKind::Missing), (15_000, DifferenceKind::Missing)];
    assert_eq!(kinds(sent(&compare(&mut world, MOH, VWU, all()))), expected);
    let results = compare(&mut world, VWU, MOH, all());
    assert_eq!(kinds(received(&results)), expected);
    assert_eq!((received(&results).sent, received(&results).held), (20_000, 19_998));
    let tail = "DELETE FROM received WHERE sequence > 1000";
    world.nodes[VWU].store.transaction(|tx| tx.execute(tail, &[])).unwrap();
    let results = compare(&mut world, MOH, VWU, Query { limit: 3, ..all() });
    assert_eq!(sent(&results).difference_count, 19_001);
    let first = [7, 1001, 1002].map(|sequence| (sequence, DifferenceKind::Missing));
    assert_eq!(kinds(sent(&results)), first);
}

#[test]
fn a_position_that_was_given_up_is_counted_as_skipped() {
    let mut world = World::open();
    let case = [9; 16];
    world.send_in(MOH, VWU, "r1", b"one", Some(case)).unwrap();
    // The bus loses it, so that a skip takes its position.
    world.queue.clear();
    world.group(MOH, |engine, tx| engine.erase(&case, tx)).unwrap();
    world.settle();
    for (asking, asked) in [(MOH, VWU), (VWU, MOH)] {
        let results = compare(&mut world, asking, asked, all());
        let result = results.iter().find(|r| r.lane == Lane::Messages && r.is_sent == (asking == MOH)).unwrap();
        assert_eq!((result.skipped, result.difference_count), (1, 0), "{result:?}");
    }
}

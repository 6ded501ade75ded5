//! Broadcasts that a subscriber could not take when they came: it takes them by itself, in order and once, as soon as
//! it can, and its receipts say so.

use nhipcau_messaging::envelope::wire;
use prost::Message;

use crate::world::{HANOI, MOH, Secrets, VWU, World};

/// A publisher under the second release, and subscribers under the first.
fn open() -> World {
    let mut world = World::open();
    world.install(MOH);
    world.queue.clear();
    world
}

/// What a subscriber's last receipt for broadcasts says: from where to where, and which positions were refused.
fn last_receipt(world: &mut World, subscriber: &str) -> (u64, u64, Vec<(u64, i32)>) {
    let held = world.rows(
        MOH,
        "SELECT issuer, receipt FROM receipt_held WHERE recipient = 'all' ORDER BY series, number",
        |row| Ok((row.text(0)?, row.blob(1)?)),
    );
    let last = held.into_iter().rfind(|(issuer, _)| issuer == subscriber).unwrap().1;
    let receipt = wire::Receipt::decode(last.as_slice()).unwrap();
    let s = wire::ReceiptStatement::decode(receipt.statement.as_slice()).unwrap();
    (s.first_sequence, s.last_sequence, s.refusals.iter().map(|refusal| (refusal.sequence, refusal.reason)).collect())
}

#[test]
fn a_subscriber_one_release_behind_applies_what_it_refused_for_now_once_it_has_the_release() {
    let mut world = open();
    world.broadcast_by_night("b1", b"one");
    world.deliver_without_signals();
    assert!(world.effects(VWU).is_empty());
    assert_eq!(last_receipt(&mut world, "vwu"), (1, 1, vec![(1, 1)]));
    world.install(VWU);
    assert_eq!(world.effects(VWU), ["one"]);
    world.deliver_without_signals();
    assert_eq!(last_receipt(&mut world, "vwu"), (1, 1, vec![]));
    world.settle();
    assert_eq!(world.effects(HANOI), ["one"], "who is not given the release asks for it");
}

#[test]
fn what_follows_a_broadcast_held_back_waits_for_it_and_keeps_its_order() {
    let mut world = open();
    world.broadcast(MOH, "b0", b"zero").unwrap();
    world.broadcast_by_night("b1", b"one");
    world.broadcast(MOH, "b2", b"two").unwrap();
    world.broadcast_by_night("b3", b"three");
    world.deliver_without_signals();
    assert_eq!(world.effects(VWU), ["zero"]);
    world.install(VWU);
    world.broadcast(MOH, "b4", b"four").unwrap();
    world.deliver_without_signals();
    assert_eq!(world.effects(VWU), ["zero", "one", "two", "three", "four"]);
    world.settle();
    let said = world.rows(
        MOH,
        "SELECT first_sequence, last_sequence FROM receipt_held WHERE issuer = 'vwu' AND recipient = 'all' \
         ORDER BY series, number",
        |row| Ok((row.int(0)?, row.int(1)?)),
    );
    assert!(said.contains(&(2, 4)), "stated again up to the head: {said:?}");
    assert_eq!(last_receipt(&mut world, "vwu").2, vec![]);
}

#[test]
fn many_broadcasts_held_back_are_applied_in_batches_and_nothing_overtakes_them() {
    let mut world = open();
    let bodies: Vec<_> = (0..300).map(|n| n.to_string()).collect();
    for body in &bodies {
        world.broadcast_by_night(body, body.as_bytes());
    }
    world.deliver_without_signals();
    world.install(VWU);
    assert_eq!(world.effects(VWU).len(), 256, "one transaction applies a batch");
    world.broadcast(MOH, "newer", b"newer").unwrap();
    world.deliver_without_signals();
    world.settle();
    assert_eq!(world.effects(VWU), [bodies, vec!["newer".to_owned()]].concat());
    assert_eq!(last_receipt(&mut world, "vwu").2, vec![]);
}

#[test]
fn a_restart_with_the_release_applies_what_was_held_back_before_anything_newer() {
    let mut world = open();
    world.broadcast_by_night("b1", b"one");
    world.broadcast(MOH, "b2", b"two").unwrap();
    world.deliver_without_signals();
    world.restart(VWU, None);
    world.broadcast(MOH, "b3", b"three").unwrap();
    world.deliver_without_signals();
    assert!(world.effects(VWU).is_empty(), "a restart under the old release changes nothing");
    world.restart_under(VWU, None, &Secrets::default(), 1);
    world.broadcast(MOH, "b4", b"four").unwrap();
    world.settle();
    assert_eq!(world.effects(VWU), ["one", "two", "three", "four"]);
    assert_eq!(last_receipt(&mut world, "vwu").2, vec![]);
}

#[test]
fn a_subscriber_rolled_back_to_before_it_could_take_a_broadcast_takes_it_once_more() {
    let mut world = open();
    world.broadcast_by_night("b1", b"one");
    world.deliver_without_signals();
    let image = world.image(VWU);
    world.install(VWU);
    world.broadcast(MOH, "b2", b"two").unwrap();
    world.settle();
    world.restart_under(VWU, Some(&image), &Secrets::default(), 1);
    world.settle();
    assert_eq!(world.effects(VWU), ["one", "two"]);
    assert_eq!(last_receipt(&mut world, "vwu").2, vec![]);
}

#[test]
fn what_only_a_subscriber_that_held_it_back_still_has_returns_to_its_publisher_and_is_applied() {
    let mut world = World::open();
    let image = world.image(MOH);
    world.install(MOH);
    world.queue.clear();
    world.broadcast_by_night("b1", b"lost");
    world.deliver_without_signals();
    world.restart_under(MOH, Some(&image), &Secrets::default(), 1);
    world.broadcast(MOH, "b2", b"after").unwrap();
    world.settle();
    world.settle();
    for node in [VWU, HANOI] {
        let mut held = world.effects(node);
        held.sort();
        assert_eq!(held, ["after", "lost"], "node {node}");
    }
}

#[test]
fn what_a_newer_release_does_not_help_stays_refused_and_holds_back_only_what_follows() {
    let mut world = open();
    world.broadcast(MOH, "b1", b"before").unwrap();
    world.broadcast_changed(MOH, "b2", b"too new", |draft| draft.header.contract_minor = 2).unwrap();
    world.broadcast(MOH, "b3", b"after").unwrap();
    world.settle();
    world.install(VWU);
    world.settle();
    assert_eq!(world.effects(VWU), ["before"]);
    let refused = "SELECT sequence FROM received WHERE recipient = 'all' AND outcome = 1 ORDER BY sequence";
    assert_eq!(world.rows(VWU, refused, |row| row.int(0)), [2, 3]);
    assert_eq!(world.branch(VWU, "broadcast_applied_later"), 0);
}

#[test]
fn what_its_service_refuses_for_good_when_it_is_applied_later_is_receipted_as_refused() {
    let mut world = open();
    world.broadcast_by_night("b1", b"refuse this");
    world.broadcast(MOH, "b2", b"next").unwrap();
    world.deliver_without_signals();
    world.install(VWU);
    world.settle();
    assert_eq!(world.effects(VWU), ["next"]);
    assert_eq!(last_receipt(&mut world, "vwu").2, vec![(1, 7)]);
}

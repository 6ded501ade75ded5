//! Envelopes stay whole for thirty days after their receipt; then what is evidence stays, and nobody is stopped by what
//! is no longer there.

use jiff::SignedDuration;

use crate::{
    auditing::audit,
    world::{MOH, VWU, World},
};

const CASE: [u8; 16] = [1; 16];

/// Lets more than thirty days pass.
fn pass_a_month(world: &mut World) {
    world.now += SignedDuration::from_hours(31 * 24);
    world.settle();
}

/// How many bodies are left at a node: of messages sent, of their positions, of positions received, broadcasts apart.
fn bodies(world: &mut World, node: usize) -> [i64; 3] {
    [
        "SELECT COUNT(*) FROM outbox o JOIN outbox_content c ON c.serial = o.serial WHERE o.recipient <> 'all'",
        "SELECT COUNT(*) FROM sent WHERE envelope IS NOT NULL AND recipient <> 'all'",
        "SELECT COUNT(*) FROM received WHERE envelope IS NOT NULL AND recipient <> 'all'",
    ]
    .map(|sql| world.rows(node, sql, |row| row.int(0))[0])
}

#[test]
fn what_was_receipted_a_month_ago_is_let_go_and_both_stores_still_prove_it() {
    let mut world = World::open();
    world.send_in(MOH, VWU, "r1", b"one", Some(CASE)).unwrap();
    world.send_in(MOH, MOH, "r2", b"to oneself", None).unwrap();
    world.broadcast(MOH, "b1", b"public").unwrap();
    world.settle();
    assert_eq!((bodies(&mut world, MOH), bodies(&mut world, VWU)), ([2, 2, 1], [0, 0, 1]));
    world.now += SignedDuration::from_hours(29 * 24);
    world.settle();
    assert_eq!((bodies(&mut world, MOH), bodies(&mut world, VWU)), ([2, 2, 1], [0, 0, 1]), "it may still be asked for");
    pass_a_month(&mut world);
    assert_eq!((bodies(&mut world, MOH), bodies(&mut world, VWU)), ([0; 3], [0; 3]));
    for (node, table) in [(MOH, "sent"), (VWU, "received")] {
        assert_eq!(audit(&mut world, node), []);
        let whole = match table {
            "sent" => "SELECT COUNT(*) FROM sent WHERE recipient = 'all' AND envelope IS NOT NULL",
            _ => "SELECT COUNT(*) FROM received WHERE recipient = 'all' AND envelope IS NOT NULL",
        };
        assert_eq!(world.rows(node, whole, |row| row.int(0)), [1], "a broadcast stays whole");
    }
    let id = world.send_in(MOH, VWU, "r1", b"one", Some(CASE)).unwrap();
    world.settle();
    assert_eq!(world.effects(VWU), ["one", "public"], "a repeated request is the same message");
    assert_eq!(world.send_in(MOH, VWU, "r1", b"one", Some(CASE)).unwrap(), id);
}

#[test]
fn what_waits_for_its_receipt_is_not_let_go() {
    let mut world = World::open();
    world.send_in(MOH, VWU, "r1", b"one", Some(CASE)).unwrap();
    for _ in 0..31 * 24 {
        world.queue.clear();
        world.tick(MOH);
        world.now += SignedDuration::from_hours(1);
    }
    world.queue.clear();
    world.settle();
    assert_eq!(world.effects(VWU), ["one"]);
}

#[test]
fn many_are_let_go_in_batches() {
    let mut world = World::open();
    for n in 0..100 {
        world.send_in(MOH, VWU, &n.to_string(), b"x", Some(CASE)).unwrap();
    }
    world.settle();
    world.now += SignedDuration::from_hours(31 * 24);
    world.tick(MOH);
    assert_eq!(bodies(&mut world, MOH), [36, 36, 0]);
    world.tick(MOH);
    assert_eq!(bodies(&mut world, MOH), [0, 0, 0]);
}

#[test]
fn either_side_rolled_back_beyond_the_retention_goes_on_with_what_is_left() {
    for loser in [MOH, VWU] {
        let mut world = World::open();
        let image = world.image(loser);
        world.send_in(MOH, VWU, "r1", b"old", Some(CASE)).unwrap();
        world.settle();
        pass_a_month(&mut world);
        world.send_in(MOH, VWU, "r2", b"young", Some(CASE)).unwrap();
        world.settle();
        world.restart(loser, Some(&image));
        world.settle();
        world.send_in(MOH, VWU, "r3", b"new", Some(CASE)).unwrap();
        world.settle();
        let expected: &[&str] = if loser == VWU { &["young", "new"] } else { &["old", "young", "new"] };
        assert_eq!(world.effects(VWU), expected, "node {loser} lost its history");
        assert!(world.nodes.iter().all(|node| node.engine.is_open()));
        assert_eq!(world.in_state(MOH, 0) + world.in_state(MOH, 1) + world.in_state(MOH, 4), 0);
    }
}

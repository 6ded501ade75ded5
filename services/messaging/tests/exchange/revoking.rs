//! A signing key that is revoked while receipts under it are on their way: nobody can believe them any more, so what
//! they said is said again under the next key, and nothing waits for them.

use crate::{
    auditing::audit,
    world::{MOH, Secrets, VWU, World},
};

const SECOND_KEY: Secrets = Secrets { signing: 2, ..Secrets::FIRST };

/// `vwu` has received one message and its receipt is known; a second one with its receipt lost.
fn half_receipted() -> World {
    let mut world = World::open();
    world.send(MOH, VWU, "r1", b"one").unwrap();
    world.settle();
    world.send(MOH, VWU, "r2", b"two").unwrap();
    world.broadcast(MOH, "b1", b"three").unwrap();
    for parcel in world.take_bundles() {
        if parcel.to == VWU {
            world.deliver(parcel).unwrap();
        }
    }
    world.queue.clear();
    assert_eq!((world.effects(VWU).len(), world.in_state(MOH, 2)), (3, 1));
    world
}

fn assert_drained(world: &mut World) {
    world.settle();
    assert_eq!(world.effects(VWU), ["one", "two", "three"]);
    assert_eq!(world.concluded(MOH), [0, 0]);
    let held = "SELECT COUNT(*) FROM receipt_held WHERE issuer = 'vwu' AND recipient = 'all'";
    assert_eq!(world.rows(MOH, held, |row| row.int(0)), [1], "who holds the broadcast");
    for node in [MOH, VWU] {
        assert_eq!(audit(world, node), [], "node {node}");
    }
    world.send(MOH, VWU, "r9", b"after").unwrap();
    world.settle();
    assert_eq!(world.concluded(MOH), [0, 0, 0]);
    assert_eq!(world.effects(VWU).len(), 4);
    assert_eq!(audit(world, MOH), []);
}

#[test]
fn a_receipt_under_a_key_revoked_since_is_stated_again_under_the_next_one() {
    let mut world = half_receipted();
    world.install_release(MOH, 2);
    world.restart_under(VWU, None, &SECOND_KEY, 2);
    assert_drained(&mut world);
    assert!(world.branch(VWU, "receipts_restated") > 0);
}

#[test]
fn a_sender_that_holds_no_receipt_at_all_gets_the_first_one_under_the_next_key() {
    let mut world = World::open();
    world.send(MOH, VWU, "r1", b"one").unwrap();
    let parcel = world.take_bundles().remove(0);
    world.deliver(parcel).unwrap();
    world.queue.clear();
    world.install_release(MOH, 2);
    world.restart_under(VWU, None, &SECOND_KEY, 2);
    world.settle();
    assert_eq!(world.effects(VWU), ["one"]);
    assert_eq!(world.concluded(MOH), [0]);
    assert_eq!(audit(&mut world, MOH), []);
}

#[test]
fn receipts_of_several_starts_under_the_revoked_key_do_not_stop_the_next_ones() {
    let mut world = half_receipted();
    world.restart(VWU, None);
    world.settle_losing(|parcel| parcel.from == VWU && !parcel.signal);
    world.install_release(MOH, 2);
    world.restart_under(VWU, None, &SECOND_KEY, 2);
    assert_drained(&mut world);
}

#[test]
fn a_process_that_still_signs_with_the_revoked_key_does_not_repeat_itself() {
    let mut world = half_receipted();
    world.install_release(MOH, 2);
    world.install_release(VWU, 2);
    world.settle();
    world.settle();
    assert_eq!(world.branch(VWU, "receipts_restated"), 0);
    world.restart_under(VWU, None, &SECOND_KEY, 2);
    assert_drained(&mut world);
}

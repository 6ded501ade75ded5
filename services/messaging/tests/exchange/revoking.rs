//! A signing key that is revoked while receipts under it are on their way: nobody can believe them any more, so what
//! they said is said again under the next key, and nothing waits for them.

use nhipcau_messaging::{
    engine::Kind,
    envelope::Place,
    message::{Lane, MessageId},
};

use crate::{
    auditing::audit,
    world::{Forgery, MOH, Parcel, Secrets, VWU, World, bundle, status},
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

/// Somebody has `vwu`'s first key, and has `moh` believe, by an envelope or by a proposal, in a start that never was.
#[test]
fn what_was_signed_under_a_key_revoked_since_ends_no_process_of_its_owner() {
    for by_envelope in [true, false] {
        let mut world = World::open();
        if by_envelope {
            let (lane, incarnation) = (Some(Lane::Messages), 1 << 40);
            let create_time = world.now;
            let place = Place { lane, incarnation, sequence: 1, base_sequence: 0, previous: [0; 32], create_time };
            let id = MessageId(uuid::Builder::from_custom_bytes([9; 16]).into_uuid().into_bytes());
            let forged = world.forge(&Forgery { from: VWU, to: Some(MOH), place, id, case: None, readable: true });
            world.deliver(bundle(Kind::Lane(Lane::Messages), VWU, MOH, vec![forged.envelope])).unwrap();
        } else {
            let mut proposal = world.last_status(VWU, MOH);
            (proposal.run, proposal.number) = (vec![3; 16], 1_000);
            for outgoing in proposal.outgoing.iter_mut().filter(|outgoing| !outgoing.broadcast) {
                (outgoing.incarnation, outgoing.opening) = (1 << 40, true);
            }
            world.deliver(status(VWU, MOH, &proposal)).unwrap();
        }
        let promised = "SELECT MAX(incarnation) FROM promise WHERE sender = 'vwu'";
        assert_eq!(world.rows(MOH, promised, |row| row.int(0)), [1 << 40]);
        world.queue.clear();
        world.install_release(MOH, 2);
        world.restart_under(VWU, None, &SECOND_KEY, 2);
        assert!(world.settle_until_stop().is_none(), "by an envelope: {by_envelope}");
    }
}

/// `vwu` has signed a message with its next key, the bundle is with the broker, and `moh` starts again under a release
/// that does not know that key: its disk has lost the newer one. Nobody is there to tell it.
fn signed_under_a_key_that_is_forgotten(world: &mut World) -> Parcel {
    world.install_release(MOH, 2);
    world.restart_under(VWU, None, &SECOND_KEY, 2);
    world.settle();
    world.send(VWU, MOH, "r1", b"one").unwrap();
    let mut bundles = world.take_bundles().into_iter();
    let parcel = bundles.find(|parcel| parcel.to == MOH && parcel.kind == Kind::Lane(Lane::Messages)).unwrap();
    world.restart(MOH, None);
    world.pass_alone(MOH, 15);
    parcel
}

#[test]
fn what_only_a_newer_release_verifies_stays_with_the_broker_which_may_hold_the_last_copy() {
    let mut world = World::open();
    let before = world.image(VWU);
    let parcel = signed_under_a_key_that_is_forgotten(&mut world);
    let acknowledged = world.acknowledged;
    world.deliver(parcel.clone()).unwrap();
    assert_eq!((world.acknowledged, world.quarantined(MOH)), (acknowledged, vec![]));

    world.restart_under(VWU, Some(&before), &SECOND_KEY, 2);
    world.install_release(MOH, 2);
    world.deliver(parcel).unwrap();
    world.settle();
    assert_eq!((world.effects(MOH), world.concluded(VWU)), (vec!["one".to_owned()], vec![0]));
    assert!(world.acknowledged > acknowledged);
}

#[test]
fn what_claims_a_newer_release_that_never_comes_leaves_the_broker_after_some_minutes() {
    let mut world = World::open();
    let parcel = signed_under_a_key_that_is_forgotten(&mut world);
    world.deliver(parcel.clone()).unwrap();
    world.pass_alone(MOH, 301);
    let acknowledged = world.acknowledged;
    world.deliver(parcel).unwrap();
    assert_eq!((world.acknowledged, world.quarantined(MOH).len()), (acknowledged + 1, 1));
}

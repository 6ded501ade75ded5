//! Broadcasts of a publisher that was rolled back reach whoever missed its new history, and a subscriber that was is
//! receipted again.

use jiff::SignedDuration;
use nhipcau_messaging::engine::Kind;

use crate::world::{MOH, VWU, World};

#[test]
fn a_subscriber_away_during_two_restarts_of_a_publisher_rolled_back_catches_up() {
    let mut world = World::open();
    world.broadcast(MOH, "b0", b"zero").unwrap();
    world.settle();
    let image = world.image(MOH);
    for n in 0..5 {
        world.broadcast(MOH, &format!("lost {n}"), b"lost").unwrap();
    }
    world.settle();
    world.restart(MOH, Some(&image));
    world.broadcast(MOH, "b1", b"after").unwrap();
    world.queue.clear();
    world.restart(MOH, None);
    world.broadcast(MOH, "b2", b"later").unwrap();
    world.queue.clear();
    world.settle();
    world.settle();
    let held = world.effects(VWU);
    assert!(["zero", "after", "later"].iter().all(|body| held.iter().any(|b| b == body)), "{held:?}");
}

#[test]
fn receipts_for_an_abandoned_history_do_not_stand_for_the_new_one() {
    let mut world = World::open();
    let image = world.image(MOH);
    world.broadcast(MOH, "l0", b"refuse lost").unwrap();
    world.broadcast(MOH, "l1", b"refuse lost").unwrap();
    world.settle();
    world.restart(MOH, Some(&image));
    world.broadcast(MOH, "n1", b"new one").unwrap();
    world.deliver_without_signals();
    world.restart(VWU, None);
    world.now += SignedDuration::from_secs(11);
    world.tick(VWU);
    world.broadcast(MOH, "n2", b"new two").unwrap();
    world.deliver_without_signals();
    world.settle();
    assert!(world.effects(VWU).contains(&"new two".to_owned()));
    assert_eq!(world.branch(VWU, "receipt_honoured"), 0);
}

#[test]
fn a_publisher_that_was_rolled_back_has_its_own_again_with_the_first_exchange_of_status() {
    let mut world = World::open();
    let image = world.image(MOH);
    for n in 0..5 {
        world.broadcast(MOH, &format!("lost {n}"), b"lost").unwrap();
    }
    world.settle();
    world.restart(MOH, Some(&image));
    // Subscribers would speak by themselves only once a minute.
    for _ in 0..5 {
        (MOH..=VWU).for_each(|node| world.tick(node));
        while let Some(parcel) = world.queue.pop_front() {
            world.deliver(parcel).unwrap();
        }
        world.now += SignedDuration::from_millis(200);
    }
    assert_eq!(world.rows(MOH, "SELECT COUNT(*) FROM own", |row| row.int(0)), [5]);
}

/// Its publisher holds a receipt that this subscriber has lost, and not the one on which its next one follows.
#[test]
fn a_subscriber_whose_unheard_history_came_back_is_receipted_again() {
    let mut world = World::open();
    let first = world.image(VWU);
    world.broadcast(MOH, "b0", b"zero").unwrap();
    world.settle_losing(|parcel| !parcel.signal && parcel.from == VWU && parcel.kind == Kind::Receipts);
    let unheard = world.image(VWU);
    world.restart(VWU, Some(&first));
    world.settle();
    world.broadcast(MOH, "b1", b"one").unwrap();
    let one = world.take_bundles();
    world.restart(VWU, Some(&unheard));
    world.pass_alone(VWU, 12);
    // It states this before it hears of what its publisher holds.
    one.into_iter().for_each(|parcel| world.deliver(parcel).unwrap());
    world.settle();
    assert_eq!(world.effects(VWU), ["zero", "one"]);
    let held = "SELECT MAX(last_sequence) FROM receipt_held WHERE issuer = 'vwu' AND recipient = 'all'";
    assert_eq!(world.rows(MOH, held, |row| row.int(0)), [2]);
}

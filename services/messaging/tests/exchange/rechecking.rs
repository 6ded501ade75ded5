//! What may be sent is asked again each time that it is published: an agreement may end, and a basis be withdrawn,
//! while a message waits for its receipt.

use jiff::SignedDuration;
use nhipcau_messaging::engine::AlarmKind;

use crate::world::{MOH, Setup, VWU, World};

/// A world whose agreements end an hour after its beginning.
fn open() -> World {
    World::open_with(&Setup { agreed_for: Some(SignedDuration::from_hours(1)), ..Setup::default() })
}

#[test]
fn an_agreement_that_ends_by_its_date_stops_what_waits_for_its_receipt() {
    let mut world = open();
    world.send(MOH, VWU, "r1", b"late").unwrap();
    world.queue.clear();
    world.now += SignedDuration::from_hours(1);
    world.settle();
    assert!(world.effects(VWU).is_empty());
    assert_eq!(world.branch(VWU, "skip_received"), 1, "its position says that nothing comes");
    assert_eq!(world.in_state(MOH, 5), 1);
    assert!(world.alarmed(MOH, AlarmKind::Skipped));
    assert_eq!(world.rows(VWU, "SELECT outcome FROM received ORDER BY sequence", |row| row.int(0)), [0]);
}

#[test]
fn what_was_received_before_the_agreement_ended_stays_received() {
    let mut world = open();
    world.send(MOH, VWU, "r1", b"in time").unwrap();
    let parcel = world.take_bundles().remove(0);
    world.deliver(parcel).unwrap();
    world.queue.clear();
    world.now += SignedDuration::from_hours(1);
    world.settle();
    assert_eq!(world.effects(VWU), ["in time"]);
    assert_eq!(world.in_state(MOH, 2), 1);
}

#[test]
fn a_basis_withdrawn_without_a_word_to_the_engine_stops_the_next_publish() {
    let mut world = open();
    world.send(MOH, VWU, "r1", b"withdrawn").unwrap();
    world.queue.clear();
    world.withdraw(MOH);
    world.settle();
    assert!(world.effects(VWU).is_empty());
    assert!(world.branch(MOH, "rechecked") > 0);
    assert_eq!(world.in_state(MOH, 5), 1);
}

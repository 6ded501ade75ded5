//! Stores rolled back at the worst moments: nothing is lost, repeated or left without an answer.

use std::sync::Arc;

use nhipcau_messaging::{
    engine::{AlarmKind, Input, SubmitError},
    message::RefusalReason,
};

use crate::world::{HANOI, MOH, NEWER_MINOR, Secrets, VWU, World};

/// Parts that fill an envelope when they are padded.
fn large() -> Vec<Vec<u8>> {
    vec![vec![b'1'; 100_000], vec![b'2'; 30_000], vec![b'3'; 30_000]]
}

#[test]
fn a_request_repeated_before_its_message_is_returned_does_not_stop_its_case() {
    let mut world = World::open();
    let image = world.image(MOH);
    world.send(MOH, VWU, "r1", b"one").unwrap();
    world.settle();
    world.restart(MOH, Some(&image));
    world.send(MOH, VWU, "r1", b"one").unwrap();
    world.settle();
    world.send(MOH, VWU, "r2", b"two").unwrap();
    world.settle();
    assert_eq!(world.effects(VWU), ["one", "two"]);
    assert_eq!(world.concluded(MOH), [0, 0]);
}

#[test]
fn what_only_the_broker_held_arrives_although_its_place_was_taken_and_its_sender_restarted() {
    let mut world = World::open();
    let image = world.image(MOH);
    world.send_in(MOH, VWU, "r1", b"only on the bus", Some([1; 16])).unwrap();
    let late = world.take_bundles();
    world.restart(MOH, Some(&image));
    world.send_in(MOH, VWU, "r2", b"new", Some([2; 16])).unwrap();
    world.settle();
    world.restart(MOH, None);
    world.settle();
    for parcel in late {
        world.deliver(parcel).unwrap();
    }
    world.settle();
    assert_eq!(world.effects(VWU), ["new", "only on the bus"]);
}

#[test]
fn what_was_acknowledged_ahead_of_a_gap_outlives_its_senders_rollback() {
    let mut world = World::open();
    let image = world.image(MOH);
    world.send_in(MOH, VWU, "r1", b"never on the bus", Some([1; 16])).unwrap();
    world.queue.clear();
    world.send_in(MOH, VWU, "r2", b"ahead", Some([2; 16])).unwrap();
    let ahead = world.take_bundles().remove(0);
    world.deliver(ahead).unwrap();
    world.queue.clear();
    world.restart(MOH, Some(&image));
    world.settle();
    assert_eq!(world.effects(VWU), ["ahead"]);
}

#[test]
fn the_largest_message_is_returned_to_its_sender() {
    let mut world = World::open();
    let image = world.image(MOH);
    world.send_changed(MOH, VWU, "r1", |draft| draft.parts = large()).unwrap();
    world.settle();
    world.restart(MOH, Some(&image));
    world.send_in(MOH, VWU, "r2", b"two", Some([2; 16])).unwrap();
    world.settle();
    assert!(world.nodes[MOH].engine.is_open());
    assert_eq!(world.effects(VWU).len(), 2);
}

#[test]
fn the_largest_message_that_only_the_broker_held_is_returned_and_takes_a_place() {
    let mut world = World::open();
    let image = world.image(MOH);
    world.send_changed(MOH, VWU, "r1", |draft| draft.parts = large()).unwrap();
    let late = world.take_bundles();
    world.restart(MOH, Some(&image));
    world.settle();
    world.send_in(MOH, VWU, "r2", b"small", Some([3; 16])).unwrap();
    for parcel in late {
        world.deliver(parcel).unwrap();
    }
    world.settle();
    world.settle();
    assert_eq!(world.effects(VWU).len(), 2);
    assert!(world.rows(VWU, "SELECT 1 FROM stray", |row| row.int(0)).is_empty());
}

#[test]
fn a_recipient_rolled_back_applies_what_it_had_received_although_the_agreement_has_ended() {
    let mut world = World::open();
    let image = world.image(HANOI);
    world.send(VWU, HANOI, "r1", b"one").unwrap();
    world.settle();
    world.restart(HANOI, Some(&image));
    let (now, release) = (world.now, Arc::clone(&world.releases[1]));
    world.group(HANOI, |engine, tx| engine.step(now, Input::Release(release), tx)).unwrap();
    world.settle();
    assert_eq!(world.effects(HANOI), ["one"]);
    assert_eq!(world.concluded(VWU), [0]);
}

/// A recipient that was put back to before anything came. It took on its own what its sender had given up meanwhile,
/// and both agree again. Its image from before.
fn taken_while_its_sender_was_awaited(world: &mut World) -> Vec<u8> {
    let image = world.image(VWU);
    world.send(MOH, VWU, "r1", b"one").unwrap();
    let given_up = world.take_bundles().remove(0);
    world.recheck(MOH);
    world.settle();
    assert_eq!(world.effects(VWU), ["one"]);
    world.restart(VWU, Some(&image));
    world.deliver(given_up).unwrap();
    world.pass_alone(VWU, 12);
    world.settle();
    image
}

#[test]
fn a_recipient_rolled_back_that_waited_in_vain_for_its_sender_agrees_with_it_again() {
    let mut world = World::open();
    taken_while_its_sender_was_awaited(&mut world);
    world.send(MOH, VWU, "r2", b"two").unwrap();
    world.settle();
    assert!(world.nodes[MOH].engine.is_open());
    assert_eq!(world.effects(VWU), ["one", "two"]);
}

#[test]
fn what_the_newest_receipt_names_is_taken_again_although_an_older_one_names_another_envelope_there() {
    let mut world = World::open();
    let image = taken_while_its_sender_was_awaited(&mut world);
    assert!(world.branch(MOH, "contradicted") > 0, "what was given up counts");
    world.restart(VWU, Some(&image));
    world.settle();
    assert_eq!(world.branch(VWU, "receipt_taken_back"), 2);
    world.send(MOH, VWU, "r2", b"two").unwrap();
    world.settle();
    assert_eq!(world.effects(VWU), ["one", "two"]);
    assert_eq!(world.in_state(MOH, 2), 2);
}

#[test]
fn a_recipient_rolled_back_that_can_no_longer_read_a_message_tells_its_sender() {
    let mut world = World::open();
    let image = world.image(VWU);
    world.send(MOH, VWU, "r1", b"one").unwrap();
    world.settle();
    world.restart_with(VWU, Some(&image), &Secrets { opens: false, ..Secrets::default() });
    world.settle();
    assert_eq!(world.concluded(MOH), [0, RefusalReason::Unreadable as i64]);
    assert!(world.alarmed(MOH, AlarmKind::Refused));
}

#[test]
fn a_request_of_which_only_the_withdrawal_is_known_stands_for_no_other_content() {
    let mut world = World::open();
    let image = world.image(MOH);
    world.send(MOH, VWU, "r1", b"one").unwrap();
    world.queue.clear();
    world.withdraw(MOH);
    world.recheck(MOH);
    world.settle();
    world.restart(MOH, Some(&image));
    world.settle();
    assert_eq!(world.branch(MOH, "skip_restored"), 1);
    assert!(matches!(world.send(MOH, VWU, "r1", b"two"), Err(SubmitError::IdReused)));
    world.send(MOH, VWU, "r2", b"three").unwrap();
    world.settle();
    assert_eq!(world.effects(VWU), ["three"]);
}

#[test]
fn a_repeated_request_withdrawn_before_its_message_is_returned_counts_as_received_where_it_was() {
    let mut world = World::open();
    let image = world.image(MOH);
    world.send(MOH, VWU, "r1", b"one").unwrap();
    world.settle();
    world.restart(MOH, Some(&image));
    world.send(MOH, VWU, "r1", b"one").unwrap();
    world.withdraw(MOH);
    world.settle();
    assert_eq!(world.effects(VWU), ["one"]);
    assert_eq!((world.in_state(MOH, 2), world.in_state(MOH, 5)), (1, 0));
}

#[test]
fn a_recipient_rolled_back_gets_anew_what_its_sender_can_no_longer_read() {
    let mut world = World::open();
    let image = world.image(VWU);
    world.send(MOH, VWU, "r1", b"one").unwrap();
    world.settle();
    world.rows(MOH, "UPDATE sent SET envelope = zeroblob(1) WHERE recipient = 'vwu'", |_| Ok(()));
    world.restart(VWU, Some(&image));
    world.settle();
    world.send(MOH, VWU, "r2", b"two").unwrap();
    world.settle();
    assert_eq!(world.effects(VWU), ["one", "two"]);
    assert_eq!(world.concluded(MOH), [0, 0]);
}

#[test]
fn a_withdrawn_message_that_a_recipient_rolled_back_took_all_the_same_counts_as_received() {
    let mut world = World::open();
    let newer = || Secrets { newer: true, ..Secrets::default() };
    let before = world.image(VWU);
    world.send_changed(MOH, VWU, "r1", |draft| draft.header.contract_minor = NEWER_MINOR).unwrap();
    let message = world.queue.iter().find(|parcel| !parcel.signal).cloned().unwrap();
    world.settle();
    assert_eq!(world.in_state(MOH, 4), 1, "the program of its recipient is too old");
    world.withdraw(MOH);
    world.restart_with(VWU, None, &newer());
    world.settle();
    assert_eq!(world.in_state(MOH, 5), 1, "it was given up");
    world.restart_with(VWU, Some(&before), &newer());
    world.pass_alone(VWU, 12);
    world.deliver(message).unwrap();
    world.settle();
    assert_eq!(world.effects(VWU).len(), 1);
    assert_eq!(world.concluded(MOH), [0]);
    assert_eq!(world.in_state(MOH, 2), 1);
}

//! The ordinary ways: a message arrives once, in order, and both sides know it.

use std::sync::Arc;

use nhipcau_messaging::{
    engine::{AlarmKind, Input, Kind, SubmitError},
    envelope::wire,
    signal::{self, Signal},
};
use prost::Message;

use crate::world::{HANOI, MOH, Parcel, VWU, World, receipts};

#[test]
fn a_message_has_one_effect_and_a_receipt() {
    let mut world = World::open();
    world.send(MOH, VWU, "r1", b"one").unwrap();
    world.settle();
    assert_eq!(world.effects(VWU), ["one"]);
    assert_eq!(world.concluded(MOH), [0]);
    assert_eq!(world.in_state(MOH, 2), 1);
}

#[test]
fn messages_of_a_channel_keep_their_order_when_the_bus_does_not() {
    let mut world = World::open();
    for n in 0..20 {
        world.send(MOH, VWU, &format!("r{n}"), format!("{n}").as_bytes()).unwrap();
    }
    world.queue.make_contiguous().reverse();
    world.settle();
    assert_eq!(world.effects(VWU), (0..20).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(world.concluded(MOH).len(), 20);
    assert!(world.branch(VWU, "gap") > 0);
}

#[test]
fn a_repeated_delivery_has_no_second_effect_and_is_answered_again() {
    let mut world = World::open();
    world.send(MOH, VWU, "r1", b"one").unwrap();
    let parcel = world.queue.front().unwrap().clone();
    world.settle();
    world.deliver(parcel).unwrap();
    assert_eq!(world.branch(VWU, "duplicate"), 1);
    assert!(world.queue.iter().any(|p| p.to == MOH && !p.signal), "the covering receipt goes out again");
    world.settle();
    assert_eq!(world.effects(VWU), ["one"]);
    assert_eq!(world.concluded(MOH), [0]);
}

#[test]
fn the_same_request_gives_the_same_message_and_other_content_is_refused() {
    let mut world = World::open();
    let first = world.send(MOH, VWU, "r1", b"one").unwrap();
    assert_eq!(world.send(MOH, VWU, "r1", b"one").unwrap(), first);
    assert!(matches!(world.send(MOH, VWU, "r1", b"two"), Err(SubmitError::IdReused)));
    world.settle();
    assert_eq!(world.effects(VWU), ["one"]);
}

#[test]
fn a_lost_publish_is_sent_again_until_the_receipt_is_there_also_when_no_signal_tells_of_it() {
    let mut world = World::open();
    world.send(MOH, VWU, "r1", b"one").unwrap();
    world.queue.clear();
    world.settle_losing(|parcel| parcel.signal);
    assert_eq!(world.effects(VWU), ["one"]);
    assert_eq!(world.in_state(MOH, 2), 1);
}

#[test]
fn a_refusal_undoes_the_effect_is_final_and_told() {
    let mut world = World::open();
    world.send(MOH, VWU, "r1", b"refuse this").unwrap();
    world.send(MOH, VWU, "r2", b"next").unwrap();
    world.settle();
    assert_eq!(world.effects(VWU), ["next"]);
    assert_eq!(world.concluded(MOH), [7, 0]);
    assert!(world.alarmed(MOH, AlarmKind::Refused));
}

#[test]
fn a_message_to_oneself_takes_the_same_way_without_the_bus() {
    let mut world = World::open();
    world.send(MOH, MOH, "r1", b"inside").unwrap();
    assert!(world.queue.is_empty());
    assert_eq!(world.effects(MOH), ["inside"]);
    assert_eq!(world.concluded(MOH), [0]);
}

#[test]
fn a_broadcast_reaches_every_subscriber_and_each_receipts_it() {
    let mut world = World::open();
    world.broadcast(MOH, "b1", b"figures").unwrap();
    world.settle();
    assert_eq!(world.effects(VWU), ["figures"]);
    assert_eq!(world.effects(HANOI), ["figures"]);
    assert_eq!(world.rows(MOH, "SELECT issuer FROM receipt_held WHERE recipient = 'all'", |r| r.text(0)).len(), 2);
}

#[test]
fn a_subscriber_that_missed_a_broadcast_catches_up() {
    let mut world = World::open();
    for n in 0..5 {
        world.broadcast(MOH, &format!("b{n}"), format!("{n}").as_bytes()).unwrap();
    }
    world.queue.retain(|parcel| parcel.to != VWU);
    world.settle();
    assert_eq!(world.effects(VWU), ["0", "1", "2", "3", "4"]);
    assert!(world.branch(MOH, "broadcast_served") > 0);
}

#[test]
fn a_broadcast_can_be_read_on_the_way_and_a_message_cannot() {
    let mut world = World::open();
    let holds = |world: &World, text: &[u8]| {
        let on_the_bus: Vec<u8> = world.queue.iter().flat_map(|parcel| parcel.bytes.clone()).collect();
        on_the_bus.windows(text.len()).any(|w| w == text)
    };
    world.send(MOH, VWU, "r1", b"a name nobody may read").unwrap();
    assert!(!holds(&world, b"a name nobody may read"));
    assert!(!holds(&world, b"protection"), "the purpose travels in the control part");
    world.broadcast(MOH, "b1", b"public figures").unwrap();
    assert!(holds(&world, b"public figures"));
}

#[test]
fn no_body_of_a_case_lies_in_the_clear_on_disk() {
    let mut world = World::open();
    world.send(MOH, VWU, "r1", b"a name nobody may read").unwrap();
    for node in [MOH, VWU] {
        world.rows(node, "DELETE FROM effect", |_| Ok(()));
    }
    let image = world.image(MOH);
    assert!(!image.windows(22).any(|w| w == b"a name nobody may read"));
}

#[test]
fn nothing_is_sent_that_no_agreement_allows() {
    let mut world = World::open();
    let (now, release) = (world.now, Arc::clone(&world.releases[1]));
    world.group(VWU, |engine, tx| engine.step(now, Input::Release(release), tx)).unwrap();
    assert!(matches!(world.send(VWU, HANOI, "r1", b"x"), Err(SubmitError::NotAgreed)));
    world.send(VWU, MOH, "r2", b"allowed").unwrap();
    world.settle();
    assert_eq!(world.effects(MOH), ["allowed"]);
}

#[test]
fn what_the_recipient_no_longer_agrees_to_is_refused() {
    let mut world = World::open();
    let (now, release) = (world.now, Arc::clone(&world.releases[1]));
    world.group(HANOI, |engine, tx| engine.step(now, Input::Release(release), tx)).unwrap();
    world.queue.clear();
    world.send(VWU, HANOI, "r1", b"x").unwrap();
    world.queue.retain(|parcel| !parcel.signal);
    let parcel = world.queue.pop_front().unwrap();
    world.deliver(parcel).unwrap();
    world.settle();
    assert!(world.effects(HANOI).is_empty());
    assert_eq!(world.concluded(VWU), [4]);
}

#[test]
fn an_erased_message_is_skipped_and_the_channel_goes_on() {
    let mut world = World::open();
    world.send_in(MOH, VWU, "r1", b"erase me", Some([1; 16])).unwrap();
    world.queue.clear();
    world.group(MOH, |engine, tx| engine.erase(&[1; 16], tx)).unwrap();
    world.send_in(MOH, VWU, "r2", b"other case", Some([2; 16])).unwrap();
    world.settle();
    assert_eq!(world.effects(VWU), ["other case"]);
    assert_eq!(world.in_state(MOH, 5), 1);
    assert!(!world.alarmed(VWU, AlarmKind::Skipped), "an erasure alarms nobody");
}

#[test]
fn what_was_revoked_before_it_left_is_skipped_and_told() {
    let mut world = World::open();
    world.send(MOH, VWU, "r1", b"kept").unwrap();
    world.settle();
    world.send(MOH, VWU, "r2", b"withdrawn").unwrap();
    world.queue.clear();
    world.withdraw(MOH);
    world.recheck(MOH);
    world.settle();
    assert_eq!(world.effects(VWU), ["kept"]);
    assert!(world.alarmed(VWU, AlarmKind::Skipped));
    assert_eq!(world.in_state(MOH, 5), 1);
}

#[test]
fn a_case_message_that_needs_a_newer_release_waits_for_it_alone_and_arrives_once() {
    let mut world = World::open();
    world.install(MOH);
    world.queue.clear();
    let id = world.send_by_night(VWU, "r1", b"by night", [1; 16]);
    world.send_in(MOH, VWU, "r2", b"other case", Some([2; 16])).unwrap();
    world.settle_losing(|parcel| parcel.signal && is_release(&parcel.bytes));
    assert_eq!(world.effects(VWU), ["other case"]);
    let refused = world.rows(VWU, "SELECT id FROM received WHERE outcome = 1", |row| row.array::<16>(0));
    assert!(!refused.is_empty() && refused.iter().all(|refused| *refused == id.0), "NOT_YET");
    world.install(VWU);
    world.send_in(MOH, VWU, "r3", b"after", Some([1; 16])).unwrap();
    world.settle();
    assert_eq!(world.effects(VWU), ["other case", "by night", "after"]);
    assert_eq!(world.concluded(MOH), [0, 0, 0]);
}

#[test]
fn a_receipt_of_a_later_start_is_not_taken_before_the_refusal_for_now_that_it_has_overtaken() {
    let mut world = World::open();
    world.install(MOH);
    world.queue.clear();
    let is_release = |parcel: &Parcel| parcel.signal && is_release(&parcel.bytes);
    let is_receipt = |parcel: &Parcel| !parcel.signal && parcel.from == VWU && parcel.kind == Kind::Receipts;
    world.send_by_night(VWU, "r1", b"by night", [1; 16]);
    world.settle_losing(|parcel| is_release(parcel) || is_receipt(parcel));
    world.restart(VWU, None);
    world.settle_losing(|parcel| is_release(parcel) || is_receipt(parcel));
    world.send_in(MOH, VWU, "r2", b"after", Some([1; 16])).unwrap();
    let after = world.take_bundles().remove(0);
    world.deliver(after).unwrap();
    let later = world.take_bundles().into_iter().find(is_receipt).unwrap();
    world.settle_losing(|parcel| is_release(parcel) || is_receipt(parcel));
    let later = wire::Bundle::decode(later.bytes.as_slice()).unwrap().receipts.pop().unwrap();
    world.deliver(receipts(VWU, MOH, vec![later])).unwrap();
    assert_eq!(world.branch(MOH, "renumbered"), 0, "the later receipt was taken");
    world.settle_losing(is_release);
    assert!(world.effects(VWU).is_empty());
    world.install(VWU);
    world.settle();
    assert_eq!(world.effects(VWU), ["by night", "after"]);
    assert_eq!(world.concluded(MOH), [0, 0]);
}

/// Whether a signal carries a directory release.
fn is_release(bytes: &[u8]) -> bool {
    let kind = Signal::decode(bytes).ok().and_then(|signal| signal.kind);
    matches!(kind, Some(signal::Kind::Release(_)))
}

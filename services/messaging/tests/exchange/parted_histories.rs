//! Recipients whose store was put back, went on differently, and was replaced by a copy that knows nothing of this.
//! What the sender holds in the end is what is on the recipient's disk.

use nhipcau_messaging::{
    engine::{AlarmKind, Kind},
    message::RefusalReason,
};
use nhipcau_proto::envelope::v1 as wire;
use prost::Message as _;

use crate::world::{MOH, Parcel, Secrets, VWU, World, receipts};

fn is_receipt(parcel: &Parcel) -> bool {
    !parcel.signal && parcel.from == VWU && parcel.kind == Kind::Receipts
}

/// Whether there is more in it than the first receipt of a start.
fn states_more_than_once(parcel: &Parcel) -> bool {
    let bundle = wire::Bundle::decode(parcel.bytes.as_slice()).unwrap();
    bundle
        .receipts
        .iter()
        .any(|receipt| wire::ReceiptStatement::decode(receipt.statement.as_slice()).unwrap().number > 1)
}

/// `vwu` has stated "one" again from an older store, and then its first store, of whose receipt nobody knows, has come
/// back and goes on alone. Gives "two", which is on its way there, and that store.
fn with_a_history_that_came_back(world: &mut World, case_of_two: [u8; 16]) -> (Parcel, Vec<u8>) {
    let first = world.image(VWU);
    world.send_in(MOH, VWU, "r1", b"one", Some([1; 16])).unwrap();
    let one = world.take_bundles().remove(0);
    world.deliver(one).unwrap();
    world.queue.retain(|parcel| !is_receipt(parcel));
    let unheard = world.image(VWU);
    world.restart(VWU, Some(&first));
    world.settle();
    assert_eq!(world.concluded(MOH), [0]);
    world.send_in(MOH, VWU, "r2", b"two", Some(case_of_two)).unwrap();
    let two = world.take_bundles().remove(0);
    world.restart(VWU, Some(&unheard));
    world.pass_alone(VWU, 12);
    (two, unheard)
}

#[test]
fn what_was_received_behind_an_unconcluded_message_is_sent_again_when_its_recipient_has_lost_it() {
    let mut world = World::open();
    let (two, unheard) = with_a_history_that_came_back(&mut world, [2; 16]);
    world.deliver(two).unwrap();
    world.settle_losing(|parcel| is_receipt(parcel) && states_more_than_once(parcel));
    assert_eq!((world.in_state(MOH, 1), world.in_state(MOH, 2)), (1, 1), "only the later one is concluded");
    // Its recipient loses what was concluded and states the rest again.
    world.restart(VWU, Some(&unheard));
    world.settle_losing(|parcel| !parcel.signal && parcel.to == VWU);
    assert_eq!(world.in_state(MOH, 2), 2);
    world.send_in(MOH, VWU, "r3", b"three", Some([3; 16])).unwrap();
    world.queue.clear();
    world.group(MOH, |engine, tx| engine.recheck(&[3; 16], tx)).unwrap();
    world.settle();
    let mut held = world.effects(VWU);
    held.sort();
    assert_eq!(held, ["one", "three", "two"]);
    assert_eq!(world.in_state(MOH, 2), 3);
    assert!(world.concluded(MOH).iter().all(|outcome| *outcome == 0));
}

#[test]
fn what_a_recipient_received_in_the_history_it_stands_by_is_not_held_as_refused_in_another() {
    let mut world = World::open();
    let to_sender = |parcel: &Parcel| !parcel.signal && parcel.kind == Kind::Receipts && parcel.to == MOH;
    let before = world.image(VWU);
    world.send(MOH, VWU, "r1", b"one").unwrap();
    world.settle_losing(to_sender);
    let received = world.image(VWU);
    world.restart_with(VWU, Some(&before), &Secrets { opens: false, ..Secrets::default() });
    world.recheck(MOH);
    world.settle();
    assert_eq!(world.concluded(MOH), [RefusalReason::Unreadable as i64]);
    world.restart(VWU, Some(&received));
    world.settle_losing(to_sender);
    // Both forget what they were at, and what was stated in between is overtaken by a receipt of a later start.
    world.restart(MOH, None);
    world.restart(VWU, None);
    world.send(MOH, VWU, "r2", b"two").unwrap();
    world.settle_losing(|parcel| to_sender(parcel) && series_of(parcel).contains(&3));
    world.settle();
    assert_eq!(world.effects(VWU), ["one", "two"]);
    assert_eq!(world.in_state(MOH, 2), 2, "both are held as received");
    assert_eq!(world.concluded(MOH), [RefusalReason::Unreadable as i64, 0, 0]);
}

#[test]
fn what_its_sender_stands_by_is_taken_although_a_receipt_of_a_history_that_both_have_lost_names_something_else() {
    let mut world = World::open();
    let before = [world.image(MOH), world.image(VWU)];
    world.send(MOH, VWU, "r1", b"one").unwrap();
    world.settle();
    let kept = world.image(MOH);
    world.restart(MOH, Some(&before[0]));
    world.restart(VWU, Some(&before[1]));
    world.send(MOH, VWU, "r2", b"two").unwrap();
    world.settle();
    world.restart(VWU, Some(&before[1]));
    world.settle_losing(|parcel| !parcel.signal && parcel.to == VWU);
    assert_eq!(world.branch(VWU, "receipt_taken_back"), 1);
    world.restart(MOH, Some(&kept));
    world.settle();
    assert_eq!(world.effects(VWU), ["one"]);
    assert_eq!(world.in_state(MOH, 2), 1);
}

/// The starts in which the receipts of a bundle were issued.
fn series_of(parcel: &Parcel) -> Vec<u64> {
    let bundle = wire::Bundle::decode(parcel.bytes.as_slice()).unwrap_or_default();
    let statements = bundle.receipts.iter().map(|receipt| wire::ReceiptStatement::decode(receipt.statement.as_slice()));
    statements.map(|statement| statement.unwrap_or_default().series).collect()
}

#[test]
fn a_case_does_not_go_on_past_a_message_whose_outcome_is_unknown_again() {
    let mut world = World::open();
    let (two, _) = with_a_history_that_came_back(&mut world, [1; 16]);
    world.deliver(two).unwrap();
    world.settle_losing(|parcel| is_receipt(parcel) && states_more_than_once(parcel));
    assert_eq!((world.in_state(MOH, 1), world.in_state(MOH, 2)), (1, 1), "only the later one is concluded");
    world.send_in(MOH, VWU, "r3", b"three", Some([1; 16])).unwrap();
    world.settle_losing(|parcel| is_receipt(parcel) && states_more_than_once(parcel));
    assert_eq!(world.in_state(MOH, 0), 1, "it went on");
    world.settle();
    assert_eq!(world.effects(VWU), ["one", "two", "three"]);
    assert_eq!(world.in_state(MOH, 2), 3);
}

#[test]
fn what_a_history_that_came_back_had_stated_unheard_is_stated_once_more() {
    let mut world = World::open();
    let (two, _) = with_a_history_that_came_back(&mut world, [2; 16]);
    world.deliver(two).unwrap();
    world.settle();
    assert_eq!(world.effects(VWU), ["one", "two"]);
    assert_eq!(world.concluded(MOH), [0, 0]);
    assert_eq!(world.in_state(MOH, 1), 0, "a message that nobody concludes");
    assert!(world.branch(MOH, "receipts_left_behind") > 0);
    assert!(world.branch(MOH, "unconcluded_found") > 0);
}

/// A refusal that is passed over would leave its sender with "received", for a message that had no effect.
#[test]
fn the_first_receipt_of_a_start_does_not_stand_for_those_before_it_that_were_lost() {
    let mut world = World::open();
    world.send(MOH, VWU, "r1", b"refuse one").unwrap();
    world.settle_losing(is_receipt);
    world.restart(VWU, None);
    world.send(MOH, VWU, "r2", b"two").unwrap();
    world.settle_losing(is_receipt);
    let newest = "SELECT receipt FROM receipt_issued WHERE sender = 'moh' ORDER BY series DESC, number DESC LIMIT 1";
    let later = world.rows(VWU, newest, |row| Ok(wire::Receipt::decode(row.blob(0)?.as_slice()).unwrap()));
    world.deliver(receipts(VWU, MOH, later)).unwrap();
    assert!(world.concluded(MOH).is_empty(), "a receipt was passed over");
    world.settle();
    assert_eq!(world.concluded(MOH), [7, 0]);
    assert_eq!(world.branch(MOH, "unconcluded_found"), 0);
}

#[test]
fn what_a_store_decided_unheard_is_stated_when_it_comes_back_after_another_has_gone_on() {
    let mut world = World::open();
    let before = world.image(VWU);
    world.send_in(MOH, VWU, "r1", b"one", Some([1; 16])).unwrap();
    world.settle();
    let received = world.image(VWU);
    world.restart_with(VWU, Some(&before), &Secrets { opens: false, ..Secrets::default() });
    world.settle_losing(is_receipt);
    let outcomes = "SELECT outcome FROM received WHERE sender = 'moh'";
    assert_eq!(world.rows(VWU, outcomes, |row| row.int(0)), [RefusalReason::Unreadable as i64]);
    let refused = world.image(VWU);
    world.restart(VWU, Some(&received));
    world.send_in(MOH, VWU, "r2", b"two", Some([2; 16])).unwrap();
    world.settle();
    assert_eq!(world.concluded(MOH), [0, 0]);
    world.restart(VWU, Some(&refused));
    world.settle();
    assert_eq!(world.effects(VWU), ["two"]);
    assert_eq!(world.concluded(MOH), [0, 0, RefusalReason::Unreadable as i64]);
    assert!(world.alarmed(MOH, AlarmKind::Refused));
}

#[test]
fn what_its_sender_has_erased_is_stated_once_more_without_being_sent_again() {
    let mut world = World::open();
    let (two, _) = with_a_history_that_came_back(&mut world, [2; 16]);
    world.group(MOH, |engine, tx| engine.erase(&[1; 16], tx)).unwrap();
    world.deliver(two).unwrap();
    world.settle();
    assert_eq!(world.effects(VWU), ["one", "two"]);
    assert_eq!(world.in_state(MOH, 2), 2, "a message that nobody concludes");
    assert_eq!(world.branch(MOH, "unreadable_position"), 0);
}

/// A return carries at most 128 receipts. What is stated anew after the first of them must not stand for the others.
#[test]
fn what_another_copy_refused_stays_refused_however_many_receipts_it_had_issued() {
    let mut world = World::open();
    let before = world.image(VWU);
    world.send_in(MOH, VWU, "r1", b"one", Some([1; 16])).unwrap();
    world.settle_within(2);
    let received = world.image(VWU);
    world.restart_with(VWU, Some(&before), &Secrets { opens: false, ..Secrets::default() });
    world.settle_losing(is_receipt);
    let refused = world.image(VWU);
    world.restart(VWU, Some(&received));
    for number in 2..=200_u8 {
        let body: &[u8] = if number == 180 { b"refuse" } else { b"more" };
        world.send_in(MOH, VWU, &format!("r{number}"), body, Some([number; 16])).unwrap();
        world.settle_within(1);
    }
    let wrong_state = RefusalReason::WrongState as i64;
    assert_eq!(world.concluded(MOH).iter().filter(|outcome| **outcome == wrong_state).count(), 1);
    world.restart(VWU, Some(&refused));
    let restored = world.branch(VWU, "receipt_taken_back");
    world.settle();
    assert!(world.branch(VWU, "receipt_taken_back") - restored > 128);
    assert!(world.branch(VWU, "receipt_honoured") > 0);
    assert_eq!(world.effects(VWU).len(), 198);
    let concluded = world.concluded(MOH);
    assert_eq!((concluded.len(), concluded[200]), (201, RefusalReason::Unreadable as i64));
}

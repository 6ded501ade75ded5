//! Every start is a recovery: restarts, stores rolled back, two processes of one access point.

use nhipcau_messaging::{
    engine::{AlarmKind, Error},
    store::{self, LostPeriod},
};

use crate::world::{HANOI, MOH, VWU, World};

#[test]
fn a_restart_signs_what_was_accepted_and_loses_nothing() {
    let mut world = World::open();
    world.send(MOH, VWU, "r1", b"one").unwrap();
    world.queue.clear();
    world.restart(MOH, None);
    world.send(MOH, VWU, "r2", b"two").unwrap();
    world.settle();
    assert_eq!(world.effects(VWU), ["one", "two"]);
    assert_eq!(world.concluded(MOH), [0, 0]);
}

#[test]
fn nothing_is_signed_before_the_peer_is_heard() {
    let mut world = World::open();
    world.restart(MOH, None);
    world.send(MOH, VWU, "r1", b"one").unwrap();
    assert!(world.queue.iter().all(|parcel| parcel.signal));
    assert_eq!(world.in_state(MOH, 0), 1);
}

#[test]
fn envelopes_of_the_process_before_have_no_second_effect() {
    let mut world = World::open();
    world.send(MOH, VWU, "r1", b"one").unwrap();
    let late: Vec<_> = world.queue.drain(..).collect();
    world.restart(MOH, None);
    world.settle();
    for parcel in late {
        world.deliver(parcel).unwrap();
    }
    world.settle();
    assert_eq!(world.effects(VWU), ["one"]);
}

#[test]
fn a_sender_rolled_back_gets_back_what_its_peer_holds() {
    let mut world = World::open();
    let image = world.image(MOH);
    let ids: Vec<_> =
        (0..3).map(|n| world.send(MOH, VWU, &format!("r{n}"), format!("{n}").as_bytes()).unwrap()).collect();
    world.settle();
    world.restart(MOH, Some(&image));
    world.settle();
    assert!(world.alarmed(MOH, AlarmKind::RolledBack));
    assert_eq!(world.rows(MOH, "SELECT id FROM own", |r| r.blob(0)).len(), 3, "its service rebuilt them");
    assert_eq!(world.in_state(MOH, 2), 3);
    // A caller that repeats its request gets the same message.
    assert_eq!(world.send(MOH, VWU, "r1", b"1").unwrap(), ids[1]);
    world.send(MOH, VWU, "r9", b"new").unwrap();
    world.settle();
    assert_eq!(world.effects(VWU), ["0", "1", "2", "new"]);
}

#[test]
fn a_recipient_rolled_back_applies_again_what_its_sender_holds() {
    let mut world = World::open();
    let image = world.image(VWU);
    world.send(MOH, VWU, "r1", b"one").unwrap();
    world.send(MOH, VWU, "r2", b"refuse two").unwrap();
    world.settle();
    world.restart(VWU, Some(&image));
    world.settle();
    assert_eq!(world.effects(VWU), ["one"]);
    assert!(world.branch(VWU, "receipt_taken_back") > 0);
    assert!(world.branch(VWU, "receipt_honoured") > 0);
    world.send(MOH, VWU, "r3", b"three").unwrap();
    world.settle();
    assert_eq!(world.effects(VWU), ["one", "three"]);
    assert_eq!(world.concluded(MOH), [0, 7, 0]);
}

#[test]
fn what_only_the_broker_held_of_a_rolled_back_sender_still_arrives_once() {
    let mut world = World::open();
    let image = world.image(MOH);
    world.send(MOH, VWU, "r1", b"only on the bus").unwrap();
    let late: Vec<_> = world.queue.drain(..).collect();
    world.restart(MOH, Some(&image));
    world.settle();
    assert!(world.effects(VWU).is_empty());
    for parcel in late {
        world.deliver(parcel).unwrap();
    }
    world.settle();
    assert_eq!(world.effects(VWU), ["only on the bus"]);
    assert!(world.branch(VWU, "stray_kept") > 0);
    assert!(world.branch(MOH, "message_restored") > 0);
}

#[test]
fn all_that_only_the_broker_held_of_a_rolled_back_sender_is_returned_within_seconds() {
    let mut world = World::open();
    let image = world.image(MOH);
    for number in 1..=200_u8 {
        world.send_in(MOH, VWU, &format!("r{number}"), b"only on the bus", Some([number; 16])).unwrap();
    }
    let late = world.take_bundles();
    world.restart(MOH, Some(&image));
    world.settle();
    for parcel in late {
        world.deliver(parcel).unwrap();
    }
    world.settle_within(3);
    assert_eq!(world.effects(VWU).len(), 200);
    assert!(world.rows(VWU, "SELECT 1 FROM stray", |row| row.int(0)).is_empty());
}

/// "two" waits at its sender for "one" of its case, which nobody holds, for 90 seconds.
#[test]
fn what_was_given_up_and_takes_no_position_yet_is_returned_ever_more_rarely() {
    let mut world = World::open();
    let image = world.image(MOH);
    world.send(MOH, VWU, "r1", b"one").unwrap();
    world.queue.clear();
    world.send(MOH, VWU, "r2", b"two").unwrap();
    let late = world.take_bundles();
    world.restart(MOH, Some(&image));
    world.settle_within(2);
    for parcel in late {
        world.deliver(parcel).unwrap();
    }
    world.settle_within(60);
    assert!((2..20).contains(&world.branch(VWU, "returned")), "{}", world.branch(VWU, "returned"));
}

#[test]
fn a_publisher_rolled_back_gets_its_figures_back_and_everybody_holds_them() {
    let mut world = World::open();
    let image = world.image(MOH);
    world.broadcast(MOH, "b1", b"lost").unwrap();
    world.queue.retain(|parcel| parcel.to == VWU);
    while let Some(parcel) = world.queue.pop_front() {
        world.deliver(parcel).unwrap();
    }
    world.restart(MOH, Some(&image));
    world.broadcast(MOH, "b2", b"after").unwrap();
    world.settle();
    for node in [VWU, HANOI] {
        let mut held = world.effects(node);
        held.sort();
        assert_eq!(held, ["after", "lost"], "node {node}");
    }
}

#[test]
fn an_old_process_stops_when_a_new_one_has_started() {
    let mut world = World::open();
    let image = world.image(MOH);
    let old = world.restart(MOH, Some(&image));
    world.settle();
    world.nodes[MOH] = old;
    assert!(matches!(world.settle_until_stop(), Some(Error::Superseded)));
}

#[test]
fn an_old_process_stops_when_only_an_envelope_shows_that_a_new_one_has_started() {
    let mut world = World::open();
    let images = [MOH, VWU, HANOI].map(|node| world.image(node));
    let old = world.restart(MOH, Some(&images[MOH]));
    world.settle();
    world.send(MOH, VWU, "r1", b"one").unwrap();
    let envelopes = world.take_bundles();
    // Put back, the recipient knows of the new process from its envelope alone, and nobody else does.
    world.restart(HANOI, Some(&images[HANOI]));
    world.restart(VWU, Some(&images[VWU]));
    world.pass_alone(VWU, 12);
    for envelope in envelopes {
        world.deliver(envelope).unwrap();
    }
    assert_eq!(world.effects(VWU), ["one"]);
    world.queue.clear();
    world.nodes[MOH] = old;
    assert!(matches!(world.settle_until_stop(), Some(Error::Superseded)));
}

#[test]
fn a_store_that_was_put_back_says_of_which_time_it_has_no_memory() {
    let mut world = World::open();
    let lost = |world: &mut World| world.nodes[MOH].store.transaction(store::lost_periods).unwrap();
    world.send(MOH, VWU, "r1", b"one").unwrap();
    world.settle();
    let sent = world.rows(MOH, "SELECT create_time FROM outbox", |row| row.int(0))[0];
    world.restart(MOH, None);
    world.settle();
    assert!(lost(&mut world).is_empty(), "nothing is lost by a restart");
    let image = world.image(MOH);
    world.send(MOH, VWU, "r2", b"two").unwrap();
    world.settle();
    world.restart(MOH, Some(&image));
    let started = world.now.as_microsecond();
    assert!(lost(&mut world).is_empty(), "nobody has said so yet");
    world.settle();
    let found = LostPeriod { begin: Some(sent), end: started };
    assert_eq!(lost(&mut world), [found]);
    world.restart(MOH, None);
    world.settle();
    assert_eq!(lost(&mut world), [found], "it is not forgotten, nor found again");
}

//! What cannot go yet waits, is told to a person when it waits long, and then goes in order.

use jiff::SignedDuration;
use nhipcau_messaging::{engine::AlarmKind, message::RefusalReason};

use crate::world::{MOH, Secrets, Setup, VWU, World};

#[test]
fn a_message_waits_for_the_first_sealing_key_of_its_recipient() {
    let mut world = World::open_with(&Setup { sealing_delay: SignedDuration::from_secs(640), ..Setup::default() });
    world.send(MOH, VWU, "r1", b"one").unwrap();
    world.settle();
    world.settle();
    assert_eq!(world.effects(VWU), ["one"]);
}

#[test]
fn a_sealing_key_that_is_none_stops_only_its_own_channel() {
    let mut world = World::open_with(&Setup { sealing_public: Some([0; 32]), ..Setup::default() });
    world.send(MOH, VWU, "r1", b"one").unwrap();
    world.send(VWU, MOH, "r2", b"two").unwrap();
    world.settle();
    assert!(world.effects(VWU).is_empty());
    assert_eq!(world.effects(MOH), ["two"]);
}

#[test]
fn a_message_that_its_recipient_could_not_read_is_refused_and_its_case_goes_on() {
    let mut world = World::open();
    world.restart_with(VWU, None, &Secrets { opens: false, ..Secrets::default() });
    world.settle();
    world.send(MOH, VWU, "r1", b"one").unwrap();
    let unreadable = world.take_bundles().remove(0);
    world.deliver(unreadable).unwrap();
    world.restart(VWU, None);
    world.settle();
    world.send(MOH, VWU, "r2", b"corrected").unwrap();
    world.settle();
    assert_eq!(world.effects(VWU), ["corrected"]);
    assert_eq!(world.concluded(MOH), [RefusalReason::Unreadable as i64, 0]);
    assert!(world.alarmed(MOH, AlarmKind::Refused));
}

#[test]
fn a_message_that_cannot_be_signed_for_a_silent_peer_is_told_to_a_person() {
    let mut world = World::open();
    world.restart(MOH, None);
    world.send(MOH, VWU, "r1", b"one").unwrap();
    world.pass_alone(MOH, 60 * 60);
    assert!(world.alarmed(MOH, AlarmKind::Unreceipted));
}

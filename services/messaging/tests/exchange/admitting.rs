//! Callers are turned away for a recipient for whom too much waits, and for nobody else; and while the disk has little
//! room. What was accepted is kept, and everything goes on by itself afterwards.

use std::time::Duration;

use nhipcau_messaging::{
    engine::{AlarmKind, Input, Limits, SubmitError},
    message::MessageId,
};
use proptest::prelude::*;

use crate::world::{HANOI, MOH, Parcel, Secrets, VWU, World};

/// A world in which not more than this may wait for an access point at `moh`.
fn bounded(messages: u64, bytes: u64) -> World {
    let mut world = World::open();
    world.restart_with(MOH, None, &Secrets { limits: Limits { messages, bytes }, ..Secrets::default() });
    world.settle();
    world
}

/// Nothing reaches the access point `vwu`, and nothing comes from it.
fn is_dead(parcel: &Parcel) -> bool {
    parcel.to == VWU || parcel.from == VWU
}

/// Delivers what is on the bus, and what comes of it, except for what a dead one would have to do with it.
fn deliver_to_the_living(world: &mut World) {
    while let Some(parcel) = world.queue.pop_front() {
        if !is_dead(&parcel) {
            world.deliver(parcel).unwrap();
        }
    }
}

/// The first message of a case.
fn open(world: &mut World, to: usize, case: u8) -> Result<MessageId, SubmitError> {
    let name = format!("case-{case}");
    world.send_in(MOH, to, &name, name.as_bytes(), Some([case; 16]))
}

/// How long whoever was turned away has to wait.
fn wait_after(refused: Result<MessageId, SubmitError>) -> Option<Duration> {
    match refused {
        Err(SubmitError::OutboxFull { retry_after }) => Some(retry_after),
        _ => None,
    }
}

#[test]
fn a_dead_recipients_full_outbox_turns_callers_away_for_it_alone() {
    let mut world = bounded(3, 1 << 20);
    for case in 1..=3 {
        open(&mut world, VWU, case).unwrap();
    }
    world.settle_losing(is_dead);
    for case in 4..8 {
        assert!(wait_after(open(&mut world, VWU, case)).unwrap() <= Duration::from_secs(5));
    }
    // What is known goes on, others are not affected, and an answer that was given is given again.
    world.send_in(MOH, VWU, "next", b"next", Some([1; 16])).unwrap();
    open(&mut world, VWU, 3).unwrap();
    // More than may wait, and each has its receipt before the next.
    for case in 8..20 {
        open(&mut world, HANOI, case).unwrap();
        deliver_to_the_living(&mut world);
    }
    world.send_in(HANOI, MOH, "back", b"back", Some([20; 16])).unwrap();
    world.broadcast(MOH, "figures", b"figures").unwrap();
    world.settle_losing(is_dead);
    assert_eq!(world.effects(HANOI).len(), 13, "twelve cases and the figures");
    assert_eq!(world.effects(MOH), ["back"]);
    assert_eq!(world.alarms(MOH, AlarmKind::OutboxFull), 1, "told once");
    // The recipient comes back: nothing is lost, and the next one is accepted.
    world.settle();
    assert_eq!(world.effects(VWU)[..4], ["case-1", "case-2", "case-3", "next"]);
    open(&mut world, VWU, 21).unwrap();
    world.settle();
    assert_eq!(world.effects(VWU).last().unwrap(), "case-21");
}

#[test]
fn what_waits_is_counted_in_bytes_too_and_again_after_a_restart() {
    let secrets = || Secrets { limits: Limits { messages: 100, bytes: 3_000 }, ..Secrets::default() };
    let mut world = bounded(100, 3_000);
    let large =
        |world: &mut World, case: u8| world.send_in(MOH, VWU, &format!("r{case}"), &[b'x'; 1_200], Some([case; 16]));
    large(&mut world, 1).unwrap();
    large(&mut world, 2).unwrap();
    wait_after(large(&mut world, 3)).unwrap();
    world.queue.clear();
    world.restart_with(MOH, None, &secrets());
    wait_after(large(&mut world, 3)).unwrap();
    world.settle();
    large(&mut world, 3).unwrap();
}

#[test]
fn a_new_case_with_a_live_recipient_is_no_way_into_a_full_outbox() {
    let mut world = bounded(1, 1 << 20);
    open(&mut world, VWU, 1).unwrap();
    world.settle_losing(is_dead);
    wait_after(world.send_to_all(MOH, &[HANOI, VWU], [9; 16])).unwrap();
}

#[test]
fn while_the_disk_is_low_new_things_are_refused_and_everything_else_goes_on() {
    let mut world = World::open();
    open(&mut world, VWU, 1).unwrap();
    world.settle();
    world.input(MOH, Input::DiskLow(true));
    assert!(matches!(open(&mut world, VWU, 2), Err(SubmitError::DiskLow { .. })));
    assert!(matches!(world.broadcast(MOH, "f", b"f"), Err(SubmitError::DiskLow { .. })));
    open(&mut world, VWU, 1).unwrap();
    world.send_in(MOH, VWU, "next", b"next", Some([1; 16])).unwrap();
    world.send_in(VWU, MOH, "back", b"back", Some([3; 16])).unwrap();
    world.settle();
    assert_eq!(world.effects(VWU), ["case-1", "next"]);
    assert_eq!(world.effects(MOH), ["back"]);
    assert_eq!((world.in_state(MOH, 2), world.in_state(VWU, 2)), (2, 1), "receipts go both ways");
    assert_eq!(world.alarms(MOH, AlarmKind::DiskLow), 1);
    world.input(MOH, Input::DiskLow(false));
    open(&mut world, VWU, 2).unwrap();
}

#[test]
fn both_sides_are_told_of_what_has_not_arrived_for_fifteen_minutes() {
    let mut world = World::open();
    world.send(MOH, VWU, "r1", b"one").unwrap();
    let lost = |parcel: &Parcel| !parcel.signal && parcel.from == MOH;
    world.settle_losing(lost);
    let told = |world: &World| (world.alarms(MOH, AlarmKind::Unreceipted), world.alarms(VWU, AlarmKind::NotArrived));
    assert_eq!(told(&world), (0, 0), "ten minutes are not enough");
    world.settle_losing(lost);
    world.settle_losing(lost);
    assert_eq!(told(&world), (1, 1), "each once");
    assert_eq!(world.alarms(HANOI, AlarmKind::NotArrived), 0);
    world.settle();
    world.settle();
    assert_eq!(world.effects(VWU), ["one"]);
    world.settle();
    assert_eq!(told(&world), (1, 1));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    /// Whatever is sent while `vwu` is dead: nobody is refused for another's sake, every other channel delivers at
    /// once, and once it is back `vwu` has exactly what was accepted for it.
    #[test]
    fn a_dead_recipient_costs_the_others_nothing(limit in 1_u64..6, sends in prop::collection::vec((any::<bool>(), 1_u8..9), 1..25)) {
        let mut world = bounded(limit, 1 << 20);
        let (mut accepted, mut there) = (Vec::new(), Vec::new());
        for (n, (to_dead, case)) in sends.into_iter().enumerate() {
            let (to, name) = (if to_dead { VWU } else { HANOI }, format!("{n}"));
            // Cases differ by recipient, so that none is known for another's sake.
            let case = [if to_dead { case } else { 100 + case }; 16];
            match world.send_in(MOH, to, &name, name.as_bytes(), Some(case)) {
                Ok(_) if to_dead => accepted.push((case, name)),
                Ok(_) => there.push(name),
                Err(SubmitError::OutboxFull { .. }) if to_dead => {
                    prop_assert!(accepted.len() as u64 >= limit);
                    prop_assert!(accepted.iter().all(|(known, _)| *known != case));
                }
                Err(error) => return Err(TestCaseError::fail(format!("{error}"))),
            }
            deliver_to_the_living(&mut world);
            prop_assert_eq!(world.effects(HANOI), there.clone());
        }
        world.settle();
        let accepted: Vec<_> = accepted.into_iter().map(|(_, name)| name).collect();
        prop_assert_eq!(world.effects(VWU), accepted);
    }
}

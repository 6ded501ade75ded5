//! Where nobody is left to tell, the next step is due at once, one after the other, and only of who was asked last.

use super::climbing::{limit, next, opened, turn};
use crate::{
    limit::{Asked, Climb, climb, own_time},
    referral::{
        Cause, Command, Condition, Kind, Rejection, Side, Stop, TimeLimit,
        tests::world::{World, duty, new_branch, telephoned, time, unit},
    },
};

fn limits() -> Vec<TimeLimit> {
    vec![limit("a", Stop::Acknowledged, &[100, 300])]
}

/// Has the recipient say at a time that nobody is left, and the origin hear of it.
fn said(world: &mut World, second: i64) {
    world.deliver(Side::Recipient);
    assert!(world.act_at(Side::Recipient, Command::ReportUnattended, time(second)) && world.deliver(Side::Origin));
}

/// A level that is turned to before its time.
fn hastened(level: u32) -> Climb {
    Climb::Turn { level, unit: None, is_hastened: true }
}

/// The branch that a level opened.
fn further(kind: Kind, limits: Vec<TimeLimit>, second: i64) -> World {
    let mut new = new_branch(kind, duty(), 1);
    (new.opening.time_limits, new.opening.cause, new.now) = (limits, Cause::Escalation, time(second));
    World::opened(new)
}

#[test]
fn the_next_level_is_turned_to_at_once_and_the_one_after_it_in_its_time() {
    let mut world = opened(limits(), false);
    said(&mut world, 20);
    assert_eq!(next(&world, 20), hastened(1));
    assert!(world.act(Side::Origin, Command::Escalate { level: 1 }));
    let second = further(Kind::Transfer, limits(), 21);
    let need = |second: &World, at| climb(&[Asked::new(&world.origin), Asked::new(&second.origin)], &[], time(at));
    assert_eq!(need(&second, 30), Climb::Wait(time(300)), "whoever was asked then has the time of the rule");
    let mut second = second;
    said(&mut second, 40);
    assert_eq!(need(&second, 40), hastened(2), "and nobody there is left either");
}

#[test]
fn where_nobody_can_be_turned_to_one_word_hastens_one_step_and_the_others_stay_where_they_are() {
    let mut world = opened(limits(), false);
    said(&mut world, 20);
    assert_eq!(next(&world, 20), hastened(1));
    let skipping = climb(&[Asked::new(&world.origin)], &[1], time(20));
    assert_eq!(skipping, Climb::Wait(time(300)), "nobody could be turned to: the step behind it is not hastened");
    assert_eq!(next(&world, 99), hastened(1), "it is tried again");
    assert_eq!(next(&world, 100), turn(1), "and in its time it counts as any other");
    assert!(world.act(Side::Origin, Command::Escalate { level: 1 }));
    assert_eq!(next(&world, 21), Climb::Wait(time(300)), "no further branch could be opened");
    assert_eq!(next(&world, 300), turn(2));
}

#[test]
fn of_units_that_were_asked_together_those_count_that_are_waited_for() {
    for rejecting in [1, 2] {
        let limits = || vec![limit("a", Stop::Acknowledged, &[100, 300])];
        let opened = |n| {
            let mut new = new_branch(Kind::Referral, duty(), n);
            new.opening.time_limits = limits();
            World::opened(new)
        };
        let mut worlds = [opened(1), opened(2)];
        let need =
            |worlds: &[World; 2], at| climb(&worlds.each_ref().map(|world| Asked::new(&world.origin)), &[], time(at));
        let (silent, other) = (2 - rejecting, rejecting - 1);
        said(&mut worlds[silent], 20);
        assert_eq!(need(&worlds, 30), Climb::Wait(time(100)), "somebody may see it at the other one");
        worlds[other].deliver(Side::Recipient);
        assert!(worlds[other].act(Side::Recipient, Command::Reject { code: Rejection::NoCapacity }));
        assert!(worlds[other].deliver(Side::Origin));
        assert_eq!(need(&worlds, 30), hastened(1), "nobody is left");
    }
}

#[test]
fn who_acknowledges_after_all_is_waited_for_no_more() {
    let mut world = opened(limits(), false);
    said(&mut world, 20);
    for side in Side::ALL {
        let view = world.copy(side).unwrap().view();
        assert!(view.conditions(time(20)).contains(&Condition::Unattended));
    }
    assert!(world.act(Side::Recipient, Command::Acknowledge) && world.deliver(Side::Origin));
    assert_eq!(next(&world, 50), Climb::Rest);
    assert!(!world.origin.view().conditions(time(50)).contains(&Condition::Unattended));
}

#[test]
fn who_has_seen_it_at_the_unit_before_keeps_their_time() {
    let limits = || vec![limit("a", Stop::Decided, &[100, 300])];
    let mut new = new_branch(Kind::Referral, duty(), 0);
    new.opening.time_limits = limits();
    let mut first = World::opened(new);
    assert!(first.act(Side::Origin, Command::Escalate { level: 1 }));
    let mut second = further(Kind::Referral, limits(), 100);
    said(&mut second, 110);
    let need = |first: &World, at| climb(&[Asked::new(&first.origin), Asked::new(&second.origin)], &[], time(at));
    assert_eq!(need(&first, 120), hastened(2), "nobody has");
    first.deliver(Side::Recipient);
    first.deliver(Side::Recipient);
    assert!(first.act(Side::Recipient, Command::Acknowledge) && first.deliver(Side::Origin));
    assert_eq!(need(&first, 120), Climb::Wait(time(300)));
}

#[test]
fn it_is_said_once_and_only_while_somebody_is_waited_for() {
    let mut world = opened(limits(), false);
    said(&mut world, 20);
    assert!(!world.act(Side::Recipient, Command::ReportUnattended), "once");
    let mut late = opened(limits(), false);
    late.deliver(Side::Recipient);
    assert!(late.act(Side::Recipient, Command::Acknowledge));
    assert!(!late.act(Side::Recipient, Command::ReportUnattended), "somebody has seen it");
    let mut copy = World::opened(new_branch(Kind::Notification, duty(), 0));
    copy.deliver(Side::Recipient);
    assert!(!copy.act(Side::Recipient, Command::ReportUnattended), "nothing is asked of anybody");
}

#[test]
fn a_successor_is_waited_for_as_anybody_who_is_asked() {
    let mut world = opened(limits(), false);
    said(&mut world, 20);
    assert!(world.act(Side::Recipient, Command::Move { successor: unit("vwu", "desk") }));
    assert!(world.deliver(Side::Origin));
    assert!(!world.origin.view().is_unattended());
    assert_eq!(next(&world, 50), Climb::Wait(time(100)));
}

#[test]
fn who_took_it_by_telephone_has_their_time_to_confirm() {
    let confirmed =
        limits().into_iter().map(|it| TimeLimit { confirmation: Some(jiff::SignedDuration::from_secs(50)), ..it });
    let mut world = opened(confirmed.collect(), false);
    said(&mut world, 20);
    assert!(world.act_at(Side::Origin, telephoned(), time(30)));
    assert_eq!(next(&world, 79), Climb::Wait(time(80)));
    assert_eq!(next(&world, 80), hastened(1));
    let mut unheeded = opened(limits(), false);
    assert!(unheeded.act_at(Side::Origin, telephoned(), time(5)));
    said(&mut unheeded, 20);
    assert_eq!(next(&unheeded, 20), hastened(1), "the rule puts nothing off");
}

#[test]
fn a_clock_of_the_unit_that_is_wrong_delays_nothing() {
    for second in [1, 2_000_000] {
        let mut world = opened(limits(), false);
        said(&mut world, second);
        assert_eq!(next(&world, 20), hastened(1));
    }
}

#[test]
fn a_level_is_never_turned_to_later_for_it() {
    let confirmed =
        TimeLimit { confirmation: Some(jiff::SignedDuration::from_secs(500)), ..limit("b", Stop::Decided, &[]) };
    let mut world = opened([limits(), vec![confirmed]].concat(), false);
    said(&mut world, 20);
    assert!(world.act_at(Side::Origin, telephoned(), time(30)));
    assert_eq!(next(&world, 99), Climb::Wait(time(100)), "what no rule lets wait");
}

#[test]
fn a_level_that_is_hastened_in_vain_is_never_due_in_the_past() {
    let confirmed = |rule: &str, step: i64, seconds: i64| TimeLimit {
        confirmation: Some(jiff::SignedDuration::from_secs(seconds)),
        ..limit(rule, Stop::Acknowledged, &[step])
    };
    let mut world = opened(vec![confirmed("a", 360, 10), confirmed("b", 30, 60)], false);
    assert!(world.act_at(Side::Origin, telephoned(), time(20)));
    said(&mut world, 40);
    let own = |second| own_time(&[Asked::new(&world.origin)], time(second));
    assert_eq!(next(&world, 40), hastened(1), "whoever took it has had the time of one of the two rules");
    assert_eq!(own(40), Some(time(80)), "the time of the step itself is over, and put off");
    assert_eq!((next(&world, 80), own(80)), (turn(1), None));
}

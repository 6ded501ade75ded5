//! The ladder is climbed in order, each step once, and by nobody whose need is served.

use proptest::prelude::*;

use crate::{
    limit::{Asked, Climb, climb, told},
    referral::{
        Cause, Command, HandBack, Kind, LadderStep, LimitRefusal, Outcome, Side, State, Stop, Text, TimeLimit,
        tests::world::{World, duty, new_branch, time},
    },
};

pub(super) fn limit(name: &str, stop: Stop, steps: &[i64]) -> TimeLimit {
    let steps: Vec<_> = steps.iter().map(|step| LadderStep { time: time(*step), unit: None }).collect();
    TimeLimit {
        rule: name.into(),
        citation: Text::default(),
        stop,
        start: time(0),
        acknowledge_due: time(0),
        warn: time(0),
        escalate: steps.first().map_or(time(1_000), |step| step.time),
        due: time(1_000),
        steps,
        confirmation: None,
    }
}

pub(super) fn opened(limits: Vec<TimeLimit>, refused: bool) -> World {
    let mut new = new_branch(Kind::Transfer, duty(), 0);
    new.opening.time_limits = limits;
    if refused {
        new.opening.limit_refusals = vec![LimitRefusal {
            rule: "lost".into(),
            citation: Text::default(),
            reason: "LIMIT_CALENDAR_ENDED".into(),
        }];
    }
    World::opened(new)
}

pub(super) fn next(world: &World, second: i64) -> Climb {
    climb(&[Asked::new(&world.origin)], &[], time(second))
}

pub(super) fn turn(level: u32) -> Climb {
    Climb::Turn { level, unit: None, is_hastened: false }
}

#[test]
fn the_steps_of_all_limits_are_one_ladder_and_one_that_nobody_could_compute_comes_first() {
    let limits = vec![limit("a", Stop::Acknowledged, &[10, 30]), limit("b", Stop::ServiceStarted, &[20])];
    let mut world = opened(limits, true);
    for (level, second) in [(1, 0), (2, 10), (3, 20), (4, 30)] {
        if second > 0 {
            assert_eq!(next(&world, second - 1), Climb::Wait(time(second)));
        }
        assert_eq!(next(&world, second), turn(level));
        assert!(world.act(Side::Origin, Command::Escalate { level }));
    }
    assert_eq!(next(&world, 1_000), Climb::Rest);
}

#[test]
fn a_step_of_a_limit_that_was_stopped_is_passed_over() {
    let limits = vec![limit("a", Stop::Acknowledged, &[10, 30]), limit("b", Stop::ServiceStarted, &[20])];
    let mut world = opened(limits, false);
    world.deliver(Side::Recipient);
    world.act(Side::Recipient, Command::Acknowledge);
    world.deliver(Side::Origin);
    assert_eq!(next(&world, 5), Climb::Wait(time(20)));
    assert_eq!(next(&world, 40), turn(2), "what it is called does not change");
    assert!(world.act(Side::Origin, Command::Escalate { level: 2 }));
    assert_eq!(next(&world, 40), Climb::Rest);
}

#[test]
fn what_was_handed_back_stops_nothing_any_more() {
    let mut world = opened(vec![limit("a", Stop::Acknowledged, &[10, 30])], false);
    world.deliver(Side::Recipient);
    for (side, command) in [
        (Side::Recipient, Command::Acknowledge),
        (Side::Origin, Command::Assign(Vec::new())),
        (Side::Recipient, Command::HandBack { reason: HandBack::NotCompetent }),
    ] {
        assert!(world.act(side, command) && world.deliver(side.other()));
    }
    assert_eq!(next(&world, 20), Climb::Rest, "asking gives nothing away");
    assert!(world.act(Side::Origin, Command::TakeHandBack));
    assert_eq!(next(&world, 20), turn(1), "nobody acts on the need now");
}

#[test]
fn of_several_branches_the_one_that_serves_hears_of_it_and_the_level_is_of_the_need() {
    let limits = vec![limit("a", Stop::ServiceStarted, &[10, 30])];
    let mut first = opened(limits.clone(), false);
    let mut new = new_branch(Kind::Transfer, duty(), 1);
    (new.opening.time_limits, new.opening.cause, new.now) = (limits, Cause::Escalation, time(10));
    let second = World::opened(new);
    assert!(first.act(Side::Origin, Command::Escalate { level: 1 }));
    let need = |first: &World| {
        let need = [Asked::new(&first.origin), Asked::new(&second.origin)];
        (climb(&need, &[], time(20)), told(&need))
    };
    assert_eq!(need(&first), (Climb::Wait(time(30)), Some(second.origin.ids().branch)));
    first.deliver(Side::Recipient);
    first.deliver(Side::Recipient);
    first.act(Side::Recipient, Command::Acknowledge);
    first.deliver(Side::Origin);
    assert!(first.act(Side::Origin, Command::Assign(Vec::new())));
    assert_eq!(need(&first), (Climb::Wait(time(30)), Some(first.origin.ids().branch)));
}

fn any_stop() -> impl Strategy<Value = Stop> {
    prop_oneof![Just(Stop::Acknowledged), Just(Stop::Decided), Just(Stop::ServiceStarted), Just(Stop::Completed)]
}

pub(super) fn any_limits() -> impl Strategy<Value = Vec<TimeLimit>> {
    let one = (any_stop(), proptest::collection::btree_set(1..100i64, 0..6));
    proptest::collection::vec(one, 0..4).prop_map(|limits| {
        let named = |(at, (stop, steps)): (usize, (Stop, std::collections::BTreeSet<i64>))| {
            limit(&format!("rule-{at}"), stop, &steps.into_iter().collect::<Vec<_>>())
        };
        limits.into_iter().enumerate().map(named).collect()
    })
}

fn commands() -> [(Side, Command); 6] {
    [
        (Side::Recipient, Command::Acknowledge),
        (Side::Origin, Command::Assign(Vec::new())),
        (Side::Recipient, Command::StartService),
        (Side::Recipient, Command::Complete { outcome: Outcome::Resolved }),
        (Side::Origin, Command::Close),
        (Side::Origin, Command::EnterInError { reason: crate::referral::Mistake::WrongPerson }),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_the_ladder_is_climbed_in_order_and_to_its_end(
        limits in any_limits(),
        refused in any::<bool>(),
        happens in proptest::collection::vec((0..120i64, 0..6usize), 0..8),
    ) {
        let rungs = limits.iter().map(|limit| limit.steps.len()).sum::<usize>() + usize::from(refused);
        let mut world = opened(limits, refused);
        let (mut climbed, mut turns) = (0, 0);
        for second in 0..120 {
            for (_, what) in happens.iter().filter(|(at, _)| *at == second) {
                let (side, command) = commands()[*what].clone();
                world.act(side, command);
                while world.deliver(Side::Recipient) || world.deliver(Side::Origin) {}
            }
            loop {
                match next(&world, second) {
                    Climb::Rest => break,
                    Climb::Wait(later) => {
                        prop_assert!(later > time(second));
                        break;
                    }
                    Climb::Turn { level, .. } => {
                        let view = world.origin.view();
                        let is_served = matches!(view.state, State::Completed | State::Closed);
                        prop_assert!(level > climbed && !is_served && !world.origin.is_over());
                        (climbed, turns) = (level, turns + 1);
                        prop_assert!(told(&[Asked::new(&world.origin)]).is_some());
                        let is_written = world.act(Side::Origin, Command::Escalate { level });
                        prop_assert!(is_written);
                    }
                }
            }
        }
        prop_assert!(turns <= rungs && (!happens.is_empty() || turns == rungs), "each once, and all while nothing happens");
        prop_assert_eq!(next(&world, 120), Climb::Rest);
    }
}

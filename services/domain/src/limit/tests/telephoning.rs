//! What was said by telephone puts the ladder off once, and no longer than was agreed.

use jiff::SignedDuration;
use proptest::prelude::*;

use super::climbing::{any_limits, limit, next, opened, turn};
use crate::{
    limit::{Asked, Climb, climb, levels},
    referral::{
        Cause, Command, Redirection, Side, Stop, TimeLimit,
        tests::world::{World, duty, new_branch, telephoned, time},
    },
};

/// A limit whose steps wait so many seconds for somebody to confirm.
fn confirmed(limit: TimeLimit, seconds: i64) -> TimeLimit {
    TimeLimit { confirmation: Some(SignedDuration::from_secs(seconds)), ..limit }
}

fn put_off(world: &World) -> Vec<Option<jiff::Timestamp>> {
    levels(&[Asked::new(&world.origin)]).into_iter().map(|level| level.put_off).collect()
}

#[test]
fn the_next_step_waits_for_the_confirmation_and_is_due_then_as_if_nothing_had_been_said() {
    let mut world = opened(vec![confirmed(limit("a", Stop::Acknowledged, &[10, 30, 90]), 50)], false);
    assert!(world.act_at(Side::Origin, telephoned(), time(5)));
    assert_eq!(put_off(&world), [Some(time(55)), Some(time(55)), None]);
    assert_eq!(next(&world, 54), Climb::Wait(time(55)));
    for level in [1, 2] {
        assert_eq!(next(&world, 55), turn(level), "both times have passed");
        assert!(world.act(Side::Origin, Command::Escalate { level }));
    }
    assert_eq!(next(&world, 55), Climb::Wait(time(90)));
    assert!(world.act_at(Side::Origin, telephoned(), time(80)));
    assert_eq!((next(&world, 89), next(&world, 90)), (Climb::Wait(time(90)), turn(3)), "once");
}

#[test]
fn nothing_is_put_off_that_no_rule_lets_wait_and_no_level_is_passed_over() {
    let limits = vec![confirmed(limit("a", Stop::Acknowledged, &[10, 40]), 100), limit("b", Stop::Acknowledged, &[30])];
    let mut world = opened(limits, true);
    assert!(world.act_at(Side::Origin, telephoned(), time(5)));
    assert_eq!(next(&world, 6), turn(1), "what could not be computed waits for nobody");
    assert!(world.act(Side::Origin, Command::Escalate { level: 1 }));
    assert_eq!(next(&world, 29), Climb::Wait(time(30)));
    for level in [2, 3] {
        assert_eq!(next(&world, 30), turn(level), "the level before one that does not wait goes with it");
        assert!(world.act(Side::Origin, Command::Escalate { level }));
    }
    assert_eq!(next(&world, 30), Climb::Wait(time(105)));
}

#[test]
fn no_confirmation_is_waited_for_beyond_the_limit_or_from_one_who_has_the_need_no_more() {
    let mut short = opened(vec![confirmed(limit("a", Stop::Acknowledged, &[10]), 5_000)], false);
    assert!(short.act_at(Side::Origin, telephoned(), time(5)));
    assert_eq!(next(&short, 10), Climb::Wait(time(1_000)), "the limit is over then");
    let mut world = opened(vec![confirmed(limit("a", Stop::Acknowledged, &[10]), 50)], false);
    world.deliver(Side::Recipient);
    assert!(world.act_at(Side::Origin, telephoned(), time(5)));
    let away = Command::Redirect { reason: Redirection::OutsideArea, advice: None };
    assert!(world.act(Side::Recipient, away) && world.deliver(Side::Origin));
    assert_eq!(next(&world, 10), turn(1));
}

#[test]
fn a_word_of_one_unit_puts_off_the_ladder_of_the_need() {
    let limits = vec![confirmed(limit("a", Stop::Acknowledged, &[10, 30]), 50)];
    let mut first = opened(limits.clone(), false);
    assert!(first.act(Side::Origin, Command::Escalate { level: 1 }));
    let mut new = new_branch(crate::referral::Kind::Transfer, duty(), 1);
    (new.opening.time_limits, new.opening.cause, new.now) = (limits, Cause::Escalation, time(10));
    let mut second = World::opened(new);
    assert!(second.act_at(Side::Origin, telephoned(), time(12)));
    let need =
        |second: i64, world: &World| climb(&[Asked::new(&first.origin), Asked::new(&world.origin)], &[], time(second));
    assert_eq!((need(61, &second), need(62, &second)), (Climb::Wait(time(62)), turn(2)));
    // What was said in the branch before counts for the need, and a second word puts nothing off again.
    let mut before = first.clone();
    assert!(before.act_at(Side::Origin, telephoned(), time(5)));
    let both = |at: i64| climb(&[Asked::new(&before.origin), Asked::new(&second.origin)], &[], time(at));
    assert_eq!((both(54), both(55)), (Climb::Wait(time(55)), turn(2)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// Beside a ladder of which nothing was said by telephone: each level is turned to in the same order, none earlier,
    /// none later than agreed, however often it was said and whatever was forgotten meanwhile.
    #[test]
    fn the_ladder_is_never_put_off_beyond_the_first_confirmation(
        limits in any_limits(),
        spans in prop::collection::vec(prop::option::of(1..80i64), 4),
        words in prop::collection::vec(0..110i64, 1..5),
        forgotten in prop::option::of(0..110i64),
    ) {
        let mut limits = limits;
        for (limit, span) in limits.iter_mut().zip(spans) {
            limit.confirmation = span.map(SignedDuration::from_secs);
        }
        let signed = opened(limits.clone(), false);
        let signed = levels(&[Asked::new(&signed.origin)]);
        let mut world = opened(limits.clone(), false);
        let (mut kept, mut turned) = (world.clone(), Vec::new());
        for second in 0..240 {
            if forgotten == Some(second) {
                // An older store is put back: what was said since is not known any more, and neither are the levels.
                world = kept.clone();
                turned.clear();
            }
            if forgotten == Some(second + 20) {
                kept = world.clone();
            }
            if words.contains(&second) {
                world.act_at(Side::Origin, telephoned(), time(second));
            }
            while let Climb::Turn { level, .. } = next(&world, second) {
                turned.push((level, second));
                let is_written = world.act(Side::Origin, Command::Escalate { level });
                prop_assert!(is_written);
            }
        }
        let said = world.origin.view().telephoned.map(|said| said.recorded);
        let order: Vec<u32> = turned.iter().map(|(level, _)| *level).collect();
        let before: std::collections::BTreeSet<u32> = kept.origin.log(Side::Origin).events().iter().filter_map(|event| {
            match event.body {
                crate::referral::Body::Escalated { level } if forgotten.is_some() => Some(level),
                _ => None,
            }
        }).collect();
        let mut expected: Vec<_> = signed.iter().filter(|level| !before.contains(&level.level)).collect();
        expected.sort_by_key(|level| (level.time, level.level));
        prop_assert_eq!(order, expected.iter().map(|level| level.level).collect::<Vec<_>>());
        for ((_, at), level) in turned.iter().zip(expected) {
            let limit = limits.iter().find(|limit| limit.rule == level.rule).expect("of a rule");
            let confirmed = said.zip(limit.confirmation).map(|(said, span)| (said + span).min(limit.due));
            let latest = confirmed.into_iter().chain([level.time]).max().expect("a time");
            let back = forgotten.map_or(latest, |second| latest.max(time(second)));
            prop_assert!(time(*at) >= level.time && time(*at) <= back, "{} at {at}", level.level);
        }
    }
}

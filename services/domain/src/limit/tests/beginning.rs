//! Limits that begin with an answer: once in a branch, from the answer's own time, the same on both sides, or refused.

use std::rc::Rc;

use jiff::SignedDuration;
use nhipcau_proto::directory::v1 as pb;
use proptest::prelude::*;

use super::*;
use crate::{
    limit::{Climb, Facts, Standing, Start, begun, climb, explain},
    reason,
    referral::{
        Command, Condition, Draft, Effect, EventKind, HandBack, Outcome, Side, Stop, View,
        tests::world::{World, commands, duty, new_branch, time},
    },
};

/// A branch of which answers begin limits by these rules.
fn world(kind: Kind, release: &pb::Release) -> World {
    let release = release.clone();
    let mut world = World::opened(new_branch(kind, duty(), 0));
    world.begins = Some(Rc::new(move |view: &View, draft: &Draft| begun(&rules(&release), view, draft)));
    world.deliver(Side::Recipient);
    world
}

/// Both sides know everything.
fn exchange(world: &mut World) {
    while world.deliver(Side::Origin) || world.deliver(Side::Recipient) {}
}

fn does(world: &mut World, side: Side, command: Command, second: i64) {
    assert!(world.act_at(side, command.clone(), time(second)), "{command:?}");
    exchange(world);
}

/// The rules of the limits of a view, with what began them.
fn started(view: &View) -> Vec<(&str, EventKind)> {
    view.begun.iter().map(|begun| (&*begun.rule, begun.event)).collect()
}

fn refused(view: &View) -> Vec<(&str, &str)> {
    view.limit_refusals.iter().map(|refused| (&*refused.rule, &*refused.reason)).collect()
}

/// Plans and outcomes, as nobody has agreed on them.
fn plans() -> pb::Release {
    release(vec![
        rule("plan", "acknowledged", "service_started", hours(10)),
        rule("promise", "accepted", "completed", hours(20)),
        rule("outcome", "service_started", "completed", working_days(5)),
    ])
}

#[test]
fn a_limit_runs_from_the_answer_that_begins_it_and_both_sides_show_it() {
    let release = plans();
    let mut world = world(Kind::Transfer, &release);
    does(&mut world, Side::Recipient, Command::Acknowledge, 50);
    does(&mut world, Side::Origin, Command::Assign(Vec::new()), 60);
    let view = world.origin.view();
    assert_eq!(started(&view), [("plan", EventKind::Acknowledged)]);
    let [plan] = &view.time_limits[..] else { panic!("{view:?}") };
    assert_eq!((plan.start, plan.due), (time(50), later(time(50), 10)));
    let shown = explain(plan, &view, &rules(&release), time(50));
    assert_eq!(shown.start_event, Some(Start::Written(EventKind::Acknowledged)));
    assert_eq!(shown.standing, Standing::Running(SignedDuration::from_hours(10)));
    assert!(shown.is_as_ruled);
    let due = later(time(50), 10);
    assert_eq!(view.conditions(due - SignedDuration::from_secs(1)), []);
    assert_eq!(view.conditions(due), [Condition::Overdue, Condition::Warned]);
    let late = due.duration_since(time(0)).as_secs() + 7;
    does(&mut world, Side::Recipient, Command::StartService, late);
    let view = world.origin.view();
    assert_eq!(started(&view).last(), Some(&("outcome", EventKind::ServiceStarted)));
    let shown = explain(&view.time_limits[0], &view, &rules(&release), later(time(0), 99));
    assert_eq!(shown.standing, Standing::Stopped { at: time(late), late: Some(SignedDuration::from_secs(7)) });
    let days = explain(&view.time_limits[1], &view, &rules(&release), time(late)).days;
    assert!(days.iter().filter(|day| day.kind.is_worked()).count() == 5, "{days:?}");
    world.check_exchange();
}

#[test]
fn whoever_accepts_has_acknowledged_and_nothing_begins_twice() {
    let release = plans();
    for (answers, expected) in [
        (&[Command::Accept][..], [("plan", EventKind::Accepted), ("promise", EventKind::Accepted)]),
        (
            &[Command::Acknowledge, Command::Accept],
            [("plan", EventKind::Acknowledged), ("promise", EventKind::Accepted)],
        ),
    ] {
        let mut world = world(Kind::Referral, &release);
        for (second, answer) in (10..).zip(answers) {
            does(&mut world, Side::Recipient, answer.clone(), second);
        }
        assert_eq!(started(&world.origin.view()), expected);
        assert_eq!(world.origin.view().time_limits[0].start, time(10));
    }
}

#[test]
fn what_comes_with_the_answer_is_not_waited_for_and_a_notification_waits_for_nothing() {
    let release = release(vec![
        rule("answer", "acknowledged", "accepted", hours(10)),
        rule("ended", "accepted", "acknowledged", hours(10)),
        rule("told", "acknowledged", "completed", hours(10)),
    ]);
    for (kind, expected) in
        [(Kind::Transfer, &["told"][..]), (Kind::Referral, &["answer", "told"]), (Kind::Notification, &[])]
    {
        let mut world = world(kind, &release);
        does(&mut world, Side::Recipient, Command::Acknowledge, 10);
        let view = world.origin.view();
        let rules: Vec<_> = view.time_limits.iter().map(|limit| &*limit.rule).collect();
        assert_eq!((rules.as_slice(), refused(&view)), (expected, vec![]), "{kind:?}");
    }
    let mut accepted = world(Kind::Referral, &release);
    does(&mut accepted, Side::Recipient, Command::Accept, 10);
    assert_eq!(started(&accepted.origin.view()), [("told", EventKind::Accepted)], "decided with the acceptance");
}

#[test]
fn what_cannot_be_computed_is_said_by_the_answer_and_no_level_is_turned_to_for_it() {
    let bare = || rule("bare", "acknowledged", "completed", hours(10));
    let ladder = pb::TimeLimit { escalation: vec![step(hours(1), None)], ..bare() };
    let asks = pb::TimeLimit { acknowledge_within: hours(1), ..bare() };
    let confirmed =
        pb::TimeLimit { telephone_confirmation: Some(prost_types::Duration { seconds: 60, nanos: 0 }), ..bare() };
    let calendar = pb::TimeLimit { calendar: "none".into(), limit: working_days(5), ..bare() };
    let expired = pb::TimeLimit {
        validity: Some(pb::Validity {
            start_time: Some(prost_types::Timestamp::default()),
            expire_time: Some(prost_types::Timestamp { seconds: time(9).as_second(), nanos: 0 }),
        }),
        ..bare()
    };
    for (rule, expected) in [
        (ladder, Some(reason::LIMIT_RULE_UNREADABLE)),
        (asks, Some(reason::LIMIT_RULE_UNREADABLE)),
        (confirmed, Some(reason::LIMIT_RULE_UNREADABLE)),
        (calendar, Some(reason::LIMIT_CALENDAR_MISSING)),
        (expired, None),
    ] {
        let release = release(vec![rule]);
        let mut world = world(Kind::Transfer, &release);
        does(&mut world, Side::Recipient, Command::Acknowledge, 10);
        let view = world.origin.view();
        assert_eq!(refused(&view), expected.map(|reason| ("bare", reason)).into_iter().collect::<Vec<_>>());
        assert_eq!(view.time_limits, []);
        assert_eq!(view.conditions(time(11)).contains(&Condition::LimitUnknown), expected.is_some());
        assert_eq!(climb(&[crate::limit::Asked::new(&world.origin)], &[], time(11)), Climb::Rest);
    }
}

#[test]
fn a_further_branch_of_the_need_does_not_carry_on_what_an_answer_began() {
    let release = plans();
    let mut world = world(Kind::Transfer, &release);
    does(&mut world, Side::Recipient, Command::Acknowledge, 10);
    does(&mut world, Side::Origin, Command::Assign(Vec::new()), 11);
    does(&mut world, Side::Recipient, Command::HandBack { reason: HandBack::NotCompetent }, 12);
    does(&mut world, Side::Origin, Command::TakeHandBack, 13);
    assert_eq!(world.origin.view().conditions(later(time(10), 99)), [Condition::ErasureDue], "nobody is waited for");
    let facts = Facts::of_need(Kind::Transfer, time(0), time(20), [&world.origin]);
    assert_eq!((facts.begun, facts.opened), (Vec::new(), time(0)));
}

#[test]
fn of_an_answer_by_a_clock_that_is_not_believed_the_limit_ends_sooner() {
    let release = plans();
    let mut world = world(Kind::Transfer, &release);
    let claimed = 30 * 3_600;
    does(&mut world, Side::Recipient, Command::Acknowledge, claimed);
    let heard = |second| world.origin.clone().with_answers_heard(vec![(1, time(second))]).view();
    assert_eq!(heard(claimed - 300).begun[0].ahead, SignedDuration::ZERO, "five minutes are believed");
    let view = heard(0);
    assert_eq!(view.begun[0].ahead, SignedDuration::from_hours(30));
    assert_eq!(view.conditions(later(time(0), 10)), [Condition::Overdue, Condition::Warned]);
    let shown = explain(&view.time_limits[0], &view, &rules(&release), later(time(0), 9));
    assert_eq!(shown.standing, Standing::Running(SignedDuration::from_hours(1)));
}

#[test]
fn what_must_come_before_an_answer_stops_nothing_that_begins_with_it() {
    let stops = [Stop::Acknowledged, Stop::Decided, Stop::ServiceStarted, Stop::Completed];
    let after = |start: Start| stops.into_iter().filter(|stop| start.is_before(*stop)).count();
    assert_eq!(Start::LATER.map(|event| after(Start::Written(event))), [3, 2, 1]);
    assert_eq!(after(Start::ReportReceived), 4);
    for event in Start::LATER {
        assert_eq!(Start::of_event(event.name()), Some(Start::Written(event)));
    }
}

fn any_rule() -> impl Strategy<Value = pb::TimeLimit> {
    const STARTS: &[&str] = &["acknowledged", "accepted", "service_started", "transfer_opened"];
    const STOPS: &[&str] = &["acknowledged", "accepted", "service_started", "completed", "rain"];
    let spans = prop_oneof![3 => (1..40i64).prop_map(hours), 2 => (1..300u32).prop_map(working_days)];
    ("[abc]", prop::sample::select(STARTS), prop::sample::select(STOPS), spans)
        .prop_map(|(name, start, stop, span)| rule(&name, start, stop, span))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever both sides write in whatever order, and however the directory changes meanwhile.
    #[test]
    fn an_answer_begins_each_rule_once_from_its_own_time_and_both_sides_say_so(
        kind in prop_oneof![Just(Kind::Transfer), Just(Kind::Referral), Just(Kind::Notification)],
        directories in prop::collection::vec(prop::collection::vec(any_rule(), 0..4), 1..4),
        steps in prop::collection::vec((any::<bool>(), 0_u8..30), 1..60),
    ) {
        let mut world = World::opened(new_branch(kind, duty(), 0));
        for (second, (is_origin, number)) in (1..).zip(steps) {
            let release = release(directories[usize::try_from(second).unwrap() % directories.len()].clone());
            world.begins = Some(Rc::new(move |view: &View, draft: &Draft| begun(&rules(&release), view, draft)));
            let side = if is_origin { Side::Origin } else { Side::Recipient };
            match commands(kind, side).get(usize::from(number)) {
                Some(command) => world.act_at(side, command.clone(), time(second)),
                None => world.deliver(side),
            };
        }
        world.check_exchange();
        exchange(&mut world);
        let view = world.origin.view();
        let mut names: Vec<_> = view.time_limits.iter().map(|limit| &limit.rule).collect();
        names.extend(view.limit_refusals.iter().map(|refused| &refused.rule));
        let count = names.len();
        names.sort();
        names.dedup();
        prop_assert_eq!(names.len(), count, "two of one rule");
        prop_assert_eq!(view.begun.len(), view.time_limits.len(), "this opening had none");
        for (begun, limit) in view.begun.iter().zip(&view.time_limits) {
            let answer = world.origin.log(Side::Recipient).at(begun.ordinal).expect("an answer");
            prop_assert_eq!((&begun.rule, begun.event, limit.start), (&limit.rule, answer.body.kind(), answer.time));
            prop_assert!(limit.is_ordered() && limit.steps.is_empty() && kind != Kind::Notification);
            let entry = view.history.iter().find(|it| (it.side, it.ordinal) == (Side::Recipient, begun.ordinal));
            prop_assert!(!matches!(entry.expect("read").effect, Effect::Superseded(_)));
            prop_assert!(view.stopped(limit.stop).is_none_or(|at| at > limit.start), "{:?} had come", limit.stop);
        }
    }
}

#[test]
fn whoever_completes_without_a_start_is_late_when_the_start_was_due() {
    let release = plans();
    let mut world = world(Kind::Transfer, &release);
    does(&mut world, Side::Recipient, Command::Acknowledge, 10);
    does(&mut world, Side::Origin, Command::Assign(Vec::new()), 11);
    does(&mut world, Side::Recipient, Command::Complete { outcome: Outcome::Resolved }, 20);
    let view = world.origin.view();
    assert_eq!(explain(&view.time_limits[0], &view, &rules(&release), time(99)).standing, Standing::Ended);
}

#[test]
fn what_an_answer_began_asks_for_no_other_person() {
    let mut world = world(Kind::Referral, &plans());
    does(&mut world, Side::Recipient, Command::Accept, 10);
    let mut view = world.origin.view();
    assert_eq!(started(&view).len(), 2);
    // As where a system of the recipient accepts by itself.
    view.stops.acknowledged = None;
    let conditions = view.conditions(later(time(10), 99));
    assert!(conditions.contains(&Condition::Overdue) && !conditions.contains(&Condition::Unacknowledged));
}

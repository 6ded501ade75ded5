//! Time limits that begin with an answer: computed by whoever answers, carried by the answer, shown by both sides.

use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::{
    limit::Reckoning,
    proof::Finding,
    reason,
    referral::{Actor, Body, Digest, Draft, Event, PersonRef, Side, Stop, Text, TimeLimit},
};
use nhipcau_proto::{
    directory::v1 as directory,
    google::r#type::Date,
    referral::v1::{
        self as pb, BranchCondition, BranchState, ReferralKind, TimeLimitStanding,
        referral_service_server::ReferralService as _,
    },
};
use nhipcau_referrals::evidence::Concern;

use crate::{attacks::*, deeds::*, due::standings, evidence::found, world::*};

const SOURCE: &str = "Decree 56/2017/NĐ-CP art. 26";

/// A rule that begins with an answer and gives twelve hours.
fn after(rule: &str, start: &str, stop: &str) -> directory::TimeLimit {
    directory::TimeLimit {
        stop_events: vec![stop.into()],
        acknowledge_within: None,
        ..limit(rule, start, Timestamp::UNIX_EPOCH)
    }
}

/// Twelve hours from the acknowledgement until the service begins, and from there until it ends.
fn rules(wire: &mut directory::Release) {
    wire.contracts.iter_mut().for_each(|entry| entry.minor = 3);
    wire.time_limits.push(after("begin", "acknowledged", "service_started"));
    wire.time_limits.push(after("end", "service_started", "completed"));
}

/// Two working days from the acknowledgement, of which the calendar knows none.
fn uncounted(wire: &mut directory::Release) {
    rules(wire);
    let day = |day| Some(Date { year: 2026, month: 11, day });
    wire.calendars = vec![directory::Calendar {
        calendar: "office".into(),
        time_zone: "Asia/Ho_Chi_Minh".into(),
        work_weekdays: vec![1],
        start_date: day(1),
        end_date: day(30),
        ..Default::default()
    }];
    let rule = wire.time_limits.iter_mut().find(|rule| rule.time_limit == "begin").unwrap();
    rule.calendar = "office".into();
    rule.limit = Some(directory::Span { kind: Some(directory::span::Kind::WorkingDays(2)) });
}

/// The rules of the limits of a branch, with when each began and ends.
fn shown(branch: &pb::Branch) -> Vec<(&str, i64, i64)> {
    let seconds = |time: Option<prost_types::Timestamp>| time.unwrap().seconds;
    let limits = branch.time_limits.iter();
    limits.map(|limit| (limit.rule.as_str(), seconds(limit.start_time), seconds(limit.due_time))).collect()
}

fn written(branch: &pb::Branch, event: &str) -> i64 {
    branch.history.iter().find(|entry| entry.event == event).unwrap().event_time.unwrap().seconds
}

impl World {
    /// What a node finds by a condition.
    async fn listed(&self, node: usize, condition: BranchCondition) -> usize {
        let request = pb::ListReferralsRequest {
            parent: format!("parties/{}", NAMES[node]),
            conditions: vec![condition.into()],
            ..Default::default()
        };
        let found = self.nodes[node].door.list_referrals(call(request, NAMES[node])).await.unwrap();
        found.into_inner().referrals.len()
    }

    async fn both_show(&self, branch: &str, expected: &[(&str, i64, i64)]) {
        for node in [MOH, HANOI] {
            let seen = self.branch(node, branch).await;
            assert_eq!(shown(&seen)[1..], *expected, "after that of the opening, at {}", NAMES[node]);
        }
    }
}

#[tokio::test]
async fn an_answer_begins_its_limits_and_both_sides_are_told_what_is_due_and_why() {
    let mut world = World::open().await;
    world.amend(rules).await;
    let branch = world.taken_over().await;
    let hours = |from: i64| from + 12 * 3_600;
    let acknowledged = written(&world.branch(MOH, &branch).await, "acknowledged");
    let begin = ("begin", acknowledged, hours(acknowledged));
    world.both_show(&branch, &[begin]).await;
    // What the directory says meanwhile changes no limit that runs.
    world.amend(|wire| wire.time_limits.retain(|rule| rule.time_limit != "begin")).await;
    world.pass(SignedDuration::from_hours(11));
    world.begin(HANOI, &branch).await.unwrap();
    world.settle().await;
    let started = written(&world.branch(MOH, &branch).await, "service_started");
    world.both_show(&branch, &[begin, ("end", started, hours(started))]).await;
    let at = world.now();
    let told = world.due(MOH, &branch, Some(at)).await;
    assert_eq!(world.due(HANOI, &branch, Some(at)).await, told);
    for node in [MOH, HANOI] {
        assert_eq!(world.due_in_store(node, &branch, at).await, told, "offline too");
    }
    let due = &told.branches[0];
    let expected = [TimeLimitStanding::Stopped, TimeLimitStanding::Stopped, TimeLimitStanding::Running];
    assert_eq!(standings(due), ["verify", "begin", "end"].into_iter().zip(expected).collect::<Vec<_>>());
    let starts: Vec<_> = due.limits.iter().map(|limit| limit.start_event.as_str()).collect();
    assert_eq!(starts, ["transfer_opened", "acknowledged", "service_started"]);
    assert!(due.limits.iter().all(|limit| limit.limit.as_ref().unwrap().citation == SOURCE));
    assert_eq!(due.limits.iter().map(|limit| limit.as_ruled).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(due.ladder, [], "nobody is turned to");
}

#[tokio::test]
async fn who_is_late_after_answering_is_overdue_on_both_sides_and_proven_so() {
    let mut world = World::open().await;
    world.amend(rules).await;
    let branch = world.taken_over().await;
    world.pass(SignedDuration::from_hours(13));
    for node in [MOH, HANOI] {
        let held = world.branch(node, &branch).await.conditions;
        assert_eq!(held, [BranchCondition::Overdue as i32, BranchCondition::Warned as i32], "at {}", NAMES[node]);
        assert_eq!(world.listed(node, BranchCondition::Overdue).await, 1);
        let account = world.judge(&world.evidence(node, &branch).await, node).unwrap();
        assert_eq!(found(&account), [("LIMIT_BROKEN", false)], "it goes on");
        let due = &world.due(node, &branch, None).await.branches[0];
        assert_eq!(standings(due)[1], ("begin", TimeLimitStanding::Passed));
    }
    world.begin(HANOI, &branch).await.unwrap();
    world.settle().await;
    for node in [MOH, HANOI] {
        assert!(world.branch(node, &branch).await.conditions.is_empty(), "at {}", NAMES[node]);
        let due = &world.due(node, &branch, None).await.branches[0];
        assert_eq!(standings(due)[1], ("begin", TimeLimitStanding::StoppedLate));
        let account = world.judge(&world.evidence(node, &branch).await, node).unwrap();
        assert_eq!(found(&account), [("LIMIT_BROKEN", false)]);
    }
}

#[tokio::test]
async fn an_answer_without_the_calendar_of_its_limit_says_so_to_both_sides_and_counts() {
    let mut world = World::open().await;
    world.amend(uncounted).await;
    let branch = world.taken_over().await;
    for node in [MOH, HANOI] {
        let seen = world.branch(node, &branch).await;
        let [refused] = &seen.limit_refusals[..] else { panic!("{seen:?}") };
        let said = (refused.rule.as_str(), refused.citation.as_str(), refused.reason.as_str());
        assert_eq!(said, ("begin", SOURCE, reason::LIMIT_CALENDAR_ENDED));
        assert_eq!(seen.conditions, [BranchCondition::LimitUnknown as i32], "and nobody is turned to");
        assert_eq!(world.listed(node, BranchCondition::LimitUnknown).await, 1);
        let told = &world.due(node, &branch, None).await.branches[0];
        assert_eq!((told.refusals.len(), told.ladder.len()), (1, 0));
    }
}

#[tokio::test]
async fn no_answer_waits_for_an_older_access_point_before_the_directory_lets_limits_be_sent() {
    let mut world = World::open().await;
    world.stop(MOH);
    world.restart_as(MOH, 2);
    world.amend(rules).await;
    world.amend(|wire| wire.contracts.iter_mut().for_each(|entry| entry.minor = 2)).await;
    world.settle_slowly().await;
    let branch = world.taken_over().await;
    world.both_show(&branch, &[]).await;
    // Too early: one of them does not know the version.
    world.amend(|wire| wire.contracts.iter_mut().for_each(|entry| entry.minor = 3)).await;
    let other = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    world.acknowledge(HANOI, &other).await.unwrap();
    world.settle_slowly().await;
    assert_eq!(world.state(MOH, &other).await, BranchState::Received, "refused for now");
    world.stop(MOH);
    world.restart(MOH);
    world.settle_slowly().await;
    assert_eq!(world.states(&other).await, [BranchState::Assigned; 2]);
    assert_eq!(shown(&world.branch(MOH, &other).await).last().unwrap().0, "begin");
}

#[tokio::test]
async fn an_answer_that_comes_back_to_an_older_store_brings_its_limits_as_they_were() {
    let mut world = World::open().await;
    world.amend(rules).await;
    let before = world.copy(HANOI);
    world.settle_slowly().await;
    let branch = world.taken_over().await;
    let begun = world.branch(MOH, &branch).await.time_limits;
    assert_eq!(begun.len(), 2);
    world.restore(HANOI, &before);
    world.amend(|wire| wire.time_limits.clear()).await;
    world.settle_slowly().await;
    assert_eq!(world.branch(HANOI, &branch).await.time_limits, begun);
}

#[tokio::test]
async fn what_an_answer_began_goes_to_the_successor_and_is_not_begun_anew_by_anybody() {
    let mut world = World::open().await;
    world.amend(rules).await;
    let branch = world.taken_over().await;
    let begun = world.branch(MOH, &branch).await.time_limits;
    assert_eq!(begun.len(), 2);
    world.succeed("hanoi/ba-dinh", &["vwu/desk"]).await;
    world.settle_slowly().await;
    for node in [MOH, VWU] {
        assert_eq!(world.branch(node, &branch).await.time_limits, begun, "at {}", NAMES[node]);
    }
    world.begin(VWU, &branch).await.unwrap();
    world.settle().await;
    let due = &world.due(MOH, &branch, None).await.branches[0];
    assert_eq!(standings(due)[1..], [("begin", TimeLimitStanding::Stopped), ("end", TimeLimitStanding::Running)]);
    let account = world.judge(&world.evidence(VWU, &branch).await, VWU).unwrap();
    assert!(!found(&account).iter().any(|(name, _)| *name == "LIMIT_BROKEN"), "{:?}", found(&account));
}

/// An acknowledgement by a clock that is a year ahead, with a limit that nobody is late for yet.
async fn answered_ahead(world: &mut World) -> (String, Timestamp) {
    const OPENING: &str = "SELECT bytes FROM referral_event WHERE holder = 1 AND side = 1 AND ordinal = 1";
    let branch = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    let opening = world.nodes[MOH].readers.read(|tx| tx.query_one(OPENING, &[], |row| row.blob(0))).await.unwrap();
    let opening = Event::read(&opening.unwrap()).unwrap();
    let ahead = world.now() + SignedDuration::from_hours(24 * 365);
    let due = ahead + SignedDuration::from_hours(12);
    let begun = TimeLimit {
        rule: "begin".into(),
        citation: Text::read("art. 26", 200, "citation", &mut Default::default()).unwrap(),
        stop: Stop::ServiceStarted,
        start: ahead,
        acknowledge_due: due,
        warn: due,
        escalate: due,
        due,
        steps: Vec::new(),
        confirmation: None,
    };
    let answer = Draft {
        side: Side::Recipient,
        owner: opening.counterpart.clone(),
        counterpart: opening.owner.clone(),
        previous: Digest::ZERO,
        seen: Some(opening.mark()),
        time: ahead,
        actor: Actor { person: Some(PersonRef::new("cb-17").unwrap()), ..opening.actor.clone() },
        basis: None,
        parts: Vec::new(),
        body: Body::Acknowledged,
        begun: Reckoning { limits: vec![begun], refused: Vec::new() },
        ..Draft::clone(&opening)
    };
    send(world, (HANOI, MOH), answer, Vec::new()).await;
    world.settle().await;
    assert_eq!(outcome(world, MOH).await, RECEIVED, "taken all the same");
    (branch, ahead)
}

#[tokio::test]
async fn the_clock_of_whoever_answers_puts_off_no_limit_at_the_origin_and_hides_none_that_was_broken() {
    let mut world = World::open().await;
    let (branch, ahead) = answered_ahead(&mut world).await;
    let before = world.due(MOH, &branch, None).await.branches.remove(0);
    assert!(before.limits[1].clock_ahead.unwrap().seconds > 364 * 86_400);
    assert!(world.branch(MOH, &branch).await.conditions.is_empty());
    world.pass(SignedDuration::from_hours(13));
    assert!(world.now() < ahead);
    let held = world.branch(MOH, &branch).await.conditions;
    assert!(held.contains(&BranchCondition::Overdue.into()), "{held:?}");
    let due = &world.due(MOH, &branch, None).await.branches[0];
    assert_eq!(standings(due)[1], ("begin", TimeLimitStanding::Passed));
    let mut evidence = world.evidence(MOH, &branch).await;
    for _ in 0..2 {
        let account = world.judge(&evidence, MOH).unwrap();
        let is_found = |concern: &Concern| matches!(concern, Concern::Broken(Finding::LimitBroken { rule, runs: true, .. }) if **rule == *"begin");
        assert!(account.branches[0].findings.iter().any(|found| is_found(&found.what)), "{:?}", found(&account));
        // Nor where the receipt that shows when it came is left out: the origin has assigned the branch since.
        evidence.receipts.clear();
    }
}

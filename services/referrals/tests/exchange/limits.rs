//! Time limits of whole exchanges: from when they run, what a further branch carries on, and what is said of those that
//! could not be computed.

use jiff::SignedDuration;
use nhipcau_domain::reason;
use nhipcau_proto::{
    directory::v1 as directory,
    google::r#type::Date,
    referral::v1::{
        self as pb, BranchCondition, ReferralKind, referral_service_server::ReferralService as _,
        referral_steering_service_server::ReferralSteeringService as _,
    },
};

use crate::{deeds::*, world::*};

fn span(kind: directory::span::Kind) -> directory::Span {
    directory::Span { kind: Some(kind) }
}

/// The twelve hours of a report, and an agreed ladder for whoever is asked.
fn rules(wire: &mut directory::Release) {
    let from = wire.time_limits[0].validity.as_ref().unwrap().start_time.unwrap();
    let from = jiff::Timestamp::from_second(from.seconds).unwrap();
    let hours = |hours: i64| {
        Some(span(directory::span::Kind::Elapsed(prost_types::Duration { seconds: hours * 3_600, nanos: 0 })))
    };
    let west = directory::UnitRef { party: "hanoi".into(), unit: "west".into() };
    let escalation = vec![
        directory::EscalationStep { after: hours(2), unit: Some(west) },
        directory::EscalationStep { after: hours(4), unit: None },
    ];
    wire.time_limits = vec![
        limit("intake", "report_received", from),
        directory::TimeLimit { escalation, ..limit("answer", "transfer_opened", from) },
        limit("reply", "referral_opened", from),
    ];
}

/// A limit in working days, of which the calendar knows none.
fn uncounted(wire: &mut directory::Release) {
    let day = |day| Some(Date { year: 2026, month: 11, day });
    wire.calendars = vec![directory::Calendar {
        calendar: "office".into(),
        time_zone: "Asia/Ho_Chi_Minh".into(),
        work_weekdays: vec![1],
        start_date: day(1),
        end_date: day(30),
        ..Default::default()
    }];
    wire.time_limits[0].calendar = "office".into();
    wire.time_limits[0].limit = Some(span(directory::span::Kind::WorkingDays(2)));
}

fn seconds(time: Option<prost_types::Timestamp>) -> i64 {
    time.unwrap().seconds
}

/// The rules of the limits of a branch, with when each began and ends.
fn shown(branch: &pb::Branch) -> Vec<(&str, i64, i64)> {
    let limits = branch.time_limits.iter();
    limits.map(|limit| (limit.rule.as_str(), seconds(limit.start_time), seconds(limit.due_time))).collect()
}

impl World {
    async fn open_further(&self, cause: Option<&str>, referral: &str, to: &str) -> pb::Branch {
        let request = pb::OpenBranchRequest {
            request_id: request_id(),
            name: referral.to_owned(),
            etag: self.get(MOH, referral).await.unwrap().etag,
            recipient: Some(unit(to)),
            cause_branch: cause.unwrap_or_default().to_owned(),
            acting_person: "cb-17".into(),
            ..Default::default()
        };
        let answer = self.nodes[MOH].door.open_branch(call(request, "moh")).await.unwrap();
        answer.into_inner().branch.unwrap()
    }
}

#[tokio::test]
async fn the_clock_of_a_case_starts_with_its_report_and_not_with_its_typing() {
    let mut world = World::open().await;
    world.amend(rules).await;
    let opened = world.now().as_second();
    let branch = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    let hours = |from: i64, hours: i64| from + hours * 3_600;
    for node in [MOH, HANOI] {
        let seen = world.branch(node, &branch).await;
        let [intake, answer] = shown(&seen)[..] else { panic!("{seen:?}") };
        assert_eq!(intake, ("intake", BEFORE, hours(BEFORE, 12)));
        assert_eq!(answer, ("answer", opened, hours(opened, 12)));
        let [first, second] = &seen.time_limits[1].steps[..] else { panic!("{seen:?}") };
        assert_eq!(seconds(first.step_time), hours(opened, 2));
        assert_eq!(first.unit, Some(unit("hanoi/west")));
        assert_eq!((seconds(second.step_time), &second.unit), (hours(opened, 4), &None));
        assert_eq!(seen.time_limits[1].escalate_time, first.step_time);
    }
    // Twelve hours after the report, which are not twelve after the opening.
    world.pass(SignedDuration::from_secs(hours(BEFORE, 12) - world.now().as_second()));
    for node in [MOH, HANOI] {
        let held = world.branch(node, &branch).await.conditions;
        assert!(held.contains(&BranchCondition::Overdue.into()), "{held:?}");
    }
}

#[tokio::test]
async fn a_further_branch_keeps_the_clock_of_its_need() {
    let mut world = World::open().await;
    world.amend(rules).await;
    let first = world.refer(ReferralKind::Transfer, duty()).await;
    let referral = referral_of(&first);
    world.settle().await;
    let begun = world.branch(MOH, &first).await.time_limits;
    assert_eq!(begun.len(), 2);
    // Before the ladder is climbed by itself.
    world.pass(SignedDuration::from_mins(50));
    let escalated = world.open_further(Some(&first), &referral, "hanoi/cua-nam").await;
    assert_eq!(escalated.time_limits, begun, "an escalation does not begin anew");
    world.settle().await;
    let advice = Some(unit("vwu/desk"));
    world.redirect(HANOI, &escalated.name, pb::RedirectReason::OutsideArea, advice).await.unwrap();
    world.settle().await;
    world.pass(SignedDuration::from_mins(50));
    // What the directory says meanwhile changes no limit that runs.
    world.amend(|wire| wire.time_limits.clear()).await;
    let redirected = world.open_further(Some(&escalated.name), &referral, "vwu/desk").await;
    assert_eq!(redirected.time_limits, begun, "nor does a redirect");
    world.settle().await;
    assert_eq!(world.branch(VWU, &redirected.name).await.time_limits, begun);
    world.amend(|wire| wire.time_limits.push(limit("answer", "transfer_opened", jiff::Timestamp::UNIX_EPOCH))).await;
    let other = world.open_further(None, &referral, "dolisa/desk").await;
    let now = world.now().as_second();
    assert_eq!(shown(&other), [("answer", now, now + 12 * 3_600)], "another need has its own");
}

#[tokio::test]
async fn a_limit_without_its_calendar_is_refused_and_said_to_both_sides() {
    let mut world = World::open().await;
    world.amend(uncounted).await;
    let branch = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    let unknown: i32 = BranchCondition::LimitUnknown.into();
    let escalated: i32 = BranchCondition::Escalated.into();
    for node in [MOH, HANOI] {
        let seen = world.branch(node, &branch).await;
        assert!(seen.time_limits.is_empty());
        let [refused] = &seen.limit_refusals[..] else { panic!("{seen:?}") };
        let said = (refused.rule.as_str(), refused.citation.as_str(), refused.reason.as_str());
        assert_eq!(said, ("verify", "Decree 56/2017/NĐ-CP art. 26", reason::LIMIT_CALENDAR_ENDED));
        assert_eq!(seen.conditions, [escalated, unknown], "and the next level is turned to");
        let request = pb::ListReferralsRequest {
            parent: format!("parties/{}", NAMES[node]),
            conditions: vec![unknown],
            ..Default::default()
        };
        let found = world.nodes[node].door.list_referrals(call(request, NAMES[node])).await.unwrap().into_inner();
        assert_eq!(found.referrals.len(), 1, "and found by it");
    }
    world.recall(MOH, &branch).await.unwrap();
    world.settle().await;
    assert!(!world.branch(HANOI, &branch).await.conditions.contains(&unknown), "nobody waits any more");
}

#[tokio::test]
async fn a_transfer_for_which_the_directory_has_no_rule_says_so() {
    let mut world = World::open().await;
    world.amend(|wire| wire.time_limits.clear()).await;
    let transfer = world.refer(ReferralKind::Transfer, duty()).await;
    let referral = world.refer(ReferralKind::Referral, duty()).await;
    world.settle().await;
    let reasons = |branch: pb::Branch| -> Vec<String> {
        branch.limit_refusals.into_iter().map(|refused| refused.reason).collect()
    };
    assert_eq!(reasons(world.branch(HANOI, &transfer).await), [reason::LIMIT_RULE_MISSING]);
    assert_eq!(reasons(world.branch(HANOI, &referral).await), Vec::<String>::new(), "nothing was agreed");
}

#[tokio::test]
async fn a_need_that_is_opened_again_begins_anew_and_not_with_the_old_report() {
    let mut world = World::open().await;
    world.amend(rules).await;
    let first = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    world.acknowledge(HANOI, &first).await.unwrap();
    world.settle().await;
    world.complete(HANOI, &first, pb::Outcome::Resolved).await.unwrap();
    world.settle().await;
    world.close(MOH, &first).await.unwrap();
    world.settle().await;
    world.pass(SignedDuration::from_hours(5));
    let again = world.further(&first, "hanoi/ba-dinh", |request| request.reopen = true).await.unwrap();
    let now = world.now().as_second();
    assert_eq!(shown(&again), [("intake", now, now + 12 * 3_600), ("answer", now, now + 12 * 3_600)]);
}

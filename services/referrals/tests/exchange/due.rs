//! What is due, when and why, as both sides are told it.

use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::{id::PartyId, reason};
use nhipcau_proto::{
    directory::v1 as directory,
    google::r#type::Date,
    referral::v1::{self as pb, ReferralKind, TimeLimitStanding, referral_service_server::ReferralService as _},
};
use nhipcau_referrals::explain_time_limits;
use nhipcau_runtime::caller::Role;
use tonic::{Code, Status};

use crate::{deeds::*, world::*};

fn hours(hours: i64) -> Option<directory::Span> {
    let elapsed = prost_types::Duration { seconds: hours * 3_600, nanos: 0 };
    Some(directory::Span { kind: Some(directory::span::Kind::Elapsed(elapsed)) })
}

fn days(days: u32) -> Option<directory::Span> {
    Some(directory::Span { kind: Some(directory::span::Kind::WorkingDays(days)) })
}

/// Twelve hours from the report with a ladder, three working days of a week with a holiday, and one limit whose
/// calendar there is not.
fn rules(wire: &mut directory::Release) {
    let date = |month, day| Some(Date { year: 2026, month, day });
    wire.calendars = vec![directory::Calendar {
        calendar: "office".into(),
        time_zone: "Asia/Ho_Chi_Minh".into(),
        work_weekdays: vec![1, 2, 3, 4, 5],
        holidays: date(11, 25).into_iter().collect(),
        start_date: date(1, 1),
        end_date: date(11, 30),
        ..Default::default()
    }];
    let counted = |rule, span| directory::TimeLimit {
        calendar: "office".into(),
        limit: span,
        acknowledge_within: None,
        ..limit(rule, "transfer_opened", Timestamp::UNIX_EPOCH)
    };
    let west = directory::UnitRef { party: "vwu".into(), unit: "desk".into() };
    let escalation = vec![
        directory::EscalationStep { after: hours(2), unit: Some(west) },
        directory::EscalationStep { after: hours(4), unit: None },
    ];
    wire.time_limits = vec![
        directory::TimeLimit { escalation, ..limit("intake", "report_received", Timestamp::UNIX_EPOCH) },
        counted("plan", days(3)),
        counted("review", days(30)),
    ];
}

impl World {
    pub(crate) async fn due(&self, node: usize, branch: &str, at: Option<Timestamp>) -> pb::ExplainTimeLimitsResponse {
        self.try_due(node, &referral_of(branch), at, &Role::ALL).await.unwrap()
    }

    async fn try_due(
        &self,
        node: usize,
        name: &str,
        at: Option<Timestamp>,
        roles: &[Role],
    ) -> Result<pb::ExplainTimeLimitsResponse, Status> {
        let at_time = at.map(|at| prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() });
        let request = pb::ExplainTimeLimitsRequest { name: name.to_owned(), at_time };
        let answer = self.nodes[node].door.explain_time_limits(call_as(request, NAMES[node], roles)).await?;
        Ok(answer.into_inner())
    }

    /// What the store of a node says without its door.
    pub(crate) async fn due_in_store(&self, node: usize, branch: &str, at: Timestamp) -> pb::ExplainTimeLimitsResponse {
        let (name, release, party) = (referral_of(branch), self.directory(), PartyId::new(NAMES[node]).unwrap());
        let read = self.nodes[node].readers.read(move |tx| explain_time_limits(&name, &party, &release, at, tx));
        read.await.unwrap()
    }
}

pub(crate) fn standings(branch: &pb::BranchTimeLimits) -> Vec<(&str, TimeLimitStanding)> {
    let rule = |limit: &pb::ExplainedTimeLimit| limit.limit.as_ref().unwrap().rule.clone();
    let limits = branch.limits.iter().map(|limit| (rule(limit).leak() as &str, limit.standing()));
    limits.collect()
}

#[tokio::test]
async fn both_sides_are_told_what_is_due_and_why_and_the_stores_say_the_same() {
    let mut world = World::open().await;
    world.amend(rules).await;
    let branch = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    let at: Timestamp = "2026-11-23T09:00:00Z".parse().unwrap();
    let shown = world.due(MOH, &branch, Some(at)).await;
    for node in [MOH, HANOI] {
        assert_eq!(world.due(node, &branch, Some(at)).await, shown);
        assert_eq!(world.due_in_store(node, &branch, at).await, shown);
    }
    assert_eq!((shown.name.as_str(), shown.directory_version), (&*referral_of(&branch), world.directory().version()));
    let [due] = &shown.branches[..] else { panic!("{shown:?}") };
    assert_eq!((due.branch.as_str(), due.recipient.clone()), (branch.as_str(), Some(unit("hanoi/ba-dinh"))));
    let [intake, plan] = &due.limits[..] else { panic!("{due:?}") };
    let signed = world.branch(HANOI, &branch).await.time_limits;
    assert_eq!([intake.limit.clone().unwrap(), plan.limit.clone().unwrap()][..], signed, "as it was signed");
    assert_eq!((intake.start_event.as_str(), intake.days.len(), intake.as_ruled), ("report_received", 0, true));
    let left = 12 * 3_600 - (at.as_second() - BEFORE);
    assert_eq!((intake.standing(), intake.span.unwrap().seconds), (TimeLimitStanding::Running, left));
    let looked_at: Vec<_> = plan.days.iter().map(|day| (day.date.unwrap().day, day.kind())).collect();
    use pb::CountedDayKind::{Holiday, Worked};
    assert_eq!(looked_at, [(24, Worked), (25, Holiday), (26, Worked), (27, Worked)]);
    assert!(plan.days.iter().all(|day| day.calendar == "office"));
    let [refused] = &due.refusals[..] else { panic!("{due:?}") };
    assert_eq!((refused.rule.as_str(), refused.reason.as_str()), ("review", reason::LIMIT_CALENDAR_ENDED));
    assert_eq!(refused.citation, "Decree 56/2017/NĐ-CP art. 26");
    let ladder: Vec<_> = due.ladder.iter().map(|rung| (rung.level, rung.rule.as_str(), rung.unit.clone())).collect();
    assert_eq!(ladder[0], (1, "", None), "what could not be computed goes up a level at once");
    assert_eq!(ladder[1..], [(2, "intake", Some(unit("vwu/desk"))), (3, "intake", None)]);
    assert_eq!(due.ladder.iter().map(|rung| rung.reached).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(due.escalation_level, 1);
}

#[tokio::test]
async fn a_limit_is_told_as_it_runs_out_is_stopped_late_and_ends() {
    let mut world = World::open().await;
    world.amend(rules).await;
    let branch = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    let later = world.now() + SignedDuration::from_hours(12);
    for node in [MOH, HANOI] {
        let now = &world.due(node, &branch, None).await.branches[0];
        assert_eq!(standings(now), [("intake", TimeLimitStanding::Running), ("plan", TimeLimitStanding::Running)]);
        let then = &world.due(node, &branch, Some(later)).await.branches[0];
        assert_eq!(standings(then), [("intake", TimeLimitStanding::Passed), ("plan", TimeLimitStanding::Running)]);
        assert_eq!(then.limits[0].span.unwrap().seconds, later.as_second() - BEFORE - 12 * 3_600);
    }
    world.silent = vec![VWU];
    world.pass(SignedDuration::from_hours(12));
    world.acknowledge(HANOI, &branch).await.unwrap();
    world.settle().await;
    for node in [MOH, HANOI] {
        let due = &world.due(node, &branch, None).await.branches[0];
        assert_eq!(standings(due), [("intake", TimeLimitStanding::StoppedLate), ("plan", TimeLimitStanding::Stopped)]);
        let stopped = due.limits[0].stopped_time.unwrap().seconds;
        assert_eq!(due.limits[0].span.unwrap().seconds, stopped - BEFORE - 12 * 3_600);
        assert_eq!(due.limits[1].span, None);
    }
}

#[tokio::test]
async fn who_holds_not_the_first_branch_of_a_need_is_told_no_number_of_a_level() {
    let mut world = World::open().await;
    world.amend(rules).await;
    let first = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    world.pass(SignedDuration::from_hours(2));
    world.settle().await;
    let origin = world.due(MOH, &first, None).await;
    let numbers = |branch: &pb::BranchTimeLimits| branch.ladder.iter().map(|rung| rung.level).collect::<Vec<_>>();
    assert_eq!(origin.branches.len(), 2);
    assert!(origin.branches.iter().all(|branch| numbers(branch) == [1, 2, 3]), "{origin:?}");
    assert_eq!(origin.branches[0].branch, first, "as they were opened");
    let there = &world.due(VWU, &first, None).await.branches;
    let [second] = &there[..] else { panic!("only its own: {there:?}") };
    assert_eq!((numbers(second), second.branch.as_str()), (vec![0, 0, 0], origin.branches[1].branch.as_str()));
    assert_eq!(second.limits[0].limit, origin.branches[0].limits[0].limit, "the clock of the need");
}

#[tokio::test]
async fn what_is_due_is_told_to_nobody_who_does_not_see_the_referral() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    let name = referral_of(&branch);
    let denied = (Code::PermissionDenied, reason::ACCESS_DENIED.to_owned());
    let nowhere = "parties/moh/referrals/0190a5f0-0000-8000-8000-000000000001".to_owned();
    for (node, name) in [(VWU, &name), (MOH, &nowhere), (HANOI, &name.replace("moh", "hanoi"))] {
        let refused = world.try_due(node, name, None, &Role::ALL).await.unwrap_err();
        assert_eq!(refusal(&refused), denied, "{name}");
    }
    let roles = [Role::Submit, Role::ReadContent, Role::Decide];
    let unfit = world.try_due(MOH, &name, None, &roles).await.unwrap_err();
    assert_eq!(refusal(&unfit), (Code::PermissionDenied, reason::ROLE_MISSING.to_owned()));
    let broken = world.try_due(MOH, "referrals", None, &Role::ALL).await.unwrap_err();
    assert_eq!(refusal(&broken), (Code::InvalidArgument, reason::REQUEST_INVALID.to_owned()));
}

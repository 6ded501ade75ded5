//! What is due, explained.

use jiff::SignedDuration;
use nhipcau_proto::directory::v1 as pb;

use super::*;
use crate::{
    limit::{Day, DayKind, Explanation, Standing, Start, explain},
    referral::{
        Command, Mistake, Side, Stop, View,
        tests::world::{World, duty, new_branch},
    },
};

fn world(limits: &Reckoning) -> World {
    let mut new = new_branch(Kind::Transfer, duty(), 0);
    new.opening.time_limits.clone_from(&limits.limits);
    World::opened(new)
}

fn explained(release: &pb::Release, view: &View, at: Timestamp) -> Explanation {
    explain(&view.time_limits[0], view, &rules(release), at)
}

#[test]
fn what_is_due_is_explained_by_rule_article_and_days() {
    let limit = rule("answer", "transfer_opened", "acknowledged", working_days(4));
    let release = release(vec![limit]);
    let asked = at("2026-04-29T02:00:00Z");
    let view = world(&reckoned(&release, &facts(Kind::Transfer, "2026-04-28T02:00:00Z", "2026-04-29T02:00:00Z")))
        .origin
        .view();
    let shown = explained(&release, &view, asked);
    assert_eq!((&*shown.rule, shown.citation.as_str()), ("answer", "Decree 56/2017/NĐ-CP art. 26.3"));
    assert_eq!((shown.start_event, shown.start), (Some(Start::Opened(Kind::Transfer)), asked));
    assert_eq!((shown.stop, shown.due), (Stop::Acknowledged, at("2026-05-08T17:00:00Z")));
    assert_eq!(shown.standing, Standing::Running(shown.due.duration_since(asked)));
    assert!(shown.is_as_ruled);
    let kinds = [
        ("2026-04-30", DayKind::Holiday),
        ("2026-05-01", DayKind::Holiday),
        ("2026-05-02", DayKind::Rest),
        ("2026-05-03", DayKind::Rest),
        ("2026-05-04", DayKind::Holiday),
        ("2026-05-05", DayKind::Worked),
        ("2026-05-06", DayKind::Worked),
        ("2026-05-07", DayKind::Worked),
        ("2026-05-08", DayKind::Worked),
    ];
    let day = |(date, kind): (&str, _)| Day { date: date.parse().unwrap(), kind, calendar: "office-2026".into() };
    assert_eq!(shown.days, kinds.map(day));
}

#[test]
fn the_days_of_two_years_name_the_calendar_that_they_are_of() {
    let release = release(vec![rule("answer", "transfer_opened", "acknowledged", working_days(2))]);
    let limits = reckoned(&release, &facts(Kind::Transfer, "2026-12-30T02:00:00Z", "2026-12-30T02:00:00Z"));
    let shown = explained(&release, &world(&limits).origin.view(), at("2026-12-30T02:00:00Z"));
    let calendars: Vec<_> = shown.days.iter().map(|day| &*day.calendar).collect();
    assert_eq!(calendars, ["office-2026", "office-2027", "office-2027", "office-2027", "office-2027"]);
}

#[test]
fn what_was_signed_is_shown_whatever_the_rules_at_hand_say() {
    let before = release(vec![rule("answer", "report_received", "acknowledged", hours(12))]);
    let limits = reckoned(&before, &facts(Kind::Transfer, "2026-04-28T02:00:00Z", "2026-04-29T02:00:00Z"));
    let view = world(&limits).origin.view();
    let due = at("2026-04-28T14:00:00Z");
    let longer = release(vec![rule("answer", "report_received", "acknowledged", hours(24))]);
    for (release, start, is_as_ruled) in [
        (&before, Some(Start::ReportReceived), true),
        (&longer, Some(Start::ReportReceived), false),
        (&release(Vec::new()), None, false),
    ] {
        let shown = explained(release, &view, due);
        assert_eq!((shown.due, shown.start_event, shown.is_as_ruled), (due, start, is_as_ruled));
        assert!(shown.days.is_empty(), "by the clock");
        assert_eq!(shown.standing, Standing::Passed(SignedDuration::ZERO), "and over, as the condition says");
    }
}

#[test]
fn a_limit_stands_as_the_branch_does() {
    let release = release(vec![rule("answer", "transfer_opened", "acknowledged", hours(12))]);
    // The world writes its answers two seconds after this.
    let opened = crate::referral::tests::world::time(0);
    let facts = |opened| Facts { kind: Kind::Transfer, reported: opened, opened, begun: Vec::new() };
    let after = opened + SignedDuration::from_secs(2);
    for (begun, late) in [(opened, None), (opened - SignedDuration::from_hours(12), Some(SignedDuration::from_secs(2)))]
    {
        let mut world = world(&reckoned(&release, &facts(begun)));
        world.deliver(Side::Recipient);
        world.act(Side::Recipient, Command::Acknowledge);
        world.deliver(Side::Origin);
        let shown = explained(&release, &world.origin.view(), later(after, 99));
        assert_eq!(shown.standing, Standing::Stopped { at: after, late });
    }
    let mut world = world(&reckoned(&release, &facts(opened)));
    world.act(Side::Origin, Command::EnterInError { reason: Mistake::Trial });
    assert_eq!(explained(&release, &world.origin.view(), later(after, 99)).standing, Standing::Ended);
}

#[test]
fn of_a_clock_that_is_not_believed_the_limit_ends_sooner() {
    let release = release(vec![rule("answer", "transfer_opened", "acknowledged", hours(12))]);
    let opened = crate::referral::tests::world::time(0);
    let facts = Facts { kind: Kind::Transfer, reported: opened, opened, begun: Vec::new() };
    let heard = later(opened, -240);
    let branch = world(&reckoned(&release, &facts)).origin.with_heard(heard);
    let shown = explained(&release, &branch.view(), later(heard, 11));
    assert_eq!(shown.standing, Standing::Running(SignedDuration::from_hours(1)));
}

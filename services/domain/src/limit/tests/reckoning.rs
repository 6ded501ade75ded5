//! What a branch carries of the rules, and what is refused.

use jiff::SignedDuration;
use nhipcau_proto::directory::v1 as pb;
use proptest::prelude::*;

use super::*;
use crate::{
    limit::{LIMITS, STEPS},
    reason,
    referral::{LadderStep, Refusal, Stop, Text, TimeLimit},
};

const NIGHT: &str = "2026-11-23T19:00:00Z";
const MORNING: &str = "2026-11-23T22:00:00Z";

fn transfer() -> Facts {
    facts(Kind::Transfer, NIGHT, MORNING)
}

fn one(limit: pb::TimeLimit, facts: &Facts) -> TimeLimit {
    let Reckoning { mut limits, refused } = reckoned(&release(vec![limit]), facts);
    assert_eq!((limits.len(), refused.len()), (1, 0), "{refused:?}");
    limits.remove(0)
}

fn refused(reckoning: &Reckoning) -> Vec<(&str, &str, &str)> {
    let refused = reckoning.refused.iter();
    refused.map(|refused| (&*refused.rule, refused.citation.as_str(), &*refused.reason)).collect()
}

#[test]
fn a_rule_holds_for_the_kind_whose_start_it_names_and_for_no_other() {
    let release = release(vec![
        rule("intake", "report_received", "service_started", hours(12)),
        rule("verify", "transfer_opened", "acknowledged", hours(12)),
        rule("reply", "referral_opened", "accepted", hours(12)),
        rule("unknown", "opened", "accepted", hours(12)),
        pb::TimeLimit {
            contract: "nhipcau.indicator.v1".into(),
            ..rule("elsewhere", "transfer_opened", "accepted", hours(12))
        },
    ]);
    let of = |kind| -> Vec<_> {
        let Reckoning { limits, refused } = reckoned(&release, &facts(kind, NIGHT, MORNING));
        assert!(refused.is_empty(), "{refused:?}");
        limits.into_iter().map(|limit| (limit.rule.to_string(), limit.stop)).collect()
    };
    let expected = [("intake".to_owned(), Stop::ServiceStarted), ("verify".to_owned(), Stop::Acknowledged)];
    assert_eq!(of(Kind::Transfer), expected);
    assert_eq!(of(Kind::Referral), [("reply".to_owned(), Stop::Decided)]);
    assert_eq!(of(Kind::Notification), []);
}

#[test]
fn the_clock_starts_with_the_report_and_not_with_its_typing() {
    let limit = one(rule("intake", "report_received", "service_started", hours(12)), &transfer());
    assert_eq!((limit.start, limit.due), (at(NIGHT), later(at(NIGHT), 12)));
    let limit = one(rule("verify", "transfer_opened", "acknowledged", hours(12)), &transfer());
    assert_eq!((limit.start, limit.due), (at(MORNING), later(at(MORNING), 12)), "a promise runs from the asking");
    let ahead = facts(Kind::Transfer, MORNING, NIGHT);
    let limit = one(rule("intake", "report_received", "service_started", hours(12)), &ahead);
    assert_eq!(limit.start, at(NIGHT), "no limit begins after its branch");
}

#[test]
fn a_further_branch_keeps_the_clock_of_its_need() {
    let limits = vec![
        rule("intake", "report_received", "service_started", hours(12)),
        pb::TimeLimit {
            escalation: vec![step(hours(2), Some("west")), step(hours(4), None)],
            ..rule("verify", "transfer_opened", "acknowledged", hours(12))
        },
    ];
    let first = reckoned(&release(limits.clone()), &transfer());
    // Hours later somebody else is asked, a report time has been corrected, and the directory counts otherwise.
    let now = later(at(MORNING), 2);
    let asked_again = Facts { reported: now, begun: first.limits.clone(), ..transfer() };
    let mut changed = limits.clone();
    changed.iter_mut().for_each(|limit| limit.limit = hours(48));
    changed.push(rule("further", "transfer_opened", "completed", hours(72)));
    let further = reckoned(&release(changed), &asked_again);
    assert_eq!(further.limits[..2], first.limits, "as they were signed, steps and all");
    assert_eq!(further.limits[2].start, at(MORNING), "what the directory added runs from when the need was opened");
    // A branch between them that had got a new clock changes nothing.
    let restarted = reckoned(&release(limits.clone()), &Facts { reported: now, opened: now, ..transfer() });
    let begun = restarted.limits.into_iter().chain(first.limits.clone()).collect();
    assert_eq!(reckoned(&release(limits), &Facts { begun, ..transfer() }), first);
    let gone = reckoned(&release(Vec::new()), &Facts { begun: first.limits.clone(), ..transfer() });
    assert_eq!(gone, Reckoning { limits: first.limits, refused: Vec::new() }, "nor does a release take it away");
}

#[test]
fn a_limit_without_its_calendar_is_refused_and_said() {
    let law = "Decree 56/2017/NĐ-CP art. 26.3";
    let unnamed = pb::TimeLimit {
        calendar: "office-2025".into(),
        ..rule("plan", "transfer_opened", "service_started", working_days(5))
    };
    let endless = rule("approve", "transfer_opened", "completed", working_days(500));
    let good = rule("intake", "report_received", "service_started", hours(12));
    let reckoning = reckoned(&release(vec![unnamed, endless, good]), &transfer());
    let expected = [("plan", law, reason::LIMIT_CALENDAR_MISSING), ("approve", law, reason::LIMIT_CALENDAR_ENDED)];
    assert_eq!(refused(&reckoning), expected);
    assert_eq!(reckoning.limits.len(), 1, "the others run all the same");
    let warned_later = pb::TimeLimit {
        warn_after: working_days(500),
        ..rule("intake", "report_received", "service_started", hours(12))
    };
    let reckoning = reckoned(&release(vec![warned_later]), &transfer());
    assert_eq!(refused(&reckoning), [("intake", law, reason::LIMIT_CALENDAR_ENDED)], "no half of a limit");
}

#[test]
fn a_transfer_without_any_rule_is_refused_its_limits_and_not_given_none() {
    let agreed = rule("reply", "referral_opened", "accepted", hours(12));
    let expired = pb::TimeLimit {
        validity: Some(pb::Validity {
            start_time: Some(prost_types::Timestamp::default()),
            expire_time: Some(prost_types::Timestamp { seconds: at(NIGHT).as_second(), nanos: 0 }),
        }),
        ..rule("intake", "report_received", "service_started", hours(12))
    };
    let release = release(vec![agreed, expired.clone()]);
    let reckoning = reckoned(&release, &transfer());
    assert_eq!(refused(&reckoning), [("", "", reason::LIMIT_RULE_MISSING)]);
    assert!(reckoning.limits.is_empty());
    let before = Facts { reported: later(at(NIGHT), -1), ..transfer() };
    assert_eq!(one(expired, &before).start, before.reported, "a rule holds by the time of its start");
    assert_eq!(reckoned(&release, &facts(Kind::Notification, NIGHT, MORNING)), Reckoning::default());
}

#[test]
fn a_rule_that_cannot_be_read_or_reckoned_is_refused_and_said() {
    let good = || rule("intake", "report_received", "service_started", hours(12));
    let bad = [
        pb::TimeLimit { stop_events: vec!["rain".into()], ..good() },
        pb::TimeLimit { limit: None, ..good() },
        pb::TimeLimit { limit: hours(i64::MAX / 3_600), ..good() },
        pb::TimeLimit { limit: hours(-1), ..good() },
        pb::TimeLimit { limit: working_days(0), ..good() },
        pb::TimeLimit { warn_after: Some(pb::Span { kind: None }), ..good() },
        pb::TimeLimit { warn_after: hours(-2), ..good() },
        pb::TimeLimit { escalation: vec![step(hours(1), None); STEPS + 1], ..good() },
        pb::TimeLimit { escalation: vec![step(hours(1), Some("No such unit"))], ..good() },
        pb::TimeLimit { legal_source: "x".repeat(201), ..good() },
        pb::TimeLimit { legal_source: String::new(), ..good() },
    ];
    for (number, limit) in bad.into_iter().enumerate() {
        let reckoning = reckoned(&release(vec![limit]), &transfer());
        let reasons: Vec<_> = reckoning.refused.iter().map(|refused| &*refused.reason).collect();
        assert_eq!((reckoning.limits.len(), reasons.as_slice()), (0, &[reason::LIMIT_RULE_UNREADABLE][..]), "{number}");
    }
}

#[test]
fn what_a_rule_leaves_open_happens_with_what_follows() {
    let limit = pb::TimeLimit {
        acknowledge_within: hours(1),
        ..rule("intake", "transfer_opened", "service_started", hours(12))
    };
    let limit = one(limit, &transfer());
    let at = |hours: i64| later(at(MORNING), hours);
    assert_eq!((limit.acknowledge_due, limit.warn, limit.escalate, limit.due), (at(1), at(12), at(12), at(12)));
    assert!(limit.steps.is_empty());
    let late = pb::TimeLimit {
        acknowledge_within: hours(40),
        warn_after: hours(30),
        escalation: vec![step(None, None), step(hours(5), Some("north")), step(hours(3), Some("west"))],
        ..rule("intake", "transfer_opened", "service_started", hours(12))
    };
    let late = one(late, &transfer());
    assert_eq!((late.acknowledge_due, late.warn, late.escalate, late.due), (at(3), at(3), at(3), at(12)));
    let step = |step: &LadderStep| (step.time, step.unit.as_ref().map(|unit| unit.unit.to_string()));
    let steps: Vec<_> = late.steps.iter().map(step).collect();
    let unit = |name: &str| Some(name.to_owned());
    assert_eq!(steps, [(at(3), unit("west")), (at(5), unit("north")), (at(12), None)], "in the order of their times");
}

#[test]
fn more_limits_than_a_branch_has_room_for_are_refused_and_not_dropped() {
    let limits = (0..40).map(|n| rule(&format!("r-{n}"), "transfer_opened", "acknowledged", hours(n + 1))).collect();
    let reckoning = reckoned(&release(limits), &transfer());
    assert_eq!((reckoning.limits.len(), reckoning.refused.len()), (LIMITS, LIMITS));
    assert!(reckoning.refused.iter().all(|refused| *refused.reason == *reason::TOO_MANY));
}

fn any_span() -> impl Strategy<Value = Option<pb::Span>> {
    let nanos = -10_000_000_000_000i64..2_000_000_000_000_000;
    let elapsed = nanos.prop_map(|nanos| {
        let span = SignedDuration::from_nanos(nanos);
        let elapsed = prost_types::Duration { seconds: span.as_secs(), nanos: span.subsec_nanos() };
        Some(pb::Span { kind: Some(span::Kind::Elapsed(elapsed)) })
    });
    prop_oneof![4 => elapsed, 3 => (0..60u32).prop_map(working_days), 1 => Just(None)]
}

proptest! {
    #[test]
    fn every_step_of_the_ladder_lies_inside_the_limit(
        limit in any_span(),
        acknowledge_within in any_span(),
        warn_after in any_span(),
        ladder in proptest::collection::vec((any_span(), prop::option::of("[a-z0-9-]{1,32}")), 0..10),
        opened in 0..34_000_000i64,
    ) {
        let limit = pb::TimeLimit {
            acknowledge_within,
            warn_after,
            escalation: ladder.into_iter().map(|(after, unit)| step(after, unit.as_deref())).collect(),
            ..rule("intake", "transfer_opened", "service_started", limit)
        };
        let opened = at("2026-01-01T00:00:00Z") + SignedDuration::from_secs(opened);
        let facts = Facts { kind: Kind::Transfer, reported: opened, opened, begun: Vec::new() };
        let Reckoning { limits, refused } = reckoned(&release(vec![limit.clone()]), &facts);
        prop_assert_eq!(limits.len() + refused.len(), 1, "one or the other");
        for reckoned in limits {
            prop_assert!(reckoned.is_ordered());
            prop_assert_eq!(reckoned.steps.len(), limit.escalation.len(), "none is lost");
            prop_assert!(reckoned.steps.iter().all(|step| (reckoned.start..=reckoned.due).contains(&step.time)));
            prop_assert!(Text::read(reckoned.citation.as_str(), 200, "", &mut Refusal::default()).is_some());
        }
    }
}

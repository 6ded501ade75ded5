//! What is due, as a person reads it.

use nhipcau_proto::google::r#type::Date;

use super::*;

fn at(text: &str) -> Option<prost_types::Timestamp> {
    Some(write_time(text.parse().unwrap()))
}

fn day(day: i32, kind: pb::CountedDayKind) -> pb::CountedDay {
    pb::CountedDay {
        date: Some(Date { year: 2026, month: 4, day }),
        kind: kind.into(),
        calendar: "office-2026".to_owned(),
    }
}

fn explained(standing: pb::TimeLimitStanding, seconds: i64) -> pb::ExplainedTimeLimit {
    pb::ExplainedTimeLimit {
        limit: Some(pb::TimeLimit {
            rule: "answer".to_owned(),
            citation: "điều 26".to_owned(),
            stop: pb::TimeLimitStop::Acknowledged.into(),
            start_time: at("2026-04-29T02:00:00Z"),
            acknowledge_due_time: at("2026-04-30T02:00:00Z"),
            warn_time: at("2026-05-01T02:00:00Z"),
            escalate_time: at("2026-05-02T02:00:00Z"),
            due_time: at("2026-05-03T02:00:00Z"),
            steps: Vec::new(),
            telephone_confirmation: None,
        }),
        start_event: "report_received".to_owned(),
        days: vec![day(30, pb::CountedDayKind::Holiday), day(29, pb::CountedDayKind::Worked)],
        standing: standing.into(),
        span: Some(prost_types::Duration { seconds, nanos: 0 }),
        stopped_time: None,
        as_ruled: true,
        clock_ahead: None,
    }
}

#[test]
fn a_person_reads_rule_source_start_skipped_days_times_and_what_is_left() {
    let hanoi = pb::UnitRef { party: "hanoi".to_owned(), unit: "00004".to_owned() };
    let level = |level, unit, rule: &str, reached| pb::LadderLevel {
        level,
        level_time: at("2026-05-02T02:00:00Z"),
        unit,
        rule: rule.to_owned(),
        stop: 0,
        reached,
        put_off_time: None,
    };
    let branch = pb::BranchTimeLimits {
        branch: "parties/moh/referrals/r/branches/b".to_owned(),
        recipient: Some(hanoi.clone()),
        state: pb::BranchState::Received.into(),
        limits: vec![
            explained(pb::TimeLimitStanding::Running, 5_400),
            pb::ExplainedTimeLimit { as_ruled: false, ..explained(pb::TimeLimitStanding::Passed, 86_400) },
        ],
        refusals: vec![pb::LimitRefusal {
            rule: "plan".to_owned(),
            citation: String::new(),
            reason: "LIMIT_CALENDAR_ENDED".to_owned(),
        }],
        ladder: vec![level(1, Some(hanoi), "answer", true), level(0, None, "", false)],
        escalation_level: 1,
        clock_ahead: None,
        telephone_acknowledgement: None,
    };
    let answer = pb::ExplainTimeLimitsResponse {
        name: "parties/moh/referrals/r".to_owned(),
        at_time: at("2026-04-29T03:00:00Z"),
        directory_version: 3,
        branches: vec![branch],
    };
    let times = "\n      report_received 2026-04-29T09:00:00+07:00, stopped by ACKNOWLEDGED\
        \n      a person acknowledges by 2026-04-30T09:00:00+07:00\n      warned 2026-05-01T09:00:00+07:00\
        \n      escalated 2026-05-02T09:00:00+07:00\n      due 2026-05-03T09:00:00+07:00\
        \n      skipped Thu 2026-04-30: holiday, by office-2026";
    let expected = format!(
        "parties/moh/referrals/r\n  at 2026-04-29T10:00:00+07:00 by release 3 of the directory\
        \n  → hanoi/00004: RECEIVED\n    parties/moh/referrals/r/branches/b\
        \n    answer (điều 26): 1h 30m left{times}\
        \n    answer (điều 26): OVERDUE since 24h{times}\
        \n      the directory at hand would not say so; what was signed holds\
        \n    plan: not computed, LIMIT_CALENDAR_ENDED\
        \n    level 1 2026-05-02T09:00:00+07:00: turn to hanoi/00004 (answer, reached)\
        \n    level 2026-05-02T09:00:00+07:00: turn to the level above (what was not computed)"
    );
    assert_eq!(Due(&answer).to_string(), expected);
}

#[test]
fn a_person_reads_what_was_said_by_telephone_and_what_it_puts_off() {
    let said = |confirmation_due_time| pb::RecordedTelephoneAcknowledgement {
        acknowledgement: Some(pb::TelephoneAcknowledgement {
            person: "can-bo-17".to_owned(),
            role: "officer".to_owned(),
            acknowledge_time: at("2026-04-29T02:00:00Z"),
        }),
        recorded_by: "can-bo-111".to_owned(),
        record_time: at("2026-04-29T02:05:00Z"),
        confirmation_due_time,
    };
    let shown = |confirmation| {
        let rung = pb::LadderLevel {
            level: 1,
            level_time: at("2026-04-29T03:00:00Z"),
            put_off_time: confirmation,
            ..pb::LadderLevel::default()
        };
        let branch = pb::BranchTimeLimits {
            telephone_acknowledgement: Some(said(confirmation)),
            ladder: vec![rung],
            ..pb::BranchTimeLimits::default()
        };
        let answer = pb::ExplainTimeLimitsResponse { branches: vec![branch], ..Default::default() };
        Due(&answer).to_string()
    };
    let confirmed = shown(at("2026-04-29T03:35:00Z"));
    assert!(confirmed.contains("taken by telephone 2026-04-29T09:00:00+07:00 by can-bo-17 as officer"), "{confirmed}");
    assert!(confirmed.contains("a person there confirms it by 2026-04-29T10:35:00+07:00"), "{confirmed}");
    assert!(confirmed.contains("waits until 2026-04-29T10:35:00+07:00"), "{confirmed}");
    let unruled = shown(None);
    assert!(unruled.contains("puts nothing off") && !unruled.contains("waits until"), "{unruled}");
}

#[test]
fn of_what_begins_with_an_answer_a_person_reads_neither_ladder_nor_acknowledgement() {
    let begun = pb::ExplainedTimeLimit {
        start_event: "acknowledged".to_owned(),
        clock_ahead: Some(prost_types::Duration { seconds: 7_200, nanos: 0 }),
        days: Vec::new(),
        ..explained(pb::TimeLimitStanding::Running, 5_400)
    };
    let branch = pb::BranchTimeLimits { limits: vec![begun], ..pb::BranchTimeLimits::default() };
    let answer = pb::ExplainTimeLimitsResponse { branches: vec![branch], ..pb::ExplainTimeLimitsResponse::default() };
    let text = Due(&answer).to_string();
    let expected = "\n    answer (điều 26): 1h 30m left\
        \n      acknowledged 2026-04-29T09:00:00+07:00, stopped by ACKNOWLEDGED\
        \n      the recipient's clock was 2h ahead: it counts so much earlier\
        \n      warned 2026-05-01T09:00:00+07:00\n      due 2026-05-03T09:00:00+07:00";
    assert!(text.ends_with(expected), "{text}");
}

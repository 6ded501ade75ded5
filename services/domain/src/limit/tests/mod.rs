//! Promises of time limits, over rules and calendars that were made up for them.

mod beginning;
mod climbing;
mod counting;
mod explaining;
mod reckoning;
mod telephoning;
mod unattended;

use jiff::{
    SignedDuration, Timestamp,
    civil::Date,
    tz::{TimeZone, offset},
};
use nhipcau_proto::{
    directory::v1::{self as pb, span},
    google,
};

use super::{Facts, Reckoning, Rules, reckon};
use crate::referral::Kind;

const CONTRACT: &str = "nhipcau.referral.v1";
const ZONE: &str = "Asia/Ho_Chi_Minh";

fn at(time: &str) -> Timestamp {
    time.parse().expect("a time")
}

fn later(time: Timestamp, hours: i64) -> Timestamp {
    time + SignedDuration::from_hours(hours)
}

fn day(date: Date) -> google::r#type::Date {
    google::r#type::Date { year: date.year().into(), month: date.month().into(), day: date.day().into() }
}

fn days(dates: &[&str]) -> Vec<google::r#type::Date> {
    dates.iter().map(|date| day(date.parse().expect("a date"))).collect()
}

/// A calendar of an office of a series. Its days off are made up.
fn year(name: &str, from: &str, until: &str, holidays: &[&str], instead: &[&str]) -> pb::Calendar {
    pb::Calendar {
        calendar: name.into(),
        time_zone: ZONE.into(),
        work_weekdays: vec![1, 2, 3, 4, 5],
        holidays: days(holidays),
        extra_work_dates: days(instead),
        start_date: days(&[from]).pop(),
        end_date: days(&[until]).pop(),
        series: "office".into(),
        ..pb::Calendar::default()
    }
}

fn offices() -> Vec<pb::Calendar> {
    let off = ["2026-04-30", "2026-05-01", "2026-05-04"];
    vec![
        year("office-2026", "2026-01-01", "2027-01-01", &off, &["2026-05-09"]),
        year("office-2027", "2027-01-01", "2027-02-01", &["2027-01-01"], &[]),
    ]
}

#[expect(clippy::unnecessary_wraps, reason = "a span is optional in most places")]
fn hours(hours: i64) -> Option<pb::Span> {
    let elapsed = prost_types::Duration { seconds: hours * 3_600, nanos: 0 };
    Some(pb::Span { kind: Some(span::Kind::Elapsed(elapsed)) })
}

#[expect(clippy::unnecessary_wraps, reason = "a span is optional in most places")]
fn working_days(days: u32) -> Option<pb::Span> {
    Some(pb::Span { kind: Some(span::Kind::WorkingDays(days)) })
}

fn step(after: Option<pb::Span>, unit: Option<&str>) -> pb::EscalationStep {
    let unit = unit.map(|unit| pb::UnitRef { party: "hanoi".into(), unit: unit.into() });
    pb::EscalationStep { after, unit }
}

fn rule(name: &str, start: &str, stop: &str, limit: Option<pb::Span>) -> pb::TimeLimit {
    pb::TimeLimit {
        time_limit: name.into(),
        contract: CONTRACT.into(),
        start_event: start.into(),
        stop_events: vec![stop.into()],
        limit,
        calendar: "office-2026".into(),
        legal_source: "Decree 56/2017/NĐ-CP art. 26.3".into(),
        validity: Some(pb::Validity { start_time: Some(prost_types::Timestamp::default()), expire_time: None }),
        ..pb::TimeLimit::default()
    }
}

fn release(time_limits: Vec<pb::TimeLimit>) -> pb::Release {
    pb::Release { time_limits, calendars: offices(), ..pb::Release::default() }
}

fn zone(name: &str) -> Option<TimeZone> {
    (name == ZONE).then(|| TimeZone::fixed(offset(7)))
}

fn rules(release: &pb::Release) -> Rules<'_> {
    Rules::of(release, CONTRACT, zone)
}

fn facts(kind: Kind, reported: &str, opened: &str) -> Facts {
    Facts { kind, reported: at(reported), opened: at(opened), begun: Vec::new() }
}

fn reckoned(release: &pb::Release, facts: &Facts) -> Reckoning {
    reckon(&rules(release), facts)
}

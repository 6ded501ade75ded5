//! Time limits of a new branch, computed once from the rules of the directory.
//!
//! A rule counts when it is of this contract, starts with the opening of a branch of this kind and is in force. One
//! whose times cannot be computed, because its calendar does not reach so far, gives no limit; an hour that cannot be
//! reckoned is not guessed.

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use nhipcau_domain::{
    directory::Release,
    referral::{Kind, Refusal, Stop, Text, TimeLimit},
};
use nhipcau_proto::{
    directory::v1::{self as pb, span},
    google,
};

use crate::CONTRACT;

/// Longest citation, in characters.
const CITATION: usize = 200;
/// Most limits of a branch.
const MOST: usize = 16;

/// The limits of a branch of this kind that is opened at `now`.
pub(crate) fn of_opening(release: &Release, kind: Kind, now: Timestamp) -> Vec<TimeLimit> {
    by_rules(release.wire(), kind, now)
}

fn by_rules(wire: &pb::Release, kind: Kind, now: Timestamp) -> Vec<TimeLimit> {
    let starts = |rule: &&pb::TimeLimit| rule.contract == CONTRACT && rule.start_event == kind.start_event();
    wire.time_limits
        .iter()
        .filter(starts)
        .filter(|rule| is_in_force(rule, now))
        .filter_map(|rule| limit(rule, &wire.calendars, now))
        .take(MOST)
        .collect()
}

fn is_in_force(rule: &pb::TimeLimit, now: Timestamp) -> bool {
    let at = |time: &Option<_>| time.as_ref().and_then(instant);
    rule.validity.as_ref().is_some_and(|validity| {
        at(&validity.start_time).is_some_and(|start| start <= now)
            && at(&validity.expire_time).is_none_or(|expire| now < expire)
    })
}

fn instant(time: &prost_types::Timestamp) -> Option<Timestamp> {
    Timestamp::new(time.seconds, time.nanos).ok()
}

fn limit(rule: &pb::TimeLimit, calendars: &[pb::Calendar], now: Timestamp) -> Option<TimeLimit> {
    let calendar = calendars.iter().find(|calendar| calendar.calendar == rule.calendar);
    let after = |span: Option<&pb::Span>, otherwise: Timestamp| match span {
        None => Some(otherwise),
        Some(span) => end(span, calendar, now),
    };
    let due = end(rule.limit.as_ref()?, calendar, now)?;
    // What a rule does not say happens with what follows it, and nothing later than that.
    let escalate = after(rule.escalation.first().and_then(|step| step.after.as_ref()), due)?.min(due);
    let warn = after(rule.warn_after.as_ref(), escalate)?.min(escalate);
    let acknowledge_due = after(rule.acknowledge_within.as_ref(), warn)?.min(warn);
    Some(TimeLimit {
        rule: rule.time_limit.as_str().into(),
        citation: Text::read(&rule.legal_source, CITATION, "citation", &mut Refusal::default())?,
        stop: stop(&rule.stop_events)?,
        start: now,
        acknowledge_due,
        warn,
        escalate,
        due,
    })
}

/// What stops a limit. Of several events the one that comes last in the life of a branch counts.
fn stop(events: &[String]) -> Option<Stop> {
    events.iter().filter_map(|event| Stop::of_event(event)).max()
}

/// When a span ends that begins now.
fn end(span: &pb::Span, calendar: Option<&pb::Calendar>, now: Timestamp) -> Option<Timestamp> {
    match span.kind.as_ref()? {
        span::Kind::Elapsed(elapsed) => now.checked_add(SignedDuration::new(elapsed.seconds, elapsed.nanos)).ok(),
        span::Kind::WorkingDays(days) => end_of_working_day(*days, calendar?, now),
    }
}

/// The end of the n-th working day after today.
fn end_of_working_day(days: u32, calendar: &pb::Calendar, now: Timestamp) -> Option<Timestamp> {
    let zone = TimeZone::get(&calendar.time_zone).ok()?;
    let (first, end) = (date(calendar.start_date.as_ref()?)?, date(calendar.end_date.as_ref()?)?);
    let mut day = zone.to_datetime(now).date();
    let mut left = days;
    while left > 0 {
        day = day.tomorrow().ok()?;
        if day < first || day >= end {
            return None;
        }
        left -= u32::from(is_worked(day, calendar));
    }
    zone.to_timestamp(day.tomorrow().ok()?.at(0, 0, 0, 0)).ok()
}

fn is_worked(day: Date, calendar: &pb::Calendar) -> bool {
    let is_named = |days: &[google::r#type::Date]| days.iter().filter_map(date).any(|named| named == day);
    let weekday = u32::from(day.weekday().to_monday_one_offset().unsigned_abs());
    is_named(&calendar.extra_work_dates) || calendar.work_weekdays.contains(&weekday) && !is_named(&calendar.holidays)
}

fn date(date: &google::r#type::Date) -> Option<Date> {
    Date::new(i16::try_from(date.year).ok()?, i8::try_from(date.month).ok()?, i8::try_from(date.day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(year: i32, month: i32, day: i32) -> google::r#type::Date {
        google::r#type::Date { year, month, day }
    }

    fn calendar() -> pb::Calendar {
        pb::Calendar {
            calendar: "vn".into(),
            time_zone: "Asia/Ho_Chi_Minh".into(),
            work_weekdays: vec![1, 2, 3, 4, 5],
            holidays: vec![day(2026, 11, 24)],
            extra_work_dates: vec![day(2026, 11, 28)],
            start_date: Some(day(2026, 1, 1)),
            end_date: Some(day(2027, 1, 1)),
            ..pb::Calendar::default()
        }
    }

    fn hours(hours: i64) -> Option<pb::Span> {
        let elapsed = prost_types::Duration { seconds: hours * 3_600, nanos: 0 };
        Some(pb::Span { kind: Some(span::Kind::Elapsed(elapsed)) })
    }

    fn rule() -> pb::TimeLimit {
        pb::TimeLimit {
            time_limit: "verify".into(),
            contract: CONTRACT.into(),
            start_event: "transfer_opened".into(),
            stop_events: vec!["acknowledged".into(), "service_started".into()],
            limit: hours(12),
            acknowledge_within: hours(1),
            legal_source: "Decree 56/2017/NĐ-CP art. 26".into(),
            validity: Some(pb::Validity { start_time: Some(prost_types::Timestamp::default()), expire_time: None }),
            ..pb::TimeLimit::default()
        }
    }

    const MONDAY: &str = "2026-11-23T08:00:00Z";

    #[test]
    fn a_rule_holds_for_the_kind_whose_opening_it_names_and_for_no_other() {
        let reply = pb::TimeLimit {
            time_limit: "reply".into(),
            start_event: "referral_opened".into(),
            stop_events: vec!["accepted".into(), "rejected".into()],
            ..rule()
        };
        let unknown = pb::TimeLimit { time_limit: "unknown".into(), start_event: "opened".into(), ..rule() };
        let elsewhere = pb::TimeLimit { contract: "nhipcau.indicator.v1".into(), ..rule() };
        let wire = pb::Release { time_limits: vec![rule(), reply, unknown, elsewhere], ..pb::Release::default() };
        let of = |kind| -> Vec<_> {
            let limits = by_rules(&wire, kind, MONDAY.parse().unwrap());
            limits.into_iter().map(|limit| (limit.rule.to_string(), limit.stop)).collect()
        };
        assert_eq!(of(Kind::Transfer), [("verify".to_owned(), Stop::ServiceStarted)]);
        assert_eq!(of(Kind::Referral), [("reply".to_owned(), Stop::Decided)]);
        assert_eq!(of(Kind::Notification), []);
    }

    #[test]
    fn what_a_rule_leaves_open_happens_with_what_follows() {
        let now: Timestamp = MONDAY.parse().unwrap();
        let limit = limit(&rule(), &[], now).unwrap();
        let at = |hours: i64| now + SignedDuration::from_hours(hours);
        assert_eq!((limit.acknowledge_due, limit.warn, limit.escalate, limit.due), (at(1), at(12), at(12), at(12)));
        assert_eq!(limit.stop, Stop::ServiceStarted);
        assert!(limit.is_ordered());
    }

    #[test]
    fn times_are_in_order_whatever_the_rule_says() {
        let rule = pb::TimeLimit { warn_after: hours(30), acknowledge_within: hours(40), ..rule() };
        assert!(limit(&rule, &[], MONDAY.parse().unwrap()).unwrap().is_ordered());
    }

    #[test]
    fn working_days_leave_out_holidays_and_count_days_worked_instead() {
        let now: Timestamp = MONDAY.parse().unwrap();
        let end = |days| end_of_working_day(days, &calendar(), now).map(|end| end.to_string());
        assert_eq!(end(1).as_deref(), Some("2026-11-25T17:00:00Z"), "the Wednesday, because Tuesday is a holiday");
        assert_eq!(end(4).as_deref(), Some("2026-11-28T17:00:00Z"), "the Saturday that is worked");
        assert_eq!(end(60), None, "beyond what the calendar speaks for nothing is guessed");
    }

    #[test]
    fn a_rule_that_nothing_stops_here_gives_no_limit() {
        let rule = pb::TimeLimit { stop_events: vec!["rain".into()], ..rule() };
        assert!(limit(&rule, &[], MONDAY.parse().unwrap()).is_none());
    }
}

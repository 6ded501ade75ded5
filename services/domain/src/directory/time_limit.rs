//! Checks the time limits and calendars of a release. Due times are computed in [`crate::limit`].

use std::collections::BTreeSet;
use std::fmt::Arguments;

use nhipcau_proto::{directory::v1 as pb, google::r#type::Date};
use pb::span::Kind;

use super::read;
use super::violation::{Problem, Violations};
use crate::{
    limit::STEPS,
    referral::{CITATION, Refusal, Text},
};

pub(super) fn check(wire: &pb::Release, found: &mut Violations) {
    let mut calendars = BTreeSet::new();
    for (i, calendar) in wire.calendars.iter().enumerate() {
        let path = format_args!("calendars[{i}]");
        let fresh = calendars.insert(calendar.calendar.as_str());
        found.require(fresh, Problem::Repeated, format_args!("{path}.calendar"));
        check_calendar(calendar, found, path);
        let earlier = wire.calendars.iter().take(i);
        earlier.for_each(|earlier| check_series(earlier, calendar, found, path));
    }
    let contracts: BTreeSet<&str> = wire.contracts.iter().map(|entry| entry.contract.as_str()).collect();
    let units: BTreeSet<(&str, &str)> =
        wire.units.iter().map(|unit| (unit.party.as_str(), unit.unit.as_str())).collect();
    let mut limits = BTreeSet::new();
    for (i, limit) in wire.time_limits.iter().enumerate() {
        let path = format_args!("time_limits[{i}]");
        let fresh = limits.insert(limit.time_limit.as_str());
        found.require(fresh, Problem::Repeated, format_args!("{path}.time_limit"));
        let contract = contracts.contains(limit.contract.as_str());
        found.require(contract, Problem::Unresolved, format_args!("{path}.contract"));
        let calendar = limit.calendar.is_empty() || calendars.contains(limit.calendar.as_str());
        found.require(calendar, Problem::Unresolved, format_args!("{path}.calendar"));
        for (j, step) in limit.escalation.iter().enumerate() {
            let there = step.unit.as_ref().is_none_or(|u| units.contains(&(u.party.as_str(), u.unit.as_str())));
            found.require(there, Problem::Unresolved, format_args!("{path}.escalation[{j}].unit"));
        }
        check_limit(limit, found, path);
    }
}

fn check_calendar(calendar: &pb::Calendar, found: &mut Violations, path: Arguments<'_>) {
    found.require(read::is_label(&calendar.calendar), Problem::Syntax, format_args!("{path}.calendar"));
    found.require(is_time_zone(&calendar.time_zone), Problem::Syntax, format_args!("{path}.time_zone"));
    let is_series = calendar.series.is_empty() || read::is_label(&calendar.series);
    found.require(is_series, Problem::Syntax, format_args!("{path}.series"));
    let mut seen = BTreeSet::new();
    for (j, day) in calendar.work_weekdays.iter().enumerate() {
        let path = format_args!("{path}.work_weekdays[{j}]");
        found.require((1..=7).contains(day), Problem::Range, path);
        found.require(seen.insert(day), Problem::Repeated, path);
    }
    found.require(!seen.is_empty(), Problem::Missing, format_args!("{path}.work_weekdays"));
    for (j, day) in calendar.holidays.iter().enumerate() {
        read::date(Some(day), found, format_args!("{path}.holidays[{j}]"));
    }
    for (j, day) in calendar.extra_work_dates.iter().enumerate() {
        read::date(Some(day), found, format_args!("{path}.extra_work_dates[{j}]"));
    }
    // A calendar says for which days it was drawn up: a holiday decree is not guessed ahead.
    found.require(calendar.start_date.is_some(), Problem::Missing, format_args!("{path}.start_date"));
    found.require(calendar.end_date.is_some(), Problem::Missing, format_args!("{path}.end_date"));
    read::days(calendar.start_date.as_ref(), calendar.end_date.as_ref(), found, path);
}

/// The calendars of a series count in one time zone, and each speaks for days of its own.
fn check_series(earlier: &pb::Calendar, calendar: &pb::Calendar, found: &mut Violations, path: Arguments<'_>) {
    if calendar.series.is_empty() || earlier.series != calendar.series {
        return;
    }
    found.require(earlier.time_zone == calendar.time_zone, Problem::Differs, format_args!("{path}.time_zone"));
    let order = |date: &Date| (date.year, date.month, date.day);
    let ends = |first: &pb::Calendar, second: &pb::Calendar| {
        let (end, start) = (first.end_date.as_ref().map(order), second.start_date.as_ref().map(order));
        end.is_none() || start.is_none() || end <= start
    };
    let is_apart = ends(earlier, calendar) || ends(calendar, earlier);
    found.require(is_apart, Problem::Repeated, format_args!("{path}.start_date"));
}

fn check_limit(limit: &pb::TimeLimit, found: &mut Violations, path: Arguments<'_>) {
    found.require(read::is_label(&limit.time_limit), Problem::Syntax, format_args!("{path}.time_limit"));
    found.require(read::is_code(&limit.start_event), Problem::Syntax, format_args!("{path}.start_event"));
    found.require(!limit.stop_events.is_empty(), Problem::Missing, format_args!("{path}.stop_events"));
    for (j, event) in limit.stop_events.iter().enumerate() {
        found.require(read::is_code(event), Problem::Syntax, format_args!("{path}.stop_events[{j}]"));
    }
    found.require(!limit.legal_source.is_empty(), Problem::Missing, format_args!("{path}.legal_source"));
    // It is carried with every limit.
    let is_citation = Text::read_or_empty(&limit.legal_source, CITATION, "", &mut Refusal::default()).is_some();
    found.require(is_citation, Problem::Syntax, format_args!("{path}.legal_source"));
    found.require(limit.escalation.len() <= STEPS, Problem::Range, format_args!("{path}.escalation"));
    read::validity(limit.validity.as_ref(), found, format_args!("{path}.validity"));

    let whole = limit.limit.as_ref();
    found.require(whole.is_some(), Problem::Missing, format_args!("{path}.limit"));
    let mut span = |span: Option<&pb::Span>, path: Arguments<'_>| {
        let Some(span) = span else { return };
        found.require(is_span(span), Problem::Range, path);
        let counted = !matches!(span.kind, Some(Kind::WorkingDays(_))) || !limit.calendar.is_empty();
        found.require(counted, Problem::Missing, path);
        found.require(lies_inside(span, whole), Problem::Range, path);
    };
    span(whole, format_args!("{path}.limit"));
    span(limit.acknowledge_within.as_ref(), format_args!("{path}.acknowledge_within"));
    span(limit.warn_after.as_ref(), format_args!("{path}.warn_after"));
    let confirmation = limit.telephone_confirmation.map(|span| pb::Span { kind: Some(Kind::Elapsed(span)) });
    span(confirmation.as_ref(), format_args!("{path}.telephone_confirmation"));
    for (j, step) in limit.escalation.iter().enumerate() {
        span(step.after.as_ref(), format_args!("{path}.escalation[{j}].after"));
    }
}

fn is_span(span: &pb::Span) -> bool {
    match &span.kind {
        None => false,
        Some(Kind::WorkingDays(days)) => *days > 0,
        Some(Kind::Elapsed(elapsed)) => {
            (0..1_000_000_000).contains(&elapsed.nanos)
                && elapsed.seconds >= 0
                && (elapsed.seconds, elapsed.nanos) > (0, 0)
        }
    }
}

/// Spans counted alike are compared; of working days and hours only a calendar knows.
fn lies_inside(span: &pb::Span, whole: Option<&pb::Span>) -> bool {
    match (&span.kind, whole.and_then(|whole| whole.kind.as_ref())) {
        (Some(Kind::WorkingDays(days)), Some(Kind::WorkingDays(whole))) => days <= whole,
        (Some(Kind::Elapsed(elapsed)), Some(Kind::Elapsed(whole))) => {
            (elapsed.seconds, elapsed.nanos) <= (whole.seconds, whole.nanos)
        }
        _ => true,
    }
}

fn is_time_zone(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'+' | b'-'))
}

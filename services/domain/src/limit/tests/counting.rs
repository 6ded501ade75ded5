//! Working days, against dates that were counted by another program and against counting day by day.

use jiff::{
    civil::{Date, date},
    tz::{TimeZone, offset},
};
use nhipcau_proto::directory::v1 as pb;
use proptest::prelude::*;

use super::*;
use crate::{
    limit::calendar::{Calendars, DayKind},
    reason,
};

/// Around two holidays in a row, a Monday off after them and the Saturday that is worked for it.
const GOLDEN: [(&str, u32, &str); 20] = [
    ("2026-04-24T01:00:00Z", 1, "2026-04-27T17:00:00Z"),
    ("2026-04-24T01:00:00Z", 4, "2026-05-05T17:00:00Z"),
    ("2026-04-28T16:59:59Z", 1, "2026-04-29T17:00:00Z"),
    ("2026-04-28T17:00:00Z", 1, "2026-05-05T17:00:00Z"),
    ("2026-04-29T02:00:00Z", 1, "2026-05-05T17:00:00Z"),
    ("2026-04-29T16:59:59Z", 2, "2026-05-06T17:00:00Z"),
    ("2026-04-29T17:00:00Z", 1, "2026-05-05T17:00:00Z"),
    ("2026-04-30T08:00:00Z", 1, "2026-05-05T17:00:00Z"),
    ("2026-04-30T08:00:00Z", 5, "2026-05-09T17:00:00Z"),
    ("2026-05-01T00:00:00Z", 2, "2026-05-06T17:00:00Z"),
    ("2026-05-01T16:59:59Z", 1, "2026-05-05T17:00:00Z"),
    ("2026-05-02T03:00:00Z", 1, "2026-05-05T17:00:00Z"),
    ("2026-05-03T17:00:00Z", 1, "2026-05-05T17:00:00Z"),
    ("2026-05-04T10:00:00Z", 4, "2026-05-08T17:00:00Z"),
    ("2026-05-05T01:00:00Z", 3, "2026-05-08T17:00:00Z"),
    ("2026-05-05T01:00:00Z", 4, "2026-05-09T17:00:00Z"),
    ("2026-05-07T16:59:59Z", 2, "2026-05-09T17:00:00Z"),
    ("2026-05-08T09:30:00Z", 1, "2026-05-09T17:00:00Z"),
    ("2026-05-09T09:30:00Z", 1, "2026-05-11T17:00:00Z"),
    ("2026-05-09T17:00:00Z", 5, "2026-05-15T17:00:00Z"),
];

fn due(calendars: &[pb::Calendar], name: &str, days: u32, opened: &str) -> Result<String, String> {
    let limit =
        pb::TimeLimit { calendar: name.into(), ..rule("reply", "referral_opened", "accepted", working_days(days)) };
    let release = pb::Release { time_limits: vec![limit], calendars: calendars.to_vec(), ..pb::Release::default() };
    let Reckoning { limits, refused } = reckoned(&release, &facts(Kind::Referral, opened, opened));
    match (limits.as_slice(), refused.as_slice()) {
        ([limit], []) => Ok(limit.due.to_string()),
        ([], [refused]) => Err(refused.reason.to_string()),
        _ => panic!("one or the other: {limits:?} {refused:?}"),
    }
}

#[test]
fn working_days_leave_out_holidays_and_count_days_worked_instead() {
    for (opened, days, expected) in GOLDEN {
        assert_eq!(due(&offices(), "office-2026", days, opened).as_deref(), Ok(expected), "{days} after {opened}");
    }
}

#[test]
fn the_calendars_of_a_series_continue_each_other_and_nothing_is_counted_beyond_them() {
    let offices = offices();
    let december = |days| due(&offices, "office-2026", days, "2026-12-30T02:00:00Z");
    assert_eq!(december(1).as_deref(), Ok("2026-12-31T17:00:00Z"));
    assert_eq!(december(2).as_deref(), Ok("2027-01-04T17:00:00Z"), "in the next year, after its holiday");
    assert_eq!(december(21).as_deref(), Ok("2027-01-29T17:00:00Z"), "the last one that a calendar speaks for");
    assert_eq!(december(22), Err(reason::LIMIT_CALENDAR_ENDED.into()), "a holiday decree is not guessed ahead");
    assert_eq!(december(u32::MAX), Err(reason::LIMIT_CALENDAR_ENDED.into()));
    let alone = &offices[..1];
    assert_eq!(due(alone, "office-2026", 2, "2026-12-30T02:00:00Z"), Err(reason::LIMIT_CALENDAR_ENDED.into()));
    let next = due(&offices, "office-2027", 2, "2026-12-30T02:00:00Z");
    assert_eq!(next, december(2), "whichever of them is named");
    let mut gap = offices.clone();
    gap[1].start_date = days(&["2027-01-02"]).pop();
    assert_eq!(due(&gap, "office-2026", 2, "2026-12-30T02:00:00Z"), Err(reason::LIMIT_CALENDAR_ENDED.into()));
}

#[test]
fn a_calendar_that_is_not_there_or_cannot_be_read_is_missing_and_not_guessed() {
    let mut offices = offices();
    assert_eq!(due(&offices, "office-2025", 1, "2026-05-05T01:00:00Z"), Err(reason::LIMIT_CALENDAR_MISSING.into()));
    offices[0].time_zone = "Asia/Nowhere".into();
    assert_eq!(due(&offices, "office-2026", 1, "2026-05-05T01:00:00Z"), Err(reason::LIMIT_CALENDAR_MISSING.into()));
}

/// The end of the n-th worked day after a day, counted one by one from what a calendar lists.
fn counted(calendar: &pb::Calendar, start: Date, days: u32) -> Option<Date> {
    let is_listed = |list: &[_], date: Date| list.contains(&day(date));
    let (first, end) = (calendar.start_date.unwrap(), calendar.end_date.unwrap());
    let order = |date: google::r#type::Date| (date.year, date.month, date.day);
    let mut date = start;
    let mut worked = 0;
    while worked < days {
        date = date.tomorrow().ok()?;
        if order(day(date)) < order(first) || order(day(date)) >= order(end) {
            return None;
        }
        let number = date.weekday().to_monday_one_offset();
        let on_weekday = calendar.work_weekdays.contains(&u32::try_from(number).unwrap());
        let works = on_weekday && !is_listed(&calendar.holidays, date) || is_listed(&calendar.extra_work_dates, date);
        worked += u32::from(works);
    }
    Some(date)
}

fn any_day() -> impl Strategy<Value = Date> {
    (1..=12i8, 1..=28i8).prop_map(|(month, day)| date(2026, month, day))
}

fn any_calendar() -> impl Strategy<Value = pb::Calendar> {
    let listed = || proptest::collection::vec(any_day(), 0..40);
    let weekdays = proptest::collection::btree_set(1..=7u32, 0..=7);
    (weekdays, listed(), listed(), any_day(), any_day()).prop_map(|(weekdays, off, instead, from, until)| {
        pb::Calendar {
            work_weekdays: weekdays.into_iter().collect(),
            holidays: off.into_iter().map(day).collect(),
            extra_work_dates: instead.into_iter().map(day).collect(),
            start_date: Some(day(from)),
            end_date: Some(day(until)),
            ..year("office-2026", "2026-01-01", "2027-01-01", &[], &[])
        }
    })
}

proptest! {
    #[test]
    fn working_days_are_the_same_counted_day_by_day(
        calendar in any_calendar(),
        start in any_day(),
        hour in 0..24i8,
        days in 1..60u32,
    ) {
        let zone = TimeZone::fixed(offset(7));
        let from = zone.to_timestamp(start.at(hour, 30, 0, 0)).unwrap();
        let expected = counted(&calendar, start, days).map(|last| {
            zone.to_timestamp(last.tomorrow().unwrap().at(0, 0, 0, 0)).unwrap()
        });
        let release = pb::Release { calendars: vec![calendar], ..pb::Release::default() };
        let rules = rules(&release);
        let calendars = Calendars::named(&rules, "office-2026").unwrap();
        prop_assert_eq!(calendars.end(days, from), expected);
        if let Some(due) = expected {
            let looked_at = calendars.days(from, due);
            prop_assert_eq!(looked_at.iter().filter(|day| day.kind.is_worked()).count(), days as usize);
            prop_assert!(looked_at.windows(2).all(|pair| pair[0].date.tomorrow().ok() == Some(pair[1].date)));
            prop_assert!(looked_at.last().is_some_and(|last| last.kind != DayKind::Rest && last.kind != DayKind::Holiday));
        }
    }
}

//! Periods cover what the calendar says they cover.

use crate::indicator::{Granularity, InvalidPeriod, Period, PeriodRange};
use jiff::civil::date;

fn period(text: &str) -> Period {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn a_frequency_says_how_long_a_period_is_where_every_list_agrees() {
    let all =
        [("A", "2024"), ("S", "2024-S1"), ("Q", "2024-Q1"), ("M", "2024-01"), ("W", "2024-W01"), ("D", "2024-01-01")];
    for (code, example) in all {
        assert_eq!(Granularity::of_frequency(code), Some(period(example).granularity()), "{code}");
    }
    for code in ["", "a", "H", "B", "A5", "M2", "_O"] {
        assert_eq!(Granularity::of_frequency(code), None, "{code}");
    }
}

#[test]
fn each_form_covers_its_days() {
    let cases = [
        ("2024", Granularity::Year, date(2024, 1, 1), date(2024, 12, 31)),
        ("2024-S2", Granularity::Half, date(2024, 7, 1), date(2024, 12, 31)),
        ("2024-Q1", Granularity::Quarter, date(2024, 1, 1), date(2024, 3, 31)),
        ("2024-02", Granularity::Month, date(2024, 2, 1), date(2024, 2, 29)),
        ("2024-W01", Granularity::Week, date(2024, 1, 1), date(2024, 1, 7)),
        ("2025-W01", Granularity::Week, date(2024, 12, 30), date(2025, 1, 5)),
        ("2020-W53", Granularity::Week, date(2020, 12, 28), date(2021, 1, 3)),
        ("2024-02-29", Granularity::Day, date(2024, 2, 29), date(2024, 2, 29)),
    ];
    for (text, granularity, first, last) in cases {
        let period = period(text);
        assert_eq!((period.granularity(), period.first_day(), period.last_day()), (granularity, first, last));
        assert_eq!(period.to_string(), text);
    }
}

#[test]
fn two_spellings_of_a_period_are_equal_and_written_the_short_way() {
    for (long, short) in [("2024-A1", "2024"), ("2024-M07", "2024-07"), ("2024-D366", "2024-12-31")] {
        assert_eq!(period(long), period(short));
        assert_eq!(period(long).to_string(), short);
    }
}

#[test]
fn what_the_calendar_does_not_have_is_refused() {
    for text in [
        "",
        "24",
        "02024",
        "2024-",
        "2024-A2",
        "2024-S3",
        "2024-S0",
        "2024-Q5",
        "2024-13",
        "2024-00",
        "2024-1",
        "2024-W53",
        "2024-W00",
        "2024-W1",
        "2023-02-29",
        "2024-D000",
        "2023-D366",
        "2024-T1",
        "2024/01",
        "2024-01-1",
        "2024-Q01",
        "2024-01-01T00:00:00",
        " 2024",
        "٢٠٢٤",
        "2024-QÁ",
    ] {
        assert_eq!(text.parse::<Period>(), Err(InvalidPeriod), "{text}");
    }
}

#[test]
fn order_is_by_first_day_and_the_longer_first() {
    let ordered = ["2023-12-31", "2024", "2024-S1", "2024-Q1", "2024-01", "2024-W01", "2024-01-01", "2024-01-02"];
    for pair in ordered.windows(2) {
        assert!(period(pair[0]) < period(pair[1]), "{pair:?}");
    }
}

#[test]
fn a_range_takes_periods_that_lie_wholly_in_it() {
    assert!(period("2024").contains(&period("2024-Q4")));
    assert!(!period("2024").contains(&period("2025-W01")));
    let range = PeriodRange { start: Some(period("2024-Q2")), end: Some(period("2024")) };
    assert!(range.contains(&period("2024-04")) && range.contains(&period("2024-S2")));
    assert!(!range.contains(&period("2024")) && !range.contains(&period("2024-03-31")));
    assert!(PeriodRange::default().contains(&period("1997")));
}

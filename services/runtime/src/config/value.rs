//! Durations and sizes as people write them.
//!
//! Whole numbers with a unit and nothing else: what could be read in two ways is refused.

use std::time::Duration;

/// Reads `250ms`, `30s`, `15m` or `2h`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        "h" => number.checked_mul(3600).map(Duration::from_secs),
        _ => None,
    }
}

/// Reads `512B`, `64KiB` or `1MiB` as a number of bytes.
pub(super) fn size(text: &str) -> Option<usize> {
    let (number, unit) = split(text)?;
    let scale: u64 = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    usize::try_from(number.checked_mul(scale)?).ok()
}

fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(end)?;
    Some((number.parse().ok()?, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_are_read_with_their_units() {
        assert_eq!(duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(duration("15m"), Some(Duration::from_secs(900)));
        assert_eq!(duration("2h"), Some(Duration::from_secs(7200)));
        assert_eq!(size("512B"), Some(512));
        assert_eq!(size("4MiB"), Some(4 << 20));
    }

    #[test]
    fn numbers_without_a_unit_or_with_another_one_are_refused() {
        for text in ["", "30", "s", "-1s", "1.5s", "30 s", "30S", "99999999999999999999s"] {
            assert_eq!(duration(text), None, "{text}");
        }
        for text in ["", "1", "1MB", "1mib", "99999999999GiB"] {
            assert_eq!(size(text), None, "{text}");
        }
    }
}

//! The disk below the store: how much is free, whether it keeps what it confirms, how long it takes to; and whether
//! its clock is the system's.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use nhipcau_runtime::{clock::Clock, config::Config};
use rustix::fs::{statfs, statvfs};

use crate::check::Finding;

/// Commits tried.
const COMMITS: usize = 32;

/// What a commit writes at least: a page.
const PAGE: [u8; 4096] = [0; 4096];

/// `TMPFS_MAGIC` and `RAMFS_MAGIC` of linux/magic.h: file systems in memory.
const IN_MEMORY: [u64; 2] = [0x0102_1994, 0x8584_58f6];

/// Free space below which a case a minute would soon be too many, and below which the store will stop.
const LITTLE: u64 = 5 << 30;
const TOO_LITTLE: u64 = 512 << 20;

/// A commit that takes longer makes every answer slow.
const SLOW: Duration = Duration::from_millis(20);

/// No disk that keeps what it confirms is faster than this.
const INCREDIBLE: Duration = Duration::from_micros(20);

/// File system and system may differ by this much.
const CLOCK_TOLERANCE_SECONDS: i64 = 5;

/// Looks at the disk of the store.
pub(super) fn look(config: &Config, clock: &Clock, production: bool) -> Vec<Finding> {
    let parent = config.store.path.parent().filter(|parent| parent.is_dir());
    let place = parent.unwrap_or(&config.home);
    let measured = || -> io::Result<Vec<Finding>> {
        let mut found = vec![free(place)?];
        found.extend(kind(place, production)?);
        let (median, written) = probe(place)?;
        found.push(commits(median));
        found.extend(written.map(|written| time(written, clock.now())));
        Ok(found)
    };
    measured().unwrap_or_else(|error| {
        let what = format!("{} cannot be measured: {}", place.display(), error.kind());
        vec![Finding::problem("disk", what, "make the home of the access point and run doctor as the service's user")]
    })
}

fn free(place: &Path) -> io::Result<Finding> {
    let facts = statvfs(place)?;
    let free = facts.f_bavail.saturating_mul(facts.f_frsize);
    let what = format!("{} MiB are free for the store", free >> 20);
    let advice = "make room; a full disk stops the access point, and nothing is lost but time";
    Ok(match free {
        ..TOO_LITTLE => Finding::problem("disk", what, advice),
        TOO_LITTLE..LITTLE => Finding::warning("disk", what, advice),
        LITTLE.. => Finding::good("disk", what),
    })
}

fn kind(place: &Path, production: bool) -> io::Result<Option<Finding>> {
    let kind = statfs(place)?.f_type;
    if !IN_MEMORY.iter().any(|memory| u64::try_from(kind).is_ok_and(|kind| kind == *memory)) {
        return Ok(None);
    }
    let (what, advice) = ("the store lies in memory and is gone after a restart", "put the home on a disk");
    Ok(Some(if production { Finding::problem("disk", what, advice) } else { Finding::warning("disk", what, advice) }))
}

/// The median time of a commit, and the file system's time of the last one.
fn probe(place: &Path) -> io::Result<(Duration, Option<Timestamp>)> {
    let path = Probe(place.join(format!(".doctor-{}", std::process::id())));
    let mut file = File::create_new(&path.0)?;
    let mut times = Vec::with_capacity(COMMITS);
    for _ in 0..COMMITS {
        let begun = Instant::now();
        file.write_all(&PAGE)?;
        file.sync_data()?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    let median = times.get(COMMITS / 2).copied().unwrap_or_default();
    Ok((median, file.metadata()?.modified().ok().and_then(|time| Timestamp::try_from(time).ok())))
}

/// Goes away whatever happens.
struct Probe(PathBuf);

impl Drop for Probe {
    fn drop(&mut self) {
        // A file that cannot be removed is named so that a person sees whose it is.
        drop(fs::remove_file(&self.0));
    }
}

fn commits(median: Duration) -> Finding {
    let what = format!("a commit to the disk takes {:.2} ms", median.as_secs_f64() * 1000.0);
    if median < INCREDIBLE {
        let advice = "make sure that the disk keeps what it confirms: no volatile write cache without a battery";
        Finding::warning("disk", what, advice)
    } else if median > SLOW {
        Finding::warning("disk", what, "use a local disk with a protected write cache; every answer waits for a commit")
    } else {
        Finding::good("disk", what)
    }
}

fn time(written: Timestamp, now: Timestamp) -> Finding {
    let seconds = now.duration_since(written).as_secs();
    if seconds.abs() <= CLOCK_TOLERANCE_SECONDS {
        return Finding::good("clock", "the file system has the system's time");
    }
    let what = format!("the file system's time differs from the system's by {seconds} s");
    Finding::warning("clock", what, "have both set by the same time service")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Severity;

    #[test]
    fn a_probe_measures_and_leaves_nothing_behind() {
        let home = tempfile::tempdir().unwrap();
        let (median, written) = probe(home.path()).unwrap();
        assert!(median > Duration::ZERO && written.is_some());
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    }

    #[test]
    fn commits_that_are_slow_or_too_good_to_be_true_are_warned_of() {
        let severity = |micros| commits(Duration::from_micros(micros)).severity;
        assert_eq!(
            [severity(5), severity(800), severity(50_000)],
            [Severity::Warning, Severity::Good, Severity::Warning]
        );
    }

    #[test]
    fn clocks_that_differ_are_warned_of_in_both_directions() {
        let now: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        let later: Timestamp = "2026-11-23T08:01:00Z".parse().unwrap();
        assert_eq!(time(now, later).severity, Severity::Warning);
        assert_eq!(time(later, now).severity, Severity::Warning);
        assert_eq!(time(now, now).severity, Severity::Good);
    }
}

//! The clock of an access point of a sandbox, which a file sets ahead or behind: stories of days are played in seconds.
//!
//! Nowhere else: who can write a file must not be able to stop the time that the law runs by.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicI64, Ordering},
};

use jiff::{SignedDuration, Timestamp};
use nhipcau_runtime::{clock::Clock, config::Config};

use crate::exit::{Code, Failure};

/// Ten years: no story lasts longer, and no time leaves its range.
const FARTHEST: i64 = 10 * 366 * 24 * 3_600;

/// The system's clock, ahead by so many seconds as the file `clock` in an access point's home says. It is read each
/// time, so that whoever has set it is answered by it.
///
/// # Errors
/// When that home is not one of a sandbox with its store and keys in it, or the file cannot be read.
pub(super) fn of_file(path: PathBuf, config: &Config) -> Result<Clock, Failure> {
    let home = &config.home;
    let sandbox = home.parent().map(|sandbox| sandbox.join("endpoints.json"));
    let is_own = sandbox.is_some_and(|endpoints| endpoints.exists())
        && path == home.join("clock")
        && config.directory.path.starts_with(home);
    if !is_own {
        let text = "only the access points of a sandbox have a clock of their own";
        return Err(Failure::because(Code::Configuration, text));
    }
    let missing = || Failure::because(Code::Configuration, format!("{} says no number of seconds", path.display()));
    let ahead = AtomicI64::new(read(&path).ok_or_else(missing)?);
    Ok(Clock::new(move || {
        if let Some(seconds) = read(&path) {
            ahead.store(seconds, Ordering::Relaxed);
        }
        Timestamp::now() + SignedDuration::from_secs(ahead.load(Ordering::Relaxed))
    }))
}

fn read(path: &Path) -> Option<i64> {
    let seconds: i64 = fs::read_to_string(path).ok()?.trim().parse().ok()?;
    Some(seconds.clamp(-FARTHEST, FARTHEST))
}

//! The clock of an access point of a sandbox, which a file sets ahead or behind: stories of days are played in seconds.
//!
//! Nowhere else: who can write a file must not be able to stop the time that the law runs by.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use nhipcau_runtime::clock::Clock;
use tokio::time::interval;

use crate::exit::{Code, Failure};

/// How often the file is read.
const EVERY: Duration = Duration::from_millis(100);

/// The system's clock, ahead by so many seconds as a file in an access point's home of a sandbox says, which is read
/// again and again.
///
/// # Errors
/// When the file does not lie in a sandbox, or cannot be read.
pub(super) fn of_file(path: PathBuf) -> Result<Clock, Failure> {
    let sandbox = path.parent().and_then(Path::parent).map(|home| home.join("endpoints.json"));
    if !sandbox.is_some_and(|endpoints| endpoints.exists()) {
        return Err(Failure::because(
            Code::Configuration,
            "only the access points of a sandbox have a clock of their own",
        ));
    }
    let missing = || Failure::because(Code::Configuration, format!("{} says no number of seconds", path.display()));
    let ahead = Arc::new(AtomicI64::new(read(&path).ok_or_else(missing)?));
    let told = Arc::clone(&ahead);
    tokio::spawn(async move {
        let mut ticks = interval(EVERY);
        loop {
            ticks.tick().await;
            if let Some(seconds) = read(&path) {
                told.store(seconds, Ordering::Relaxed);
            }
        }
    });
    Ok(Clock::new(move || Timestamp::now() + SignedDuration::from_secs(ahead.load(Ordering::Relaxed))))
}

fn read(path: &Path) -> Option<i64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

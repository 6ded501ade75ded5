//! Clocks that are wrong, and that jump while messages are under way: nothing is ordered, doubled or refused by them.

use std::time::Duration;

use anyhow::{Context as _, Result};
use nhipcau_tests::wait;

use crate::{
    campaign::{Fault, PLAIN, Setting},
    stores,
    tools::{Need, faketime},
    trial::Trial,
};

/// Wrong clocks, as libfaketime and as seconds.
const OFFSETS: &[(&str, i64)] =
    &[("-5m", -300), ("+5m", 300), ("-24h", -86_400), ("+24h", 86_400), ("+3s", 3), ("-90s", -90)];

/// How long ago something may have been accepted that shows what the clock says.
const NEAR: Duration = Duration::from_millis(1200);

const SKEWED: Setting = Setting { needs: &[Need::Faketime], ..PLAIN };

pub(crate) const FAULTS: &[Fault] = &[Fault {
    name: "clocks-wrong",
    about: "an access point is started with a clock that is minutes to a day wrong, then with a right one",
    setting: SKEWED,
    runs: 3,
    selected: 0,
    strike: |trial| Box::pin(skewed(trial)),
}];

async fn skewed(trial: &mut Trial) -> Result<()> {
    let name = trial.any_member();
    let (offset, seconds) = *trial.rng.pick(OFFSETS).unwrap_or(&("+5m", 300));
    trial.environment.insert(name, told(offset)?);
    trial.world.kill(name);
    trial.start(name).await?;
    is_told(trial, name, seconds).await?;
    trial.saw(offset);
    trial.pause(3000, 5000).await;
    // The clock jumps back to what it is.
    trial.environment.remove(name);
    trial.world.kill(name);
    trial.start(name).await?;
    is_told(trial, name, 0).await
}

/// Waits until what an access point accepts bears a time that is so many seconds wrong.
async fn is_told(trial: &Trial, name: &str, seconds: i64) -> Result<()> {
    let home = trial.world.path("");
    let is_so_wrong = async || {
        let last = stores::last_accepted(&home, name).await.ok()??;
        let wrong = last - jiff::Timestamp::now().as_microsecond() - seconds * 1_000_000;
        (wrong.unsigned_abs() < NEAR.as_micros() as u64).then_some(())
    };
    let awaited = format!("something that {name} accepts by a clock that is {seconds} s wrong");
    wait::until_answered(&awaited, is_so_wrong).await.context("the clock is not what it was to be")
}

/// What a process is started with that is to be told another time.
pub(crate) fn told(offset: &str) -> Result<Vec<(String, String)>> {
    let library = faketime()?.display().to_string();
    let wrong = [("LD_PRELOAD", library.as_str()), ("FAKETIME", offset), ("FAKETIME_DONT_FAKE_MONOTONIC", "1")];
    Ok(wrong.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec())
}

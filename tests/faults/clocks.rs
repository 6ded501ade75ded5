//! Clocks that are wrong, and that jump while messages are under way: nothing is ordered, doubled or refused by them.

use anyhow::Result;

use crate::{
    campaign::{Fault, PLAIN, Setting},
    tools::{Need, faketime},
    trial::Trial,
};

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
    let offset = *trial.rng.pick(&["-5m", "+5m", "-24h", "+24h", "+3s", "-90s"]).unwrap_or(&"+5m");
    trial.environment.insert(name, told(offset)?);
    trial.world.kill(name);
    trial.start(name).await?;
    trial.saw(offset);
    trial.pause(3000, 5000).await;
    // The clock jumps back to what it is.
    trial.environment.remove(name);
    trial.world.kill(name);
    trial.start(name).await
}

/// What a process is started with that is to be told another time.
pub(crate) fn told(offset: &str) -> Result<Vec<(String, String)>> {
    let library = faketime()?.display().to_string();
    let wrong = [("LD_PRELOAD", library.as_str()), ("FAKETIME", offset), ("FAKETIME_DONT_FAKE_MONOTONIC", "1")];
    Ok(wrong.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec())
}

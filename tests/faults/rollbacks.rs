//! Stores that go back: an older copy takes the store's place, or runs beside it. What had reached a peer or the broker
//! comes back; what had not is not judged here, because nothing is under way when the copy is put back.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use nhipcau_tests::{
    process::{Process, program},
    wait,
};
use tokio::time::sleep;

use crate::{
    campaign::{Fault, PLAIN, Setting},
    trial::Trial,
};

const QUIET: Setting = Setting { quiet: true, ..PLAIN };

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        name: "store-rolled-back",
        about: "an older copy is put in the place of a store, without what came since",
        setting: QUIET,
        runs: 3,
        selected: 1,
        strike: |trial| Box::pin(rolled_back(trial)),
    },
    Fault {
        name: "old-and-restored-together",
        about: "a process on an older copy of a store runs beside the process on the store",
        setting: QUIET,
        runs: 2,
        selected: 0,
        strike: |trial| Box::pin(together(trial)),
    },
];

/// Copies the store of somebody, and lets the world go on until everything of it has come to its end.
async fn older_copy(trial: &mut Trial) -> Result<(&'static str, PathBuf)> {
    let name = trial.any_member();
    ensure!(trial.world.stop(name).await?.success(), "{name} did not end in order");
    let copy = trial.world.keep_store(name)?;
    trial.start(name).await?;
    let callers = trial.call()?;
    trial.pause(1500, 2500).await;
    trial.hear(callers).await?;
    for _ in 0..600 {
        if trial.histories.judge(&trial.world, trial.members).await?.is_empty() {
            let point = trial.members.iter().position(|member| *member == name).context("a member")?;
            trial.histories.undone(point);
            return Ok((name, copy));
        }
        sleep(Duration::from_millis(100)).await;
    }
    bail!("not drained before the copy is put back")
}

async fn rolled_back(trial: &mut Trial) -> Result<()> {
    let (name, copy) = older_copy(trial).await?;
    trial.world.kill(name);
    trial.world.restore_store(name, &copy)?;
    fs::remove_dir_all(copy)?;
    trial.start(name).await
}

async fn together(trial: &mut Trial) -> Result<()> {
    let (name, copy) = older_copy(trial).await?;
    // The same access point a second time: its home but for the store, other ports.
    let second = start_beside(trial, name, &copy).await?;
    trial.pause(3000, 5000).await;
    if trial.is_down(name) {
        trial.saw("the old process ended by itself");
    }
    drop(second);
    // The restored one is the access point from now on; the old one is ended, if it is not over.
    trial.world.kill(name);
    trial.world.restore_store(name, &copy)?;
    fs::remove_dir_all(copy)?;
    trial.start(name).await
}

async fn start_beside(trial: &Trial, name: &str, copy: &Path) -> Result<Process> {
    let mut command = program()?;
    command.arg("serve").arg("--config").arg(trial.world.config(name));
    command.env("NHIPCAU_STORE__PATH", copy.join("store.db"));
    command.env("NHIPCAU_SERVER__LISTEN", "127.0.0.1:0").env("NHIPCAU_METRICS__LISTEN", "");
    let log = copy.with_extension("log");
    drop(fs::remove_file(&log));
    let process = Process::start(name, command, &log)?;
    let ready = || process.log().contains("The access point is ready.").then_some(());
    wait::until("the second process to be ready", ready).await.with_context(|| process.log())?;
    Ok(process)
}

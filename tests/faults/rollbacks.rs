//! Stores that go back: an older copy takes the store's place, or runs beside it, at rest or while the newest messages
//! are under way. What had reached a peer or the broker comes back; what had not lies in a time of which the store says
//! that it has no memory, and whoever asked for it asks again.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use nhipcau_proto::{
    accesspoint::v1::{ListLostPeriodsRequest, access_point_service_client::AccessPointServiceClient},
    referral::v1::SubmitReferralRequest,
};
use nhipcau_tests::{
    process::{Process, program},
    wait,
};
use prost_types::Timestamp;
use tokio::time::sleep;

use crate::{
    campaign::{Fault, PLAIN, Setting},
    cases::{self, Case, Wrong},
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
        about: "a process on an older copy of a store runs beside the process on the store, while others go on sending",
        setting: QUIET,
        runs: 2,
        selected: 0,
        strike: |trial| Box::pin(together(trial)),
    },
    Fault {
        name: "store-rolled-back-under-way",
        about: "the same while the newest messages are with a peer, only at the broker, and nowhere else at all",
        setting: QUIET,
        runs: 3,
        selected: 0,
        strike: |trial| Box::pin(under_way(trial)),
    },
];

/// Cases that come so far before the store is put back: to the recipient, to the broker, nowhere.
const EACH: usize = 12;

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
    // What the one that is put back is asked for is lost with it; what it is sent meanwhile must not be.
    let others: Vec<&str> = trial.members.iter().copied().filter(|member| *member != name).collect();
    let callers = trial.call_among(&others)?;
    // The same access point a second time: its home but for the store, other ports.
    let second = start_beside(trial, name, &copy).await?;
    trial.pause(3000, 5000).await;
    ensure!(callers.acknowledged() > 0, "nobody went on while both ran");
    if trial.is_down(name) {
        trial.saw("the old process ended by itself");
    }
    drop(second);
    // The restored one is the access point from now on; the old one is ended, if it is not over.
    trial.world.kill(name);
    trial.world.restore_store(name, &copy)?;
    fs::remove_dir_all(copy)?;
    trial.start(name).await?;
    trial.hear(callers).await
}

async fn under_way(trial: &mut Trial) -> Result<()> {
    let sides = *trial.rng.pick(&[["moh", "hanoi"], ["hanoi", "moh"]]).context("two sides")?;
    let [name, peer] = sides;
    ensure!(trial.world.stop(name).await?.success(), "{name} did not end in order");
    let copy = trial.world.keep_store(name)?;
    trial.start(name).await?;
    let mut held = submit(trial, sides).await?;
    for (_, case, _) in &held {
        arrives(trial, case, peer).await?;
    }
    trial.world.kill(peer);
    held.extend(submit(trial, sides).await?);
    // What it has signed is at the broker when it has ended in order.
    ensure!(trial.world.stop(name).await?.success(), "{name} did not end in order");
    trial.world.kill_broker();
    trial.start(name).await?;
    let lost = submit(trial, sides).await?;
    trial.world.kill(name);
    trial.world.restore_store(name, &copy)?;
    fs::remove_dir_all(copy)?;
    let point = trial.members.iter().position(|member| *member == name).context("a member")?;
    trial.histories.undone(point);
    trial.world.start_broker().await?;
    for name in if trial.rng.below(2) == 0 { sides } else { [peer, name] } {
        trial.start(name).await?;
        trial.pause(0, 1000).await;
    }
    // What had reached the recipient or the broker is there at both, and nobody has asked again.
    for (_, case, _) in &held {
        for side in sides {
            arrives(trial, case, side).await?;
        }
    }
    let mut door = AccessPointServiceClient::new(trial.world.channel(name)?);
    let periods = door.list_lost_periods(ListLostPeriodsRequest {}).await?.into_inner().lost_periods;
    let newest = periods.first().context("no time is said to be lost")?;
    let micros = |time: &Option<Timestamp>| {
        time.as_ref().map(|at| i128::from(at.seconds) * 1_000_000 + i128::from(at.nanos / 1000))
    };
    for (_, case, at) in &lost {
        let found = cases::compare(case, trial.world.channel(name)?).await?;
        ensure!(found == Some(Wrong::Lost), "what nobody held is there: {found:?}");
        let after_begin = micros(&newest.start_time).is_none_or(|begin| begin <= *at);
        let before_end = micros(&newest.end_time).is_some_and(|end| *at <= end);
        ensure!(after_begin && before_end, "a case was answered outside of {newest:?}");
    }
    // All of that time is asked for again: what is known is answered as before.
    for (request, case, _) in held.into_iter().chain(lost) {
        let again = cases::submit_once(sides, trial.world.channel(name)?, &request).await?;
        ensure!(again == case, "asked again, it is another case");
        trial.record.cases.push(again);
    }
    trial.saw("asked again after a lost time");
    Ok(())
}

/// Waits until a case is received at a side.
async fn arrives(trial: &Trial, case: &Case, side: &str) -> Result<()> {
    let channel = trial.world.channel(side)?;
    let is_there = async || cases::is_there(case, channel.clone()).await.then_some(());
    wait::until_answered(&format!("a case at {side}"), is_there).await
}

/// Cases that were answered, each with its request and when.
type Answered = Vec<(SubmitReferralRequest, Case, i128)>;

async fn submit(trial: &Trial, sides: [&'static str; 2]) -> Result<Answered> {
    let channel = trial.world.channel(sides[0])?;
    let mut answered = Answered::new();
    for _ in 0..EACH {
        let request = cases::transfer(sides)?;
        let case = cases::submit_once(sides, channel.clone(), &request).await?;
        answered.push((request, case, i128::from(jiff::Timestamp::now().as_microsecond())));
    }
    Ok(answered)
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

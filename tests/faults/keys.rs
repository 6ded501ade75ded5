//! Keys that change while messages are under way: sealing epochs that begin under load, with 10,000 in flight, and by
//! the calendar.

use std::{fs, time::Duration};

use anyhow::{Context as _, Result, ensure};
use nhipcau_proto::referral::v1::referral_service_client::ReferralServiceClient;
use nhipcau_tests::{keys, wait};
use rustix::process::Signal;
use tokio::{task::JoinSet, time::sleep};

use crate::{
    campaign::{Fault, PLAIN, Setting},
    cases, clocks,
    tools::Need,
    trial::Trial,
};

/// Messages that are under way when the epoch begins.
const IN_FLIGHT: usize = 10_000;
/// Callers that bring them.
const CALLERS: usize = 64;

const CALENDAR: Setting = Setting { needs: &[Need::Faketime], ..PLAIN };
/// Days from now on which everybody is started: the next epoch is announced; it begins; the first one is destroyed.
const DAYS: [&str; 3] = ["+24d", "+31d", "+62d"];

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        name: "epochs-begun",
        about: "a sealing epoch is begun by hand at one access point after the other, four times",
        setting: PLAIN,
        runs: 3,
        selected: 1,
        strike: |trial| Box::pin(begun(trial)),
    },
    Fault {
        name: "epoch-with-10000-in-flight",
        about: "10,000 cases wait for an access point that is away; it begins an epoch before it comes back",
        setting: PLAIN,
        runs: 1,
        selected: 0,
        strike: |trial| Box::pin(in_flight(trial)),
    },
    Fault {
        name: "epochs-end",
        about: "sealing epochs end by the calendar, private halves are destroyed, and a recipient was away for a month",
        setting: CALENDAR,
        runs: 1,
        selected: 0,
        strike: |trial| Box::pin(end(trial)),
    },
];

async fn begun(trial: &mut Trial) -> Result<()> {
    for _ in 0..4 {
        trial.pause(0, 800).await;
        let name = trial.any_member();
        keys::rotate(&trial.world, name)?;
        trial.signal(name, Signal::HUP)?;
        keys::spread(&trial.world, name, trial.members).await?;
        trial.saw("epochs begun");
    }
    Ok(())
}

async fn in_flight(trial: &mut Trial) -> Result<()> {
    let sides = ["moh", "hanoi"];
    trial.world.stop("hanoi").await?;
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let channel = trial.world.channel("moh")?;
        callers.spawn(async move {
            let mut system = ReferralServiceClient::new(channel);
            for _ in 0..IN_FLIGHT.div_ceil(CALLERS) {
                let request = cases::transfer(sides)?;
                // Asked again under the same request id, as any caller does.
                while system.submit_referral(request.clone()).await.is_err() {
                    sleep(Duration::from_millis(50)).await;
                }
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = callers.join_next().await {
        done.context("a caller")??;
    }
    keys::rotate(&trial.world, "hanoi")?;
    trial.saw("begun with 10000 in flight");
    trial.bring_up().await?;
    keys::spread(&trial.world, "hanoi", trial.members).await
}

async fn end(trial: &mut Trial) -> Result<()> {
    let sealing =
        |trial: &Trial, name: &str| fs::read_dir(trial.world.path(name).join("keys/sealing")).map(Iterator::count);
    for day in DAYS {
        // Messages to it wait at the broker, sealed to its epoch of today.
        trial.world.kill("hanoi");
        trial.pause(1500, 2500).await;
        for name in trial.members {
            trial.world.kill(name);
            trial.environment.insert(*name, clocks::told(day)?);
        }
        trial.bring_up().await?;
        for name in trial.members {
            // The epoch in use and the one before or after it.
            let awaited = format!("two private halves at {name} on day {day}");
            wait::until(&awaited, || sealing(trial, name).is_ok_and(|found| found == 2).then_some(())).await?;
            keys::spread(&trial.world, name, trial.members).await?;
        }
        trial.pause(1500, 2500).await;
    }
    for name in trial.members {
        let log = trial.world.running(name)?.log();
        ensure!(log.contains("The private half of an old sealing epoch was destroyed."), "{name} destroyed nothing");
        ensure!(!log.contains("ROTATION_FAILED"), "{name} could not make an epoch");
    }
    trial.saw("epochs ended");
    Ok(())
}

//! Processes that are killed in the middle of whatever they do, and started again.

use std::{fs, time::Duration};

use anyhow::{Result, ensure};
use nhipcau_tests::process::resident;
use tokio::time::{Instant, timeout};

use crate::{
    campaign::{Fault, PLAIN, Setting},
    trial::Trial,
};

/// Everybody whom the sandbox knows.
const EVERYBODY: Setting = Setting { members: &["moha", "moh", "hanoi", "vwu"], ..PLAIN };

const STARTING: Setting = Setting { shows: &[KILLED], ..PLAIN };
const KILLED: &str = "killed while starting";

/// Fifty access points; whom the sandbox does not know is made for them.
const FIFTY: Setting = Setting {
    members: &[
        "moha", "moh", "hanoi", "c01", "c02", "c03", "c04", "c05", "c06", "c07", "c08", "c09", "c10", "c11", "c12",
        "c13", "c14", "c15", "c16", "c17", "c18", "c19", "c20", "c21", "c22", "c23", "c24", "c25", "c26", "c27", "c28",
        "c29", "c30", "c31", "c32", "c33", "c34", "c35", "c36", "c37", "c38", "c39", "c40", "c41", "c42", "c43", "c44",
        "c45", "c46", "c47",
    ],
    ..PLAIN
};

/// Most of a process's memory and descriptors after a storm.
const MEMORY_KIB: u64 = 256 * 1024;
const DESCRIPTORS: usize = 256;

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        name: "broker-killed",
        about: "kill -9 of nats-server at a random point",
        setting: PLAIN,
        runs: 5,
        selected: 2,
        strike: |trial| Box::pin(broker(trial)),
    },
    Fault {
        name: "access-point-killed",
        about: "kill -9 of an access point at a random point",
        setting: PLAIN,
        runs: 5,
        selected: 3,
        strike: |trial| Box::pin(access_point(trial)),
    },
    Fault {
        name: "killed-while-starting",
        about: "kill -9 of an access point while it starts, several times in a row",
        setting: STARTING,
        runs: 2,
        selected: 0,
        strike: |trial| Box::pin(starting(trial)),
    },
    Fault {
        name: "everything-killed",
        about: "kill -9 of the broker and of every access point at one moment",
        setting: PLAIN,
        runs: 3,
        selected: 1,
        strike: |trial| Box::pin(everything(trial)),
    },
    Fault {
        name: "restart-storm",
        about: "kill -9 and start of four access points at once, eight times each, the broker among them",
        setting: EVERYBODY,
        runs: 1,
        selected: 0,
        strike: |trial| Box::pin(storm(trial)),
    },
    Fault {
        name: "restart-storm-of-fifty",
        about: "kill -9 and start of fifty access points at one moment, four times, twice with the broker",
        setting: FIFTY,
        runs: 1,
        selected: 0,
        strike: |trial| Box::pin(storm_of_fifty(trial)),
    },
];

async fn broker(trial: &mut Trial) -> Result<()> {
    trial.pause(0, 1500).await;
    trial.world.kill_broker();
    trial.pause(0, 1500).await;
    trial.world.start_broker().await?;
    trial.pause(0, 500).await;
    Ok(())
}

async fn access_point(trial: &mut Trial) -> Result<()> {
    trial.pause(0, 1500).await;
    let name = trial.any_member();
    trial.world.kill(name);
    trial.pause(0, 800).await;
    trial.start(name).await?;
    trial.pause(0, 500).await;
    Ok(())
}

async fn starting(trial: &mut Trial) -> Result<()> {
    let name = trial.any_member();
    trial.world.kill(name);
    for _ in 0..6 {
        let moment = Duration::from_millis(trial.rng.between(1, 800));
        // What is not ready by then is killed with the future.
        match timeout(moment, trial.start(name)).await {
            Ok(started) => {
                started?;
                trial.saw("started in time");
                trial.world.kill(name);
            }
            Err(_) => trial.saw(KILLED),
        }
    }
    Ok(())
}

async fn everything(trial: &mut Trial) -> Result<()> {
    trial.pause(0, 1500).await;
    for name in trial.members {
        trial.world.kill(name);
    }
    trial.world.kill_broker();
    Ok(())
}

async fn storm(trial: &mut Trial) -> Result<()> {
    for turn in 0..8 {
        for name in trial.members {
            trial.world.kill(name);
        }
        if turn % 4 == 3 {
            trial.world.kill_broker();
        }
        trial.bring_up().await?;
        trial.pause(0, 200).await;
    }
    Ok(())
}

async fn storm_of_fifty(trial: &mut Trial) -> Result<()> {
    let (mut memory, mut descriptors, mut longest) = (0, 0, Duration::ZERO);
    for turn in 0..4 {
        for name in trial.members {
            trial.world.kill(name);
        }
        if turn % 2 == 1 {
            trial.world.kill_broker();
        }
        let begun = Instant::now();
        trial.bring_up().await?;
        longest = longest.max(begun.elapsed());
        trial.pause(2000, 6000).await;
        for name in trial.members {
            let process = trial.world.running(name)?.id();
            memory = memory.max(resident(process)?);
            descriptors = descriptors.max(fs::read_dir(format!("/proc/{process}/fd"))?.count());
        }
    }
    trial.saw(&format!("all served within {longest:.0?}, at most {} MiB, {descriptors} descriptors;", memory / 1024));
    ensure!(memory < MEMORY_KIB, "an access point holds {memory} KiB");
    ensure!(descriptors < DESCRIPTORS, "an access point has {descriptors} descriptors open");
    Ok(())
}

//! Processes that are killed in the middle of whatever they do, and started again.

use std::time::Duration;

use anyhow::Result;
use tokio::time::timeout;

use crate::{
    campaign::{Fault, PLAIN, Setting},
    trial::Trial,
};

/// Everybody whom the sandbox knows.
const EVERYBODY: Setting = Setting { members: &["moha", "moh", "hanoi", "vwu"], ..PLAIN };

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
        setting: PLAIN,
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
            Err(_) => trial.saw("killed while starting"),
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

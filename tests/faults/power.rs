//! Power cuts: what was not flushed is gone, for stores, for the broker, and for all of them.
//!
//! Processes are killed a moment before the cut: a flush that is under way when ext4 is shut down may be reported as
//! done without being done (22 times in 180 cuts under a loop of writing and flushing), which no power cut does.

use std::{fs, path::Path};

use anyhow::{Result, ensure};
use nhipcau_tests::{disk, wait};

use crate::{
    campaign::{Fault, PLAIN, Setting},
    insider::Insider,
    stores,
    tools::Need,
    trial::Trial,
};

const NEEDS: &[Need] = &[Need::Root, Need::Ext4];
/// Of an access point everything is on the disk: keys, directory, store.
const HOMES: [&str; 3] = ["moha", "moh", "hanoi"];
const BROKER: &str = "nats/store";
/// Messages that an access point has accepted and nobody else holds when its power is cut.
const ALONE: i64 = 4;
/// A cut that takes nothing from a broker that does not flush has not been one.
const LOSES: &str = "cuts that made the broker lose";

const OF_ACCESS_POINTS: Setting = Setting { disks: &[("moha", 96), ("moh", 96), ("hanoi", 96)], needs: NEEDS, ..PLAIN };
const OF_BROKER: Setting = Setting { disks: &[(BROKER, 96)], needs: NEEDS, ..PLAIN };
const OF_LAZY_BROKER: Setting = Setting { insider: true, shows: &[LOSES], ..OF_BROKER };
const OF_ALL: Setting =
    Setting { disks: &[("moha", 96), ("moh", 96), ("hanoi", 96), (BROKER, 96)], needs: NEEDS, ..PLAIN };

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        name: "store-power-cut",
        about: "power cut under a store, keys and directory with it",
        setting: OF_ACCESS_POINTS,
        runs: 6,
        selected: 0,
        strike: |trial| Box::pin(store(trial)),
    },
    Fault {
        name: "store-power-cut-alone",
        about: "the same while the broker is away: what was answered for lies on that disk and nowhere else",
        setting: OF_ACCESS_POINTS,
        runs: 4,
        selected: 0,
        strike: |trial| Box::pin(store_alone(trial)),
    },
    Fault {
        name: "broker-power-cut",
        about: "power cut under the broker, which flushes every message",
        setting: OF_BROKER,
        runs: 4,
        selected: 0,
        strike: |trial| Box::pin(broker(trial)),
    },
    Fault {
        name: "lazy-broker-power-cut",
        about: "the same with a broker that flushes every two minutes, as it does by default: it must lose, and nobody else",
        setting: OF_LAZY_BROKER,
        runs: 2,
        selected: 0,
        strike: |trial| Box::pin(lazy_broker(trial)),
    },
    Fault {
        name: "power-cut-of-all",
        about: "power cut under the broker and every store at one moment",
        setting: OF_ALL,
        runs: 4,
        selected: 0,
        strike: |trial| Box::pin(all(trial)),
    },
];

async fn store(trial: &mut Trial) -> Result<()> {
    trial.pause(0, 1500).await;
    let name = trial.any_member();
    trial.world.kill(name);
    disk::cut([trial.disk(name)?])?;
    trial.disk(name)?.recover()?;
    trial.start(name).await?;
    trial.pause(0, 500).await;
    Ok(())
}

async fn store_alone(trial: &mut Trial) -> Result<()> {
    let name = trial.any_member();
    let home = trial.world.path("");
    trial.world.kill_broker();
    let before = stores::accepted(&home, name).await?;
    let accepts = async || (stores::accepted(&home, name).await.ok()? >= before + ALONE).then_some(());
    wait::until_answered(&format!("messages that only {name} holds"), accepts).await?;
    trial.world.kill(name);
    disk::cut([trial.disk(name)?])?;
    trial.disk(name)?.recover()?;
    trial.start(name).await?;
    trial.world.start_broker().await
}

async fn broker(trial: &mut Trial) -> Result<()> {
    trial.pause(0, 1500).await;
    trial.world.kill_broker();
    disk::cut([trial.disk(BROKER)?])?;
    trial.disk(BROKER)?.recover()?;
    trial.world.start_broker().await?;
    // Also what the streams themselves are is gone when it was not flushed.
    trial.provision().await
}

async fn lazy_broker(trial: &mut Trial) -> Result<()> {
    let path = trial.world.path("nats/bus.conf");
    trial.world.kill_broker();
    make_lazy(&path)?;
    trial.world.start_broker().await?;
    trial.provision().await?;
    trial.pause(1500, 2500).await;
    let before = Insider::connect(&trial.world).await?.state("NC_ALL").await?.last_sequence;
    broker(trial).await?;
    let after = Insider::connect(&trial.world).await?.state("NC_ALL").await?.last_sequence;
    trial.saw(if after < before { LOSES } else { "cuts without a loss at the broker" });
    Ok(())
}

fn make_lazy(path: &Path) -> Result<()> {
    let text = fs::read_to_string(path)?;
    ensure!(text.contains("sync_interval"), "the configuration has another form");
    Ok(fs::write(path, text.replace("sync_interval: always", "sync_interval: \"2m\""))?)
}

async fn all(trial: &mut Trial) -> Result<()> {
    trial.pause(0, 2000).await;
    for name in HOMES {
        trial.world.kill(name);
    }
    trial.world.kill_broker();
    disk::cut(trial.disks.values())?;
    for disk in trial.disks.values() {
        disk.recover()?;
    }
    trial.world.start_broker().await?;
    trial.provision().await
}

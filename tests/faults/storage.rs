//! Disks that are full, that fail to flush, and that are slow.

use std::{fs, time::Duration};

use anyhow::{Result, bail, ensure};
use nhipcau_tests::{process::resident, wait};
use tokio::time::{Instant, sleep, timeout};

use crate::{
    campaign::{Fault, PLAIN, Setting},
    strace::Tampered,
    tools::Need,
    trial::Trial,
};

const FLUSHES: &str = "fsync,fdatasync";
const STORE: &str = "hanoi/store";
const BROKER: &str = "nats/store";

/// Most of a process's memory while its disk is slow.
const MEMORY_KIB: u64 = 256 * 1024;

/// How long a process may go on once a flush of its store has failed, on a machine that does other things too.
const AT_ONCE: Duration = Duration::from_secs(5);

const SMALL_STORE: Setting = Setting { disks: &[(STORE, 24)], needs: &[Need::Root, Need::Ext4], ..PLAIN };
const SMALL_BROKER: Setting = Setting { disks: &[(BROKER, 48)], needs: &[Need::Root, Need::Ext4], ..PLAIN };
const TAMPERED: Setting = Setting { needs: &[Need::Root, Need::Strace], ..PLAIN };

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        name: "store-disk-full",
        about: "no room under the store of an access point, which a supervisor starts again and again",
        setting: SMALL_STORE,
        runs: 2,
        selected: 0,
        strike: |trial| Box::pin(store_full(trial)),
    },
    Fault {
        name: "broker-disk-full",
        about: "no room under the broker",
        setting: SMALL_BROKER,
        runs: 2,
        selected: 0,
        strike: |trial| Box::pin(broker_full(trial)),
    },
    Fault {
        name: "store-flush-fails",
        about: "flushing the store fails once or several times with EIO, upon which its process must end",
        setting: TAMPERED,
        runs: 4,
        selected: 0,
        strike: |trial| Box::pin(store_fails(trial)),
    },
    Fault {
        name: "broker-flush-fails",
        about: "flushing at the broker fails with EIO, and the broker is started again",
        setting: TAMPERED,
        runs: 2,
        selected: 0,
        strike: |trial| Box::pin(broker_fails(trial)),
    },
    Fault {
        name: "store-disk-slow",
        about: "every flush of a store takes 200 ms, and memory stays bounded",
        setting: TAMPERED,
        runs: 2,
        selected: 0,
        strike: |trial| Box::pin(store_slow(trial)),
    },
    Fault {
        name: "broker-disk-slow",
        about: "every flush at the broker takes 200 ms",
        setting: TAMPERED,
        runs: 1,
        selected: 0,
        strike: |trial| Box::pin(broker_slow(trial)),
    },
];

async fn store_full(trial: &mut Trial) -> Result<()> {
    let filler = trial.disk(STORE)?.fill()?;
    let until = Instant::now() + Duration::from_secs(4);
    while Instant::now() < until {
        if trial.is_down("hanoi") {
            trial.saw("ended for want of room");
            trial.world.kill("hanoi");
            let started = timeout(Duration::from_secs(5), trial.start("hanoi")).await;
            trial.saw(if matches!(started, Ok(Ok(()))) {
                "started without room"
            } else {
                "refused to start without room"
            });
        }
        sleep(Duration::from_millis(100)).await;
    }
    fs::remove_file(filler)?;
    Ok(())
}

async fn broker_full(trial: &mut Trial) -> Result<()> {
    let filler = trial.disk(BROKER)?.fill()?;
    trial.pause(3000, 4000).await;
    if trial.world.broker()?.has_ended() {
        trial.saw("broker ended for want of room");
    }
    fs::remove_file(filler)?;
    // A stream that met a write error stays frozen until the server is started again.
    trial.world.kill_broker();
    trial.world.start_broker().await?;
    trial.provision().await
}

async fn store_fails(trial: &mut Trial) -> Result<()> {
    let name = trial.any_member();
    let times = trial.rng.between(1, 3);
    let first = trial.rng.between(1, 20);
    let how = format!("error=EIO:when={first}..{}", first + times - 1);
    let tampered = Tampered::with(trial.world.running(name)?.id(), FLUSHES, &how).await?;
    let store = format!("{name}/store/");
    wait::until("a flush of the store to fail", || (tampered.struck(&store) > 0).then_some(())).await?;
    // What a failed flush left in memory cannot be trusted, nor what a second one says of it.
    let Ok(ended) = timeout(AT_ONCE, trial.world.running(name)?.ended()).await else {
        bail!("{name} goes on though a flush of its store has failed");
    };
    let status = ended?;
    ensure!(!status.success(), "{name} ended as if nothing had failed: {status}");
    trial.saw("ended at once");
    tampered.end().await
}

async fn broker_fails(trial: &mut Trial) -> Result<()> {
    let first = trial.rng.between(1, 30);
    let broker = trial.world.broker()?.id();
    let tampered = Tampered::with(broker, FLUSHES, &format!("error=EIO:when={first}+")).await?;
    trial.pause(2500, 3500).await;
    ensure!(tampered.struck(BROKER) > 0, "no flush at the broker has failed");
    tampered.end().await?;
    trial.world.kill_broker();
    trial.world.start_broker().await?;
    trial.provision().await
}

async fn store_slow(trial: &mut Trial) -> Result<()> {
    let name = trial.any_member();
    let process = trial.world.running(name)?.id();
    let tampered = Tampered::with(process, FLUSHES, "delay_exit=200000").await?;
    trial.pause(5000, 6000).await;
    let memory = resident(process)?;
    ensure!(memory < MEMORY_KIB, "{name} holds {memory} KiB while its disk is slow");
    ensure!(tampered.struck(&format!("{name}/store/")) > 0, "no flush of {name} was slow");
    tampered.end().await
}

async fn broker_slow(trial: &mut Trial) -> Result<()> {
    let broker = trial.world.broker()?.id();
    let tampered = Tampered::with(broker, FLUSHES, "delay_exit=200000").await?;
    trial.pause(5000, 6000).await;
    for name in trial.members {
        let memory = resident(trial.world.running(name)?.id())?;
        ensure!(memory < MEMORY_KIB, "{name} holds {memory} KiB while the broker is slow");
    }
    ensure!(tampered.struck(BROKER) > 0, "no flush at the broker was slow");
    tampered.end().await
}

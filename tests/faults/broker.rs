//! A broker that loses what it acknowledged, goes back, repeats, reorders, and is fed by somebody hostile.

use std::{fs, path::Path, time::Duration};

use anyhow::Result;
use nhipcau_tests::process::done;
use tokio::time::Instant;

use crate::{
    campaign::{Fault, PLAIN, Setting},
    insider::{self, Insider},
    trial::Trial,
};

const HOSTILE: Setting = Setting { insider: true, ..PLAIN };

/// The largest that the broker takes.
const HUGE: usize = 640 * 1024;

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        name: "broker-wiped",
        about: "the broker's whole disk is lost, and the operator provisions it anew",
        setting: PLAIN,
        runs: 4,
        selected: 1,
        strike: |trial| Box::pin(wiped(trial)),
    },
    Fault {
        name: "broker-rolled-back",
        about: "the broker gets an older copy of its disk back, and gives numbers a second time",
        setting: PLAIN,
        runs: 3,
        selected: 0,
        strike: |trial| Box::pin(rolled_back(trial)),
    },
    Fault {
        name: "duplicated-and-reordered",
        about: "what was sent comes ten times more, in a random order, and what waited is lost",
        setting: HOSTILE,
        runs: 3,
        selected: 1,
        strike: |trial| Box::pin(repeated(trial)),
    },
    Fault {
        name: "poisoned",
        about: "garbage, torn and huge messages under the subjects of others",
        setting: HOSTILE,
        runs: 3,
        selected: 1,
        strike: |trial| Box::pin(poisoned(trial)),
    },
    Fault {
        name: "share-flooded",
        about: "the share of one sender at its recipient's queue is filled with garbage while the recipient is away",
        setting: HOSTILE,
        runs: 2,
        selected: 0,
        strike: |trial| Box::pin(flooded(trial)),
    },
];

async fn wiped(trial: &mut Trial) -> Result<()> {
    trial.pause(0, 1500).await;
    trial.world.kill_broker();
    trial.world.lose_broker_disk()?;
    trial.world.start_broker().await?;
    trial.pause(0, 1500).await;
    trial.world.provision()
}

async fn rolled_back(trial: &mut Trial) -> Result<()> {
    let (store, older) = (trial.world.path("nats/store"), trial.world.path("nats-older"));
    trial.world.kill_broker();
    copy(&store, &older)?;
    trial.world.start_broker().await?;
    trial.pause(800, 2000).await;
    trial.world.kill_broker();
    fs::remove_dir_all(&store)?;
    fs::rename(&older, &store)?;
    trial.world.start_broker().await?;
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    done(std::process::Command::new("cp").arg("-a").arg(from).arg(to))
}

async fn repeated(trial: &mut Trial) -> Result<()> {
    let insider = Insider::connect(&trial.world).await?;
    let heard = insider.listen(Instant::now() + Duration::from_millis(1500)).await?;
    for name in ["moh", "hanoi"] {
        insider.purge(name).await?;
    }
    let mut again: Vec<_> = (0..10).flat_map(|_| heard.iter().cloned()).collect();
    insider::shuffle(&mut again, &mut trial.rng);
    for (subject, bytes) in again {
        insider.say(&subject, bytes).await?;
        trial.saw("said again");
    }
    insider.flush().await
}

async fn poisoned(trial: &mut Trial) -> Result<()> {
    let insider = Insider::connect(&trial.world).await?;
    let heard = insider.listen(Instant::now() + Duration::from_millis(800)).await?;
    for _ in 0..150 {
        let (from, to) = if trial.rng.chance(500) { ("moh", "hanoi") } else { ("hanoi", "moh") };
        let lane = *trial.rng.pick(&["m", "b", "r", "s"]).unwrap_or(&"m");
        let original = trial.rng.pick(&heard).cloned();
        let (subject, bytes) = match (trial.rng.below(5), original) {
            (0, _) => (format!("nc.v1.{lane}.{to}.{from}"), vec![0xff; HUGE]),
            (1, Some((subject, mut bytes))) if !bytes.is_empty() => {
                let at = trial.rng.index(bytes.len());
                bytes[at] ^= 1 << trial.rng.below(8);
                (subject, bytes)
            }
            (2, Some((subject, mut bytes))) => {
                bytes.truncate(trial.rng.index(bytes.len().max(1)));
                (subject, bytes)
            }
            // What is for one is brought to another, or comes from another.
            (3, Some((_, bytes))) => (format!("nc.v1.{lane}.{to}.{from}"), bytes),
            _ => {
                let length = trial.rng.index(4096);
                (format!("nc.v1.{lane}.{to}.{from}"), trial.rng.bytes(length))
            }
        };
        insider.say(&subject, bytes).await?;
        trial.saw("poisoned messages");
    }
    insider.flush().await
}

async fn flooded(trial: &mut Trial) -> Result<()> {
    let insider = Insider::connect(&trial.world).await?;
    trial.world.kill("hanoi");
    for _ in 0..600 {
        let length = trial.rng.index(2048);
        let garbage = trial.rng.bytes(length);
        insider.say("nc.v1.m.hanoi.moh", garbage).await?;
    }
    insider.flush().await?;
    let held = insider.state("NC_HANOI").await?.messages;
    if held >= 256 {
        trial.saw("shares that were full");
    }
    trial.pause(1000, 2000).await;
    trial.start("hanoi").await
}

//! A broker that loses what it acknowledged, goes back, repeats, reorders, and is fed by somebody hostile.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    time::Duration,
};

use anyhow::{Result, ensure};
use nhipcau_messaging::pae::{Digest, sha256};
use nhipcau_tests::{process::done, wait};
use tokio::time::Instant;

use crate::{
    campaign::{Fault, PLAIN, Setting},
    insider::{self, Insider},
    stores,
    trial::Trial,
};

const HOSTILE: Setting = Setting { insider: true, ..PLAIN };
const FLOODED: Setting = Setting { members: &["moha", "moh", "hanoi", "vwu"], ..HOSTILE };

/// A sender's share of a recipient's queue, in messages.
const SHARE: u64 = 256;

/// What is sent to hanoi from the sender whose share is full, and from another one on the same lane.
const FULL: &str = "nc.v1.m.hanoi.moh";
const OTHER: &str = "nc.v1.m.hanoi.vwu";

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
        about: "one sender's share of a recipient's queue is filled while the recipient is away, and another's goes on",
        setting: FLOODED,
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
    ensure!(!heard.is_empty(), "nothing was heard that could be said again");
    insider.flush().await
}

async fn poisoned(trial: &mut Trial) -> Result<()> {
    let insider = Insider::connect(&trial.world).await?;
    let heard = insider.listen(Instant::now() + Duration::from_millis(800)).await?;
    let mut garbage: BTreeMap<&str, BTreeSet<Digest>> = BTreeMap::new();
    let mut before = BTreeMap::new();
    for name in ["moh", "hanoi"] {
        before.insert(name, alarms(trial, name).await?);
    }
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
                let length = 16 + trial.rng.index(4096);
                let bytes = trial.rng.bytes(length);
                if ["m", "b"].contains(&lane) {
                    garbage.entry(to).or_default().insert(sha256(&bytes));
                }
                (format!("nc.v1.{lane}.{to}.{from}"), bytes)
            }
        };
        insider.say(&subject, bytes).await?;
        trial.saw("poisoned messages");
    }
    insider.flush().await?;
    for (name, said) in garbage {
        is_quarantined(trial, name, &said).await?;
        let now = alarms(trial, name).await?;
        ensure!(now > before[name], "nobody is told of the quarantine of {name}: {now}");
    }
    Ok(())
}

/// All that is nobody's word is kept apart, each message of it.
async fn is_quarantined(trial: &mut Trial, name: &str, said: &BTreeSet<Digest>) -> Result<()> {
    let home = trial.world.path("");
    let is_there = async || {
        let kept = stores::quarantined(&home, name).await.ok()?;
        said.is_subset(&kept).then_some(())
    };
    wait::until_answered(&format!("{} messages to be in the quarantine of {name}", said.len()), is_there).await?;
    said.iter().for_each(|_| trial.saw("quarantined"));
    Ok(())
}

/// How often an operator was told that something went into quarantine, since the process began.
async fn alarms(trial: &Trial, name: &str) -> Result<u64> {
    let page = trial.world.metrics(name).await?;
    let told = page.lines().find_map(|line| line.strip_prefix("nhipcau_alarms_total{kind=\"QUARANTINED\"} "));
    Ok(told.map(str::parse).transpose()?.unwrap_or_default())
}

async fn flooded(trial: &mut Trial) -> Result<()> {
    let insider = Insider::connect(&trial.world).await?;
    trial.world.kill("hanoi");
    for _ in 0..600 {
        let length = trial.rng.index(2048);
        let garbage = trial.rng.bytes(length);
        insider.say(FULL, garbage).await?;
    }
    insider.flush().await?;
    let is_full = async || (insider.waiting("NC_HANOI", FULL).await.ok()? >= SHARE).then_some(());
    wait::until_answered("a share that is full", is_full).await?;
    // What the other one says while nobody takes it is stored beside it.
    let before = insider.waiting("NC_HANOI", OTHER).await?;
    let goes_on = async || (insider.waiting("NC_HANOI", OTHER).await.ok()? > before).then_some(());
    wait::until_answered("the other sender to go on", goes_on).await?;
    let full = insider.waiting("NC_HANOI", FULL).await?;
    ensure!(full == SHARE, "a share of {SHARE} messages holds {full}");
    trial.saw("shares that were full, beside which another went on");
    trial.start("hanoi").await
}

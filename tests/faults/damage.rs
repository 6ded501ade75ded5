//! Bits that turn over and files that end early: in the broker's blocks, in stores, in the directory.
//!
//! A broker may use what is damaged: nobody believes it. An access point should not: it refuses to start, or `nhipcau
//! verify` finds it, and the store is restored from a copy, after which its peers give it back what it lost. Damage
//! that neither notices is counted and told, and fails no run.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use nhipcau_tests::process::{output, program};

use crate::{
    campaign::{Fault, PLAIN, Setting},
    trial::Trial,
};

const QUIET: Setting = Setting { quiet: true, ..PLAIN };

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        name: "broker-bits-flipped",
        about: "one to eight bits turn over in the broker's files while it is down",
        setting: PLAIN,
        runs: 4,
        selected: 1,
        strike: |trial| Box::pin(broker(trial, flip)),
    },
    Fault {
        name: "broker-files-cut-short",
        about: "files of the broker end early",
        setting: PLAIN,
        runs: 3,
        selected: 0,
        strike: |trial| Box::pin(broker(trial, cut_short)),
    },
    Fault {
        name: "store-bits-flipped",
        about: "bits turn over in a store; it is restored from a copy",
        setting: QUIET,
        runs: 6,
        selected: 0,
        strike: |trial| Box::pin(store(trial, flip)),
    },
    Fault {
        name: "store-cut-short",
        about: "a store ends early; it is restored from a copy",
        setting: QUIET,
        runs: 3,
        selected: 0,
        strike: |trial| Box::pin(store(trial, cut_short)),
    },
    Fault {
        name: "directory-bits-flipped",
        about: "bits turn over in the releases of an access point's directory",
        setting: PLAIN,
        runs: 4,
        selected: 1,
        strike: |trial| Box::pin(directory(trial, flip)),
    },
    Fault {
        name: "directory-cut-short",
        about: "a release of an access point's directory ends early",
        setting: PLAIN,
        runs: 3,
        selected: 0,
        strike: |trial| Box::pin(directory(trial, cut_short)),
    },
];

type Damage = fn(&mut Trial, &Path) -> Result<()>;

fn flip(trial: &mut Trial, path: &Path) -> Result<()> {
    let mut bytes = fs::read(path)?;
    for _ in 0..trial.rng.between(1, 8) {
        if !bytes.is_empty() {
            let at = trial.rng.index(bytes.len());
            bytes[at] ^= 1 << trial.rng.below(8);
        }
    }
    Ok(fs::write(path, bytes)?)
}

fn cut_short(trial: &mut Trial, path: &Path) -> Result<()> {
    let file = fs::OpenOptions::new().write(true).open(path)?;
    let length = file.metadata()?.len();
    Ok(file.set_len(trial.rng.below(length.max(1)))?)
}

/// Files below a directory, in an order that does not depend on the disk.
fn files(below: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(below)? {
        let path = entry?.path();
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    found.sort();
    Ok(found)
}

async fn broker(trial: &mut Trial, damage: Damage) -> Result<()> {
    trial.pause(0, 1500).await;
    trial.world.kill_broker();
    let files = files(&trial.world.path("nats/store"))?;
    for _ in 0..trial.rng.between(1, 4) {
        let file = trial.rng.pick(&files).context("a file of the broker")?.clone();
        damage(trial, &file)?;
    }
    trial.world.start_broker().await?;
    if !trial.world.operator("plan")?.status.success() {
        trial.saw("streams or consumers gone");
    }
    trial.provision().await
}

async fn store(trial: &mut Trial, damage: Damage) -> Result<()> {
    let name = trial.any_member();
    ensure!(trial.world.stop(name).await?.success(), "{name} did not end in order");
    let copy = trial.world.keep_store(name)?;
    damage(trial, &trial.world.path(name).join("store/store.db"))?;
    let verified = output(program()?.args(["verify", "--json"]).arg(trial.world.path(name)))?;
    let found = !verified.status.success();
    let started = trial.start(name).await.is_ok();
    let said = fs::read_to_string(trial.world.path(name).join("log")).unwrap_or_default();
    trial.world.kill(name);
    match (started, found) {
        (false, _) => trial.saw("refused to start"),
        (true, true) => trial.saw("found by verify"),
        (true, false) => trial.saw("noticed by nobody"),
    }
    ensure!(started || !said.contains("panicked"), "{name} panicked over a damaged store");
    trial.world.restore_store(name, &copy)?;
    fs::remove_dir_all(copy)?;
    let point = trial.members.iter().position(|member| *member == name).context("a member")?;
    trial.histories.undone(point);
    trial.start(name).await
}

async fn directory(trial: &mut Trial, damage: Damage) -> Result<()> {
    let name = trial.any_member();
    let releases = trial.world.path(name).join("directory/releases");
    let release = files(&releases)?.pop().context("a release")?;
    let whole = fs::read(&release)?;
    damage(trial, &release)?;
    ensure!(fs::read(&release)? != whole, "nothing is damaged");
    // Whoever runs goes on with what it has verified.
    trial.pause(200, 800).await;
    ensure!(!trial.is_down(name), "{name} ended");
    trial.world.kill(name);
    let mut command = program()?;
    let refused = output(command.args(["serve", "--check-config", "--config"]).arg(trial.world.config(name)))?;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    ensure!(refused.status.code() == Some(3), "a damaged directory was not refused: {said}");
    let reason = said.split(|c: char| !c.is_ascii_uppercase() && c != '_').find(|word| word.starts_with("DIRECTORY_"));
    trial.saw(reason.unwrap_or("refused without a reason"));
    fs::write(release, whole)?;
    trial.start(name).await
}

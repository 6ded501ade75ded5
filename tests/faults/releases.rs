//! Releases of the directory while callers call: one that expires before its successor comes, and disks that take no
//! release.

use std::{fs, path::Path, process::Command, time::Duration};

use anyhow::{Context as _, Result, ensure};
use jiff::{SignedDuration, Timestamp};
use nhipcau_tests::{disk, office, process::done, wait};
use rustix::process::Signal;
use tokio::time::sleep;

use crate::{
    campaign::{Fault, PLAIN, Setting},
    tools::Need,
    trial::Trial,
};

/// Who is struck, and where its directory lies.
const STRUCK: &str = "hanoi";
const DIRECTORY: &str = "hanoi/directory";
const SMALL: Setting = Setting { disks: &[(DIRECTORY, 24)], needs: &[Need::Root, Need::Ext4], ..PLAIN };

/// How long a release is good that is to expire; it has to reach everybody meanwhile.
const SHORT: SignedDuration = SignedDuration::from_secs(8);
/// How long another is good.
const YEAR: SignedDuration = SignedDuration::from_hours(365 * 24);

/// What an access point says of a release that it could not keep, and of one that expires.
const REFUSED: &str = "RELEASE_REFUSED";
const EXPIRES: &str = "DIRECTORY_EXPIRES";

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        name: "release-expires",
        about: "the release expires everywhere, an access point is started under it, and its successor comes",
        setting: PLAIN,
        runs: 2,
        selected: 0,
        strike: |trial| Box::pin(expires(trial)),
    },
    Fault {
        name: "directory-disk-full",
        about: "no room under an access point's directory when a release comes, from an operator and over the bus",
        setting: SMALL,
        runs: 1,
        selected: 0,
        strike: |trial| Box::pin(broken(trial, Broken::Full)),
    },
    Fault {
        name: "directory-read-only",
        about: "the disk of an access point's directory is read-only when a release comes",
        setting: SMALL,
        runs: 1,
        selected: 0,
        strike: |trial| Box::pin(broken(trial, Broken::ReadOnly)),
    },
    Fault {
        name: "directory-disk-fails",
        about: "every access to the disk of an access point's directory fails with EIO when a release comes",
        setting: SMALL,
        runs: 1,
        selected: 0,
        strike: |trial| Box::pin(broken(trial, Broken::Fails)),
    },
];

async fn expires(trial: &mut Trial) -> Result<()> {
    let end = Timestamp::now() + SHORT;
    let first = release(trial, end)?;
    install(trial, first, "moh")?;
    office::spread(&trial.world, first, trial.members).await?;
    while Timestamp::now() < end {
        sleep(Duration::from_millis(50)).await;
    }
    for name in trial.members {
        let process = trial.world.running(name)?;
        let is_told = async || process.log().contains(EXPIRES).then_some(());
        wait::until_answered(&format!("{EXPIRES} at {name}"), is_told).await?;
    }
    // Cases go on, also through a start under it.
    trial.pause(1000, 2000).await;
    let name = trial.any_member();
    trial.world.kill(name);
    trial.start(name).await?;
    trial.pause(1000, 2000).await;
    let next = release(trial, Timestamp::now() + YEAR)?;
    install(trial, next, name)?;
    office::spread(&trial.world, next, trial.members).await?;
    trial.saw("releases expired and succeeded");
    Ok(())
}

/// Has the next release drawn up and signed, which differs in nothing but its end.
fn release(trial: &Trial, end: Timestamp) -> Result<u64> {
    office::expire(&trial.world, &end.round(jiff::Unit::Second)?.to_string())?;
    office::next_release(&trial.world)
}

/// Has an operator install a release at an access point and tell it so.
fn install(trial: &mut Trial, release: u64, at: &str) -> Result<()> {
    let installed = office::install(&trial.world, release, at)?;
    ensure!(installed.status.success(), "not installed: {}", String::from_utf8_lossy(&installed.stderr));
    trial.signal(at, Signal::HUP)
}

/// How a disk is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Broken {
    Full,
    ReadOnly,
    Fails,
}

async fn broken(trial: &mut Trial, how: Broken) -> Result<()> {
    let at = trial.world.path(DIRECTORY);
    let filler = match how {
        Broken::Full => Some(trial.disk(DIRECTORY)?.fill()?),
        Broken::ReadOnly => remount(&at, "ro").map(|()| None)?,
        Broken::Fails => disk::cut([trial.disk(DIRECTORY)?]).map(|()| None)?,
    };
    // The operator of the one who is struck is told, and nothing has changed.
    let next = release(trial, Timestamp::now() + YEAR)?;
    let installed = office::install(&trial.world, next, STRUCK)?;
    ensure!(!installed.status.success(), "a release was installed on a disk that takes nothing");
    let said = String::from_utf8_lossy(&installed.stderr).lines().next().unwrap_or_default().to_owned();
    trial.saw(&format!("install ended with {:?}: {}", installed.status.code().unwrap_or_default(), tail(&said)));
    // It comes over the bus as well.
    install(trial, next, "moh")?;
    office::spread(&trial.world, next, &["moha", "moh"]).await?;
    let process = trial.world.running(STRUCK)?;
    let is_told = async || process.log().contains(REFUSED).then_some(());
    wait::until_answered(REFUSED, is_told).await?;
    // Whoever runs goes on with what it has verified.
    let before = trial.histories.effects(&trial.world, trial.members).await?;
    trial.pause(2000, 3000).await;
    ensure!(!trial.is_down(STRUCK), "{STRUCK} ended");
    let after = trial.histories.effects(&trial.world, trial.members).await?;
    let here = trial.members.iter().position(|member| *member == STRUCK).context("a member")?;
    ensure!(after[here] > before[here], "{STRUCK} takes nothing any more");
    // What can be read is enough for a start.
    trial.world.kill(STRUCK);
    let started = if how == Broken::Fails { false } else { trial.start(STRUCK).await.map(|()| true)? };
    trial.saw(if started { "started on it" } else { "a start was not tried on it" });
    match (how, filler) {
        (Broken::Full, Some(filler)) => fs::remove_file(filler)?,
        (Broken::ReadOnly, _) => remount(&at, "rw")?,
        _ => {
            trial.disk(DIRECTORY)?.recover()?;
            trial.start(STRUCK).await?;
        }
    }
    office::spread(&trial.world, next, &[STRUCK]).await
}

/// The end of a line, which says why.
fn tail(line: &str) -> &str {
    line.rsplit(": ").next().unwrap_or(line)
}

fn remount(at: &Path, how: &str) -> Result<()> {
    done(Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(at))
}

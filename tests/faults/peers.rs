//! Recipients that are slow, stopped or away for long, and processes that run out of descriptors: only their own
//! channels may wait.

use std::time::Duration;

use anyhow::{Result, ensure};
use nhipcau_tests::process::done;
use rustix::process::Signal;
use tokio::{net::TcpStream, time::Instant};

use crate::{
    campaign::{Fault, PLAIN, Setting},
    cases,
    strace::Tampered,
    tools::Need,
    trial::Trial,
};

const EVERYBODY: Setting = Setting { members: &["moha", "moh", "hanoi", "vwu"], ..PLAIN };
const SLOW: Setting = Setting { needs: &[Need::Root, Need::Strace], ..EVERYBODY };
const FEW_DESCRIPTORS: Setting = Setting { needs: &[Need::Prlimit], ..PLAIN };

/// Descriptors that a process has left, beside those it has open.
const LEFT: u64 = 6;

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        name: "recipient-away",
        about: "a recipient is down for long, and what goes between the others is delivered meanwhile",
        setting: EVERYBODY,
        runs: 1,
        selected: 0,
        strike: |trial| Box::pin(away(trial)),
    },
    Fault {
        name: "recipient-stopped",
        about: "a recipient is stopped by SIGSTOP with its connections open, and goes on",
        setting: EVERYBODY,
        runs: 1,
        selected: 0,
        strike: |trial| Box::pin(stopped(trial)),
    },
    Fault {
        name: "recipient-slow",
        about: "a recipient takes half a second for every flush",
        setting: SLOW,
        runs: 1,
        selected: 0,
        strike: |trial| Box::pin(slow(trial)),
    },
    Fault {
        name: "descriptors-exhausted",
        about: "an access point has a few descriptors left, and strangers connect to it",
        setting: FEW_DESCRIPTORS,
        runs: 2,
        selected: 0,
        strike: |trial| Box::pin(exhausted(trial)),
    },
];

async fn away(trial: &mut Trial) -> Result<()> {
    trial.world.kill("hanoi");
    trial.pause(2000, 3000).await;
    others_deliver(trial, "hanoi").await?;
    trial.pause(4000, 6000).await;
    trial.start("hanoi").await
}

async fn stopped(trial: &mut Trial) -> Result<()> {
    trial.signal("hanoi", Signal::STOP)?;
    trial.pause(2000, 3000).await;
    let done = others_deliver(trial, "hanoi").await;
    trial.pause(4000, 6000).await;
    trial.signal("hanoi", Signal::CONT)?;
    done
}

async fn slow(trial: &mut Trial) -> Result<()> {
    let process = trial.world.running("hanoi")?.id();
    let tampered = Tampered::with(process, "fsync,fdatasync", "delay_exit=500000").await?;
    trial.pause(2000, 3000).await;
    others_deliver(trial, "hanoi").await?;
    trial.pause(4000, 6000).await;
    ensure!(tampered.struck("hanoi/store/") > 0, "no flush of hanoi was slow");
    tampered.end().await
}

/// The others go on taking what each of them sends: positions of theirs rise while one is away.
pub(crate) async fn others_deliver(trial: &mut Trial, without: &str) -> Result<()> {
    let takes = |name: &&str| *name != without && cases::unit(name).is_some();
    let others: Vec<&str> = trial.members.iter().copied().filter(takes).collect();
    let before = trial.histories.effects(&trial.world, &others).await?;
    let deadline = Instant::now() + Duration::from_secs(15);
    loop {
        let now = trial.histories.effects(&trial.world, &others).await?;
        if now.iter().zip(&before).all(|(now, before)| now > before) {
            trial.saw("times the others went on");
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "the others wait for {without}: {before:?}, then {now:?}");
        trial.pause(100, 100).await;
    }
}

async fn exhausted(trial: &mut Trial) -> Result<()> {
    let name = trial.any_member();
    let process = trial.world.running(name)?.id();
    let open = descriptors(process)?;
    limit(process, open + LEFT)?;
    let port = trial.world.port(name)?;
    let mut strangers = Vec::new();
    let mut most = open;
    for _ in 0..200 {
        if let Ok(Ok(stranger)) =
            tokio::time::timeout(Duration::from_millis(50), TcpStream::connect(("127.0.0.1", port))).await
        {
            strangers.push(stranger);
        }
        most = most.max(descriptors(process).unwrap_or(most));
    }
    trial.pause(2000, 3000).await;
    let is_down = trial.is_down(name);
    ensure!(is_down || most >= open + LEFT, "{name} never ran out: {most} descriptors of {}", open + LEFT);
    trial.saw(if is_down { "ended" } else { "ran out and went on" });
    drop(strangers);
    if !trial.is_down(name) {
        limit(process, 1024)?;
    }
    Ok(())
}

fn descriptors(process: u32) -> Result<u64> {
    Ok(std::fs::read_dir(format!("/proc/{process}/fd"))?.count() as u64)
}

fn limit(process: u32, descriptors: u64) -> Result<()> {
    let mut command = std::process::Command::new("prlimit");
    done(command.args(["--pid", &process.to_string(), &format!("--nofile={descriptors}:1024")]))
}

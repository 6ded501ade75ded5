//! Fault campaigns: real access points and a real nats-server under a load of figures and cases, while something is
//! broken on purpose; then everything heals, drains, and every history is judged.
//!
//! ```text
//! cargo test --test faults                         a short selection, as `make test` runs it
//! cargo test --test faults -- --campaign           every fault: `make faults`
//! cargo test --test faults -- --campaign NAME …    these, such as broker-killed; --runs, --seed, --list
//! ```
//!
//! A run breaks something once while callers call, and heals it. What each caller was answered is written down; after
//! every run the stores are read into the checker of the simulation, again and again, until nothing is owed any more
//! or the patience is over; at the end the figures and the case logs of both sides are held against the answers, and
//! `nhipcau verify` reads the evidence. What is chosen (who, when, how often, which bit) comes from the seed; how the
//! processes interleave does not.
//!
//! Before the first fault the judges are shown what is wrong, and must see it (`checks`).
//!
//! Prints one table and exits with 1 when a promise was broken, or somebody ended it by hand. Needs root and a few
//! tools for some faults, and says which before anything runs; nothing is skipped.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a campaign stops at what cannot be: its panics are failures, with the fault beside them"
)]

mod broker;
mod callers;
mod campaign;
mod cases;
mod certificates;
mod checks;
mod clocks;
mod cluster;
mod crowd;
mod damage;
mod figures;
mod histories;
mod insider;
mod judge;
mod keys;
mod kills;
mod links;
mod peers;
mod power;
mod proxy;
mod releases;
mod report;
mod rollbacks;
mod storage;
mod stores;
mod strace;
mod tools;
mod trial;

use std::{io::Write as _, process::ExitCode};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};

use self::{
    campaign::{FAULTS, Fault},
    report::Table,
};

#[derive(clap::Parser)]
#[command(about = "Breaks things on purpose and judges what became of every promise.", no_binary_name = true)]
struct Args {
    /// Faults by name; all when none is named.
    names: Vec<String>,
    /// Runs of each fault, instead of its own number.
    #[arg(long)]
    runs: Option<u32>,
    /// Where chance begins.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only says which faults there are.
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let done = match given.iter().position(|argument| argument == "--campaign") {
        Some(at) => campaign(&Args::parse_from(&given[at + 1..])),
        None => selection(&given),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("faults: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn campaign(args: &Args) -> Result<bool> {
    let mut chosen = Vec::new();
    for name in &args.names {
        let found = FAULTS.iter().copied().flatten().find(|fault| fault.name == name);
        chosen.push(found.with_context(|| format!("no fault is named {name}; --list names them"))?);
    }
    if chosen.is_empty() {
        chosen = FAULTS.iter().copied().flatten().collect();
    }
    if args.list {
        let width = chosen.iter().map(|fault| fault.name.len()).max().unwrap_or_default();
        for fault in chosen {
            say(&format!("{:width$}  {}", fault.name, fault.about));
        }
        return Ok(true);
    }
    let missing = tools::missing(&chosen);
    ensure!(missing.is_empty(), "cannot run here:\n{}", missing.join("\n"));
    tools::apart(&chosen)?;
    run(chosen.into_iter().map(|fault| (fault, args.runs.unwrap_or(fault.runs))).collect(), args.seed)
}

/// What runs beside all other tests: no root, no tools, two minutes. Arguments that are not options choose by part of
/// the name, as the arguments of other tests do.
fn selection(given: &[String]) -> Result<bool> {
    let wanted: Vec<&String> = given.iter().filter(|argument| !argument.starts_with('-')).collect();
    let is_wanted = |fault: &&Fault| wanted.is_empty() || wanted.iter().any(|part| fault.name.contains(*part));
    let chosen = FAULTS.iter().copied().flatten().filter(|fault| fault.selected > 0).filter(is_wanted);
    run(chosen.map(|fault| (fault, fault.selected)).collect(), 1)
}

fn run(chosen: Vec<(&'static Fault, u32)>, seed: u64) -> Result<bool> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let found = runtime.block_on(checks::run()).context("the judges cannot be believed")?;
    say(&format!("the judges see what is wrong and nothing else: {found} promises"));
    // Before the first fault, because the beginning of a world holds everything else up.
    let mut by_hand = runtime.block_on(async { signal(SignalKind::interrupt()) })?;
    let mut table = Table::default();
    for (fault, runs) in chosen {
        say(&format!("{} …", fault.name));
        let row = runtime.block_on(async {
            tokio::select! {
                row = trial::run(fault, runs, seed) => Some(row),
                _ = by_hand.recv() => None,
            }
        });
        // What was not run was not judged.
        let Some(row) = row else {
            write!(std::io::stdout(), "{table}")?;
            bail!("ended by hand in {}", fault.name);
        };
        say(&row.line());
        table.add(row);
    }
    write!(std::io::stdout(), "{table}")?;
    // `make mutants` knows by this line that it was the promises that did not hold.
    let (held, broken) = table.counts();
    writeln!(std::io::stdout(), "campaign result: {held} held, {broken} broken")?;
    Ok(table.holds())
}

/// Tells a person how it goes.
fn say(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}

//! `sim`: runs seeds of the simulation and says what they went through; exits with 1 when one fails.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    thread,
};

use clap::Parser;
use nhipcau_sim::{
    queue::SECOND,
    report::{run_seed, run_seeds},
    world::{Losses, Options},
};

/// Simulates many access points under every fault, from seeds.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many seeds to run.
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Runs this seed only.
    #[arg(long)]
    seed: Option<u64>,
    /// With --seed: prints the event trace.
    #[arg(long, requires = "seed")]
    trace: bool,
    /// How many access points; the seed decides when it is not said.
    #[arg(long, value_parser = clap::value_parser!(u8).range(2..=16))]
    access_points: Option<u8>,
    /// Lets any number of access points lose history in every run, not in each third.
    #[arg(long)]
    many_losses: bool,
    /// Lets only one access point lose history in every run.
    #[arg(long, conflicts_with = "many_losses")]
    one_loser: bool,
}

fn main() -> io::Result<ExitCode> {
    let arguments = Arguments::parse();
    let access_points = arguments.access_points.map(usize::from);
    let losses = match (arguments.many_losses, arguments.one_loser) {
        (true, _) => Losses::Many,
        (_, true) => Losses::One,
        _ => Losses::default(),
    };
    let mut out = io::stdout().lock();
    let Some(seed) = arguments.seed else {
        let threads = thread::available_parallelism().map_or(2, usize::from);
        let template = Options { seed: 0, access_points, losses, keep_trace: false };
        let report = run_seeds(arguments.from, arguments.seeds, template, threads);
        write!(out, "{report}")?;
        return Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    };
    let summary = run_seed(Options { seed, access_points, losses, keep_trace: arguments.trace });
    for line in &summary.trace {
        writeln!(out, "{line}")?;
    }
    writeln!(
        out,
        "seed {seed}: trace {:016x}, {} messages, {} effects, drained after {} s",
        summary.digest,
        summary.messages,
        summary.effects,
        summary.drained_after / SECOND
    )?;
    match summary.failure {
        None => Ok(ExitCode::SUCCESS),
        Some(why) => {
            writeln!(out, "FAILED seed {seed}: {why}")?;
            Ok(ExitCode::FAILURE)
        }
    }
}

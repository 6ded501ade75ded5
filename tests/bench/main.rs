//! How fast it is, in one run on one machine: each figure beside a baseline of the same run, because figures of
//! different machines and days cannot be compared, and ratios can.
//!
//! ```text
//! raw JetStream       one message each, of the size of a referral's envelope, published and acknowledged
//! empty call          a call that does nothing, through the same door
//! referrals, answered until the caller knows that its own store holds the case
//! referrals           from the call until the sender holds the recipient's verified receipt, with cases preloaded
//! referrals, at half  the same at half that rate, for the delay
//! observations        from the upload until a subscriber answers a query with every value
//! ```
//!
//! With `--soak` the half rate is kept for so many minutes, and memory, descriptors and delays of each tenth are
//! noted. With `--growth` stores grow first, and what becomes of rates, delays, memory and starts meanwhile is noted;
//! what grew is what is preloaded then.
//!
//! Everything runs in the sandbox: four access points as processes, TLS, a signed directory, a broker that flushes
//! every message. `make bench` builds the program as it is delivered, and this with it. Prints a table, writes JSON.
//! No figure makes it fail, however slow; a case or a value that is lost, doubled or altered does.

mod empty;
mod growth;
mod jetstream;
mod observations;
mod referrals;
mod report;
mod soak;

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};
use clap::Parser as _;
use nhipcau_messaging::store::Readers;
use nhipcau_tests::{process::peak, world::World};

use self::{referrals::Callers, report::Report};

#[derive(clap::Parser)]
struct Args {
    /// Cases that exist before anything is measured.
    #[arg(long, default_value_t = 10_000)]
    preload: u64,
    /// Cases that are measured.
    #[arg(long, default_value_t = 10_000)]
    cases: u64,
    /// Callers, each with a connection of its own.
    #[arg(long, default_value_t = 64)]
    callers: usize,
    /// Seconds at half the rate.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Minutes at half the rate before that; memory and delays are noted ten times meanwhile.
    #[arg(long, default_value_t = 0)]
    soak: u64,
    /// Series of a hundred observations each.
    #[arg(long, default_value_t = 5_000)]
    series: usize,
    /// Let stores grow and measure at each size, instead of preloading.
    #[arg(long)]
    growth: bool,
    /// Up to so many observations when they grow.
    #[arg(long, default_value_t = 1_000_000)]
    observations_max: u64,
    /// Up to so many cases when they grow.
    #[arg(long, default_value_t = 10_000)]
    cases_max: u64,
    /// Everything that the design asks for: grows to 10,000,000 observations and 1,000,000 cases, and soaks for half an
    /// hour; about two hours, and 40 GB of disk.
    #[arg(long)]
    full: bool,
    /// Where the JSON is written.
    #[arg(long, default_value = "target/bench.json")]
    report: PathBuf,
    /// Given by `cargo bench`; means nothing here.
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut args = Args::parse();
    if args.full {
        args = Args { growth: true, observations_max: 10_000_000, cases_max: 1_000_000, soak: 30, ..args };
    }
    // `cargo bench` runs in the directory of the package.
    std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))?;
    let mut report = Report::default();
    let mut error = std::io::stderr();
    writeln!(error, "starting the sandbox …")?;
    let mut world = World::make()?;
    world.start_broker().await?;
    world.provision()?;
    for name in ["moha", "moh", "vwu", "hanoi"] {
        start(&mut world, name).await?;
    }
    report.fact("callers", args.callers as u64);
    report.fact("processors", std::thread::available_parallelism()?.get() as u64);
    let (mut preload, mut grown) = (args.preload, 0);
    if args.growth {
        writeln!(error, "growing to {} observations …", args.observations_max)?;
        growth::observations(&mut world, args.observations_max, &mut report).await?;
        writeln!(error, "growing to {} cases …", args.cases_max)?;
        grown = growth::cases(&mut world, args.callers, args.cases_max, &mut report).await?;
        preload = 0;
        // All of it took long: it is there also when what follows fails.
        write(&report, &args.report)?;
    }
    report.fact("cases preloaded", preload + grown);

    writeln!(error, "empty calls …")?;
    let (empty, latency) = empty::run(&world, args.callers, 50_000).await?;

    writeln!(error, "preloading {preload} cases …")?;
    let mut callers = Callers::connect(&world, args.callers).await?;
    callers.flood(preload).await?;
    writeln!(error, "{} cases …", args.cases)?;
    let (cases, answered, answer) = callers.flood(args.cases).await?;
    let half_rate = cases.per_second() / 2.0;
    if args.soak > 0 {
        writeln!(error, "soaking at half that rate for {} minutes …", args.soak)?;
        soak::run(&mut world, &mut callers, half_rate, Duration::from_secs(args.soak * 60), &mut report).await?;
    }
    writeln!(error, "at half that rate for {} seconds …", args.seconds)?;
    let (half, delay) = callers.pace(half_rate, Duration::from_secs(args.seconds)).await?;

    writeln!(error, "{} series …", args.series)?;
    let observations = observations::run(&world, args.series).await?;
    for name in ["moha", "moh", "vwu", "hanoi"] {
        report.fact(&format!("MiB of {name} at most"), peak(world.running(name)?.id())? >> 10);
    }
    referrals::check(&world, grown + callers.submitted()).await?;
    let bytes = envelope_bytes(&world).await?;
    report.fact("bytes of a referral's envelope", bytes as u64);
    drop(world);

    writeln!(error, "raw JetStream, {bytes} bytes each …")?;
    let raw = jetstream::run(20_000, bytes).await?;
    report.add("raw JetStream", raw, None, None);
    report.add("empty call", empty, Some(latency), None);
    report.add("referrals, answered", answered, Some(answer), Some("empty call"));
    report.add("referrals", cases, None, Some("raw JetStream"));
    report.add("referrals, at half", half, Some(delay), Some("raw JetStream"));
    report.add("observations", observations, None, Some("empty call"));

    write(&report, &args.report)
}

/// Starts an access point, where one system may call as much as it can: that is not what is measured.
async fn start(world: &mut World, name: &str) -> Result<()> {
    let unbounded = [
        ("NHIPCAU_SERVER__RATE", "1000000"),
        ("NHIPCAU_SERVER__BURST", "1000000"),
        ("NHIPCAU_SERVER__CONCURRENCY", "65536"),
        ("NHIPCAU_SERVER__CONNECTIONS", "65536"),
        ("NHIPCAU_SERVER__REQUESTS_LIMIT", "1GiB"),
    ];
    world.start_access_point_with(name, |command| _ = command.envs(unbounded)).await
}

fn write(report: &Report, path: &Path) -> Result<()> {
    write!(std::io::stdout(), "{}", report.table())?;
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let json = serde_json::to_string_pretty(&report.json())?;
    fs::write(path, json).with_context(|| path.display().to_string())
}

/// How large an opening is on the wire, on average, as a sender's store holds it.
async fn envelope_bytes(world: &World) -> Result<usize> {
    let readers = Readers::open(&world.path("moh/store/store.db"), 1)?;
    let lengths = readers
        .read(|tx| {
            tx.query(
                "SELECT LENGTH(envelope) FROM sent WHERE lane = 1 AND envelope IS NOT NULL LIMIT 1000",
                &[],
                |row| row.number(0),
            )
        })
        .await?;
    let total: u64 = lengths.iter().sum();
    let mean = total.checked_div(lengths.len() as u64).context("no envelope was sent")?;
    Ok(usize::try_from(mean)?)
}

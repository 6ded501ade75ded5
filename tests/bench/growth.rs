//! What becomes of rates, delays and memory while the stores grow: the same calls at every size. Delays and the rate of
//! cases stand beside those of the smallest size; the rate of loading, memory and the time to start stand alone.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use nhipcau_tests::{
    process::{peak, resident},
    world::World,
};

use crate::{
    observations::{self, Figures, GROWN, PERIODS, SERIES_OF_A_SUBMISSION},
    referrals::Callers,
    report::{Latency, Rate, Report},
    start,
};

/// The smallest store, with which the larger ones are compared.
const SMALLEST: u64 = 1_000;
/// Queries and revisions at each size.
const QUERIES: usize = 400;
const REVISIONS: usize = 40;
/// Cases a second and for how long, at each size.
const PACE: (f64, Duration) = (50.0, Duration::from_secs(8));

/// Lets the observations of a publisher and a subscriber grow.
pub(crate) async fn observations(world: &mut World, most: u64, report: &mut Report) -> Result<()> {
    let keys = observations::keys(usize::try_from(most / PERIODS)?, GROWN)?;
    let mut figures = Figures::connect(world)?;
    let mut held = 0;
    for size in sizes(most) {
        let wanted = usize::try_from(size / PERIODS)?;
        let added = keys.get(held..wanted).context("keys")?;
        let begun = Instant::now();
        for series in added.chunks(SERIES_OF_A_SUBMISSION) {
            figures.load_series(series).await?;
        }
        let rate = Rate { count: added.len() as u64 * PERIODS, elapsed: begun.elapsed() };
        held = wanted;
        // Prime to any number of series, so that the calls are spread over all.
        let some = |at: usize| keys.get(at * 7_919 % held).context("a key");
        let mut times = Vec::with_capacity(QUERIES);
        for at in 0..QUERIES {
            // The last dimension is left open.
            let pattern = some(at)?.trim_end_matches("_T");
            let begun = Instant::now();
            figures.query(pattern).await?;
            times.push(begun.elapsed());
        }
        let queries = Latency::new(times);
        let mut times = Vec::with_capacity(REVISIONS);
        for at in 0..REVISIONS {
            let begun = Instant::now();
            figures.revise(some(at)?, at as u64, &format!("{size}.{at}")).await?;
            times.push(begun.elapsed());
        }
        let revisions = Latency::new(times);
        report.add(&format!("load to {size} observations"), rate, None, None);
        let smallest = |what: &str| format!("{what}, of {SMALLEST}");
        for (what, times) in [("query of a series", queries), ("revision until held", revisions)] {
            report.add(&format!("{what}, of {size}"), times.rate(), Some(times), Some(&smallest(what)));
        }
        for name in ["moha", "vwu"] {
            note(world, name, &format!("{size} observations"), report)?;
        }
    }
    for name in ["moha", "vwu"] {
        starting(world, name, &format!("{most} observations"), report).await?;
    }
    Ok(())
}

/// Lets the cases of three access points grow; how many there are then.
pub(crate) async fn cases(world: &mut World, callers: usize, most: u64, report: &mut Report) -> Result<u64> {
    let mut connected = Callers::connect(world, callers).await?;
    let mut held = 0;
    for size in sizes(most) {
        let (rate, ..) = connected.flood(size - held).await?;
        let (pace, delay) = connected.pace(PACE.0, PACE.1).await?;
        held = size + pace.count;
        report.add(&format!("cases to {size}"), rate, None, Some(&format!("cases to {SMALLEST}")));
        report.add(
            &format!("a case until its receipt, of {size}"),
            delay.rate(),
            Some(delay),
            Some(&format!("a case until its receipt, of {SMALLEST}")),
        );
        for name in ["moh", "vwu", "hanoi"] {
            note(world, name, &format!("{size} cases"), report)?;
        }
    }
    drop(connected);
    starting(world, "moh", &format!("{held} cases in the world"), report).await?;
    Ok(held)
}

/// Ten times as many each time.
fn sizes(most: u64) -> impl Iterator<Item = u64> {
    (0..).map(|power| SMALLEST * 10_u64.pow(power)).take_while(move |size| *size <= most)
}

/// Stops an access point, starts it, and notes how long it took until it served and what it occupies then.
async fn starting(world: &mut World, name: &str, with: &str, report: &mut Report) -> Result<()> {
    world.stop(name).await?;
    let files = std::fs::read_dir(world.path(Path::new(name).join("store")))?;
    let bytes: u64 = files.map(|file| Ok(file?.metadata()?.len())).sum::<std::io::Result<u64>>()?;
    let begun = Instant::now();
    start(world, name).await?;
    let elapsed = u64::try_from(begun.elapsed().as_millis())?;
    report.fact(&format!("ms until {name} served with {with}, {} MiB", bytes >> 20), elapsed);
    note(world, name, &format!("{with} after a start"), report)
}

/// What an access point occupies in memory, and the most that it ever did, in MiB.
fn note(world: &mut World, name: &str, with: &str, report: &mut Report) -> Result<()> {
    let process = world.running(name)?.id();
    report.fact(&format!("MiB of {name} with {with}"), resident(process)? >> 10);
    report.fact(&format!("MiB of {name} with {with}, at most"), peak(process)? >> 10);
    Ok(())
}

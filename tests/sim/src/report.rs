//! Many seeds: run on threads, added up, and judged as a whole.

use std::{
    fmt::{self, Write as _},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use crate::{
    coverage::Coverage,
    queue::SECOND,
    world::{Losses, Options, Summary, run},
};

/// Seeds from which on a run must have gone through everything.
pub const FULL_RUN: u64 = 200;

/// How often everything must have fired over a full run.
pub const LEAST: u64 = 100;

/// What many seeds came to.
#[derive(Debug, Default)]
pub struct Report {
    /// Seeds that ran.
    pub seeds: u64,
    /// How many access points could lose history.
    pub losses: Losses,
    /// What failed, by seed, in their order.
    pub failures: Vec<(u64, String)>,
    /// Faults and branches over all of them.
    pub coverage: Coverage,
    /// Messages committed.
    pub messages: u64,
    /// Messages that rollbacks took everywhere.
    pub lost: u64,
    /// Effects on disk at the ends.
    pub effects: u64,
    /// The longest time from healing to drained, in simulated seconds.
    pub drained_after: u64,
}

impl Report {
    fn add(&mut self, summary: &Summary) {
        self.seeds += 1;
        self.failures.extend(summary.failure.iter().map(|why| (summary.seed, why.clone())));
        self.coverage.merge(&summary.coverage);
        self.messages += summary.messages;
        self.lost += summary.lost;
        self.effects += summary.effects;
        self.drained_after = self.drained_after.max(summary.drained_after / SECOND);
    }

    /// What did not fire often enough; only a full run with every kind of loss has to have gone through everything.
    #[must_use]
    pub fn missing(&self) -> Vec<(&str, u64)> {
        let is_full = self.seeds >= FULL_RUN && self.losses == Losses::default();
        if is_full { self.coverage.below(LEAST) } else { Vec::new() }
    }

    /// Whether all is well.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.failures.is_empty() && self.missing().is_empty()
    }
}

/// Runs seeds from the first on, otherwise as the template says, on as many threads as said.
#[must_use]
pub fn run_seeds(first: u64, seeds: u64, template: Options, threads: usize) -> Report {
    let next = AtomicU64::new(first);
    let work = || {
        let mut summaries = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + seeds {
                return summaries;
            }
            summaries.push(run_seed(Options { seed, ..template }));
        }
    };
    let mut summaries: Vec<Summary> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker catches panics")).collect()
    });
    summaries.sort_by_key(|summary| summary.seed);
    let mut report = Report { losses: template.losses, ..Report::default() };
    summaries.iter().for_each(|summary| report.add(summary));
    report
}

/// Runs one seed. A panic is a failure like any other.
#[must_use]
pub fn run_seed(options: Options) -> Summary {
    catch_unwind(AssertUnwindSafe(|| run(options))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Summary {
            seed: options.seed,
            failure: Some(format!("panicked: {}", text.unwrap_or_default())),
            digest: 0,
            trace: Vec::new(),
            coverage: Coverage::default(),
            messages: 0,
            lost: 0,
            effects: 0,
            drained_after: 0,
        }
    })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = String::new();
        for (name, count) in self.coverage.iter() {
            writeln!(table, "{name:<28} {count:>10}")?;
        }
        write!(f, "{table}")?;
        writeln!(
            f,
            "{} seeds, {} messages, {} effects, {} taken by rollbacks; drained within {} s",
            self.seeds, self.messages, self.effects, self.lost, self.drained_after
        )?;
        for (name, count) in self.missing() {
            writeln!(f, "MISSING {name} fired {count} times, less than {LEAST}")?;
        }
        for (seed, why) in &self.failures {
            writeln!(f, "FAILED seed {seed}: {why}")?;
            let losses = match self.losses {
                Losses::One => " --one-loser",
                Losses::Many => " --many-losses",
                Losses::ManyInThird => "",
            };
            writeln!(f, "       replay: cargo run --package nhipcau-sim --bin sim -- --seed {seed} --trace{losses}")?;
        }
        Ok(())
    }
}

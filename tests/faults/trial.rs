//! A world in which one fault is tried: what runs in it, how it is brought up again, and the runs themselves.

use std::{collections::BTreeMap, fs, process::Command, time::Duration};

use anyhow::{Context as _, Result, ensure};
use nhipcau_sim::prng::Prng;
use nhipcau_tests::{disk::Disk, wait, world::World};
use rustix::process::Signal;
use tokio::time::{Instant, sleep};

use crate::{
    callers::{Callers, Record},
    campaign::{Fault, Setting},
    cluster::Nodes,
    crowd,
    histories::Histories,
    insider, judge,
    proxy::Link,
    report::Row,
};

/// How long a healed world may take until nothing is owed any more.
const DRAIN_WITHIN: Duration = Duration::from_secs(90);

/// What is owed for longer is worth a word.
const LONG_DRAIN: Duration = Duration::from_secs(10);

/// Calls that are acknowledged before anything is broken.
const WARM: usize = 10;

/// A world with what a fault needs in it.
pub(crate) struct Trial {
    /// The processes and their files.
    pub(crate) world: World,
    /// What decides.
    pub(crate) rng: Prng,
    /// Access points that take part.
    pub(crate) members: &'static [&'static str],
    /// File systems of their own, by the place below the home.
    pub(crate) disks: BTreeMap<&'static str, Disk>,
    /// Ways to the broker that can be cut, by access point.
    pub(crate) links: BTreeMap<&'static str, Link>,
    /// The nodes, where the broker is three.
    pub(crate) nodes: Option<Nodes>,
    /// What access points are started with, in their environment.
    pub(crate) environment: BTreeMap<&'static str, Vec<(String, String)>>,
    /// What the stores said at every look.
    pub(crate) histories: Histories,
    /// What callers were answered.
    pub(crate) record: Record,
    acknowledged: usize,
    unknown: usize,
    seen: BTreeMap<String, u32>,
}

/// Tries a fault so many times in one world.
pub(crate) async fn run(fault: &Fault, runs: u32, seed: u64) -> Row {
    let mut row = Row { fault: fault.name, ..Row::default() };
    // Every fault has chance of its own, so that one can be repeated alone.
    let seed = fault.name.bytes().fold(seed, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let begun = Instant::now();
    if let Err(error) = all(fault, runs, seed, &mut row).await {
        row.broken.push(format!("run {}: {error:#}", row.runs + 1));
    }
    row.took = begun.elapsed();
    row
}

async fn all(fault: &Fault, runs: u32, seed: u64, row: &mut Row) -> Result<()> {
    let mut trial = Trial::make(&fault.setting, Prng::new(seed)).await?;
    let done = trial.runs(fault, runs, row).await;
    row.seen = std::mem::take(&mut trial.seen);
    (row.acknowledged, row.unknown) = (trial.acknowledged, trial.unknown);
    for what in fault.setting.shows.iter().filter(|what| !row.seen.contains_key(**what)) {
        row.broken.push(format!("never seen in {} runs: {what}", row.runs));
    }
    done.map_err(|error| error.context(trial.last_words()))
}

impl Trial {
    async fn make(setting: &Setting, rng: Prng) -> Result<Self> {
        let mut trial = Self {
            world: World::make()?,
            rng,
            members: setting.members,
            disks: BTreeMap::new(),
            links: BTreeMap::new(),
            nodes: None,
            environment: BTreeMap::new(),
            histories: Histories::default(),
            record: Record::default(),
            acknowledged: 0,
            unknown: 0,
            seen: BTreeMap::new(),
        };
        crowd::gather(&mut trial.world, setting.members, &mut trial.rng)?;
        for (place, mebibytes) in setting.disks {
            let at = trial.world.path(place);
            fs::create_dir_all(&at)?;
            let image = trial.world.path(format!("{}.image", place.replace('/', "-")));
            trial.disks.insert(place, Disk::mount(&at, image, *mebibytes)?);
        }
        if setting.insider {
            insider::let_in(&trial.world)?;
        }
        if setting.linked {
            for name in setting.members {
                trial.links.insert(name, Link::to(trial.world.broker_address()?).await?);
            }
        }
        if setting.nodes {
            trial.nodes = Some(Nodes::start(&mut trial.world).await?);
        } else {
            trial.world.start_broker().await?;
        }
        trial.world.provision()?;
        trial.bring_up().await?;
        Ok(trial)
    }

    async fn runs(&mut self, fault: &Fault, runs: u32, row: &mut Row) -> Result<()> {
        for _ in 0..runs {
            let mut callers = self.call()?;
            wait::until_answered("the first calls", async || (callers.acknowledged() >= WARM).then_some(())).await?;
            if fault.setting.quiet {
                self.hear(callers).await?;
                self.drain(row).await?;
                (fault.strike)(self).await?;
                self.bring_up().await?;
                callers = self.call()?;
                wait::until_answered("calls again", async || (callers.acknowledged() >= WARM).then_some(())).await?;
            } else {
                (fault.strike)(self).await?;
                self.bring_up().await?;
            }
            let healed = Instant::now();
            self.hear(callers).await?;
            self.drain(row).await?;
            row.drained = row.drained.max(healed.elapsed());
            row.runs += 1;
        }
        judge::last(self, row).await
    }

    /// Starts callers.
    pub(crate) fn call(&mut self) -> Result<Callers> {
        self.call_among(self.members)
    }

    /// Starts callers of some of the access points alone.
    pub(crate) fn call_among(&mut self, members: &[&'static str]) -> Result<Callers> {
        Callers::start(&self.world, members, &mut self.rng, &self.record)
    }

    /// Lets callers finish and writes down what they were answered.
    pub(crate) async fn hear(&mut self, callers: Callers) -> Result<()> {
        let (acknowledged, unknown) = callers.finish(&mut self.record).await?;
        self.acknowledged += acknowledged;
        self.unknown += unknown;
        Ok(())
    }

    /// Looks at the stores until nothing is owed any more.
    async fn drain(&mut self, row: &mut Row) -> Result<()> {
        let begun = Instant::now();
        let deadline = begun + DRAIN_WITHIN;
        let mut last = String::new();
        loop {
            let found = self.histories.judge(&self.world, self.members).await?;
            let Some(first) = found.first() else {
                if begun.elapsed() > LONG_DRAIN {
                    crate::say(&format!("  drained after {:.1?}; the last that was owed: {last}", begun.elapsed()));
                }
                return Ok(());
            };
            last = self.histories.words(first, self.members);
            if Instant::now() > deadline {
                judge::count(&found, row);
                let words: Vec<String> =
                    found.iter().take(3).map(|found| self.histories.words(found, self.members)).collect();
                ensure!(
                    false,
                    "not drained in {DRAIN_WITHIN:?}: {} promises, such as {}",
                    found.len(),
                    words.join("; ")
                );
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Starts whatever does not run, at one moment, as a supervisor would.
    pub(crate) async fn bring_up(&mut self) -> Result<()> {
        if self.nodes.is_none() && self.world.broker().is_ok_and(|broker| broker.has_ended()) {
            self.world.kill_broker();
        }
        if self.nodes.is_none() && self.world.broker().is_err() {
            self.world.start_broker().await?;
        }
        let down: Vec<&str> = self.members.iter().copied().filter(|name| self.is_down(name)).collect();
        for name in &down {
            let settings = self.settings(name);
            self.world.launch(name, |command| {
                command.envs(settings);
            })?;
        }
        for name in down {
            self.world.served_by(name).await?;
        }
        Ok(())
    }

    /// Provisions the broker as its operator does. What differs from the plan or does not answer, because the disk is
    /// damaged, is moved away: a wiped disk.
    pub(crate) async fn provision(&mut self) -> Result<()> {
        if self.world.provision().is_ok() {
            return Ok(());
        }
        self.saw("wiped by the operator");
        self.world.kill_broker();
        self.world.empty_broker_disk()?;
        self.world.start_broker().await?;
        self.world.provision()
    }

    /// Whether an access point does not run.
    pub(crate) fn is_down(&mut self, name: &str) -> bool {
        self.world.running(name).map_or(true, |process| process.has_ended())
    }

    /// Starts an access point with what it is to be started with.
    pub(crate) async fn start(&mut self, name: &str) -> Result<()> {
        let settings = self.settings(name);
        let set = |command: &mut Command| {
            command.envs(settings);
        };
        self.world.start_access_point_with(name, set).await
    }

    fn settings(&self, name: &str) -> Vec<(String, String)> {
        let mut settings = self.environment.get(name).cloned().unwrap_or_default();
        // Stores on small disks of their own are to be filled, and callers not turned away before.
        settings.push(("NHIPCAU_STORE__FLOOR".to_owned(), "64KiB".to_owned()));
        let servers = match (self.links.get(name), &self.nodes) {
            (Some(link), _) => Some(link.address()),
            (None, Some(nodes)) => Some(nodes.addresses()),
            (None, None) => None,
        };
        settings.extend(servers.map(|servers| ("NHIPCAU_BROKER__SERVERS".to_owned(), servers)));
        settings
    }

    /// Sends a signal to an access point.
    pub(crate) fn signal(&mut self, name: &str, signal: Signal) -> Result<()> {
        self.world.running(name)?.signal(signal)
    }

    /// One of the access points.
    pub(crate) fn any_member(&mut self) -> &'static str {
        self.members[self.rng.index(self.members.len())]
    }

    /// Lets so many milliseconds go by, or more, up to so many: a random point of whatever goes on.
    pub(crate) async fn pause(&mut self, low: u64, high: u64) {
        sleep(Duration::from_millis(self.rng.between(low, high))).await;
    }

    /// Remembers that something was seen.
    pub(crate) fn saw(&mut self, what: &str) {
        *self.seen.entry(what.to_owned()).or_default() += 1;
    }

    /// The last lines that each process wrote: what a person needs when a run fails.
    fn last_words(&self) -> String {
        let logs = self.members.iter().copied().chain(["nats"]).map(|name| {
            let log = fs::read(self.world.path(name).join("log")).unwrap_or_default();
            let log = String::from_utf8_lossy(&log).into_owned();
            let lines: Vec<&str> = log.lines().rev().take(4).collect();
            format!("{name}: {}", lines.into_iter().rev().collect::<Vec<_>>().join(" | "))
        });
        logs.collect::<Vec<_>>().join("\n")
    }

    /// The disk at a place.
    pub(crate) fn disk(&self, place: &str) -> Result<&Disk> {
        self.disks.get(place).with_context(|| format!("no disk at {place}"))
    }
}

impl Drop for Trial {
    /// Processes first, so that nobody uses the file systems any more, and those before the files below them.
    fn drop(&mut self) {
        for name in self.members {
            self.world.kill(name);
        }
        self.world.kill_broker();
        self.nodes = None;
        self.disks.clear();
    }
}

//! The callers of a run: systems that publish figures and drive cases while something breaks, and that ask again under
//! the same request id for as long as they do not know.

use std::{
    mem,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Result, bail};
use nhipcau_sim::prng::Prng;
use nhipcau_tests::world::World;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tonic::{Code, Status};

use crate::{
    cases::{self, Case},
    figures::{self, Figures},
};

/// How long a caller asks again before it is a fault that nobody answers.
const PATIENCE: Duration = Duration::from_secs(180);

/// The pause between two calls of a caller, and before it asks again.
pub(crate) const PAUSE: Duration = Duration::from_millis(80);

/// Where at most so many drive cases, each does so to each other one.
const FEW: usize = 4;

/// What every caller shares.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// Calls that were answered with success.
    pub(crate) acknowledged: AtomicUsize,
    /// Answers after which the caller did not know.
    pub(crate) unknown: AtomicUsize,
    /// Set when nobody shall begin anything more.
    ending: AtomicBool,
}

impl Answers {
    /// Whether callers still begin something.
    pub(crate) fn go_on(&self) -> bool {
        !self.ending.load(Ordering::Relaxed)
    }

    /// Calls, and calls again with the same content for as long as the outcome is unknown or there is no room.
    pub(crate) async fn to<T, F: Future<Output = Result<T, Status>>>(
        &self,
        mut call: impl FnMut() -> F,
    ) -> Result<Result<T, Status>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match call().await {
                Ok(answer) => {
                    self.acknowledged.fetch_add(1, Ordering::Relaxed);
                    return Ok(Ok(answer));
                }
                Err(status) if is_unknown(status.code()) => {
                    self.unknown.fetch_add(1, Ordering::Relaxed);
                    if Instant::now() > deadline {
                        bail!("nobody answered in {PATIENCE:?}: {status}");
                    }
                    sleep(PAUSE).await;
                }
                Err(status) => return Ok(Err(status)),
            }
        }
    }
}

/// The same call repeated decides nothing twice.
pub(crate) fn is_unknown(code: Code) -> bool {
    matches!(
        code,
        Code::Unavailable
            | Code::DeadlineExceeded
            | Code::Cancelled
            | Code::Unknown
            | Code::Internal
            | Code::ResourceExhausted
    )
}

/// What was asked and answered in a whole trial.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// Figures that were acknowledged.
    pub(crate) figures: Figures,
    /// Cases, each with the steps that were acknowledged.
    pub(crate) cases: Vec<Case>,
}

/// Callers at work.
pub(crate) struct Callers {
    answers: Arc<Answers>,
    publishing: JoinSet<Result<Figures>>,
    driving: JoinSet<Result<Vec<Case>>>,
}

impl Callers {
    /// Starts one caller for each series that `moha` publishes, and one for each direction between the others; where
    /// these are many, one from every third to the next.
    pub(crate) fn start(world: &World, members: &[&'static str], rng: &mut Prng, record: &Record) -> Result<Self> {
        let answers = Arc::new(Answers::default());
        let (mut publishing, mut driving) = (JoinSet::new(), JoinSet::new());
        for series in figures::SERIES.into_iter().filter(|_| members.contains(&"moha")) {
            let channel = world.channel("moha")?;
            publishing.spawn(figures::publish(channel, series, record.figures.next(series), Arc::clone(&answers)));
        }
        let sides: Vec<&str> = members.iter().copied().filter(|name| cases::unit(name).is_some()).collect();
        let all = sides.iter().flat_map(|from| sides.iter().filter(move |to| *to != from).map(move |to| [*from, *to]));
        let some = sides.windows(2).step_by(3).map(|pair| [pair[0], pair[1]]);
        for [from, to] in if sides.len() <= FEW { all.collect() } else { some.collect::<Vec<_>>() } {
            let channels = [world.channel(from)?, world.channel(to)?];
            driving.spawn(cases::drive([from, to], channels, rng.split(), Arc::clone(&answers)));
        }
        Ok(Self { answers, publishing, driving })
    }

    /// Lets every caller finish what it began, and adds it to the record. Gives how many answers there were, and after
    /// how many of them the callers did not know.
    ///
    /// # Errors
    /// When a caller was refused, or never answered.
    pub(crate) async fn finish(mut self, record: &mut Record) -> Result<(usize, usize)> {
        self.answers.ending.store(true, Ordering::Relaxed);
        for figures in mem::take(&mut self.publishing).join_all().await {
            record.figures.add(figures?);
        }
        for cases in mem::take(&mut self.driving).join_all().await {
            record.cases.extend(cases?);
        }
        let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        Ok((count(&self.answers.acknowledged), count(&self.answers.unknown)))
    }

    /// How many calls were acknowledged so far.
    pub(crate) fn acknowledged(&self) -> usize {
        self.answers.acknowledged.load(Ordering::Relaxed)
    }
}

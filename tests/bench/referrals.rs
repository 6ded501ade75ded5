//! Referrals: each a new case of about 4 KiB in four parts, from 64 callers over mutual TLS, on the six channels
//! between three access points. The time stops when the sender's store holds the recipient's verified receipt, as its
//! watchers see it.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use nhipcau_messaging::store::Readers;
use nhipcau_proto::{
    google::r#type::Date,
    referral::v1::{
        self as pb, referral_service_client::ReferralServiceClient,
        referral_watch_service_client::ReferralWatchServiceClient,
    },
};
use nhipcau_tests::{
    case::{commune, preview},
    world::World,
};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{interval, timeout},
};
use tonic::transport::Channel;
use uuid::Uuid;

use crate::report::{Latency, Rate};

/// Units between which cases go, in both directions of every pair: six channels.
const UNITS: [(&str, &str); 3] = [("moh", "111"), ("hanoi", "00004"), ("vwu", "desk")];

/// How long the last receipt may take after the last submission.
const PATIENCE: Duration = Duration::from_secs(120);

/// The callers and what they hear.
pub(crate) struct Callers {
    channels: Vec<Vec<Channel>>,
    heard: mpsc::Receiver<(String, Instant)>,
    /// Every branch whose receipt was seen: a watcher may tell of one again.
    received: HashSet<String>,
}

/// A case that was submitted: its branch, and when the call began.
type Submitted = (String, Instant);

impl Callers {
    /// Connects so many callers, and one that follows each access point.
    pub(crate) async fn connect(world: &World, callers: usize) -> Result<Self> {
        let (tell, heard) = mpsc::channel(1 << 12);
        let mut channels = Vec::new();
        for (at, (party, _)) in UNITS.iter().enumerate() {
            let own = callers / UNITS.len() + usize::from(at < callers % UNITS.len());
            channels.push((0..own).map(|_| world.channel(party)).collect::<Result<Vec<_>>>()?);
            let mut watch = ReferralWatchServiceClient::new(world.channel(party)?);
            let request = pb::WatchReferralsRequest { parent: format!("parties/{party}"), ..Default::default() };
            let mut changes = watch.watch_referrals(request).await?.into_inner();
            let tell = tell.clone();
            let own = format!("parties/{party}/");
            tokio::spawn(async move {
                while let Ok(Some(change)) = changes.message().await {
                    let Some(branch) = change.branch else { continue };
                    let is_received = branch.state() == pb::BranchState::Received && branch.name.starts_with(&own);
                    if is_received && tell.send((branch.name, Instant::now())).await.is_err() {
                        return;
                    }
                }
            });
        }
        Ok(Self { channels, heard, received: HashSet::new() })
    }

    /// As many as the callers can submit, one after the other: until the last receipt is held, and how long the calls
    /// took to be answered.
    pub(crate) async fn flood(&mut self, cases: u64) -> Result<(Rate, Rate, Latency)> {
        let left = Arc::new(AtomicU64::new(cases));
        let begun = Instant::now();
        let mut callers = JoinSet::new();
        for (from, channels) in self.channels.iter().enumerate() {
            for (at, channel) in channels.iter().enumerate() {
                let (channel, left) = (channel.clone(), Arc::clone(&left));
                callers.spawn(async move {
                    let (mut times, mut branches) = (Vec::new(), Vec::new());
                    for turn in at.. {
                        if left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_err() {
                            break;
                        }
                        let (branch, begun) = submit(channel.clone(), from, turn).await?;
                        times.push(begun.elapsed());
                        branches.push(branch);
                    }
                    anyhow::Ok((times, branches, Instant::now()))
                });
            }
        }
        let (mut times, mut submitted, mut answered) = (Vec::new(), Vec::new(), begun);
        let (mut last, mut receipts) = (begun, 0);
        while receipts < cases || !callers.is_empty() {
            tokio::select! {
                receipt = self.receipt(), if receipts < cases => {
                    last = receipt?.1;
                    receipts += 1;
                }
                Some(done) = callers.join_next() => {
                    let (own, branches, ended) = done??;
                    times.extend(own);
                    submitted.push(branches);
                    answered = answered.max(ended);
                }
            }
        }
        for branches in submitted {
            let missing = branches.iter().find(|branch| !self.received.contains(*branch));
            ensure!(missing.is_none(), "no receipt of {missing:?}, and one of a branch that nobody submitted");
        }
        let rate = |until: Instant| Rate { count: cases, elapsed: until - begun };
        Ok((rate(last), rate(answered), Latency::new(times)))
    }

    /// So many a second for a time, whether earlier ones are answered or not; how long each took until its receipt.
    pub(crate) async fn pace(&mut self, per_second: f64, time: Duration) -> Result<(Rate, Latency)> {
        let mut ticks = interval(Duration::from_secs_f64(1.0 / per_second));
        let begun = Instant::now();
        let mut calls: JoinSet<Result<Submitted>> = JoinSet::new();
        let mut receipts = HashMap::new();
        let mut turn = 0;
        while begun.elapsed() < time {
            tokio::select! {
                _ = ticks.tick() => {}
                receipt = self.receipt() => {
                    receipts.extend([receipt?]);
                    continue;
                }
            }
            let from = turn % UNITS.len();
            let channels = self.channels.get(from).context("a caller")?;
            let channel = channels.get(turn / UNITS.len() % channels.len()).context("a caller")?.clone();
            calls.spawn(submit(channel, from, turn / UNITS.len()));
            turn += 1;
        }
        while receipts.len() < turn {
            receipts.extend([self.receipt().await?]);
        }
        let elapsed = begun.elapsed();
        let mut times = Vec::with_capacity(turn);
        while let Some(done) = calls.join_next().await {
            let (branch, begun) = done??;
            let at = receipts.get(&branch).with_context(|| format!("no receipt of {branch}"))?;
            times.push(at.saturating_duration_since(begun));
        }
        Ok((Rate { count: times.len() as u64, elapsed }, Latency::new(times)))
    }

    /// How many have receipts by now.
    pub(crate) fn submitted(&self) -> u64 {
        self.received.len() as u64
    }

    /// The next branch whose receipt its sender holds, and when that was seen.
    async fn receipt(&mut self) -> Result<(String, Instant)> {
        loop {
            let heard = timeout(PATIENCE, self.heard.recv()).await.context("a receipt did not come")?;
            let (branch, at) = heard.context("the watchers ended")?;
            if self.received.insert(branch.clone()) {
                return Ok((branch, at));
            }
        }
    }
}

/// Looks whether origins and recipients hold so many branches, each once.
///
/// # Errors
/// One was lost, or came twice.
pub(crate) async fn check(world: &World, submitted: u64) -> Result<()> {
    let (mut opened, mut taken) = (0, 0);
    for (party, _) in UNITS {
        let readers = Readers::open(&world.path(format!("{party}/store/store.db")), 1)?;
        let count = "SELECT COUNT(CASE holder WHEN 1 THEN 1 END), COUNT(CASE holder WHEN 2 THEN 1 END) \
             FROM referral_branch";
        let own = readers.read(|tx| tx.query_one(count, &[], |row| Ok((row.number(0)?, row.number(1)?)))).await?;
        let (own, others) = own.unwrap_or_default();
        opened += own;
        taken += others;
    }
    ensure!((opened, taken) == (submitted, submitted), "of {submitted} cases {opened} were opened and {taken} taken");
    Ok(())
}

async fn submit(channel: Channel, from: usize, turn: usize) -> Result<Submitted> {
    let to = (from + 1 + turn % (UNITS.len() - 1)) % UNITS.len();
    let (from, to) = (UNITS.get(from).context("a unit")?, UNITS.get(to).context("a unit")?);
    let begun = Instant::now();
    let answer = ReferralServiceClient::new(channel).submit_referral(case(*from, *to)).await?;
    let referral = answer.into_inner().referral.context("an answer without a referral")?;
    let branch = referral.branches.into_iter().next().context("a referral without a branch")?;
    Ok((branch.name, begun))
}

/// A transfer with its four parts, about 4 KiB together.
fn case((party, unit): (&str, &str), (to_party, to_unit): (&str, &str)) -> pb::SubmitReferralRequest {
    let unit_ref = |party: &str, unit: &str| pb::UnitRef { party: party.to_owned(), unit: unit.to_owned() };
    pb::SubmitReferralRequest {
        request_id: Uuid::now_v7().to_string(),
        origin: Some(unit_ref(party, unit)),
        recipients: vec![unit_ref(to_party, to_unit)],
        kind: pb::ReferralKind::Transfer.into(),
        purpose: "protection".to_owned(),
        lawful_basis: Some(pb::LawfulBasis {
            statutory_duty: Some(pb::StatutoryDuty {
                citation: "Nghị định 56/2017/NĐ-CP, điều 26".to_owned()
            }),
            ..Default::default()
        }),
        content: Some(pb::ReferralContent {
            preview: Some(preview(prost_types::Timestamp { seconds: jiff::Timestamp::now().as_second(), nanos: 0 })),
            identity: Some(identity()),
            narrative: Some(narrative()),
            reporter: Some(pb::ReferralReporter {
                agreed: true,
                full_name: told(30),
                address: told(120),
                ..Default::default()
            }),
        }),
        acting_person: "can-bo-01".to_owned(),
        ..Default::default()
    }
}

fn identity() -> pb::ReferralIdentity {
    pb::ReferralIdentity {
        full_name: told(30),
        birth: Some(pb::Birth { birth_date: Some(Date { year: 2017, month: 5, day: 0 }), ..Default::default() }),
        sex: pb::Sex::Female.into(),
        home_area: Some(commune()),
        home_address: told(200),
        mother: Some(pb::Relative { full_name: told(30), age_years: Some(34), occupation: told(60) }),
        ..Default::default()
    }
}

fn narrative() -> pb::ReferralNarrative {
    pb::ReferralNarrative {
        incident_place: told(200),
        incident_time_text: told(60),
        condition: told(700),
        likely_consequences: told(400),
        family_circumstances: told(700),
        actions_taken: told(600),
        request_reason: told(300),
        ..Default::default()
    }
}

/// A text of so many bytes.
fn told(bytes: usize) -> Option<pb::KnownText> {
    Some(pb::KnownText { value: "ke lai. ".repeat(bytes.div_ceil(8)).trim_end().to_owned(), unknown: 0 })
}

//! Observations: loaded in bulk at the publisher's door, 100,000 a submission, the next while one is on its way; the
//! time stops when a subscriber has answered a query by key pattern with every value, durable at both ends.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _, future, stream};
use nhipcau_proto::indicator::v1::{self as pb, indicator_service_client::IndicatorServiceClient};
use nhipcau_tests::world::World;
use prost::Message as _;
use tokio::time;
use tonic::{Code, transport::Channel};
use uuid::Uuid;

use crate::report::Rate;

const PUBLISHER: &str = "moha";
const SUBSCRIBER: &str = "vwu";
const STRUCTURE: &str = "IAEG-SDGs:SDG(1.8)";

/// Periods of a series.
pub(crate) const PERIODS: u64 = 100;
/// Frequencies: half-yearly of what grows, and yearly of what is measured then, which is new whatever has grown.
pub(crate) const GROWN: &str = "S";
const MEASURED: &str = "A";
const FIRST_YEAR: u64 = 1900;
/// Series of an uploaded piece, and of a submission.
const SERIES_OF_A_PIECE: usize = 100;
pub(crate) const SERIES_OF_A_SUBMISSION: usize = 1_000;
/// Submissions that are on their way at a time.
const AT_A_TIME: usize = 2;

/// How long the figures may take to arrive.
const PATIENCE: Duration = Duration::from_secs(180);

/// Loads so many series of a hundred periods each.
pub(crate) async fn run(world: &World, series: usize) -> Result<Rate> {
    let keys = keys(series, MEASURED)?;
    let count = keys.len() as u64 * PERIODS;
    let mut figures = Figures::connect(world)?;
    let submissions: Vec<_> = keys.chunks(SERIES_OF_A_SUBMISSION).map(pieces).collect();
    let begun = Instant::now();
    let loads = submissions.into_iter().map(|pieces| figures.clone().load(pieces));
    let () = stream::iter(loads).buffer_unordered(AT_A_TIME).try_collect().await?;
    let held = figures.query(&format!("{MEASURED}{}", ".".repeat(14))).await?;
    let elapsed = begun.elapsed();
    let loaded: HashMap<_, _> =
        keys.chunks(SERIES_OF_A_PIECE).flat_map(blocks).map(|block| (block.key.clone(), block)).collect();
    let is_same = |block: &pb::SeriesBlock| {
        let same =
            |loaded: &pb::SeriesBlock| (&loaded.time_periods, &loaded.values) == (&block.time_periods, &block.values);
        loaded.get(&block.key).is_some_and(same)
    };
    let same = held.iter().filter(|block| is_same(block)).count();
    ensure!(
        (same, held.len()) == (series, series),
        "of {series} series the subscriber has {same} as they are of {}",
        held.len()
    );
    Ok(Rate { count, elapsed })
}

/// The door of the publisher and that of a subscriber.
#[derive(Clone)]
pub(crate) struct Figures {
    publisher: IndicatorServiceClient<Channel>,
    subscriber: IndicatorServiceClient<Channel>,
}

impl Figures {
    pub(crate) fn connect(world: &World) -> Result<Self> {
        let client = |name| Ok::<_, anyhow::Error>(IndicatorServiceClient::new(world.channel(name)?));
        Ok(Self { publisher: client(PUBLISHER)?, subscriber: client(SUBSCRIBER)? })
    }

    /// Loads series until the subscriber holds them.
    pub(crate) async fn load_series(&mut self, keys: &[String]) -> Result<()> {
        self.clone().load(pieces(keys)).await
    }

    async fn load(mut self, pieces: Vec<Vec<u8>>) -> Result<()> {
        let parent = format!("parties/{PUBLISHER}");
        let uploads = pieces.into_iter().map(|chunk| {
            let (mut publisher, parent) = (self.publisher.clone(), parent.clone());
            async move { publisher.upload_chunk(pb::UploadChunkRequest { parent, chunk }).await }
        });
        let uploaded = future::try_join_all(uploads).await?;
        let digests = uploaded.into_iter().map(|answer| answer.into_inner().digest).collect();
        let request = pb::CommitBulkLoadRequest {
            parent,
            submission: Some(submission(Vec::new())),
            chunks: digests,
            request_id: Uuid::now_v7().to_string(),
            validate_only: false,
        };
        let answer = self.publisher.commit_bulk_load(request).await?.into_inner();
        self.held(answer.submission.context("an answer without a submission")?.name).await
    }

    /// Changes one value of a series until the subscriber holds it.
    pub(crate) async fn revise(&mut self, key: &str, period: u64, value: &str) -> Result<()> {
        let block = pb::SeriesBlock {
            key: key.to_owned(),
            time_periods: vec![time_period(key, period % PERIODS)],
            values: vec![value.to_owned()],
            attributes: Vec::new(),
        };
        let dataset = pb::Dataset { action: pb::Action::Merge.into(), observations: Vec::new(), blocks: vec![block] };
        let request = pb::SubmitRequest {
            parent: format!("parties/{PUBLISHER}"),
            submission: Some(submission(vec![dataset])),
            request_id: Uuid::now_v7().to_string(),
            validate_only: false,
        };
        let answer = self.publisher.submit(request).await?.into_inner();
        self.held(answer.submission.context("an answer without a submission")?.name).await
    }

    async fn held(&mut self, name: String) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.subscriber.get_submission(pb::GetSubmissionRequest { name: name.clone() }).await {
                Ok(_) => return Ok(()),
                Err(status) if status.code() == Code::NotFound => {
                    ensure!(Instant::now() < deadline, "the figures did not arrive");
                    time::sleep(Duration::from_millis(5)).await;
                }
                Err(status) => return Err(status.into()),
            }
        }
    }

    /// The series that a pattern of keys selects at the subscriber, with all their values.
    pub(crate) async fn query(&mut self, key_pattern: &str) -> Result<Vec<pb::SeriesBlock>> {
        let selection = pb::Selection {
            data_provider: PUBLISHER.to_owned(),
            structure: STRUCTURE.to_owned(),
            key_pattern: key_pattern.to_owned(),
            ..Default::default()
        };
        let mut request =
            pb::QueryObservationsRequest { selection: Some(selection), page_size: 10_000, ..Default::default() };
        let mut held: Vec<pb::SeriesBlock> = Vec::new();
        loop {
            let answer = self.subscriber.query_observations(request.clone()).await?.into_inner();
            for block in answer.series.into_iter().filter_map(|series| series.block) {
                match held.last_mut().filter(|last| last.key == block.key) {
                    // Goes on from the page before.
                    Some(last) => {
                        last.time_periods.extend(block.time_periods);
                        last.values.extend(block.values);
                    }
                    None => held.push(block),
                }
            }
            if answer.next_page_token.is_empty() {
                return Ok(held);
            }
            request.page_token = answer.next_page_token;
        }
    }
}

fn submission(datasets: Vec<pb::Dataset>) -> pb::Submission {
    pb::Submission { structure: STRUCTURE.to_owned(), datasets, ..Default::default() }
}

/// Keys of a frequency that differ in series, sex, age, degree of urbanisation, income, disability and reporting type,
/// with codes of the shipped structure.
pub(crate) fn keys(count: usize, frequency: &str) -> Result<Vec<String>> {
    let mut keys = vec![String::new()];
    // From the one that differs least often.
    let lists =
        ["REPORTING_TYPE", "DISABILITY_STATUS", "INCOME_WEALTH_QUANTILE", "URBANISATION", "SEX", "AGE", "SERIES"];
    for list in lists {
        let codes = codes(&format!("CL_{list}"));
        keys = keys.iter().flat_map(|key| codes.iter().map(move |code| format!("{key}{code}.")).take(count)).collect();
        keys.truncate(count);
    }
    ensure!(keys.len() == count, "the structure has only {} keys of this kind", keys.len());
    keys.iter()
        .map(|key| {
            let parts: Vec<&str> = key.split('.').collect();
            let [reporting, disability, income, urbanisation, sex, age, series, _] = parts.as_slice() else {
                bail!("a key of other parts");
            };
            Ok(format!("{frequency}.{reporting}.{series}.704.{sex}.{age}.{urbanisation}.{income}._T._T._T._T.{disability}._T._T"))
        })
        .collect()
}

/// A period of a series, from 0.
fn time_period(key: &str, period: u64) -> String {
    if key.starts_with(GROWN) {
        return format!("{}-S{}", FIRST_YEAR + period / 2, 1 + period % 2);
    }
    (FIRST_YEAR + period).to_string()
}

fn codes(list: &str) -> Vec<&'static str> {
    let table = include_str!("../../deploy/dev/codelists/sdg-codes.csv");
    let rows = table.lines().filter_map(|line| line.split_once(','));
    rows.filter(|(of, _)| *of == list).filter_map(|(_, rest)| rest.split(',').next()).collect()
}

fn pieces(keys: &[String]) -> Vec<Vec<u8>> {
    keys.chunks(SERIES_OF_A_PIECE).map(chunk).collect()
}

fn chunk(keys: &[String]) -> Vec<u8> {
    let blocks = blocks(keys).collect();
    let dataset = pb::Dataset { action: pb::Action::Replace.into(), observations: Vec::new(), blocks };
    pb::Chunk { datasets: vec![dataset] }.encode_to_vec()
}

/// The series of a piece.
fn blocks(keys: &[String]) -> impl Iterator<Item = pb::SeriesBlock> {
    let constant = |attribute: &str, text: &str| pb::AttributeColumn {
        attribute: attribute.to_owned(),
        texts: vec![text.to_owned()],
        positions: vec![1],
    };
    keys.iter().enumerate().map(move |(at, key)| pb::SeriesBlock {
        key: key.clone(),
        time_periods: (0..PERIODS).map(|period| time_period(key, period)).collect(),
        values: (0..PERIODS).map(|period| format!("{}.{period:02}", at % 90)).collect(),
        attributes: vec![
            constant("OBS_STATUS", "A"),
            constant("UNIT_MEASURE", "PT"),
            constant("UNIT_MULT", "0"),
            constant("NATURE", "C"),
        ],
    })
}

//! Observations: loaded in bulk at the publisher's door; the time stops when a subscriber has answered a query by key
//! pattern with every value, durable at both ends.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
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

/// Periods of a series: the years from 1900.
const PERIODS: u64 = 100;
/// Series of an uploaded piece.
const SERIES_OF_A_CHUNK: usize = 100;

/// How long the figures may take to arrive.
const PATIENCE: Duration = Duration::from_secs(180);

/// Loads so many series of a hundred periods each.
pub(crate) async fn run(world: &World, series: usize) -> Result<Rate> {
    let publisher = IndicatorServiceClient::new(world.channel(PUBLISHER)?);
    let subscriber = IndicatorServiceClient::new(world.channel(SUBSCRIBER)?);
    let keys = keys(series)?;
    let chunks: Vec<Vec<u8>> = keys.chunks(SERIES_OF_A_CHUNK).map(chunk).collect();
    let count = keys.len() as u64 * PERIODS;

    let begun = Instant::now();
    let name = load(publisher, chunks).await?;
    held(subscriber.clone(), name).await?;
    let values = query(subscriber).await?;
    ensure!(values == count, "the subscriber answered with {values} of {count} values");
    Ok(Rate { count, elapsed: begun.elapsed() })
}

async fn load(mut publisher: IndicatorServiceClient<Channel>, chunks: Vec<Vec<u8>>) -> Result<String> {
    let parent = format!("parties/{PUBLISHER}");
    let mut digests = Vec::with_capacity(chunks.len());
    for chunk in chunks {
        let request = pb::UploadChunkRequest { parent: parent.clone(), chunk };
        digests.push(publisher.upload_chunk(request).await?.into_inner().digest);
    }
    let submission = pb::Submission { structure: STRUCTURE.to_owned(), ..Default::default() };
    let request = pb::CommitBulkLoadRequest {
        parent,
        submission: Some(submission),
        chunks: digests,
        request_id: Uuid::new_v4().to_string(),
        validate_only: false,
    };
    let answer = publisher.commit_bulk_load(request).await?.into_inner();
    Ok(answer.submission.context("an answer without a submission")?.name)
}

async fn held(mut subscriber: IndicatorServiceClient<Channel>, name: String) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match subscriber.get_submission(pb::GetSubmissionRequest { name: name.clone() }).await {
            Ok(_) => return Ok(()),
            Err(status) if status.code() == Code::NotFound => {
                ensure!(Instant::now() < deadline, "the figures did not arrive");
                time::sleep(Duration::from_millis(5)).await;
            }
            Err(status) => return Err(status.into()),
        }
    }
}

async fn query(mut subscriber: IndicatorServiceClient<Channel>) -> Result<u64> {
    let selection = pb::Selection {
        data_provider: PUBLISHER.to_owned(),
        structure: STRUCTURE.to_owned(),
        key_pattern: format!("A.G{}", ".".repeat(13)),
        ..Default::default()
    };
    let mut request =
        pb::QueryObservationsRequest { selection: Some(selection), page_size: 10_000, ..Default::default() };
    let mut values = 0;
    loop {
        let answer = subscriber.query_observations(request.clone()).await?.into_inner();
        let blocks = answer.series.iter().filter_map(|series| series.block.as_ref());
        values += blocks.map(|block| block.values.len() as u64).sum::<u64>();
        if answer.next_page_token.is_empty() {
            return Ok(values);
        }
        request.page_token = answer.next_page_token;
    }
}

/// Keys that differ in series, sex, age, degree of urbanisation and income, with codes of the shipped structure.
fn keys(count: usize) -> Result<Vec<String>> {
    let mut keys = Vec::with_capacity(count);
    let (series, age) = (codes("CL_SERIES"), codes("CL_AGE"));
    for income in codes("CL_INCOME_WEALTH_QUANTILE") {
        for urbanisation in codes("CL_URBANISATION") {
            for sex in codes("CL_SEX") {
                for age in &age {
                    for series in &series {
                        if keys.len() == count {
                            return Ok(keys);
                        }
                        keys.push(format!("A.G.{series}.704.{sex}.{age}.{urbanisation}.{income}._T._T._T._T._T._T._T"));
                    }
                }
            }
        }
    }
    ensure!(keys.len() == count, "the structure has only {} keys of this kind", keys.len());
    Ok(keys)
}

fn codes(list: &str) -> Vec<&'static str> {
    let table = include_str!("../../deploy/dev/codelists/sdg-codes.csv");
    let rows = table.lines().filter_map(|line| line.split_once(','));
    rows.filter(|(of, _)| *of == list).filter_map(|(_, rest)| rest.split(',').next()).collect()
}

fn chunk(keys: &[String]) -> Vec<u8> {
    let constant = |attribute: &str, text: &str| pb::AttributeColumn {
        attribute: attribute.to_owned(),
        texts: vec![text.to_owned()],
        positions: vec![1],
    };
    let blocks = keys.iter().enumerate().map(|(at, key)| pb::SeriesBlock {
        key: key.clone(),
        time_periods: (0..PERIODS).map(|year| (1900 + year).to_string()).collect(),
        values: (0..PERIODS).map(|year| format!("{}.{:02}", at % 90, year % 100)).collect(),
        attributes: vec![
            constant("OBS_STATUS", "A"),
            constant("UNIT_MEASURE", "PT"),
            constant("UNIT_MULT", "0"),
            constant("NATURE", "C"),
        ],
    });
    let dataset =
        pb::Dataset { action: pb::Action::Replace.into(), observations: Vec::new(), blocks: blocks.collect() };
    pb::Chunk { datasets: vec![dataset] }.encode_to_vec()
}

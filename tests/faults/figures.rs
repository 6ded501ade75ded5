//! Figures: one a submission, each of a period of its own, so that every acknowledged one must be held once by all.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Context as _, Result};
use nhipcau_proto::indicator::v1::{self as pb, Action, indicator_service_client::IndicatorServiceClient};
use tokio::time::sleep;
use tonic::transport::Channel;
use uuid::Uuid;

use crate::callers::{Answers, PAUSE};

const STRUCTURE: &str = "IAEG-SDGs:SDG(1.8)";

/// The series that are published, each by a caller of its own.
pub(crate) const SERIES: [&str; 2] =
    ["A.G.IC_GEN_MGTL.704.F._T._T._T._T._T._T._T._T._T._T", "A.G.IC_GEN_MGTL.704.M._T._T._T._T._T._T._T._T._T._T"];

/// The first and the last year that is published.
const YEARS: [usize; 2] = [1000, 2024];

/// Series and period → value.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures(BTreeMap<(String, String), String>);

impl Figures {
    /// These, each with its series and period.
    pub(crate) fn of(figures: impl IntoIterator<Item = ((String, String), String)>) -> Self {
        Self(figures.into_iter().collect())
    }

    /// Adds others.
    pub(crate) fn add(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// The year that comes next in a series.
    pub(crate) fn next(&self, series: &str) -> usize {
        YEARS[0] + self.0.keys().filter(|(key, _)| key == series).count()
    }

    /// How many of these are missing or others in what is shown, and how many figures there are too many.
    pub(crate) fn differences(&self, held: &Shown) -> (usize, usize) {
        let is_held = |(place, value): &(&(String, String), &String)| {
            held.get(*place).is_some_and(|values| values.iter().all(|held| held == *value))
        };
        let lost = self.0.iter().filter(|figure| !is_held(figure)).count();
        // What nobody published counts like what is there twice: one effect too many.
        let strange = held.keys().filter(|place| !self.0.contains_key(*place)).count();
        let doubled = held.values().filter(|values| values.len() > 1).count();
        (lost, doubled + strange)
    }
}

/// Publishes figure after figure, from a year on, until told to end or out of years.
pub(crate) async fn publish(
    channel: Channel,
    series: &'static str,
    first: usize,
    answers: Arc<Answers>,
) -> Result<Figures> {
    let system = IndicatorServiceClient::new(channel);
    let mut published = Figures::default();
    for year in first..=YEARS[1] {
        if !answers.go_on() {
            break;
        }
        let (period, value) = (year.to_string(), format!("{year}.5"));
        let request = submission(series, &period, &value);
        let call = || {
            let (mut system, request) = (system.clone(), request.clone());
            async move { system.submit(request).await }
        };
        answers.to(call).await?.context("a figure was refused")?;
        published.0.insert((series.to_owned(), period), value);
        sleep(PAUSE).await;
    }
    Ok(published)
}

fn submission(series: &str, period: &str, value: &str) -> pb::SubmitRequest {
    let observation = pb::Observation {
        key: series.to_owned(),
        time_period: period.to_owned(),
        value: Some(value.to_owned()),
        ..Default::default()
    };
    let dataset = pb::Dataset { action: Action::Replace.into(), observations: vec![observation], blocks: Vec::new() };
    pb::SubmitRequest {
        parent: "parties/moha".to_owned(),
        submission: Some(pb::Submission {
            structure: STRUCTURE.to_owned(),
            datasets: vec![dataset],
            ..Default::default()
        }),
        request_id: Uuid::now_v7().to_string(),
        validate_only: false,
    }
}

/// Series and period → every value that an access point gives for it.
pub(crate) type Shown = BTreeMap<(String, String), Vec<String>>;

/// What differs at an access point: how many figures are missing or others, and how many are there more than once.
pub(crate) async fn compare(channel: Channel, published: &Figures) -> Result<(usize, usize)> {
    let mut reader = IndicatorServiceClient::new(channel);
    let selection = pb::Selection { structure: STRUCTURE.to_owned(), ..Default::default() };
    let mut request = pb::ListRevisionsRequest { selection: Some(selection), ..Default::default() };
    let mut held = Shown::new();
    loop {
        let page = reader.list_revisions(request.clone()).await?.into_inner();
        for observation in page.revisions.into_iter().filter_map(|revision| revision.observation) {
            let value = observation.value.unwrap_or_default();
            held.entry((observation.key, observation.time_period)).or_default().push(value);
        }
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    Ok(published.differences(&held))
}

//! Figures as a calling system submits and reads them, over gRPC.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use anyhow::{Result, ensure};
use nhipcau_proto::indicator::v1::{
    self as pb, Action, indicator_service_client::IndicatorServiceClient as IndicatorService,
};
use nhipcau_tests::{process::output, wait, world::World};
use tonic::{Code, transport::Channel};
use tonic_types::StatusExt as _;
use uuid::Uuid;

const STRUCTURE: &str = "IAEG-SDGs:SDG(1.8)";
const SERIES: &str = "A.G.IC_GEN_MGTL.704.F._T._T._T._T._T._T._T._T._T._T";

/// Time period → value, as an access point holds them.
pub(crate) type Held = BTreeMap<String, String>;

/// A calling system that publishes one figure a year, each in a submission of its own.
pub(crate) struct Publisher {
    pub(crate) system: IndicatorService<Channel>,
    /// What was submitted and must be held by everybody.
    pub(crate) submitted: Held,
}

impl Publisher {
    pub(crate) fn new(world: &World) -> Result<Self> {
        Ok(Self { system: IndicatorService::new(world.channel("moha")?), submitted: Held::new() })
    }

    /// Goes where callers are sent now.
    pub(crate) fn follow(&mut self, world: &World) -> Result<()> {
        self.system = IndicatorService::new(world.channel("moha")?);
        Ok(())
    }

    /// Submits the next figures, and again with the same request id for as long as nobody answers.
    pub(crate) async fn submit(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            let year = 1900 + self.submitted.len();
            let value = format!("{year}.5");
            let request = submission(&year.to_string(), &value);
            let answer = wait::until_answered("a submission to be answered", async || {
                match self.system.submit(request.clone()).await {
                    Err(status) if is_transient(status.code()) => None,
                    answer => Some(answer.map(drop)),
                }
            });
            answer.await??;
            self.submitted.insert(year.to_string(), value);
        }
        Ok(())
    }

    /// Waits until an access point holds exactly what was submitted.
    pub(crate) async fn held_by(&self, world: &World, name: &str) -> Result<()> {
        let mut reader = IndicatorService::new(world.channel(name)?);
        let mut seen = Held::new();
        let awaited = format!("{name} to hold every figure");
        let waited = wait::until_answered(&awaited, async || match held(&mut reader).await {
            Ok(found) => {
                seen = found;
                (seen.len() >= self.submitted.len()).then_some(())
            }
            Err(_) => None,
        });
        if let Err(error) = waited.await {
            let text = format!("{name} holds {} of {} figures", seen.len(), self.submitted.len());
            return Err(error.context(text));
        }
        ensure!(seen == self.submitted, "{name} holds other figures than were submitted");
        Ok(())
    }
}

/// The same call repeated decides nothing twice.
pub(crate) fn is_transient(code: Code) -> bool {
    matches!(code, Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown)
}

pub(crate) fn submission(period: &str, value: &str) -> pb::SubmitRequest {
    let observation = pb::Observation {
        key: SERIES.to_owned(),
        time_period: period.to_owned(),
        value: Some(value.to_owned()),
        ..pb::Observation::default()
    };
    let dataset = pb::Dataset { action: Action::Replace.into(), observations: vec![observation], blocks: Vec::new() };
    pb::SubmitRequest {
        parent: "parties/moha".to_owned(),
        submission: Some(pb::Submission {
            structure: STRUCTURE.to_owned(),
            datasets: vec![dataset],
            ..pb::Submission::default()
        }),
        request_id: Uuid::now_v7().to_string(),
        validate_only: false,
    }
}

async fn held(reader: &mut IndicatorService<Channel>) -> Result<Held> {
    let selection = pb::Selection { structure: STRUCTURE.to_owned(), ..pb::Selection::default() };
    let mut request = pb::QueryObservationsRequest { selection: Some(selection), ..Default::default() };
    let mut held = Held::new();
    loop {
        let page = reader.query_observations(request.clone()).await?.into_inner();
        for block in page.series.into_iter().filter_map(|series| series.block) {
            ensure!(block.key == SERIES, "a series that nobody submitted");
            for (period, value) in block.time_periods.into_iter().zip(block.values) {
                ensure!(held.insert(period, value).is_none(), "a figure is there twice");
            }
        }
        if page.next_page_token.is_empty() {
            return Ok(held);
        }
        request.page_token = page.next_page_token;
    }
}

/// Rows of a file without what says how it was written: every cell under its column.
fn rows(file: &str) -> BTreeSet<BTreeMap<&str, &str>> {
    let mut lines = file.lines();
    let columns: Vec<_> = lines.next().unwrap().split(',').collect();
    lines
        .map(|line| columns.iter().copied().zip(line.split(',')).filter(|(column, _)| *column != "ACTION").collect())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn real_figures_of_many_series_leave_a_subscriber_as_they_entered_at_their_publisher() {
    let world = World::start(&["moha", "vwu"]).await.unwrap();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/data/series.csv");
    let imported = output(world.system("moha").unwrap().args(["indicators", "import", file])).unwrap();
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    let text = fs::read_to_string(file).unwrap();
    let brought = rows(&text);
    assert_eq!(brought.len(), 35);
    let export = async || {
        let held =
            output(world.system("vwu").unwrap().args(["indicators", "export", "--structure", STRUCTURE])).unwrap();
        let held = String::from_utf8(held.stdout).unwrap();
        (held.lines().count() > brought.len()).then_some(held)
    };
    let held = wait::until_answered("the figures at vwu", export).await.unwrap();
    assert_eq!(rows(&held), brought);
}

/// A status travels in headers, of which several gRPC implementations take 8 KiB and no more.
#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_violations_are_counted_and_as_many_listed_as_headers_hold() {
    let world = World::start(&["moha"]).await.unwrap();
    let mut publisher = Publisher::new(&world).unwrap();
    let mut request = submission("2024", "1");
    let dataset = &mut request.submission.as_mut().unwrap().datasets[0];
    let row = dataset.observations[0].clone();
    let wrong = |n| pb::Observation { key: SERIES.replace("704", &format!("X{n}")), ..row.clone() };
    dataset.observations = (0..10_000).map(wrong).collect();
    let refused = publisher.system.submit(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
    let details = refused.get_error_details();
    assert_eq!(details.error_info().unwrap().metadata["violationCount"], "10000");
    let listed = &details.bad_request().unwrap().field_violations;
    let last = listed.len() - 1;
    assert_eq!(listed[last].field, format!("datasets[0].observations[{last}].REF_AREA"));
    assert!((80..=100).contains(&listed.len()), "{} are listed", listed.len());
}

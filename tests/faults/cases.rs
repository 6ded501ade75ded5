//! Cases: a TRANSFER goes as far as its caller gets it while things break, so that at the end both sides must hold
//! exactly the events of the steps that were acknowledged.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail};
use nhipcau_proto::{
    google::r#type::Date,
    referral::v1::{
        self as pb, BranchState, referral_decision_service_client::ReferralDecisionServiceClient,
        referral_service_client::ReferralServiceClient,
        referral_steering_service_client::ReferralSteeringServiceClient,
    },
};
use nhipcau_sim::prng::Prng;
use nhipcau_tests::case::{commune, preview};
use tokio::time::{Instant, sleep};
use tonic::{Code, Status, transport::Channel};
use uuid::Uuid;

use crate::callers::{Answers, PAUSE};

/// How long a caller waits for a case to be where its next step can be made, before it goes on to another case.
const WAIT: Duration = Duration::from_secs(2);

/// How often the present etag is asked for before it is a fault that it is always stale.
const TRIES: usize = 50;

/// A step and where it is made: 0 is the origin, 1 the recipient.
const STEPS: [(usize, BranchState); 4] =
    [(1, BranchState::Received), (1, BranchState::Assigned), (1, BranchState::InService), (0, BranchState::Completed)];

/// The events of both sides after the submission and after each step, each `side ordinal event`.
const EVENTS: [&[&str]; 5] = [
    &["origin 1 opened", "origin 2 received"],
    &["recipient 1 acknowledged", "origin 3 assigned"],
    &["recipient 2 service_started"],
    &["recipient 3 completed"],
    &["origin 4 closed"],
];

/// The states in which both sides are then.
const STATES: [BranchState; 5] =
    [BranchState::Received, BranchState::Assigned, BranchState::InService, BranchState::Completed, BranchState::Closed];

/// A case with one branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Case {
    /// The access points of its origin and its recipient.
    pub(crate) sides: [&'static str; 2],
    referral: String,
    branch: String,
    /// Steps that were acknowledged after the submission.
    steps: usize,
}

/// The unit of a party that sends and takes cases.
pub(crate) fn unit(party: &str) -> Option<&'static str> {
    match party {
        "moh" => Some("111"),
        "hanoi" => Some("00004"),
        "moha" => None,
        _ => Some("desk"),
    }
}

/// Submits case after case from one side to the other and takes each some steps further, until told to end.
pub(crate) async fn drive(
    sides: [&'static str; 2],
    channels: [Channel; 2],
    mut rng: Prng,
    answers: Arc<Answers>,
) -> Result<Vec<Case>> {
    let mut driven = Vec::new();
    while answers.go_on() {
        let mut case = submit(sides, channels[0].clone(), &answers).await?;
        for _ in 0..rng.below(5) {
            if !step(&mut case, &channels, &answers).await? {
                break;
            }
        }
        driven.push(case);
        sleep(PAUSE).await;
    }
    Ok(driven)
}

async fn submit(sides: [&'static str; 2], channel: Channel, answers: &Answers) -> Result<Case> {
    let request = transfer(sides)?;
    let call = || submit_once(sides, channel.clone(), &request);
    answers.to(call).await?.context("a case was refused")
}

/// Submits a case once, from one side to the other.
pub(crate) async fn submit_once(
    sides: [&'static str; 2],
    channel: Channel,
    request: &pb::SubmitReferralRequest,
) -> Result<Case, Status> {
    let answer = ReferralServiceClient::new(channel).submit_referral(request.clone()).await?.into_inner();
    let referral = answer.referral.ok_or_else(|| Status::data_loss("no referral"))?;
    let branch = referral.branches.into_iter().next().ok_or_else(|| Status::data_loss("no branch"))?.name;
    Ok(Case { sides, referral: referral.name, branch, steps: 0 })
}

/// Makes the next step once the case is there; false when it does not come there in time.
async fn step(case: &mut Case, channels: &[Channel; 2], answers: &Answers) -> Result<bool> {
    let (side, state) = STEPS[case.steps];
    for _ in 0..TRIES {
        let Some(etag) = reaches(case, channels[side].clone(), state, answers).await else { return Ok(false) };
        let request_id = Uuid::now_v7().to_string();
        let call = || act(case, channels[side].clone(), &etag, &request_id);
        match answers.to(call).await? {
            Ok(()) => {
                case.steps += 1;
                return Ok(case.steps < STEPS.len());
            }
            // Something else was stored in between, and nothing was decided.
            Err(status) if matches!(status.code(), Code::Aborted | Code::FailedPrecondition) => {}
            Err(status) => return Err(status).context("a step was refused"),
        }
    }
    bail!("the etag of a case was always stale");
}

/// The etag of the branch once it is in a state, or nothing when that takes too long or the callers end.
async fn reaches(case: &Case, channel: Channel, state: BranchState, answers: &Answers) -> Option<String> {
    let deadline = Instant::now() + WAIT;
    while Instant::now() < deadline && answers.go_on() {
        if let Ok(branch) = get(case, channel.clone()).await
            && branch.state() == state
        {
            return Some(branch.etag);
        }
        sleep(PAUSE).await;
    }
    None
}

async fn get(case: &Case, channel: Channel) -> Result<pb::Branch, Status> {
    let request = pb::GetReferralRequest { name: case.referral.clone(), ..Default::default() };
    let answer = ReferralServiceClient::new(channel).get_referral(request).await?.into_inner();
    let branches = answer.referral.unwrap_or_default().branches;
    branches.into_iter().next().ok_or_else(|| Status::unavailable("no branch yet"))
}

async fn act(case: &Case, channel: Channel, etag: &str, request_id: &str) -> Result<(), Status> {
    macro_rules! call {
        ($client:ident.$method:ident($request:ident { $($field:ident: $value:expr),* })) => {{
            let request = pb::$request {
                request_id: request_id.to_owned(),
                name: case.branch.clone(),
                etag: etag.to_owned(),
                acting_person: "can-bo-01".to_owned(),
                validate_only: false,
                $($field: $value),*
            };
            $client::new(channel).$method(request).await.map(drop)
        }};
    }
    match case.steps {
        0 => call!(ReferralDecisionServiceClient.acknowledge_branch(AcknowledgeBranchRequest {})),
        1 => call!(ReferralDecisionServiceClient.start_branch_service(StartBranchServiceRequest {})),
        2 => call!(
            ReferralDecisionServiceClient
                .complete_branch(CompleteBranchRequest { outcome: pb::Outcome::Resolved.into() })
        ),
        _ => call!(ReferralSteeringServiceClient.close_branch(CloseBranchRequest {})),
    }
}

/// What is wrong with a case at one of its sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// Events or the state are missing.
    Lost,
    /// Events that follow from no acknowledged step.
    TooMany,
}

/// Whether a case is at one side as far as it was taken.
pub(crate) async fn is_there(case: &Case, channel: Channel) -> bool {
    get(case, channel).await.is_ok_and(|branch| branch.state() == STATES[case.steps])
}

/// Compares a case at one side with what was acknowledged.
pub(crate) async fn compare(case: &Case, channel: Channel) -> Result<Option<Wrong>> {
    match get(case, channel).await {
        Ok(branch) => {
            let wrong = wrong(case.steps, &branch);
            if wrong.is_some() {
                let found: Vec<String> = branch.history.iter().map(entry).collect();
                crate::say(&format!("  after {} steps {found:?} was found, {:?}", case.steps, branch.state()));
            }
            Ok(wrong)
        }
        Err(status) if status.code() == Code::PermissionDenied => Ok(Some(Wrong::Lost)),
        Err(status) => Err(status.into()),
    }
}

/// Compares a branch with so many acknowledged steps. In which order its events came is asked of the stores: a branch
/// is shown in the order of its ordinals.
pub(crate) fn wrong(steps: usize, branch: &pb::Branch) -> Option<Wrong> {
    let mut expected: Vec<String> = EVENTS[..=steps].iter().copied().flatten().map(|e| (*e).to_owned()).collect();
    let mut found: Vec<String> = branch.history.iter().map(entry).collect();
    expected.sort_unstable();
    found.sort_unstable();
    if found == expected {
        return (branch.state() != STATES[steps]).then_some(Wrong::Lost);
    }
    // Also where as much is missing.
    let is_strange = found.len() > expected.len() || found.iter().any(|event| !expected.contains(event));
    Some(if is_strange { Wrong::TooMany } else { Wrong::Lost })
}

fn entry(entry: &pb::HistoryEntry) -> String {
    let side = entry.side().as_str_name().trim_start_matches("SIDE_").to_lowercase();
    format!("{side} {} {}", entry.ordinal, entry.event)
}

/// A transfer with what the contract demands. The report came in days ago, so that no clock here takes it for later.
/// A TRANSFER from the unit of one party to that of another.
pub(crate) fn transfer([from, to]: [&'static str; 2]) -> Result<pb::SubmitReferralRequest> {
    let unit_ref = |party: &str| {
        let unit = unit(party).context("a unit")?.to_owned();
        anyhow::Ok(pb::UnitRef { party: party.to_owned(), unit })
    };
    let days_ago = jiff::Timestamp::now().as_second() - 4 * 24 * 60 * 60;
    let text = |text: &str| Some(pb::KnownText { value: text.to_owned(), unknown: 0 });
    let preview = preview(prost_types::Timestamp { seconds: days_ago, nanos: 0 });
    let identity = pb::ReferralIdentity {
        full_name: text("Nguyễn Thị Ví Dụ"),
        birth: Some(pb::Birth { birth_date: Some(Date { year: 2017, month: 5, day: 0 }), ..Default::default() }),
        sex: pb::Sex::Female.into(),
        home_area: Some(commune()),
        home_address: text("số nhà ví dụ"),
        ..Default::default()
    };
    let narrative = pb::ReferralNarrative {
        incident_place: text("tại nhà"),
        incident_time_text: text("trong tuần này"),
        condition: text("cháu ổn định"),
        likely_consequences: text("cháu có thể bỏ học"),
        family_circumstances: text("mẹ đi làm ca đêm"),
        actions_taken: text("đã tư vấn cho người báo tin"),
        request_reason: text("cần hỗ trợ tâm lý"),
        ..Default::default()
    };
    Ok(pb::SubmitReferralRequest {
        request_id: Uuid::now_v7().to_string(),
        origin: Some(unit_ref(from)?),
        recipients: vec![unit_ref(to)?],
        kind: pb::ReferralKind::Transfer.into(),
        purpose: "protection".to_owned(),
        lawful_basis: Some(pb::LawfulBasis {
            statutory_duty: Some(pb::StatutoryDuty {
                citation: "Nghị định 56/2017/NĐ-CP, điều 26".to_owned()
            }),
            ..Default::default()
        }),
        content: Some(pb::ReferralContent {
            preview: Some(preview),
            identity: Some(identity),
            narrative: Some(narrative),
            ..Default::default()
        }),
        acting_person: "can-bo-01".to_owned(),
        ..Default::default()
    })
}

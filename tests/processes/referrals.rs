//! A case between a switchboard and a commune, by the command line that both sides' people use.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use nhipcau_proto::referral::v1::{self as pb, BranchState, referral_service_client::ReferralServiceClient};
use nhipcau_tests::{process::output, wait, world::World};
use serde_json::Value;

const BOTH: [&str; 2] = ["moh", "hanoi"];

/// A TRANSFER from the switchboard at `moh` to a commune at `hanoi`.
struct Case {
    referral: String,
    branch: String,
}

impl Case {
    fn submit(world: &World) -> Result<Self> {
        let file = world.path("case.json");
        let template = output(world.system("moh")?.args(["referral", "template", "--kind", "transfer"]))?;
        fs::write(&file, template.stdout)?;
        let submitted = output(world.system("moh")?.args(["referral", "submit", "--json"]).arg(file))?;
        ensure!(submitted.status.success(), "not submitted: {}", String::from_utf8_lossy(&submitted.stderr));
        let answer: Value = serde_json::from_slice(&submitted.stdout)?;
        let text = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        Ok(Self {
            referral: text("/referral/name").context("the name of the referral")?,
            branch: text("/referral/branches/0/name").context("the name of the branch")?,
        })
    }

    /// Does something with the branch at a side, for an acting person.
    fn act(&self, world: &World, side: &str, arguments: &[&str]) -> Result<()> {
        let mut command = world.system(side)?;
        command.arg("referral").args(arguments).args(["--person", "can-bo-01"]).arg(&self.branch);
        let done = output(&mut command)?;
        ensure!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        Ok(())
    }

    /// Waits until both sides say the same state.
    async fn is(&self, world: &World, state: BranchState) -> Result<()> {
        for side in BOTH {
            let mut reader = ReferralServiceClient::new(world.channel(side)?);
            let request = pb::GetReferralRequest { name: self.referral.clone(), ..Default::default() };
            let awaited = format!("{} at {side}", state.as_str_name());
            let mut seen = String::new();
            let reached = wait::until_answered(&awaited, async || match reader.get_referral(request.clone()).await {
                Ok(answer) => {
                    let branch = answer.into_inner().referral?.branches.into_iter().next()?;
                    seen = format!("{} after {} events", branch.state().as_str_name(), branch.history.len());
                    (branch.state() == state).then_some(())
                }
                Err(status) => {
                    seen = status.code().to_string();
                    None
                }
            });
            reached.await.with_context(|| format!("{side} says {seen}"))?;
        }
        Ok(())
    }
}

/// What the sides do, one after the other, and the state that follows at both.
const STEPS: [(&str, &[&str], BranchState); 4] = [
    ("hanoi", &["acknowledge"], BranchState::Assigned),
    ("hanoi", &["start"], BranchState::InService),
    ("hanoi", &["complete", "--outcome", "resolved"], BranchState::Completed),
    ("moh", &["close"], BranchState::Closed),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_case_goes_through_to_its_end() {
    let world = World::start(&BOTH).await.unwrap();
    let case = Case::submit(&world).unwrap();
    case.is(&world, BranchState::Received).await.unwrap();
    for (side, arguments, state) in STEPS {
        case.act(&world, side, arguments).unwrap();
        case.is(&world, state).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_goes_through_while_everybody_is_killed_after_every_step() {
    let mut world = World::start(&BOTH).await.unwrap();
    let case = Case::submit(&world).unwrap();
    let mut reached = BranchState::Received;
    for (side, arguments, state) in STEPS {
        for killed in BOTH {
            world.kill(killed);
            world.start_access_point(killed).await.unwrap();
        }
        case.is(&world, reached).await.unwrap();
        // Whoever was answered is killed before the message can be sure to have left, and the broker with them.
        case.act(&world, side, arguments).unwrap();
        world.kill_broker();
        world.kill(side);
        world.start_broker().await.unwrap();
        world.start_access_point(side).await.unwrap();
        reached = state;
    }
    case.is(&world, reached).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipient_with_an_older_store_has_its_cases_again() {
    older_store("hanoi").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_with_an_older_store_has_its_cases_again() {
    older_store("moh").await;
}

/// Puts a copy of the store back that knows nothing of the case.
async fn older_store(name: &str) {
    let mut world = World::start(&BOTH).await.unwrap();
    let before = Case::submit(&world).unwrap();
    before.is(&world, BranchState::Received).await.unwrap();
    assert!(world.stop(name).await.unwrap().success());
    let older = world.keep_store(name).unwrap();
    world.start_access_point(name).await.unwrap();

    let case = Case::submit(&world).unwrap();
    case.is(&world, BranchState::Received).await.unwrap();
    case.act(&world, "hanoi", &["acknowledge"]).unwrap();
    case.is(&world, BranchState::Assigned).await.unwrap();

    world.kill(name);
    world.restore_store(name, &older).unwrap();
    world.start_access_point(name).await.unwrap();
    case.is(&world, BranchState::Assigned).await.unwrap();
    case.act(&world, "hanoi", &["start"]).unwrap();
    case.is(&world, BranchState::InService).await.unwrap();
    before.is(&world, BranchState::Received).await.unwrap();
}

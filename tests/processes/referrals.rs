//! A case between a switchboard and a commune, by the command line that both sides' people use.

use std::{fs, process::Output};

use anyhow::{Context as _, Result, ensure};
use nhipcau_proto::referral::v1::{self as pb, BranchState, referral_service_client::ReferralServiceClient};
use nhipcau_tests::{process::output, wait, world::World};
use serde_json::Value;

use crate::evidence;

const BOTH: [&str; 2] = ["moh", "hanoi"];

/// A case with one branch, between two access points.
pub(crate) struct Case {
    referral: String,
    branch: String,
    sides: [&'static str; 2],
}

impl Case {
    /// A TRANSFER from the switchboard at `moh` to a commune at `hanoi`.
    pub(crate) fn submit(world: &World) -> Result<Self> {
        Self::of(world, BOTH, &["--kind", "transfer"])
    }

    /// A REFERRAL from a commune at `hanoi` to the desk at `vwu`.
    fn ask(world: &World) -> Result<Self> {
        let asked = ["--kind", "referral", "--from", "hanoi/00004", "--to", "vwu/desk"];
        Self::of(world, ["hanoi", "vwu"], &asked)
    }

    fn of(world: &World, sides: [&'static str; 2], asked: &[&str]) -> Result<Self> {
        let [origin, _] = sides;
        let file = world.path("case.json");
        let template = output(world.system(origin)?.args(["referral", "template"]).args(asked))?;
        fs::write(&file, template.stdout)?;
        let submitted = output(world.system(origin)?.args(["referral", "submit", "--json"]).arg(file))?;
        ensure!(submitted.status.success(), "not submitted: {}", String::from_utf8_lossy(&submitted.stderr));
        let answer: Value = serde_json::from_slice(&submitted.stdout)?;
        let text = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        Ok(Self {
            referral: text("/referral/name").context("the name of the referral")?,
            branch: text("/referral/branches/0/name").context("the name of the branch")?,
            sides,
        })
    }

    /// Its name.
    pub(crate) fn referral(&self) -> &str {
        &self.referral
    }

    /// Waits until both sides hold this state and exactly these events, each `side ordinal event`, in any order.
    pub(crate) async fn holds(&self, world: &World, state: BranchState, events: &[&str]) -> Result<()> {
        self.is(world, state).await?;
        let mut expected = events.to_vec();
        expected.sort_unstable();
        for side in self.sides {
            let mut reader = ReferralServiceClient::new(world.channel(side)?);
            let request = pb::GetReferralRequest { name: self.referral.clone(), ..Default::default() };
            let mut found = Vec::new();
            let awaited = format!("the events of the case at {side}");
            let reached = wait::until_answered(&awaited, async || {
                let referral = reader.get_referral(request.clone()).await.ok()?.into_inner().referral?;
                let branch = referral.branches.first()?;
                found = branch.history.iter().map(entry).collect();
                found.sort_unstable();
                (found.len() >= expected.len() && branch.state() == state).then_some(())
            });
            reached.await.with_context(|| format!("{side} has {found:?}"))?;
            ensure!(found == expected, "{side} has {found:?}");
        }
        Ok(())
    }

    /// The name of its referral.
    pub(crate) fn name(&self) -> &str {
        &self.referral
    }

    /// Does something with the branch at a side, for an acting person.
    pub(crate) fn act(&self, world: &World, side: &str, arguments: &[&str]) -> Result<()> {
        let done = self.try_to(world, side, arguments)?;
        ensure!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        Ok(())
    }

    fn try_to(&self, world: &World, side: &str, arguments: &[&str]) -> Result<Output> {
        let mut command = world.system(side)?;
        output(command.arg("referral").args(arguments).args(["--person", "can-bo-01"]).arg(&self.branch))
    }

    /// Waits until both sides say the same state.
    pub(crate) async fn is(&self, world: &World, state: BranchState) -> Result<()> {
        for side in self.sides {
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

fn entry(entry: &pb::HistoryEntry) -> String {
    let side = entry.side().as_str_name().trim_start_matches("SIDE_").to_lowercase();
    format!("{side} {} {}", entry.ordinal, entry.event)
}

/// What the sides do, one after the other, and the state that follows at both.
const STEPS: [(&str, &[&str], BranchState); 4] = [
    ("hanoi", &["acknowledge"], BranchState::Assigned),
    ("hanoi", &["start"], BranchState::InService),
    ("hanoi", &["complete", "--outcome", "resolved"], BranchState::Completed),
    ("moh", &["close"], BranchState::Closed),
];

/// What both sides then hold of it, and nothing twice.
const EVENTS: [&str; 7] = [
    "origin 1 opened",
    "origin 2 received",
    "recipient 1 acknowledged",
    "origin 3 assigned",
    "recipient 2 service_started",
    "recipient 3 completed",
    "origin 4 closed",
];

/// A case that nobody did anything about.
pub(crate) const UNTOUCHED: [&str; 2] = ["origin 1 opened", "origin 2 received"];

/// The same of a REFERRAL, which is accepted or not.
const ASKED: [(&str, &[&str], BranchState); 5] = [
    ("vwu", &["acknowledge"], BranchState::Acknowledged),
    ("vwu", &["accept"], BranchState::Assigned),
    ("vwu", &["start"], BranchState::InService),
    ("vwu", &["complete", "--outcome", "resolved"], BranchState::Completed),
    ("hanoi", &["close"], BranchState::Closed),
];
const ASKED_EVENTS: [&str; 8] = [
    "origin 1 opened",
    "origin 2 received",
    "recipient 1 acknowledged",
    "recipient 2 accepted",
    "origin 3 assigned",
    "recipient 3 service_started",
    "recipient 4 completed",
    "origin 4 closed",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_case_goes_through_to_its_end() {
    let world = World::start(&BOTH).await.unwrap();
    let case = Case::submit(&world).unwrap();
    case.holds(&world, BranchState::Received, &UNTOUCHED).await.unwrap();
    let refused = case.try_to(&world, "hanoi", &["accept"]).unwrap();
    assert_eq!(refused.status.code(), Some(5), "a transfer is not asked for: {}", text(&refused.stderr));
    for (side, arguments, state) in STEPS {
        case.act(&world, side, arguments).unwrap();
        case.is(&world, state).await.unwrap();
    }
    case.holds(&world, BranchState::Closed, &EVENTS).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_asked_for_goes_through_to_its_end() {
    let world = World::start(&["hanoi", "vwu"]).await.unwrap();
    let case = Case::ask(&world).unwrap();
    case.is(&world, BranchState::Received).await.unwrap();
    for (side, arguments, state) in ASKED {
        case.act(&world, side, arguments).unwrap();
        case.is(&world, state).await.unwrap();
    }
    case.holds(&world, BranchState::Closed, &ASKED_EVENTS).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_goes_through_while_everybody_is_killed_after_every_step() {
    let mut world = World::start(&BOTH).await.unwrap();
    let (case, other) = (Case::submit(&world).unwrap(), Case::submit(&world).unwrap());
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
    case.holds(&world, reached, &EVENTS).await.unwrap();
    other.holds(&world, BranchState::Received, &UNTOUCHED).await.unwrap();
    evidence::holds(&world, &BOTH).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_goes_through_a_broker_that_lost_its_disk() {
    let mut world = World::start(&BOTH).await.unwrap();
    let other = Case::submit(&world).unwrap();
    other.is(&world, BranchState::Received).await.unwrap();
    world.kill("hanoi");
    let case = Case::submit(&world).unwrap();
    world.kill_broker();
    world.lose_broker_disk().unwrap();
    world.start_broker().await.unwrap();
    world.provision().unwrap();
    world.start_access_point("hanoi").await.unwrap();
    case.is(&world, BranchState::Received).await.unwrap();
    for (side, arguments, state) in STEPS {
        case.act(&world, side, arguments).unwrap();
        world.kill_broker();
        world.lose_broker_disk().unwrap();
        world.start_broker().await.unwrap();
        world.provision().unwrap();
        case.is(&world, state).await.unwrap();
    }
    case.holds(&world, BranchState::Closed, &EVENTS).await.unwrap();
    other.holds(&world, BranchState::Received, &UNTOUCHED).await.unwrap();
    evidence::holds(&world, &BOTH).await;
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
    before.holds(&world, BranchState::Received, &UNTOUCHED).await.unwrap();
    case.holds(&world, BranchState::InService, &EVENTS[..5]).await.unwrap();
    evidence::holds(&world, &BOTH).await;
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

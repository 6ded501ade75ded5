//! `nhipcau sandbox` as a person runs it: everything comes up by one command, ends with it, and is there again.

use std::{fs, net::TcpListener, process::Command};

use nhipcau_proto::referral::v1::BranchState;
use nhipcau_tests::{
    nats,
    process::{Process, output, program},
    wait,
    world::World,
};

use crate::referrals::{Case, UNTOUCHED};

/// The last line of what it prints once it runs.
const PAGE: &str = "IndicatorService/ListSeries";

async fn run(world: &World, runs: usize) -> Process {
    let mut command = program().unwrap();
    command.env("NHIPCAU_NATS_SERVER", nats::binary().unwrap()).args(["sandbox", "--home"]).arg(world.path(""));
    let process = Process::start("sandbox", command, &world.path("page")).unwrap();
    let printed = async || (process.log().matches(PAGE).count() == runs).then_some(());
    wait::until_answered("the page of the sandbox", printed).await.unwrap();
    process
}

/// Lines of the figures that an access point exports: of sixty, with the header.
fn lines(world: &World, name: &str) -> usize {
    let mut export = world.system(name).unwrap();
    let held = output(export.args(["indicators", "export", "--structure", "IAEG-SDGs:SDG(1.8)"])).unwrap();
    String::from_utf8(held.stdout).unwrap().lines().count()
}

/// What the last lines of the page answer, pasted into a shell as they stand.
fn called_with_buf(page: &str) -> String {
    let (_, lines) = page.split_once("from the clone:").unwrap();
    let clone = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let done = output(Command::new("bash").current_dir(clone).args(["-euc", lines])).unwrap();
    assert!(done.status.success(), "run `make setup`? {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

#[tokio::test]
async fn a_sandbox_comes_up_whole_ends_whole_and_keeps_everything() {
    let world = World::make().unwrap();
    let mut process = run(&world, 1).await;
    let figures = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/dev/demo/indicators.csv");
    let imported = output(world.system("moha").unwrap().args(["indicators", "import", figures])).unwrap();
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    wait::until("the figures at vwu", || (lines(&world, "vwu") == 61).then_some(())).await.unwrap();
    let case = Case::submit(&world).unwrap();
    case.holds(&world, BranchState::Received, &UNTOUCHED).await.unwrap();

    let page = process.log();
    for port in world.ports().unwrap() {
        assert!(page.contains(&format!(":{port}")), "{port} is missing in {page}");
    }
    let systems = fs::read_dir(world.path("systems")).unwrap().map(|system| system.unwrap().path());
    for profile in systems.map(|system| system.join("profile.toml")) {
        assert!(page.contains(profile.to_str().unwrap()), "{} is missing in {page}", profile.display());
    }
    let answer = called_with_buf(&page);
    for part in ["nhipcau.referral.v1.ReferralService/SubmitReferral", "\"dataProvider\": \"moha\""] {
        assert!(answer.contains(part), "{part} is missing in {answer}");
    }

    let mut second = program().unwrap();
    second.env("NHIPCAU_NATS_SERVER", nats::binary().unwrap());
    let second = output(second.args(["sandbox", "--home"]).arg(world.path(""))).unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8(second.stderr).unwrap().contains("another process runs this sandbox"));

    assert!(process.stop().await.unwrap().success(), "{}", process.log());
    for port in world.ports().unwrap() {
        assert!(TcpListener::bind(("127.0.0.1", port)).is_ok(), "somebody still listens at {port}");
    }
    let mut process = run(&world, 2).await;
    assert_eq!(lines(&world, "vwu"), 61);
    case.holds(&world, BranchState::Received, &UNTOUCHED).await.unwrap();
    assert!(process.stop().await.unwrap().success(), "{}", process.log());
}

#[tokio::test]
async fn a_sandbox_that_is_killed_takes_its_processes_along() {
    let world = World::make().unwrap();
    let mut process = run(&world, 1).await;
    process.kill();
    let free = || world.ports().unwrap().into_iter().all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok());
    wait::until("every port to be free", || free().then_some(())).await.unwrap();
}

#[test]
fn a_sandbox_without_a_broker_to_run_says_how_to_get_one() {
    let world = World::make().unwrap();
    let mut command = program().unwrap();
    command.env("NHIPCAU_NATS_SERVER", world.path("nowhere")).args(["sandbox", "--home"]).arg(world.path(""));
    let refused = output(&mut command).unwrap();
    assert_eq!(refused.status.code(), Some(3));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("make setup"));
}

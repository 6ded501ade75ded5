//! `nhipcau sandbox` as a person runs it: everything comes up by one command, ends with it, and is there again.

use std::net::TcpListener;

use nhipcau_tests::{
    nats,
    process::{Process, output, program},
    wait,
    world::World,
};

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

#[tokio::test]
async fn a_sandbox_comes_up_whole_ends_whole_and_keeps_everything() {
    let world = World::make().unwrap();
    let mut process = run(&world, 1).await;
    let figures = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/dev/demo/indicators.csv");
    let imported = output(world.system("moha").unwrap().args(["indicators", "import", figures])).unwrap();
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    wait::until("the figures at vwu", || (lines(&world, "vwu") == 61).then_some(())).await.unwrap();

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

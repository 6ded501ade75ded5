//! How an access point starts, refuses to start and ends; and what the operator's commands say of a real world.

use std::{fs, os::unix::fs::PermissionsExt as _};

use nhipcau_tests::{
    process::{output, program},
    wait,
    world::World,
};
use rustix::process::Signal;
use serde_json::Value;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test]
async fn an_access_point_starts_without_a_broker_and_ends_when_told() {
    let mut world = World::make().unwrap();
    world.start_access_point("moh").await.unwrap();
    assert!(world.stop("moh").await.unwrap().success());
    world.start_access_point("moh").await.unwrap();
    assert!(world.stop("moh").await.unwrap().success());
}

#[tokio::test]
async fn an_end_is_bounded_while_a_client_keeps_its_connection() {
    let mut world = World::make().unwrap();
    world.start_access_point("moh").await.unwrap();
    let mut health = tonic_health::pb::health_client::HealthClient::new(world.channel("moh").unwrap());
    let watch = health.watch(tonic_health::pb::HealthCheckRequest::default()).await.unwrap();
    assert!(world.stop("moh").await.unwrap().success());
    drop(watch);
}

#[tokio::test]
async fn a_second_process_on_a_store_is_refused_and_disturbs_nothing() {
    let mut world = World::make().unwrap();
    world.start_access_point("moh").await.unwrap();
    let second = output(program().unwrap().arg("serve").arg("--config").arg(world.config("moh"))).unwrap();
    assert_eq!(second.status.code(), Some(3));
    assert!(text(&second.stderr).contains("another process runs on this store"), "{}", text(&second.stderr));
    assert!(world.stop("moh").await.unwrap().success());
}

#[test]
fn every_problem_of_a_start_is_listed_at_once() {
    let world = World::make().unwrap();
    let home = world.path("moh");
    fs::remove_file(home.join("tls/server.pem")).unwrap();
    fs::remove_dir_all(home.join("kek")).unwrap();
    fs::remove_dir_all(home.join("directory/releases")).unwrap();
    fs::set_permissions(home.join("tls/server.key"), fs::Permissions::from_mode(0o644)).unwrap();
    let refused = output(
        program()
            .unwrap()
            .env("NHIPCAU_ACCESS_POINT__SERVICES", "nothing")
            .args(["serve", "--check-config", "--config"])
            .arg(world.config("moh")),
    )
    .unwrap();
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(3), "{said}");
    assert!(said.contains("5 problems"), "{said}");
    for part in ["access_point.services", "server.certificate", "server.key", "kek", "releases"] {
        assert!(said.contains(part), "{part} is missing in {said}");
    }
    assert!(!home.join("store").exists(), "a refused start leaves nothing");
}

#[test]
fn every_problem_of_a_configuration_is_listed_at_once_and_no_value_is_repeated() {
    let world = World::make().unwrap();
    let path = world.path("wrong.toml");
    let lines = "colour = \"secret\"\n[server]\nlisten = \"secret\"\ntimeout = \"secret\"\n[store]\nreaders = 0\n";
    fs::write(&path, lines).unwrap();
    let refused = output(program().unwrap().args(["serve", "--config"]).arg(path)).unwrap();
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(3), "{said}");
    for part in ["colour", "access_point.name", "server.listen", "server.timeout", "store.readers", "broker.servers"] {
        assert!(said.contains(part), "{part} is missing in {said}");
    }
    assert!(!said.contains("secret"), "{said}");
}

#[test]
fn the_effective_configuration_can_be_given_again() {
    let world = World::make().unwrap();
    let printed = output(program().unwrap().args(["serve", "--print-config", "--config"]).arg(world.config("moh")));
    let printed = printed.unwrap();
    assert!(printed.status.success());
    let again = world.path("again.toml");
    fs::write(&again, &printed.stdout).unwrap();
    let checked = output(program().unwrap().args(["serve", "--check-config", "--config"]).arg(again)).unwrap();
    assert!(checked.status.success(), "{}", text(&checked.stderr));
}

#[tokio::test]
async fn a_hangup_reloads_the_directory_and_ends_nothing() {
    let mut world = World::make().unwrap();
    world.start_access_point("moh").await.unwrap();
    let process = world.running("moh").unwrap();
    process.signal(Signal::HUP).unwrap();
    let said = "The directory has no newer release.";
    wait::until("the reload to be logged", || process.log().contains(said).then_some(())).await.unwrap();
    assert!(world.stop("moh").await.unwrap().success());
}

#[tokio::test]
async fn the_operator_sees_what_provisioning_would_do_and_does_it_once() {
    let mut world = World::make().unwrap();
    world.start_broker().await.unwrap();
    let actions = |stdout: &[u8]| -> Vec<String> {
        let report: Value = serde_json::from_slice(stdout).unwrap();
        let changes = report["changes"].as_array().unwrap().iter();
        changes.map(|change| change["action"].as_str().unwrap().to_owned()).collect()
    };
    let before = world.operator("plan").unwrap();
    assert_eq!(before.status.code(), Some(6), "{}", text(&before.stderr));
    assert!(actions(&before.stdout).iter().all(|action| action == "created"));
    world.provision().unwrap();
    let after = world.operator("plan").unwrap();
    assert!(after.status.success());
    assert!(actions(&after.stdout).iter().all(|action| action == "kept"));
    world.kill_broker();
    assert_eq!(world.operator("plan").unwrap().status.code(), Some(4));
}

#[tokio::test]
async fn metrics_show_what_every_part_counts_and_whether_the_broker_is_there() {
    let mut world = World::start(&["moh"]).await.unwrap();
    let shows = async |world: &World, line: &str| {
        let page = world.metrics("moh").await.unwrap_or_default();
        page.contains(line).then_some(page)
    };
    let page = wait::until_answered("the broker to be usable", async || shows(&world, "nhipcau_broker_usable 1").await);
    let page = page.await.unwrap();
    for line in [
        "nhipcau_indicator_submissions_held_total 0",
        "nhipcau_referral_branches_opened_total 0",
        "nhipcau_broker_connected_total 1",
        "nhipcau_connections ",
    ] {
        assert!(page.contains(line), "{line} is missing in {page}");
    }
    world.kill_broker();
    let gone = wait::until_answered("the broker to be gone", async || shows(&world, "nhipcau_broker_usable 0").await);
    gone.await.unwrap();
}

#[tokio::test]
async fn the_doctor_misses_every_consumer_of_a_broker_that_nobody_provisioned() {
    let mut world = World::make().unwrap();
    world.start_broker().await.unwrap();
    let found = output(program().unwrap().args(["doctor", "--json", "--config"]).arg(world.config("vwu"))).unwrap();
    assert_eq!(found.status.code(), Some(6));
    for consumer in ["NC_VWU/m", "NC_VWU/b", "NC_VWU/r", "NC_ALL/vwu"] {
        assert!(text(&found.stdout).contains(&format!("the consumer {consumer} is missing")), "{consumer}");
    }
}

#[tokio::test]
async fn the_doctor_finds_a_healthy_world_healthy_and_a_missing_broker_missing() {
    let mut world = World::start(&["moh"]).await.unwrap();
    let look = |world: &World| {
        let mut doctor = program().unwrap();
        output(doctor.args(["doctor", "--json", "--config"]).arg(world.config("moh"))).unwrap()
    };
    let problems = |stdout: &[u8]| -> Vec<String> {
        let report: Value = serde_json::from_slice(stdout).unwrap();
        let problem = report["findings"].as_array().unwrap().iter().filter(|one| one["severity"] == "problem");
        problem.map(|one| one["check"].as_str().unwrap().to_owned()).collect()
    };
    let healthy = look(&world);
    assert_eq!(problems(&healthy.stdout), Vec::<String>::new());
    assert!(healthy.status.success());
    world.kill_broker();
    let sick = look(&world);
    assert_eq!(problems(&sick.stdout), ["broker"]);
    assert_eq!(sick.status.code(), Some(6));
    assert!(world.stop("moh").await.unwrap().success(), "the doctor left the process alone");
}

#[test]
fn the_doctor_refuses_the_rebuilt_server_in_production_and_only_there() {
    let world = World::make().unwrap();
    let server = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/tools/nats-server");
    let judged = |more: &[&str]| {
        let mut doctor = program().unwrap();
        doctor.args(["doctor", "--json", "--nats-server", server, "--config"]).arg(world.config("moh"));
        let found = output(doctor.args(more)).unwrap();
        let report: Value = serde_json::from_slice(&found.stdout).unwrap();
        let findings = report["findings"].as_array().unwrap().iter();
        let of_server = findings.filter(|one| one["check"] == "nats-server").map(|one| one["severity"].clone());
        (found.status.code(), of_server.collect::<Vec<_>>())
    };
    assert_eq!(judged(&["--production"]), (Some(6), vec!["problem".into()]));
    assert_eq!(judged(&[]).1, ["warning"]);
}

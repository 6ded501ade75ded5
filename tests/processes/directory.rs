//! The directory while access points run: the next release, from its source to a running process, and a revocation.

use std::{fs, process::Output};

use nhipcau_tests::{office, process::output, wait, world::World};
use rustix::process::Signal;

fn directory(world: &World, arguments: &[&str]) -> Output {
    office::directory(world, arguments).unwrap()
}

/// What a command wrote that must not be refused.
pub(crate) fn done(world: &World, arguments: &[&str]) -> String {
    let output = directory(world, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What a refused command said, and with which code it ended.
fn refused(world: &World, arguments: &[&str]) -> (Option<i32>, String) {
    let output = directory(world, arguments);
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

fn change(world: &World, file: &str, from: &str, to: &str) {
    office::change(&office::source(world, file), from, to).unwrap();
}

/// Has a running access point look at its files, and waits until it says what it should.
pub(crate) async fn reload(world: &mut World, name: &str, said: &str) {
    let process = world.running(name).unwrap();
    let before = process.log().matches(said).count();
    process.signal(Signal::HUP).unwrap();
    wait::until(said, || (process.log().matches(said).count() > before).then_some(())).await.unwrap();
}

const AUTHOR: [&str; 7] =
    ["author", "--source", "source", "--previous", "releases/1.release", "--out", "releases/2.release"];
/// What the log says when a newer release is in use.
const IN_USE: &str = "A newer directory release is in use.";
/// What it says when bulletins or revocations came to the one that is.
pub(crate) const HEARD: &str = "More bulletins or revocations are in use.";

#[tokio::test]
async fn the_next_release_goes_from_its_source_to_a_running_access_point() {
    let mut world = World::make().unwrap();
    world.start_access_point("moh").await.unwrap();
    change(&world, "units.toml", "\"hotline\"", "\"hotline\", \"counselling\"");
    done(&world, &AUTHOR);
    let shown = done(&world, &["show", "releases/2.release", "--against", "releases/1.release"]);
    assert!(shown.contains("services hotline, counselling"), "{shown}");

    let install = ["install", "releases/2.release", "--home", "../moh"];
    done(&world, &["sign", "--key", "signers/moh-1.key", "releases/2.release"]);
    let (code, said) = refused(&world, &install);
    assert_eq!(code, Some(6), "{said}");
    assert!(said.contains("DIRECTORY_UNDER_SIGNED"), "{said}");

    done(&world, &["sign", "--key", "signers/office-1.key", "releases/2.release"]);
    done(&world, &install);
    reload(&mut world, "moh", IN_USE).await;
    let (code, said) = refused(&world, &["install", "releases/1.release", "--home", "../moh"]);
    assert_eq!(code, Some(6), "{said}");
    assert!(said.contains("DIRECTORY_ROLLED_BACK"), "{said}");
    assert!(world.stop("moh").await.unwrap().success());
}

#[tokio::test]
async fn a_release_with_a_new_table_reaches_who_was_not_handed_it_and_outlives_a_restart() {
    let mut world = World::start(&["moha", "moh", "vwu"]).await.unwrap();
    change(&world, "units.toml", "\"hotline\"", "\"hotline\", \"counselling\"");
    let tables = office::source(&world, "tables");
    fs::rename(tables.join("vn-crosswalk-2025-07-01.csv"), tables.join("vn-crosswalk-again-2025-07-01.csv")).unwrap();
    done(&world, &AUTHOR);
    for key in ["signers/moh-1.key", "signers/office-1.key"] {
        done(&world, &["sign", "--key", key, "releases/2.release"]);
    }
    done(&world, &["install", "releases/2.release", "--home", "../moh"]);
    reload(&mut world, "moh", IN_USE).await;
    for name in ["moha", "vwu"] {
        let process = world.running(name).unwrap();
        wait::until(name, || process.log().contains(IN_USE).then_some(())).await.unwrap();
        for file in ["releases/00000002.release", "attachments/vn-crosswalk-again-2025-07-01.csv"] {
            let held = |home: &str| fs::read(world.path(home).join("directory").join(file)).unwrap();
            assert!(held(name) == held("moh"), "{file} at {name}");
        }
        assert!(world.stop(name).await.unwrap().success());
        world.start_access_point(name).await.unwrap();
        let log = world.running(name).unwrap().log();
        assert!(log.contains("release=2") && !log.contains("RELEASE_REFUSED"), "{log}");
    }
}

#[tokio::test]
async fn a_revocation_counts_at_a_running_access_point_without_a_newer_release() {
    let mut world = World::start(&["moha", "moh", "vwu"]).await.unwrap();
    let revoke =
        ["revoke", "--release", "releases/1.release", "--party", "moha", "--access-point", "moha", "--key", "s-1"];
    let by_itself = ["--signing-key", "../moha/keys/signing.key", "--out", "releases/moha.revocation"];
    done(&world, &[&revoke[..], &by_itself].concat());
    let by_another = ["--signing-key", "../moh/keys/signing.key", "--out", "releases/forged.revocation"];
    assert_eq!(refused(&world, &[&revoke[..], &by_another].concat()).0, Some(6));
    done(&world, &["install", "releases/moha.revocation", "--home", "../moh"]);
    reload(&mut world, "moh", HEARD).await;
    let log = world.running("vwu").unwrap();
    wait::until("the revocation at vwu", || log.log().contains(HEARD).then_some(())).await.unwrap();

    let figures = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/dev/demo/indicators.csv");
    let imported = output(world.system("moha").unwrap().args(["indicators", "import", figures])).unwrap();
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    // Of the sixty figures and the header.
    let lines = |name: &str| {
        let mut export = world.system(name).unwrap();
        let held = output(export.args(["indicators", "export", "--structure", "IAEG-SDGs:SDG(1.8)"])).unwrap();
        String::from_utf8(held.stdout).unwrap().lines().count()
    };
    // Nobody handed it to `vwu`, which has heard of it all the same.
    for name in ["moh", "vwu"] {
        let log = world.path(name).join("log");
        let told = || fs::read_to_string(&log).unwrap().contains("QUARANTINED").then_some(());
        wait::until(name, told).await.unwrap();
        assert_eq!(lines(name), 1);
    }
}

#[test]
fn every_mistake_of_a_source_is_listed_at_once_and_nothing_is_written() {
    let world = World::make().unwrap();
    change(&world, "units.toml", "00070@VN-34-2026", "00071@VN-34-2026");
    change(&world, "agreements.toml", "recipient_party = \"vwu\"", "recipient_party = \"vwx\"");
    change(&world, "time-limits.toml", "\"12h\"", "\"twelve\"");
    let (code, said) = refused(&world, &AUTHOR);
    assert_eq!(code, Some(3), "{said}");
    for place in ["units.toml, [[unit]] 4", "agreements.toml, [[agreement]] 3", "time-limits.toml, [[time_limit]] 1"] {
        assert!(said.contains(place), "{place} is missing in {said}");
    }
    assert!(!world.path("programme/releases/2.release").exists());
}

//! Keys in motion while access points run: a revocation that one was handed, an epoch begun by hand and one that was
//! due, and who was away meanwhile.

use std::{
    fs,
    io::Write as _,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use nhipcau_proto::referral::v1::BranchState;
use nhipcau_tests::{
    keys::{bulletin, rotate, spread},
    office::source,
    process::output,
    wait,
    world::World,
};
use rustix::process::Signal;

use crate::{
    directory::{HEARD, done, reload},
    referrals::Case,
};

fn revoke(world: &World, of: &str, key: &str, out: &str) {
    let what =
        ["revoke", "--release", "releases/1.release", "--party", of, "--access-point", of, "--key", key, "--out", out];
    done(world, &[&what[..], &["--signing-key", &format!("../{of}/keys/signing.key")]].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_handed_to_one_is_in_force_at_all_in_under_a_minute_and_after_a_restart() {
    let everybody = ["moha", "moh", "vwu", "hanoi"];
    let mut world = World::start(&everybody).await.unwrap();
    revoke(&world, "moha", "s-1", "releases/moha.revocation");
    done(&world, &["install", "releases/moha.revocation", "--home", "../vwu"]);
    let before: Vec<_> =
        everybody.iter().map(|name| world.running(name).unwrap().log().matches(HEARD).count()).collect();
    let handed = Instant::now();
    reload(&mut world, "vwu", HEARD).await;
    for (name, before) in everybody.iter().zip(before) {
        let process = world.running(name).unwrap();
        let is_in_use = || (process.log().matches(HEARD).count() > before).then_some(());
        wait::until(name, is_in_use).await.unwrap();
    }
    let took = handed.elapsed();
    writeln!(std::io::stderr(), "a revocation was in force at all {} after {took:.2?}", everybody.len()).unwrap();
    assert!(took < Duration::from_secs(60), "{took:?}");

    // What came over the bus is under its SHA-256 among the files of who was not handed it, and a restart has it.
    let revocation = fs::read(world.path("programme/releases/moha.revocation")).unwrap();
    let name = format!("{}.revocation", hex(&nhipcau_messaging::pae::sha256(&revocation)));
    assert_eq!(fs::read(world.path("moh/directory/revocations").join(name)).unwrap(), revocation);
    assert!(world.stop("moh").await.unwrap().success());
    world.start_access_point("moh").await.unwrap();
    let figures = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/dev/demo/indicators.csv");
    let imported = output(world.system("moha").unwrap().args(["indicators", "import", figures])).unwrap();
    assert!(imported.status.success());
    for name in ["moh", "hanoi"] {
        let quarantined = wait::until_answered(name, async || {
            world.metrics(name).await.ok()?.contains("nhipcau_alarms_total{kind=\"QUARANTINED\"}").then_some(())
        });
        quarantined.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_epoch_begun_by_hand_is_used_and_heard_of_by_who_was_away_and_an_older_bulletin_gives_way() {
    let mut world = World::start(&["moh", "hanoi", "vwu"]).await.unwrap();
    assert!(world.stop("vwu").await.unwrap().success());
    let key = rotate(&world, "hanoi").unwrap();
    let first = bulletin(&world, "hanoi", "hanoi");
    reload(&mut world, "hanoi", HEARD).await;
    spread(&world, "hanoi", &["moh"]).await.unwrap();
    // What was sealed to it can be opened with it alone.
    assert!(world.stop("hanoi").await.unwrap().success());
    let others = fs::read_dir(world.path("hanoi/keys/sealing")).unwrap().map(|entry| entry.unwrap().path());
    for other in others.filter(|path| path.file_stem().unwrap().to_str() != Some(&key)) {
        fs::rename(&other, other.with_extension("away")).unwrap();
    }
    world.start_access_point("hanoi").await.unwrap();
    let case = Case::submit(&world).unwrap();
    case.is(&world, BranchState::Received).await.unwrap();

    rotate(&world, "hanoi").unwrap();
    reload(&mut world, "hanoi", HEARD).await;
    world.start_access_point("vwu").await.unwrap();
    spread(&world, "hanoi", &["moh", "vwu"]).await.unwrap();
    // Somebody puts the older one back: whoever has heard the newer one does not go back.
    let newest = bulletin(&world, "hanoi", "hanoi");
    assert_ne!(newest, first);
    fs::write(world.path("moh/directory/bulletins/hanoi.bulletin"), &first).unwrap();
    let process = world.running("moh").unwrap();
    process.signal(Signal::HUP).unwrap();
    let said = "The directory has no newer release.";
    wait::until(said, || process.log().contains(said).then_some(())).await.unwrap();
    case.act(&world, "hanoi", &["acknowledge"]).unwrap();
    case.is(&world, BranchState::Assigned).await.unwrap();
    assert!(world.stop("moh").await.unwrap().success());
    world.start_access_point("moh").await.unwrap();
    wait::until("the newest", || (bulletin(&world, "moh", "hanoi") == newest).then_some(())).await.unwrap();
    for name in ["moh", "hanoi", "vwu"] {
        let page = world.metrics(name).await.unwrap();
        assert!(!page.contains("NOTICE_REFUSED") && !page.contains("QUARANTINED"), "{name}: {page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_epoch_that_is_revoked_is_replaced_by_the_access_point_itself_at_once() {
    let mut world = World::start(&["moh", "hanoi"]).await.unwrap();
    revoke(&world, "hanoi", "e-1", "releases/epoch.revocation");
    done(&world, &["install", "releases/epoch.revocation", "--home", "../hanoi"]);
    reload(&mut world, "hanoi", HEARD).await;
    wait::until("a bulletin", || (!bulletin(&world, "hanoi", "hanoi").is_empty()).then_some(())).await.unwrap();
    spread(&world, "hanoi", &["moh"]).await.unwrap();
    assert_eq!(fs::read_dir(world.path("hanoi/keys/sealing")).unwrap().count(), 2);
    let log = world.running("hanoi").unwrap().log();
    assert!(log.contains("The next sealing epoch is announced.") && !log.contains("ROTATION_FAILED"), "{log}");
    let case = Case::submit(&world).unwrap();
    case.is(&world, BranchState::Received).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signing_key_that_nobody_replaces_is_told_of_before_it_ends() {
    let mut world = World::start(&["moh"]).await.unwrap();
    let page = world.metrics("moh").await.unwrap();
    assert!(!page.contains("KEY_EXPIRES"), "{page}");
    assert!(world.stop("moh").await.unwrap().success());
    let keys = fs::read_to_string(source(&world, "access-points.toml")).unwrap();
    let end = keys.split("expire_time = ").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap();
    let left = end.parse::<Timestamp>().unwrap().duration_since(Timestamp::now());
    let clock = world.path("moh/clock");
    fs::write(&clock, (left - SignedDuration::from_hours(59 * 24)).as_secs().to_string()).unwrap();
    world.start_access_point_with("moh", |command| _ = command.arg("--clock").arg(&clock)).await.unwrap();
    let told = async || {
        let page = world.metrics("moh").await.ok()?;
        page.contains("nhipcau_alarms_total{kind=\"KEY_EXPIRES\"} 1").then_some(())
    };
    wait::until_answered("KEY_EXPIRES", told).await.unwrap();
    let log = world.running("moh").unwrap().log();
    assert!(log.contains("A key ends soon, or has ended, and nothing replaces it by itself."), "{log}");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

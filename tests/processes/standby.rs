//! Two processes of one access point over one PostgreSQL store: one is active, the other stands by and takes over when
//! the first is killed, stopped or told to end, without anybody's help. The first never writes again.

use nhipcau_proto::referral::v1::BranchState;
use nhipcau_tests::{
    keys::{bulletin, rotate, spread},
    process::{Process, output, program},
    world::World,
};
use rustix::process::Signal;

use crate::{
    directory::{HEARD, reload},
    figures::Publisher,
    referrals::Case,
};

/// A publisher with its store at the server, a subscriber, a second process of the publisher that stands by, and
/// figures that came through the first one.
async fn begun() -> (World, Publisher, Process) {
    let mut world = World::make().unwrap();
    world.store_at_server("moha").unwrap();
    world.start_broker().await.unwrap();
    world.provision().unwrap();
    for name in ["moha", "moh"] {
        world.start_access_point(name).await.unwrap();
    }
    let mut publisher = Publisher::new(&world).unwrap();
    publisher.submit(3).await.unwrap();
    let second = world.stand_by("moha").await.unwrap();
    (world, publisher, second)
}

/// The second process serves, with all that came before; what comes now arrives; the evidence is whole.
async fn goes_on(world: &World, publisher: &mut Publisher, second: &mut Process) {
    world.serves("moha", second).await.unwrap();
    publisher.follow(world).unwrap();
    publisher.submit(3).await.unwrap();
    for name in ["moha", "moh"] {
        publisher.held_by(world, name).await.unwrap();
    }
    let verified = output(program().unwrap().arg("verify").arg(world.path("moha"))).unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_process_takes_over_when_the_first_is_killed() {
    let (mut world, mut publisher, mut second) = begun().await;
    world.kill("moha");
    goes_on(&world, &mut publisher, &mut second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_process_takes_over_from_a_stopped_one_which_wakes_up_and_ends_without_writing() {
    let (mut world, mut publisher, mut second) = begun().await;
    world.running("moha").unwrap().signal(Signal::STOP).unwrap();
    goes_on(&world, &mut publisher, &mut second).await;
    let first = world.running("moha").unwrap();
    first.signal(Signal::CONT).unwrap();
    assert!(!first.ended().await.unwrap().success(), "{}", first.log());
    goes_on(&world, &mut publisher, &mut second).await;
    assert!(second.stop().await.unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_process_takes_over_when_the_first_is_told_to_end_and_ends_itself_while_it_stands_by() {
    let (mut world, mut publisher, mut second) = begun().await;
    assert!(world.stop("moha").await.unwrap().success());
    goes_on(&world, &mut publisher, &mut second).await;
    let mut third = world.stand_by("moha").await.unwrap();
    assert!(third.stop().await.unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sealed_to_an_epoch_that_the_second_process_has_not_got_is_sealed_again_and_arrives() {
    let mut world = World::make().unwrap();
    world.store_at_server("hanoi").unwrap();
    world.start_broker().await.unwrap();
    world.provision().unwrap();
    for name in ["moh", "hanoi"] {
        world.start_access_point(name).await.unwrap();
    }
    let mut second = world.stand_by("hanoi").await.unwrap();
    let home = world.path(format!("hanoi-{}", world.port("hanoi").unwrap()));
    // Made on the first machine, and nobody has copied it.
    let key = rotate(&world, "hanoi").unwrap();
    reload(&mut world, "hanoi", HEARD).await;
    spread(&world, "hanoi", &["moh"]).await.unwrap();
    let first_word = bulletin(&world, "moh", "hanoi");
    world.running("hanoi").unwrap().signal(Signal::STOP).unwrap();
    let cases: Vec<Case> = (0..3).map(|_| Case::submit(&world).unwrap()).collect();
    world.serves("hanoi", &mut second).await.unwrap();
    let has = |key: &str| home.join("keys/sealing").join(format!("{key}.key")).exists();
    assert!(!has(&key), "the second machine was to lack it");
    for case in &cases {
        case.is(&world, BranchState::Received).await.unwrap();
    }
    assert_ne!(bulletin(&world, "moh", "hanoi"), first_word, "the second one has announced an epoch of its own");
    // The first wakes up, ends, and whoever has heard the second goes on with that one.
    let process = world.running("hanoi").unwrap();
    process.signal(Signal::CONT).unwrap();
    assert!(!process.ended().await.unwrap().success());
    let case = Case::submit(&world).unwrap();
    case.is(&world, BranchState::Received).await.unwrap();
    let page = world.metrics("moh").await.unwrap();
    assert!(!page.contains("QUARANTINED") && !page.contains("NOTICE_REFUSED"), "{page}");
    assert!(second.stop().await.unwrap().success());
}

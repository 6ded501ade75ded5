//! Processes killed in the middle of things, brokers and stores that lose what they had: nothing is lost, nothing is
//! there twice.

use nhipcau_tests::world::World;

use crate::figures::Publisher;

const HOLDERS: [&str; 3] = ["moha", "moh", "vwu"];

async fn all_hold(world: &World, publisher: &Publisher) {
    for name in HOLDERS {
        publisher.held_by(world, name).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_reach_every_subscriber() {
    let mut world = World::start(&HOLDERS).await.unwrap();
    let mut publisher = Publisher::new(&world).unwrap();
    publisher.submit(10).await.unwrap();
    all_hold(&world, &publisher).await;
    for name in HOLDERS {
        assert!(world.stop(name).await.unwrap().success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_point_killed_while_figures_flow_loses_none_and_doubles_none() {
    let mut world = World::start(&HOLDERS).await.unwrap();
    let mut publisher = Publisher::new(&world).unwrap();
    for killed in HOLDERS {
        publisher.submit(5).await.unwrap();
        world.kill(killed);
        if killed != "moha" {
            publisher.submit(5).await.unwrap();
        }
        world.start_access_point(killed).await.unwrap();
        publisher.submit(5).await.unwrap();
    }
    all_hold(&world, &publisher).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_killed_while_figures_flow_delays_them_and_loses_none() {
    let mut world = World::start(&HOLDERS).await.unwrap();
    let mut publisher = Publisher::new(&world).unwrap();
    publisher.submit(5).await.unwrap();
    world.kill_broker();
    publisher.submit(5).await.unwrap();
    world.start_broker().await.unwrap();
    publisher.submit(5).await.unwrap();
    all_hold(&world, &publisher).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_lost_its_disk_is_provisioned_again_and_nothing_is_lost() {
    let mut world = World::start(&HOLDERS).await.unwrap();
    let mut publisher = Publisher::new(&world).unwrap();
    world.kill("vwu");
    publisher.submit(5).await.unwrap();
    publisher.held_by(&world, "moh").await.unwrap();
    world.kill_broker();
    world.lose_broker_disk().unwrap();
    world.start_broker().await.unwrap();
    publisher.submit(5).await.unwrap();
    world.provision().unwrap();
    world.start_access_point("vwu").await.unwrap();
    all_hold(&world, &publisher).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_with_an_older_store_is_given_again_what_it_lost() {
    older_store("moh").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_with_an_older_store_gets_back_what_others_hold() {
    older_store("moha").await;
}

/// Copies the store of an access point, lets the world go on, and puts the copy back.
async fn older_store(name: &str) {
    let mut world = World::start(&HOLDERS).await.unwrap();
    let mut publisher = Publisher::new(&world).unwrap();
    publisher.submit(5).await.unwrap();
    all_hold(&world, &publisher).await;
    assert!(world.stop(name).await.unwrap().success());
    let older = world.keep_store(name).unwrap();
    world.start_access_point(name).await.unwrap();
    publisher.submit(5).await.unwrap();
    all_hold(&world, &publisher).await;

    world.kill(name);
    world.restore_store(name, &older).unwrap();
    world.start_access_point(name).await.unwrap();
    all_hold(&world, &publisher).await;
    publisher.submit(5).await.unwrap();
    all_hold(&world, &publisher).await;
    let log = world.running(name).unwrap().log();
    assert!(log.contains("ROLLED_BACK"), "nobody was told: {log}");
}

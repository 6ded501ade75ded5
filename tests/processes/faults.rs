//! Processes killed in the middle of things, brokers and stores that lose what they had: nothing is lost, nothing is
//! there twice.

use std::cell::Cell;

use nhipcau_tests::world::World;

use crate::{evidence, figures::Publisher};

const HOLDERS: [&str; 3] = ["moha", "moh", "vwu"];

async fn all_hold(world: &World, publisher: &Publisher) {
    for name in HOLDERS {
        publisher.held_by(world, name).await.unwrap();
    }
}

/// Everybody holds the figures, and nothing differs at anybody.
async fn all_agree(world: &World, publisher: &Publisher) {
    all_hold(world, publisher).await;
    evidence::holds(world, &HOLDERS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_reach_every_subscriber() {
    let mut world = World::start(&HOLDERS).await.unwrap();
    let mut publisher = Publisher::new(&world).unwrap();
    publisher.submit(10).await.unwrap();
    all_agree(&world, &publisher).await;
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
    all_agree(&world, &publisher).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_in_flight_while_their_access_point_or_the_broker_is_killed_take_effect_once() {
    let mut world = World::start(&HOLDERS).await.unwrap();
    let mut publisher = Publisher::new(&world).unwrap();
    let is_over = Cell::new(false);
    let killing = async {
        for _ in 0..3 {
            for killed in HOLDERS {
                world.kill(killed);
                world.start_access_point(killed).await.unwrap();
            }
            world.kill_broker();
            world.start_broker().await.unwrap();
        }
        is_over.set(true);
    };
    let calling = async {
        while !is_over.get() {
            publisher.submit(1).await.unwrap();
        }
    };
    tokio::join!(killing, calling);
    all_agree(&world, &publisher).await;
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
    all_agree(&world, &publisher).await;
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
    all_agree(&world, &publisher).await;
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
    all_agree(&world, &publisher).await;
    let log = world.running(name).unwrap().log();
    assert!(log.contains("ROLLED_BACK"), "nobody was told: {log}");
}

//! Everybody ends with the same values, whatever was lost on the way or taken back by a restored disk.

use std::collections::VecDeque;

use nhipcau_proto::indicator::v1::Action::*;
use proptest::prelude::*;

use crate::world::*;

fn agree(world: &mut World) {
    let own = world.held(MOHA, SMALL);
    for node in [MOH, VWU] {
        assert_eq!(world.held(node, SMALL), own, "node {node}");
        assert_eq!(world.digest(node), world.digest(MOHA));
    }
}

#[test]
fn a_subscriber_that_missed_everything_catches_up() {
    let mut world = World::open();
    for n in 0..5 {
        let value = n.to_string();
        world.submit(MOHA, &format!("r{n}"), &small(Replace, &[("704.F", "2023", &value)])).unwrap();
    }
    world.queue.retain(|parcel| parcel.to != VWU);
    world.settle();
    assert_eq!(world.held(VWU, SMALL), ["moha 704.F 2023 4"]);
    agree(&mut world);
}

#[test]
fn a_publisher_rolled_back_gets_its_figures_back() {
    let mut world = World::open();
    world.submit(MOHA, "r1", &small(Replace, &[("704.F", "2022", "1")])).unwrap();
    world.settle();
    let image = world.image(MOHA);
    let lost = world.submit(MOHA, "r2", &small(Replace, &[("704.F", "2023", "2")])).unwrap().0;
    world.settle();
    world.restart(MOHA, &image);
    assert_eq!(world.held(MOHA, SMALL).len(), 1);
    world.settle();
    assert_eq!(world.held(MOHA, SMALL), ["moha 704.F 2022 1", "moha 704.F 2023 2"]);
    agree(&mut world);
    // The caller, who may not know whether it was answered, asks again and gets the same submission.
    let (again, replayed) = world.submit(MOHA, "r2", &small(Replace, &[("704.F", "2023", "2")])).unwrap();
    assert!(replayed);
    assert_eq!((again.name, again.ordinal), (lost.name, lost.ordinal));
}

#[test]
fn what_was_published_before_the_rollback_stays_before_what_comes_after() {
    let mut world = World::open();
    let image = world.image(MOHA);
    world.submit(MOHA, "r1", &small(Replace, &[("704.F", "2023", "1"), ("704.M", "2023", "1")])).unwrap();
    // Only one subscriber gets it before the disk is replaced.
    while let Some(parcel) = world.queue.pop_front() {
        if parcel.to == VWU {
            world.deliver(parcel);
        }
    }
    world.restart(MOHA, &image);
    world.now += jiff::SignedDuration::from_secs(1);
    world.submit(MOHA, "r2", &small(Replace, &[("704.F", "2023", "2")])).unwrap();
    world.settle();
    assert_eq!(world.held(MOH, SMALL), ["moha 704.F 2023 2", "moha 704.M 2023 1"]);
    agree(&mut world);
}

#[test]
fn a_deletion_after_the_rollback_also_deletes_what_was_lost_and_came_back() {
    let mut world = World::open();
    let image = world.image(MOHA);
    world.submit(MOHA, "r1", &small(Replace, &[("704.F", "2023", "1"), ("704.M", "2023", "1")])).unwrap();
    while let Some(parcel) = world.queue.pop_front() {
        if parcel.to == VWU {
            world.deliver(parcel);
        }
    }
    world.restart(MOHA, &image);
    world.now += jiff::SignedDuration::from_secs(1);
    world.submit(MOHA, "r2", &small(Delete, &[(".F", "", "")])).unwrap();
    world.settle();
    assert_eq!(world.held(MOHA, SMALL), ["moha 704.M 2023 1"]);
    agree(&mut world);
}

#[test]
fn a_caller_that_repeats_before_the_figures_are_back_makes_the_same_submission() {
    let mut world = World::open();
    let image = world.image(MOHA);
    let submission = small(Replace, &[("704.F", "2023", "1")]);
    let first = world.submit(MOHA, "r1", &submission).unwrap().0;
    world.settle();
    world.restart(MOHA, &image);
    let second = world.submit(MOHA, "r1", &submission).unwrap().0;
    assert_eq!(second.name, first.name);
    world.settle();
    agree(&mut world);
    for node in [MOHA, MOH, VWU] {
        let stored = rows(&mut world, node, "SELECT publish_time FROM indicator_submission", |row| row.int(0));
        assert_eq!(stored.len(), 1, "node {node}");
        let time = first.create_time.unwrap();
        assert_eq!(stored[0], time.seconds * 1_000_000 + i64::from(time.nanos) / 1_000, "the earlier time counts");
    }
}

#[derive(Debug, Clone)]
enum Act {
    Submit { action: u8, sex: bool, year: u8, value: u8 },
    Lose(usize),
    Deliver(usize),
    Keep,
    Restore,
    Settle,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (0..3u8, any::<bool>(), 0..2u8, 0..9u8)
            .prop_map(|(action, sex, year, value)| Act::Submit { action, sex, year, value }),
        1 => (1..3usize).prop_map(Act::Lose),
        2 => (1..3usize).prop_map(Act::Deliver),
        1 => Just(Act::Keep),
        2 => Just(Act::Restore),
        1 => Just(Act::Settle),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn all_converge_whatever_is_lost_and_restored(acts in proptest::collection::vec(act(), 1..14)) {
        let mut world = World::open();
        // The disk is replaced at most once.
        let mut image = Some(world.image(MOHA));
        for (number, act) in acts.into_iter().enumerate() {
            world.now += jiff::SignedDuration::from_millis(7);
            match act {
                Act::Submit { action, sex, year, value } => {
                    let key = if sex { "704.F" } else { "704.M" };
                    let (period, value) = (format!("202{year}"), value.to_string());
                    let submission = match action {
                        0 => small(Replace, &[(key, &period, &value)]),
                        1 => small(Merge, &[(key, &period, &value)]),
                        _ => small(Delete, &[(".F", &period, "")]),
                    };
                    world.submit(MOHA, &format!("r{number}"), &submission).unwrap();
                }
                Act::Lose(node) => world.queue.retain(|parcel| parcel.to != node),
                Act::Deliver(node) => {
                    let (now, later): (VecDeque<_>, _) = world.queue.drain(..).partition(|parcel| parcel.to == node);
                    world.queue = later;
                    now.into_iter().for_each(|parcel| world.deliver(parcel));
                }
                Act::Keep => image = image.map(|_| world.image(MOHA)),
                Act::Restore => {
                    if let Some(image) = image.take() {
                        world.restart(MOHA, &image);
                    }
                }
                Act::Settle => world.settle(),
            }
        }
        world.settle();
        agree(&mut world);
    }
}

//! What a service wants done at a time is done then, once, whatever becomes of processes and stores.

use jiff::SignedDuration;

use crate::world::{MOH, TRIED_AGAIN, VWU, World};

/// The Ministry of Health is to send bodies to the Union at a time.
fn plan(world: &mut World, bodies: &[&[u8]], seconds: i64) {
    let time = (world.now + SignedDuration::from_secs(seconds)).as_microsecond();
    world.nodes[MOH]
        .store
        .transaction(|tx| {
            for (at, body) in bodies.iter().enumerate() {
                let name = [at as u8; 16];
                let insert = "INSERT INTO due (name, time, body) VALUES ($1, $2, $3)";
                tx.execute(insert, &[(&name).into(), time.into(), (*body).into()])?;
            }
            Ok::<_, nhipcau_messaging::store::Error>(())
        })
        .unwrap();
}

#[test]
fn what_is_due_is_done_once_and_not_before_its_time() {
    let mut world = World::open();
    plan(&mut world, &[b"escalated"], 30);
    world.settle_within(29);
    assert_eq!(world.effects(VWU), [""; 0], "not yet");
    world.settle_within(3);
    assert_eq!(world.effects(VWU), ["escalated"]);
    world.settle();
    assert_eq!(world.effects(VWU), ["escalated"]);
}

#[test]
fn what_cannot_go_is_put_off_and_holds_nothing_up() {
    let mut world = World::open();
    let too_large = vec![0; 1 << 20];
    plan(&mut world, &[&too_large, &too_large, &too_large, &too_large, &too_large, &too_large, b"behind it"], 1);
    world.settle_within(4);
    assert_eq!(world.effects(VWU), ["behind it"], "a second is not waited for each");
    let put_off = |world: &mut World| world.rows(MOH, "SELECT time FROM due", |row| row.int(0));
    let again = world.now + SignedDuration::try_from(TRIED_AGAIN).unwrap();
    let first = put_off(&mut world);
    assert_eq!(first.len(), 6);
    assert!(first.iter().all(|time| *time <= again.as_microsecond() && *time > world.now.as_microsecond()));
    world.settle();
    let later = put_off(&mut world);
    assert!(later.len() == 6 && later.iter().min() > first.iter().max(), "they are tried again");
}

#[test]
fn a_clock_that_jumps_ahead_does_not_set_everything_off_at_once() {
    let mut world = World::open();
    let bodies = [b"due".as_slice(); 40];
    plan(&mut world, &bodies, 3_600);
    world.now += SignedDuration::from_hours(24 * 30);
    world.settle_within(2);
    let done = world.effects(VWU).len();
    assert!((1..=12).contains(&done), "{done}");
    world.settle();
    assert_eq!(world.effects(VWU).len(), 40);
}

#[test]
fn nothing_is_due_at_a_start_before_peers_were_heard_or_were_silent_for_long() {
    for is_heard in [true, false] {
        let mut world = World::open();
        plan(&mut world, &[b"escalated"], 0);
        world.restart(MOH, None);
        world.pass_alone(MOH, 90);
        assert_eq!(world.rows(MOH, "SELECT 1 FROM due", |row| row.int(0)).len(), 1, "an answer may be on its way back");
        if is_heard {
            world.settle_within(5);
        } else {
            world.pass_alone(MOH, 60);
        }
        assert_eq!(world.rows(MOH, "SELECT 1 FROM due", |row| row.int(0)).len(), 0, "heard: {is_heard}");
        world.settle();
        assert_eq!(world.effects(VWU), ["escalated"]);
    }
}

#[test]
fn what_was_done_before_a_rollback_is_done_again_as_the_same_message() {
    let mut world = World::open();
    plan(&mut world, &[b"escalated"], 0);
    let before = world.image(MOH);
    world.settle();
    assert_eq!(world.effects(VWU), ["escalated"]);
    world.restart(MOH, Some(&before));
    world.settle();
    assert_eq!(world.rows(MOH, "SELECT 1 FROM due", |row| row.int(0)).len(), 0, "it was due here once more");
    assert_eq!(world.effects(VWU), ["escalated"]);
}

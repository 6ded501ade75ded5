//! Of what a desk says somebody at the unit that asked is told: one person of each word, until somebody acts on it.

use jiff::SignedDuration;
use nhipcau_domain::placement::MOST_AN_HOUR;
use nhipcau_proto::{
    placement::v1::{PlacementAnswer as A, PlacementState as S, placement_service_server::PlacementService as _},
    referral::v1 as referral,
};
use nhipcau_runtime::notify::Outbox as _;

use crate::{deeds::*, placements::*, world::*};

const LEFT: &str = "SELECT (SELECT COUNT(*) FROM switchboard_word) + (SELECT COUNT(*) FROM switchboard_word_notice)";
const UNATTENDED: &str = "SELECT COUNT(*) FROM switchboard_placement_event WHERE side = 2 AND holder = 2";

/// Two access points of which the one that asks has a roster.
async fn asking_with(people: &[&str]) -> World {
    let mut world = World::open().await;
    world.rostered((MOH, "111"), 1, (0, people));
    world
}

#[tokio::test]
async fn of_every_word_of_a_desk_one_person_at_the_unit_that_asked_is_told_once() {
    let mut world = asking_with(&["tv-3", "tv-4"]).await;
    let asked = world.ask().await;
    assert_eq!(world.called_at(MOH).await, [""; 0], "nothing was said yet");
    world.reply(&asked, A::CallMe, None).await.unwrap();
    world.settle().await;
    let called = world.unsent_at(MOH).await;
    assert_eq!(world.called_at(MOH).await, ["tv-3"]);
    world.notices(MOH).sent(called[0].id).await.unwrap();
    world.minutes(30).await;
    assert_eq!(world.called_at(MOH).await, [""; 0], "whoever asked is at work on it: nobody else is called");
    world.reply(&asked, A::Yes, Some(2)).await.unwrap();
    world.settle().await;
    let held = world.unsent_at(MOH).await;
    assert_eq!(world.called_at(MOH).await, ["tv-3"], "the newer word alone");
    assert_ne!(held[0].id, called[0].id, "which is another word, under another id");
    world.confirm(&world.placement(MOH, &asked).await.unwrap()).await.unwrap();
    assert_eq!((world.called_at(MOH).await.len(), world.count(MOH, LEFT).await), (0, 0), "somebody has acted on it");
    world.minutes(30).await;
    assert_eq!((world.called_at(MOH).await.len(), world.count(MOH, LEFT).await), (0, 0));
}

#[tokio::test]
async fn where_whoever_is_to_be_told_of_a_word_cannot_be_reached_the_next_is_told_instead() {
    let mut world = asking_with(&["tv-3", "tv-4"]).await;
    let asked = world.ask().await;
    world.reply(&asked, A::Yes, Some(2)).await.unwrap();
    world.settle().await;
    world.minutes(9).await;
    assert_eq!(world.called_at(MOH).await, ["tv-3"], "there is time left to reach them");
    world.minutes(2).await;
    let next = world.unsent_at(MOH).await;
    assert_eq!(world.called_at(MOH).await, ["tv-4"], "and not both");
    world.minutes(20).await;
    assert_eq!(world.unsent_at(MOH).await, next, "nobody is left: it is tried on");
    world.notices(MOH).sent(next[0].id).await.unwrap();
    world.minutes(30).await;
    assert_eq!(world.called_at(MOH).await, [""; 0]);
}

#[tokio::test]
async fn nobody_is_told_of_a_word_when_nothing_can_be_done_about_it_any_more() {
    let mut world = asking_with(&["tv-3"]).await;
    let held = world.ask().await;
    world.reply(&held, A::Yes, Some(2)).await.unwrap();
    world.settle().await;
    assert_eq!(world.called_at(MOH).await, ["tv-3"]);
    world.minutes(120).await;
    assert_eq!(world.stands(&held).await, [S::Expired, S::Expired]);
    assert_eq!((world.called_at(MOH).await.len(), world.count(MOH, LEFT).await), (0, 0), "the hold is over");
    let refused = world.ask().await;
    world.reply(&refused, A::No, None).await.unwrap();
    world.settle().await;
    assert_eq!(world.called_at(MOH).await, ["tv-3"], "a no is told too: another desk can be asked");
    world.minutes(24 * 60).await;
    assert_eq!((world.called_at(MOH).await.len(), world.count(MOH, LEFT).await), (0, 0));
    // The answer arrives when the hold is over.
    let late = world.ask().await;
    world.silent = vec![MOH];
    world.reply(&late, A::Yes, Some(2)).await.unwrap();
    world.minutes(180).await;
    world.silent.clear();
    world.settle_slowly().await;
    assert_eq!(world.stands(&late).await, [S::Expired, S::Expired]);
    assert_eq!((world.called_at(MOH).await.len(), world.count(MOH, LEFT).await), (0, 0));
}

#[tokio::test]
async fn while_nobody_is_on_duty_at_the_unit_that_asked_whoever_comes_next_is_told() {
    let mut world = World::open().await;
    world.rostered((MOH, "111"), 1, (3, &["tv-5"]));
    let asked = world.ask().await;
    world.reply(&asked, A::Yes, Some(8)).await.unwrap();
    world.settle().await;
    assert_eq!(world.called_at(MOH).await, [""; 0]);
    world.minutes(120).await;
    assert_eq!(world.called_at(MOH).await, [""; 0]);
    world.minutes(60).await;
    assert_eq!(world.called_at(MOH).await, ["tv-5"]);
}

#[tokio::test]
async fn a_word_is_told_under_one_id_whatever_is_killed_or_put_back() {
    let mut world = asking_with(&["tv-3"]).await;
    let asked = world.ask().await;
    let copy = world.copy(MOH);
    world.settle_slowly().await;
    world.reply(&asked, A::Yes, Some(8)).await.unwrap();
    world.settle().await;
    let told = world.unsent_at(MOH).await;
    assert_eq!(told.len(), 1);
    world.crash(MOH);
    world.settle_slowly().await;
    assert_eq!(world.unsent_at(MOH).await, told);
    world.put_back(MOH, &copy);
    world.settle_slowly().await;
    world.settle_slowly().await;
    assert_eq!(world.stands(&asked).await, [S::Held, S::Held]);
    assert_eq!(world.unsent_at(MOH).await, told);
}

#[tokio::test]
async fn whoever_asked_is_told_that_nobody_at_the_desk_is_left_to_tell_and_the_desk_can_answer_still() {
    let mut world = asking_with(&["tv-3"]).await;
    world.rostered((HANOI, "health"), 1, (0, &["cb-17"]));
    let asked = world.ask().await;
    world.minutes(9).await;
    assert!(!world.placement(MOH, &asked).await.unwrap().unattended, "cb-17 has time left");
    world.minutes(1).await;
    world.settle().await;
    for node in [MOH, HANOI] {
        assert!(world.placement(node, &asked).await.unwrap().unattended);
    }
    assert_eq!(world.stands(&asked).await, [S::Asked, S::Asked]);
    assert_eq!(world.called_at(MOH).await, ["tv-3"]);
    for _ in 0..3 {
        world.minutes(11).await;
    }
    assert_eq!(world.count(HANOI, UNATTENDED).await, 1, "said once");
    assert_eq!(world.called_at(HANOI).await, ["cb-17"], "and nobody was told twice");
    world.reply(&asked, A::Yes, Some(2)).await.unwrap();
    world.settle().await;
    assert_eq!(world.stands(&asked).await, [S::Held, S::Held]);
    assert_eq!(world.called_at(MOH).await, ["tv-3"]);
}

#[tokio::test]
async fn what_a_person_answered_outlives_that_an_older_store_had_said_that_nobody_is_left() {
    let mut world = asking_with(&["tv-3"]).await;
    world.rostered((HANOI, "health"), 1, (0, &["cb-17"]));
    let asked = world.ask().await;
    let copy = world.copy(HANOI);
    world.settle_slowly().await;
    world.minutes(10).await;
    world.settle().await;
    assert!(world.placement(MOH, &asked).await.unwrap().unattended);
    world.put_back(HANOI, &copy);
    world.silent = vec![HANOI];
    world.settle().await;
    world.reply(&asked, A::Yes, Some(2)).await.unwrap();
    world.silent.clear();
    world.settle_slowly().await;
    world.settle_slowly().await;
    assert_eq!(world.stands(&asked).await, [S::Held, S::Held]);
    assert_eq!(world.count(HANOI, UNATTENDED).await, 2, "both are in the log");
}

#[tokio::test]
async fn whoever_asks_too_often_does_not_hear_who_is_on_duty_at_a_desk() {
    let mut world = asking_with(&["tv-3"]).await;
    for _ in 0..MOST_AN_HOUR {
        let asked = world.ask().await;
        world.withdraw_placement(&world.placement(MOH, &asked).await.unwrap()).await.unwrap();
    }
    assert_eq!(world.count(HANOI, "SELECT COUNT(*) FROM switchboard_placement WHERE over_limit = 1").await, 0);
    let asked = world.ask().await;
    world.rostered((HANOI, "health"), 1, (72, &["cb-17"]));
    world.minutes(1).await;
    world.minutes(11).await;
    assert!(world.placement(HANOI, &asked).await.unwrap().over_limit);
    for node in [MOH, HANOI] {
        assert!(!world.placement(node, &asked).await.unwrap().unattended);
    }
    assert_eq!(world.called_at(MOH).await, [""; 0]);
}

#[tokio::test]
async fn what_the_directory_does_not_let_be_sent_is_not_and_an_answer_does_not_wait_behind_it() {
    let mut world = asking_with(&["tv-3"]).await;
    world.amend_release(|wire| wire.contracts.iter_mut().for_each(|entry| entry.minor = 0)).await;
    world.rostered((HANOI, "health"), 1, (0, &["cb-17"]));
    let asked = world.ask().await;
    world.minutes(11).await;
    world.minutes(11).await;
    assert_eq!(world.count(HANOI, UNATTENDED).await, 0);
    world.reply(&asked, A::Yes, Some(2)).await.unwrap();
    world.settle().await;
    assert_eq!(world.stands(&asked).await, [S::Held, S::Held]);
}

#[tokio::test]
async fn where_one_access_point_serves_both_units_each_is_told_of_its_own() {
    let mut world = World::open().await;
    world.rostered((HANOI, "health"), 1, (0, &["cb-17"]));
    world.rostered((HANOI, "ba-dinh"), 1, (0, &["cb-3"]));
    let mut request = asking();
    request.origin = Some(referral::UnitRef { party: "hanoi".into(), unit: "ba-dinh".into() });
    let answer = world.nodes[HANOI].door.ask_placement(call(request, "hanoi")).await.unwrap();
    let asked = answer.into_inner().placement.unwrap();
    world.settle().await;
    assert_eq!(world.called_at(HANOI).await, ["cb-17"]);
    world.reply(&asked, A::Yes, Some(2)).await.unwrap();
    world.settle().await;
    assert_eq!(world.called_at(HANOI).await, ["cb-3"]);
    world.pass(SignedDuration::from_hours(2));
    world.settle_slowly().await;
    assert_eq!((world.called_at(HANOI).await.len(), world.count(HANOI, LEFT).await), (0, 0));
}

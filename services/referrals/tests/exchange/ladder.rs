//! What an origin does by itself while nobody answers: it turns to the next level, once, and never behind the back of
//! whoever serves the need.

use jiff::SignedDuration;
use nhipcau_domain::reason;
use nhipcau_proto::{
    directory::v1 as directory,
    referral::v1::{self as pb, BranchCondition, BranchState, ReferralKind},
};

use crate::{deeds::*, world::*};

/// After two hours another ward of the origin's choice, after four its parent, after six the parent of that.
fn rules(wire: &mut directory::Release) {
    let hours = |hours: i64| {
        let elapsed = prost_types::Duration { seconds: hours * 3_600, nanos: 0 };
        Some(directory::Span { kind: Some(directory::span::Kind::Elapsed(elapsed)) })
    };
    let ward = directory::UnitRef { party: "hanoi".into(), unit: "cua-nam".into() };
    for rule in &mut wire.time_limits {
        rule.stop_events = vec!["service_started".into()];
        rule.escalation = vec![
            directory::EscalationStep { after: hours(2), unit: Some(ward.clone()) },
            directory::EscalationStep { after: hours(4), unit: None },
            directory::EscalationStep { after: hours(6), unit: None },
        ];
    }
    for unit in wire.units.iter_mut().filter(|unit| unit.party == "hanoi" && unit.unit == "cua-nam") {
        unit.parent = "ba-dinh".into();
    }
}

async fn open() -> World {
    let mut world = World::open().await;
    world.amend(rules).await;
    world
}

impl World {
    /// Lets hours pass, and everybody notice.
    async fn hours(&mut self, hours: i64) {
        self.pass(SignedDuration::from_hours(hours));
        self.settle().await;
    }

    /// The branches of a referral as its origin shows them, those that were opened first at the front.
    async fn branches(&self, branch: &str) -> Vec<pb::Branch> {
        let mut branches = self.get(MOH, &referral_of(branch)).await.unwrap().branches;
        branches.sort_by_key(|branch| branch.history[0].event_time.map(|time| (time.seconds, time.nanos)));
        branches
    }

    async fn asked(&self, branch: &str) -> Vec<String> {
        let branches = self.branches(branch).await.into_iter();
        branches
            .map(|branch| branch.recipient.map_or_else(String::new, |unit| format!("{}/{}", unit.party, unit.unit)))
            .collect()
    }
}

fn is_escalated(branch: &pb::Branch) -> bool {
    branch.conditions.contains(&BranchCondition::Escalated.into())
}

#[tokio::test]
async fn silence_turns_to_the_next_level_and_the_first_acknowledgement_counts() {
    let mut world = open().await;
    let branch = world.submit(MOH, &submission(ReferralKind::Transfer, "moh/111", &["vwu/desk"])).await.remove(0);
    world.settle().await;
    world.hours(1).await;
    assert_eq!(world.asked(&branch).await, ["vwu/desk"], "not before its time");
    world.hours(1).await;
    assert_eq!(world.asked(&branch).await, ["vwu/desk", "hanoi/cua-nam"]);
    let [first, second] = &world.branches(&branch).await[..] else { panic!() };
    assert!(is_escalated(first));
    assert_eq!(second.group_uid, first.group_uid, "for the same need");
    assert_eq!(second.time_limits, first.time_limits, "whose clock runs on");
    assert!(is_escalated(&world.branch(VWU, &branch).await), "whoever was silent is told");
    let there = world.branch(HANOI, &second.name).await;
    assert_eq!(there.history[0].event, "opened");
    world.acknowledge(HANOI, &second.name).await.unwrap();
    world.settle().await;
    let [first, second] = &world.branches(&branch).await[..] else { panic!() };
    assert_eq!([first.state(), second.state()], [BranchState::Relieved, BranchState::Assigned]);
    let late = world.acknowledge(VWU, &branch).await.unwrap_err();
    assert_eq!(refusal(&late).1, reason::WRONG_STATE);
}

#[tokio::test]
async fn the_ladder_is_climbed_to_its_top_and_each_step_once() {
    let mut world = open().await;
    let branch = world.submit(MOH, &submission(ReferralKind::Transfer, "moh/111", &["vwu/desk"])).await.remove(0);
    world.settle().await;
    for _ in 0..10 {
        world.hours(1).await;
    }
    assert_eq!(world.asked(&branch).await, ["vwu/desk", "hanoi/cua-nam", "hanoi/ba-dinh"], "above it there is nobody");
    let branches = world.branches(&branch).await;
    let said: usize =
        branches.iter().flat_map(|branch| &branch.history).filter(|entry| entry.event == "escalated").count();
    assert_eq!(said, 3, "the third level is said although nobody is left");
    let causes = world.count(MOH, "SELECT COUNT(*) FROM referral_branch WHERE due_time IS NOT NULL").await;
    assert_eq!(causes, 0, "nothing is due any more");
}

#[tokio::test]
async fn whoever_serves_the_need_is_told_and_nobody_else_is_asked() {
    let mut world = open().await;
    let branch = world.submit(MOH, &submission(ReferralKind::Transfer, "moh/111", &["hanoi/ba-dinh"])).await.remove(0);
    world.settle().await;
    world.acknowledge(HANOI, &branch).await.unwrap();
    world.settle().await;
    world.hours(3).await;
    assert_eq!(world.asked(&branch).await, ["hanoi/ba-dinh"]);
    assert!(is_escalated(&world.branch(HANOI, &branch).await), "nothing was begun");
    world.begin(HANOI, &branch).await.unwrap();
    world.settle().await;
    let before = world.branch(MOH, &branch).await.etag;
    world.hours(5).await;
    assert_eq!(world.branch(MOH, &branch).await.etag, before, "what was waited for has come");
}

#[tokio::test]
async fn a_unit_that_redirects_a_transfer_does_not_end_the_search() {
    let mut world = open().await;
    let branch = world.submit(MOH, &submission(ReferralKind::Transfer, "moh/111", &["vwu/desk"])).await.remove(0);
    world.settle().await;
    world.redirect(VWU, &branch, pb::RedirectReason::OutsideArea, None).await.unwrap();
    world.settle().await;
    world.hours(2).await;
    assert_eq!(world.asked(&branch).await, ["vwu/desk", "hanoi/cua-nam"]);
    world.hours(2).await;
    assert_eq!(world.asked(&branch).await, ["vwu/desk", "hanoi/cua-nam", "hanoi/ba-dinh"], "each step once");
}

#[tokio::test]
async fn a_limit_that_cannot_be_computed_goes_up_a_level_at_once() {
    let mut world = World::open().await;
    world
        .amend(|wire| {
            rules(wire);
            wire.time_limits.clear();
        })
        .await;
    let branch = world.submit(MOH, &submission(ReferralKind::Transfer, "moh/111", &["hanoi/cua-nam"])).await.remove(0);
    world.settle().await;
    world.settle().await;
    let mut asked = world.asked(&branch).await;
    // Maybe both within one instant.
    asked.sort();
    assert_eq!(asked, ["hanoi/ba-dinh", "hanoi/cua-nam"]);
}

#[tokio::test]
async fn a_unit_that_is_over_is_passed_over() {
    let mut world = open().await;
    let branch = world.submit(MOH, &submission(ReferralKind::Transfer, "moh/111", &["vwu/desk"])).await.remove(0);
    world.settle().await;
    world.close_units(&["hanoi/cua-nam"]).await;
    world.hours(2).await;
    assert_eq!(world.asked(&branch).await, ["vwu/desk", "hanoi/ba-dinh"]);
}

#[tokio::test]
async fn what_its_origin_has_ended_is_not_asked_of_others() {
    use pb::RevocationReason::{NeedMet, NoAnswer, Other, Safety};
    for (reason, is_ended) in
        [(None, true), (Some(NeedMet), true), (Some(Safety), true), (Some(NoAnswer), false), (Some(Other), false)]
    {
        let mut world = open().await;
        let branch = world.submit(MOH, &submission(ReferralKind::Transfer, "moh/111", &["vwu/desk"])).await.remove(0);
        world.settle().await;
        match reason {
            None => drop(world.recall(MOH, &branch).await.unwrap()),
            Some(reason) => drop(world.revoke(MOH, &branch, reason).await.unwrap()),
        }
        world.settle().await;
        world.hours(8).await;
        assert_eq!(world.asked(&branch).await.len() == 1, is_ended, "{reason:?}");
    }
}

#[tokio::test]
async fn a_step_does_not_end_with_the_word_of_one_who_has_the_need_no_more() {
    let mut world = World::open().await;
    world
        .amend(|wire| {
            rules(wire);
            wire.time_limits.iter_mut().for_each(|rule| rule.stop_events = vec!["acknowledged".into()]);
        })
        .await;
    let branch = world.submit(MOH, &submission(ReferralKind::Transfer, "moh/111", &["vwu/desk"])).await.remove(0);
    world.settle().await;
    world.redirect(VWU, &branch, pb::RedirectReason::OutsideArea, None).await.unwrap();
    world.settle().await;
    world.hours(2).await;
    assert_eq!(world.asked(&branch).await, ["vwu/desk", "hanoi/cua-nam"], "a person there has redirected it");
}

#[tokio::test]
async fn a_level_is_turned_to_once_whoever_can_be_told_of_it() {
    for is_put_back in [true, false] {
        let mut world = open().await;
        let branch = world.submit(MOH, &submission(ReferralKind::Transfer, "moh/111", &["vwu/desk"])).await.remove(0);
        world.settle().await;
        let copy = world.copy(MOH);
        world.settle_slowly().await;
        if is_put_back {
            // Whoever is silent hears nothing either, and gives nothing back.
            world.silent = vec![VWU];
        } else {
            world.amend(|wire| wire.agreements.retain(|agreement| agreement.recipient_party != "vwu")).await;
        }
        world.hours(2).await;
        assert_eq!(world.asked(&branch).await, ["vwu/desk", "hanoi/cua-nam"]);
        if is_put_back {
            world.restore(MOH, &copy);
            for _ in 0..4 {
                world.settle_slowly().await;
            }
        }
        world.settle_slowly().await;
        assert_eq!(world.asked(&branch).await, ["vwu/desk", "hanoi/cua-nam"], "put back: {is_put_back}");
        world.silent.clear();
        world.hours(2).await;
        assert_eq!(world.asked(&branch).await, ["vwu/desk", "hanoi/cua-nam", "hanoi/ba-dinh"], "{is_put_back}");
    }
}

#[tokio::test]
async fn a_level_at_which_nobody_can_be_reached_is_passed_over_and_tried_again() {
    let mut world = open().await;
    let branch = world.submit(MOH, &submission(ReferralKind::Transfer, "moh/111", &["vwu/desk"])).await.remove(0);
    world.settle().await;
    world.redirect(VWU, &branch, pb::RedirectReason::OutsideArea, None).await.unwrap();
    world.settle().await;
    let mut lost = Vec::new();
    world.amend(|wire| lost = wire.agreements.extract_if(.., |it| it.recipient_party == "hanoi").collect()).await;
    world.hours(2).await;
    assert_eq!(world.asked(&branch).await, ["vwu/desk"], "nobody may be asked");
    world.amend(|wire| wire.agreements.extend(lost)).await;
    // Long before the step that follows.
    world.pass(SignedDuration::from_mins(62));
    world.settle().await;
    assert_eq!(world.asked(&branch).await, ["vwu/desk", "hanoi/cua-nam"]);
}

#[tokio::test]
async fn a_level_at_which_nobody_can_be_reached_does_not_end_the_ladder() {
    let mut world = World::open().await;
    world
        .amend(|wire| {
            rules(wire);
            // Nobody serves the first unit, and it has no parent.
            let west = directory::UnitRef { party: "hanoi".into(), unit: "west".into() };
            wire.time_limits.iter_mut().for_each(|rule| {
                let ward = rule.escalation[0].unit.replace(west.clone());
                rule.escalation[1].unit = ward;
            });
        })
        .await;
    let branch = world.submit(MOH, &submission(ReferralKind::Transfer, "moh/111", &["vwu/desk"])).await.remove(0);
    world.settle().await;
    world.redirect(VWU, &branch, pb::RedirectReason::OutsideArea, None).await.unwrap();
    world.settle().await;
    world.hours(2).await;
    assert_eq!(world.asked(&branch).await, ["vwu/desk"]);
    world.hours(2).await;
    assert_eq!(world.asked(&branch).await, ["vwu/desk", "hanoi/cua-nam"]);
}

#[tokio::test]
async fn a_unit_that_is_closed_is_passed_over_for_its_parent() {
    let mut world = open().await;
    let branch = world.submit(MOH, &submission(ReferralKind::Transfer, "moh/111", &["vwu/desk"])).await.remove(0);
    world.settle().await;
    world.close_units(&["hanoi/cua-nam"]).await;
    world.hours(2).await;
    assert_eq!(world.asked(&branch).await, ["vwu/desk", "hanoi/ba-dinh"]);
}

#[tokio::test]
async fn a_level_that_was_turned_to_before_a_rollback_is_not_turned_to_twice() {
    let mut world = open().await;
    let branch = world.submit(MOH, &submission(ReferralKind::Transfer, "moh/111", &["vwu/desk"])).await.remove(0);
    world.settle().await;
    let copy = world.copy(MOH);
    world.settle_slowly().await;
    world.hours(2).await;
    let asked = world.branches(&branch).await;
    assert_eq!(asked.len(), 2);
    world.restore(MOH, &copy);
    world.settle_slowly().await;
    let again = world.branches(&branch).await;
    let names = |branches: &[pb::Branch]| branches.iter().map(|branch| branch.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&again), names(&asked));
    assert_eq!(world.branch(VWU, &branch).await.etag, world.branch(MOH, &branch).await.etag);
    assert_eq!(world.branch(HANOI, &asked[1].name).await.etag, world.branch(MOH, &asked[1].name).await.etag);
}

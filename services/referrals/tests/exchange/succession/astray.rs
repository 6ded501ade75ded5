//! Hand-overs that go astray: the old access point lies, has lost something, or is not believed in time.

use jiff::SignedDuration;
use nhipcau_proto::{
    directory::v1 as directory,
    referral::v1::{self as pb, BranchCondition, BranchState, ReferralKind},
};

use super::{BA_DINH, CONTENT, HEIR, HELD_HERE, over};
use crate::{deeds::*, world::*};

#[tokio::test]
async fn what_the_old_unit_has_lost_of_the_origins_log_comes_back_before_it_gives_the_branch_to_the_successor() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    let copy = world.copy(HANOI);
    world.settle_slowly().await;
    world.acknowledge(HANOI, &branch).await.unwrap();
    world.settle().await;
    world.move_unheard_by_the_successor().await;
    assert_eq!(world.branch(MOH, &branch).await.recipient, Some(unit(HEIR)));
    world.restore(HANOI, &copy);
    world.settle_slowly().await;
    world.silent.clear();
    world.settle_slowly().await;
    world.settle_slowly().await;
    assert!(world.is_handed_over(HANOI, &branch).await);
    world.serve(VWU, &branch).await;
}

#[tokio::test]
async fn what_is_written_at_the_old_unit_after_it_was_put_back_gives_way_to_the_hand_over() {
    let mut world = World::open().await;
    let branch = world.taken_over().await;
    let copy = world.copy(HANOI);
    world.settle_slowly().await;
    world.succeed(BA_DINH, &[HEIR]).await;
    world.settle_slowly().await;
    world.silent = vec![MOH];
    world.restore(HANOI, &copy);
    world.begin(HANOI, &branch).await.unwrap();
    // The successor is heard first.
    world.settle_slowly().await;
    assert_eq!(world.branch(HANOI, &branch).await.history.last().unwrap().event, "moved");
    world.silent.clear();
    world.settle_slowly().await;
    world.settle_slowly().await;
    assert!(world.is_handed_over(HANOI, &branch).await);
    world.serve(VWU, &branch).await;
}

#[tokio::test]
async fn a_successor_that_may_no_longer_be_told_takes_the_branch_once_it_may_again_and_the_operator_is_told() {
    const DUE: &str = "SELECT COUNT(*) FROM referral_succession WHERE stage = 3 AND due_time IS NOT NULL";
    let mut world = World::open().await;
    let branch = world.taken_over().await;
    world.move_unheard_by_the_successor().await;
    assert_eq!(world.count(HANOI, DUE).await, 1);
    let agreements = world.directory().wire().agreements.clone();
    let is_between =
        |it: &directory::Agreement| (it.sender_party.as_str(), it.recipient_party.as_str()) == ("vwu", "moh");
    world.amend(|wire| wire.agreements.retain(|it| !is_between(it))).await;
    world.silent.clear();
    world.pass(SignedDuration::from_hours(1));
    world.settle_slowly().await;
    assert_eq!((world.count(VWU, HELD_HERE).await, world.count(HANOI, DUE).await), (0, 1));
    world.amend(|wire| wire.agreements = agreements).await;
    world.settle_slowly().await;
    world.serve(VWU, &branch).await;
    assert_eq!(world.count(HANOI, DUE).await, 0);
}

#[tokio::test]
async fn a_log_that_ends_with_what_cannot_be_proven_waits_until_its_origin_says_more() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Referral, consent()).await;
    world.settle().await;
    let danger = pb::VitalInterest { citation: "Law art. 1".into(), danger: pb::Danger::Life.into() };
    let mut urgent = content();
    (urgent.preview, urgent.narrative) = (None, None);
    world.disclose(MOH, &branch, Some(urgent), Some(danger)).await.unwrap();
    world.settle().await;
    world.succeed(BA_DINH, &[HEIR]).await;
    world.settle_slowly().await;
    assert_eq!(world.count(VWU, HELD_HERE).await, 0);
    world.accept(HANOI, &branch).await.unwrap();
    world.settle().await;
    world.pass(SignedDuration::from_hours(1));
    world.settle_slowly().await;
    assert!(world.is_handed_over(HANOI, &branch).await);
    world.serve(VWU, &branch).await;
}

#[tokio::test]
async fn a_withdrawal_that_finds_the_branch_gone_leaves_no_content_there_and_sends_none_after_it() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Referral, consent()).await;
    world.settle().await;
    world.accept(HANOI, &branch).await.unwrap();
    world.settle().await;
    world.move_unheard().await;
    assert!(world.is_handed_over(HANOI, &branch).await && world.count(HANOI, CONTENT).await > 0);
    // Neither of the others has heard of it: the withdrawal goes to the old unit.
    world.queue.clear();
    world.withdraw(MOH, &branch).await.unwrap();
    world.silent = vec![VWU];
    world.settle().await;
    assert_eq!(world.count(HANOI, CONTENT).await, 0);
    world.silent.clear();
    world.pass(SignedDuration::from_hours(1));
    world.settle_slowly().await;
    assert_eq!(world.count(VWU, CONTENT).await, 0);
    for node in [MOH, VWU] {
        assert_eq!(world.state(node, &branch).await, BranchState::Revoked, "{node}");
    }
}

#[tokio::test]
async fn what_no_order_could_say_binds_no_successor_and_ends_no_process() {
    const FALSE: &str = "INSERT INTO referral_hold (case_uid, party, order_reference, citation, hold_time, system, \
         person, request_id, release_system, release_person, release_request_id) SELECT case_uid, party, $1, $2, \
         hold_time, system, person, request_id, '', '', '' FROM referral_hold WHERE order_reference = 'QD-7'";
    const HOLDS: &str = "SELECT COUNT(*) FROM referral_hold";
    const RECORDED: &str = "SELECT COUNT(*) FROM referral_access WHERE parts = 'hold'";
    for is_offered in [true, false] {
        let mut world = World::open().await;
        let branch = world.taken_over().await;
        world.order(HANOI, &branch, "QD-7").await.unwrap();
        if !is_offered {
            world.succeed_unheard().await;
        }
        for (reference, citation) in [("QD-8", "a\u{7}"), ("QD-9", ""), ("QD-\u{7}", "a")] {
            let handle = world.nodes[HANOI].handle();
            let forged = handle.call(move |tx, _, _| {
                tx.execute(FALSE, &[reference.into(), citation.into()]).map_err(|error| error.to_string())
            });
            forged.await.unwrap();
        }
        if is_offered {
            world.succeed(BA_DINH, &[HEIR]).await;
        }
        world.settle_slowly().await;
        if is_offered {
            assert!(world.branch(HANOI, &branch).await.conditions().any(|it| it == BranchCondition::HandOverHeld));
            continue;
        }
        assert!(world.is_handed_over(HANOI, &branch).await);
        world.stop(VWU);
        world.restart(VWU);
        assert_eq!(world.branch(VWU, &branch).await.conditions, [BranchCondition::LegalHold as i32]);
        assert_eq!((world.count(VWU, HOLDS).await, world.count(VWU, RECORDED).await), (1, 1));
        world.serve(VWU, &branch).await;
    }
}

#[tokio::test]
async fn a_successor_that_has_not_got_the_release_yet_takes_the_branch_as_soon_as_it_has() {
    let mut world = World::open().await;
    let branch = world.taken_over().await;
    let end = world.now();
    let release = world.amended(|wire| over(wire, end, BA_DINH, &[HEIR]));
    for node in [HANOI, MOH] {
        world.install(node, &release).await;
    }
    world.settle_slowly().await;
    let asked = world.branch(HANOI, &branch).await;
    assert!(asked.conditions.is_empty(), "nobody is told of what comes by itself");
    world.install(VWU, &release).await;
    world.settle_slowly().await;
    assert!(world.is_handed_over(HANOI, &branch).await);
    world.serve(VWU, &branch).await;
}

#[tokio::test]
async fn a_branch_moves_whichever_clock_is_behind() {
    let mut world = World::open().await;
    let branch = world.taken_over().await;
    let behind = SignedDuration::from_mins(40);
    let end = world.now() + behind;
    world.amend(|wire| over(wire, end, BA_DINH, &[HEIR])).await;
    world.settle_slowly().await;
    assert!(!world.is_handed_over(HANOI, &branch).await, "before its time nothing moves");
    world.ahead(HANOI, behind);
    world.settle_slowly().await;
    assert!(world.is_handed_over(HANOI, &branch).await);
    assert_eq!(world.branch(MOH, &branch).await.recipient, Some(unit(HEIR)));
}

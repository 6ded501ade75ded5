//! What is not taken at its word: an event that names what is not there, a clock that is ahead, a cause that is none,
//! parts that were named and never given.

use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::{
    reason,
    referral::{Body, Cause, Digest, Draft, Event, Ids, Mark, Opening, Stop, Text, TimeLimit},
};
use nhipcau_proto::referral::v1::{self as pb, BranchCondition, BranchState, ReferralKind, ReferralPart};
use tonic::Code;
use uuid::Uuid;

use crate::{attacks::*, deeds::*, world::*};

const NOT_YET: i64 = 1;

fn ids(branch: u128) -> Ids {
    Ids { case: Uuid::from_u128(1), referral: Uuid::from_u128(2), branch: Uuid::from_u128(branch) }
}

/// An event of the origin after what its log holds, that has seen an answer of the recipient.
async fn after(world: &World, branch: &str, seen: Digest) -> Draft {
    const LAST: &str = "SELECT bytes FROM referral_event WHERE holder = 1 AND side = 1 ORDER BY ordinal DESC LIMIT 1";
    let last = world.nodes[MOH].readers.read(|tx| tx.query_one(LAST, &[], |row| row.blob(0))).await.unwrap().unwrap();
    let last = Event::read(&last).unwrap();
    assert_eq!(last.ids.branch, uid(branch));
    Draft {
        ordinal: last.ordinal + 1,
        previous: last.digest(),
        seen: Some(Mark { ordinal: 1, digest: seen }),
        basis: None,
        parts: Vec::new(),
        body: Body::Escalated { level: 1 },
        ..Draft::clone(&last)
    }
}

#[tokio::test]
async fn what_names_another_event_than_the_one_that_is_still_under_way_is_refused_for_now_only() {
    for (is_concluded, expected) in [(false, NOT_YET), (true, INVALID)] {
        let mut world = World::open().await;
        let branch = world.refer(ReferralKind::Referral, duty()).await;
        world.settle().await;
        let next = after(&world, &branch, Digest::new([9; 32])).await;
        world.acknowledge(HANOI, &branch).await.unwrap();
        if is_concluded {
            world.settle().await;
        }
        // After a lost history this stands in the place of what the other side holds and has not given back yet.
        send(&world, (MOH, HANOI), next, Vec::new()).await;
        world.turn(MOH).await;
        while let Some(parcel) = world.queue.pop_front() {
            if parcel.to == HANOI {
                world.deliver(parcel).await;
            }
        }
        world.turn(HANOI).await;
        assert_eq!(outcome(&world, HANOI).await, expected, "concluded: {is_concluded}");
    }
}

/// Has the desk open a branch at hanoi by a clock that is a year ahead, with a limit to which nobody is late yet.
async fn opened_ahead(world: &mut World) -> (String, Timestamp) {
    let ahead = world.now() + SignedDuration::from_hours(24 * 365);
    let at = |hours: i64| ahead + SignedDuration::from_hours(hours);
    let limit = TimeLimit {
        rule: "verify".into(),
        citation: Text::read("art. 26", 200, "citation", &mut Default::default()).unwrap(),
        stop: Stop::Acknowledged,
        start: ahead,
        acknowledge_due: at(1),
        warn: at(2),
        escalate: at(3),
        due: at(12),
        steps: Vec::new(),
        confirmation: None,
    };
    let (opening, parts) = forged(world, ids(3), "vwu/desk", "hanoi/ba-dinh");
    let Body::Opened(opened) = opening.body else { unreachable!("an opening") };
    let body = Body::Opened(Opening { time_limits: vec![limit], ..opened });
    send(world, (VWU, HANOI), Draft { time: ahead, body, ..opening }, parts).await;
    world.settle().await;
    assert_eq!(outcome(world, HANOI).await, RECEIVED, "taken all the same");
    (format!("parties/vwu/referrals/{}/branches/{}", ids(3).referral, ids(3).branch), ahead)
}

#[tokio::test]
async fn the_clock_of_a_peer_puts_off_no_time_limit_and_no_place_in_a_list() {
    let mut world = World::open().await;
    let (branch, ahead) = opened_ahead(&mut world).await;
    assert!(world.branch(HANOI, &branch).await.conditions.is_empty());
    world.pass(SignedDuration::from_hours(13));
    let held = world.branch(HANOI, &branch).await.conditions;
    assert!(held.contains(&BranchCondition::Overdue.into()), "{held:?}");
    let latest = world.count(HANOI, "SELECT MAX(create_time) FROM referral_branch").await;
    assert!(Timestamp::from_microsecond(latest).unwrap() < ahead);
}

/// Nor does it where the receipt that shows it is left out of the evidence: limits run from the first answer then.
#[tokio::test]
async fn the_clock_of_a_peer_hides_no_limit_that_was_broken() {
    let mut world = World::open().await;
    let (branch, _) = opened_ahead(&mut world).await;
    world.acknowledge(HANOI, &branch).await.unwrap();
    world.settle().await;
    let mut evidence = world.evidence(HANOI, &branch).await;
    for _ in 0..2 {
        let account = world.judge(&evidence, HANOI).unwrap();
        let start = account.branches[0].branch.opening_time();
        assert!(start <= world.now(), "a clock that is ahead is believed: {start}");
        evidence.receipts.clear();
    }
}

#[tokio::test]
async fn a_time_that_must_have_passed_is_refused_at_the_door_when_it_has_not() {
    let mut world = World::open().await;
    let after = |world: &World, minutes: i64| {
        Some(prost_types::Timestamp { seconds: world.now().as_second() + minutes * 60, nanos: 0 })
    };
    let mut request = submission(ReferralKind::Referral, "moh/111", &["hanoi/ba-dinh"]);
    let reception = |request: &mut pb::SubmitReferralRequest, time| {
        request.content.as_mut().unwrap().preview.as_mut().unwrap().reception.as_mut().unwrap().report_time = time;
    };
    reception(&mut request, after(&world, 6));
    let refused = world.try_submit(MOH, &request).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::InvalidArgument, reason::REQUEST_INVALID.into()));
    assert!(format!("{refused:?}").contains(reason::TIME_IN_FUTURE));
    reception(&mut request, after(&world, 4));
    world.try_submit(MOH, &request).await.unwrap();
    let branch = world.refer(ReferralKind::Referral, consent()).await;
    world.settle().await;
    let refused = world.withdraw_at(MOH, &branch, after(&world, 6)).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::InvalidArgument, reason::TIME_IN_FUTURE.into()));
    world.withdraw_at(MOH, &branch, after(&world, 4)).await.unwrap();
}

#[tokio::test]
async fn a_cause_that_is_here_is_of_the_same_need_or_nothing_is_opened() {
    let mut world = World::open().await;
    let caused = |draft: Draft, cause, after, group| {
        let Body::Opened(opened) = draft.body else { unreachable!("an opening") };
        let opened = Opening { cause, cause_branch: Some(after), group, ..opened };
        Draft { body: Body::Opened(opened), ..draft }
    };
    let (first, parts) = forged(&world, ids(3), "vwu/desk", "hanoi/ba-dinh");
    send(&world, (VWU, HANOI), first, parts.clone()).await;
    world.settle().await;
    let [need, other, here, elsewhere] = [5, 6, 3, 77].map(Uuid::from_u128);
    let later = Cause::Unrecognized(9);
    for (branch, cause, after, group, expected) in [
        (10, Cause::Redirect, here, other, INVALID),
        (11, Cause::Redirect, here, need, RECEIVED),
        (12, Cause::Redirect, elsewhere, need, RECEIVED),
        (20, Cause::Reopened, here, need, INVALID),
        (21, Cause::Reopened, here, other, RECEIVED),
        (22, later, here, other, RECEIVED),
        (23, later, here, need, RECEIVED),
    ] {
        let (next, _) = forged(&world, ids(branch), "vwu/desk", "hanoi/cua-nam");
        send(&world, (VWU, HANOI), caused(next, cause, after, group), parts.clone()).await;
        world.settle().await;
        assert_eq!(outcome(&world, HANOI).await, expected, "{branch}");
    }
    let (next, _) = forged(&world, Ids { referral: Uuid::from_u128(9), ..ids(13) }, "vwu/desk", "hanoi/cua-nam");
    send(&world, (VWU, HANOI), caused(next, Cause::Redirect, here, need), parts.clone()).await;
    world.settle().await;
    assert_eq!(outcome(&world, HANOI).await, INVALID, "of another referral");
}

#[tokio::test]
async fn a_peer_opens_no_more_branches_of_a_case_than_bounded_and_takes_no_room_from_others() {
    const MOST: u128 = 256;
    let mut world = World::open().await;
    for branch in 1..=MOST + 1 {
        let ids = Ids { referral: Uuid::from_u128(1_000 + branch), ..ids(branch) };
        let (opening, mut parts) = forged(&world, ids, "vwu/desk", "hanoi/ba-dinh");
        parts.truncate(1);
        let opening = Draft { parts: opening.parts[..1].to_vec(), ..opening };
        send(&world, (VWU, HANOI), opening, parts).await;
    }
    world.settle().await;
    let held = world.count(HANOI, "SELECT COUNT(*) FROM referral_branch").await;
    assert_eq!(u128::try_from(held), Ok(MOST));
    assert_eq!(outcome(&world, HANOI).await, WRONG_STATE);
    let (opening, parts) = forged(&world, ids(9_999), "moh/111", "hanoi/ba-dinh");
    send(&world, (MOH, HANOI), opening, parts).await;
    world.settle().await;
    assert_eq!(outcome(&world, HANOI).await, RECEIVED);
}

#[tokio::test]
async fn disclosed_is_what_the_recipient_was_given_and_not_what_was_withheld() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Referral, consent()).await;
    assert!(world.branch(MOH, &branch).await.disclosed_parts.is_empty(), "nothing has arrived");
    world.settle().await;
    let preview = [i32::from(ReferralPart::Preview)];
    assert_eq!(world.branch(MOH, &branch).await.disclosed_parts, preview);
    world.accept(HANOI, &branch).await.unwrap();
    world.turn(HANOI).await;
    while let Some(parcel) = world.queue.pop_front() {
        world.deliver(parcel).await;
    }
    world.silent = vec![HANOI];
    world.turn(MOH).await;
    assert_eq!(world.state(MOH, &branch).await, BranchState::Assigned);
    assert_eq!(world.branch(MOH, &branch).await.disclosed_parts, preview, "on its way");
    world.withdraw(MOH, &branch).await.unwrap();
    world.silent.clear();
    world.settle_slowly().await;
    assert_eq!(world.states(&branch).await, [BranchState::Revoked; 2]);
    for node in [MOH, HANOI] {
        assert_eq!(world.branch(node, &branch).await.disclosed_parts, preview, "{node}");
    }
}

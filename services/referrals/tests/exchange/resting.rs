//! What events say about a person: sealed on every disk, shown with the content, gone with it.

use nhipcau_domain::referral::{Digest, Outcome, impersonal};
use nhipcau_proto::referral::v1::{
    self as pb, BranchState, ReferralKind, referral_event::Event, referral_service_server::ReferralService as _,
    referral_steering_service_server::ReferralSteeringService as _,
};
use prost::Message as _;

use crate::{deeds::*, world::*};

const CITATION: &str = "Law 91/2025/QH15 art. 19.1";
const HIDDEN: (pb::Outcome, pb::Danger) = (pb::Outcome::Unspecified, pb::Danger::Unspecified);

fn danger() -> pb::LawfulBasis {
    let interest = pb::VitalInterest { citation: CITATION.into(), danger: pb::Danger::Health.into() };
    pb::LawfulBasis { vital_interest: Some(interest), ..Default::default() }
}

/// Outcome and danger as FULL tells them.
async fn told(world: &World, node: usize, branch: &str) -> (pb::Outcome, pb::Danger) {
    let request = pb::GetReferralRequest {
        name: referral_of(branch),
        view: pb::ReferralView::Full.into(),
        acting_person: "cb-17".into(),
        ..Default::default()
    };
    let answer = world.nodes[node].door.get_referral(call(request, NAMES[node])).await.unwrap();
    let shown = answer.into_inner().referral.unwrap();
    let outcome = shown.branches.iter().find(|shown| shown.name == branch).unwrap().outcome();
    (outcome, shown.lawful_basis.unwrap().vital_interest.unwrap().danger())
}

/// A referral on a vital interest whose service was completed.
async fn completed(world: &mut World) -> String {
    let branch = world.refer(ReferralKind::Referral, danger()).await;
    world.settle().await;
    world.accept(HANOI, &branch).await.unwrap();
    world.settle().await;
    world.complete(HANOI, &branch, pb::Outcome::Declined).await.unwrap();
    world.settle().await;
    branch
}

/// The rows of all events of a node: bytes and, where they were masked, the digest.
async fn rows(world: &World, node: usize) -> Vec<(Vec<u8>, Option<[u8; 32]>)> {
    let sql = "SELECT bytes, digest IS NOT NULL, COALESCE(digest, zeroblob(32)) FROM referral_event";
    let read = world.nodes[node]
        .readers
        .read(move |tx| tx.query(sql, &[], |row| Ok((row.blob(0)?, (row.int(1)? != 0).then_some(row.array(2)?)))));
    read.await.unwrap()
}

/// Of every event that a node sealed, whether a key that is on its disk opens it.
async fn opening(world: &World, node: usize) -> Vec<bool> {
    let sql = "SELECT c.correlation, c.wrapped, e.sealed, e.branch, e.holder, e.side, e.ordinal FROM referral_event e \
         JOIN referral_branch b ON b.branch = e.branch AND b.holder = e.holder \
         LEFT JOIN case_key c ON c.correlation = b.case_uid WHERE e.sealed IS NOT NULL";
    let kek = kek(NAMES[node]);
    let read = world.nodes[node].readers.read(move |tx| {
        tx.query(sql, &[], |row| {
            let (Some(case), Some(wrapped)) = (row.optional_blob(0)?, row.optional_blob(1)?) else { return Ok(false) };
            let [holder, side] = [row.int(4)?, row.int(5)?].map(|side| (side as i32).to_le_bytes());
            let place = [row.blob(3)?, holder.into(), side.into(), row.number(6)?.to_le_bytes().into()].concat();
            let key = kek.unwrap(&case, &wrapped).unwrap();
            Ok(key.open("referral_event", &place, &row.blob(2)?).is_ok())
        })
    });
    read.await.unwrap()
}

#[tokio::test]
async fn no_disk_tells_how_a_service_ended_or_what_the_danger_was() {
    let mut world = World::open().await;
    let branch = completed(&mut world).await;
    let said = (pb::Outcome::Declined, pb::Danger::Health);
    // As they stand in an event: the whole of `completed`, and the code after the citation.
    let outcome = [0xea, 0x02, 0x02, 0x08, pb::Outcome::Declined as u8];
    let code = [CITATION.as_bytes(), &[0x10, pb::Danger::Health as u8]].concat();
    for node in [MOH, HANOI] {
        assert_eq!(told(&world, node, &branch).await, said);
        let disk = world.disk(node);
        let is_on_disk = |bytes: &[u8]| disk.windows(bytes.len()).any(|window| window == bytes);
        assert!(is_on_disk(CITATION.as_bytes()) && is_on_disk(&[0xea, 0x02, 0x00]), "where they would be found");
        assert!(!is_on_disk(&outcome) && !is_on_disk(&code));
        let rows = rows(&world, node).await;
        assert_eq!(rows.iter().filter(|(_, digest)| digest.is_some()).count(), 2, "the opening and the completion");
        for (bytes, _) in rows {
            let event = pb::ReferralEvent::decode(bytes.as_slice()).unwrap();
            assert_eq!(impersonal(event.clone()), event);
        }
    }
}

#[tokio::test]
async fn a_digest_does_not_tell_which_of_the_few_values_it_was() {
    let mut world = World::open().await;
    completed(&mut world).await;
    let mut tried = 0;
    for (bytes, digest) in rows(&world, HANOI).await {
        let mut event = pb::ReferralEvent::decode(bytes.as_slice()).unwrap();
        let (Some(digest), Some(Event::Completed(_))) = (digest, &event.event) else { continue };
        for outcome in Outcome::KNOWN {
            event.event = Some(Event::Completed(pb::Completed { outcome: outcome.to_wire() }));
            assert_ne!(Digest::of_event(&event.encode_to_vec()), Digest::new(digest));
            tried += 1;
        }
    }
    assert_eq!(tried, Outcome::KNOWN.len());
}

#[tokio::test]
async fn erasure_takes_what_events_said_about_a_person() {
    let mut world = World::open().await;
    let branch = completed(&mut world).await;
    assert_eq!(opening(&world, HANOI).await, [true, true]);
    world.recall(MOH, &branch).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&branch).await, [BranchState::EnteredInError; 2]);
    assert_eq!(opening(&world, HANOI).await, [false, false]);
    assert_eq!(told(&world, HANOI, &branch).await, HIDDEN);
    assert_eq!(told(&world, MOH, &branch).await, (pb::Outcome::Declined, pb::Danger::Health), "the sender keeps it");
    // The log goes on without them.
    world.erase(HANOI, &branch).await.unwrap();
    world.settle().await;
    let [origin, recipient] = [world.branch(MOH, &branch).await, world.branch(HANOI, &branch).await];
    assert_eq!(origin.etag, recipient.etag);
    assert!(origin.conditions.is_empty());
    assert_eq!(told(&world, HANOI, &branch).await, HIDDEN);
}

#[tokio::test]
async fn an_opening_that_goes_on_without_its_parts_is_the_same_event() {
    let mut world = World::open().await;
    world.silent.push(HANOI);
    let branch = world.refer(ReferralKind::Transfer, danger()).await;
    world.settle().await;
    world.recall(MOH, &branch).await.unwrap();
    world.queue.clear();
    world.silent.clear();
    world.settle_slowly().await;
    assert_eq!(world.states(&branch).await, [BranchState::EnteredInError; 2]);
    assert_eq!(world.branch(MOH, &branch).await.etag, world.branch(HANOI, &branch).await.etag);
    assert_eq!(world.count(MOH, "SELECT COUNT(*) FROM referral_event WHERE carried = 1").await, 1);
    assert_eq!(told(&world, HANOI, &branch).await, HIDDEN);
}

#[tokio::test]
async fn a_further_branch_rests_on_the_danger_that_the_first_one_named() {
    let mut world = World::open().await;
    let first = world.refer(ReferralKind::Referral, danger()).await;
    world.settle().await;
    let request = pb::OpenBranchRequest {
        request_id: request_id(),
        name: referral_of(&first),
        etag: world.get(MOH, &referral_of(&first)).await.unwrap().etag,
        acting_person: "cb-17".into(),
        recipient: Some(unit("vwu/desk")),
        ..Default::default()
    };
    let answer = world.nodes[MOH].door.open_branch(call(request, "moh")).await.unwrap().into_inner();
    world.settle().await;
    assert_eq!(told(&world, VWU, &answer.branch.unwrap().name).await.1, pb::Danger::Health);
}

#[tokio::test]
async fn what_an_older_copy_lost_comes_back_whole_and_lies_sealed_again() {
    for node in [MOH, HANOI] {
        let mut world = World::open().await;
        let copy = world.copy(node);
        world.settle_slowly().await;
        let branch = completed(&mut world).await;
        let before = world.branch(node, &branch).await.etag;
        world.restore(node, &copy);
        world.settle_slowly().await;
        assert_eq!(world.branch(node, &branch).await.etag, before);
        assert_eq!(told(&world, node, &branch).await, (pb::Outcome::Declined, pb::Danger::Health));
        let sealed = "SELECT COUNT(*) FROM referral_event WHERE sealed IS NOT NULL";
        assert_eq!(world.count(node, sealed).await, 2);
        for (bytes, _) in rows(&world, node).await {
            let event = pb::ReferralEvent::decode(bytes.as_slice()).unwrap();
            assert_eq!(impersonal(event.clone()), event);
        }
    }
}

#[tokio::test]
async fn an_older_copy_that_is_given_an_ended_branch_back_erases_it_again() {
    let mut world = World::open().await;
    let copy = world.copy(HANOI);
    world.settle_slowly().await;
    let branch = completed(&mut world).await;
    world.recall(MOH, &branch).await.unwrap();
    world.settle().await;
    let before = world.branch(HANOI, &branch).await.etag;
    world.restore(HANOI, &copy);
    world.settle_slowly().await;
    let after = world.branch(HANOI, &branch).await;
    assert_eq!((after.state(), after.etag), (BranchState::EnteredInError, before));
    assert_eq!(told(&world, HANOI, &branch).await, HIDDEN);
    assert_eq!(opening(&world, HANOI).await, [false, false], "under no key that is left");
}

//! Words that cross on their way, come twice, or come from somebody who may not say them.

use nhipcau_domain::{
    id::{Purpose, SystemId},
    referral::{Actor, Body, Digest, Draft, Event, Ids, Mark, Side, UnitRef},
};
use nhipcau_messaging::message::{self, Address, Cause, Header, Lane, Recipient};
use nhipcau_proto::referral::v1::{self as pb, BranchState, ReferralKind};

use crate::{deeds::*, world::*};

impl World {
    /// Lets nothing through between two calls, then everything.
    pub(crate) async fn hold(&mut self) {
        self.silent = vec![MOH, HANOI, VWU];
    }

    pub(crate) async fn release(&mut self) {
        self.silent.clear();
        self.settle_slowly().await;
    }
}

#[tokio::test]
async fn an_acceptance_loses_to_a_revocation_that_it_crossed() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Referral, duty()).await;
    world.settle().await;
    world.hold().await;
    world.accept(HANOI, &branch).await.unwrap();
    world.revoke(MOH, &branch, pb::RevocationReason::NoAnswer).await.unwrap();
    assert_eq!(world.states(&branch).await, [BranchState::Revoked, BranchState::Accepted]);
    world.release().await;
    assert_eq!(world.states(&branch).await, [BranchState::Revoked; 2]);
    let history = world.branch(HANOI, &branch).await.history;
    assert!(history.iter().any(|entry| entry.event == "accepted" && entry.superseded), "kept as evidence");
    assert_eq!(world.count(HANOI, "SELECT COUNT(*) FROM referral_content").await, 0);
}

#[tokio::test]
async fn a_recall_wins_over_everything_that_it_crosses() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    world.acknowledge(HANOI, &branch).await.unwrap();
    world.settle().await;
    world.hold().await;
    world.begin(HANOI, &branch).await.unwrap();
    world.complete(HANOI, &branch, pb::Outcome::Resolved).await.unwrap();
    world.recall(MOH, &branch).await.unwrap();
    world.release().await;
    assert_eq!(world.states(&branch).await, [BranchState::EnteredInError; 2]);
}

#[tokio::test]
async fn a_service_may_begin_before_the_assignment_of_a_transfer_has_come_back() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    world.hold().await;
    world.acknowledge(HANOI, &branch).await.unwrap();
    world.begin(HANOI, &branch).await.unwrap();
    assert_eq!(world.state(HANOI, &branch).await, BranchState::Acknowledged);
    world.release().await;
    assert_eq!(world.states(&branch).await, [BranchState::InService; 2]);
}

#[tokio::test]
async fn what_is_delivered_twice_happens_once() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Referral, duty()).await;
    for _ in 0..12 {
        for node in [MOH, HANOI, VWU] {
            world.turn(node).await;
        }
        for parcel in std::mem::take(&mut world.queue) {
            world.deliver(parcel.clone()).await;
            world.deliver(parcel).await;
        }
        world.pass(jiff::SignedDuration::from_millis(400));
    }
    world.accept(HANOI, &branch).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&branch).await, [BranchState::Assigned; 2]);
    let events = "SELECT COUNT(*) FROM referral_event";
    assert_eq!((world.count(MOH, events).await, world.count(HANOI, events).await), (4, 4));
    assert_eq!(world.nodes[HANOI].service.counters().read()[2].1, 3);
}

/// What a faulty access point could send about a branch: an event of its own making.
async fn forge(world: &mut World, branch: &pb::Branch, change: impl FnOnce(&mut Draft)) -> i64 {
    let (rest, uid) = branch.name.split_once("/branches/").unwrap();
    let referral = rest.split_once("/referrals/").unwrap().1;
    let case = world.get(HANOI, rest).await.unwrap().case_uid;
    let [case, referral, uid] = [case.as_str(), referral, uid].map(|uid| uuid::Uuid::parse_str(uid).unwrap());
    let unit = |name: &str| {
        let (owner, unit) = name.split_once('/').unwrap();
        UnitRef { party: party(owner), unit: nhipcau_domain::id::UnitId::new(unit).unwrap() }
    };
    let mut draft = Draft {
        ids: Ids { case, referral, branch: uid },
        side: Side::Recipient,
        owner: unit("hanoi/ba-dinh"),
        counterpart: unit("moh/111"),
        ordinal: 1,
        previous: Digest::ZERO,
        seen: None,
        time: world.now(),
        actor: Actor { system: SystemId::new("desk").unwrap(), person: None },
        basis: None,
        parts: Vec::new(),
        body: Body::Accepted,
        salt: None,
        begun: Default::default(),
    };
    change(&mut draft);
    let address = |unit: &UnitRef| Address { party: unit.party.clone(), unit: Some(unit.unit.clone()) };
    let (from, to) = (address(&draft.owner), address(&draft.counterpart));
    let (_, bytes) = Event::write(draft);
    let sent = message::Draft {
        header: Header {
            message: "nhipcau.referral.v1.ReferralEvent".into(),
            contract: contract(),
            contract_minor: 0,
            sender: from,
            recipient: Some(to),
            purpose: Purpose::new(PURPOSE).unwrap(),
            legal_basis: String::new(),
            correlation: Some(case.into_bytes()),
            kind: String::new(),
            corrected: None,
            traceparent: String::new(),
            blobs: Vec::new(),
        },
        recipient: Recipient::One(point("moh")),
        lane: Lane::Messages,
        parts: vec![bytes],
        cause: Cause::Timer(request_id()),
        ordinal: 0,
    };
    world.submit_raw(HANOI, sent).await;
    world.settle().await;
    world.count(MOH, "SELECT outcome FROM received ORDER BY receive_time DESC, sequence DESC LIMIT 1").await
}

#[tokio::test]
async fn a_faulty_access_point_changes_nothing() {
    const NOT_YET: i64 = 1;
    const INVALID: i64 = 6;
    const WRONG_STATE: i64 = 7;
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    let open = world.branch(HANOI, &branch).await;
    let before = world.branch(MOH, &branch).await.etag;
    assert_eq!(forge(&mut world, &open, |_| ()).await, WRONG_STATE, "a transfer is not accepted");
    let unacknowledged = |draft: &mut Draft| draft.body = Body::Acknowledged;
    assert_eq!(forge(&mut world, &open, unacknowledged).await, WRONG_STATE, "by no person");
    assert_eq!(forge(&mut world, &open, |draft| draft.ordinal = 2).await, WRONG_STATE, "one is missing");
    let foreign = |draft: &mut Draft| draft.owner.unit = nhipcau_domain::id::UnitId::new("cua-nam").unwrap();
    assert!([INVALID, WRONG_STATE].contains(&forge(&mut world, &open, foreign).await), "of another unit");
    let of_the_origin = |draft: &mut Draft| {
        draft.side = Side::Origin;
        draft.body = Body::Closed;
    };
    assert!([INVALID, WRONG_STATE].contains(&forge(&mut world, &open, of_the_origin).await));
    let blind = |draft: &mut Draft| draft.seen = Some(Mark { ordinal: 9, digest: Digest::ZERO });
    assert_eq!(forge(&mut world, &open, blind).await, NOT_YET, "it may have seen what was lost here");
    assert_eq!(world.branch(MOH, &branch).await.etag, before);
    assert_eq!(world.state(MOH, &branch).await, BranchState::Received, "and the branch goes on");
    world.recall(MOH, &branch).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&branch).await, [BranchState::EnteredInError; 2], "whatever the other side says");
}

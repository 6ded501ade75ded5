//! What both sides read of a referral while it lives, and what is left of it afterwards.

use std::{collections::BTreeSet, pin::Pin, time::Duration};

use futures_util::{Stream, StreamExt as _};
use nhipcau_domain::reason;
use nhipcau_proto::referral::v1::{
    self as pb, BranchState::*, referral_service_server::ReferralService as _,
    referral_watch_service_server::ReferralWatchService as _,
};
use nhipcau_referrals::verify_access;
use tokio::time::timeout;
use tonic::{Code, Status};

use crate::{deeds::*, world::*};

type Changes = Pin<Box<dyn Stream<Item = Result<pb::WatchReferralsResponse, Status>> + Send>>;

/// A calling system that follows its party's branches.
struct Follower {
    changes: Changes,
    cursor: String,
}

impl Follower {
    /// Follows from the last change that was heard of, or from the beginning.
    async fn at(world: &World, node: usize, cursor: &str) -> Self {
        let parent = format!("parties/{}", NAMES[node]);
        let request =
            pb::WatchReferralsRequest { parent, cursor: cursor.to_owned(), start: pb::WatchStart::Beginning.into() };
        let changes = world.nodes[node].door.watch_referrals(call(request, NAMES[node])).await.unwrap().into_inner();
        Self { changes, cursor: cursor.to_owned() }
    }

    async fn next(&mut self) -> pb::Branch {
        loop {
            let next = timeout(Duration::from_secs(10), self.changes.next()).await.unwrap().unwrap().unwrap();
            assert!(is_silent(&next));
            self.cursor = next.cursor;
            if let Some(branch) = next.branch {
                return branch;
            }
        }
    }

    /// The states that are told until this one, each once.
    async fn until(&mut self, state: pb::BranchState) -> Vec<pb::BranchState> {
        let mut told = Vec::new();
        while told.last() != Some(&state) {
            told.push(self.next().await.state());
        }
        told.dedup();
        told
    }
}

/// True when an answer holds none of the names that are in the content.
fn is_silent(answer: &impl std::fmt::Debug) -> bool {
    let text = format!("{answer:?}");
    [CHILD, STORY, REPORTER].iter().all(|name| !text.contains(name))
}

async fn full(world: &World, node: usize, branch: &str) -> Result<pb::Referral, Status> {
    let request = pb::GetReferralRequest {
        name: referral_of(branch),
        view: pb::ReferralView::Full.into(),
        acting_person: "cb-17".into(),
        ..Default::default()
    };
    let answer = world.nodes[node].door.get_referral(call(request, NAMES[node])).await?;
    Ok(answer.into_inner().referral.unwrap())
}

async fn listed(world: &World, node: usize) -> Vec<pb::Referral> {
    let request = pb::ListReferralsRequest { parent: format!("parties/{}", NAMES[node]), ..Default::default() };
    world.nodes[node].door.list_referrals(call(request, NAMES[node])).await.unwrap().into_inner().referrals
}

/// How many access records a node has, all of which must hold together.
async fn records(world: &World, node: usize) -> u64 {
    world.nodes[node].readers.read(move |tx| verify_access(&point(NAMES[node]), tx)).await.unwrap().records
}

#[tokio::test]
async fn basic_tells_no_name_in_any_state_and_full_what_was_disclosed() {
    let mut world = World::open().await;
    let (mut origin, mut recipient) = (Follower::at(&world, MOH, "").await, Follower::at(&world, HANOI, "").await);
    let branch = world.refer(pb::ReferralKind::Referral, duty()).await;
    let mut is_disclosed = false;
    for deed in 0..7 {
        match deed {
            0 => {}
            1 => drop(world.acknowledge(HANOI, &branch).await.unwrap()),
            2 => drop(world.accept(HANOI, &branch).await.unwrap()),
            3 => is_disclosed = true,
            4 => drop(world.begin(HANOI, &branch).await.unwrap()),
            5 => drop(world.complete(HANOI, &branch, pb::Outcome::Resolved).await.unwrap()),
            _ => drop(world.close(MOH, &branch).await.unwrap()),
        }
        if deed != 2 {
            world.settle().await;
        }
        for node in [MOH, HANOI] {
            let shown = world.get(node, &referral_of(&branch)).await.unwrap();
            assert!(is_silent(&shown) && shown.content.is_none());
            assert_eq!(shown.branches[0].outcome(), pb::Outcome::Unspecified);
            assert!(is_silent(&listed(&world, node).await));
        }
        let given = full(&world, HANOI, &branch).await.unwrap().content.unwrap();
        assert!(given.preview.is_some());
        assert_eq!((given.identity.is_some(), given.narrative.is_some()), (is_disclosed, is_disclosed));
        assert!(!is_silent(&full(&world, MOH, &branch).await.unwrap()), "the origin reads what it gave");
    }
    let life = [Submitted, Received, Acknowledged, Accepted, Assigned, InService, Completed, Closed];
    assert_eq!(origin.until(Closed).await, life);
    let told = recipient.until(Closed).await;
    assert!(life.iter().filter(|state| **state != Received).all(|state| told.contains(state)), "{told:?}");
    let closed = full(&world, HANOI, &branch).await.unwrap();
    assert_eq!(closed.branches[0].outcome(), pb::Outcome::Resolved);
    assert_eq!((records(&world, MOH).await, records(&world, HANOI).await), (7, 8));
}

#[tokio::test]
async fn of_a_rejected_branch_states_are_left_and_no_content() {
    let mut world = World::open().await;
    let branch = world.refer(pb::ReferralKind::Referral, duty()).await;
    world.settle().await;
    assert!(full(&world, HANOI, &branch).await.unwrap().content.is_some());
    world.reject(HANOI, &branch, pb::RejectionCode::NoCapacity).await.unwrap();
    let left = full(&world, HANOI, &branch).await.unwrap();
    assert_eq!((left.content, left.branches[0].state()), (None, Rejected));
    world.settle_slowly().await;
    let left = full(&world, HANOI, &branch).await.unwrap();
    assert_eq!((left.content, left.branches[0].state()), (None, Rejected));
    assert!(full(&world, MOH, &branch).await.unwrap().content.is_some(), "the origin keeps its case");
    assert_eq!(records(&world, HANOI).await, 3, "records outlive the content");
}

#[tokio::test]
async fn who_has_no_branch_learns_nothing_wherever_it_asks() {
    let mut world = World::open().await;
    let branch = world.refer(pb::ReferralKind::Transfer, duty()).await;
    world.settle().await;
    let unknown = format!("parties/moh/referrals/{}", request_id());
    for (node, name) in [(VWU, referral_of(&branch)), (MOH, referral_of(&branch)), (MOH, unknown)] {
        for view in [pb::ReferralView::Basic, pb::ReferralView::Full] {
            let (name, acting_person) = (name.clone(), "cb-17".into());
            let request = pb::GetReferralRequest { name, view: view.into(), acting_person, ..Default::default() };
            let refused = world.nodes[node].door.get_referral(call(request, "vwu")).await.unwrap_err();
            assert_eq!(refusal(&refused), (Code::PermissionDenied, reason::ACCESS_DENIED.into()));
        }
    }
    assert_eq!(listed(&world, VWU).await, []);
    assert_eq!((records(&world, MOH).await, records(&world, VWU).await), (0, 0));
}

#[tokio::test]
async fn two_parties_of_a_group_see_their_own_branch_and_the_origin_both() {
    let mut world = World::open().await;
    let request = submission(pb::ReferralKind::Referral, "moh/111", &["hanoi/ba-dinh", "vwu/desk"]);
    let branches = world.submit(MOH, &request).await;
    world.settle().await;
    for (node, own) in [(HANOI, vec![&branches[0]]), (VWU, vec![&branches[1]])] {
        let shown = listed(&world, node).await.remove(0);
        assert_eq!(shown.branches.iter().map(|branch| &branch.name).collect::<Vec<_>>(), own);
    }
    let shown = listed(&world, MOH).await.remove(0).branches;
    let shown: BTreeSet<_> = shown.into_iter().map(|branch| branch.name).collect();
    assert_eq!(shown, branches.into_iter().collect());
}

#[tokio::test]
async fn a_follower_misses_nothing_when_the_store_was_restored_from_an_older_copy() {
    let mut world = World::open().await;
    let first = world.refer(pb::ReferralKind::Referral, duty()).await;
    world.settle().await;
    let copy = world.copy(HANOI);
    world.settle_slowly().await;
    let second = world.refer(pb::ReferralKind::Referral, duty()).await;
    world.settle().await;
    let mut follower = Follower::at(&world, HANOI, "").await;
    while follower.next().await.name != second {}

    world.restore(HANOI, &copy);
    world.settle_slowly().await;
    let third = world.refer(pb::ReferralKind::Referral, duty()).await;
    world.settle_slowly().await;
    let mut follower = Follower::at(&world, HANOI, &follower.cursor).await;
    while follower.next().await.name != third {}
    let listed: Vec<_> = listed(&world, HANOI).await.into_iter().map(|referral| referral.name).collect();
    assert_eq!(listed, [&third, &second, &first].map(|branch| referral_of(branch)));
}

#[tokio::test]
async fn access_records_outlive_a_restart() {
    let mut world = World::open().await;
    let branch = world.refer(pb::ReferralKind::Referral, duty()).await;
    full(&world, MOH, &branch).await.unwrap();
    world.stop(MOH);
    world.restart(MOH);
    assert_eq!(records(&world, MOH).await, 1);
    full(&world, MOH, &branch).await.unwrap();
    assert_eq!(records(&world, MOH).await, 2);
}

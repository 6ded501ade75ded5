//! A party that accepts more within an hour than was agreed: what comes beyond waits for a person.

use jiff::SignedDuration;
use nhipcau_domain::reason;
use nhipcau_proto::{
    directory::v1 as directory,
    referral::v1::{
        self as pb, BranchCondition, BranchState, ReferralKind, referral_service_server::ReferralService as _,
        referral_steering_service_server::ReferralSteeringService as _,
    },
};
use nhipcau_runtime::caller::Role;
use tonic::{Code, Status};

use crate::{deeds::*, world::*};

const HELD: i32 = BranchCondition::AssignmentHeld as i32;
const COUNTED: &str = "SELECT COUNT(*) FROM referral_acceptance";

/// What hanoi accepts of moh is limited.
fn limited(most: u32) -> impl FnOnce(&mut directory::Release) {
    move |wire| {
        for agreed in wire.agreements.iter_mut().filter(|it| it.sender_party == "moh" && it.recipient_party == "hanoi")
        {
            agreed.hourly_acceptances = most;
        }
    }
}

impl World {
    async fn limited(most: u32) -> Self {
        let mut world = Self::open().await;
        world.amend(limited(most)).await;
        world
    }

    /// A referral that hanoi has accepted, or in a TRANSFER acknowledged.
    async fn accepted(&mut self, kind: ReferralKind) -> String {
        let branch = self.refer(kind, duty()).await;
        self.settle().await;
        match kind {
            ReferralKind::Transfer => self.acknowledge(HANOI, &branch).await.unwrap(),
            _ => self.accept(HANOI, &branch).await.unwrap(),
        };
        self.settle().await;
        branch
    }

    async fn is_held(&self, branch: &str) -> bool {
        let there = self.branch(HANOI, branch).await;
        assert!(!there.conditions.contains(&HELD), "the recipient is told nothing of it");
        let here = self.branch(MOH, branch).await;
        let is_held = here.conditions.contains(&HELD);
        assert_eq!(here.state() == BranchState::Accepted, is_held, "{here:?}");
        is_held
    }

    fn over_limit(&self) -> u64 {
        let counters = self.nodes[MOH].service.counters().read();
        counters.into_iter().find(|((name, _), _)| name.contains("over_limit")).unwrap().1
    }

    async fn assign_as(&self, request: pb::AssignBranchRequest, roles: &[Role]) -> Result<bool, Status> {
        let answer = self.nodes[MOH].door.assign_branch(call_as(request, "moh", roles)).await?;
        Ok(answer.into_inner().replayed)
    }
}

#[tokio::test]
async fn the_eleventh_acceptance_of_ten_allowed_waits_for_a_person_and_discloses_nothing() {
    let mut world = World::limited(10).await;
    for _ in 0..10 {
        let branch = world.accepted(ReferralKind::Referral).await;
        assert_eq!(world.states(&branch).await, [BranchState::Assigned; 2]);
    }
    assert_eq!(world.over_limit(), 0);
    let branch = world.accepted(ReferralKind::Referral).await;
    assert!(world.is_held(&branch).await);
    assert_eq!(world.over_limit(), 1);
    let given = world.content(HANOI, &branch).await;
    assert!(given.preview.is_some() && given.identity.is_none() && given.narrative.is_none());
    let stored = world.count(HANOI, "SELECT COUNT(*) FROM referral_content").await;
    assert_eq!(stored, 10 * 3 + 1, "no later part of it travelled");
    let listed =
        pb::ListReferralsRequest { parent: "parties/moh".into(), conditions: vec![HELD], ..Default::default() };
    let listed = world.nodes[MOH].door.list_referrals(call(listed, "moh")).await.unwrap().into_inner().referrals;
    let [found] = &listed[..] else { panic!("{listed:?}") };
    assert_eq!(found.branches[0].name, branch);
    world.assign(MOH, &branch).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&branch).await, [BranchState::Assigned; 2]);
    assert!(!world.is_held(&branch).await);
    assert!(world.content(HANOI, &branch).await.identity.is_some(), "a person has looked at it");
    let last = world.branch(HANOI, &branch).await.history;
    assert_eq!(last.iter().filter(|entry| entry.event == "assigned").count(), 1);
}

#[tokio::test]
async fn an_hour_later_acceptances_pass_again_and_what_was_held_still_waits() {
    let mut world = World::limited(2).await;
    let mut held = Vec::new();
    for _ in 0..4 {
        let branch = world.accepted(ReferralKind::Referral).await;
        held.push(world.is_held(&branch).await);
    }
    assert_eq!(held, [false, false, true, true]);
    let waiting = world.accepted(ReferralKind::Referral).await;
    world.pass(SignedDuration::from_hours(1));
    let later = world.accepted(ReferralKind::Referral).await;
    assert!(!world.is_held(&later).await);
    assert!(world.is_held(&waiting).await, "no time releases it");
    assert_eq!(world.over_limit(), 3);
    assert_eq!(world.count(MOH, COUNTED).await, 1, "what is over is not kept");
}

#[tokio::test]
async fn a_store_that_was_put_back_counts_what_its_log_holds() {
    let mut world = World::limited(2).await;
    let copy = world.copy(MOH);
    world.settle_slowly().await;
    for _ in 0..2 {
        let branch = world.accepted(ReferralKind::Referral).await;
        assert!(!world.is_held(&branch).await);
    }
    let third = world.accepted(ReferralKind::Referral).await;
    assert!(world.is_held(&third).await);
    world.restore(MOH, &copy);
    world.settle_slowly().await;
    assert!(world.is_held(&third).await, "it comes back and waits as before");
    let fourth = world.accepted(ReferralKind::Referral).await;
    assert!(world.is_held(&fourth).await);
    assert_eq!(world.count(MOH, COUNTED).await, 4);
}

#[tokio::test]
async fn a_transfer_goes_on_beyond_the_limit_and_the_operator_is_told() {
    let mut world = World::limited(1).await;
    for over in 0..3 {
        let branch = world.accepted(ReferralKind::Transfer).await;
        assert_eq!(world.states(&branch).await, [BranchState::Assigned; 2], "who looks after the child answers for it");
        assert_eq!(world.over_limit(), over);
    }
}

#[tokio::test]
async fn transfers_that_are_acknowledged_use_up_nothing_of_what_may_be_accepted() {
    let mut world = World::limited(1).await;
    for _ in 0..2 {
        world.accepted(ReferralKind::Transfer).await;
    }
    let first = world.accepted(ReferralKind::Referral).await;
    assert!(!world.is_held(&first).await);
    let second = world.accepted(ReferralKind::Referral).await;
    assert!(world.is_held(&second).await);
}

#[tokio::test]
async fn a_need_whose_acceptance_is_held_still_goes_to_the_next_level() {
    for is_held in [false, true] {
        let mut world = World::limited(1).await;
        let rule = |rule: &mut directory::TimeLimit| {
            let elapsed = prost_types::Duration { seconds: 7_200, nanos: 0 };
            let after = Some(directory::Span { kind: Some(directory::span::Kind::Elapsed(elapsed)) });
            let unit = Some(directory::UnitRef { party: "vwu".into(), unit: "desk".into() });
            rule.stop_events = vec!["accepted".into()];
            rule.escalation = vec![directory::EscalationStep { after, unit }];
        };
        world.amend(|wire| wire.time_limits.iter_mut().for_each(rule)).await;
        if is_held {
            world.accepted(ReferralKind::Referral).await;
        }
        let branch = world.accepted(ReferralKind::Referral).await;
        assert_eq!(world.is_held(&branch).await, is_held);
        world.pass(SignedDuration::from_hours(3));
        world.settle().await;
        let asked = world.get(MOH, &referral_of(&branch)).await.unwrap().branches.len();
        assert_eq!(asked, if is_held { 2 } else { 1 });
    }
}

#[tokio::test]
async fn without_a_limit_nothing_is_counted_or_held() {
    let mut world = World::open().await;
    for _ in 0..3 {
        let branch = world.accepted(ReferralKind::Referral).await;
        assert!(!world.is_held(&branch).await);
    }
    assert_eq!((world.count(MOH, COUNTED).await, world.over_limit()), (0, 0));
}

#[tokio::test]
async fn another_unit_that_accepts_serves_the_need_of_one_that_is_held() {
    let mut world = World::limited(1).await;
    world.accepted(ReferralKind::Referral).await;
    let request = submission(ReferralKind::Referral, "moh/111", &["hanoi/ba-dinh", "vwu/desk"]);
    let branches = world.submit(MOH, &request).await;
    world.settle().await;
    world.accept(HANOI, &branches[0]).await.unwrap();
    world.settle().await;
    assert!(world.is_held(&branches[0]).await);
    assert_eq!(world.state(MOH, &branches[1]).await, BranchState::Received, "nobody is let go for it");
    world.accept(VWU, &branches[1]).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&branches[0]).await, [BranchState::Relieved; 2]);
    assert_eq!(world.state(VWU, &branches[1]).await, BranchState::Assigned);
    let late = world.assign(MOH, &branches[0]).await.unwrap_err();
    assert_eq!(refusal(&late).1, reason::WRONG_STATE);
}

#[tokio::test]
async fn whoever_a_person_assigns_serves_alone() {
    let mut world = World::limited(1).await;
    world.accepted(ReferralKind::Referral).await;
    let request = submission(ReferralKind::Referral, "moh/111", &["hanoi/ba-dinh", "vwu/desk"]);
    let branches = world.submit(MOH, &request).await;
    world.settle().await;
    world.accept(HANOI, &branches[0]).await.unwrap();
    world.settle().await;
    world.assign(MOH, &branches[0]).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&branches[0]).await, [BranchState::Assigned; 2]);
    assert_eq!(world.state(VWU, &branches[1]).await, BranchState::Relieved);
}

#[tokio::test]
async fn only_a_person_of_the_origin_assigns_and_only_what_is_held() {
    let mut world = World::limited(1).await;
    let open = world.refer(ReferralKind::Referral, duty()).await;
    world.settle().await;
    let early = world.assign(MOH, &open).await.unwrap_err();
    assert_eq!(refusal(&early), (Code::FailedPrecondition, reason::NOT_ACCEPTED.to_owned()));
    let assigned = world.accepted(ReferralKind::Referral).await;
    let late = world.assign(MOH, &assigned).await.unwrap_err();
    assert_eq!(refusal(&late), (Code::FailedPrecondition, reason::WRONG_STATE.to_owned()));
    let held = world.accepted(ReferralKind::Referral).await;
    let denied = (Code::PermissionDenied, reason::ACCESS_DENIED.to_owned());
    assert_eq!(refusal(&world.assign(HANOI, &held).await.unwrap_err()), denied);
    let request = pb::AssignBranchRequest {
        request_id: request_id(),
        name: held.clone(),
        etag: world.branch(MOH, &held).await.etag,
        acting_person: "cb-17".into(),
        validate_only: false,
    };
    let with = |change: fn(&mut pb::AssignBranchRequest)| {
        let mut request = request.clone();
        change(&mut request);
        request
    };
    let unfit = world.assign_as(request.clone(), &[Role::Submit, Role::ReadContent]).await.unwrap_err();
    assert_eq!(refusal(&unfit).0, Code::PermissionDenied);
    let nobody = world.assign_as(with(|it| it.acting_person.clear()), &Role::ALL).await.unwrap_err();
    assert_ne!(refusal(&nobody).0, Code::Ok);
    let stale = world.assign_as(with(|it| it.etag = "x".into()), &Role::ALL).await.unwrap_err();
    assert_eq!(refusal(&stale), (Code::Aborted, reason::ETAG_STALE.to_owned()));
    world.assign_as(with(|it| it.validate_only = true), &Role::ALL).await.unwrap();
    assert!(world.is_held(&held).await, "only looked at");
    assert!(!world.assign_as(request.clone(), &[Role::Decide]).await.unwrap());
    assert!(world.assign_as(request.clone(), &[Role::Decide]).await.unwrap(), "the same request again");
    let other = world.assign_as(with(|it| it.acting_person = "cb-18".into()), &Role::ALL).await.unwrap_err();
    assert_eq!(refusal(&other), (Code::AlreadyExists, reason::REQUEST_ID_REUSED.to_owned()));
    world.settle().await;
    assert_eq!(world.states(&held).await, [BranchState::Assigned; 2]);
}

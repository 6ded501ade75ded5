//! A unit is over and another took its duties over: open branches go there with both logs, and nobody is led anywhere
//! else.

use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::{
    id::SystemId,
    reason,
    referral::{Actor, Body, Draft, Event, Ids, Side},
};
use nhipcau_proto::{
    directory::v1 as directory,
    referral::v1::{
        self as pb, BranchCondition, BranchState, ReferralKind,
        referral_decision_service_server::ReferralDecisionService as _,
    },
};
use nhipcau_referrals::evidence::Standing;
use nhipcau_runtime::caller::Role;
use tonic::{Code, Status};

use crate::{
    attacks::{send, uid, unit_ref},
    deeds::*,
    evidence::found,
    world::*,
};

mod astray;

pub(crate) const BA_DINH: &str = "hanoi/ba-dinh";
pub(crate) const HEIR: &str = "vwu/desk";
pub(crate) const MOVED: &str = "SELECT COUNT(*) FROM referral_succession WHERE stage >= 3";
const HELD_HERE: &str = "SELECT COUNT(*) FROM referral_branch WHERE holder = 2";
pub(crate) const CONTENT: &str = "SELECT COUNT(*) FROM referral_content";

/// A release under which a unit is over and these took its duties over.
fn over(wire: &mut directory::Release, end: Timestamp, unit: &str, heirs: &[&str]) {
    let is_meant = |it: &&mut directory::Unit| format!("{}/{}", it.party, it.unit) == unit;
    let over = wire.units.iter_mut().find(is_meant).unwrap();
    over.validity.as_mut().unwrap().expire_time = Some(prost_types::Timestamp { seconds: end.as_second(), nanos: 0 });
    over.successors = heirs.iter().map(|heir| named(heir)).collect();
}

fn named(unit: &str) -> directory::UnitRef {
    let (party, unit) = unit.split_once('/').unwrap();
    directory::UnitRef { party: party.into(), unit: unit.into() }
}

impl World {
    /// Has everybody install a release under which a unit is over and these took its duties over.
    pub(crate) async fn succeed(&mut self, unit: &str, heirs: &[&str]) {
        let end = self.now();
        self.amend(|wire| over(wire, end, unit, heirs)).await;
    }

    /// As [`World::succeed`], and nothing that anybody sends meanwhile arrives yet: the successor is asked.
    async fn succeed_unheard(&mut self) {
        self.silent = vec![MOH, HANOI, VWU];
        self.succeed(BA_DINH, &[HEIR]).await;
        self.silent.clear();
    }

    /// Has the branch handed over, and stops before anybody hears of it.
    async fn move_unheard(&mut self) {
        self.succeed_unheard().await;
        for _ in 0..500 {
            if self.count(HANOI, MOVED).await == 1 {
                break;
            }
            match self.queue.pop_front() {
                Some(parcel) => self.deliver(parcel).await,
                None => {
                    self.turn_all().await;
                    self.pass(SignedDuration::from_millis(400));
                }
            }
        }
        assert_eq!(self.count(HANOI, MOVED).await, 1);
    }

    /// Has everybody but the successor hear that the branch was handed over to it.
    async fn move_unheard_by_the_successor(&mut self) {
        self.move_unheard().await;
        self.silent = vec![VWU];
        self.queue.retain(|parcel| parcel.to != VWU);
        self.settle_slowly().await;
        assert_eq!(self.count(VWU, HELD_HERE).await, 0);
    }

    async fn turn_all(&mut self) {
        for node in [MOH, HANOI, VWU] {
            self.turn(node).await;
        }
    }

    /// A transfer that a person at `hanoi/ba-dinh` has taken over.
    pub(crate) async fn taken_over(&mut self) -> String {
        let branch = self.refer(ReferralKind::Transfer, duty()).await;
        self.settle().await;
        self.acknowledge(HANOI, &branch).await.unwrap();
        self.settle().await;
        assert_eq!(self.states(&branch).await, [BranchState::Assigned; 2]);
        branch
    }

    async fn hand_over(&self, branch: &str, to: &str, roles: &[Role]) -> Result<pb::Branch, Status> {
        let etag = self.branch(HANOI, branch).await.etag;
        let request = pb::HandOverBranchRequest {
            request_id: request_id(),
            name: branch.into(),
            etag,
            acting_person: "cb-9".into(),
            validate_only: false,
            successor: Some(unit(to)),
        };
        let answer = self.nodes[HANOI].door.hand_over_branch(call_as(request, "hanoi", roles)).await?;
        Ok(answer.into_inner().branch.unwrap())
    }

    /// Serves a branch that was assigned to its end at a node.
    async fn serve(&mut self, node: usize, branch: &str) {
        self.begin(node, branch).await.unwrap();
        self.settle().await;
        self.complete(node, branch, pb::Outcome::Resolved).await.unwrap();
        self.settle().await;
        self.close(MOH, branch).await.unwrap();
        self.settle().await;
        for at in [MOH, node] {
            assert_eq!(self.state(at, branch).await, BranchState::Closed);
        }
    }

    pub(crate) async fn is_handed_over(&self, node: usize, branch: &str) -> bool {
        self.branch(node, branch).await.conditions().any(|it| it == BranchCondition::HandedOver)
    }
}

#[tokio::test]
async fn an_open_branch_goes_to_the_only_successor_with_both_logs_and_there_to_its_end() {
    let mut world = World::open().await;
    let branch = world.taken_over().await;
    world.succeed(BA_DINH, &[HEIR]).await;
    world.settle_slowly().await;

    let [old, new, origin] =
        [world.branch(HANOI, &branch).await, world.branch(VWU, &branch).await, world.branch(MOH, &branch).await];
    assert_eq!((old.recipient, old.successor), (Some(unit(BA_DINH)), Some(unit(HEIR))));
    assert_eq!(old.conditions, [BranchCondition::HandedOver as i32]);
    for heard in [&new, &origin] {
        assert_eq!((heard.state(), heard.recipient.as_ref()), (BranchState::Assigned, Some(&unit(HEIR))));
        assert_eq!((&heard.time_limits, &heard.history), (&old.time_limits, &old.history), "the same everywhere");
    }
    let last = new.history.last().unwrap();
    assert_eq!((&*last.event, &last.unit), ("moved", &Some(unit(BA_DINH))), "by whoever had it then");
    let seen = world.content(VWU, &branch).await;
    assert_eq!(seen.identity.unwrap().full_name.unwrap().value, CHILD);
    assert_eq!(world.count(HANOI, CONTENT).await, 0, "and no longer there");

    let refused = world.begin(HANOI, &branch).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::FailedPrecondition, reason::BRANCH_MOVED.into()));
    world.serve(VWU, &branch).await;
    assert!(world.is_handed_over(HANOI, &branch).await, "the record stays");
}

#[tokio::test]
async fn branches_in_every_state_go_on_at_the_successor() {
    let mut world = World::open().await;
    let [new, seen, accepted, told] = [
        world.refer(ReferralKind::Transfer, duty()).await,
        world.refer(ReferralKind::Transfer, duty()).await,
        world.refer(ReferralKind::Referral, consent()).await,
        world.refer(ReferralKind::Notification, duty()).await,
    ];
    let ended = world.refer(ReferralKind::Referral, duty()).await;
    world.settle().await;
    world.reject(HANOI, &ended, pb::RejectionCode::NoCapacity).await.unwrap();
    world.accept(HANOI, &accepted).await.unwrap();
    world.settle().await;
    world.acknowledge(HANOI, &seen).await.unwrap();
    world.succeed(BA_DINH, &[HEIR]).await;
    world.settle_slowly().await;

    assert_eq!(world.count(VWU, HELD_HERE).await, 3, "what had ended stays, and what asks nothing of anybody");
    assert_eq!(world.states(&told).await, [BranchState::Received; 2]);
    assert_eq!(world.state(VWU, &accepted).await, BranchState::Assigned);
    world.withdraw(MOH, &accepted).await.unwrap();
    world.settle_slowly().await;
    let withdrawn = world.branch(MOH, &accepted).await;
    assert_eq!(withdrawn.state(), BranchState::Revoked);
    assert!(withdrawn.withdrawal_answer.is_some(), "the successor answers");
    world.acknowledge(VWU, &new).await.unwrap();
    world.settle().await;
    for branch in [new, seen] {
        assert_eq!(world.state(VWU, &branch).await, BranchState::Assigned);
        world.serve(VWU, &branch).await;
    }
}

#[tokio::test]
async fn what_was_on_its_way_when_the_branch_went_is_answered_moved_and_arrives() {
    const ANSWERED: &str = "SELECT COUNT(*) FROM received WHERE outcome = 8";
    let mut world = World::open().await;
    let branch = world.taken_over().await;
    world.silent.push(MOH);
    world.succeed(BA_DINH, &[HEIR]).await;
    world.settle_slowly().await;
    assert!(world.is_handed_over(HANOI, &branch).await);
    world.revoke(MOH, &branch, pb::RevocationReason::Safety).await.unwrap();
    world.settle().await;
    world.silent.clear();
    world.settle_slowly().await;

    assert_eq!(world.count(HANOI, ANSWERED).await, 1);
    for node in [MOH, VWU] {
        let heard = world.branch(node, &branch).await;
        assert_eq!(heard.conditions, [BranchCondition::RevocationRequested as i32]);
        assert_eq!(heard.recipient, Some(unit(HEIR)));
    }
    world.serve(VWU, &branch).await;
}

#[tokio::test]
async fn what_a_successor_says_waits_for_an_origin_that_has_an_older_release() {
    let mut world = World::open().await;
    let branch = world.taken_over().await;
    let end = world.now();
    let newer = world.amended(|wire| over(wire, end, BA_DINH, &[HEIR]));
    for node in [HANOI, VWU] {
        world.install(node, &newer).await;
    }
    world.settle_slowly().await;
    assert!(world.is_handed_over(HANOI, &branch).await);
    world.begin(VWU, &branch).await.unwrap();
    world.settle_slowly().await;
    assert_eq!(world.branch(MOH, &branch).await.recipient, Some(unit(BA_DINH)), "it knows of no successor");

    world.install(MOH, &newer).await;
    world.settle_slowly().await;
    assert_eq!(world.branch(MOH, &branch).await.recipient, Some(unit(HEIR)));
    assert_eq!(world.state(MOH, &branch).await, BranchState::InService);
    assert_eq!(world.state(VWU, &branch).await, BranchState::InService);
}

#[tokio::test]
async fn of_several_successors_a_person_with_the_role_chooses_one_that_the_release_names() {
    let mut world = World::open().await;
    let branch = world.taken_over().await;
    world.succeed(BA_DINH, &["hanoi/cua-nam", HEIR]).await;
    world.settle_slowly().await;
    let waiting = world.branch(HANOI, &branch).await;
    assert_eq!((waiting.conditions, waiting.successor), (vec![BranchCondition::HandOverHeld as i32], None));
    assert_eq!(world.count(VWU, HELD_HERE).await, 0);

    let refused = world.hand_over(&branch, "moh/111", &Role::ALL).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::FailedPrecondition, reason::NOT_A_SUCCESSOR.into()));
    let refused = world.hand_over(&branch, HEIR, &[Role::ReadMetadata]).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    world.begin(HANOI, &branch).await.unwrap();
    world.hand_over(&branch, HEIR, &Role::ALL).await.unwrap();
    world.settle_slowly().await;
    assert!(world.is_handed_over(HANOI, &branch).await);
    assert_eq!(world.state(VWU, &branch).await, BranchState::InService, "whoever had it went on until then");
    let refused = world.hand_over(&branch, HEIR, &Role::ALL).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::FailedPrecondition, reason::BRANCH_MOVED.into()));
}

#[tokio::test]
async fn a_successor_that_may_not_be_told_of_the_case_does_not_get_it_and_the_old_unit_goes_on() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    let is_between =
        |it: &directory::Agreement| (it.sender_party.as_str(), it.recipient_party.as_str()) == ("vwu", "moh");
    let agreements = world.directory().wire().agreements.clone();
    world.amend(|wire| wire.agreements.retain(|it| !is_between(it))).await;
    world.succeed(BA_DINH, &[HEIR]).await;
    world.settle_slowly().await;
    assert!(world.branch(HANOI, &branch).await.conditions().any(|it| it == BranchCondition::HandOverHeld));
    world.acknowledge(HANOI, &branch).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&branch).await, [BranchState::Assigned; 2]);

    world.amend(|wire| wire.agreements = agreements).await;
    world.pass(SignedDuration::from_hours(1));
    world.settle_slowly().await;
    assert!(world.is_handed_over(HANOI, &branch).await);
    world.serve(VWU, &branch).await;
}

#[tokio::test]
async fn a_hand_over_that_no_release_names_leads_nobody_anywhere() {
    let mut world = World::open().await;
    let branch = world.taken_over().await;
    let (head, bytes) = world.head(HANOI, &branch).await;
    let forged = |successor: &str, now| Draft {
        ids: Ids { ..head.ids },
        ordinal: head.ordinal + 1,
        previous: head.digest(),
        seen: Event::read(&bytes).unwrap().seen,
        time: now,
        actor: Actor { system: SystemId::new("access-point").unwrap(), person: None },
        body: Body::Moved { successor: unit_ref(successor) },
        ..(*head).clone()
    };
    send(&world, (HANOI, MOH), forged(HEIR, world.now()), Vec::new()).await;
    world.settle_slowly().await;
    let heard = world.branch(MOH, &branch).await;
    assert_eq!((heard.recipient, heard.successor), (Some(unit(BA_DINH)), None));
    assert!(heard.history.iter().all(|entry| entry.event != "moved"));
    // Nor does another successor than the release names, when one is.
    world.succeed(BA_DINH, &["dolisa/desk"]).await;
    world.settle_slowly().await;
    assert_ne!(world.branch(MOH, &branch).await.recipient, Some(unit(HEIR)));
    assert_eq!(world.count(VWU, HELD_HERE).await, 0);
}

#[tokio::test]
async fn where_one_access_point_serves_both_units_the_branch_changes_hands_at_once() {
    for heir in ["hanoi/cua-nam", "dolisa/desk"] {
        let mut world = World::open().await;
        let branch = world.refer(ReferralKind::Referral, duty()).await;
        world.settle().await;
        let copy = world.copy(HANOI);
        world.settle_slowly().await;
        world.succeed(BA_DINH, &[heir]).await;
        world.settle_slowly().await;
        assert_eq!(world.branch(MOH, &branch).await.recipient, Some(unit(heir)));
        let party = heir.split('/').next().unwrap();
        let request = pb::AcceptBranchRequest {
            request_id: request_id(),
            name: branch.clone(),
            etag: world.branch(MOH, &branch).await.etag,
            acting_person: "cb-9".into(),
            ..Default::default()
        };
        world.nodes[HANOI].door.accept_branch(call(request, party)).await.unwrap();
        world.settle().await;
        assert_eq!(world.state(MOH, &branch).await, BranchState::Assigned);
        world.restore(HANOI, &copy);
        world.settle_slowly().await;
        let sql = "SELECT COUNT(*) FROM referral_branch WHERE holder = 2 AND party || '/' || unit <> 'hanoi/ba-dinh'";
        assert_eq!(
            (world.count(HANOI, sql).await, world.count(HANOI, MOVED).await),
            (1, 0),
            "put back, it is there too"
        );
    }
}

#[tokio::test]
async fn a_branch_may_be_handed_on_and_come_back_to_where_it_was() {
    let mut world = World::open().await;
    let branch = world.taken_over().await;
    world.succeed(BA_DINH, &[HEIR]).await;
    world.settle_slowly().await;
    world.begin(VWU, &branch).await.unwrap();
    world.settle().await;
    world.succeed(HEIR, &["hanoi/cua-nam"]).await;
    world.settle_slowly().await;
    assert!(world.is_handed_over(VWU, &branch).await);
    for node in [MOH, HANOI] {
        let heard = world.branch(node, &branch).await;
        assert_eq!((heard.state(), heard.recipient), (BranchState::InService, Some(unit("hanoi/cua-nam"))));
    }
    world.complete(HANOI, &branch, pb::Outcome::Resolved).await.unwrap();
    world.settle().await;
    world.close(MOH, &branch).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&branch).await, [BranchState::Closed; 2]);
    let account = world.judge(&world.evidence(HANOI, &branch).await, HANOI).unwrap();
    // How the service ended is about a person: of that event alone nothing is proven.
    let told: Vec<_> = account.branches[0].lines.iter().filter(|line| line.is_told()).collect();
    assert!(told.iter().all(|line| line.masked), "{told:?}");
}

#[tokio::test]
async fn a_party_that_is_over_hands_its_branches_to_those_who_took_each_unit_over() {
    let mut world = World::open().await;
    let branch = world.taken_over().await;
    let end = prost_types::Timestamp { seconds: world.now().as_second(), nanos: 0 };
    world
        .amend(|wire| {
            let over = wire.parties.iter_mut().find(|it| it.party == "hanoi").unwrap();
            over.validity.as_mut().unwrap().expire_time = Some(end);
            over.successors = vec!["vwu".into(), "dolisa".into()];
            let unit = wire.units.iter_mut().find(|it| it.unit == "ba-dinh").unwrap();
            unit.successors = vec![named(HEIR)];
        })
        .await;
    world.settle_slowly().await;
    assert!(world.is_handed_over(HANOI, &branch).await);
    world.serve(VWU, &branch).await;
}

#[tokio::test]
async fn a_crash_at_any_moment_leaves_the_branch_with_one_of_the_two_and_never_with_both() {
    for (node, after) in [HANOI, VWU, MOH].into_iter().flat_map(|node| (0..7).map(move |after| (node, 3 * after))) {
        let mut world = World::open().await;
        let branch = world.taken_over().await;
        world.succeed_unheard().await;
        let mut delivered = 0;
        for _ in 0..60 {
            world.turn_all().await;
            while let Some(parcel) = world.queue.pop_front() {
                world.deliver(parcel).await;
                delivered += 1;
                if delivered == after + 1 {
                    world.stop(node);
                    world.restart(node);
                }
                let (gone, here) = (world.count(HANOI, MOVED).await, world.count(VWU, HELD_HERE).await);
                assert!(here <= gone, "{node} after {after}: the successor acts only when the old one no longer does");
            }
            world.pass(SignedDuration::from_millis(400));
        }
        world.settle_slowly().await;
        assert!(world.is_handed_over(HANOI, &branch).await, "{node} after {after}");
        world.serve(VWU, &branch).await;
    }
}

#[tokio::test]
async fn a_store_that_is_put_back_to_before_the_hand_over_learns_of_it_before_anybody_acts() {
    for node in [HANOI, VWU, MOH] {
        let mut world = World::open().await;
        let branch = world.taken_over().await;
        let copy = world.copy(node);
        world.settle_slowly().await;
        world.succeed(BA_DINH, &[HEIR]).await;
        world.settle_slowly().await;
        assert!(world.is_handed_over(HANOI, &branch).await);
        world.restore(node, &copy);
        world.settle_slowly().await;
        world.settle_slowly().await;
        assert!(world.is_handed_over(HANOI, &branch).await, "{node}");
        world.serve(VWU, &branch).await;
    }
}

#[tokio::test]
async fn the_successor_proves_what_the_unit_before_had_said_and_done() {
    let mut world = World::open().await;
    let branch = world.taken_over().await;
    world.succeed(BA_DINH, &[HEIR]).await;
    world.settle_slowly().await;
    world.begin(VWU, &branch).await.unwrap();
    world.settle().await;
    world.disclose_again(&branch).await;
    for (node, is_maker) in [(VWU, true), (MOH, true), (HANOI, false)] {
        let account = world.judge(&world.evidence(node, &branch).await, node).unwrap();
        assert_eq!(found(&account), [], "{node}");
        let told = &account.branches[0];
        assert_eq!(told.told(), 0, "{node}: {:?}", told.lines);
        let acknowledged = told.lines.iter().find(|line| line.side == Side::Recipient).unwrap();
        assert!(acknowledged.signers.contains(&point("hanoi")), "{node}: {:?}", acknowledged.signers);
        assert!(!is_maker || told.standing(Side::Recipient, 1) == Standing::Named, "{node}");
    }
}

#[tokio::test]
async fn a_legal_hold_goes_along_and_keeps_at_the_old_unit_what_it_kept() {
    let mut world = World::open().await;
    let branch = world.taken_over().await;
    world.order(HANOI, &branch, "QD-7").await.unwrap();
    world.succeed(BA_DINH, &[HEIR]).await;
    world.settle_slowly().await;
    let old = world.branch(HANOI, &branch).await;
    assert_eq!(old.conditions, [BranchCondition::HandedOver as i32, BranchCondition::LegalHold as i32]);
    assert_eq!(world.branch(VWU, &branch).await.conditions, [BranchCondition::LegalHold as i32]);
    assert!(world.count(HANOI, CONTENT).await > 0);
    world.recall(MOH, &branch).await.unwrap();
    world.settle().await;
    assert!(world.count(VWU, CONTENT).await > 0, "the successor's party is bound as the old one was");
    for node in [HANOI, VWU] {
        world.take_back(node, &branch, "QD-7").await.unwrap();
        assert_eq!(world.count(node, CONTENT).await, 0);
    }
}

#[tokio::test]
async fn whoever_knows_an_older_contract_takes_part_when_it_is_newer_and_until_then_nobody_is_left_out() {
    let mut world = World::open().await;
    for node in [MOH, VWU] {
        world.stop(node);
        world.restart_as(node, 1);
    }
    world.settle_slowly().await;
    let branch = world.taken_over().await;
    world.succeed(BA_DINH, &[HEIR]).await;
    world.settle_slowly().await;
    assert!(!world.is_handed_over(HANOI, &branch).await, "the successor cannot answer yet, and the old unit goes on");
    world.begin(HANOI, &branch).await.unwrap();
    world.stop(VWU);
    world.restart(VWU);
    world.settle_slowly().await;
    assert!(world.is_handed_over(HANOI, &branch).await);
    world.complete(VWU, &branch, pb::Outcome::Resolved).await.unwrap();
    world.settle_slowly().await;
    let waiting = world.branch(MOH, &branch).await;
    assert_eq!((waiting.state(), waiting.recipient), (BranchState::InService, Some(unit(BA_DINH))));
    world.stop(MOH);
    world.restart(MOH);
    world.settle_slowly().await;
    let told = world.branch(MOH, &branch).await;
    assert_eq!((told.state(), told.recipient), (BranchState::Completed, Some(unit(HEIR))));
}

#[tokio::test]
async fn a_forged_log_of_the_origin_is_not_taken_over() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    // As if the old access point had made the branch up: nothing proves that its origin ever wrote it.
    let handle = world.nodes[HANOI].handle();
    handle
        .call(|tx, _, _| tx.execute("UPDATE received SET proof = NULL", &[]).map_err(|error| error.to_string()))
        .await
        .unwrap();
    world.succeed(BA_DINH, &[HEIR]).await;
    world.settle_slowly().await;
    assert_eq!(world.count(VWU, HELD_HERE).await, 0);
    assert!(world.branch(HANOI, &branch).await.conditions().any(|it| it == BranchCondition::HandOverHeld));
    world.acknowledge(HANOI, &branch).await.unwrap();
    world.settle().await;
    assert_eq!(world.state(MOH, &branch).await, BranchState::Assigned, "the old unit goes on");
}

impl World {
    /// The last event of the recipient's log at a node, with its bytes.
    async fn head(&self, node: usize, branch: &str) -> (Event, Vec<u8>) {
        const LAST: &str = "SELECT bytes FROM referral_event WHERE branch = $1 AND holder = 2 AND side = 2 \
             ORDER BY ordinal DESC LIMIT 1";
        let branch = uid(branch);
        let read =
            self.nodes[node].readers.read(move |tx| tx.query_one(LAST, &[branch.as_bytes().into()], |row| row.blob(0)));
        let bytes = read.await.unwrap().unwrap();
        (Event::read(&bytes).unwrap(), bytes)
    }

    /// The origin says something more, so that what the successor said is named.
    async fn disclose_again(&mut self, branch: &str) {
        self.revoke(MOH, branch, pb::RevocationReason::Other).await.unwrap();
        self.settle().await;
    }
}

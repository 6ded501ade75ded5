//! Acknowledgement by telephone: both sides show it, the ladder waits for the confirmation and for nothing more.

use jiff::SignedDuration;
use nhipcau_domain::reason;
use nhipcau_proto::{
    directory::v1 as directory,
    referral::v1::{
        self as pb, BranchCondition, BranchState, ReferralKind, Side, referral_service_server::ReferralService as _,
    },
};
use tonic::Code;

use crate::{deeds::*, world::*};

const TAKEN: i32 = BranchCondition::AcknowledgedByTelephone as i32;

/// After two hours the ward, after four its parent; who took it by telephone has so many minutes to confirm.
async fn open(minutes: Option<i64>) -> World {
    let mut world = World::open().await;
    world
        .amend(|wire| {
            let elapsed = |seconds| prost_types::Duration { seconds, nanos: 0 };
            let hours = |hours: i64| {
                Some(directory::Span { kind: Some(directory::span::Kind::Elapsed(elapsed(hours * 3_600))) })
            };
            let ward = directory::UnitRef { party: "hanoi".into(), unit: "cua-nam".into() };
            for rule in &mut wire.time_limits {
                rule.stop_events = vec!["acknowledged".into()];
                rule.escalation = vec![directory::EscalationStep { after: hours(2), unit: Some(ward.clone()) }];
                rule.telephone_confirmation = minutes.map(|minutes| elapsed(minutes * 60));
            }
        })
        .await;
    world
}

async fn waiting(world: &mut World) -> String {
    let branch = world.submit(MOH, &submission(ReferralKind::Transfer, "moh/111", &["hanoi/ba-dinh"])).await.remove(0);
    world.settle().await;
    branch
}

impl World {
    async fn telephoned(&self, branch: &str) -> Result<pb::Branch, tonic::Status> {
        let acknowledge_time = Some(prost_types::Timestamp { seconds: self.now().as_second(), nanos: 0 });
        let said = pb::TelephoneAcknowledgement { person: "cb-18".into(), role: "officer".into(), acknowledge_time };
        self.telephone(MOH, branch, Some(said)).await
    }

    async fn after(&mut self, minutes: i64) {
        self.pass(SignedDuration::from_mins(minutes));
        self.settle().await;
    }

    async fn opened(&self, branch: &str) -> usize {
        self.get(MOH, &referral_of(branch)).await.unwrap().branches.len()
    }
}

#[tokio::test]
async fn the_ladder_waits_for_the_confirmation_and_the_ordinary_acknowledgement_is_it() {
    let mut world = open(Some(90)).await;
    let branch = waiting(&mut world).await;
    world.after(60).await;
    world.telephoned(&branch).await.unwrap();
    world.settle().await;
    for node in [MOH, HANOI] {
        let shown = world.branch(node, &branch).await;
        assert!(shown.conditions.contains(&TAKEN), "{:?}", shown.conditions);
        assert_eq!(shown.responsible_side(), Side::Origin, "it hands nothing over");
        let said = shown.telephone_acknowledgement.unwrap();
        assert_eq!((said.acknowledgement.unwrap().person.as_str(), said.recorded_by.as_str()), ("cb-18", "cb-17"));
        assert!(said.confirmation_due_time.is_some());
    }
    world.after(89).await;
    assert_eq!(world.opened(&branch).await, 1, "half an hour after the step");
    let request = pb::ExplainTimeLimitsRequest { name: referral_of(&branch), at_time: None };
    let due = world.nodes[MOH].door.explain_time_limits(call(request, "moh")).await.unwrap().into_inner();
    assert!(due.branches[0].ladder.iter().all(|level| level.put_off_time.is_some()), "{due:?}");
    world.acknowledge(HANOI, &branch).await.unwrap();
    world.settle().await;
    world.after(600).await;
    assert_eq!((world.opened(&branch).await, world.states(&branch).await), (1, [BranchState::Assigned; 2]));
    assert!(!world.branch(MOH, &branch).await.conditions.contains(&TAKEN));
}

#[tokio::test]
async fn an_unconfirmed_word_puts_the_ladder_off_once_whatever_is_said_and_restarted_meanwhile() {
    let mut world = open(Some(90)).await;
    let branch = waiting(&mut world).await;
    world.after(60).await;
    world.telephoned(&branch).await.unwrap();
    world.settle().await;
    world.after(80).await;
    world.telephoned(&branch).await.unwrap();
    world.settle().await;
    world.stop(MOH);
    world.restart(MOH);
    world.settle_slowly().await;
    assert_eq!(world.opened(&branch).await, 1);
    world.after(8).await;
    world.settle_slowly().await;
    assert_eq!(world.opened(&branch).await, 2, "the first word counts");
    assert!(world.branch(MOH, &branch).await.conditions.contains(&TAKEN), "it was never confirmed");
    assert_eq!(world.states(&branch).await, [BranchState::Received; 2]);
}

#[tokio::test]
async fn a_store_that_was_put_back_climbs_no_later_than_was_agreed() {
    let mut world = open(Some(90)).await;
    let branch = waiting(&mut world).await;
    world.after(60).await;
    let copy = world.copy(MOH);
    world.telephoned(&branch).await.unwrap();
    world.settle().await;
    world.restore(MOH, &copy);
    world.settle_slowly().await;
    assert!(world.branch(MOH, &branch).await.telephone_acknowledgement.is_some(), "the other side had it");
    world.after(80).await;
    assert_eq!(world.opened(&branch).await, 1);
    world.after(11).await;
    world.settle_slowly().await;
    assert_eq!(world.opened(&branch).await, 2);
}

#[tokio::test]
async fn without_a_rule_for_it_a_word_is_taken_and_puts_nothing_off() {
    let mut world = open(None).await;
    let branch = waiting(&mut world).await;
    world.after(60).await;
    let shown = world.telephoned(&branch).await.unwrap();
    assert_eq!(shown.telephone_acknowledgement.unwrap().confirmation_due_time, None);
    world.settle().await;
    world.after(60).await;
    assert_eq!(world.opened(&branch).await, 2);
}

#[tokio::test]
async fn what_is_acknowledged_or_ended_takes_no_word_and_nobody_else_gives_one() {
    let mut world = open(Some(90)).await;
    let branch = waiting(&mut world).await;
    let said = world.branch(MOH, &branch).await;
    let theirs = world.telephone(HANOI, &branch, None).await.unwrap_err();
    assert_eq!(refusal(&theirs).1, reason::ACCESS_DENIED);
    assert!(said.telephone_acknowledgement.is_none());
    world.acknowledge(HANOI, &branch).await.unwrap();
    let crossing = world.telephoned(&branch).await.unwrap();
    assert!(crossing.conditions.contains(&TAKEN), "the origin does not know yet");
    world.settle().await;
    for node in [MOH, HANOI] {
        let shown = world.branch(node, &branch).await;
        assert_eq!((shown.state(), shown.conditions.contains(&TAKEN)), (BranchState::Assigned, false));
    }
    let late = world.telephoned(&branch).await.unwrap_err();
    assert_eq!((late.code(), refusal(&late).1.as_str()), (Code::FailedPrecondition, reason::WRONG_STATE));
}

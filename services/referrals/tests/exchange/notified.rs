//! Who is told of a transfer beside whoever takes the child over.

use nhipcau_domain::reason;
use nhipcau_proto::{
    directory::v1 as directory,
    referral::v1::{self as pb, BranchState, ReferralKind},
};

use crate::{deeds::*, world::*};

/// A world in which units are told of every transfer to Ba Đình.
async fn telling(units: &[&str]) -> World {
    let mut world = World::open().await;
    let named = units.iter().map(|name| unit(name)).map(|it| directory::UnitRef { party: it.party, unit: it.unit });
    let named: Vec<_> = named.collect();
    world
        .amend(|wire| {
            let there = wire.units.iter_mut().find(|unit| unit.unit == "ba-dinh").unwrap();
            there.notified = named;
        })
        .await;
    world
}

fn transfer() -> pb::SubmitReferralRequest {
    submission(ReferralKind::Transfer, "moh/111", &["hanoi/ba-dinh"])
}

impl World {
    async fn untold(&self) -> u64 {
        let counters = self.nodes[MOH].service.counters().read();
        counters.into_iter().find(|((name, _), _)| name.contains("untold")).unwrap().1
    }

    /// The branches of a referral beside the one that was submitted, as the origin shows them.
    async fn beside(&self, branch: &str) -> Vec<pb::Branch> {
        let branches = self.get(MOH, &referral_of(branch)).await.unwrap().branches;
        branches.into_iter().filter(|other| other.name != branch).collect()
    }
}

#[tokio::test]
async fn the_province_is_told_of_a_transfer_and_never_who_the_child_is() {
    let mut world = telling(&["vwu/desk"]).await;
    let branch = world.submit(MOH, &transfer()).await.remove(0);
    world.settle().await;
    let here = world.get(MOH, &referral_of(&branch)).await.unwrap();
    assert_eq!((here.kind(), here.branches.len()), (ReferralKind::Transfer, 2), "one submission, one referral");
    let [told] = &world.beside(&branch).await[..] else { panic!() };
    assert_eq!(
        (told.kind(), told.state(), told.recipient.clone()),
        (ReferralKind::Notification, BranchState::Received, Some(unit("vwu/desk")))
    );
    assert_eq!(told.disclosed_parts, [pb::ReferralPart::Preview as i32]);
    assert!(told.time_limits.is_empty() && told.limit_refusals.is_empty(), "nobody is waited for there");
    assert_ne!(told.group_uid, world.branch(MOH, &branch).await.group_uid, "who is told serves no need");

    let there = world.get(VWU, &referral_of(&branch)).await.unwrap();
    assert_eq!((there.kind(), there.branches.len()), (ReferralKind::Notification, 1));
    let content = world.content(VWU, &branch).await;
    assert!(content.preview.is_some() && content.identity.is_none() && content.narrative.is_none());
    assert!(world.content(HANOI, &branch).await.identity.is_some(), "whoever takes the child over is given all");

    world.acknowledge(VWU, &told.name).await.unwrap();
    world.settle().await;
    assert_eq!(world.state(MOH, &told.name).await, BranchState::Closed, "somebody there has seen it");
    assert_eq!(world.state(VWU, &told.name).await, BranchState::Closed);
    assert_eq!(world.states(&branch).await, [BranchState::Received; 2], "and nobody has taken the child over by that");
    assert_eq!(world.untold().await, 0);
}

#[tokio::test]
async fn what_was_told_ends_with_the_transfer() {
    let mut world = telling(&["vwu/desk"]).await;
    let branch = world.submit(MOH, &transfer()).await.remove(0);
    world.settle().await;
    world.acknowledge(HANOI, &branch).await.unwrap();
    world.settle().await;
    world.begin(HANOI, &branch).await.unwrap();
    world.complete(HANOI, &branch, pb::Outcome::Resolved).await.unwrap();
    world.settle().await;
    world.close(MOH, &branch).await.unwrap();
    world.settle().await;
    let [told] = &world.beside(&branch).await[..] else { panic!() };
    assert_eq!(told.state(), BranchState::Closed);

    let taken_back = world.submit(MOH, &transfer()).await.remove(0);
    world.settle().await;
    world.revoke(MOH, &taken_back, pb::RevocationReason::Safety).await.unwrap();
    world.settle().await;
    let [told] = &world.beside(&taken_back).await[..] else { panic!() };
    assert_eq!(told.state(), BranchState::Closed, "nobody is waited for any more");

    // In whichever order the two branches stand.
    for _ in 0..8 {
        let other = world.submit(MOH, &transfer()).await.remove(0);
        world.settle().await;
        let [told] = &world.beside(&other).await[..] else { panic!() };
        world.recall(MOH, &other).await.unwrap();
        world.settle().await;
        assert_eq!(world.state(VWU, &told.name).await, BranchState::EnteredInError, "it is recalled there too");
        assert!(world.content(VWU, &other).await.preview.is_none());
    }
}

#[tokio::test]
async fn who_cannot_be_told_keeps_nothing_from_the_transfer() {
    let mut world = telling(&["hanoi/west", "vwu/desk"]).await;
    let branch = world.submit(MOH, &transfer()).await.remove(0);
    world.settle().await;
    assert_eq!(world.states(&branch).await, [BranchState::Received; 2]);
    assert_eq!(world.beside(&branch).await.len(), 1, "hanoi/west is served nowhere");
    assert_eq!(world.untold().await, 1);

    world.close_units(&["vwu/desk"]).await;
    let branch = world.submit(MOH, &transfer()).await.remove(0);
    assert!(world.beside(&branch).await.is_empty(), "nobody is told who is over");
    assert_eq!(world.untold().await, 3);
}

#[tokio::test]
async fn whoever_takes_nothing_keeps_nothing_from_whoever_does() {
    let mut world = telling(&["vwu/desk"]).await;
    world.narrow(MOH, 2);
    world.settle_slowly().await;
    world.silent = vec![VWU];
    for _ in 0..2 {
        world.submit(MOH, &submission(ReferralKind::Referral, "moh/111", &["vwu/desk"])).await;
    }
    let full = world.try_submit(MOH, &submission(ReferralKind::Referral, "moh/111", &["vwu/desk"])).await.unwrap_err();
    assert_eq!(refusal(&full).1, reason::OUTBOX_FULL);
    let branch = world.submit(MOH, &transfer()).await.remove(0);
    world.settle().await;
    assert_eq!(world.states(&branch).await, [BranchState::Received; 2]);
    assert_eq!((world.beside(&branch).await.len(), world.untold().await), (0, 1));
}

#[tokio::test]
async fn nobody_is_told_on_consent_that_was_given_for_somebody_else() {
    let mut world = telling(&["vwu/desk"]).await;
    let request = pb::SubmitReferralRequest { lawful_basis: Some(consent()), ..transfer() };
    let branch = world.submit(MOH, &request).await.remove(0);
    world.settle().await;
    assert!(world.beside(&branch).await.is_empty());
    assert!(world.get(VWU, &referral_of(&branch)).await.is_err());
    assert_eq!(world.untold().await, 1);
}

#[tokio::test]
async fn nobody_is_told_twice_or_of_what_they_were_asked() {
    let mut world = telling(&["vwu/desk"]).await;
    let request = submission(ReferralKind::Transfer, "moh/111", &["hanoi/ba-dinh", "vwu/desk"]);
    let branches = world.submit(MOH, &request).await;
    assert_eq!(world.beside(&branches[0]).await.len(), 1, "the desk was asked to take the child over");

    let copy = world.copy(MOH);
    world.settle_slowly().await;
    let request = transfer();
    let branch = world.submit(MOH, &request).await.remove(0);
    world.settle().await;
    let [told] = &world.beside(&branch).await[..] else { panic!() };
    let again = world.try_submit(MOH, &request).await.unwrap();
    assert!(again.replayed);
    world.restore(MOH, &copy);
    world.settle_slowly().await;
    world.try_submit(MOH, &request).await.unwrap();
    world.settle_slowly().await;
    let [after] = &world.beside(&branch).await[..] else { panic!() };
    assert_eq!((&after.name, after.state()), (&told.name, BranchState::Received));

    world.redirect(HANOI, &branch, pb::RedirectReason::OutsideArea, None::<pb::UnitRef>).await.unwrap();
    world.settle().await;
    let further = world.further(&branch, "hanoi/cua-nam", |_| ()).await.unwrap();
    assert_eq!(further.kind(), ReferralKind::Transfer);
    world.settle().await;
    assert_eq!(world.beside(&branch).await.len(), 2, "the next ward has nobody told");
}

#[tokio::test]
async fn of_a_referral_nobody_is_told() {
    let mut world = telling(&["vwu/desk"]).await;
    let request = submission(ReferralKind::Referral, "moh/111", &["hanoi/ba-dinh"]);
    let branch = world.submit(MOH, &request).await.remove(0);
    world.settle().await;
    assert!(world.beside(&branch).await.is_empty());
}

//! Both kinds of cases from the first call to the last, and a notice: what each side sees, and when.

use nhipcau_proto::referral::v1::{self as pb, BranchState, ReferralKind, ReferralPart};

use crate::{deeds::*, world::*};

#[tokio::test]
async fn a_transfer_goes_to_its_end_and_is_assigned_when_a_person_has_seen_it() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    assert_eq!(world.states(&branch).await, [BranchState::Received; 2]);
    let content = world.content(HANOI, &branch).await;
    assert_eq!(content.identity.unwrap().full_name.unwrap().value, CHILD, "a transfer has one tier");
    let open = world.branch(HANOI, &branch).await;
    assert_eq!(open.responsible_side(), pb::Side::Origin);
    assert_eq!(open.time_limits.iter().map(|limit| &limit.rule).collect::<Vec<_>>(), ["verify"], "not a referral's");
    world.acknowledge(HANOI, &branch).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&branch).await, [BranchState::Assigned; 2]);
    assert_eq!(world.branch(MOH, &branch).await.responsible_side(), pb::Side::Recipient);
    world.begin(HANOI, &branch).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&branch).await, [BranchState::InService; 2]);
    world.complete(HANOI, &branch, pb::Outcome::Resolved).await.unwrap();
    world.settle().await;
    world.close(MOH, &branch).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&branch).await, [BranchState::Closed; 2]);
    let [mine, theirs] = [world.branch(MOH, &branch).await, world.branch(HANOI, &branch).await];
    assert_eq!((mine.history, mine.etag), (theirs.history, theirs.etag), "one truth");
}

#[tokio::test]
async fn a_referral_discloses_identity_and_narrative_only_once_it_is_accepted() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Referral, consent()).await;
    world.settle().await;
    world.acknowledge(HANOI, &branch).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&branch).await, [BranchState::Acknowledged; 2]);
    let before = world.content(HANOI, &branch).await;
    assert!(before.preview.is_some() && before.identity.is_none() && before.narrative.is_none());
    assert_eq!(world.branch(MOH, &branch).await.disclosed_parts, [i32::from(ReferralPart::Preview)]);
    // The opening and the noted receipt are all that was ever queued or signed, and the opening has one part.
    let queued = "SELECT COUNT(*) FROM outbox_content";
    assert_eq!(world.count(MOH, queued).await, 2);
    let bytes = "SELECT SUM(length(content)) FROM outbox_content";
    let (small, sent) = (world.count(MOH, bytes).await, world.published.len());
    world.accept(HANOI, &branch).await.unwrap();
    assert_eq!(world.count(MOH, queued).await, 2, "the acceptance has not arrived");
    world.settle().await;
    assert_eq!(world.states(&branch).await, [BranchState::Assigned; 2]);
    assert!(world.count(MOH, bytes).await > small && world.published.len() > sent);
    let after = world.content(HANOI, &branch).await;
    assert_eq!(after.identity.unwrap().full_name.unwrap().value, CHILD);
    assert_eq!(after.narrative.unwrap().condition.unwrap().value, STORY);
    world.begin(HANOI, &branch).await.unwrap();
    world.settle().await;
    world.complete(HANOI, &branch, pb::Outcome::Resolved).await.unwrap();
    world.settle().await;
    world.close(MOH, &branch).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&branch).await, [BranchState::Closed; 2]);
}

#[tokio::test]
async fn no_later_part_is_sealed_for_anybody_before_acceptance() {
    // The same referral with and without a large narrative: what leaves before acceptance is of the same size.
    let mut sizes = Vec::new();
    for notes in ["", &"x".repeat(4_000)] {
        let mut world = World::open().await;
        let begun = world.published.len();
        let mut request = submission(ReferralKind::Referral, "moh/111", &["hanoi/ba-dinh"]);
        request.content.as_mut().unwrap().narrative.as_mut().unwrap().notes = notes.into();
        let branch = world.submit(MOH, &request).await.remove(0);
        world.settle().await;
        world.acknowledge(HANOI, &branch).await.unwrap();
        world.settle().await;
        let largest = world.published[begun..].iter().map(Vec::len).max().unwrap();
        sizes.push((largest, world.count(MOH, "SELECT MAX(length(content)) FROM outbox_content").await));
        assert_eq!(
            world.count(MOH, "SELECT COUNT(*) FROM referral_content").await,
            3,
            "it rests in the sender's store"
        );
        assert_eq!(world.count(HANOI, "SELECT COUNT(*) FROM referral_content").await, 1);
    }
    let [(small, small_rest), (large, large_rest)] = sizes[..] else { unreachable!("two worlds") };
    assert!(large.abs_diff(small) < 64 && large_rest.abs_diff(small_rest) < 64, "{sizes:?}");
}

#[tokio::test]
async fn a_notice_shows_the_preview_and_is_closed_without_an_answer() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Notification, duty()).await;
    world.settle().await;
    let content = world.content(HANOI, &branch).await;
    assert!(content.preview.is_some() && content.identity.is_none());
    world.close(MOH, &branch).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&branch).await, [BranchState::Closed; 2]);
}

#[tokio::test]
async fn details_follow_an_assignment_and_the_newest_stand() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Referral, duty()).await;
    world.settle().await;
    let more = || {
        let mut content = content();
        content.preview = None;
        content.narrative.as_mut().unwrap().notes = "later".into();
        content
    };
    let early = world.disclose(MOH, &branch, Some(more()), None).await.unwrap_err();
    assert_eq!(refusal(&early).1, nhipcau_domain::reason::DISCLOSURE_TOO_EARLY);
    assert_eq!(world.count(MOH, "SELECT COUNT(*) FROM referral_content").await, 3, "nothing half-done");
    world.accept(HANOI, &branch).await.unwrap();
    world.settle().await;
    world.disclose(MOH, &branch, Some(more()), None).await.unwrap();
    world.settle().await;
    let content = world.content(HANOI, &branch).await;
    assert_eq!(content.narrative.unwrap().notes, "later");
}

#[tokio::test]
async fn an_emergency_waits_for_nobody_and_shows() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Referral, consent()).await;
    world.settle().await;
    let danger = pb::VitalInterest { citation: "Law 91/2025/QH15 art. 19".into(), danger: pb::Danger::Life.into() };
    let mut urgent = content();
    (urgent.preview, urgent.narrative) = (None, None);
    world.disclose(MOH, &branch, Some(urgent), Some(danger)).await.unwrap();
    world.settle().await;
    let shown = world.content(HANOI, &branch).await;
    assert!(shown.identity.is_some() && shown.narrative.is_none());
    for node in [MOH, HANOI] {
        let conditions = world.branch(node, &branch).await.conditions;
        assert!(conditions.contains(&pb::BranchCondition::EmergencyReleased.into()));
    }
}

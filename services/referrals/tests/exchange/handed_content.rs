//! What a branch holds when it is handed over: all of it follows, and nobody reads it any more where it was.

use jiff::SignedDuration;
use nhipcau_domain::{reason, referral::Ids};
use nhipcau_messaging::blob::CHUNK_BYTES;
use nhipcau_proto::referral::v1::{
    self as pb, AttachmentState, BranchState, ReferralKind, referral_service_server::ReferralService as _,
};
use tonic::Code;
use uuid::Uuid;

use crate::{
    attachments::{ARRIVED, QUEUED, attached, document},
    attachments_lost::{NAMED, begun_to_arrive},
    attacks::{RECEIVED, forged, outcome, send},
    deeds::*,
    succession::*,
    working::{criteria, work},
    world::*,
};

const WHOLE: AttachmentState = AttachmentState::Whole;

impl World {
    async fn full(&self, node: usize, branch: &str) -> pb::Referral {
        let request = pb::GetReferralRequest {
            name: referral_of(branch),
            view: pb::ReferralView::Full.into(),
            acting_person: "cb-17".into(),
            ..Default::default()
        };
        self.nodes[node].door.get_referral(call(request, NAMES[node])).await.unwrap().into_inner().referral.unwrap()
    }

    /// Has everybody install a release under which `moh` is over and `vwu` took its duties over.
    async fn dissolve(&mut self) {
        let end = prost_types::Timestamp { seconds: self.now().as_second(), nanos: 0 };
        self.amend(|wire| {
            let over = wire.parties.iter_mut().find(|it| it.party == "moh").unwrap();
            over.validity.as_mut().unwrap().expire_time = Some(end);
            over.successors = vec!["vwu".into()];
        })
        .await;
    }
}

#[tokio::test]
async fn an_attachment_follows_its_branch_to_the_successor_and_is_gone_where_it_was() {
    let mut world = World::open().await;
    let bytes = document(CHUNK_BYTES * 2 + 7);
    let upload = world.upload(MOH, "", &bytes).await;
    let branch = world.submit(MOH, &attached(ReferralKind::Transfer, &upload, &[BA_DINH])).await.remove(0);
    world.settle().await;
    world.acknowledge(HANOI, &branch).await.unwrap();
    world.settle().await;
    assert_eq!(world.fetched(HANOI, &branch, &upload.digest).await, bytes);
    world.succeed(BA_DINH, &[HEIR]).await;
    world.settle_slowly().await;
    assert!(world.is_handed_over(HANOI, &branch).await);
    for node in [MOH, VWU] {
        assert_eq!(world.standings(node, &branch).await, [(WHOLE, bytes.len() as u64)], "{node}");
    }
    assert_eq!(world.fetched(VWU, &branch, &upload.digest).await, bytes);
    assert_eq!((world.count(HANOI, ARRIVED).await, world.count(HANOI, NAMED).await), (0, 0));
    let hidden = refusal(&world.read(HANOI, &branch, &upload.digest, 0).await.unwrap_err()).1;
    assert_eq!(hidden, reason::ATTACHMENT_UNKNOWN);
}

#[tokio::test]
async fn an_attachment_on_its_way_when_its_branch_goes_arrives_whole_at_the_successor() {
    let mut world = World::open().await;
    let length = CHUNK_BYTES * 30;
    let (upload, branch) = begun_to_arrive(&mut world, length).await;
    world.acknowledge(HANOI, &branch).await.unwrap();
    world.succeed(BA_DINH, &[HEIR]).await;
    world.settle_slowly().await;
    assert!(world.is_handed_over(HANOI, &branch).await);
    for node in [MOH, VWU] {
        assert_eq!(world.standings(node, &branch).await, [(WHOLE, length as u64)], "{node}");
    }
    assert_eq!(world.fetched(VWU, &branch, &upload.digest).await, document(length));
    assert_eq!((world.count(HANOI, ARRIVED).await, world.count(HANOI, NAMED).await), (0, 0));
}

#[tokio::test]
async fn what_was_said_beside_every_work_follows_the_branch() {
    let mut world = World::open().await;
    let branch = world.taken_over().await;
    let notes: Vec<_> = (0..18).map(|number| format!("Canary {number}")).collect();
    for note in &notes {
        let review = work(&world, pb::WorkKind::Review, pb::ReviewConclusion::NewPlan);
        world.record_work(HANOI, &branch, review, criteria(), note).await.unwrap();
        world.settle().await;
    }
    world.succeed(BA_DINH, &[HEIR]).await;
    world.settle_slowly().await;
    assert!(world.is_handed_over(HANOI, &branch).await);
    let full = world.read_branch(VWU, &branch).await;
    let said: Vec<_> = full.work.iter().map(|it| it.details.clone().unwrap_or_default().note).collect();
    assert_eq!(said, notes);
    assert_eq!(world.count(HANOI, CONTENT).await, 0);
}

#[tokio::test]
async fn nobody_reads_at_the_old_unit_what_a_hold_keeps_there() {
    let mut world = World::open().await;
    let branch = world.taken_over().await;
    let review = work(&world, pb::WorkKind::Review, pb::ReviewConclusion::NewPlan);
    world.record_work(HANOI, &branch, review, criteria(), "Canary").await.unwrap();
    world.settle().await;
    assert!(world.full(HANOI, &branch).await.content.is_some());
    world.order(HANOI, &branch, "QD-7").await.unwrap();
    world.succeed(BA_DINH, &[HEIR]).await;
    world.settle_slowly().await;
    assert!(world.is_handed_over(HANOI, &branch).await);
    assert!(world.count(HANOI, CONTENT).await > 0, "the hold keeps it");
    let old = world.full(HANOI, &branch).await;
    assert_eq!(old.content, None);
    assert!(old.branches[0].work.iter().all(|it| it.details.is_none()));
    assert!(world.full(VWU, &branch).await.content.is_some());
}

#[tokio::test]
async fn a_submission_that_is_repeated_after_a_hand_over_and_a_put_back_store_has_its_answer() {
    let mut world = World::open().await;
    let copy = world.copy(MOH);
    world.settle_slowly().await;
    let request = submission(ReferralKind::Transfer, "moh/111", &[BA_DINH]);
    let branch = world.submit(MOH, &request).await.remove(0);
    world.settle().await;
    world.acknowledge(HANOI, &branch).await.unwrap();
    world.settle().await;
    world.succeed(BA_DINH, &[HEIR]).await;
    world.settle_slowly().await;
    assert!(world.is_handed_over(HANOI, &branch).await);
    world.restore(MOH, &copy);
    world.settle_slowly().await;
    world.settle_slowly().await;
    let answer = world.try_submit(MOH, &request).await.unwrap();
    assert!(answer.replayed);
    assert_eq!(answer.referral.unwrap().branches[0].name, branch);
}

#[tokio::test]
async fn a_party_that_is_over_goes_on_with_what_is_open_and_begins_nothing() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    world.dissolve().await;
    let request = submission(ReferralKind::Transfer, "moh/111", &["hanoi/cua-nam"]);
    let closed = (Code::FailedPrecondition, reason::UNIT_CLOSED.to_owned());
    assert_eq!(refusal(&world.try_submit(MOH, &request).await.unwrap_err()), closed);
    let further = world.further(&branch, "hanoi/cua-nam", |request| request.cause_branch.clear()).await;
    assert_eq!(refusal(&further.unwrap_err()), closed);
    let uids = [1, 2, 3].map(Uuid::from_u128);
    let ids = Ids { case: uids[0], referral: uids[1], branch: uids[2] };
    let (opening, parts) = forged(&world, ids, "moh/111", BA_DINH);
    send(&world, (MOH, HANOI), opening, parts).await;
    world.settle().await;
    assert_ne!(outcome(&world, HANOI).await, RECEIVED);
    world.acknowledge(HANOI, &branch).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&branch).await, [BranchState::Assigned; 2]);
}

#[tokio::test]
async fn a_recipient_without_room_is_asked_by_one_chunk_and_ever_more_seldom() {
    const FULL: &str = "INSERT INTO blob (sender, correlation, digest, size_bytes, arrived, whole) \
         VALUES ('moh', $1, $1, 524288000, 0, 0)";
    let mut world = World::open().await;
    let fill = |tx: &mut nhipcau_messaging::store::Tx<'_>| {
        tx.execute(FULL, &[[9_u8; 16].as_slice().into()]).map_err(|error| error.to_string())
    };
    world.nodes[HANOI].handle().call(move |tx, _, _| fill(tx)).await.unwrap();
    let bytes = document(CHUNK_BYTES * 12);
    let upload = world.upload(MOH, "", &bytes).await;
    let branch = world.submit(MOH, &attached(ReferralKind::Transfer, &upload, &[BA_DINH])).await.remove(0);
    for _ in 0..12 {
        world.settle_slowly().await;
        world.pass(SignedDuration::from_mins(20));
    }
    let queued = world.count(MOH, QUEUED).await;
    assert!((9..=16).contains(&queued), "{queued} chunks in four hours");
    world.nodes[HANOI].handle().call(|tx, _, _| tx.execute("DELETE FROM blob", &[])).await.unwrap();
    world.pass(SignedDuration::from_hours(24));
    world.settle_slowly().await;
    assert_eq!(world.standings(HANOI, &branch).await, [(WHOLE, bytes.len() as u64)]);
}

#[tokio::test]
async fn a_party_names_only_so_much_within_a_case() {
    const NAMED_BEFORE: &str = "INSERT INTO referral_upload (upload, party, case_uid, digest, size_bytes, media_type, \
         committed, state, due_time) SELECT $1, party, case_uid, $1, 524288000, media_type, 0, 2, NULL \
         FROM referral_upload";
    let world = World::open().await;
    let upload = world.upload(MOH, "", &document(50)).await;
    let put = |tx: &mut nhipcau_messaging::store::Tx<'_>| {
        tx.execute(NAMED_BEFORE, &[[9_u8; 32].as_slice().into()]).map_err(|error| error.to_string())
    };
    world.nodes[MOH].handle().call(move |tx, _, _| put(tx)).await.unwrap();
    let refused = world.try_submit(MOH, &attached(ReferralKind::Transfer, &upload, &[BA_DINH])).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::FailedPrecondition, reason::TOO_MANY.into()));
}

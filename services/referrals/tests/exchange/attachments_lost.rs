//! Attachments whose way is cut, whose branch ends, or whose bytes are not what they should be.

use jiff::SignedDuration;
use nhipcau_domain::id::{Purpose, UnitId};
use nhipcau_messaging::{
    blob::{self, CHUNK_BYTES},
    message::{Address, BlobRef, Cause, Header, Recipient},
    pae,
};
use nhipcau_proto::referral::v1::{self as pb, AttachmentState, BranchState, ReferralKind};

use crate::{attachments::*, deeds::*, world::*};

pub(crate) const NAMED: &str = "SELECT COUNT(*) FROM referral_attachment";
const ENDED: &str = "SELECT COUNT(*) FROM referral_sending WHERE state = 4";

/// A transfer to `hanoi` with an attachment of so many bytes, which begins to arrive.
pub(crate) async fn begun_to_arrive(world: &mut World, length: usize) -> (pb::Upload, String) {
    let upload = world.upload(MOH, "", &document(length)).await;
    let branch = world.submit(MOH, &attached(ReferralKind::Transfer, &upload, &["hanoi/ba-dinh"])).await.remove(0);
    until_some_is_there(world).await;
    (upload, branch)
}

/// Lets what is on the bus go step by step, until a chunk is at `hanoi`.
async fn until_some_is_there(world: &mut World) {
    for _ in 0..40 {
        for node in [MOH, HANOI] {
            world.turn(node).await;
        }
        if world.count(HANOI, ARRIVED).await > 0 {
            return;
        }
        while let Some(parcel) = world.queue.pop_front() {
            world.deliver(parcel).await;
        }
        world.pass(SignedDuration::from_millis(400));
    }
    unreachable!("nothing arrives");
}

#[tokio::test]
async fn a_transfer_that_is_cut_in_its_middle_goes_on_where_it_stopped() {
    let mut world = World::open().await;
    let length = CHUNK_BYTES * 30;
    let (upload, branch) = begun_to_arrive(&mut world, length).await;
    let [(state, arrived)] = world.standings(HANOI, &branch).await.try_into().unwrap();
    assert_eq!(state, AttachmentState::Awaited);
    assert!(arrived > 0 && arrived < length as u64, "{arrived} of {length}");
    let awaited = refusal(&world.read(HANOI, &branch, &upload.digest, 0).await.unwrap_err());
    assert_eq!(awaited.1, nhipcau_domain::reason::ATTACHMENT_AWAITED);
    for node in [HANOI, MOH] {
        world.stop(node);
        world.restart(node);
    }
    world.queue.clear();
    let [(_, kept)] = world.standings(HANOI, &branch).await.try_into().unwrap();
    assert!(kept >= arrived, "what had arrived is there");
    world.settle_slowly().await;
    for node in [MOH, HANOI] {
        assert_eq!(world.standings(node, &branch).await, [(AttachmentState::Whole, length as u64)]);
    }
    assert_eq!(world.fetched(HANOI, &branch, &upload.digest).await, document(length));
}

#[tokio::test]
async fn what_ends_a_branch_ends_its_attachments_on_their_way_and_where_they_lie() {
    let mut world = World::open().await;
    let (_, branch) = begun_to_arrive(&mut world, CHUNK_BYTES * 30).await;
    world.revoke(MOH, &branch, pb::RevocationReason::Safety).await.unwrap();
    world.settle_slowly().await;
    assert_eq!(world.states(&branch).await, [BranchState::Revoked; 2]);
    let left = (world.count(HANOI, ARRIVED).await, world.count(HANOI, NAMED).await);
    assert_eq!(left, (0, 0), "nothing is left at the recipient");
    assert_eq!(world.count(HANOI, "SELECT COUNT(*) FROM blob").await, 0);
    assert_eq!(world.count(MOH, ENDED).await, 1);
    assert_eq!(world.standings(MOH, &branch).await[0].0, AttachmentState::Ended);
    let queued = world.count(MOH, "SELECT COUNT(*) FROM outbox WHERE lane = 2").await;
    assert!(queued < 30, "{queued} chunks were queued after the end");
    world.settle_slowly().await;
    assert_eq!(world.count(MOH, "SELECT COUNT(*) FROM outbox WHERE state IN (0, 1, 4)").await, 0, "nothing waits");
}

#[tokio::test]
async fn what_ends_one_branch_of_a_case_ends_its_attachments_there_and_leaves_those_of_another() {
    let mut world = World::open().await;
    let upload = world.upload(MOH, "", &document(77)).await;
    let asked = attached(ReferralKind::Transfer, &upload, &["hanoi/ba-dinh", "hanoi/cua-nam"]);
    let branches = world.submit(MOH, &asked).await;
    world.settle_slowly().await;
    assert_eq!(world.count(HANOI, NAMED).await, 2);
    world.revoke(MOH, &branches[0], pb::RevocationReason::Other).await.unwrap();
    world.settle_slowly().await;
    assert_eq!(world.states(&branches[0]).await, [BranchState::Revoked; 2]);
    assert_eq!((world.count(HANOI, ARRIVED).await, world.count(HANOI, NAMED).await), (1, 1));
    world.read(HANOI, &branches[1], &upload.digest, 0).await.unwrap();
}

#[tokio::test]
async fn a_part_that_must_be_kept_keeps_its_attachment_until_it_goes() {
    let mut world = World::open().await;
    world.retain(vec![crate::retention::class()]).await;
    let upload = world.upload(MOH, "", &document(77)).await;
    let request = pb::SubmitReferralRequest {
        lawful_basis: Some(consent()),
        ..attached(ReferralKind::Referral, &upload, &["hanoi/ba-dinh"])
    };
    let branch = world.submit(MOH, &request).await.remove(0);
    world.settle().await;
    world.accept(HANOI, &branch).await.unwrap();
    world.settle().await;
    world.begin(HANOI, &branch).await.unwrap();
    world.settle().await;
    world.withdraw(MOH, &branch).await.unwrap();
    world.settle_slowly().await;
    assert_eq!((world.count(HANOI, ARRIVED).await, world.count(HANOI, NAMED).await), (1, 1), "the class keeps it");
    let hidden = refusal(&world.read(HANOI, &branch, &upload.digest, 0).await.unwrap_err()).1;
    assert_eq!(hidden, nhipcau_domain::reason::ATTACHMENT_UNKNOWN, "and nobody reads it");
    world.pass(SignedDuration::from_hours(24 * 31));
    world.settle_slowly().await;
    assert_eq!((world.count(HANOI, ARRIVED).await, world.count(HANOI, NAMED).await), (0, 0));
}

#[tokio::test]
async fn a_recipient_whose_older_store_is_put_back_gets_the_attachment_again() {
    let mut world = World::open().await;
    let copy = world.copy(HANOI);
    world.settle_slowly().await;
    let length = CHUNK_BYTES * 3 + 1;
    let upload = world.upload(MOH, "", &document(length)).await;
    let branch = world.submit(MOH, &attached(ReferralKind::Transfer, &upload, &["hanoi/ba-dinh"])).await.remove(0);
    world.settle().await;
    assert_eq!(world.standings(HANOI, &branch).await, [(AttachmentState::Whole, length as u64)]);
    world.restore(HANOI, &copy);
    assert_eq!(world.count(HANOI, ARRIVED).await, 0);
    world.settle_slowly().await;
    assert_eq!(world.standings(HANOI, &branch).await, [(AttachmentState::Whole, length as u64)]);
    assert_eq!(world.fetched(HANOI, &branch, &upload.digest).await, document(length));
}

#[tokio::test]
async fn an_origin_whose_older_store_is_put_back_sends_on_once_the_bytes_are_handed_over_again() {
    let mut world = World::open().await;
    let copy = world.copy(MOH);
    world.settle_slowly().await;
    let length = CHUNK_BYTES * 30;
    let bytes = document(length);
    let begin = begun("", &bytes);
    let upload = world.begin_upload(MOH, &begin).await.unwrap();
    world.write_all(MOH, &upload, &bytes).await;
    world.finish(MOH, &upload).await.unwrap();
    let request = attached(ReferralKind::Transfer, &upload, &["hanoi/ba-dinh"]);
    let branch = world.submit(MOH, &request).await.remove(0);
    until_some_is_there(&mut world).await;
    world.restore(MOH, &copy);
    world.queue.clear();
    world.settle_slowly().await;
    assert_eq!(
        world.standings(HANOI, &branch).await[0].0,
        AttachmentState::Awaited,
        "the bytes lay at the origin alone"
    );
    let again = world.begin_upload(MOH, &begin).await.unwrap();
    assert_eq!((&again.name, &again.case_uid), (&upload.name, &upload.case_uid), "the same request makes the same");
    world.write_all(MOH, &again, &bytes).await;
    assert_eq!(world.finish(MOH, &again).await.unwrap().expire_time, None, "a referral names it");
    assert!(world.try_submit(MOH, &request).await.unwrap().replayed);
    world.settle_slowly().await;
    for node in [MOH, HANOI] {
        assert_eq!(world.standings(node, &branch).await, [(AttachmentState::Whole, length as u64)]);
    }
    assert_eq!(world.fetched(HANOI, &branch, &upload.digest).await, bytes);
}

/// A chunk under a digest that its bytes have not, from the origin of a branch to its recipient.
fn forged(case: &str, blob: BlobRef, cause: &str, data: &[u8]) -> nhipcau_messaging::message::Draft {
    let address = |name: &str| {
        let (party_name, unit) = name.split_once('/').unwrap();
        Address { party: party(party_name), unit: Some(UnitId::new(unit).unwrap()) }
    };
    let naming = Header {
        message: String::new(),
        contract: contract(),
        contract_minor: 1,
        sender: address("moh/111"),
        recipient: Some(address("hanoi/ba-dinh")),
        purpose: Purpose::new(PURPOSE).unwrap(),
        legal_basis: "statutory duty: test".to_owned(),
        correlation: Some(case.parse::<uuid::Uuid>().unwrap().into_bytes()),
        kind: String::new(),
        corrected: None,
        traceparent: String::new(),
        blobs: Vec::new(),
    };
    let cause = Cause::Timer(cause.to_owned());
    blob::draft(&naming, &Recipient::One(point("hanoi")), (&cause, 0), blob, 0, data)
}

#[tokio::test]
async fn what_arrives_altered_is_refused_as_a_whole_said_to_both_sides_and_may_come_anew() {
    let mut world = World::open().await;
    let upload = world.upload(MOH, "", &document(40)).await;
    let branch = world.submit(MOH, &attached(ReferralKind::Transfer, &upload, &["hanoi/ba-dinh"])).await.remove(0);
    // What should go is not there when it should.
    world.nodes[MOH].handle().call(|tx, _, _| tx.execute("UPDATE referral_upload SET state = 1", &[])).await.unwrap();
    world.settle().await;
    assert_eq!(world.standings(HANOI, &branch).await, [(AttachmentState::Awaited, 0)]);
    let blob = BlobRef { digest: pae::sha256(&document(40)), size_bytes: 40 };
    let draft = forged(&upload.case_uid, blob, "altered", &[7; 40]);
    let note = "INSERT INTO referral_sending_chunk (message, branch, digest) SELECT $1, branch, digest \
                FROM referral_sending";
    let handle = world.nodes[MOH].handle();
    let sent = handle.call(move |tx, submitter, _| {
        let id = submitter.submit(draft, tx).map_err(|error| error.to_string())?;
        tx.execute(note, &[(&id.0).into()]).map_err(|error| error.to_string())
    });
    sent.await.unwrap();
    world.settle().await;
    for node in [MOH, HANOI] {
        assert_eq!(world.standings(node, &branch).await, [(AttachmentState::Refused, 0)]);
    }
    assert_eq!(world.count(HANOI, ARRIVED).await, 0);
    let whole = "SELECT COUNT(*) FROM received WHERE lane = 2 AND envelope IS NOT NULL";
    assert_eq!(world.count(HANOI, whole).await, 0, "nor is its envelope kept");
    world.nodes[MOH].handle().call(|tx, _, _| tx.execute("UPDATE referral_upload SET state = 2", &[])).await.unwrap();
    let given = pb::ReferralContent { preview: None, identity: None, ..naming(&upload) };
    world.disclose(MOH, &branch, Some(given), None).await.unwrap();
    world.settle_slowly().await;
    for node in [MOH, HANOI] {
        assert_eq!(world.standings(node, &branch).await, [(AttachmentState::Whole, 40)]);
    }
}

#[tokio::test]
async fn a_chunk_that_nothing_names_is_not_kept() {
    let mut world = World::open().await;
    let branch = world.refer(ReferralKind::Transfer, duty()).await;
    world.settle().await;
    let case = world.get(MOH, &referral_of(&branch)).await.unwrap().case_uid;
    let blob = BlobRef { digest: pae::sha256(b"unasked"), size_bytes: 7 };
    let draft = forged(&case, blob, "unasked", b"unasked");
    let handle = world.nodes[MOH].handle();
    let sent =
        handle.call(move |tx, submitter, _| submitter.submit(draft, tx).map(drop).map_err(|error| error.to_string()));
    sent.await.unwrap();
    world.settle_slowly().await;
    assert_eq!(world.count(HANOI, "SELECT COUNT(*) FROM blob").await, 0);
    let whole = "SELECT COUNT(*) FROM received WHERE lane = 2 AND envelope IS NOT NULL";
    assert_eq!(world.count(HANOI, whole).await, 0);
    world.acknowledge(HANOI, &branch).await.unwrap();
    world.settle().await;
    assert_eq!(world.states(&branch).await, [BranchState::Assigned; 2], "and holds nothing up");
}

#[tokio::test]
async fn an_older_access_point_takes_no_part_with_an_attachment_until_it_knows_them() {
    let mut world = World::open().await;
    world.stop(HANOI);
    world.restart_as(HANOI, 0);
    world.settle_slowly().await;
    let upload = world.upload(MOH, "", &document(30)).await;
    let branch = world.submit(MOH, &attached(ReferralKind::Transfer, &upload, &["hanoi/ba-dinh"])).await.remove(0);
    world.settle_slowly().await;
    assert!(world.get(HANOI, &referral_of(&branch)).await.is_err(), "shown without it, nobody would miss it");
    world.stop(HANOI);
    world.restart(HANOI);
    world.settle_slowly().await;
    assert_eq!(world.standings(HANOI, &branch).await, [(AttachmentState::Whole, 30)]);
}

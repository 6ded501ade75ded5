//! What is attached to a referral: handed over in chunks, sent when its part may be, whole or not at all, and gone with
//! the part.

use jiff::SignedDuration;
use nhipcau_domain::reason;
use nhipcau_messaging::{blob::CHUNK_BYTES, pae};
use nhipcau_proto::referral::v1::{
    self as pb, AttachmentState, ReferralKind, UploadState,
    referral_attachment_service_server::ReferralAttachmentService as _, referral_service_server::ReferralService as _,
};
use nhipcau_referrals::verify_access;
use nhipcau_runtime::caller::Role;
use tonic::{Code, Status};

use crate::{deeds::*, world::*};

pub(crate) const UPLOADED: &str = "SELECT COUNT(*) FROM referral_upload_chunk";
pub(crate) const ARRIVED: &str = "SELECT COUNT(*) FROM blob_chunk";
/// Chunks that were ever to be sent.
pub(crate) const QUEUED: &str = "SELECT COUNT(*) FROM outbox WHERE lane = 2";
const KEYS: &str = "SELECT COUNT(*) FROM case_key WHERE correlation <> zeroblob(16)";
/// Words that must be seen nowhere but where they were disclosed.
const CANARY: &[u8] = b"%PDF-1.7 canary of an attachment ";

/// A document of so many bytes.
pub(crate) fn document(length: usize) -> Vec<u8> {
    CANARY.iter().copied().cycle().take(length).collect()
}

pub(crate) fn begun(case_uid: &str, bytes: &[u8]) -> pb::BeginUploadRequest {
    pb::BeginUploadRequest {
        request_id: request_id(),
        case_uid: case_uid.into(),
        digest: pae::sha256(bytes).to_vec(),
        size_bytes: bytes.len() as u64,
        media_type: pb::AttachmentMediaType::Pdf.into(),
        acting_person: "cb-17".into(),
        validate_only: false,
    }
}

/// What a part says of uploaded bytes.
pub(crate) fn attachment(upload: &pb::Upload) -> pb::Attachment {
    pb::Attachment {
        digest: upload.digest.clone(),
        size_bytes: upload.size_bytes,
        media_type: upload.media_type,
        kind: pb::AttachmentKind::OfficialRecord.into(),
        label: "Biên bản".into(),
    }
}

/// A content whose narrative names an upload.
pub(crate) fn naming(upload: &pb::Upload) -> pb::ReferralContent {
    let narrative = pb::ReferralNarrative { attachments: vec![attachment(upload)], ..content().narrative.unwrap() };
    pb::ReferralContent { narrative: Some(narrative), ..content() }
}

/// A submission of that content in the case of the upload.
pub(crate) fn attached(kind: ReferralKind, upload: &pb::Upload, to: &[&str]) -> pb::SubmitReferralRequest {
    pb::SubmitReferralRequest {
        content: Some(naming(upload)),
        case_uid: upload.case_uid.clone(),
        ..submission(kind, "moh/111", to)
    }
}

impl World {
    pub(crate) async fn begin_upload(
        &self,
        node: usize,
        request: &pb::BeginUploadRequest,
    ) -> Result<pb::Upload, Status> {
        let answer = self.nodes[node].door.begin_upload(call(request.clone(), NAMES[node])).await?;
        Ok(answer.into_inner().upload.unwrap_or_default())
    }

    pub(crate) async fn write_chunk(
        &self,
        node: usize,
        upload: &pb::Upload,
        offset: u64,
        data: &[u8],
    ) -> Result<pb::Upload, Status> {
        let message = pb::WriteUploadRequest { name: upload.name.clone(), offset, data: data.to_vec() };
        Ok(self.nodes[node].door.write_upload(call(message, NAMES[node])).await?.into_inner().upload.unwrap())
    }

    pub(crate) async fn finish(&self, node: usize, upload: &pb::Upload) -> Result<pb::Upload, Status> {
        let message = pb::FinishUploadRequest { request_id: request_id(), name: upload.name.clone() };
        Ok(self.nodes[node].door.finish_upload(call(message, NAMES[node])).await?.into_inner().upload.unwrap())
    }

    pub(crate) async fn write_all(&self, node: usize, upload: &pb::Upload, bytes: &[u8]) {
        for (position, data) in bytes.chunks(CHUNK_BYTES).enumerate() {
            self.write_chunk(node, upload, (position * CHUNK_BYTES) as u64, data).await.unwrap();
        }
    }

    /// Hands bytes over, as a calling system does.
    pub(crate) async fn upload(&self, node: usize, case_uid: &str, bytes: &[u8]) -> pb::Upload {
        let upload = self.begin_upload(node, &begun(case_uid, bytes)).await.unwrap();
        self.write_all(node, &upload, bytes).await;
        self.finish(node, &upload).await.unwrap()
    }

    /// How far the attachments of a branch have come, as a node shows it.
    pub(crate) async fn standings(&self, node: usize, branch: &str) -> Vec<(AttachmentState, u64)> {
        let message = pb::GetReferralRequest {
            name: referral_of(branch),
            view: pb::ReferralView::Full.into(),
            acting_person: "cb-17".into(),
            ..Default::default()
        };
        let answer = self.nodes[node].door.get_referral(call(message, NAMES[node])).await.unwrap();
        let standings = answer.into_inner().referral.unwrap().attachments;
        let of_branch = standings.iter().filter(|standing| standing.branch == branch);
        of_branch.map(|standing| (standing.state(), standing.arrived_bytes)).collect()
    }

    pub(crate) async fn read(
        &self,
        node: usize,
        branch: &str,
        digest: &[u8],
        offset: u64,
    ) -> Result<pb::GetAttachmentChunkResponse, Status> {
        let message = pb::GetAttachmentChunkRequest {
            name: referral_of(branch),
            digest: digest.to_vec(),
            offset,
            acting_person: "cb-17".into(),
        };
        Ok(self.nodes[node].door.get_attachment_chunk(call(message, NAMES[node])).await?.into_inner())
    }

    /// All bytes of an attachment, as a reader puts them together.
    pub(crate) async fn fetched(&self, node: usize, branch: &str, digest: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        loop {
            let answer = self.read(node, branch, digest, bytes.len() as u64).await.unwrap();
            assert!(!answer.data.is_empty() && answer.data.len() <= CHUNK_BYTES);
            bytes.extend(answer.data);
            if bytes.len() as u64 == answer.attachment.unwrap().size_bytes {
                return bytes;
            }
        }
    }

    async fn records(&self, node: usize) -> u64 {
        let point = point(NAMES[node]);
        self.nodes[node].readers.read(move |tx| verify_access(&point, tx)).await.unwrap().records
    }
}

#[tokio::test]
async fn an_attachment_arrives_whole_at_every_branch_and_each_chunk_that_is_read_is_recorded() {
    let mut world = World::open().await;
    let bytes = document(CHUNK_BYTES * 11 + 7);
    let upload = world.upload(MOH, "", &bytes).await;
    assert_eq!((upload.state(), upload.committed_bytes), (UploadState::Finished, bytes.len() as u64));
    let request = attached(ReferralKind::Transfer, &upload, &["hanoi/ba-dinh", "vwu/desk"]);
    let branches = world.submit(MOH, &request).await;
    assert_eq!(world.get(MOH, &referral_of(&branches[0])).await.unwrap().case_uid, upload.case_uid);
    assert_eq!(world.count(MOH, QUEUED).await, 0, "not before the part has arrived");
    world.settle().await;
    for (node, branch) in [HANOI, VWU].into_iter().zip(&branches) {
        assert_eq!(world.standings(node, branch).await, [(AttachmentState::Whole, bytes.len() as u64)]);
        assert_eq!(world.standings(MOH, branch).await, [(AttachmentState::Whole, bytes.len() as u64)]);
        let before = world.records(node).await;
        assert_eq!(world.fetched(node, branch, &upload.digest).await, bytes);
        assert_eq!(world.records(node).await, before + 12, "a record for each chunk");
    }
    assert_eq!(world.fetched(MOH, &branches[0], &upload.digest).await, bytes, "its origin reads it too");
    let counted = "SELECT COUNT(*) FROM received WHERE lane = 2 AND kind = 'TRANSFER'";
    assert_eq!(world.count(HANOI, counted).await, 12, "and each chunk is counted under the kind of its branch");
    let middle = world.read(HANOI, &branches[0], &upload.digest, 5).await.unwrap();
    assert_eq!(middle.data, &bytes[5..CHUNK_BYTES], "from anywhere, to the end of a chunk");
    for (node, disk) in [MOH, HANOI].map(|node| (node, world.disk(node))) {
        assert!(!disk.windows(CANARY.len()).any(|window| window == CANARY), "{node} keeps it in the clear");
    }
    assert!(!world.published.iter().any(|bundle| bundle.windows(CANARY.len()).any(|window| window == CANARY)));
}

#[tokio::test]
async fn nothing_of_an_attachment_is_queued_before_the_acceptance_is_held_and_then_for_that_branch_alone() {
    let mut world = World::open().await;
    let bytes = document(CHUNK_BYTES + 1);
    let upload = world.upload(MOH, "", &bytes).await;
    let request = attached(ReferralKind::Referral, &upload, &["hanoi/ba-dinh", "vwu/desk"]);
    let branches = world.submit(MOH, &request).await;
    world.settle_slowly().await;
    assert_eq!((world.count(MOH, QUEUED).await, world.count(HANOI, ARRIVED).await), (0, 0));
    let (code, found) = refusal(&world.read(HANOI, &branches[0], &upload.digest, 0).await.unwrap_err());
    assert_eq!((code, found.as_str()), (Code::FailedPrecondition, reason::ATTACHMENT_UNKNOWN));
    // Accepted, and the answer does not come through.
    world.accept(HANOI, &branches[0]).await.unwrap();
    world.silent = vec![MOH];
    world.settle_slowly().await;
    assert_eq!(world.count(MOH, QUEUED).await, 0, "no acceptance is held");
    world.silent = Vec::new();
    world.settle_slowly().await;
    assert_eq!(world.standings(HANOI, &branches[0]).await, [(AttachmentState::Whole, bytes.len() as u64)]);
    assert_eq!(world.fetched(HANOI, &branches[0], &upload.digest).await, bytes);
    assert_eq!((world.count(MOH, QUEUED).await, world.count(VWU, ARRIVED).await), (2, 0), "the other was relieved");
}

#[tokio::test]
async fn a_rejected_referral_leaves_nothing_of_an_attachment_anywhere_else() {
    let mut world = World::open().await;
    let upload = world.upload(MOH, "", &document(9)).await;
    let branch = world.submit(MOH, &attached(ReferralKind::Referral, &upload, &["hanoi/ba-dinh"])).await.remove(0);
    world.settle().await;
    world.reject(HANOI, &branch, pb::RejectionCode::NoCapacity).await.unwrap();
    world.settle_slowly().await;
    assert_eq!((world.count(MOH, QUEUED).await, world.count(HANOI, ARRIVED).await), (0, 0));
    assert_eq!(world.count(MOH, UPLOADED).await, 1, "its origin keeps its own case");
}

#[tokio::test]
async fn a_detail_that_is_disclosed_later_brings_its_attachment_and_no_other_again() {
    let mut world = World::open().await;
    let first = world.upload(MOH, "", &document(100)).await;
    let branch = world.submit(MOH, &attached(ReferralKind::Transfer, &first, &["hanoi/ba-dinh"])).await.remove(0);
    world.settle().await;
    let second = world.upload(MOH, &first.case_uid, &document(200)).await;
    assert_eq!(second.case_uid, first.case_uid);
    let mut given = naming(&first);
    given.narrative.as_mut().unwrap().attachments.push(attachment(&second));
    given.preview = None;
    given.identity = None;
    world.disclose(MOH, &branch, Some(given), None).await.unwrap();
    world.settle().await;
    let whole = |size| (AttachmentState::Whole, size);
    assert_eq!(world.standings(HANOI, &branch).await, [whole(100), whole(200)]);
    assert_eq!(world.count(MOH, QUEUED).await, 2, "one message each");
    assert_eq!(world.fetched(HANOI, &branch, &second.digest).await, document(200));
}

#[tokio::test]
async fn an_upload_goes_on_where_it_was_cut_and_takes_nothing_in_another_place() {
    let world = World::open().await;
    let bytes = document(CHUNK_BYTES * 2 + 3);
    let request = begun("", &bytes);
    let upload = world.begin_upload(MOH, &request).await.unwrap();
    assert_eq!((upload.state(), upload.committed_bytes), (UploadState::Open, 0));
    world.write_chunk(MOH, &upload, 0, &bytes[..CHUNK_BYTES]).await.unwrap();
    let (_, cut) = refusal(&world.finish(MOH, &upload).await.unwrap_err());
    assert_eq!(cut, reason::ATTACHMENT_CUT);
    let chunk = CHUNK_BYTES as u64;
    for (offset, data) in [(0, &bytes[..CHUNK_BYTES]), (2 * chunk, &bytes[..3])] {
        let stands = world.write_chunk(MOH, &upload, offset, data).await.unwrap();
        assert_eq!(stands.committed_bytes, chunk, "where it is");
    }
    for (offset, length) in [(chunk, 5), (chunk + 1, CHUNK_BYTES), (2 * chunk, 4), (3 * chunk, 1)] {
        let refused = world.write_chunk(MOH, &upload, offset, &bytes[..length]).await.unwrap_err();
        assert_eq!(refusal(&refused), (Code::InvalidArgument, reason::FIELD_FORMAT.into()));
    }
    let again = world.begin_upload(MOH, &request).await.unwrap();
    assert_eq!((again.name, again.committed_bytes), (upload.name.clone(), chunk), "asked again under the same id");
    let other = pb::BeginUploadRequest { size_bytes: 7, ..request };
    assert_eq!(refusal(&world.begin_upload(MOH, &other).await.unwrap_err()).1, reason::REQUEST_ID_REUSED);
    world.write_chunk(MOH, &upload, chunk, &bytes[CHUNK_BYTES..2 * CHUNK_BYTES]).await.unwrap();
    world.write_chunk(MOH, &upload, 2 * chunk, &bytes[2 * CHUNK_BYTES..]).await.unwrap();
    assert_eq!(world.finish(MOH, &upload).await.unwrap().state(), UploadState::Finished);
    assert_eq!(world.finish(MOH, &upload).await.unwrap().state(), UploadState::Finished, "once");
    let same = world.begin_upload(MOH, &begun(&upload.case_uid, &bytes)).await.unwrap();
    assert_eq!(same.name, upload.name, "what is there is not asked for again");
}

#[tokio::test]
async fn what_is_not_what_it_was_said_to_be_is_refused_and_not_kept() {
    let world = World::open().await;
    let good = document(CHUNK_BYTES + 5);
    let mut altered = good.clone();
    altered[CHUNK_BYTES + 1] ^= 1;
    let photograph = [[0xff, 0xd8, 0xff, 0xe1, 0, 8].as_slice(), b"Exif\0\0", &[0xff, 0xda]].concat();
    let jpeg = pb::AttachmentMediaType::Jpeg.into();
    for (request, bytes, expected) in [
        (begun("", &good), &altered, reason::ATTACHMENT_ALTERED),
        (pb::BeginUploadRequest { media_type: jpeg, ..begun("", &good) }, &good, reason::ATTACHMENT_TYPE),
        (
            pb::BeginUploadRequest { media_type: jpeg, ..begun("", &photograph) },
            &photograph,
            reason::ATTACHMENT_METADATA,
        ),
    ] {
        let upload = world.begin_upload(MOH, &request).await.unwrap();
        world.write_all(MOH, &upload, bytes).await;
        let refused = refusal(&world.finish(MOH, &upload).await.unwrap_err());
        assert_eq!(refused, (Code::FailedPrecondition, expected.to_owned()));
        assert_eq!(world.count(MOH, UPLOADED).await, 0, "nothing is kept");
        assert_eq!(refusal(&world.finish(MOH, &upload).await.unwrap_err()).1, reason::UPLOAD_ENDED);
        let more = world.write_chunk(MOH, &upload, 0, &bytes[..bytes.len().min(CHUNK_BYTES)]).await.unwrap_err();
        assert_eq!(refusal(&more).1, reason::UPLOAD_ENDED);
        let named = world.try_submit(MOH, &attached(ReferralKind::Transfer, &upload, &["hanoi/ba-dinh"])).await;
        assert_eq!(refusal(&named.unwrap_err()).1, reason::ATTACHMENT_UNKNOWN);
    }
}

#[tokio::test]
async fn a_content_names_only_what_its_party_finished_in_the_case_as_it_is() {
    let world = World::open().await;
    let bytes = document(50);
    let open = world.begin_upload(MOH, &begun("", &bytes)).await.unwrap();
    let finished = world.upload(MOH, "", &bytes).await;
    let elsewhere = pb::Upload { case_uid: String::new(), ..finished.clone() };
    let larger = pb::Upload { size_bytes: 51, ..finished.clone() };
    let picture = pb::Upload { media_type: pb::AttachmentMediaType::Png.into(), ..finished.clone() };
    for upload in [open, elsewhere, larger, picture] {
        let refused = world.try_submit(MOH, &attached(ReferralKind::Transfer, &upload, &["hanoi/ba-dinh"])).await;
        let found = refusal(&refused.unwrap_err());
        assert_eq!(found, (Code::FailedPrecondition, reason::ATTACHMENT_UNKNOWN.to_owned()));
    }
    world.try_submit(MOH, &attached(ReferralKind::Transfer, &finished, &["hanoi/ba-dinh"])).await.unwrap();
}

#[tokio::test]
async fn nobody_else_sees_an_upload_or_reads_an_attachment() {
    let mut world = World::open().await;
    let upload = world.upload(MOH, "", &document(20)).await;
    let branch = world.submit(MOH, &attached(ReferralKind::Transfer, &upload, &["hanoi/ba-dinh"])).await.remove(0);
    world.settle().await;
    let door = &world.nodes[HANOI].door;
    let chunk = |acting_person: &str| pb::GetAttachmentChunkRequest {
        name: referral_of(&branch),
        digest: upload.digest.clone(),
        offset: 0,
        acting_person: acting_person.into(),
    };
    let denied = (Code::PermissionDenied, reason::ACCESS_DENIED.to_owned());
    let guest = door.get_attachment_chunk(call(chunk("cb-1"), GUEST)).await.unwrap_err();
    assert_eq!(refusal(&guest), denied);
    let blind = call_as(chunk("cb-1"), "hanoi", &[Role::Submit, Role::ReadMetadata, Role::Decide]);
    assert_eq!(refusal(&door.get_attachment_chunk(blind).await.unwrap_err()).1, reason::ROLE_MISSING);
    let nobody = door.get_attachment_chunk(call(chunk(""), "hanoi")).await.unwrap_err();
    assert_eq!(refusal(&nobody).1, reason::ACTING_PERSON_MISSING);
    let name = upload.name.clone();
    let other = world.nodes[MOH].door.get_upload(call(pb::GetUploadRequest { name: name.clone() }, "vwu")).await;
    assert_eq!(refusal(&other.unwrap_err()), denied);
    let spoofed = pb::GetUploadRequest { name: name.replace("parties/moh", "parties/vwu") };
    assert_eq!(refusal(&world.nodes[MOH].door.get_upload(call(spoofed, "vwu")).await.unwrap_err()), denied);
    let case = world.begin_upload(VWU, &begun(&upload.case_uid, &document(20))).await.unwrap_err();
    assert_eq!(refusal(&case), denied, "a case that the party knows nothing of");
    let unknown = world.read(HANOI, &branch, &[9; 32], 0).await.unwrap_err();
    assert_eq!(refusal(&unknown).1, reason::ATTACHMENT_UNKNOWN);
    let beyond = world.read(HANOI, &branch, &upload.digest, 20).await.unwrap_err();
    assert_eq!(refusal(&beyond).1, reason::ATTACHMENT_UNKNOWN);
}

#[tokio::test]
async fn a_party_uploads_only_so_much_that_no_referral_names_and_what_nobody_goes_on_with_ends() {
    let mut world = World::open().await;
    let large = pb::BeginUploadRequest { size_bytes: 50 << 20, ..begun("", &document(1)) };
    for _ in 0..4 {
        let request = pb::BeginUploadRequest { request_id: request_id(), ..large.clone() };
        world.begin_upload(MOH, &request).await.unwrap();
    }
    let full = world.begin_upload(MOH, &begun("", &document(2))).await.unwrap_err();
    assert_eq!(refusal(&full), (Code::ResourceExhausted, reason::ATTACHMENTS_WAITING.into()));
    world.begin_upload(HANOI, &begun("", &document(2))).await.unwrap();
    world.pass(SignedDuration::from_hours(24));
    world.settle_slowly().await;
    assert_eq!(world.count(MOH, "SELECT COUNT(*) FROM referral_upload").await, 0);
    assert_eq!(world.count(MOH, KEYS).await, 0, "with the cases that were begun for them");
    let request = begun("", &document(30));
    let upload = world.begin_upload(MOH, &request).await.unwrap();
    world.write_all(MOH, &upload, &document(30)).await;
    let upload = world.finish(MOH, &upload).await.unwrap();
    world.pass(SignedDuration::from_hours(24));
    world.settle_slowly().await;
    assert_eq!((world.count(MOH, UPLOADED).await, world.count(MOH, KEYS).await), (0, 0), "finished, and never named");
    let ended = refusal(&world.begin_upload(MOH, &request).await.unwrap_err()).1;
    assert_eq!(ended, reason::UPLOAD_ENDED);
    let gone = world.write_chunk(MOH, &upload, 0, &document(30)).await.unwrap_err();
    assert_eq!(refusal(&gone).1, reason::ACCESS_DENIED);
    let kept = world.upload(MOH, "", &document(40)).await;
    world.submit(MOH, &attached(ReferralKind::Transfer, &kept, &["hanoi/ba-dinh"])).await;
    world.pass(SignedDuration::from_hours(48));
    world.settle_slowly().await;
    assert_eq!(world.count(MOH, UPLOADED).await, 1, "what a referral names stays");
}

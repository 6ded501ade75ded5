//! A blob arrives whole or not at all, whatever the bus does to its chunks, and never holds up its case.

use nhipcau_domain::id::{AccessPointId, SystemId};
use nhipcau_messaging::{
    blob::{self, BLOB_LIMIT, Blob, CHUNK_BYTES},
    engine::SubmitError,
    envelope::wire,
    message::{BlobRef, Cause, Lane},
};
use prost::Message as _;

use crate::world::{MOH, VWU, World};

const CASE: [u8; 16] = [7; 16];

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

fn vwu() -> AccessPointId {
    AccessPointId::new("vwu").unwrap()
}

impl World {
    /// Submits a message of the case that names a blob, and the blob after it.
    fn attach(&mut self, request: &str, bytes: &[u8], change: impl Fn(usize, &mut Vec<u8>)) -> BlobRef {
        let (mut named, mut header) = (None, None);
        let cause = Cause::Request { system: SystemId::new("desk").unwrap(), request_id: format!("{request}-blob") };
        self.send_changed(MOH, VWU, request, |draft| {
            let (blob, _) = blob::drafts(&draft.header, &vwu(), &cause, 0, bytes).unwrap();
            draft.header.blobs = vec![blob];
            draft.parts = vec![request.as_bytes().to_vec()];
            named = Some(blob);
            header = Some(draft.header.clone());
        })
        .unwrap();
        let (_, drafts) = blob::drafts(&header.unwrap(), &vwu(), &cause, 0, bytes).unwrap();
        let now = self.now;
        for (position, mut draft) in drafts.into_iter().enumerate() {
            change(position, &mut draft.parts[0]);
            self.group(MOH, |engine, tx| engine.submit(now, draft, tx)).unwrap();
        }
        named.unwrap()
    }

    fn held(&mut self, named: BlobRef) -> Blob {
        let sender = AccessPointId::new("moh").unwrap();
        self.group(VWU, |engine, tx| engine.blob(&sender, Some(&CASE), named, tx).map_err(SubmitError::from)).unwrap()
    }
}

#[test]
fn a_blob_arrives_whole_and_its_message_does_not_wait_for_it() {
    let mut world = World::open();
    let content = bytes(CHUNK_BYTES * 2 + 5);
    let named = world.attach("r1", &content, |_, _| {});
    let before: Vec<_> = world.take_bundles();
    let (bulk, messages): (Vec<_>, Vec<_>) = before.into_iter().partition(|parcel| parcel.bytes.len() > CHUNK_BYTES);
    messages.into_iter().for_each(|parcel| world.deliver(parcel).unwrap());
    assert_eq!(world.effects(VWU), ["r1"]);
    assert_eq!(world.held(named), Blob::Awaited { arrived: 0 });
    bulk.into_iter().for_each(|parcel| world.deliver(parcel).unwrap());
    world.settle();
    assert_eq!(world.held(named), Blob::Held(content));
    assert_eq!(world.effects(VWU), ["r1"]);
}

#[test]
fn a_transfer_goes_on_where_a_restored_recipient_had_lost_it() {
    let mut world = World::open();
    let content = bytes(CHUNK_BYTES * 3);
    let image = world.image(VWU);
    let named = world.attach("r1", &content, |_, _| {});
    world.settle();
    world.restart(VWU, Some(&image));
    assert_eq!(world.held(named), Blob::Awaited { arrived: 0 });
    world.settle();
    assert_eq!(world.held(named), Blob::Held(content));
}

#[test]
fn a_sender_that_was_restored_sends_its_blob_again_and_it_is_kept_once() {
    let mut world = World::open();
    let content = bytes(CHUNK_BYTES + 1);
    let image = world.image(MOH);
    world.attach("r1", &content, |_, _| {});
    world.settle();
    world.restart(MOH, Some(&image));
    let named = world.attach("r1", &content, |_, _| {});
    world.settle();
    assert_eq!(world.held(named), Blob::Held(content));
    assert_eq!(world.effects(VWU), ["r1"]);
    assert_eq!(world.rows(VWU, "SELECT position FROM blob_chunk ORDER BY position", |row| row.int(0)), [0, 1]);
}

#[test]
fn what_has_not_the_digest_that_it_came_under_is_refused_and_not_kept() {
    let mut world = World::open();
    let named = world.attach("r1", &bytes(CHUNK_BYTES + 9), |position, part| {
        if position == 1 {
            *part.last_mut().unwrap() ^= 1;
        }
    });
    world.settle();
    assert_eq!(world.held(named), Blob::Awaited { arrived: 0 });
    assert_eq!(world.in_state(MOH, 3), 1, "the sender is told");
    world.send(MOH, VWU, "r2", b"two").unwrap();
    world.settle();
    assert_eq!(world.effects(VWU), ["r1", "two"]);
}

#[test]
fn a_chunk_that_is_none_is_refused() {
    let mut world = World::open();
    let named = world.attach("r1", &bytes(10), |_, part| part.truncate(12));
    world.settle();
    assert_eq!(world.held(named), Blob::Awaited { arrived: 0 });
    assert_eq!(world.in_state(MOH, 3), 1);
}

#[test]
fn an_erased_case_takes_its_blobs_along() {
    let mut world = World::open();
    let named = world.attach("r1", &bytes(CHUNK_BYTES + 1), |_, _| {});
    world.settle();
    world.group(VWU, |engine, tx| engine.erase(&CASE, tx)).unwrap();
    assert_eq!(world.held(named), Blob::Awaited { arrived: 0 });
    assert_eq!(world.rows(VWU, "SELECT position FROM blob_chunk", |row| row.int(0)), Vec::<i64>::new());
}

#[test]
fn a_chunk_lies_on_disk_under_the_key_of_its_case_and_the_name_of_its_sender() {
    let mut world = World::open();
    let content = b"a picture of a child at a known place".repeat(20);
    let named = world.attach("r1", &content, |_, _| {});
    world.settle();
    let on_disk = world.image(VWU);
    assert!(!on_disk.windows(20).any(|window| window == &content[..20]));
    let other = AccessPointId::new("hanoi").unwrap();
    let held = world.group(VWU, |engine, tx| engine.blob(&other, Some(&CASE), named, tx).map_err(SubmitError::from));
    assert_eq!(held.unwrap(), Blob::Awaited { arrived: 0 });
}

#[test]
fn what_never_becomes_whole_does_not_fill_the_disk() {
    let mut world = World::open();
    for n in 0_u32..257 {
        let mut content = bytes(CHUNK_BYTES + 1);
        content[..4].copy_from_slice(&n.to_be_bytes());
        let cause = Cause::Request { system: SystemId::new("desk").unwrap(), request_id: n.to_string() };
        world
            .send_changed(MOH, VWU, "", |draft| {
                *draft = blob::drafts(&draft.header, &vwu(), &cause, 0, &content).unwrap().1.pop().unwrap();
            })
            .unwrap();
    }
    world.settle();
    assert_eq!(world.rows(VWU, "SELECT COUNT(*) FROM blob", |row| row.int(0)), [256]);
    assert_eq!(world.in_state(MOH, 3), 1);
}

#[test]
fn an_awaited_blob_counts_with_all_its_bytes_until_it_is_whole() {
    let mut world = World::open();
    // The first chunk of a largest blob, of which nothing else will come.
    let begin = |world: &mut World, n: u8| {
        let chunk =
            wire::BlobChunk { blob_digest: vec![n; 32], blob_bytes: BLOB_LIMIT, offset: 0, data: vec![n; CHUNK_BYTES] };
        world
            .send_changed(MOH, VWU, &n.to_string(), |draft| {
                draft.header.message = "nhipcau.envelope.v1.BlobChunk".to_owned();
                draft.lane = Lane::Bulk;
                draft.parts = vec![chunk.encode_to_vec()];
            })
            .unwrap();
        world.settle();
    };
    let awaited = |world: &mut World| {
        world.rows(VWU, "SELECT COUNT(*) FROM blob WHERE whole = 0", |row| row.int(0)).first().copied()
    };
    let content = bytes(CHUNK_BYTES + 1);
    let cause = Cause::Request { system: SystemId::new("desk").unwrap(), request_id: "small".to_owned() };
    let mut small = Vec::new();
    world
        .send_changed(MOH, VWU, "", |draft| {
            small = blob::drafts(&draft.header, &vwu(), &cause, 0, &content).unwrap().1;
            *draft = small.remove(0);
        })
        .unwrap();
    (1..=9).for_each(|n| begin(&mut world, n));
    assert_eq!((awaited(&mut world), world.in_state(MOH, 3)), (Some(10), 0));
    begin(&mut world, 10);
    assert_eq!((awaited(&mut world), world.in_state(MOH, 3)), (Some(10), 1), "no room for so much");
    // What was begun can end, and makes room.
    let now = world.now;
    world.group(MOH, |engine, tx| engine.submit(now, small.remove(0), tx)).unwrap();
    world.settle();
    begin(&mut world, 11);
    assert_eq!((awaited(&mut world), world.in_state(MOH, 3)), (Some(10), 1));
}

//! Sealing epochs and revocations that access points sign themselves, on their way between engines: what is under way
//! arrives, what is revoked counts no more, and nobody is made to believe anything.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::{
    directory::{Release, Revocation, RevocationSigner, authoring},
    id::PartyId,
};
use nhipcau_messaging::{
    crypto::{seal, sign::SigningKey},
    engine::{AlarmKind, Input},
    keys::SealingSecret,
    pae,
    signal::{FilePiece, Kind, Signal},
};
use prost::Message as _;

use crate::world::{HANOI, MOH, Parcel, VWU, World, key_id, node_id, seed, status};

/// Bytes that nobody else has as a key.
fn epoch_secret(number: u8) -> [u8; 32] {
    seed("vwu", 100 + number)
}

fn epoch(number: u8) -> SealingSecret {
    SealingSecret { id: key_id(&format!("e-{number}")), private: epoch_secret(number) }
}

/// A bulletin of `vwu` with one epoch, which has begun.
fn bulletin(world: &World, version: u64, number: u8) -> Vec<u8> {
    let hour = SignedDuration::from_hours(1);
    let draft = authoring::BulletinDraft {
        party: PartyId::new("vwu").unwrap(),
        access_point: node_id(VWU),
        version,
        issue: world.now,
        signing_key: key_id("s-1"),
        sealing_keys: vec![(
            key_id(&format!("e-{number}")),
            seal::public_key(&epoch_secret(number)).unwrap(),
            (world.now - hour, world.now + hour * 24),
        )],
    };
    let key = SigningKey::from_seed(key_id("s-1"), &seed("vwu", 1)).unwrap();
    authoring::bulletin("test", &draft, |kind, bytes| key.sign(kind, &[bytes]))
}

fn revocation(key: &str, from: Timestamp) -> Vec<u8> {
    let revocation = Revocation {
        party: PartyId::new("vwu").unwrap(),
        access_point: node_id(VWU),
        keys: vec![key_id(key)],
        revoke_time: from,
        signer: RevocationSigner::Signing(node_id(VWU), key_id("s-1")),
    };
    let pair = aws_lc_rs::signature::Ed25519KeyPair::from_seed_unchecked(&seed("vwu", 1)).unwrap();
    authoring::revoke("test", &revocation, &pair)
}

/// `vwu` begins an epoch: the private half first.
fn rotate(world: &mut World, secrets: Vec<SealingSecret>, release: Release) -> Arc<Release> {
    let release = Arc::new(release);
    world.input(VWU, Input::Sealing(secrets));
    world.input(VWU, Input::Release(Arc::clone(&release)));
    release
}

/// How many of these are sealed to `e-2`.
fn sealed_to_next(parcels: &[Parcel]) -> usize {
    let holds = |parcel: &Parcel, id: &[u8]| parcel.bytes.windows(id.len()).any(|window| window == id);
    parcels.iter().filter(|parcel| holds(parcel, b"e-2")).count()
}

#[test]
fn an_epoch_begins_while_messages_are_under_way_and_all_arrive_once_and_in_order() {
    let mut world = World::open();
    for n in 0..200 {
        world.send(MOH, VWU, &format!("r{n}"), format!("{n}").as_bytes()).unwrap();
    }
    let under_way: Vec<_> = world.take_bundles();
    assert!(!under_way.is_empty() && sealed_to_next(&under_way) == 0);
    let announced = world.releases[0].announce(&bulletin(&world, 1, 2)).unwrap();
    let old = SealingSecret { id: key_id("e-1"), private: seed("vwu", 2) };
    rotate(&mut world, vec![old, epoch(2)], announced);
    world.settle();
    assert_eq!(world.branch(MOH, "notices_fetched"), 1);
    for n in 200..400 {
        world.send(MOH, VWU, &format!("r{n}"), format!("{n}").as_bytes()).unwrap();
    }
    let after: Vec<_> = world.queue.iter().cloned().collect();
    assert!(sealed_to_next(&after) > 0, "what is signed from now on is sealed to the new epoch");
    under_way.into_iter().for_each(|parcel| world.deliver(parcel).unwrap());
    world.settle();
    assert_eq!(world.effects(VWU), (0..400).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(world.concluded(MOH), vec![0; 400]);
    assert_eq!(world.branch(MOH, "reopened"), 0, "nothing had to be signed anew");
}

#[test]
fn what_was_sealed_to_an_epoch_that_is_destroyed_is_sealed_again_to_the_present_one() {
    let mut world = World::open();
    world.send(MOH, VWU, "r1", b"one").unwrap();
    let under_way = world.take_bundles();
    let announced = world.releases[0].announce(&bulletin(&world, 1, 2)).unwrap();
    rotate(&mut world, vec![epoch(2)], announced);
    world.queue.clear();
    under_way.into_iter().for_each(|parcel| world.deliver(parcel).unwrap());
    assert_eq!(world.effects(VWU), Vec::<String>::new());
    world.settle();
    assert_eq!(world.effects(VWU), ["one"]);
    assert_eq!(world.concluded(MOH), [0]);
}

#[test]
fn whoever_missed_a_bulletin_gets_it_from_anybody() {
    let mut world = World::open();
    let announced = world.releases[0].announce(&bulletin(&world, 1, 2)).unwrap();
    let announced = rotate(&mut world, vec![epoch(2)], announced);
    let hanoi = HANOI;
    world.settle_losing(|parcel| parcel.signal && (parcel.from, parcel.to) == (VWU, hanoi));
    assert_eq!(world.branch(HANOI, "notices_fetched"), 1, "from moh");
    world.send(HANOI, VWU, "r1", b"one").unwrap();
    world.settle();
    assert_eq!(world.effects(VWU), ["one"]);
    assert!(announced.notices_digest().is_some());
}

#[test]
fn a_revocation_handed_to_one_counts_at_all() {
    let mut world = World::open();
    let from = world.now - SignedDuration::from_secs(1);
    let revoked = Arc::new(world.releases[0].revoke(&revocation("s-1", from)).unwrap());
    world.input(HANOI, Input::Release(revoked));
    world.settle();
    world.send(VWU, MOH, "r1", b"forged by whoever has the key").unwrap();
    world.settle();
    assert_eq!(world.effects(MOH), Vec::<String>::new());
    assert_eq!(world.effects(HANOI), Vec::<String>::new());
    assert_eq!(world.branch(MOH, "release_installed"), 1);
}

#[test]
fn a_revocation_comes_within_a_minute_although_the_bus_loses_what_first_told_of_it() {
    let mut world = World::open();
    let revoked = Arc::new(world.releases[0].revoke(&revocation("s-1", world.now)).unwrap());
    world.input(HANOI, Input::Release(revoked));
    world.pass_alone(HANOI, 9);
    for _ in 0..40 {
        (0..3).for_each(|node| world.tick(node));
        while let Some(parcel) = world.queue.pop_front() {
            world.deliver(parcel).unwrap();
        }
        world.now += SignedDuration::from_secs(1);
    }
    assert_eq!([MOH, VWU].map(|node| world.branch(node, "notices_fetched") > 0), [true, true]);
}

#[test]
fn bad_notices_change_nothing_and_are_told_once_in_a_while() {
    let mut world = World::open();
    let mut forged = revocation("s-1", world.now);
    *forged.last_mut().unwrap() ^= 1;
    let signed = nhipcau_proto::directory::v1::SignedRevocation::decode(forged.as_slice()).unwrap();
    let notices =
        nhipcau_proto::directory::v1::Notices { bulletins: Vec::new(), revocations: vec![signed] }.encode_to_vec();
    let piece = |content: Vec<u8>, digest: [u8; 32]| {
        let piece = FilePiece {
            digest: digest.to_vec(),
            size_bytes: content.len() as u64,
            offset: 0,
            content,
            release_version: 0,
        };
        Signal { kind: Some(Kind::FilePiece(piece)) }.encode_to_vec()
    };
    let sender = node_id(HANOI);
    for _ in 0..50 {
        let bytes = piece(notices.clone(), pae::sha256(&notices));
        world.input(MOH, Input::Signal { sender: sender.clone(), bytes });
    }
    assert_eq!(world.alarms(MOH, AlarmKind::NoticeRefused), 1);
    assert_eq!(world.branch(MOH, "release_installed"), 0);
    let bytes = piece(notices, [7; 32]);
    world.input(MOH, Input::Signal { sender, bytes });
    assert_eq!(world.quarantined(MOH), ["bad_notices"]);
    world.send(VWU, MOH, "r1", b"one").unwrap();
    world.settle();
    assert_eq!(world.effects(MOH), ["one"]);
}

/// Every length of 32 bytes is a key; no secret is ever shared with this one.
#[test]
fn an_epoch_that_nobody_can_seal_to_stops_nobody_and_harms_its_owner_alone() {
    let mut world = World::open();
    world.send(VWU, MOH, "r1", b"one").unwrap();
    world.settle();
    let hour = SignedDuration::from_hours(1);
    let draft = authoring::BulletinDraft {
        party: PartyId::new("vwu").unwrap(),
        access_point: node_id(VWU),
        version: 1,
        issue: world.now,
        signing_key: key_id("s-1"),
        sealing_keys: vec![(key_id("e-2"), [0; 32], (world.now - hour, world.now + hour * 24))],
    };
    let key = SigningKey::from_seed(key_id("s-1"), &seed("vwu", 1)).unwrap();
    let bulletin = authoring::bulletin("test", &draft, |kind, bytes| key.sign(kind, &[bytes]));
    let announced = world.releases[0].announce(&bulletin).unwrap();
    world.input(VWU, Input::Release(Arc::new(announced)));
    world.settle();
    assert_eq!(world.branch(MOH, "notices_fetched"), 1);
    // It asks for what it says it has lost.
    let mut forgot = world.last_status(VWU, MOH);
    forgot.number += 1_000;
    for outgoing in &mut forgot.outgoing {
        outgoing.return_from = 1;
    }
    for incoming in &mut forgot.incoming {
        incoming.receipt = None;
    }
    world.deliver(status(VWU, MOH, &forgot)).unwrap();
    world.send(MOH, VWU, "r2", b"waits").unwrap();
    world.send(MOH, HANOI, "r3", b"goes on").unwrap();
    world.settle();
    assert_eq!(world.effects(HANOI), ["goes on"]);
    assert_eq!(world.effects(VWU), Vec::<String>::new());
}

#[test]
fn revoking_an_own_key_again_and_again_has_no_others_agree_anew() {
    let mut world = World::open();
    world.send(MOH, HANOI, "r1", b"one").unwrap();
    world.queue.clear();
    let mut release = world.releases[0].announce(&bulletin(&world, 1, 2)).unwrap();
    for minutes in 1..20 {
        release = release.revoke(&revocation("e-2", world.now - SignedDuration::from_mins(minutes))).unwrap();
        world.input(MOH, Input::Release(Arc::new(release.clone())));
    }
    assert!(world.branch(MOH, "release_installed") >= 19);
    assert_eq!(world.branch(MOH, "reopened"), 0);
    world.settle();
    assert_eq!(world.effects(HANOI), ["one"]);
}

//! What cannot be believed takes no position, has no effect and gets no answer.

use nhipcau_messaging::{
    engine::AlarmKind::{Quarantined, UnknownSigner},
    envelope::wire,
    pae,
};
use prost::Message;

use crate::world::{HANOI, MOH, Parcel, VWU, World, signing};

fn sent(world: &mut World) -> Parcel {
    world.send(MOH, VWU, "r1", b"one").unwrap();
    let at = world.queue.iter().position(|parcel| !parcel.signal).unwrap();
    world.queue.remove(at).unwrap()
}

fn changed(parcel: &Parcel, change: impl FnOnce(&mut wire::Envelope)) -> Parcel {
    let mut bundle = wire::Bundle::decode(parcel.bytes.as_slice()).unwrap();
    change(&mut bundle.envelopes[0]);
    Parcel { bytes: bundle.encode_to_vec(), ..parcel.clone() }
}

fn is_disbelieved(world: &mut World, parcel: Parcel, reason: &str) {
    let to = parcel.to;
    let count = |world: &mut World| (world.quarantined(to).len(), world.alarms(to, Quarantined), world.effects(to));
    let (before, queue) = (count(world), world.queue.len());
    world.deliver(parcel).unwrap();
    assert_eq!(world.queue.len(), queue, "nothing is answered");
    assert_eq!(count(world), (before.0 + 1, before.1 + 1, before.2));
    assert_eq!(world.quarantined(to).last().unwrap(), reason);
}

/// Nothing was spoiled: neither the original nor another case.
fn still_arrives(world: &mut World, original: Parcel) {
    world.deliver(original).unwrap();
    assert_eq!(world.effects(VWU), ["one"]);
    world.send_in(MOH, VWU, "r2", b"other case", Some([8; 16])).unwrap();
    world.settle();
    assert_eq!(world.effects(VWU), ["one", "other case"]);
    assert_eq!(world.concluded(MOH), [0, 0]);
}

#[test]
fn a_flipped_bit_anywhere_is_not_believed_and_the_original_still_arrives() {
    let mut world = World::open();
    let parcel = sent(&mut world);
    is_disbelieved(&mut world, changed(&parcel, |e| e.parts[1][9] ^= 1), "parts_differ");
    is_disbelieved(&mut world, changed(&parcel, |e| e.manifest[9] ^= 1), "bad_signature");
    is_disbelieved(&mut world, changed(&parcel, |e| e.signature[9] ^= 1), "bad_signature");
    is_disbelieved(&mut world, changed(&parcel, |e| e.routing[12] ^= 1), "bad_signature");
    still_arrives(&mut world, parcel);
}

#[test]
fn truncated_and_foreign_bytes_are_not_believed_and_the_original_still_arrives() {
    let mut world = World::open();
    let parcel = sent(&mut world);
    let half = Parcel { bytes: parcel.bytes[..parcel.bytes.len() / 2].to_vec(), ..parcel.clone() };
    is_disbelieved(&mut world, half, "malformed");
    let server_made = br#"{"stream":"NC_VWU","seq":14}"#.to_vec();
    is_disbelieved(&mut world, Parcel { bytes: server_made, ..parcel.clone() }, "malformed");
    is_disbelieved(&mut world, changed(&parcel, |e| e.parts.clear()), "parts_differ");
    still_arrives(&mut world, parcel);
}

#[test]
fn an_envelope_for_another_or_under_anothers_subject_is_not_believed() {
    let mut world = World::open();
    let parcel = sent(&mut world);
    is_disbelieved(&mut world, Parcel { to: HANOI, ..parcel.clone() }, "misrouted");
    is_disbelieved(&mut world, Parcel { from: HANOI, ..parcel.clone() }, "misrouted");
    still_arrives(&mut world, parcel);
}

#[test]
fn a_signature_of_another_key_is_not_believed_and_the_original_still_arrives() {
    let mut world = World::open();
    let parcel = sent(&mut world);
    let forged = changed(&parcel, |e| e.signature = signing(HANOI).sign(pae::ENVELOPE, &[&e.routing, &e.manifest]));
    is_disbelieved(&mut world, forged, "bad_signature");
    still_arrives(&mut world, parcel);
}

#[test]
fn a_key_that_the_directory_does_not_know_is_told_to_a_person_and_the_original_still_arrives() {
    let mut world = World::open();
    let parcel = sent(&mut world);
    let unknown = changed(&parcel, |e| {
        let mut routing = wire::Routing::decode(e.routing.as_slice()).unwrap();
        routing.signing_key = "s-9".to_owned();
        e.routing = routing.encode_to_vec();
    });
    for _ in 0..3 {
        world.deliver(unknown.clone()).unwrap();
    }
    assert_eq!(world.quarantined(VWU), ["unknown_signer"; 3]);
    assert_eq!(world.alarms(VWU, UnknownSigner), 1, "not as often as the peer likes");
    assert!(world.effects(VWU).is_empty());
    still_arrives(&mut world, parcel);
}

#[test]
fn an_old_capture_played_again_does_nothing() {
    let mut world = World::open();
    for n in 0..3 {
        world.send(MOH, VWU, &format!("r{n}"), format!("{n}").as_bytes()).unwrap();
        world.settle();
    }
    let capture = world.seen.clone();
    world.restart(VWU, None);
    for parcel in capture {
        world.deliver(parcel).unwrap();
    }
    world.settle();
    assert_eq!(world.effects(VWU), ["0", "1", "2"]);
    assert_eq!(world.concluded(MOH), [0, 0, 0]);
    world.send(MOH, VWU, "r9", b"new").unwrap();
    world.settle();
    assert_eq!(world.effects(VWU).len(), 4);
}

//! What cannot be believed takes no position, has no effect and gets no answer.

use nhipcau_messaging::{engine::AlarmKind, envelope::wire};
use prost::Message;

use crate::world::{HANOI, MOH, Parcel, VWU, World};

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

fn is_disbelieved(world: &mut World, parcel: Parcel) {
    let before = world.queue.len();
    let to = parcel.to;
    world.deliver(parcel).unwrap();
    assert_eq!(world.queue.len(), before, "nothing is answered");
    assert!(world.alarmed(to, AlarmKind::Quarantined));
    assert!(world.effects(to).is_empty());
}

#[test]
fn a_flipped_bit_anywhere_is_not_believed_and_the_original_still_arrives() {
    let mut world = World::open();
    let parcel = sent(&mut world);
    is_disbelieved(&mut world, changed(&parcel, |e| e.parts[1][9] ^= 1));
    is_disbelieved(&mut world, changed(&parcel, |e| e.manifest[9] ^= 1));
    is_disbelieved(&mut world, changed(&parcel, |e| e.signature[9] ^= 1));
    is_disbelieved(&mut world, changed(&parcel, |e| e.routing[12] ^= 1));
    world.deliver(parcel).unwrap();
    assert_eq!(world.effects(VWU), ["one"]);
}

#[test]
fn truncated_and_foreign_bytes_are_not_believed() {
    let mut world = World::open();
    let parcel = sent(&mut world);
    let half = Parcel { bytes: parcel.bytes[..parcel.bytes.len() / 2].to_vec(), ..parcel.clone() };
    is_disbelieved(&mut world, half);
    let server_made = br#"{"stream":"NC_VWU","seq":14}"#.to_vec();
    is_disbelieved(&mut world, Parcel { bytes: server_made, ..parcel.clone() });
    is_disbelieved(&mut world, changed(&parcel, |e| e.parts.clear()));
}

#[test]
fn an_envelope_for_another_or_under_anothers_subject_is_not_believed() {
    let mut world = World::open();
    let parcel = sent(&mut world);
    is_disbelieved(&mut world, Parcel { to: HANOI, ..parcel.clone() });
    is_disbelieved(&mut world, Parcel { from: HANOI, ..parcel.clone() });
    world.deliver(parcel).unwrap();
    assert_eq!(world.effects(VWU), ["one"]);
}

#[test]
fn a_signature_of_another_key_is_not_believed() {
    use nhipcau_messaging::{crypto::sign::SigningKey, pae};
    let mut world = World::open();
    let parcel = sent(&mut world);
    let thief = SigningKey::from_seed("s-1".parse().unwrap(), &crate::world::seed("hanoi", 1)).unwrap();
    let forged = changed(&parcel, |e| e.signature = thief.sign(pae::ENVELOPE, &[&e.routing, &e.manifest]));
    is_disbelieved(&mut world, forged);
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

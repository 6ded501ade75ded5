//! An audit finds nothing in a store that is whole, whatever it has been through, and every row that was taken away or
//! changed.

use nhipcau_messaging::{
    audit::{Auditor, Counts, Fault, Finding, Place},
    crypto::{rest::RestKey, sign::SigningKey},
    envelope::{Rejected, wire},
    keys::KeyEncryptionKey,
    pae,
};
use prost::Message;

use crate::world::{HANOI, MOH, VWU, World, node_id, seed};

fn keks(node: usize) -> Vec<KeyEncryptionKey> {
    let id = "2026-11";
    vec![KeyEncryptionKey { id: id.to_owned(), key: RestKey::new(seed(&format!("{} {id}", node_id(node)), 4)) }]
}

fn audit_with(world: &mut World, node: usize, keks: Vec<KeyEncryptionKey>) -> (Counts, Vec<Finding>) {
    let (me, release) = (node_id(node), world.releases[2].clone());
    let auditor = Auditor::new(&me, &release, keks);
    let report = world.nodes[node].store.transaction(|tx| auditor.audit(tx)).unwrap();
    (report.counts, report.findings)
}

pub(crate) fn audit(world: &mut World, node: usize) -> Vec<Finding> {
    audit_with(world, node, keks(node)).1
}

/// Three messages from `moh` to `vwu`, each with a receipt of its own, one back, and two broadcasts.
fn exchanged() -> World {
    let mut world = World::open();
    for n in 0..3 {
        world.send(MOH, VWU, &format!("r{n}"), b"x").unwrap();
        world.settle();
    }
    world.send(VWU, MOH, "back", b"y").unwrap();
    world.broadcast(MOH, "all-1", b"z").unwrap();
    world.broadcast(MOH, "all-2", b"z").unwrap();
    world.settle();
    world
}

fn change(world: &mut World, node: usize, sql: &'static str) {
    let changed = world.nodes[node].store.transaction(|tx| tx.execute(sql, &[])).unwrap();
    assert!(changed > 0, "nothing changed by {sql}");
}

#[test]
fn a_whole_store_holds_and_all_of_it_was_looked_at() {
    let mut world = exchanged();
    let (counts, findings) = audit_with(&mut world, MOH, keks(MOH));
    assert_eq!(findings, []);
    assert_eq!((counts.sent, counts.received, counts.envelopes), (5, 1, 6));
    assert_eq!((counts.held, counts.issued, counts.unopened), (7, 1, 0));
    for node in [VWU, HANOI] {
        assert_eq!(audit(&mut world, node), []);
    }
}

#[test]
fn what_was_erased_skipped_refused_or_restored_still_holds() {
    let mut world = exchanged();
    let image = world.image(MOH);
    let case = [9; 16];
    world.send_in(MOH, VWU, "lost", b"one", Some(case)).unwrap();
    world.queue.clear();
    world.group(MOH, |engine, tx| engine.erase(&case, tx)).unwrap();
    world.settle();
    world.send_in(MOH, VWU, "kept", b"two", Some([8; 16])).unwrap();
    world.settle();
    world.group(VWU, |engine, tx| engine.erase(&[8; 16], tx)).unwrap();
    let (counts, findings) = audit_with(&mut world, VWU, keks(VWU));
    assert_eq!((findings, counts.erased), (vec![], 1));
    assert_eq!(audit(&mut world, MOH), []);
    world.restart(MOH, Some(&image));
    world.settle();
    assert_eq!(audit(&mut world, MOH), []);
    assert_eq!(audit(&mut world, VWU), []);
}

#[test]
fn every_row_taken_away_is_found_where_it_was() {
    for (node, sql, found) in [
        (MOH, "DELETE FROM sent WHERE recipient = 'vwu' AND sequence = 2", "moh → vwu messages, position 2: missing"),
        (MOH, "DELETE FROM sent WHERE recipient = 'vwu' AND sequence = 3", "names an envelope that is not here"),
        (MOH, "DELETE FROM sent WHERE recipient = 'all' AND sequence = 1", "moh → all bulk, position 1: missing"),
        (MOH, "DELETE FROM outbox WHERE serial = 1", "moh → vwu messages, position 1: its message is missing"),
        (VWU, "DELETE FROM received WHERE lane = 1 AND sequence = 1", "moh → vwu messages, position 1: missing"),
        (VWU, "DELETE FROM received WHERE lane = 1 AND sequence = 3", "names an envelope that is not here"),
        (VWU, "DELETE FROM received WHERE lane = 2 AND sequence = 2", "names an envelope that is not here"),
        (MOH, "DELETE FROM receipt_held WHERE issuer = 'vwu' AND lane = 1 AND number = 2", "of vwu: missing"),
        (MOH, "DELETE FROM receipt_held WHERE issuer = 'vwu' AND lane = 1 AND number = 3", "no receipt speaks of it"),
        (VWU, "DELETE FROM receipt_issued WHERE lane = 1 AND number = 1", "of vwu: missing"),
        (VWU, "DELETE FROM receipt_issued WHERE lane = 1 AND number = 3", "position 3: no receipt speaks of it"),
        (VWU, "DELETE FROM receipt_issued", "position 2: no receipt speaks of it"),
        (VWU, "DELETE FROM case_key", "the stored body does not open"),
    ] {
        let mut world = exchanged();
        change(&mut world, node, sql);
        let findings: Vec<_> = audit(&mut world, node).iter().map(ToString::to_string).collect();
        assert!(findings.iter().any(|finding| finding.contains(found)), "{sql}: {findings:?}");
    }
}

#[test]
fn every_byte_changed_is_found() {
    for (node, sql) in [
        (MOH, "UPDATE sent SET digest = zeroblob(32) WHERE recipient = 'vwu' AND sequence = 1"),
        (MOH, "UPDATE sent SET incarnation = incarnation + 1 WHERE recipient = 'all' AND sequence = 2"),
        (VWU, "UPDATE received SET id = zeroblob(16) WHERE lane = 1 AND sequence = 3"),
        (VWU, "UPDATE received SET outcome = 5 WHERE lane = 1 AND sequence = 2"),
        (MOH, "UPDATE receipt_held SET last_sequence = 9 WHERE number = 2"),
        (VWU, "UPDATE receipt_issued SET digest = zeroblob(32) WHERE number = 1"),
    ] {
        let mut world = exchanged();
        change(&mut world, node, sql);
        assert_ne!(audit(&mut world, node), [], "{sql}");
    }
}

#[test]
fn a_byte_changed_in_an_envelope_or_a_receipt_is_found() {
    for (node, read, write, at) in [
        (
            MOH,
            "SELECT envelope FROM sent WHERE recipient = 'vwu' AND lane = 1 AND sequence = 1",
            "UPDATE sent SET envelope = $1 WHERE recipient = 'vwu' AND lane = 1 AND sequence = 1",
            40,
        ),
        (
            MOH,
            "SELECT envelope FROM sent WHERE recipient = 'all' AND sequence = 1",
            "UPDATE sent SET envelope = $1 WHERE recipient = 'all' AND sequence = 1",
            40,
        ),
        (
            VWU,
            "SELECT envelope FROM received WHERE lane = 1 AND sequence = 1",
            "UPDATE received SET envelope = $1 WHERE lane = 1 AND sequence = 1",
            9,
        ),
        (
            MOH,
            "SELECT receipt FROM receipt_held WHERE issuer = 'vwu' AND lane = 1 AND number = 1",
            "UPDATE receipt_held SET receipt = $1 WHERE issuer = 'vwu' AND lane = 1 AND number = 1",
            20,
        ),
    ] {
        let mut world = exchanged();
        let mut bytes = world.rows(node, read, |row| row.blob(0)).remove(0);
        bytes[at] ^= 0xff;
        let changed = world.nodes[node].store.transaction(|tx| tx.execute(write, &[(&bytes).into()])).unwrap();
        assert_eq!(changed, 1, "{write}");
        assert_ne!(audit(&mut world, node), [], "{write}");
    }
}

#[test]
fn a_signature_of_another_key_is_found() {
    let mut world = exchanged();
    let stored =
        world.rows(VWU, "SELECT envelope FROM received WHERE recipient = 'all' AND sequence = 1", |row| row.blob(0));
    let mut envelope = wire::Envelope::decode(stored[0].as_slice()).unwrap();
    let thief = SigningKey::from_seed("s-1".parse().unwrap(), &seed("hanoi", 1)).unwrap();
    envelope.signature = thief.sign(pae::ENVELOPE, &[&envelope.routing, &envelope.manifest]);
    let forged = envelope.encode_to_vec();
    let replace = "UPDATE received SET envelope = $1 WHERE recipient = 'all' AND sequence = 1";
    world.nodes[VWU].store.transaction(|tx| tx.execute(replace, &[(&forged).into()])).unwrap();
    let findings = audit(&mut world, VWU);
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].place, Place::Positions(1, 1));
    assert_eq!(findings[0].fault, Fault::Envelope(Rejected::BadSignature));
}

#[test]
fn bodies_whose_key_is_not_at_hand_are_counted_and_the_rest_is_still_checked() {
    let mut world = exchanged();
    let (counts, findings) = audit_with(&mut world, VWU, Vec::new());
    assert_eq!((findings, counts.unopened, counts.envelopes), (vec![], 4, 2));
    change(&mut world, VWU, "DELETE FROM received WHERE lane = 1 AND sequence = 2");
    assert_ne!(audit_with(&mut world, VWU, Vec::new()).1, []);
}

//! What one message, one bundle and one broken broker may cost at most.

use nhipcau_messaging::{
    engine::{Kind, PublishResult, SubmitError},
    envelope::wire,
    message::{BlobRef, Draft, Lane},
};

use crate::world::{MOH, VWU, World, bundle};

/// The message is refused when it is submitted, and takes nothing that the next one needs.
fn is_refused_as_too_large(change: impl FnOnce(&mut Draft)) {
    let mut world = World::open();
    let refused = world.send_changed(MOH, VWU, "r1", change);
    assert!(matches!(refused, Err(SubmitError::TooLarge)), "{refused:?}");
    world.send(MOH, VWU, "r2", b"after").unwrap();
    world.settle();
    assert_eq!(world.effects(VWU), ["after"]);
    assert_eq!(world.branch(VWU, "quarantined"), 0);
}

#[test]
fn parts_that_fit_unpadded_and_not_padded_are_refused_when_they_are_submitted() {
    is_refused_as_too_large(|draft| draft.parts = vec![vec![1; 100_000], vec![2; 100_000]]);
}

#[test]
fn more_blobs_than_a_control_part_holds_are_refused_when_they_are_submitted() {
    for count in [7_000, 12_000] {
        let blob = BlobRef { digest: [7; 32], size_bytes: 1 << 40 };
        is_refused_as_too_large(|draft| draft.header.blobs = vec![blob; count]);
    }
}

#[test]
fn a_legal_basis_longer_than_an_envelope_is_refused_when_it_is_submitted() {
    is_refused_as_too_large(|draft| draft.header.legal_basis = "Luật ".repeat(100_000));
}

#[test]
fn the_largest_parts_that_fit_padded_arrive() {
    let mut world = World::open();
    world.send_changed(MOH, VWU, "r1", |draft| draft.parts = vec![vec![b'1'; 98_303]; 2]).unwrap();
    world.settle();
    assert_eq!(world.effects(VWU).len(), 1);
}

#[test]
fn a_bundle_of_empty_envelopes_costs_one_alarm() {
    let mut world = World::open();
    let flood = vec![wire::Envelope::default(); 100_000];
    let before = world.nodes[VWU].alarms.len();
    world.deliver(bundle(Kind::Lane(Lane::Messages), MOH, VWU, flood)).unwrap();
    assert_eq!(world.nodes[VWU].alarms.len() - before, 1);
}

#[test]
fn a_message_that_must_wait_for_a_newer_version_spends_few_positions() {
    let mut world = World::open();
    world.send_changed(MOH, VWU, "r1", |draft| draft.header.contract_minor = 9).unwrap();
    world.settle();
    let spent = world.rows(VWU, "SELECT 1 FROM received WHERE outcome = 1", |row| row.int(0)).len();
    assert!((1..4).contains(&spent), "{spent} positions in ten minutes");
}

#[test]
fn a_broker_that_does_not_answer_is_asked_less_and_less_often() {
    let mut world = World::open();
    for n in 0..20 {
        world.send(MOH, VWU, &format!("r{n}"), b"x").unwrap();
    }
    world.queue.clear();
    world.answer = PublishResult::Unknown;
    let before = world.published;
    world.pass_alone(MOH, 100);
    let asked = world.published - before;
    assert!(asked < 20, "{asked} times in 100 seconds");
    world.answer = PublishResult::Stored;
    world.settle();
    assert_eq!(world.effects(VWU).len(), 20);
}

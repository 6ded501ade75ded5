//! What one message, one bundle and one broken broker may cost at most.

use nhipcau_messaging::{
    engine::{Kind, PublishResult, SubmitError},
    envelope::wire,
    message::{BlobRef, Draft, Lane},
};

use crate::world::{MOH, NEWER_MINOR, Secrets, VWU, World, bundle, newer_contract};

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

/// A message that the recipient's program is too old for has no effect, spends few positions and holds nothing up; a
/// newer program takes it, once.
fn waits_for_a_newer_program(change: impl FnOnce(&mut Draft)) {
    let mut world = World::open();
    let change = |draft: &mut Draft| {
        draft.parts = vec![b"new".to_vec()];
        change(draft);
    };
    world.send_changed(MOH, VWU, "r1", change).unwrap();
    world.send_in(MOH, VWU, "r2", b"other case", Some([8; 16])).unwrap();
    world.settle();
    assert_eq!(world.effects(VWU), ["other case"]);
    assert_eq!(world.concluded(MOH), [0], "only the other one is over");
    let spent = world.rows(VWU, "SELECT 1 FROM received WHERE outcome = 1", |row| row.int(0)).len();
    assert!((1..4).contains(&spent), "{spent} positions in ten minutes");
    world.restart_with(VWU, None, &Secrets { newer: true, ..Secrets::default() });
    world.settle();
    assert_eq!(world.effects(VWU), ["other case", "new"]);
    assert_eq!(world.in_state(MOH, 2), 2, "both are receipted");
}

#[test]
fn a_message_under_a_newer_version_of_its_contract_waits_for_a_newer_program() {
    waits_for_a_newer_program(|draft| draft.header.contract_minor = NEWER_MINOR);
}

#[test]
fn a_message_of_a_contract_that_nobody_handles_waits_for_a_newer_program() {
    waits_for_a_newer_program(|draft| draft.header.contract = newer_contract());
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

#[test]
fn a_broker_that_is_silent_for_a_moment_is_asked_again_soon_however_much_was_under_way() {
    let mut world = World::open();
    (world.answer, world.is_late) = (PublishResult::Unknown, true);
    for n in 0..20 {
        world.send(MOH, VWU, &format!("r{n}"), b"x").unwrap();
    }
    world.answer_late();
    (world.answer, world.is_late) = (PublishResult::Stored, false);
    let before = world.published;
    world.pass_alone(MOH, 5);
    assert!(world.published > before, "nothing was tried in five seconds");
    world.settle();
    assert_eq!(world.effects(VWU).len(), 20);
}

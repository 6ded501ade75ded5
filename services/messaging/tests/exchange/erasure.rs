//! An erased case, and a retired key, take nothing else with them, whoever is rolled back afterwards.

use nhipcau_messaging::{
    engine::{Error, SubmitError},
    message::{Draft, RefusalReason},
    store,
};

use crate::world::{HANOI, MOH, NEWER_MINOR, Secrets, VWU, World};

const ERASED: [u8; 16] = [1; 16];
const OTHER: [u8; 16] = [2; 16];

#[test]
fn a_sender_rolled_back_opens_again_when_its_recipient_has_erased_the_case() {
    let mut world = World::open();
    let image = world.image(MOH);
    world.send_in(MOH, VWU, "r1", b"one", Some(ERASED)).unwrap();
    world.settle();
    world.group(VWU, |engine, tx| engine.erase(&ERASED, tx)).unwrap();
    world.restart(MOH, Some(&image));
    world.send_in(MOH, VWU, "r2", b"two", Some(OTHER)).unwrap();
    world.settle();
    assert!(world.nodes[MOH].engine.is_open());
    assert_eq!(world.effects(VWU), ["one", "two"]);
}

#[test]
fn a_recipient_rolled_back_goes_on_when_its_sender_has_erased_the_case() {
    let mut world = World::open();
    let image = world.image(VWU);
    world.send_in(MOH, VWU, "r1", b"one", Some(ERASED)).unwrap();
    world.settle();
    world.group(MOH, |engine, tx| engine.erase(&ERASED, tx)).unwrap();
    world.restart(VWU, Some(&image));
    world.settle();
    world.send_in(MOH, VWU, "r2", b"two", Some(OTHER)).unwrap();
    world.settle();
    assert_eq!(world.effects(VWU), ["two"]);
}

/// What its recipient gives back no longer says that it was a skip. The skip has spent the id.
#[test]
fn a_skip_that_was_erased_is_not_taken_for_its_message_when_a_sender_put_back_is_asked_again() {
    let mut world = World::open();
    let image = world.image(MOH);
    world.send_in(MOH, VWU, "r1", b"one", Some(ERASED)).unwrap();
    world.queue.clear();
    world.withdraw(MOH);
    world.group(MOH, |engine, tx| engine.recheck(&ERASED, tx)).unwrap();
    world.settle();
    assert!(world.branch(VWU, "skip_received") > 0 && world.effects(VWU).is_empty());
    world.group(VWU, |engine, tx| engine.erase(&ERASED, tx)).unwrap();
    world.restart(MOH, Some(&image));
    world.send_in(MOH, VWU, "r1", b"one", Some(ERASED)).unwrap();
    world.settle();
    assert!(world.effects(VWU).is_empty());
    assert_eq!(world.concluded(MOH), [RefusalReason::IdReused as i64]);
}

#[test]
fn zeros_name_no_case_because_they_stand_for_none() {
    let mut world = World::open();
    let refused = world.send_in(MOH, HANOI, "r1", b"hello", Some([0; 16]));
    assert!(matches!(refused, Err(SubmitError::Malformed)), "{refused:?}");
}

#[test]
fn what_is_stored_outlives_a_key_encryption_key_that_is_retired_after_an_overlap() {
    let mut world = World::open();
    world.send_in(MOH, VWU, "r1", b"of no case", None).unwrap();
    world.send(MOH, VWU, "r2", b"of a case").unwrap();
    world.queue.clear();
    world.restart_with(MOH, None, &Secrets { kek: &["2026-11", "2026-12"], ..Secrets::default() });
    world.pass_alone(MOH, 60);
    world.restart_with(MOH, None, &Secrets { kek: &["2026-12"], ..Secrets::default() });
    world.send_in(MOH, VWU, "r3", b"later", None).unwrap();
    world.settle();
    assert_eq!(world.effects(VWU), ["of no case", "of a case", "later"]);
}

#[test]
fn a_message_whose_case_is_erased_in_the_same_transaction_never_leaves() {
    let mut world = World::open();
    world.send_and_erase(MOH, VWU, ERASED).unwrap();
    world.send_in(MOH, VWU, "r2", b"other case", Some(OTHER)).unwrap();
    world.settle();
    assert_eq!(world.effects(VWU), ["other case"]);
}

#[test]
fn a_body_at_rest_opens_although_its_case_began_in_a_call_that_was_undone() {
    let mut world = World::open();
    let stored = world.group(MOH, |engine, tx| {
        let undone: Result<(), Error> = tx.savepoint(|tx| {
            engine.rest(Some(&OTHER), "row", b"1", b"undone", tx)?;
            Err(store::Error::Ended.into())
        });
        assert!(undone.is_err());
        Ok::<_, Error>(engine.rest(Some(&OTHER), "row", b"1", b"kept", tx)?)
    });
    let stored = stored.unwrap();
    let opened =
        world.group(MOH, |engine, tx| Ok::<_, Error>(engine.wake(Some(&OTHER), "row", b"1", Some(&stored), tx)?));
    assert_eq!(opened.unwrap().as_deref(), Some(b"kept".as_slice()));
}

#[test]
fn what_lies_of_an_erased_case_does_not_open_later_in_the_same_transaction() {
    let mut world = World::open();
    let opened = world.group(MOH, |engine, tx| {
        let stored = engine.rest(Some(&ERASED), "row", b"1", b"erase me", tx)?;
        engine.erase(&ERASED, tx)?;
        Ok::<_, Error>(engine.wake(Some(&ERASED), "row", b"1", Some(&stored), tx)?)
    });
    assert_eq!(opened.unwrap(), None);
}

/// A receipt that stated it as received would have a later copy of the store apply it without an agreement.
#[test]
fn what_was_refused_for_now_and_erased_since_is_not_stated_as_received() {
    let mut world = World::open();
    let before = world.image(VWU);
    let newer =
        |draft: &mut Draft| (draft.header.contract_minor, draft.header.correlation) = (NEWER_MINOR, Some(ERASED));
    world.send_changed(MOH, VWU, "r1", newer).unwrap();
    world.settle();
    world.group(MOH, |engine, tx| engine.erase(&ERASED, tx)).unwrap();
    world.restart(VWU, Some(&before));
    world.settle();
    let outcomes =
        world.rows(VWU, "SELECT outcome FROM received WHERE sender = 'moh' ORDER BY sequence", |row| row.int(0));
    assert_eq!(outcomes[0], RefusalReason::NotYet as i64, "{outcomes:?}");
}

//! Whether the same person turned to a switchboard before: found by pseudonyms of the party, told to a person who may
//! read content, and to nobody else.

use jiff::SignedDuration;
use nhipcau_domain::{
    id::{KeyId, PartyId},
    pseudonym::Identifier,
};
use nhipcau_messaging::SystemEntropy;
use nhipcau_proto::{
    referral::v1 as referral,
    switchboard::v1::{self as pb, contact_service_server::ContactService as _},
};
use nhipcau_runtime::keys::{add_pseudonym_key, pseudonym_keys};
use nhipcau_switchboard::verify_access;
use tonic::Code;

use crate::{deeds::*, world::*};

const ROWS: &str = "SELECT COUNT(*) FROM switchboard_pseudonym";

fn add_key(world: &World, name: &str) {
    let (party, id) = (PartyId::new("moh").unwrap(), KeyId::new(name).unwrap());
    add_pseudonym_key(world.keys.path(), &party, &id, &mut SystemEntropy).unwrap();
}

/// Somebody who is reached in this way.
fn reached(channel: referral::ContactChannel, detail: &str) -> pb::ContactDetails {
    let mut details = personal();
    details.identity.as_mut().unwrap().contact = Some(referral::SafeContact {
        channel: channel.into(),
        detail: detail.into(),
        hours: "ban ngày".into(),
        answerer: "bà".into(),
        message_allowed: false,
    });
    details
}

fn called(number: &str) -> pb::ContactDetails {
    reached(referral::ContactChannel::Call, number)
}

impl World {
    /// Records somebody a second later.
    async fn later(&self, details: pb::ContactDetails) -> pb::Contact {
        self.pass(SignedDuration::from_secs(1));
        self.record(details).await
    }

    /// The earlier contacts of one, as a person sees them who may read content.
    async fn earlier(&self, contact: &pb::Contact) -> Vec<String> {
        let request = pb::GetContactRequest {
            name: contact.name.clone(),
            view: referral::ReferralView::Full.into(),
            acting_person: "tv-3".into(),
        };
        let answer = self.nodes[MOH].door.get_contact(call(request, "moh")).await.unwrap();
        let contact = answer.into_inner().contact.unwrap();
        assert_eq!(contact.earlier_contact_count as usize, contact.earlier_contacts.len());
        contact.earlier_contacts
    }
}

#[tokio::test]
async fn who_calls_again_is_found_however_the_number_is_written_by_whoever_may_read_content() {
    let world = World::open().await;
    add_key(&world, "p-1");
    let first = world.later(called("0912 345 678")).await;
    let other = world.later(called("0912 345 679")).await;
    let text = world.later(reached(referral::ContactChannel::Text, "+84 912.345.678")).await;
    let again = world.later(called("0084912345678")).await;
    assert_eq!(world.earlier(&again).await, [text.name.clone(), first.name.clone()], "newest first");
    assert_eq!(world.earlier(&first).await, Vec::<String>::new(), "what came later is no earlier contact");
    assert_eq!(world.earlier(&other).await, Vec::<String>::new());
    let shown = world.get(&again).await;
    assert_eq!((shown.earlier_contact_count, shown.earlier_contacts.len()), (0, 0), "BASIC says nothing");
    let records = world.nodes[MOH].readers.read(|tx| verify_access(&point("moh"), tx)).await.unwrap().records;
    assert_eq!(records, 3, "each time an access record");
}

#[tokio::test]
async fn neither_a_number_nor_its_pseudonym_is_told_and_without_a_key_nothing_is_kept() {
    let mut world = World::open().await;
    let before = world.later(called("0912345678")).await;
    assert_eq!(world.count(MOH, ROWS).await, 0);
    add_key(&world, "p-1");
    let contact = world.later(called("0912345678")).await;
    assert_eq!((world.count(MOH, ROWS).await, world.earlier(&contact).await.len()), (1, 0));
    world.taken(&contact).await;
    let keys = pseudonym_keys(world.keys.path(), &PartyId::new("moh").unwrap()).unwrap();
    let pseudonym = keys[0].of(&Identifier::phone("0912345678").unwrap());
    assert!(world.has_bytes_on_disk(MOH, pseudonym.as_bytes()), "or this test would find nothing anywhere");
    assert!(!world.has_bytes_on_disk(HANOI, pseudonym.as_bytes()), "it never leaves the party");
    assert_eq!(world.count(HANOI, ROWS).await, 0);
    for node in [MOH, HANOI] {
        assert!(!world.has_on_disk(node, "912345678"));
    }
    assert_eq!(world.earlier(&before).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_new_key_records_and_the_one_before_it_still_finds() {
    let world = World::open().await;
    add_key(&world, "p-1");
    let first = world.later(called("0912345678")).await;
    add_key(&world, "p-2");
    let second = world.later(called("0912345678")).await;
    assert_eq!(world.earlier(&second).await, std::slice::from_ref(&first.name));
    // What is amended is recorded anew.
    world.amend(&first, pb::ContactDetails { narrative: personal().narrative, ..Default::default() }).await.unwrap();
    add_key(&world, "p-3");
    let third = world.later(called("0912345678")).await;
    assert_eq!(world.earlier(&third).await, [second.name, first.name]);
    add_key(&world, "p-4");
    add_key(&world, "p-5");
    assert_eq!(world.earlier(&third).await, Vec::<String>::new(), "keys that no longer count find nothing");
}

#[tokio::test]
async fn what_was_corrected_finds_nobody_and_what_was_erased_is_found_no_more() {
    let world = World::open().await;
    add_key(&world, "p-1");
    let first = world.later(called("0912345678")).await;
    let wrong = world.later(called("0987654321")).await;
    world.amend(&wrong, called("0912345678")).await.unwrap();
    let third = world.later(called("0987654321")).await;
    assert_eq!(world.earlier(&third).await, Vec::<String>::new());
    assert_eq!(world.earlier(&wrong).await, std::slice::from_ref(&first.name));
    let case = uuid::Uuid::try_parse(&first.case_uid).unwrap().into_bytes();
    let erase = move |tx: &mut nhipcau_messaging::store::Tx<'_>,
                      submitter: &mut nhipcau_messaging::writer::Submitter<'_>,
                      _| submitter.erase(&case, tx);
    world.nodes[MOH].handle().call(erase).await.unwrap();
    assert_eq!(world.earlier(&wrong).await, Vec::<String>::new());
    assert_eq!(world.count(MOH, ROWS).await, 2, "and its row is gone");
}

#[tokio::test]
async fn whoever_else_is_reached_is_no_caller_and_what_cannot_be_read_finds_nobody() {
    let world = World::open().await;
    add_key(&world, "p-1");
    for (channel, detail) in
        [(referral::ContactChannel::TrustedPerson, "0912345678"), (referral::ContactChannel::Call, "số của bà")]
    {
        world.later(reached(channel, detail)).await;
    }
    assert_eq!(world.count(MOH, ROWS).await, 0);
    let account = |detail| reached(referral::ContactChannel::Messaging, detail);
    let (one, number) = (world.later(account("an.nguyen")).await, world.later(called("0912345678")).await);
    let two = world.later(account(" an.nguyen ")).await;
    assert_eq!(world.earlier(&two).await, [one.name]);
    let by_number = world.later(account("0912345678")).await;
    assert_eq!(world.earlier(&by_number).await, [number.name], "an account that is a number is found by it");
}

#[tokio::test]
async fn a_key_that_cannot_be_read_keeps_no_call_from_being_recorded() {
    let world = World::open().await;
    add_key(&world, "p-1");
    std::fs::write(world.keys.path().join("pseudonym/moh/p-1.key"), "not a key").unwrap();
    let contact = world.later(called("0912345678")).await;
    assert_eq!(world.earlier(&contact).await, Vec::<String>::new());
    let roles = [nhipcau_runtime::caller::Role::ReadMetadata];
    let request = pb::GetContactRequest {
        name: contact.name,
        view: referral::ReferralView::Full.into(),
        acting_person: "tv-3".into(),
    };
    let refused = world.nodes[MOH].door.get_contact(call_as(request, "moh", &roles)).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn of_many_earlier_contacts_twenty_are_named_and_one_that_cannot_be_read_hides_none() {
    let world = World::open().await;
    add_key(&world, "p-1");
    for _ in 0..21 {
        world.later(called("0912345678")).await;
    }
    let spoil = "UPDATE switchboard_contact SET body = basic";
    world.nodes[MOH].handle().call(move |tx, _, _| tx.execute(spoil, &[]).map(drop)).await.unwrap();
    let last = world.later(called("0912345678")).await;
    let request = pb::GetContactRequest {
        name: last.name.clone(),
        view: referral::ReferralView::Full.into(),
        acting_person: "tv-3".into(),
    };
    let shown = world.nodes[MOH].door.get_contact(call(request, "moh")).await.unwrap().into_inner().contact.unwrap();
    assert_eq!((shown.earlier_contact_count, shown.earlier_contacts.len()), (21, 20), "more than twenty");
}

#[tokio::test]
async fn erasure_reaches_pseudonyms_that_nobody_looks_up_and_a_correction_those_whose_key_is_gone() {
    let mut world = World::open().await;
    add_key(&world, "p-1");
    let first = world.later(called("0912345678")).await;
    let second = world.later(called("0987654321")).await;
    let case = uuid::Uuid::try_parse(&first.case_uid).unwrap().into_bytes();
    let erase = move |tx: &mut nhipcau_messaging::store::Tx<'_>,
                      submitter: &mut nhipcau_messaging::writer::Submitter<'_>,
                      _| submitter.erase(&case, tx);
    world.nodes[MOH].handle().call(erase).await.unwrap();
    world.pass(SignedDuration::from_secs(2));
    world.settle_slowly().await;
    assert_eq!(world.count(MOH, ROWS).await, 1, "of what was erased nothing finds anybody");
    std::fs::write(world.keys.path().join("pseudonym/moh/p-1.key"), "not a key").unwrap();
    world.amend(&second, called("0911111111")).await.unwrap();
    assert_eq!(world.count(MOH, ROWS).await, 0, "what was corrected");
}

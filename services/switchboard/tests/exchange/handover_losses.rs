//! Hand-overs while processes end, messages come twice or in another order, stores are put back, and others lie.

use jiff::SignedDuration;
use nhipcau_domain::{
    handover::{Body, Draft as Entry, Event, Ids},
    id::{Purpose, SystemId, UnitId},
    referral::{Actor, Digest, PersonRef, Side, UnitRef},
};
use nhipcau_messaging::{
    message::{Address, Cause, Draft, Header, Lane, Recipient},
    pae,
};
use nhipcau_proto::{
    referral::v1::UnitRef as UnitRefWire,
    switchboard::v1::{
        self as pb, ContactState, HandoverState as S, contact_service_server::ContactService as _,
        handover_service_server::HandoverService as _,
    },
};
use uuid::Uuid;

use crate::{deeds::*, handovers::*, world::*};

#[tokio::test]
async fn a_crash_at_any_moment_loses_nothing_and_at_none_does_nobody_answer() {
    let mut world = World::open().await;
    let contact = world.record(personal()).await;
    let offered = world.offer(&contact).await;
    world.crash(MOH);
    world.settle().await;
    let theirs = world.seen(HANOI, &offered).await;
    world.accept(HANOI, &theirs).await.unwrap();
    world.crash(HANOI);
    // Whatever was sent before the crash is lost, and nobody knows how far the other is.
    world.silent = vec![MOH, HANOI];
    world.settle().await;
    assert_eq!(world.both(&offered).await, [(S::Offered, true), (S::Accepted, true)]);
    world.silent = vec![HANOI];
    world.settle_slowly().await;
    world.crash(MOH);
    world.silent.clear();
    world.settle_slowly().await;
    assert_eq!(world.both(&offered).await, [(S::Taken, false), (S::Taken, true)]);
    assert_eq!(world.get(&contact).await.state(), ContactState::HandedOver);
    assert!(world.told(HANOI, &offered).await.identity.is_some());
    let theirs = world.seen(HANOI, &offered).await;
    world.ask_back(HANOI, &theirs).await.unwrap();
    world.crash(HANOI);
    world.settle_slowly().await;
    let ours = world.seen(MOH, &offered).await;
    world.hand_back(MOH, &ours).await.unwrap();
    world.crash(MOH);
    world.settle_slowly().await;
    assert_eq!(world.both(&offered).await, [(S::HandedBack, true), (S::HandedBack, false)]);
    assert_eq!(world.get(&contact).await.state(), ContactState::Open);
    assert_eq!(world.count(HANOI, "SELECT COUNT(*) FROM switchboard_handover_part").await, 0);
}

#[tokio::test]
async fn what_comes_twice_and_the_last_first_ends_the_same() {
    let mut world = World::open().await;
    world.disorder = true;
    let contact = world.record(personal()).await;
    let theirs = world.taken(&contact).await;
    assert_eq!(theirs.state(), S::Taken);
    let mut ours = world.seen(MOH, &theirs).await;
    for _ in 0..3 {
        ours = world.note(&ours, more()).await.unwrap();
    }
    world.settle_slowly().await;
    assert_eq!(world.seen(HANOI, &theirs).await.etag, ours.etag);
    let events = "SELECT COUNT(*) FROM switchboard_handover_event";
    assert_eq!((world.count(MOH, events).await, world.count(HANOI, events).await), (6, 6));
}

#[tokio::test]
async fn an_origin_whose_older_store_is_put_back_knows_again_that_the_contact_is_taken() {
    let mut world = World::open().await;
    let contact = world.record(personal()).await;
    let offered = world.offer(&contact).await;
    world.settle().await;
    let copy = world.copy(MOH);
    world.settle().await;
    let theirs = world.seen(HANOI, &offered).await;
    world.accept(HANOI, &theirs).await.unwrap();
    world.settle().await;
    world.put_back(MOH, &copy);
    world.settle_slowly().await;
    assert_eq!(world.both(&offered).await, [(S::Taken, false), (S::Taken, true)]);
    assert_eq!(world.get(&contact).await.state(), ContactState::HandedOver);
    // And before it was offered.
    let mut world = World::open().await;
    let contact = world.record(personal()).await;
    let copy = world.copy(MOH);
    world.settle().await;
    let theirs = world.taken(&contact).await;
    world.put_back(MOH, &copy);
    world.settle_slowly().await;
    assert_eq!(world.both(&theirs).await, [(S::Taken, false), (S::Taken, true)]);
    assert_eq!(world.get(&contact).await.state(), ContactState::HandedOver);
    let ours = world.seen(MOH, &theirs).await;
    world.note(&ours, more()).await.unwrap();
    world.settle_slowly().await;
    assert!(world.told(HANOI, &theirs).await.narrative.is_some());
}

#[tokio::test]
async fn a_recipient_whose_older_store_is_put_back_answers_again() {
    let mut world = World::open().await;
    let contact = world.record(personal()).await;
    let copy = world.copy(HANOI);
    world.settle().await;
    let theirs = world.taken(&contact).await;
    world.put_back(HANOI, &copy);
    world.settle_slowly().await;
    assert_eq!(world.both(&theirs).await, [(S::Taken, false), (S::Taken, true)]);
    assert!(world.told(HANOI, &theirs).await.identity.is_some());
    let theirs = world.seen(HANOI, &theirs).await;
    world.ask_back(HANOI, &theirs).await.unwrap();
    world.settle_slowly().await;
    assert!(world.seen(MOH, &theirs).await.hand_back_reason != 0);
}

#[tokio::test]
async fn an_acceptance_that_cannot_be_followed_at_once_is_followed_later() {
    let mut world = World::open().await;
    let contact = world.record(personal()).await;
    let offered = world.offer(&contact).await;
    world.settle().await;
    let agreements = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let kept = std::sync::Arc::clone(&agreements);
    // The recipient may still answer, and is told nothing more.
    world
        .amend_release(move |wire| {
            kept.lock().unwrap().clone_from(&wire.agreements);
            wire.agreements.retain(|agreement| {
                (agreement.sender_party.as_str(), agreement.recipient_party.as_str()) != ("moh", "hanoi")
            });
        })
        .await;
    let theirs = world.seen(HANOI, &offered).await;
    world.accept(HANOI, &theirs).await.unwrap();
    world.settle().await;
    assert_eq!(world.both(&offered).await, [(S::Accepted, true), (S::Accepted, true)]);
    assert_ne!(world.get(&contact).await.state(), ContactState::HandedOver);
    world.amend_release(move |wire| wire.agreements.clone_from(&agreements.lock().unwrap())).await;
    // As if it had been put off by a clock that was ahead.
    world.execute("UPDATE switchboard_handover SET due_time = 9000000000000000 WHERE due_time IS NOT NULL").await;
    world.pass(SignedDuration::from_mins(2));
    world.settle_slowly().await;
    assert_eq!(world.both(&offered).await, [(S::Taken, false), (S::Taken, true)]);
    assert_eq!(world.get(&contact).await.state(), ContactState::HandedOver);
}

/// The thread of a hand-over's messages.
fn thread(uid: &str) -> [u8; 16] {
    let uid = Uuid::parse_str(uid).unwrap();
    let digest = pae::sha256(&pae::pae(&[b"nhipcau/1/handover-thread".as_slice(), uid.as_bytes()]));
    uuid::Builder::from_custom_bytes(digest[..16].try_into().unwrap()).into_uuid().into_bytes()
}

/// Whoever offers makes up the uid, perhaps that of a case: what lies under that name is not erased with the hand-over.
#[tokio::test]
async fn nothing_of_a_hand_over_lies_under_a_name_that_its_origin_chose() {
    let mut world = World::open().await;
    let contact = world.record(personal()).await;
    let offered = world.offer(&contact).await;
    world.settle().await;
    for table in ["received", "sent", "outbox", "case_key"] {
        let sql = format!(
            "SELECT COUNT(*) FROM {table} JOIN switchboard_handover h ON {table}.correlation = h.handover WHERE h.holder = 2"
        );
        let sql: &'static str = Box::leak(sql.into_boxed_str());
        assert_eq!(world.count(HANOI, sql).await, 0, "{table}");
    }
    assert_ne!(thread(&offered.uid), Uuid::parse_str(&offered.uid).unwrap().into_bytes());
}

/// Also while the agreement by which it was offered is gone, and the other side hears of it once it is back.
#[tokio::test]
async fn an_offer_is_taken_back_whatever_the_directory_says() {
    let mut world = World::open().await;
    let contact = world.record(personal()).await;
    let offered = world.offer(&contact).await;
    world.settle().await;
    let agreements = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let kept = std::sync::Arc::clone(&agreements);
    world
        .amend_release(move |wire| {
            kept.lock().unwrap().clone_from(&wire.agreements);
            wire.agreements.retain(|agreement| {
                (agreement.sender_party.as_str(), agreement.recipient_party.as_str()) != ("moh", "hanoi")
            });
        })
        .await;
    let ours = world.seen(MOH, &offered).await;
    world.withdraw(MOH, &ours).await.unwrap();
    assert_eq!(world.seen(MOH, &offered).await.state(), S::Withdrawn);
    let contact = world.get(&contact).await;
    assert_eq!(world.close(&contact).await.unwrap().state(), ContactState::Closed, "it is free again");
    world.amend_release(move |wire| wire.agreements.clone_from(&agreements.lock().unwrap())).await;
    world.pass(SignedDuration::from_mins(2));
    world.settle_slowly().await;
    assert_eq!(world.both(&offered).await, [(S::Withdrawn, true), (S::Withdrawn, false)]);
}

/// An acceptance of another unit than the one that was asked.
fn forged(offered: &pb::Handover, owner: &UnitRef, seen: Option<nhipcau_domain::referral::Mark>) -> Vec<u8> {
    let uid = |text: &str| Uuid::parse_str(text).unwrap();
    let actor = Actor { system: SystemId::new("hotline").unwrap(), person: PersonRef::new(OTHER).ok() };
    let draft = Entry {
        ids: Ids { case: uid(&offered.case_uid), contact: uid(&offered.contact_uid), handover: uid(&offered.uid) },
        side: Side::Recipient,
        owner: owner.clone(),
        counterpart: UnitRef { party: party("moh"), unit: UnitId::new("111").unwrap() },
        ordinal: 1,
        previous: Digest::ZERO,
        seen,
        time: "2026-11-23T08:01:00Z".parse().unwrap(),
        actor,
        basis: None,
        parts: Vec::new(),
        body: Body::HandoverAccepted,
    };
    Event::write(draft).1
}

#[tokio::test]
async fn an_acceptance_of_a_unit_that_was_not_asked_is_refused_and_discloses_nothing() {
    let mut world = World::open().await;
    let contact = world.record(personal()).await;
    let offered = world.offer(&contact).await;
    world.settle().await;
    let owner = UnitRef { party: party("hanoi"), unit: UnitId::new("ba-dinh").unwrap() };
    let bytes = forged(&offered, &owner, None);
    let address = |unit: &UnitRef| Address { party: unit.party.clone(), unit: Some(unit.unit.clone()) };
    let origin = UnitRef { party: party("moh"), unit: UnitId::new("111").unwrap() };
    let draft = Draft {
        header: Header {
            message: "nhipcau.switchboard.v1.SwitchboardEvent".into(),
            contract: contract(),
            contract_minor: 0,
            sender: address(&owner),
            recipient: Some(address(&origin)),
            purpose: Purpose::new(PURPOSE).unwrap(),
            legal_basis: String::new(),
            correlation: Some(thread(&offered.uid)),
            kind: String::new(),
            corrected: None,
            traceparent: String::new(),
            blobs: Vec::new(),
        },
        recipient: Recipient::One(point("moh")),
        lane: Lane::Messages,
        parts: vec![bytes.clone()],
        cause: Cause::Timer("forged".into()),
        ordinal: 0,
    };
    let handle = world.nodes[HANOI].handle();
    // What a faulty service keeps in its own log.
    let kept = handle.call(move |tx, submitter, _| {
        let id = submitter.submit(draft, tx).map_err(|error| error.to_string())?;
        let sql = "INSERT INTO switchboard_handover_event (handover, holder, side, ordinal, bytes, message, carried) \
                   VALUES ($1, 2, 2, 7, $2, $3, 1)";
        tx.execute(sql, &[(&[0; 16]).into(), (&bytes).into(), (&id.0).into()]).map_err(|error| error.to_string())
    });
    kept.await.unwrap();
    world.settle().await;
    let outcome = "SELECT outcome FROM switchboard_handover_event WHERE ordinal = 7";
    assert!(world.count(HANOI, outcome).await > 0, "it was refused for good");
    assert_eq!(world.seen(MOH, &offered).await.state(), S::Offered);
    let later = "SELECT COUNT(*) FROM switchboard_handover_part WHERE part <> 1";
    assert_eq!((world.count(MOH, later).await, world.count(HANOI, later).await), (0, 0));
}

#[tokio::test]
async fn between_units_of_one_access_point_the_end_takes_nothing_from_the_one_that_goes_on() {
    let mut world = World::open().await;
    let unit = |name: &str| Some(UnitRefWire { party: "hanoi".into(), unit: name.into() });
    let door = world.nodes[HANOI].door.clone();
    let recorded = pb::RecordContactRequest { unit: unit("health"), ..recording(personal()) };
    let recorded = door.record_contact(call(recorded, "hanoi")).await.unwrap().into_inner().contact.unwrap();
    let offer = pb::OfferHandoverRequest { recipient: unit("ba-dinh"), ..offering(&recorded) };
    let offered = door.offer_handover(call(offer, "hanoi")).await.unwrap().into_inner().handover.unwrap();
    world.settle().await;
    world.accept(HANOI, &world.seen(HANOI, &offered).await).await.unwrap();
    world.settle().await;
    assert!(world.told(HANOI, &offered).await.identity.is_some());
    world.ask_back(HANOI, &world.seen(HANOI, &offered).await).await.unwrap();
    world.settle().await;
    world.hand_back(HANOI, &world.seen(HANOI, &offered).await).await.unwrap();
    world.settle_slowly().await;
    let ended = world.seen(HANOI, &offered).await;
    assert_eq!((ended.state(), ended.answering), (S::HandedBack, false), "the recipient's side is shown");
    let held = "SELECT COUNT(*) FROM switchboard_handover_part WHERE holder = 2";
    assert_eq!(world.count(HANOI, held).await, 0);
    let full = pb::GetContactRequest {
        name: recorded.name.clone(),
        view: nhipcau_proto::referral::v1::ReferralView::Full.into(),
        acting_person: OTHER.into(),
    };
    let contact = door.get_contact(call(full, "hanoi")).await.unwrap().into_inner().contact.unwrap();
    assert_eq!(contact.state(), ContactState::Open);
    assert_eq!(contact.details.unwrap().identity.unwrap().full_name.unwrap().value, CHILD);
}

#[tokio::test]
async fn an_offer_whose_basis_ended_before_it_was_signed_arrives_without_its_content() {
    use nhipcau_proto::referral::v1 as referral;
    let mut world = World::open().await;
    let contact = world.record(personal()).await;
    let time = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    // It ends ten minutes after these tests begin.
    let begun: jiff::Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
    let consent = referral::Consent {
        giver: referral::ConsentGiver::Mother.into(),
        scopes: vec![referral::ConsentScope::Services.into()],
        consent_time: time(begun.as_second() - 60),
        expire_time: time(begun.as_second() + 600),
    };
    let basis = referral::LawfulBasis { consent: Some(consent), ..Default::default() };
    // After a start nothing is signed before the other side is heard.
    world.silent = vec![MOH, HANOI];
    world.crash(MOH);
    let request = pb::OfferHandoverRequest { lawful_basis: Some(basis), ..offering(&contact) };
    let offered = world.try_offer(&request).await.unwrap().handover.unwrap();
    world.pass(SignedDuration::from_mins(11));
    world.silent.clear();
    world.settle_slowly().await;
    assert_eq!(world.both(&offered).await, [(S::Offered, true), (S::Offered, false)]);
    assert_eq!(world.told(HANOI, &offered).await, referral::ReferralContent::default());
    // It can be accepted all the same: somebody waits. Nothing more is told.
    let theirs = world.seen(HANOI, &offered).await;
    world.accept(HANOI, &theirs).await.unwrap();
    world.settle_slowly().await;
    assert_eq!(world.both(&offered).await, [(S::Taken, false), (S::Taken, true)]);
    assert_eq!(world.told(HANOI, &offered).await, referral::ReferralContent::default());
}

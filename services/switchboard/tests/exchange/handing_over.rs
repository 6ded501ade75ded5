//! A contact is handed to another switchboard while somebody waits, and back: what each side sees and may do.

use nhipcau_domain::reason;
use nhipcau_proto::{
    referral::v1 as referral,
    switchboard::v1::{
        self as pb, AskedField, ContactState, HandoverState as S, handover_service_server::HandoverService as _,
    },
};
use nhipcau_runtime::caller::Role;
use nhipcau_switchboard::verify_access;
use tonic::Code;

use crate::{deeds::*, handovers::*, world::*};

const PARTS: &str = "SELECT COUNT(*) FROM switchboard_handover_part";
const LATER_PARTS: &str = "SELECT COUNT(*) FROM switchboard_handover_part WHERE part <> 1";
const EVENTS: &str = "SELECT COUNT(*) FROM switchboard_handover_event";

#[tokio::test]
async fn a_contact_goes_to_another_switchboard_and_back_and_nobody_is_asked_twice() {
    let mut world = World::open().await;
    let contact = world.record(personal()).await;
    let offered = world.offer(&contact).await;
    assert_eq!((offered.state(), offered.answering, offered.waiting), (S::Offered, true, true));
    world.settle().await;
    let theirs = world.seen(HANOI, &offered).await;
    assert_eq!((theirs.state(), theirs.answering, &theirs.case_uid), (S::Offered, false, &contact.case_uid));
    assert!(theirs.asked().any(|field| field == AskedField::FullName) && theirs.content.is_none());
    let told = world.told(HANOI, &offered).await;
    assert!(told.preview.is_some() && told.identity.is_none() && told.narrative.is_none());
    for node in [MOH, HANOI] {
        assert_eq!(world.count(node, LATER_PARTS).await, 0, "nothing of the later tier is there before");
    }
    // What was learned while they waited goes along.
    let unknown = pb::ContactDetails { identity: personal().identity, ..Default::default() };
    world.amend(&contact, unknown).await.unwrap();
    world.accept(HANOI, &theirs).await.unwrap();
    assert_eq!(world.both(&offered).await, [(S::Offered, true), (S::Accepted, true)]);
    assert_eq!(world.count(MOH, LATER_PARTS).await, 0, "an acceptance that is not stored discloses nothing");
    world.settle().await;
    assert_eq!(world.both(&offered).await, [(S::Taken, false), (S::Taken, true)]);
    assert_eq!(world.get(&contact).await.state(), ContactState::HandedOver);
    let told = world.told(HANOI, &offered).await;
    assert_eq!(told.identity.unwrap().full_name.unwrap().value, CHILD);
    assert_eq!(told.narrative.unwrap().condition.unwrap().value, STORY);
    let records = world.nodes[HANOI].readers.read(|tx| verify_access(&point("hanoi"), tx)).await.unwrap().records;
    assert_eq!(records, 2, "a record for each that was shown");
    // And back.
    let theirs = world.seen(HANOI, &offered).await;
    let asked = world.ask_back(HANOI, &theirs).await.unwrap();
    assert_eq!((asked.state(), asked.answering), (S::Taken, true));
    world.settle().await;
    let ours = world.seen(MOH, &offered).await;
    assert_eq!(ours.hand_back_reason(), referral::HandBackReason::NotCompetent);
    world.hand_back(MOH, &ours).await.unwrap();
    assert_eq!(world.both(&offered).await, [(S::HandedBack, true), (S::Taken, true)]);
    world.settle().await;
    assert_eq!(world.both(&offered).await, [(S::HandedBack, true), (S::HandedBack, false)]);
    assert_eq!(world.get(&contact).await.state(), ContactState::Open);
    assert_eq!(world.told(HANOI, &offered).await, referral::ReferralContent::default());
    assert_eq!((world.count(HANOI, PARTS).await, world.count(HANOI, EVENTS).await), (0, 5), "what happened stays");
    for word in [CHILD, STORY] {
        assert!(!world.has_on_disk(HANOI, word) && !world.has_on_disk(MOH, word), "{word}");
    }
}

#[tokio::test]
async fn who_is_declined_keeps_the_contact_and_who_declines_keeps_nothing() {
    let mut world = World::open().await;
    let contact = world.record(personal()).await;
    let offered = world.offer(&contact).await;
    world.settle().await;
    assert_eq!(world.count(HANOI, PARTS).await, 1);
    let theirs = world.seen(HANOI, &offered).await;
    let declined = world.decline(HANOI, &theirs).await.unwrap();
    assert_eq!((declined.state(), declined.decline_code()), (S::Declined, referral::RejectionCode::NoCapacity));
    assert_eq!(world.count(HANOI, PARTS).await, 0);
    world.settle().await;
    assert_eq!(world.both(&offered).await, [(S::Declined, true), (S::Declined, false)]);
    assert!(!world.seen(HANOI, &offered).await.under_way, "that it declined arrived before its key went");
    // It may be offered again.
    let again = world.offer(&world.get(&contact).await).await;
    assert_ne!(again.uid, offered.uid);
}

#[tokio::test]
async fn a_withdrawal_wins_over_an_acceptance_that_it_crosses() {
    let mut world = World::open().await;
    let contact = world.record(personal()).await;
    let offered = world.offer(&contact).await;
    world.settle().await;
    let theirs = world.seen(HANOI, &offered).await;
    world.accept(HANOI, &theirs).await.unwrap();
    let ours = world.seen(MOH, &offered).await;
    world.withdraw(MOH, &ours).await.unwrap();
    assert_eq!(world.both(&offered).await, [(S::Withdrawn, true), (S::Accepted, true)]);
    world.settle().await;
    assert_eq!(world.both(&offered).await, [(S::Withdrawn, true), (S::Withdrawn, false)]);
    assert_eq!((world.count(HANOI, PARTS).await, world.count(MOH, LATER_PARTS).await), (0, 0));
    assert_eq!(world.get(&contact).await.state(), ContactState::Open);
}

#[tokio::test]
async fn an_offer_that_is_withdrawn_on_its_way_leaves_nothing() {
    let mut world = World::open().await;
    let contact = world.record(personal()).await;
    let offered = world.offer(&contact).await;
    world.withdraw(MOH, &offered).await.unwrap();
    world.settle_slowly().await;
    assert_eq!(world.both(&offered).await, [(S::Withdrawn, true), (S::Withdrawn, false)]);
    assert_eq!(world.told(HANOI, &offered).await, referral::ReferralContent::default());
}

#[tokio::test]
async fn what_is_offered_is_neither_sent_closed_nor_offered_again() {
    let mut world = World::open().await;
    let contact = world.record(personal()).await;
    let request = offering(&contact);
    let offered = world.try_offer(&request).await.unwrap().handover.unwrap();
    let held = (Code::FailedPrecondition, reason::CONTACT_OFFERED.to_owned());
    assert_eq!(refusal(&world.send(&sending(&contact)).await.unwrap_err()), held);
    assert_eq!(refusal(&world.close(&contact).await.unwrap_err()), held);
    assert_eq!(refusal(&world.try_offer(&offering(&contact)).await.unwrap_err()), held);
    let again = world.try_offer(&request).await.unwrap();
    assert!(again.replayed && again.handover.unwrap().uid == offered.uid);
    let other = pb::OfferHandoverRequest { waiting: false, ..request.clone() };
    assert_eq!(refusal(&world.try_offer(&other).await.unwrap_err()).1, reason::REQUEST_ID_REUSED);
    world.settle().await;
    world.withdraw(MOH, &world.seen(MOH, &offered).await).await.unwrap();
    world.close(&contact).await.unwrap();
    // A contact that is being sent is not offered.
    let second = world.record(personal()).await;
    world.nodes[MOH].told.lock().unwrap().silent = true;
    let sent = world.send(&sending(&second)).await.unwrap().contact.unwrap();
    let refused = world.try_offer(&offering(&sent)).await.unwrap_err();
    assert_eq!(refusal(&refused).1, reason::CONTACT_BEING_SENT);
}

#[tokio::test]
async fn what_the_rules_and_the_directory_do_not_allow_is_refused() {
    let mut world = World::open().await;
    let contact = world.record(personal()).await;
    let valid = offering(&contact);
    let to = |party: &str, unit: &str| Some(referral::UnitRef { party: party.into(), unit: unit.into() });
    for (request, expected) in [
        (pb::OfferHandoverRequest { recipient: to("hanoi", "nobody"), ..valid.clone() }, reason::NOT_HOSTED),
        (pb::OfferHandoverRequest { purpose: "other".into(), ..valid.clone() }, reason::NOT_AGREED),
        (pb::OfferHandoverRequest { recipient: to("moh", "111"), ..valid.clone() }, reason::REQUEST_INVALID),
        (pb::OfferHandoverRequest { etag: "7".into(), ..valid.clone() }, reason::ETAG_STALE),
        (pb::OfferHandoverRequest { lawful_basis: Some(Default::default()), ..valid.clone() }, reason::REQUEST_INVALID),
    ] {
        let refused = world.try_offer(&pb::OfferHandoverRequest { request_id: request_id(), ..request }).await;
        assert_eq!(refusal(&refused.unwrap_err()).1, expected);
    }
    let nobody = pb::OfferHandoverRequest { acting_person: String::new(), ..valid.clone() };
    assert_eq!(world.try_offer(&nobody).await.unwrap_err().code(), Code::InvalidArgument);
    let trial = pb::OfferHandoverRequest { validate_only: true, ..valid };
    assert_eq!(world.try_offer(&trial).await.unwrap().handover, None);
    assert_eq!(world.count(MOH, EVENTS).await, 0);
    let theirs = world.taken(&contact).await;
    let ours = world.seen(MOH, &theirs).await;
    let wrong = (Code::FailedPrecondition, reason::WRONG_STATE.to_owned());
    assert_eq!(refusal(&world.accept(HANOI, &theirs).await.unwrap_err()), wrong);
    assert_eq!(refusal(&world.decline(HANOI, &theirs).await.unwrap_err()), wrong);
    assert_eq!(refusal(&world.withdraw(MOH, &ours).await.unwrap_err()), wrong);
    assert_eq!(refusal(&world.hand_back(MOH, &ours).await.unwrap_err()).1, reason::NO_HAND_BACK_REQUESTED);
    let asked = world.ask_back(HANOI, &theirs).await.unwrap();
    assert_eq!(refusal(&world.ask_back(HANOI, &theirs).await.unwrap_err()), (Code::Aborted, reason::ETAG_STALE.into()));
    assert_eq!(refusal(&world.ask_back(HANOI, &asked).await.unwrap_err()).1, reason::HAND_BACK_REQUESTED);
}

#[tokio::test]
async fn only_the_side_whose_it_is_decides_and_nobody_else_learns_that_there_is_a_handover() {
    let mut world = World::open().await;
    let contact = world.record(personal()).await;
    let offered = world.offer(&contact).await;
    world.settle().await;
    let theirs = world.seen(HANOI, &offered).await;
    let denied = (Code::PermissionDenied, reason::ACCESS_DENIED.to_owned());
    // The origin does not accept its own offer, nor the recipient withdraw it.
    assert_eq!(refusal(&world.accept(MOH, &offered).await.unwrap_err()), denied);
    assert_eq!(refusal(&world.withdraw(HANOI, &theirs).await.unwrap_err()), denied);
    // Another party's name, at the same door.
    assert_eq!(refusal(&world.accept(HANOI, &offered).await.unwrap_err()), denied);
    let unknown = pb::Handover { uid: request_id(), ..theirs.clone() };
    assert_eq!(refusal(&world.look(HANOI, &unknown).await.unwrap_err()), denied);
    let accept = pb::AcceptHandoverRequest {
        request_id: request_id(),
        name: theirs.name.clone(),
        etag: theirs.etag.clone(),
        acting_person: OTHER.into(),
        ..Default::default()
    };
    let door = &world.nodes[HANOI].door;
    let roles = [Role::Submit, Role::ReadMetadata];
    let refused = door.accept_handover(call_as(accept, "hanoi", &roles)).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::PermissionDenied, reason::ROLE_MISSING.into()));
    let full = referral::ReferralView::Full.into();
    let get = pb::GetHandoverRequest { name: theirs.name.clone(), view: full, acting_person: OTHER.into() };
    let refused = door.get_handover(call_as(get, "hanoi", &roles)).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::PermissionDenied, reason::ROLE_MISSING.into()));
    assert_eq!(world.count(HANOI, "SELECT COUNT(*) FROM switchboard_access").await, 0, "nobody was shown anything");
}

#[tokio::test]
async fn a_note_tells_the_preview_before_and_everything_after_and_there_are_not_too_many() {
    let mut world = World::open().await;
    let contact = world.record(placed()).await;
    let offered = world.offer(&contact).await;
    let refused = world.note(&offered, more()).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::FailedPrecondition, reason::DISCLOSURE_TOO_EARLY.into()));
    assert_eq!(world.count(MOH, LATER_PARTS).await, 0);
    world.settle().await;
    let theirs = world.seen(HANOI, &offered).await;
    world.accept(HANOI, &theirs).await.unwrap();
    world.settle().await;
    let mut ours = world.note(&world.seen(MOH, &offered).await, more()).await.unwrap();
    world.settle().await;
    assert_eq!(world.told(HANOI, &offered).await.narrative.unwrap().condition.unwrap().value, STORY);
    let refused = loop {
        match world.note(&ours, more()).await {
            Ok(next) => ours = next,
            Err(refused) => break refused,
        }
    };
    assert_eq!((refusal(&refused).1, ours.etag.as_str()), (reason::TOO_MANY.to_owned(), "100.1"));
    world.settle_slowly().await;
    assert_eq!(world.seen(HANOI, &offered).await.etag, "100.1");
}

#[tokio::test]
async fn hand_overs_are_listed_newest_first_on_either_side() {
    let mut world = World::open().await;
    let mut offered = Vec::new();
    for _ in 0..3 {
        let contact = world.record(placed()).await;
        offered.insert(0, world.offer(&contact).await.uid);
        world.settle().await;
    }
    for node in [MOH, HANOI] {
        let door = &world.nodes[node].door;
        let parent = format!("parties/{}", NAMES[node]);
        let mut request = pb::ListHandoversRequest { parent, page_size: 2, ..Default::default() };
        let page = door.list_handovers(call(request.clone(), NAMES[node])).await.unwrap().into_inner();
        request.page_token = page.next_page_token;
        let last = door.list_handovers(call(request.clone(), NAMES[node])).await.unwrap().into_inner();
        let listed: Vec<_> = page.handovers.iter().chain(&last.handovers).map(|one| one.uid.clone()).collect();
        assert_eq!((listed, last.next_page_token.as_str()), (offered.clone(), ""));
        request.states = vec![S::Taken.into()];
        let refused = door.list_handovers(call(request.clone(), NAMES[node])).await.unwrap_err();
        assert_eq!(refusal(&refused).1, reason::PAGE_TOKEN_INVALID);
        request.page_token.clear();
        assert!(door.list_handovers(call(request, NAMES[node])).await.unwrap().into_inner().handovers.is_empty());
    }
}

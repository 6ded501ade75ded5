//! Who reads a contact, and what lies where: content under the key of the case, and a record of everyone who saw it.

use nhipcau_domain::reason;
use nhipcau_proto::{
    referral::v1::ReferralView,
    switchboard::v1::{self as pb, ContactState, contact_service_server::ContactService as _},
};
use nhipcau_runtime::caller::Role;
use nhipcau_switchboard::verify_access;
use tonic::Code;

use crate::{deeds::*, world::*};

impl World {
    async fn records(&self) -> u64 {
        let read = self.nodes[MOH].readers.read(|tx| verify_access(&point("moh"), tx)).await;
        read.unwrap().records
    }
}

#[tokio::test]
async fn content_is_shown_to_a_person_after_an_access_record_and_lies_nowhere_in_the_clear() {
    let mut world = World::open().await;
    let contact = world.record(personal()).await;
    assert_eq!(world.records().await, 0, "BASIC shows no content");
    let full = world.full(&contact).await;
    let details = full.details.unwrap();
    assert_eq!(details.identity.unwrap().full_name.unwrap().value, CHILD);
    assert_eq!(world.records().await, 1);
    // What came back for the same sending lies on the disk as well.
    let sent = world.send(&sending(&contact)).await.unwrap();
    world.settle().await;
    assert_eq!(world.get(&sent.contact.unwrap()).await.state(), ContactState::Referred);
    for word in [CHILD, STORY, "ngõ 1", "111/2026/77"] {
        assert!(!world.has_on_disk(MOH, word), "{word}");
    }
    assert!(world.has_on_disk(MOH, "tv-3"), "the search finds what does lie there");
}

#[tokio::test]
async fn without_the_key_of_its_case_a_contact_shows_nothing_about_a_person_and_goes_nowhere() {
    let world = World::open().await;
    let contact = world.record(personal()).await;
    let case = uuid::Uuid::parse_str(&contact.case_uid).unwrap().into_bytes();
    let handle = world.nodes[MOH].handle();
    let erased = handle.call(move |tx, submitter, _| submitter.erase(&case, tx));
    erased.await.map_err(|error| error.to_string()).unwrap();
    assert_eq!(world.full(&contact).await, contact, "BASIC is left");
    for refused in [
        world.amend(&contact, placed()).await.unwrap_err(),
        world.send(&sending(&contact)).await.unwrap_err(),
        world.close(&contact).await.unwrap_err(),
    ] {
        assert_eq!(refusal(&refused), (Code::FailedPrecondition, reason::WRONG_STATE.into()));
    }
}

#[tokio::test]
async fn who_may_not_see_a_contact_does_not_learn_that_it_exists() {
    let world = World::open().await;
    let contact = world.record(personal()).await;
    let door = &world.nodes[MOH].door;
    let get = |name: &str, view: ReferralView| pb::GetContactRequest {
        name: name.into(),
        view: view.into(),
        acting_person: "cb-1".into(),
    };
    let other = contact.name.replace(&contact.uid, &request_id());
    let denied = (Code::PermissionDenied, reason::ACCESS_DENIED.to_owned());
    for view in [ReferralView::Basic, ReferralView::Full] {
        let theirs = door.get_contact(call(get(&contact.name, view), "hanoi")).await.unwrap_err();
        let nobodys = door.get_contact(call(get(&other, view), "moh")).await.unwrap_err();
        assert_eq!((refusal(&theirs), refusal(&nobodys)), (denied.clone(), denied.clone()));
        assert_eq!(theirs.message(), nobodys.message());
    }
    let roles = [Role::Submit, Role::ReadMetadata];
    let refused = door.get_contact(call_as(get(&contact.name, ReferralView::Full), "moh", &roles)).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let refused = door.get_contact_route(call(route_of(&contact), "hanoi")).await.unwrap_err();
    assert_eq!(refusal(&refused), denied);
    assert_eq!(world.records().await, 0, "nobody was shown anything");
}

fn route_of(contact: &pb::Contact) -> pb::GetContactRouteRequest {
    let acting_person = "tv-4".into();
    pb::GetContactRouteRequest { name: contact.name.clone(), service: "child-protection".into(), acting_person }
}

#[tokio::test]
async fn where_a_contact_happened_is_told_to_a_person_after_an_access_record_and_to_nobody_else() {
    let world = World::open().await;
    let split = pb::ContactDetails { incident_area: area("00019", "VN-63"), ..least() };
    let [contact, split] = [world.record(placed()).await, world.record(split).await];
    let door = &world.nodes[MOH].door;
    // Whoever sends without the role to read content.
    let roles = [Role::Submit, Role::ReadMetadata];
    let refused = door.get_contact_route(call_as(route_of(&contact), "moh", &roles)).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::PermissionDenied, reason::ROLE_MISSING.into()));
    let nobody = pb::GetContactRouteRequest { acting_person: String::new(), ..route_of(&contact) };
    let refused = door.get_contact_route(call(nobody, "moh")).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::Unauthenticated, reason::ACTING_PERSON_MISSING.into()));
    let trial = |of: &pb::Contact| pb::SendContactRequest { validate_only: true, ..sending(of) };
    let told = door.send_contact(call_as(trial(&contact), "moh", &roles)).await.unwrap().into_inner();
    assert_eq!(told.route, None);
    let told = door.send_contact(call_as(sending(&contact), "moh", &roles)).await.unwrap().into_inner();
    assert_eq!(told.route, None);
    let refused = door.send_contact(call_as(trial(&split), "moh", &roles)).await.unwrap_err();
    assert!(fields(&refused).iter().all(|(_, told)| !told.contains("00004")), "{refused:?}");
    assert_eq!(world.records().await, 0, "nothing was shown");
    // A person who may.
    let route = door.get_contact_route(call(route_of(&split), "moh")).await.unwrap().into_inner().route.unwrap();
    assert_eq!((route.candidate_areas.len(), world.records().await), (2, 1));
    let placed = world.record(placed()).await;
    let told = world.send(&trial(&placed)).await.unwrap();
    assert_eq!(told.route.unwrap().unit.unwrap().unit, "ba-dinh");
    assert_eq!(world.records().await, 2, "a trial shows it as well");
    let unnamed = pb::SendContactRequest { acting_person: String::new(), ..trial(&placed) };
    assert_eq!(world.send(&unnamed).await.unwrap().route, None);
    assert_eq!(world.records().await, 2);
}

#[tokio::test]
async fn contacts_are_listed_newest_first_page_by_page_and_by_state() {
    let world = World::open().await;
    let mut recorded = Vec::new();
    for _ in 0..5 {
        recorded.push(world.record(placed()).await);
        world.pass(jiff::SignedDuration::from_secs(1));
    }
    let closed = world.close(&recorded[2]).await.unwrap();
    recorded[2] = closed.clone();
    recorded.reverse();
    let door = &world.nodes[MOH].door;
    let mut request = pb::ListContactsRequest { parent: "parties/moh".into(), page_size: 2, ..Default::default() };
    let mut listed = Vec::new();
    loop {
        let page = door.list_contacts(call(request.clone(), "moh")).await.unwrap().into_inner();
        assert!(page.contacts.len() <= 2);
        listed.extend(page.contacts);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(listed, recorded);
    request.states = vec![ContactState::Closed.into()];
    let refused = door.list_contacts(call(request.clone(), "moh")).await.unwrap_err();
    assert_eq!(refusal(&refused).1, reason::PAGE_TOKEN_INVALID, "the token of another filter");
    request.page_token.clear();
    assert_eq!(door.list_contacts(call(request.clone(), "moh")).await.unwrap().into_inner().contacts, [closed]);
    let refused = door.list_contacts(call(request, "hanoi")).await.unwrap_err();
    assert_eq!(refusal(&refused).1, reason::ACCESS_DENIED);
}

//! What is recorded: by whom, once, under which id, and what nobody may do.

use nhipcau_domain::reason;
use nhipcau_proto::switchboard::v1::{self as pb, ContactState, contact_service_server::ContactService as _};
use nhipcau_runtime::caller::Role;
use tonic::Code;

use crate::{deeds::*, world::*};

#[tokio::test]
async fn a_call_is_recorded_at_once_with_nothing_but_how_and_when_it_came() {
    let world = World::open().await;
    let contact = world.record(pb::ContactDetails::default()).await;
    assert_eq!(contact.state(), ContactState::Open);
    assert!(contact.referral.is_empty() && contact.details.is_none());
    assert_eq!(world.get(&contact).await, contact);
}

#[tokio::test]
async fn a_repeated_recording_gets_the_first_answer_and_other_content_none() {
    let mut world = World::open().await;
    let request = recording(placed());
    let door = &world.nodes[MOH].door;
    let first = door.record_contact(call(request.clone(), "moh")).await.unwrap().into_inner();
    assert!(!first.replayed);
    world.crash(MOH);
    let door = &world.nodes[MOH].door;
    let again = door.record_contact(call(request.clone(), "moh")).await.unwrap().into_inner();
    assert_eq!((again.contact, again.replayed), (first.contact.clone(), true));
    let other = pb::RecordContactRequest { details: Some(personal()), ..request.clone() };
    let refused = door.record_contact(call(other, "moh")).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::AlreadyExists, reason::REQUEST_ID_REUSED.into()));
    // Nor does the id stand for a change of the contact.
    let mut sending = sending(&first.contact.unwrap());
    sending.request_id = request.request_id;
    assert_eq!(refusal(&world.send(&sending).await.unwrap_err()).1, reason::REQUEST_ID_REUSED);
    assert_eq!(world.count(MOH, "SELECT COUNT(*) FROM switchboard_contact").await, 1);
}

#[tokio::test]
async fn a_trial_checks_everything_and_keeps_nothing() {
    let world = World::open().await;
    let door = &world.nodes[MOH].door;
    let trial = pb::RecordContactRequest { validate_only: true, ..recording(placed()) };
    assert_eq!(door.record_contact(call(trial, "moh")).await.unwrap().into_inner(), Default::default());
    let mut wrong = recording(pb::ContactDetails { area_unknown: true, ..placed() });
    wrong.reception.as_mut().unwrap().report_time.as_mut().unwrap().seconds += 100_000;
    let refused = door.record_contact(call(wrong, "moh")).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::InvalidArgument, reason::REQUEST_INVALID.into()));
    let fields: Vec<_> = fields(&refused).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["details.area_unknown", "reception.report_time"], "both at once");
    assert_eq!(world.count(MOH, "SELECT COUNT(*) FROM switchboard_contact").await, 0);
}

#[tokio::test]
async fn nobody_records_for_a_unit_of_others_or_of_nobody() {
    let world = World::open().await;
    let mut theirs = recording(placed());
    let refused = world.nodes[MOH].door.record_contact(call(theirs.clone(), "hanoi")).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::PermissionDenied, reason::ACCESS_DENIED.into()));
    // Served, but not here.
    let refused = world.nodes[HANOI].door.record_contact(call(theirs.clone(), "moh")).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::FailedPrecondition, reason::NOT_HOSTED.into()));
    theirs.unit.as_mut().unwrap().unit = "112".into();
    let refused = world.nodes[MOH].door.record_contact(call(theirs.clone(), "moh")).await.unwrap_err();
    assert_eq!(refusal(&refused).1, reason::NOT_HOSTED);
    let roles = [Role::ReadMetadata, Role::ReadContent];
    let refused = world.nodes[MOH].door.record_contact(call_as(theirs, "moh", &roles)).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn a_closed_contact_is_changed_no_more() {
    let world = World::open().await;
    let contact = world.record(placed()).await;
    let stale = contact.clone();
    let counselled = pb::CounselContactRequest {
        request_id: request_id(),
        name: contact.name.clone(),
        etag: contact.etag.clone(),
        acting_person: "tv-3".into(),
        validate_only: false,
    };
    let answer = world.nodes[MOH].door.counsel_contact(call(counselled, "moh")).await.unwrap().into_inner();
    let contact = answer.contact.unwrap();
    assert_eq!(contact.state(), ContactState::Counselled);
    assert_eq!(refusal(&world.close(&stale).await.unwrap_err()), (Code::Aborted, reason::ETAG_STALE.into()));
    let closed = world.close(&contact).await.unwrap();
    assert_eq!((closed.state(), closed.close_reason()), (ContactState::Closed, pb::ContactCloseReason::Done));
    for refused in [
        world.close(&closed).await.unwrap_err(),
        world.amend(&closed, personal()).await.unwrap_err(),
        world.send(&sending(&closed)).await.unwrap_err(),
    ] {
        assert_eq!(refusal(&refused), (Code::FailedPrecondition, reason::WRONG_STATE.into()));
    }
    assert_eq!(world.get(&closed).await, closed);
}

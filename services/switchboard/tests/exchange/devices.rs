//! Devices: registered once with a key that lies nowhere, revoked for good, and known to nobody else.

use nhipcau_domain::{id::KeyId, reason};
use nhipcau_messaging::SystemEntropy;
use nhipcau_proto::switchboard::v1::{self as pb, AlarmDeviceState, alarm_service_server::AlarmService as _};
use nhipcau_runtime::caller::Role;
use tonic::Code;

use crate::{deeds::*, pressing::*, world::*};

const MINUTES: i64 = 60;

#[tokio::test]
async fn a_device_is_registered_once_and_its_key_is_the_same_for_the_same_request_alone() {
    let world = World::open().await;
    let door = &world.nodes[MOH].door;
    let request = registering(Some("00004"), false);
    let first = door.register_device(call(request.clone(), "moh")).await.unwrap().into_inner();
    let again = door.register_device(call(request.clone(), "moh")).await.unwrap().into_inner();
    assert!(again.replayed && !first.replayed);
    assert_eq!((&again.device, &again.device_key), (&first.device, &first.device_key));
    let other = pb::RegisterDeviceRequest { protected: true, area: None, ..request };
    let refused = door.register_device(call(other, "moh")).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::AlreadyExists, reason::REQUEST_ID_REUSED.into()));
    let second = world.register(Some("00004"), false).await;
    assert_ne!(second.key, first.device_key);
    assert_eq!(world.count(MOH, "SELECT count(*) FROM switchboard_device").await, 2);
}

#[tokio::test]
async fn neither_the_key_nor_the_presses_nor_the_area_of_a_device_lie_on_the_disk_of_the_store() {
    let mut world = World::open().await;
    let device = world.register(Some("00004"), false).await;
    let frame = device.alarm(1);
    world.press(frame.clone()).await;
    world.settle().await;
    assert!(!world.has_bytes_on_disk(MOH, &device.key) && !world.has_bytes_on_disk(MOH, &frame));
    assert!(!world.has_on_disk(MOH, "VN-34"), "the area lies under the key of the device, and then of the case");
    assert!(world.has_bytes_on_disk(MOH, device.id.as_bytes()), "the search finds what does lie there");
}

#[tokio::test]
async fn a_revoked_device_is_answered_and_raises_nothing_for_ever() {
    let mut world = World::open().await;
    let device = world.register(Some("00004"), false).await;
    world.press(device.alarm(1)).await;
    let revoked = world.revoke(&device).await.unwrap().device.unwrap();
    assert_eq!(revoked.state(), AlarmDeviceState::Revoked);
    world.pass(jiff::SignedDuration::from_mins(11));
    world.press(device.alarm(2)).await;
    world.settle().await;
    assert_eq!((world.alarms().await.len(), world.counted("presses_unheard"), world.told_operator()), (1, 1, vec![]));
    let wrong = (Code::FailedPrecondition, reason::WRONG_STATE.to_owned());
    assert_eq!(refusal(&world.revoke(&device).await.unwrap_err()), wrong);
    assert_eq!(refusal(&world.open_test(&device, 10).await.unwrap_err()), wrong);
}

#[tokio::test]
async fn what_must_not_be_registered_or_opened_is_refused() {
    let world = World::open().await;
    let door = &world.nodes[MOH].door;
    let refused = door.register_device(call(registering(Some("00004"), true), "moh")).await.unwrap_err();
    assert_eq!((refused.code(), fields(&refused).len()), (Code::InvalidArgument, 1));
    assert!(says(&refused, reason::AREA_TOO_FINE), "{refused:?}");
    let mut elsewhere = registering(None, false);
    elsewhere.unit.as_mut().unwrap().unit = "112".into();
    let refused = door.register_device(call(elsewhere, "moh")).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::FailedPrecondition, reason::NOT_HOSTED.into()));
    let refused = door.register_device(call(registering(None, false), "hanoi")).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::PermissionDenied, reason::ACCESS_DENIED.into()));
    let nobody = pb::RegisterDeviceRequest { acting_person: String::new(), ..registering(None, false) };
    let refused = door.register_device(call(nobody, "moh")).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::Unauthenticated, reason::ACTING_PERSON_MISSING.into()));
    let device = world.register(None, false).await;
    for minutes in [0, -5, MINUTES + 1] {
        let refused = world.open_test(&device, minutes).await.unwrap_err();
        assert!(says(&refused, reason::TEST_WINDOW_INVALID), "{minutes}: {refused:?}");
    }
    // An id that was used for a device is none for a contact.
    let contact = recording(placed());
    let request = pb::RegisterDeviceRequest { request_id: contact.request_id.clone(), ..registering(None, false) };
    door.register_device(call(request, "moh")).await.unwrap();
    let refused = {
        use pb::contact_service_server::ContactService as _;
        door.record_contact(call(contact, "moh")).await.unwrap_err()
    };
    assert_eq!(refusal(&refused), (Code::AlreadyExists, reason::REQUEST_ID_REUSED.into()));
}

#[tokio::test]
async fn whatever_receives_presses_does_nothing_else_and_nobody_learns_which_devices_there_are() {
    let world = World::open().await;
    let (device, door) = (world.register(None, false).await, &world.nodes[MOH].door);
    let gateway = [Role::Submit];
    let refused = door.register_device(call_as(registering(None, false), "moh", &gateway)).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::PermissionDenied, reason::ROLE_MISSING.into()));
    world.press(device.alarm(1)).await;
    let alarm = world.alarms().await[0].clone();
    let refused = door.cancel_alarm(call_as(cancelling(&alarm), "moh", &gateway)).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::PermissionDenied, reason::ROLE_MISSING.into()));
    let denied = (Code::PermissionDenied, reason::ACCESS_DENIED.to_owned());
    let revoking = |name: &str| pb::RevokeDeviceRequest {
        request_id: request_id(),
        name: name.into(),
        acting_person: "cb-1".into(),
    };
    let theirs = door.revoke_device(call(revoking(&device.device.name), "hanoi")).await.unwrap_err();
    let nobodys = door.revoke_device(call(revoking("parties/moh/alarmDevices/0000000000000000"), "moh")).await;
    assert_eq!((refusal(&theirs), refusal(&nobodys.unwrap_err())), (denied.clone(), denied.clone()));
    let list = pb::ListAlarmsRequest { parent: "parties/moh".into(), ..Default::default() };
    assert_eq!(refusal(&door.list_alarms(call(list, "hanoi")).await.unwrap_err()), denied);
    let theirs = door.cancel_alarm(call(cancelling(&alarm), "hanoi")).await.unwrap_err();
    assert_eq!(refusal(&theirs), denied);
}

#[tokio::test]
async fn where_the_alarm_key_was_lost_no_other_one_is_made_and_no_press_is_refused_as_noise() {
    let mut world = World::open().await;
    let device = world.register(None, false).await;
    std::fs::remove_dir_all(world.keys.path().join("alarm")).unwrap();
    world.crash(MOH);
    assert_eq!(
        world.try_press(device.alarm(1)).await.unwrap_err().code(),
        Code::Internal,
        "whoever has it comes again"
    );
    let refused = world.nodes[MOH].door.register_device(call(registering(None, false), "moh")).await.unwrap_err();
    assert_eq!(refused.code(), Code::Internal);
    assert!(!world.keys.path().join("alarm").exists());
}

/// Perhaps of a device that was made with it.
#[tokio::test]
async fn where_one_of_several_alarm_keys_was_lost_no_press_is_refused_as_noise() {
    let mut world = World::open().await;
    let device = world.register(None, false).await;
    let alarm = world.keys.path().join("alarm");
    let other = world.keys.path().join("other");
    std::fs::rename(&alarm, &other).unwrap();
    let (party, id) = (party("moh"), KeyId::new("b-1").unwrap());
    nhipcau_runtime::keys::add_alarm_key(world.keys.path(), &party, &id, &mut SystemEntropy).unwrap();
    world.crash(MOH);
    assert_eq!(world.try_press(device.alarm(1)).await.unwrap_err().code(), Code::Internal);
    for file in std::fs::read_dir(other.join("moh")).unwrap() {
        let file = file.unwrap();
        std::fs::rename(file.path(), alarm.join("moh").join(file.file_name())).unwrap();
    }
    assert_eq!(
        world.try_press(vec![7; 64]).await.unwrap_err().code(),
        Code::InvalidArgument,
        "the files are read again"
    );
    world.try_press(device.alarm(1)).await.unwrap();
}

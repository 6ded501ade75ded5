//! From a press to a referral: once, whatever crashes, and never to the wrong place.

use jiff::SignedDuration;
use nhipcau_domain::{alarm::Flags, reason, referral::Requested};
use nhipcau_messaging::engine::AlarmKind;
use nhipcau_proto::{
    referral::v1 as referral,
    switchboard::v1::{AlarmNote, AlarmState, ContactState},
};

use crate::{deeds::*, pressing::*, world::*};

const TEST: Flags = Flags::TEST;

#[tokio::test]
async fn a_press_becomes_a_transfer_on_a_vital_interest_to_whoever_serves_there() {
    let mut world = World::open().await;
    let device = world.register(Some("00004"), false).await;
    world.press(device.alarm(1)).await;
    world.settle().await;
    let alarms = world.alarms().await;
    assert_eq!((alarms.len(), alarms[0].state(), alarms[0].presses), (1, AlarmState::Open, 1));
    assert_eq!(alarms[0].device, device.device.name);
    let contact = world.contact_of(&alarms[0]).await;
    assert_eq!(contact.state(), ContactState::Referred);
    assert_eq!(contact.reception.unwrap().channel(), referral::ReportChannel::AlarmKey);
    let asked = Requested::read(&world.nodes[MOH].told.lock().unwrap().asked[0]).unwrap();
    let submission = asked.request.expose();
    assert_eq!(
        (submission.kind(), submission.recipients[0].unit.as_str()),
        (referral::ReferralKind::Transfer, "ba-dinh")
    );
    let basis = submission.lawful_basis.clone().unwrap().vital_interest.unwrap();
    assert_eq!((basis.danger(), basis.citation.as_str()), (referral::Danger::Life, "Law 91/2025/QH15 art. 19(1)"));
    assert_eq!(asked.actor.person, None, "nobody acted but the device");
    assert_eq!(world.told_operator(), []);
}

#[tokio::test]
async fn a_press_counts_once_and_later_ones_join_its_alarm() {
    let mut world = World::open().await;
    let device = world.register(Some("00004"), false).await;
    for counter in [1, 1, 3, 2, 3] {
        world.press(device.alarm(counter)).await;
    }
    world.settle().await;
    let alarms = world.alarms().await;
    assert_eq!((alarms.len(), alarms[0].presses, world.asked()), (1, 3, 1));
    assert_eq!(alarms[0].notes, [i32::from(AlarmNote::Late)]);
    // Nobody came: ten minutes later the next press is another alarm.
    world.pass(SignedDuration::from_mins(11));
    world.press(device.alarm(4)).await;
    world.settle().await;
    assert_eq!((world.alarms().await.len(), world.asked()), (2, 2));
    assert_eq!((world.counted("alarms_raised"), world.counted("presses_repeated")), (2, 2));
}

#[tokio::test]
async fn a_crash_between_the_press_and_the_referral_neither_loses_nor_doubles_it() {
    let mut world = World::open().await;
    let device = world.register(Some("00004"), false).await;
    world.press(device.alarm(1)).await;
    // The process ends before anything was submitted; whether it was answered the device does not know.
    world.crash(MOH);
    world.press(device.alarm(1)).await;
    world.settle().await;
    world.crash(MOH);
    world.press(device.alarm(1)).await;
    world.settle().await;
    let alarms = world.alarms().await;
    assert_eq!((alarms.len(), alarms[0].presses, world.asked()), (1, 1, 1));
    assert_eq!(world.contact_of(&alarms[0]).await.state(), ContactState::Referred);
}

#[tokio::test]
async fn where_it_cannot_be_sent_the_contact_stands_and_the_operator_is_told_at_once() {
    let mut world = World::open().await;
    let nowhere = world.register(None, false).await;
    world.press(nowhere.alarm(1)).await;
    world.settle().await;
    let alarms = world.alarms().await;
    let contact = world.contact_of(&alarms[0]).await;
    let why: Vec<_> = contact.violations.iter().map(|violation| violation.reason.as_str()).collect();
    assert_eq!((contact.state(), why), (ContactState::Open, vec![reason::AREA_MISSING]));
    assert_eq!(
        (world.asked(), world.counted("alarms_unsent"), world.told_operator()),
        (0, 1, vec![AlarmKind::AlarmKeyUnsent])
    );
    // The same where nothing agrees to it any more.
    world.amend_release(|release| release.agreements.retain(|agreement| agreement.recipient_party != "moh")).await;
    let device = world.register(Some("00004"), false).await;
    world.press(device.alarm(1)).await;
    world.settle().await;
    let contact = world.contact_of(&world.alarms().await[0]).await;
    assert!(contact.violations.iter().any(|violation| violation.reason == reason::NOT_AGREED));
    assert_eq!((world.asked(), world.told_operator()), (0, vec![AlarmKind::AlarmKeyUnsent]));
    // Further presses join it, and people are not told of each.
    world.press(device.alarm(2)).await;
    assert_eq!((world.alarms().await[0].presses, world.told_operator()), (2, vec![]));
}

#[tokio::test]
async fn a_test_that_nobody_opened_is_an_alarm_and_one_that_was_opened_raises_nothing() {
    let mut world = World::open().await;
    let device = world.register(Some("00004"), false).await;
    let opened = world.open_test(&device, 30).await.unwrap().device.unwrap();
    assert!(opened.test_until_time.is_some() && opened.tested_time.is_none());
    world.press(device.press(1, TEST, "")).await;
    world.settle().await;
    assert_eq!((world.alarms().await.len(), world.asked()), (0, 0));
    let tested = world.open_test(&device, 1).await.unwrap().device.unwrap();
    assert!(tested.tested_time.is_some());
    world.press(device.press(2, TEST.with(Flags::SILENT), "")).await;
    assert_eq!(world.alarms().await[0].notes, [AlarmNote::TestNotOpen, AlarmNote::Silent].map(i32::from));
    world.pass(SignedDuration::from_mins(11));
    world.press(device.press(3, TEST, "")).await;
    world.settle().await;
    assert_eq!((world.alarms().await.len(), world.asked()), (2, 2), "the test was over");
}

#[tokio::test]
async fn of_a_press_that_nobody_can_place_people_are_told_once_in_ten_minutes_and_nothing_is_sent() {
    let mut world = World::open().await;
    let device = world.register(Some("00004"), false).await;
    world.press(device.alarm(100)).await;
    world.settle().await;
    world.pass(SignedDuration::from_mins(11));
    // Played again, or a device whose counter stays where it is; and one that went back.
    world.press(device.alarm(100)).await;
    world.press(device.press(3, Flags::SILENT, "")).await;
    world.settle().await;
    assert_eq!((world.asked(), world.told_operator()), (1, vec![AlarmKind::AlarmKeyStale]));
    let alarms = world.alarms().await;
    assert_eq!((alarms.len(), alarms[0].state(), alarms[0].presses), (2, AlarmState::Unplaced, 2));
    assert_eq!(alarms[0].notes, [AlarmNote::Late, AlarmNote::Silent].map(i32::from));
    let contact = world.contact_of(&alarms[0]).await;
    assert_eq!((contact.state(), contact.violations[0].reason.as_str()), (ContactState::Open, reason::ALARM_UNPLACED));
    assert_eq!(contact.details.clone().unwrap().incident_area.unwrap().code, "00004");
    // A person takes it for a call.
    world.send(&sending(&contact)).await.unwrap();
    world.settle().await;
    assert_eq!((world.contact_of(&alarms[0]).await.state(), world.asked()), (ContactState::Referred, 2));
    // What counts on raises its own alarm all the same.
    world.press(device.alarm(101)).await;
    world.settle().await;
    assert_eq!((world.alarms().await[0].state(), world.asked()), (AlarmState::Open, 3));
    world.pass(SignedDuration::from_mins(11));
    world.press(device.alarm(100)).await;
    assert_eq!((world.alarms().await.len(), world.told_operator()), (4, vec![AlarmKind::AlarmKeyStale]));
}

#[tokio::test]
async fn after_an_older_store_was_put_back_a_press_becomes_no_second_referral() {
    let mut world = World::open().await;
    let device = world.register(Some("00004"), false).await;
    let older = world.copy(MOH);
    world.press(device.alarm(1)).await;
    world.settle().await;
    let first = world.alarms().await[0].clone();
    world.put_back(MOH, &older);
    world.settle().await;
    // Somebody who recorded it plays it again.
    world.press(device.alarm(1)).await;
    world.settle().await;
    let again = world.alarms().await;
    assert_eq!((again.len(), &again[0].name, &again[0].contact), (1, &first.name, &first.contact));
    let asked = world.nodes[MOH].told.lock().unwrap().asked.clone();
    let ids: std::collections::BTreeSet<_> =
        asked.iter().map(|asked| Requested::read(asked).unwrap().request_id).collect();
    assert_eq!(ids.len(), 1, "one request id stands for one referral");
}

#[tokio::test]
async fn of_a_device_that_an_older_store_has_forgotten_the_operator_is_told() {
    let mut world = World::open().await;
    let older = world.copy(MOH);
    let request = registering(Some("00004"), false);
    let register = async |world: &World| {
        use nhipcau_proto::switchboard::v1::alarm_service_server::AlarmService as _;
        world.nodes[MOH].door.register_device(call(request.clone(), "moh")).await.unwrap().into_inner()
    };
    let device = made(register(&world).await);
    world.put_back(MOH, &older);
    world.settle().await;
    world.press(device.alarm(1)).await;
    world.press(device.alarm(2)).await;
    assert_eq!((world.alarms().await.len(), world.told_operator()), (0, vec![AlarmKind::AlarmKeyUnknown]));
    assert_eq!(world.counted("presses_unheard"), 2);
    // Whoever registered it asks again: the same device with the same key.
    let again = made(register(&world).await);
    assert_eq!((&again.device.name, &again.key), (&device.device.name, &device.key));
    world.press(device.alarm(3)).await;
    world.settle().await;
    assert_eq!((world.alarms().await.len(), world.asked()), (1, 1));
}

#[tokio::test]
async fn no_press_of_somebody_who_is_protected_names_a_commune() {
    let mut world = World::open().await;
    let device = world.register(Some("01"), true).await;
    world.press(device.press(1, Flags::ALARM, "00004")).await;
    world.settle().await;
    let alarms = world.alarms().await;
    assert_eq!(alarms[0].notes, [i32::from(AlarmNote::AreaRefused)]);
    let asked = Requested::read(&world.nodes[MOH].told.lock().unwrap().asked[0]).unwrap();
    let submission = asked.request.expose();
    assert_eq!(submission.recipients[0].unit, "health", "whoever serves the province");
    let area = submission.content.clone().unwrap().preview.unwrap().incident_area.unwrap();
    assert_eq!(area.code, "01");
}

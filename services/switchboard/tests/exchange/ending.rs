//! Only a person ends an alarm, and whoever reads what it told is written down.

use nhipcau_domain::{alarm::Flags, reason};
use nhipcau_proto::switchboard::v1::{
    self as pb, AlarmCancelReason, AlarmNote, AlarmState, alarm_service_server::AlarmService as _,
};
use nhipcau_runtime::caller::{ACTING_PERSON, Role};
use tonic::Code;

use crate::{deeds::*, pressing::*, world::*};

#[tokio::test]
async fn only_a_person_who_has_seen_the_last_press_ends_an_alarm() {
    let mut world = World::open().await;
    let device = world.register(Some("00004"), false).await;
    world.press(device.alarm(1)).await;
    let seen = world.alarms().await[0].clone();
    // Somebody may stand beside the child: what the device asks for ends nothing.
    world.press(device.press(2, Flags::CANCEL_ASKED, "")).await;
    let refused = world.cancel(cancelling(&seen)).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::Aborted, reason::ETAG_STALE.into()));
    let alarm = world.alarms().await[0].clone();
    assert_eq!((alarm.state(), alarm.notes.as_slice()), (AlarmState::Open, &[i32::from(AlarmNote::CancelAsked)][..]));
    let nobody = pb::CancelAlarmRequest { acting_person: String::new(), ..cancelling(&alarm) };
    assert_eq!(refusal(&world.cancel(nobody).await.unwrap_err()).1, reason::ACTING_PERSON_MISSING);
    let unsaid = pb::CancelAlarmRequest { reason: 0, ..cancelling(&alarm) };
    assert_eq!(
        refusal(&world.cancel(unsaid).await.unwrap_err()),
        (Code::InvalidArgument, reason::REQUEST_INVALID.into())
    );
    let request = cancelling(&alarm);
    let ended = world.cancel(request.clone()).await.unwrap().alarm.unwrap();
    assert_eq!((ended.state(), ended.cancel_person.as_str()), (AlarmState::Cancelled, "tv-3"));
    assert!(ended.notes.is_empty() && ended.cancel_reason == 0, "content is shown in the list, with a record");
    assert!(world.cancel(request.clone()).await.unwrap().replayed);
    let other = pb::CancelAlarmRequest { reason: AlarmCancelReason::Done.into(), ..request };
    assert_eq!(refusal(&world.cancel(other).await.unwrap_err()).1, reason::REQUEST_ID_REUSED);
    let twice = world.cancel(cancelling(&ended)).await.unwrap_err();
    assert_eq!(refusal(&twice), (Code::FailedPrecondition, reason::WRONG_STATE.into()));
    assert_eq!(world.alarms().await[0].cancel_reason(), AlarmCancelReason::Mistake);
    // The next press calls again.
    world.press(device.alarm(3)).await;
    world.settle().await;
    assert_eq!((world.alarms().await.len(), world.asked()), (2, 2));
}

#[tokio::test]
async fn what_a_press_told_is_shown_to_a_person_after_an_access_record_and_to_nobody_else() {
    let world = World::open().await;
    let device = world.register(None, false).await;
    world.press(device.press(1, Flags::ALARM.with(Flags::SILENT), "")).await;
    let list = || pb::ListAlarmsRequest { parent: "parties/moh".into(), ..Default::default() };
    let door = &world.nodes[MOH].door;
    let records = async || world.count(MOH, "SELECT count(*) FROM switchboard_access").await;
    let mut named = call_as(list(), "moh", &[Role::ReadMetadata]);
    named.metadata_mut().insert(ACTING_PERSON, "tv-4".parse().unwrap());
    for request in [call(list(), "moh"), named] {
        let shown = door.list_alarms(request).await.unwrap().into_inner().alarms;
        assert_eq!((shown.len(), shown[0].notes.len(), records().await), (1, 0, 0));
    }
    assert_eq!(world.alarms().await[0].notes, [i32::from(AlarmNote::Silent)]);
    assert_eq!(records().await, 1);
    let refused = door.list_alarms(call_as(list(), "moh", &[Role::Submit])).await.unwrap_err();
    assert_eq!(refusal(&refused), (Code::PermissionDenied, reason::ROLE_MISSING.into()));
}

#[tokio::test]
async fn alarms_are_listed_in_pages_newest_first_by_state() {
    let world = World::open().await;
    for _ in 0..3 {
        let device = world.register(None, false).await;
        world.press(device.alarm(1)).await;
    }
    let all = world.alarms().await;
    world.cancel(cancelling(&all[1])).await.unwrap();
    let list = |states: &[AlarmState], page_token: &str| {
        let states = states.iter().map(|state| i32::from(*state)).collect();
        pb::ListAlarmsRequest { parent: "parties/moh".into(), page_size: 1, page_token: page_token.into(), states }
    };
    let door = &world.nodes[MOH].door;
    let page = async |request| door.list_alarms(call(request, "moh")).await.map(tonic::Response::into_inner);
    let first = page(list(&[AlarmState::Open], "")).await.unwrap();
    let second = page(list(&[AlarmState::Open], &first.next_page_token)).await.unwrap();
    assert_eq!([&first.alarms[0].name, &second.alarms[0].name], [&all[0].name, &all[2].name]);
    assert!(second.next_page_token.is_empty());
    let refused = page(list(&[AlarmState::Cancelled], &first.next_page_token)).await.unwrap_err();
    assert_eq!(refusal(&refused).1, reason::PAGE_TOKEN_INVALID);
    let unknown = pb::ListAlarmsRequest { states: vec![99], ..list(&[], "") };
    assert_eq!(page(unknown).await.unwrap_err().code(), Code::InvalidArgument);
}

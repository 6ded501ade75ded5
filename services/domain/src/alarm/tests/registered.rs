//! Devices: registered, tested, revoked.

use jiff::SignedDuration;

use super::*;
use crate::reason;

fn refused(request: &pb::RegisterDeviceRequest, actor: &Actor) -> Refusal {
    Device::register(request, DEVICE, actor, now()).unwrap_err()
}

#[test]
fn a_device_of_somebody_protected_is_registered_no_finer_than_the_province() {
    let refusal = refused(&registering(Some("00004"), true), &person());
    assert_eq!(found(&refusal), [("area", reason::AREA_TOO_FINE)]);
    assert!(registered(Some("01"), true).is_protected);
    assert_eq!(registered(None, true).area, None);
}

#[test]
fn a_device_is_registered_by_a_person_for_a_unit() {
    let request = pb::RegisterDeviceRequest { unit: None, ..registering(None, false) };
    let refusal = refused(&request, &system());
    assert_eq!(found(&refusal), [("acting_person", reason::PERSON_REQUIRED), ("unit", reason::FIELD_REQUIRED)]);
    let mut district = registering(Some("00004"), false);
    district.area = area("00004").map(|area| referral::AdminUnitRef { code: "001".into(), level: 2, ..area });
    assert!(refused(&district, &person()).has(reason::FIELD_FORMAT));
}

#[test]
fn a_test_is_open_for_an_hour_at_most_and_by_a_person() {
    let device = registered(None, false);
    let until = |seconds| now() + SignedDuration::from_secs(seconds);
    assert_eq!(device.open_test(until(3_600), &person(), now()).unwrap().test_until, Some(until(3_600)));
    for seconds in [-1, 0, 3_601] {
        let refusal = device.open_test(until(seconds), &person(), now()).unwrap_err();
        assert_eq!(found(&refusal), [("until_time", reason::TEST_WINDOW_INVALID)]);
    }
    let refusal = device.open_test(until(60), &system(), now()).unwrap_err();
    assert_eq!(found(&refusal), [("acting_person", reason::PERSON_REQUIRED)]);
}

#[test]
fn a_revoked_device_stays_revoked() {
    let tested = registered(None, false).open_test(now() + LONGEST_TEST, &person(), now()).unwrap();
    let revoked = tested.revoke(&person()).unwrap();
    assert_eq!((revoked.state, revoked.test_until), (State::Revoked, None));
    assert_eq!(found(&revoked.revoke(&person()).unwrap_err()), [("device", reason::WRONG_STATE)]);
    assert!(revoked.open_test(now() + LONGEST_TEST, &person(), now()).unwrap_err().has(reason::WRONG_STATE));
}

#[test]
fn a_device_is_kept_as_it_is_shown_and_what_arrived_is_not_shown() {
    let device = Device {
        seen: Seen::NONE.with(77),
        tested: Some(now()),
        ..registered(Some("01"), true).open_test(now() + LONGEST_TEST, &person(), now()).unwrap()
    };
    for device in [device.revoke(&person()).unwrap(), device] {
        assert_eq!(Device::read(&device.write(), device.seen), Ok(device));
    }
    let nameless = pb::AlarmDevice { name: String::new(), ..registered(None, false).write() };
    assert!(Device::read(&nameless, Seen::NONE).is_err());
}

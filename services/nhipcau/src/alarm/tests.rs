//! The file of a device's key, and what people read.

use nhipcau_domain::alarm::{AlarmKey, DeviceId, Flags, Frame};
use nhipcau_proto::switchboard::v1 as pb;

use super::{key_file, show::Shown};
use crate::exit::Code;

const DEVICE: DeviceId = DeviceId::new([7; 8]);

#[test]
fn a_device_is_pressed_with_the_key_of_its_file_which_is_never_overwritten() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("device.key");
    let party = AlarmKey::new([3; 32]);
    key_file::create(&path, DEVICE, party.of(DEVICE).expose()).unwrap();
    let (device, key) = key_file::read(&path).unwrap();
    let frame = Frame::new(device, 1, Flags::ALARM, "00004");
    assert_eq!(Frame::open(&frame.seal(&key), &[party]), Ok(frame));
    assert_eq!(key_file::create(&path, DEVICE, &[1; 32]).unwrap_err().code(), Code::Configuration);
    std::fs::write(home.path().join("other"), "nhipcau-id/1 a 07\n").unwrap();
    assert_eq!(key_file::read(&home.path().join("other")).unwrap_err().code(), Code::Configuration);
}

#[test]
fn an_alarm_is_read_with_what_its_presses_told_and_who_ended_it() {
    let alarm = pb::Alarm {
        name: "parties/moh/alarms/1".into(),
        state: pb::AlarmState::Cancelled.into(),
        presses: 2,
        notes: vec![pb::AlarmNote::Silent.into()],
        cancel_reason: pb::AlarmCancelReason::Mistake.into(),
        cancel_person: "tv-3".into(),
        ..pb::Alarm::default()
    };
    let text = Shown(&alarm).to_string();
    for word in ["2 presses", "note: SILENT", "ended as MISTAKE by tv-3"] {
        assert!(text.contains(word), "{word}: {text}");
    }
}

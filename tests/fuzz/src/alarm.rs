//! Presses of alarm keys: what nobody's key made is refused, and what one made does one of the things that a press may
//! do, once.

use jiff::Timestamp;
use nhipcau_domain::{
    alarm::{AlarmKey, Device, DeviceId, FRAME_BYTES, Flags, Frame, NotAFrame, Note, Seen, State, Verdict},
    area::AreaList,
    referral::UnitRef,
};

use crate::programme::now;

const BODY: usize = FRAME_BYTES - 16;

fn key() -> AlarmKey {
    AlarmKey::new([7; 32])
}

/// As the bytes came, and as a device could have sent them.
pub fn property(bytes: &[u8]) {
    assert_eq!(Frame::open(bytes, &[key()]), Err(NotAFrame), "nobody knows the key");
    let Some(body) = bytes.get(..BODY) else { return };
    let [device, counter] = [&body[1..9], &body[9..17]].map(|bytes| bytes.try_into().expect("eight"));
    let (device, counter) = (DeviceId::new(device), u64::from_le_bytes(counter));
    let Ok(code) = std::str::from_utf8(&body[18..]) else { return };
    let frame = Frame::new(device, counter, Flags::new(body[17]), code);
    let sent = frame.seal(&key().of(device));
    assert_eq!((sent.len(), &sent[1..BODY]), (FRAME_BYTES, &body[1..]));
    assert_eq!(Frame::open(&sent, &[key()]), Ok(frame));
    pressed(&frame, now());
}

fn pressed(frame: &Frame, now: Timestamp) {
    let device = Device {
        id: frame.device,
        unit: UnitRef { party: "moh".parse().expect("an id"), unit: "111".parse().expect("an id") },
        area: None,
        is_protected: false,
        state: State::Registered,
        test_until: None,
        tested: None,
        created: now,
        seen: Seen::NONE,
    };
    let areas = AreaList::default();
    let judged = Device::judge(Some(&device), None, frame, &areas, now);
    assert_eq!(judged.verdict, Verdict::Dispatch, "no first press is lost");
    assert_eq!(judged.notes.contains(&Note::FlagsUnknown), !frame.flags.only(Flags::KNOWN));
    let (_, details) = device.report(frame, &areas, now);
    assert!(details.area_unknown && details.incident_area.is_none(), "an area without its list");
    let device = judged.device.expect("it was pressed");
    assert_eq!(Device::read(&device.write(), Seen::from_bytes(device.seen.to_bytes())).as_ref(), Ok(&device));
    let again = Device::judge(Some(&device), None, frame, &areas, now);
    assert_eq!(again.verdict, Verdict::Stale, "nobody heard of an alarm, and somebody is told");
}

/// An alarm, a test, a cancellation, flags that nobody knows; and nothing.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let frame = |counter, flags, code| {
        let device = DeviceId::new([0x4e, 0x43, 0, 0, 0, 0, 0, 0x11]);
        // Made with another key than the one that the property knows.
        Frame::new(device, counter, flags, code).seal(&AlarmKey::new([8; 32]).of(device))
    };
    vec![
        frame(1, Flags::ALARM.with(Flags::SILENT), "00004"),
        frame(2, Flags::TEST, "01"),
        frame(u64::MAX, Flags::CANCEL_ASKED, ""),
        frame(3, Flags::new(34), "99999"),
        Vec::new(),
    ]
}

//! What alarm keys promise, over devices that were made up for it.

mod ended;
mod frames;
mod presses;
mod registered;
mod sent;

use jiff::Timestamp;
use nhipcau_proto::{referral::v1 as referral, switchboard::v1 as pb};
use uuid::Uuid;

use super::*;
use crate::{
    area::AreaList,
    id::SystemId,
    referral::{Actor, PersonRef, Refusal},
    route::tests::{AREAS, MONDAY, time},
};

const DEVICE: DeviceId = DeviceId::new([0x4e, 0x43, 0, 0, 0, 0, 0, 0x11]);

fn party_key() -> AlarmKey {
    AlarmKey::new([7; 32])
}

fn now() -> Timestamp {
    time(MONDAY)
}

fn person() -> Actor {
    Actor { person: Some(PersonRef::new("tv-3").unwrap()), ..system() }
}

fn system() -> Actor {
    Actor { system: SystemId::new("hotline").unwrap(), person: None }
}

fn area(code: &str) -> Option<referral::AdminUnitRef> {
    let level = if code.len() == 2 { referral::AdminLevel::Province } else { referral::AdminLevel::Commune };
    Some(referral::AdminUnitRef { code: code.into(), level: level.into(), code_list_version: "VN-34-2026".into() })
}

fn registering(code: Option<&str>, protected: bool) -> pb::RegisterDeviceRequest {
    pb::RegisterDeviceRequest {
        unit: Some(referral::UnitRef { party: "moh".into(), unit: "111".into() }),
        area: code.and_then(area),
        protected,
        ..pb::RegisterDeviceRequest::default()
    }
}

fn registered(code: Option<&str>, protected: bool) -> Device {
    Device::register(&registering(code, protected), DEVICE, &person(), now()).unwrap()
}

fn press(counter: u64, flags: Flags) -> Frame {
    Frame::new(DEVICE, counter, flags, "00004")
}

fn found(refusal: &Refusal) -> Vec<(&str, &str)> {
    refusal.violations().iter().map(|it| (it.subject.as_str(), it.reason)).collect()
}

fn areas() -> &'static AreaList {
    AREAS.list()
}

/// An alarm that was raised now.
fn raised(notes: Vec<Note>) -> Alarm {
    Alarm::raised(Uuid::from_u128(5), Uuid::from_u128(6), DEVICE, notes, now())
}

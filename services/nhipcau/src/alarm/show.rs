//! Devices and alarms as a person reads them.

use std::fmt;

use nhipcau_proto::switchboard::v1 as pb;

use crate::referral::{code::shown, shown_unit, time};

/// An alarm.
pub(super) struct Shown<'a>(pub(super) &'a pb::Alarm);

/// A device, without its key.
pub(super) struct ShownDevice<'d>(pub(super) &'d pb::AlarmDevice);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(alarm) = self;
        writeln!(f, "{}", alarm.name)?;
        let state = shown::<pb::AlarmState>(alarm.state);
        writeln!(f, "  {state}, pressed {}, etag {}", time(alarm.press_time.as_ref()), alarm.etag)?;
        writeln!(f, "  {} of {}, last {}", presses(alarm.presses), alarm.device, time(alarm.last_press_time.as_ref()))?;
        write!(f, "  {}", alarm.contact)?;
        for note in &alarm.notes {
            write!(f, "\n  note: {}", shown::<pb::AlarmNote>(*note))?;
        }
        if alarm.state() == pb::AlarmState::Cancelled {
            let why = if alarm.cancel_reason == 0 {
                String::new()
            } else {
                format!(" as {}", shown::<pb::AlarmCancelReason>(alarm.cancel_reason))
            };
            write!(f, "\n  ended{why} by {} {}", alarm.cancel_person, time(alarm.cancel_time.as_ref()))?;
        }
        Ok(())
    }
}

fn presses(count: i32) -> String {
    if count == 1 { "1 press".to_owned() } else { format!("{count} presses") }
}

impl fmt::Display for ShownDevice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(device) = self;
        writeln!(f, "{}", device.name)?;
        let state = shown::<pb::AlarmDeviceState>(device.state);
        write!(f, "  {state} at {} since {}", shown_unit(device.unit.as_ref()), time(device.create_time.as_ref()))?;
        match &device.area {
            Some(area) => write!(f, "\n  area {}@{}", area.code, area.code_list_version)?,
            None => f.write_str("\n  no area")?,
        }
        if device.protected {
            f.write_str("; protected")?;
        }
        if device.test_until_time.is_some() {
            write!(f, "\n  may be tested until {}", time(device.test_until_time.as_ref()))?;
        }
        if device.tested_time.is_some() {
            write!(f, "\n  a test arrived {}", time(device.tested_time.as_ref()))?;
        }
        Ok(())
    }
}

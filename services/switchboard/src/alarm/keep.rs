//! Keeping and finding devices and alarms: what is shown without content in the clear, all of it encrypted.

use nhipcau_domain::{
    alarm::{Alarm, Device, DeviceId, Seen},
    id::PartyId,
};
use nhipcau_messaging::{desk::Desk, store::Error as StoreError, writer::Row};
use nhipcau_proto::switchboard::v1 as pb;
use prost::Message as _;
use uuid::Uuid;

use crate::{
    error::Error,
    store::alarm::{self as store, ALARMS, DEVICES},
};

/// A device as it is kept.
pub(super) struct Kept {
    pub(super) row: store::Device,
    pub(super) device: Device,
}

/// A device of a party.
///
/// # Errors
/// A fault for one that this build cannot read: whoever has a press of it keeps it and comes again.
pub(super) fn device<'t>(desk: &mut impl Desk<'t>, party: &PartyId, id: DeviceId) -> Result<Option<Kept>, Error> {
    const CORRUPT: StoreError = StoreError::Corrupt("a device that cannot be read");
    let Some(row) = store::device(desk.tx(), party, id)? else { return Ok(None) };
    let place = Row { case: row.case.as_bytes(), table: DEVICES, key: id.as_bytes() };
    let body = desk.wake(&place, &row.body)?.ok_or(CORRUPT)?;
    let value = pb::AlarmDevice::decode(body.as_slice()).map_err(|_| CORRUPT)?;
    let device = Device::read(&value, Seen::from_bytes(row.seen)).map_err(|_| CORRUPT)?;
    Ok(Some(Kept { row, device }))
}

impl Kept {
    /// A device that is new.
    pub(super) fn new(device: Device, case: Uuid, key: &str) -> Self {
        let row = store::Device {
            party: device.unit.party.clone(),
            id: device.id,
            case,
            key: key.to_owned(),
            seen: [0; 16],
            alarm: Uuid::nil(),
            unplaced: Uuid::nil(),
            body: Vec::new(),
        };
        Self { row, device }
    }

    /// Writes it as it stands now.
    pub(super) fn keep<'t>(mut self, desk: &mut impl Desk<'t>) -> Result<Device, Error> {
        let place = Row { case: self.row.case.as_bytes(), table: DEVICES, key: self.row.id.as_bytes() };
        self.row.body = desk.rest(&place, &self.device.write().encode_to_vec())?;
        self.row.seen = self.device.seen.to_bytes();
        store::put_device(desk.tx(), &self.row)?;
        Ok(self.device)
    }
}

/// Writes an alarm as it stands now, under the key of its contact's case.
pub(super) fn keep_alarm<'t>(
    desk: &mut impl Desk<'t>,
    party: &PartyId,
    case: Uuid,
    alarm: &Alarm,
) -> Result<pb::Alarm, Error> {
    let whole = alarm.write(party);
    let row = Row { case: case.as_bytes(), table: ALARMS, key: alarm.uid.as_bytes() };
    let body = desk.rest(&row, &whole.encode_to_vec())?;
    let shown = basic(whole);
    let stored = store::Alarm {
        alarm: alarm.uid,
        party: party.clone(),
        case,
        state: shown.state,
        press_time: alarm.pressed.as_microsecond(),
        basic: shown.encode_to_vec(),
        body,
    };
    store::put_alarm(desk.tx(), &stored)?;
    Ok(shown)
}

/// What is shown without content: what was told by a press, and why it was ended, is for people who read.
fn basic(alarm: pb::Alarm) -> pb::Alarm {
    pb::Alarm { notes: Vec::new(), cancel_reason: 0, ..alarm }
}

/// An alarm as it was shown without content.
pub(super) fn shown(stored: &store::Alarm) -> pb::Alarm {
    pb::Alarm::decode(stored.basic.as_slice()).unwrap_or_default()
}

/// All of an alarm; `None` once its case was erased, or where this build cannot read it.
pub(super) fn whole<'t>(desk: &mut impl Desk<'t>, stored: &store::Alarm) -> Result<Option<Alarm>, Error> {
    let row = Row { case: stored.case.as_bytes(), table: ALARMS, key: stored.alarm.as_bytes() };
    let Some(body) = desk.wake(&row, &stored.body)? else { return Ok(None) };
    let read = pb::Alarm::decode(body.as_slice()).ok().and_then(|value| Alarm::read(&value).ok());
    if read.is_none() {
        tracing::error!(alarm = %stored.alarm, "An alarm cannot be read.");
    }
    Ok(read)
}

/// The alarm of this uid with the case of its contact, if there is one that can be read.
pub(super) fn newest<'t>(
    desk: &mut impl Desk<'t>,
    party: &PartyId,
    alarm: Uuid,
) -> Result<Option<(Alarm, Uuid)>, Error> {
    let Some(stored) = store::alarm(desk.tx(), party, alarm)? else { return Ok(None) };
    Ok(whole(desk, &stored)?.map(|alarm| (alarm, stored.case)))
}

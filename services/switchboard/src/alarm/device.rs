//! Registering devices, having them tested, revoking them: by people, each safe to repeat.

use nhipcau_domain::{
    alarm::{Device, DeviceId},
    id::{AccessPointId, PartyId},
    reason,
    referral::Refusal,
};
use nhipcau_messaging::{desk::Desk, pae};
use nhipcau_proto::switchboard::v1 as pb;
use nhipcau_runtime::caller::Call;
use uuid::Uuid;

use super::{
    keep::{self, Kept},
    keys::PartyKeys,
};
use crate::{Switchboard, error::Error, metrics, request};

/// Registers a device and gives its key; asked again, the same device and key.
///
/// # Errors
/// [`Error`]; the transaction must then be undone to where the call began.
pub(super) fn register<'t>(
    desk: &mut impl Desk<'t>,
    shared: &Switchboard,
    (access_point, call): (&AccessPointId, &Call),
    request: &pb::RegisterDeviceRequest,
    keys: &PartyKeys,
) -> Result<pb::RegisterDeviceResponse, Error> {
    let case = request::made(call, desk, "alarm-device");
    let id = id_of(case);
    if request::first(call, desk, (case, case))?.is_some() {
        let kept = keep::device(desk, &call.party, id)?.ok_or(Error::AccessDenied)?;
        let key = keys.named(&kept.row.key).ok_or(Error::AlarmKeyMissing)?.of(id).expose().to_vec();
        return Ok(pb::RegisterDeviceResponse { device: Some(kept.device.write()), device_key: key, replayed: true });
    }
    let device = Device::register(request, id, &call.actor(), desk.now())?;
    let unit = &device.unit;
    if !shared.release().hosts(access_point, &unit.party, Some(&unit.unit), &crate::contract()) {
        return Err(Error::rule("unit", reason::NOT_HOSTED));
    }
    let (name, key) = keys.newest().ok_or(Error::AlarmKeyMissing)?;
    let device_key = key.of(id).expose().to_vec();
    let device = Kept::new(device, case, name.as_str()).keep(desk)?;
    request::note(call, desk, (case, case), &[])?;
    metrics::add(&shared.counters.devices);
    Ok(pb::RegisterDeviceResponse { device: Some(device.write()), device_key, replayed: false })
}

/// Changes a device of the caller's party, and says whether it repeats an earlier request.
///
/// # Errors
/// [`Error`]; the transaction must then be undone to where the call began.
pub(super) fn change<'t>(
    desk: &mut impl Desk<'t>,
    (call, id): (&Call, DeviceId),
    deed: impl FnOnce(&Device) -> Result<Device, Refusal>,
) -> Result<(pb::AlarmDevice, bool), Error> {
    let kept = keep::device(desk, &call.party, id)?.ok_or(Error::AccessDenied)?;
    let case = kept.row.case;
    if request::first(call, desk, (case, case))?.is_some() {
        return Ok((kept.device.write(), true));
    }
    let device = deed(&kept.device)?;
    let device = Kept { device, ..kept }.keep(desk)?;
    request::note(call, desk, (case, case), &[])?;
    Ok((device.write(), false))
}

/// Reads `parties/{party}/alarmDevices/{device}` of a caller's own party.
///
/// # Errors
/// [`Error::AccessDenied`]: what cannot be a name does not exist, and another party's does not either.
pub(super) fn read_name(text: &str, party: &PartyId) -> Result<DeviceId, Error> {
    let parts = text.strip_prefix("parties/").and_then(|rest| rest.split_once("/alarmDevices/"));
    let (_, id) = parts.filter(|(owner, _)| *owner == party.as_str()).ok_or(Error::AccessDenied)?;
    id.parse().map_err(|_| Error::AccessDenied)
}

/// 64 bits that nobody can tell beforehand, and the same for the same request.
fn id_of(case: Uuid) -> DeviceId {
    let digest = pae::digest_of(&[b"nhipcau/1/alarm-device", case.as_bytes()]);
    let mut id = [0; 8];
    id.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    DeviceId::new(id)
}

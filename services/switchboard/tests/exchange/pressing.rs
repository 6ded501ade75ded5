//! What happens around alarm keys in these tests: devices that are registered, made and pressed, and who looks.

use nhipcau_domain::alarm::{ANSWER, DeviceId, DeviceKey, Flags, Frame};
use nhipcau_messaging::engine::AlarmKind;
use nhipcau_proto::{
    referral::v1 as referral,
    switchboard::v1::{
        self as pb, alarm_service_server::AlarmService as _, contact_service_server::ContactService as _,
    },
};
use nhipcau_runtime::caller::{ACTING_PERSON, Role};
use tonic::Status;

use crate::{deeds::*, world::*};

/// A device as its maker has it.
pub(crate) struct Made {
    pub(crate) device: pb::AlarmDevice,
    pub(crate) id: DeviceId,
    pub(crate) key: Vec<u8>,
}

pub(crate) fn registering(code: Option<&str>, protected: bool) -> pb::RegisterDeviceRequest {
    let level = |code: &str| {
        if code.len() == 2 { referral::AdminLevel::Province } else { referral::AdminLevel::Commune }
    };
    pb::RegisterDeviceRequest {
        request_id: request_id(),
        unit: Some(referral::UnitRef { party: "moh".into(), unit: "111".into() }),
        area: code.map(|code| referral::AdminUnitRef {
            code: code.into(),
            code_list_version: "VN-34".into(),
            level: level(code).into(),
        }),
        protected,
        acting_person: "tv-3".into(),
    }
}

pub(crate) fn made(answer: pb::RegisterDeviceResponse) -> Made {
    let device = answer.device.unwrap();
    let id = device.name.rsplit_once('/').unwrap().1.parse().unwrap();
    Made { device, id, key: answer.device_key }
}

impl Made {
    /// The bytes of a press, as its maker makes them with its key alone.
    pub(crate) fn press(&self, counter: u64, flags: Flags, code: &str) -> Vec<u8> {
        let key = DeviceKey::new(self.key.clone().try_into().unwrap());
        Frame::new(self.id, counter, flags, code).seal(&key)
    }

    pub(crate) fn alarm(&self, counter: u64) -> Vec<u8> {
        self.press(counter, Flags::ALARM, "")
    }
}

impl World {
    pub(crate) async fn register(&self, code: Option<&str>, protected: bool) -> Made {
        let request = registering(code, protected);
        made(self.nodes[MOH].door.register_device(call(request, "moh")).await.unwrap().into_inner())
    }

    /// Presses: what receives presses has one role.
    pub(crate) async fn try_press(&self, frame: Vec<u8>) -> Result<Vec<u8>, Status> {
        let request = call_as(pb::PressAlarmRequest { frame }, "moh", &[Role::Submit]);
        Ok(self.nodes[MOH].door.press_alarm(request).await?.into_inner().answer)
    }

    /// Presses, and is answered as everybody is.
    pub(crate) async fn press(&self, frame: Vec<u8>) {
        assert_eq!(self.try_press(frame).await.unwrap(), ANSWER);
    }

    /// Every alarm as a person who reads content sees it, newest first.
    pub(crate) async fn alarms(&self) -> Vec<pb::Alarm> {
        let mut request = call(pb::ListAlarmsRequest { parent: "parties/moh".into(), ..Default::default() }, "moh");
        request.metadata_mut().insert(ACTING_PERSON, "tv-4".parse().unwrap());
        self.nodes[MOH].door.list_alarms(request).await.unwrap().into_inner().alarms
    }

    /// The contact that an alarm began, as it stands, FULL.
    pub(crate) async fn contact_of(&self, alarm: &pb::Alarm) -> pb::Contact {
        let request = pb::GetContactRequest {
            name: alarm.contact.clone(),
            view: referral::ReferralView::Full.into(),
            acting_person: "tv-4".into(),
        };
        self.nodes[MOH].door.get_contact(call(request, "moh")).await.unwrap().into_inner().contact.unwrap()
    }

    pub(crate) async fn cancel(&self, request: pb::CancelAlarmRequest) -> Result<pb::CancelAlarmResponse, Status> {
        Ok(self.nodes[MOH].door.cancel_alarm(call(request, "moh")).await?.into_inner())
    }

    pub(crate) async fn open_test(&self, made: &Made, minutes: i64) -> Result<pb::OpenTestResponse, Status> {
        let until = self.seconds() + minutes * 60;
        let request = pb::OpenTestRequest {
            request_id: request_id(),
            name: made.device.name.clone(),
            until_time: Some(prost_types::Timestamp { seconds: until, nanos: 0 }),
            acting_person: "tv-3".into(),
        };
        Ok(self.nodes[MOH].door.open_test(call(request, "moh")).await?.into_inner())
    }

    pub(crate) async fn revoke(&self, made: &Made) -> Result<pb::RevokeDeviceResponse, Status> {
        let (request_id, acting_person) = (request_id(), "tv-3".into());
        let request = pb::RevokeDeviceRequest { request_id, name: made.device.name.clone(), acting_person };
        Ok(self.nodes[MOH].door.revoke_device(call(request, "moh")).await?.into_inner())
    }

    /// What the operator was told since this was asked last.
    pub(crate) fn told_operator(&self) -> Vec<AlarmKind> {
        self.nodes[MOH].alarms.try_iter().map(|alarm| alarm.kind).collect()
    }

    /// What a counter of the service stands at.
    pub(crate) fn counted(&self, name: &str) -> u64 {
        let counters = self.nodes[MOH].service.counters().read();
        counters.iter().find(|((known, _), _)| known.contains(name)).unwrap().1
    }
}

pub(crate) fn cancelling(alarm: &pb::Alarm) -> pb::CancelAlarmRequest {
    pb::CancelAlarmRequest {
        request_id: request_id(),
        name: alarm.name.clone(),
        etag: alarm.etag.clone(),
        reason: pb::AlarmCancelReason::Mistake.into(),
        acting_person: "tv-3".into(),
    }
}

/// Whether a refusal says this of a field.
pub(crate) fn says(status: &Status, reason: &str) -> bool {
    status.details().windows(reason.len()).any(|window| window == reason.as_bytes())
}

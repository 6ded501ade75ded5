//! A device with an alarm key: registered, tested, revoked, and what its press says to whoever answers for it.

use jiff::{SignedDuration, Timestamp};
use nhipcau_proto::{referral::v1 as referral, switchboard::v1 as pb};

use super::{
    frame::{DeviceId, Frame, Named},
    seen::Seen,
};
use crate::{
    area::{AdminUnitRef, AreaList, Level},
    reason,
    referral::{Actor, Personal, Refusal, UnitRef, read_area, read_unit, write_area, write_time, write_unit},
};

/// The longest time for which a test may be open.
pub const LONGEST_TEST: SignedDuration = SignedDuration::from_hours(1);

/// State of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Its presses are alarms.
    Registered,
    /// Its presses are recorded and raise nothing.
    Revoked,
}

/// A device as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Which.
    pub id: DeviceId,
    /// Unit that answers for its alarms.
    pub unit: UnitRef,
    /// Area of a press that names none, or one that may not be used; its list is that of the areas which are named.
    pub area: Option<Personal<AdminUnitRef>>,
    /// No area of it is finer than the province.
    pub is_protected: bool,
    /// State.
    pub state: State,
    /// Until when a press may be a test.
    pub test_until: Option<Timestamp>,
    /// When a test last arrived.
    pub tested: Option<Timestamp>,
    /// When it was registered.
    pub created: Timestamp,
    /// Which presses have arrived.
    pub seen: Seen,
}

impl Device {
    /// Registers a device.
    ///
    /// # Errors
    /// A [`Refusal`] with every violation.
    pub fn register(
        request: &pb::RegisterDeviceRequest,
        id: DeviceId,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let mut refusal = Refusal::default();
        need_person(actor, &mut refusal);
        let unit = read_unit(request.unit.as_ref(), "unit", &mut refusal);
        let area = area(request.area.as_ref(), request.protected, &mut refusal);
        let unit = refusal.or(unit)?.ok_or_else(|| Refusal::one("unit", reason::FIELD_REQUIRED))?;
        Ok(Self {
            id,
            unit,
            area,
            is_protected: request.protected,
            state: State::Registered,
            test_until: None,
            tested: None,
            created: now,
            seen: Seen::NONE,
        })
    }

    /// Revokes it, for ever.
    ///
    /// # Errors
    /// A [`Refusal`] with every reason against it.
    pub fn revoke(&self, actor: &Actor) -> Result<Self, Refusal> {
        self.changeable(actor, Refusal::default())?;
        Ok(Self { state: State::Revoked, test_until: None, ..self.clone() })
    }

    /// Lets it be tested until then, in place of what was opened before.
    ///
    /// # Errors
    /// A [`Refusal`] with every reason against it.
    pub fn open_test(&self, until: Timestamp, actor: &Actor, now: Timestamp) -> Result<Self, Refusal> {
        let mut refusal = Refusal::default();
        if until <= now || until.duration_since(now) > LONGEST_TEST {
            refusal.add("until_time", reason::TEST_WINDOW_INVALID);
        }
        self.changeable(actor, refusal)?;
        Ok(Self { test_until: Some(until), ..self.clone() })
    }

    fn changeable(&self, actor: &Actor, mut refusal: Refusal) -> Result<(), Refusal> {
        if self.state != State::Registered {
            refusal.add("device", reason::WRONG_STATE);
        }
        need_person(actor, &mut refusal);
        refusal.or(())
    }

    /// The area of a press, as coarse as it must be: the one that it names, or the registered one, or none. `None`
    /// outside when what it names may not be used, and the registered one holds: it is too fine, cannot be read, or its
    /// list does not have it, so that nobody could be found for it.
    pub(super) fn area_of(&self, frame: &Frame, areas: &AreaList) -> Option<Option<AdminUnitRef>> {
        let registered = self.area.as_ref().map(Personal::expose);
        match frame.named() {
            Named::Nothing => Some(registered.cloned()),
            Named::Unreadable => None,
            Named::Code(code) => {
                let named = AdminUnitRef::new(&code, &registered?.code_list_version).ok()?;
                let is_coarse = named.level == Level::Province || !self.is_protected;
                (is_coarse && areas.unit(&named).is_ok()).then_some(Some(named))
            }
        }
    }

    /// How and when a press was received, and what is known by it: where to look, and that nobody asked anything yet.
    /// It can be recorded as a contact and sent as it stands, where an area is known.
    #[must_use]
    pub fn report(&self, frame: &Frame, areas: &AreaList, now: Timestamp) -> (referral::Reception, pb::ContactDetails) {
        let registered = || self.area.as_ref().map(|area| area.expose().clone());
        let area = self.area_of(frame, areas).unwrap_or_else(registered);
        let reception = referral::Reception {
            channel: referral::ReportChannel::AlarmKey.into(),
            report_time: Some(write_time(now)),
            ..referral::Reception::default()
        };
        let ungraded = referral::RiskCriterion {
            criterion: referral::RiskCriterionCode::HarmStillSerious.into(),
            level: referral::RiskLevel::Unknown.into(),
        };
        let details = pb::ContactDetails {
            subject: referral::CaseSubject::Unknown.into(),
            area_unknown: area.is_none(),
            incident_area: area.map(|area| write_area(&Personal::new(area))),
            criteria: vec![ungraded],
            ..pb::ContactDetails::default()
        };
        (reception, details)
    }

    /// Encodes it as it is shown. [`Seen`] is kept beside it and shown to nobody.
    #[must_use]
    pub fn write(&self) -> pb::AlarmDevice {
        let state = match self.state {
            State::Registered => pb::AlarmDeviceState::Registered,
            State::Revoked => pb::AlarmDeviceState::Revoked,
        };
        pb::AlarmDevice {
            name: format!("parties/{}/alarmDevices/{}", self.unit.party, self.id),
            unit: Some(write_unit(&self.unit)),
            area: self.area.as_ref().map(write_area),
            protected: self.is_protected,
            state: state.into(),
            test_until_time: self.test_until.map(write_time),
            tested_time: self.tested.map(write_time),
            create_time: Some(write_time(self.created)),
        }
    }

    /// Reads what [`Device::write`] wrote. A state that this build does not know counts as registered.
    ///
    /// # Errors
    /// A [`Refusal`] with every violation.
    pub fn read(value: &pb::AlarmDevice, seen: Seen) -> Result<Self, Refusal> {
        let mut refusal = Refusal::default();
        let id = value.name.rsplit_once('/').and_then(|(_, id)| id.parse().ok());
        let unit = read_unit(value.unit.as_ref(), "unit", &mut refusal);
        let area = area(value.area.as_ref(), value.protected, &mut refusal);
        let time = |value: Option<&prost_types::Timestamp>| Timestamp::new(value?.seconds, value?.nanos).ok();
        let is_revoked = value.state == pb::AlarmDeviceState::Revoked as i32;
        match refusal.or((id, unit, time(value.create_time.as_ref())))? {
            (Some(id), Some(unit), Some(created)) => Ok(Self {
                id,
                unit,
                area,
                is_protected: value.protected,
                state: if is_revoked { State::Revoked } else { State::Registered },
                test_until: time(value.test_until_time.as_ref()),
                tested: time(value.tested_time.as_ref()),
                created,
                seen,
            }),
            _ => Err(Refusal::one("device", reason::FIELD_FORMAT)),
        }
    }
}

fn need_person(actor: &Actor, refusal: &mut Refusal) {
    if actor.person.is_none() {
        refusal.add("acting_person", reason::PERSON_REQUIRED);
    }
}

/// The registered area: a commune or a province, and no finer than the province where nobody may look.
fn area(
    value: Option<&referral::AdminUnitRef>,
    is_protected: bool,
    refusal: &mut Refusal,
) -> Option<Personal<AdminUnitRef>> {
    let area = read_area(value, "area", refusal)?;
    match area.expose().level {
        Level::Province => {}
        Level::Commune if !is_protected => {}
        Level::Commune => refusal.add("area", reason::AREA_TOO_FINE),
        Level::District => refusal.add("area", reason::FIELD_FORMAT),
    }
    Some(area)
}

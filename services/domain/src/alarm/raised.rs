//! An alarm: what a press raised, with every press that joined it. Only a person ends it.

use jiff::{SignedDuration, Timestamp};
use nhipcau_proto::switchboard::v1 as pb;
use uuid::Uuid;

use super::{
    frame::DeviceId,
    note::{CancelReason, Note},
};
use crate::{
    contact::{self, Call},
    id::PartyId,
    reason,
    referral::{PersonRef, Refusal, write_time},
};

/// How long after the first press further ones join its alarm; later ones raise another, because nobody came.
pub const JOINING: SignedDuration = SignedDuration::from_mins(10);

/// An alarm as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// Its uid.
    pub uid: Uuid,
    /// Device that was pressed.
    pub device: DeviceId,
    /// Contact that it began.
    pub contact: Uuid,
    /// When the first press arrived.
    pub pressed: Timestamp,
    /// When the last press that joined it arrived.
    pub last_pressed: Timestamp,
    /// How many presses belong to it.
    pub presses: u32,
    /// What a person should know of its presses, each once.
    pub notes: Vec<Note>,
    /// Its presses could not be placed: nothing was sent, and a person decides whether it is one.
    pub is_unplaced: bool,
    /// How a person ended it.
    pub cancelled: Option<Cancelled>,
    /// How often it was changed.
    pub version: u64,
}

/// At most so long ago as presses join, and not in the time to come.
pub(super) fn is_recent(then: Timestamp, now: Timestamp) -> bool {
    (SignedDuration::ZERO..JOINING).contains(&now.duration_since(then))
}

/// How an alarm was ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancelled {
    /// Why.
    pub reason: CancelReason,
    /// By whom.
    pub person: PersonRef,
    /// When.
    pub time: Timestamp,
}

impl Alarm {
    /// What a press raised that began a contact.
    #[must_use]
    pub const fn raised(uid: Uuid, contact: Uuid, device: DeviceId, notes: Vec<Note>, now: Timestamp) -> Self {
        let (pressed, last_pressed) = (now, now);
        let (is_unplaced, cancelled) = (false, None);
        Self { uid, device, contact, pressed, last_pressed, presses: 1, notes, is_unplaced, cancelled, version: 1 }
    }

    /// What a press began that nobody can place: a contact for a person to look at, and nothing that was sent.
    #[must_use]
    pub fn unplaced(uid: Uuid, contact: Uuid, device: DeviceId, notes: Vec<Note>, now: Timestamp) -> Self {
        Self { is_unplaced: true, ..Self::raised(uid, contact, device, notes, now) }
    }

    /// With a further press.
    #[must_use]
    pub fn joined(&self, notes: &[Note], now: Timestamp) -> Self {
        let mut joined = Self { last_pressed: now, version: self.version + 1, ..self.clone() };
        joined.presses = joined.presses.saturating_add(1);
        joined.notes.extend(notes.iter().filter(|note| !self.notes.contains(note)));
        joined
    }

    /// Nobody ended it.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.cancelled.is_none()
    }

    /// A press that arrives now joins it. A clock that was set back puts nothing off.
    #[must_use]
    pub fn takes(&self, now: Timestamp) -> bool {
        self.is_open() && !self.is_unplaced && is_recent(self.pressed, now)
    }

    /// A press that arrives now and cannot be placed is told to people with it.
    #[must_use]
    pub fn gathers(&self, now: Timestamp) -> bool {
        self.is_open() && self.is_unplaced && is_recent(self.pressed, now)
    }

    /// What a caller must have read to end it.
    #[must_use]
    pub fn etag(&self) -> String {
        self.version.to_string()
    }

    /// Ends it, with the reason's number in the contract.
    ///
    /// # Errors
    /// A [`Refusal`] with every reason against it.
    pub fn cancel(&self, reason: i32, call: &Call<'_>) -> Result<Self, Refusal> {
        let mut refusal = Refusal::default();
        if !self.is_open() {
            refusal.add("alarm", reason::WRONG_STATE);
        }
        if call.etag != self.etag() {
            refusal.add("etag", reason::ETAG_STALE);
        }
        let person = call.actor.person.clone();
        if person.is_none() {
            refusal.add("acting_person", reason::PERSON_REQUIRED);
        }
        let reason = CancelReason::from_wire(reason);
        if reason.is_none() {
            refusal.add("reason", reason::FIELD_REQUIRED);
        }
        let (reason, person) = match refusal.or((reason, person))? {
            (Some(reason), Some(person)) => (reason, person),
            _ => return Err(Refusal::one("reason", reason::FIELD_REQUIRED)),
        };
        let cancelled = Some(Cancelled { reason, person, time: call.now });
        Ok(Self { cancelled, is_unplaced: false, version: self.version + 1, ..self.clone() })
    }

    /// Encodes it as it is shown.
    #[must_use]
    pub fn write(&self, party: &PartyId) -> pb::Alarm {
        let ended = self.cancelled.as_ref();
        let state = match (self.is_open(), self.is_unplaced) {
            (true, false) => pb::AlarmState::Open,
            (true, true) => pb::AlarmState::Unplaced,
            (false, _) => pb::AlarmState::Cancelled,
        };
        pb::Alarm {
            name: format!("parties/{party}/alarms/{}", self.uid),
            device: format!("parties/{party}/alarmDevices/{}", self.device),
            contact: contact::name(party, self.contact),
            state: state.into(),
            press_time: Some(write_time(self.pressed)),
            last_press_time: Some(write_time(self.last_pressed)),
            presses: i32::try_from(self.presses).unwrap_or(i32::MAX),
            notes: self.notes.iter().map(|note| note.to_wire()).collect(),
            cancel_reason: ended.map_or(0, |ended| ended.reason.to_wire()),
            cancel_person: ended.map_or_else(String::new, |ended| ended.person.as_str().to_owned()),
            cancel_time: ended.map(|ended| write_time(ended.time)),
            etag: self.etag(),
        }
    }

    /// Reads what [`Alarm::write`] wrote. Notes that this build does not know are left out.
    ///
    /// # Errors
    /// A [`Refusal`] that names what is wrong.
    pub fn read(value: &pb::Alarm) -> Result<Self, Refusal> {
        let wrong = |path| move || Refusal::one(path, reason::FIELD_FORMAT);
        let last = |name: &str| name.rsplit_once('/').map(|(_, last)| last.to_owned());
        let uid = |name: &str| last(name).and_then(|last| Uuid::try_parse(&last).ok());
        let time = |value: Option<&prost_types::Timestamp>| Timestamp::new(value?.seconds, value?.nanos).ok();
        let cancelled = match CancelReason::from_wire(value.cancel_reason) {
            None => None,
            Some(reason) => Some(Cancelled {
                reason,
                person: PersonRef::new(&value.cancel_person).map_err(|_| wrong("cancel_person")())?,
                time: time(value.cancel_time.as_ref()).ok_or_else(wrong("cancel_time"))?,
            }),
        };
        Ok(Self {
            uid: uid(&value.name).ok_or_else(wrong("name"))?,
            device: last(&value.device).and_then(|last| last.parse().ok()).ok_or_else(wrong("device"))?,
            contact: uid(&value.contact).ok_or_else(wrong("contact"))?,
            pressed: time(value.press_time.as_ref()).ok_or_else(wrong("press_time"))?,
            last_pressed: time(value.last_press_time.as_ref()).ok_or_else(wrong("last_press_time"))?,
            presses: u32::try_from(value.presses).map_err(|_| wrong("presses")())?,
            notes: value.notes.iter().filter_map(|number| Note::from_wire(*number)).collect(),
            is_unplaced: value.state == pb::AlarmState::Unplaced as i32,
            cancelled,
            version: value.etag.parse().map_err(|_| wrong("etag")())?,
        })
    }
}

//! Devices with an alarm key, and the alarms that they raised.

use nhipcau_domain::{alarm::DeviceId, id::PartyId};
use nhipcau_messaging::store::{Error, Tx};
use uuid::Uuid;

use super::cursor::{Cursor, Found};

/// Tables under whose names bodies are bound to their rows.
pub(crate) const DEVICES: &str = "switchboard_device";
pub(crate) const ALARMS: &str = "switchboard_alarm";

/// A device as it is stored.
#[derive(Clone)]
pub(crate) struct Device {
    pub(crate) party: PartyId,
    pub(crate) id: DeviceId,
    /// Under whose key its body lies.
    pub(crate) case: Uuid,
    /// The alarm key that it was made with, by name.
    pub(crate) key: String,
    pub(crate) seen: [u8; 16],
    /// The newest alarm that it raised; nil for none.
    pub(crate) alarm: Uuid,
    /// The newest of its presses that nobody could place; nil for none.
    pub(crate) unplaced: Uuid,
    /// All of it, encrypted.
    pub(crate) body: Vec<u8>,
}

/// An alarm as it is stored.
#[derive(Clone)]
pub(crate) struct Alarm {
    pub(crate) alarm: Uuid,
    pub(crate) party: PartyId,
    /// Of the contact that it began.
    pub(crate) case: Uuid,
    /// The contract's number.
    pub(crate) state: i32,
    /// Microseconds since 1970.
    pub(crate) press_time: i64,
    /// What is shown without content, encoded.
    pub(crate) basic: Vec<u8>,
    /// All of it, encrypted.
    pub(crate) body: Vec<u8>,
}

/// A device of a party.
pub(crate) fn device(tx: &mut Tx<'_>, party: &PartyId, id: DeviceId) -> Result<Option<Device>, Error> {
    tx.query_one(
        "SELECT case_uid, key, seen, alarm, unplaced, body FROM switchboard_device WHERE party = $1 AND device = $2",
        &[party.as_str().into(), id.as_bytes().into()],
        |row| {
            Ok(Device {
                party: party.clone(),
                id,
                case: Uuid::from_bytes(row.array(0)?),
                key: row.text(1)?,
                seen: row.array(2)?,
                alarm: Uuid::from_bytes(row.array(3)?),
                unplaced: Uuid::from_bytes(row.array(4)?),
                body: row.blob(5)?,
            })
        },
    )
}

/// Whether a party has any device.
pub(crate) fn has_devices(tx: &mut Tx<'_>, party: &PartyId) -> Result<bool, Error> {
    let first =
        tx.query_one("SELECT key FROM switchboard_device WHERE party = $1 LIMIT 1", &[party.as_str().into()], |row| {
            row.text(0)
        })?;
    Ok(first.is_some())
}

/// Names of the alarm keys with which the devices of a party were made.
pub(crate) fn keys_in_use(tx: &mut Tx<'_>, party: &PartyId) -> Result<Vec<String>, Error> {
    tx.query("SELECT DISTINCT key FROM switchboard_device WHERE party = $1", &[party.as_str().into()], |row| {
        row.text(0)
    })
}

/// Writes a device as it stands now.
pub(crate) fn put_device(tx: &mut Tx<'_>, device: &Device) -> Result<(), Error> {
    let key = [device.party.as_str().into(), device.id.as_bytes().into()];
    tx.execute("DELETE FROM switchboard_device WHERE party = $1 AND device = $2", &key)?;
    tx.execute(
        "INSERT INTO switchboard_device (party, device, case_uid, key, seen, alarm, unplaced, body) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[
            device.party.as_str().into(),
            device.id.as_bytes().into(),
            device.case.as_bytes().into(),
            device.key.as_str().into(),
            (&device.seen).into(),
            device.alarm.as_bytes().into(),
            device.unplaced.as_bytes().into(),
            device.body.as_slice().into(),
        ],
    )?;
    Ok(())
}

/// An alarm of a party.
pub(crate) fn alarm(tx: &mut Tx<'_>, party: &PartyId, alarm: Uuid) -> Result<Option<Alarm>, Error> {
    tx.query_one(
        "SELECT case_uid, state, press_time, basic, body FROM switchboard_alarm WHERE alarm = $1 AND party = $2",
        &[alarm.as_bytes().into(), party.as_str().into()],
        |row| {
            Ok(Alarm {
                alarm,
                party: party.clone(),
                case: Uuid::from_bytes(row.array(0)?),
                state: i32::try_from(row.int(1)?).unwrap_or(0),
                press_time: row.int(2)?,
                basic: row.blob(3)?,
                body: row.blob(4)?,
            })
        },
    )
}

/// Writes an alarm as it stands now.
pub(crate) fn put_alarm(tx: &mut Tx<'_>, stored: &Alarm) -> Result<(), Error> {
    tx.execute("DELETE FROM switchboard_alarm WHERE alarm = $1", &[stored.alarm.as_bytes().into()])?;
    tx.execute(
        "INSERT INTO switchboard_alarm (alarm, party, case_uid, state, press_time, basic, body) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            stored.alarm.as_bytes().into(),
            stored.party.as_str().into(),
            stored.case.as_bytes().into(),
            stored.state.into(),
            stored.press_time.into(),
            stored.basic.as_slice().into(),
            stored.body.as_slice().into(),
        ],
    )?;
    Ok(())
}

/// Up to `limit` alarms of a party after a cursor, newest first: cursor, state and what is shown without content.
pub(crate) fn after(
    tx: &mut Tx<'_>,
    party: &PartyId,
    cursor: Cursor,
    limit: u64,
) -> Result<Found<(i32, Vec<u8>)>, Error> {
    tx.query(
        "SELECT press_time, alarm, state, basic FROM switchboard_alarm WHERE party = $1 \
         AND (press_time < $2 OR press_time = $3 AND alarm < $4) \
         ORDER BY press_time DESC, alarm DESC LIMIT $5",
        &[party.as_str().into(), cursor.time.into(), cursor.time.into(), cursor.uid.as_bytes().into(), limit.into()],
        |row| {
            let cursor = Cursor { time: row.int(0)?, uid: Uuid::from_bytes(row.array(1)?), side: 0 };
            Ok((cursor, (i32::try_from(row.int(2)?).unwrap_or(0), row.blob(3)?)))
        },
    )
}

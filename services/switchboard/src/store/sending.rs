//! Contacts that wait for the answer to their sending.

use jiff::Timestamp;
use nhipcau_messaging::store::{Error, Tx};
use uuid::Uuid;

/// Table under whose name bodies are bound to their rows.
pub(crate) const TABLE: &str = "switchboard_sending";

/// How often a contact's sending was asked for, and what is asked for, at rest.
pub(crate) fn find(tx: &mut Tx<'_>, contact: Uuid) -> Result<Option<(u32, Vec<u8>)>, Error> {
    tx.query_one(
        "SELECT times_asked, body FROM switchboard_sending WHERE contact = $1",
        &[contact.as_bytes().into()],
        |row| Ok((u32::try_from(row.int(0)?).unwrap_or(u32::MAX), row.blob(1)?)),
    )
}

/// Notes that it is asked for.
pub(crate) fn add(tx: &mut Tx<'_>, contact: Uuid, again: Timestamp, body: &[u8]) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO switchboard_sending (contact, times_asked, ask_time, body) VALUES ($1, 1, $2, $3)",
        &[contact.as_bytes().into(), again.as_microsecond().into(), body.into()],
    )?;
    Ok(())
}

/// Notes that it was asked for once more.
pub(crate) fn asked(tx: &mut Tx<'_>, contact: Uuid) -> Result<(), Error> {
    let contact = [contact.as_bytes().into()];
    tx.execute("UPDATE switchboard_sending SET times_asked = times_asked + 1 WHERE contact = $1", &contact)?;
    Ok(())
}

/// Forgets it: it was answered.
pub(crate) fn remove(tx: &mut Tx<'_>, contact: Uuid) -> Result<(), Error> {
    tx.execute("DELETE FROM switchboard_sending WHERE contact = $1", &[contact.as_bytes().into()])?;
    Ok(())
}

/// Takes the contact that has waited longest for an answer, and puts it off.
pub(crate) fn take(tx: &mut Tx<'_>, now: Timestamp, again: Timestamp) -> Result<Option<Uuid>, Error> {
    let due = tx.query_one(
        "SELECT contact FROM switchboard_sending WHERE ask_time <= $1 ORDER BY ask_time LIMIT 1",
        &[now.as_microsecond().into()],
        |row| Ok(Uuid::from_bytes(row.array(0)?)),
    )?;
    if let Some(contact) = due {
        tx.execute(
            "UPDATE switchboard_sending SET ask_time = $1 WHERE contact = $2",
            &[again.as_microsecond().into(), contact.as_bytes().into()],
        )?;
    }
    Ok(due)
}

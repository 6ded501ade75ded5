//! Contacts that wait for the answer to their sending.

use jiff::Timestamp;
use nhipcau_messaging::{
    message::MessageId,
    store::{Error, Tx},
};
use uuid::Uuid;

/// Table under whose name bodies are bound to their rows.
pub(crate) const TABLE: &str = "switchboard_sending";

/// A contact that is being sent.
pub(crate) struct Waiting {
    /// How often it was its turn: to be sent first, and then to be asked for again.
    pub(crate) times: u32,
    /// The message by which it was asked for last.
    pub(crate) message: MessageId,
    /// What is asked for, at rest.
    pub(crate) body: Vec<u8>,
}

/// How a contact's sending stands.
pub(crate) fn find(tx: &mut Tx<'_>, contact: Uuid) -> Result<Option<Waiting>, Error> {
    tx.query_one(
        "SELECT times_asked, message, body FROM switchboard_sending WHERE contact = $1",
        &[contact.as_bytes().into()],
        |row| {
            let times = u32::try_from(row.int(0)?).unwrap_or(u32::MAX);
            Ok(Waiting { times, message: MessageId(row.array(1)?), body: row.blob(2)? })
        },
    )
}

/// Notes that it is asked for by a message.
pub(crate) fn add(
    tx: &mut Tx<'_>,
    contact: Uuid,
    message: MessageId,
    again: Timestamp,
    body: &[u8],
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO switchboard_sending (contact, message, times_asked, ask_time, body) VALUES ($1, $2, 1, $3, $4)",
        &[contact.as_bytes().into(), (&message.0).into(), again.as_microsecond().into(), body.into()],
    )?;
    Ok(())
}

/// Notes by which message it was asked for once more.
pub(crate) fn asked(tx: &mut Tx<'_>, contact: Uuid, message: MessageId) -> Result<(), Error> {
    tx.execute(
        "UPDATE switchboard_sending SET message = $1 WHERE contact = $2",
        &[(&message.0).into(), contact.as_bytes().into()],
    )?;
    Ok(())
}

/// Forgets it: it was answered.
pub(crate) fn remove(tx: &mut Tx<'_>, contact: Uuid) -> Result<(), Error> {
    tx.execute("DELETE FROM switchboard_sending WHERE contact = $1", &[contact.as_bytes().into()])?;
    Ok(())
}

/// Takes the contact that has waited longest for an answer, counts that and puts it off. Asking may be refused and
/// undone: what is counted here stays. What was put off by a clock that was ahead does not wait for it.
pub(crate) fn take(tx: &mut Tx<'_>, now: Timestamp, again: Timestamp) -> Result<Option<Uuid>, Error> {
    let due = tx.query_one(
        "SELECT contact FROM switchboard_sending WHERE ask_time <= $1 OR ask_time > $2 ORDER BY ask_time LIMIT 1",
        &[now.as_microsecond().into(), again.as_microsecond().into()],
        |row| Ok(Uuid::from_bytes(row.array(0)?)),
    )?;
    if let Some(contact) = due {
        tx.execute(
            "UPDATE switchboard_sending SET times_asked = times_asked + 1, ask_time = $1 WHERE contact = $2",
            &[again.as_microsecond().into(), contact.as_bytes().into()],
        )?;
    }
    Ok(due)
}

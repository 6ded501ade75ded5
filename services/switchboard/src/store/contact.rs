//! Contacts.

use nhipcau_domain::id::PartyId;
use nhipcau_messaging::store::{Error, Tx};
use uuid::Uuid;

use super::cursor::{Cursor, Found};

/// Table under whose name bodies are bound to their rows.
pub(crate) const TABLE: &str = "switchboard_contact";

/// A contact as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) contact: Uuid,
    pub(crate) party: String,
    pub(crate) case: Uuid,
    /// The contract's number.
    pub(crate) state: i32,
    /// Microseconds since 1970.
    pub(crate) create_time: i64,
    /// The BASIC view, encoded.
    pub(crate) basic: Vec<u8>,
    /// All of it, encrypted under the key of its case.
    pub(crate) body: Vec<u8>,
}

/// A contact, whosever it is.
pub(crate) fn find(tx: &mut Tx<'_>, contact: Uuid) -> Result<Option<Stored>, Error> {
    tx.query_one(
        "SELECT party, case_uid, state, create_time, basic, body FROM switchboard_contact WHERE contact = $1",
        &[contact.as_bytes().into()],
        |row| {
            Ok(Stored {
                contact,
                party: row.text(0)?,
                case: Uuid::from_bytes(row.array(1)?),
                state: i32::try_from(row.int(2)?).unwrap_or(0),
                create_time: row.int(3)?,
                basic: row.blob(4)?,
                body: row.blob(5)?,
            })
        },
    )
}

/// Writes a contact as it stands now.
pub(crate) fn put(tx: &mut Tx<'_>, stored: &Stored) -> Result<(), Error> {
    tx.execute("DELETE FROM switchboard_contact WHERE contact = $1", &[stored.contact.as_bytes().into()])?;
    tx.execute(
        "INSERT INTO switchboard_contact (contact, party, case_uid, state, create_time, basic, body) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            stored.contact.as_bytes().into(),
            stored.party.as_str().into(),
            stored.case.as_bytes().into(),
            stored.state.into(),
            stored.create_time.into(),
            stored.basic.as_slice().into(),
            stored.body.as_slice().into(),
        ],
    )?;
    Ok(())
}

/// Up to `limit` contacts of a party after a cursor, newest first: cursor, state and BASIC view.
pub(crate) fn after(
    tx: &mut Tx<'_>,
    party: &PartyId,
    cursor: Cursor,
    limit: u64,
) -> Result<Found<(i32, Vec<u8>)>, Error> {
    tx.query(
        "SELECT create_time, contact, state, basic FROM switchboard_contact WHERE party = $1 \
         AND (create_time < $2 OR create_time = $3 AND contact < $4) \
         ORDER BY create_time DESC, contact DESC LIMIT $5",
        &[party.as_str().into(), cursor.time.into(), cursor.time.into(), cursor.uid.as_bytes().into(), limit.into()],
        |row| {
            let cursor = Cursor { time: row.int(0)?, uid: Uuid::from_bytes(row.array(1)?), side: 0 };
            Ok((cursor, (i32::try_from(row.int(2)?).unwrap_or(0), row.blob(3)?)))
        },
    )
}

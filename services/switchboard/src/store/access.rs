//! The SQL of access records.

use nhipcau_messaging::store::{Error, Row, Tx};
use uuid::Uuid;

/// An access record as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// From 1, without gaps.
    pub(crate) number: u64,
    /// Microseconds since 1970.
    pub(crate) time: i64,
    /// Party of the reader.
    pub(crate) party: String,
    /// Its calling system.
    pub(crate) system: String,
    /// Reference of the acting person.
    pub(crate) person: String,
    /// The contact.
    pub(crate) contact: Uuid,
    /// Digest of the record before.
    pub(crate) previous: [u8; 32],
    /// Its own digest.
    pub(crate) digest: [u8; 32],
}

impl Record {
    fn read(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            number: row.number(0)?,
            time: row.int(1)?,
            party: row.text(2)?,
            system: row.text(3)?,
            person: row.text(4)?,
            contact: Uuid::from_bytes(row.array(5)?),
            previous: row.array(6)?,
            digest: row.array(7)?,
        })
    }
}

/// Number and digest of the newest record, as noted beside the records.
pub(crate) fn head(tx: &mut Tx<'_>) -> Result<Option<(u64, [u8; 32])>, Error> {
    tx.query_one("SELECT number, digest FROM switchboard_access_head", &[], |row| Ok((row.number(0)?, row.array(1)?)))
}

/// Adds a record, which is the head from then on.
pub(crate) fn insert(tx: &mut Tx<'_>, record: &Record) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO switchboard_access (number, access_time, party, system, person, contact, previous, digest) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[
            record.number.into(),
            record.time.into(),
            record.party.as_str().into(),
            record.system.as_str().into(),
            record.person.as_str().into(),
            record.contact.as_bytes().into(),
            (&record.previous).into(),
            (&record.digest).into(),
        ],
    )?;
    tx.execute("DELETE FROM switchboard_access_head", &[])?;
    let head = [record.number.into(), (&record.digest).into()];
    tx.execute("INSERT INTO switchboard_access_head (number, digest) VALUES ($1, $2)", &head)?;
    Ok(())
}

/// Up to `limit` records after a number, in order.
pub(crate) fn after(tx: &mut Tx<'_>, number: u64, limit: u64) -> Result<Vec<Record>, Error> {
    tx.query(
        "SELECT number, access_time, party, system, person, contact, previous, digest \
         FROM switchboard_access WHERE number > $1 ORDER BY number LIMIT $2",
        &[number.into(), limit.into()],
        Record::read,
    )
}

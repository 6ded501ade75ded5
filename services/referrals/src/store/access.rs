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
    /// Party of the origin.
    pub(crate) origin: String,
    /// The referral.
    pub(crate) referral: Uuid,
    /// Numbers of the parts, joined by commas, and behind `@` the branch where one was asked for; of a legal hold,
    /// `hold` or `release`.
    pub(crate) parts: String,
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
            origin: row.text(5)?,
            referral: Uuid::from_bytes(row.array(6)?),
            parts: row.text(7)?,
            previous: row.array(8)?,
            digest: row.array(9)?,
        })
    }
}

/// Number and digest of the newest record, as noted beside the records.
pub(crate) fn head(tx: &mut Tx<'_>) -> Result<Option<(u64, [u8; 32])>, Error> {
    tx.query_one("SELECT number, digest FROM referral_access_head", &[], |row| Ok((row.number(0)?, row.array(1)?)))
}

/// Adds a record, which is the head from then on.
pub(crate) fn insert(tx: &mut Tx<'_>, record: &Record) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO referral_access \
         (number, access_time, party, system, person, origin, referral, parts, previous, digest) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        &[
            record.number.into(),
            record.time.into(),
            record.party.as_str().into(),
            record.system.as_str().into(),
            record.person.as_str().into(),
            record.origin.as_str().into(),
            record.referral.as_bytes().into(),
            record.parts.as_str().into(),
            (&record.previous).into(),
            (&record.digest).into(),
        ],
    )?;
    tx.execute("DELETE FROM referral_access_head", &[])?;
    let head = [record.number.into(), (&record.digest).into()];
    tx.execute("INSERT INTO referral_access_head (number, digest) VALUES ($1, $2)", &head)?;
    Ok(())
}

/// Up to `limit` records after a number, in order.
pub(crate) fn after(tx: &mut Tx<'_>, number: u64, limit: u64) -> Result<Vec<Record>, Error> {
    tx.query(
        "SELECT number, access_time, party, system, person, origin, referral, parts, previous, digest \
         FROM referral_access WHERE number > $1 ORDER BY number LIMIT $2",
        &[number.into(), limit.into()],
        Record::read,
    )
}

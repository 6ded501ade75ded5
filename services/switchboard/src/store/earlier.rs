//! By which pseudonyms contacts are found.

use nhipcau_domain::{id::PartyId, pseudonym::Pseudonym};
use nhipcau_messaging::store::{Error, Row, Tx};
use uuid::Uuid;

/// Has a contact be found by a pseudonym.
pub(crate) fn put(tx: &mut Tx<'_>, party: &PartyId, pseudonym: &Pseudonym, contact: Uuid) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO switchboard_pseudonym (party, pseudonym, contact) VALUES ($1, $2, $3) \
         ON CONFLICT (party, pseudonym, contact) DO NOTHING",
        &[party.as_str().into(), pseudonym.as_bytes().into(), contact.as_bytes().into()],
    )?;
    Ok(())
}

/// A contact that is found: when it began, and its case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Found {
    pub(crate) create_time: i64,
    pub(crate) contact: Uuid,
    pub(crate) case: Uuid,
}

/// Up to `limit` contacts of a party that a pseudonym finds and that began no later than then, newest first, beside
/// one.
pub(crate) fn find(
    tx: &mut Tx<'_>,
    (party, pseudonym): (&PartyId, &Pseudonym),
    (beside, until): (Uuid, i64),
    limit: u64,
) -> Result<Vec<Found>, Error> {
    tx.query(
        "SELECT c.create_time, c.contact, c.case_uid FROM switchboard_pseudonym p \
         JOIN switchboard_contact c ON c.contact = p.contact \
         WHERE p.party = $1 AND p.pseudonym = $2 AND p.contact <> $3 AND c.create_time <= $4 \
         ORDER BY c.create_time DESC, c.contact DESC LIMIT $5",
        &[party.as_str().into(), pseudonym.as_bytes().into(), beside.as_bytes().into(), until.into(), limit.into()],
        read,
    )
}

/// Up to `limit` contacts that any pseudonym finds, in the order of their uids, after one.
pub(crate) fn after(tx: &mut Tx<'_>, contact: Uuid, limit: u64) -> Result<Vec<Found>, Error> {
    tx.query(
        "SELECT c.create_time, c.contact, c.case_uid FROM switchboard_contact c WHERE c.contact IN (SELECT DISTINCT \
         contact FROM switchboard_pseudonym WHERE contact > $1 ORDER BY contact LIMIT $2) ORDER BY c.contact",
        &[contact.as_bytes().into(), limit.into()],
        read,
    )
}

fn read(row: &Row<'_>) -> Result<Found, Error> {
    let (contact, case) = (Uuid::from_bytes(row.array(1)?), Uuid::from_bytes(row.array(2)?));
    Ok(Found { create_time: row.int(0)?, contact, case })
}

/// Has a contact be found no more.
pub(crate) fn forget(tx: &mut Tx<'_>, contact: Uuid) -> Result<(), Error> {
    tx.execute("DELETE FROM switchboard_pseudonym WHERE contact = $1", &[contact.as_bytes().into()])?;
    Ok(())
}

//! By which pseudonyms contacts are found.

use nhipcau_domain::{id::PartyId, pseudonym::Pseudonym};
use nhipcau_messaging::store::{Error, Tx};
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

/// The contacts of a party that a pseudonym finds.
pub(crate) fn find(tx: &mut Tx<'_>, party: &PartyId, pseudonym: &Pseudonym) -> Result<Vec<Uuid>, Error> {
    tx.query(
        "SELECT contact FROM switchboard_pseudonym WHERE party = $1 AND pseudonym = $2",
        &[party.as_str().into(), pseudonym.as_bytes().into()],
        |row| Ok(Uuid::from_bytes(row.array(0)?)),
    )
}

/// Has a contact be found no more.
pub(crate) fn forget(tx: &mut Tx<'_>, contact: Uuid) -> Result<(), Error> {
    tx.execute("DELETE FROM switchboard_pseudonym WHERE contact = $1", &[contact.as_bytes().into()])?;
    Ok(())
}

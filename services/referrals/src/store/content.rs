//! Parts of the content as they lie at rest.

use nhipcau_domain::referral::Part;
use nhipcau_messaging::store::{Error, Tx};
use uuid::Uuid;

/// Table under whose name bodies are bound to their rows.
pub(crate) const TABLE: &str = "referral_content";

/// A part at rest.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub(crate) part: Part,
    pub(crate) digest: [u8; 32],
    pub(crate) body: Vec<u8>,
}

/// The parts of an owner, every version, oldest first.
pub(crate) fn all(tx: &mut Tx<'_>, owner: Uuid) -> Result<Vec<Sealed>, Error> {
    tx.query(
        "SELECT part, digest, body FROM referral_content WHERE owner = $1 ORDER BY part, version",
        &[owner.as_bytes().into()],
        |row| {
            let number = i32::try_from(row.int(0)?).ok();
            let part = number.and_then(Part::from_wire).ok_or(Error::Corrupt("a part that does not exist"))?;
            Ok(Sealed { part, digest: row.array(1)?, body: row.blob(2)? })
        },
    )
}

/// Whether an owner holds a part with this digest.
pub(crate) fn holds(tx: &mut Tx<'_>, owner: Uuid, digest: &[u8; 32]) -> Result<bool, Error> {
    let found = tx.query_one(
        "SELECT 1 FROM referral_content WHERE owner = $1 AND digest = $2 LIMIT 1",
        &[owner.as_bytes().into(), digest.into()],
        |row| row.int(0),
    )?;
    Ok(found.is_some())
}

/// Adds the newest version of a part.
pub(crate) fn add(tx: &mut Tx<'_>, owner: Uuid, sealed: &Sealed) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO referral_content (owner, part, version, digest, body) VALUES ($1, $2, \
         (SELECT COALESCE(MAX(version), 0) + 1 FROM referral_content WHERE owner = $1 AND part = $2), $3, $4)",
        &[
            owner.as_bytes().into(),
            sealed.part.to_wire().into(),
            (&sealed.digest).into(),
            sealed.body.as_slice().into(),
        ],
    )?;
    Ok(())
}

/// Drops every part of an owner.
pub(crate) fn drop_all(tx: &mut Tx<'_>, owner: Uuid) -> Result<(), Error> {
    tx.execute("DELETE FROM referral_content WHERE owner = $1", &[owner.as_bytes().into()])?;
    Ok(())
}

//! Parts of the content as they lie at rest.

use nhipcau_domain::referral::{Part, PartSet, Side};
use nhipcau_messaging::store::{Error, Row, Tx};
use uuid::Uuid;

/// Table under whose name bodies are bound to their rows.
pub(crate) const TABLE: &str = "referral_content";

/// Whose content it is. The uid alone does not tell: a peer makes up the uids of its own branches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner {
    /// The referral at its origin, the branch at its recipient.
    pub(crate) uid: Uuid,
    /// Which side holds it.
    pub(crate) side: Side,
}

/// A part at rest.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub(crate) part: Part,
    pub(crate) digest: [u8; 32],
    pub(crate) body: Vec<u8>,
}

/// The parts of an owner, every version, oldest first.
pub(crate) fn all(tx: &mut Tx<'_>, owner: Owner) -> Result<Vec<Sealed>, Error> {
    tx.query(
        "SELECT part, digest, body FROM referral_content WHERE owner = $1 AND holder = $2 ORDER BY part, version",
        &[owner.uid.as_bytes().into(), owner.side.to_wire().into()],
        read,
    )
}

/// The part of an owner with a digest, in its first version.
pub(crate) fn find(tx: &mut Tx<'_>, owner: Owner, digest: &[u8; 32]) -> Result<Option<Sealed>, Error> {
    tx.query_one(
        "SELECT part, digest, body FROM referral_content WHERE owner = $1 AND holder = $2 AND digest = $3 \
         ORDER BY part, version LIMIT 1",
        &[owner.uid.as_bytes().into(), owner.side.to_wire().into(), digest.into()],
        read,
    )
}

fn read(row: &Row<'_>) -> Result<Sealed, Error> {
    let number = i32::try_from(row.int(0)?).ok();
    let part = number.and_then(Part::from_wire).ok_or(Error::Corrupt("a part that does not exist"))?;
    Ok(Sealed { part, digest: row.array(1)?, body: row.blob(2)? })
}

/// Whether an owner holds a part with this digest.
pub(crate) fn holds(tx: &mut Tx<'_>, owner: Owner, digest: &[u8; 32]) -> Result<bool, Error> {
    let found = tx.query_one(
        "SELECT 1 FROM referral_content WHERE owner = $1 AND holder = $2 AND digest = $3 LIMIT 1",
        &[owner.uid.as_bytes().into(), owner.side.to_wire().into(), digest.into()],
        |row| row.int(0),
    )?;
    Ok(found.is_some())
}

/// Adds the newest version of a part.
pub(crate) fn add(tx: &mut Tx<'_>, owner: Owner, sealed: &Sealed) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO referral_content (owner, holder, part, version, digest, body) VALUES ($1, $2, $3, \
         (SELECT COALESCE(MAX(version), 0) + 1 FROM referral_content WHERE owner = $1 AND holder = $2 AND part = $3), \
         $4, $5)",
        &[
            owner.uid.as_bytes().into(),
            owner.side.to_wire().into(),
            sealed.part.to_wire().into(),
            (&sealed.digest).into(),
            sealed.body.as_slice().into(),
        ],
    )?;
    Ok(())
}

/// The parts of which an owner holds a version.
pub(crate) fn parts(tx: &mut Tx<'_>, owner: Owner) -> Result<PartSet, Error> {
    let parts = tx.query(
        "SELECT DISTINCT part FROM referral_content WHERE owner = $1 AND holder = $2",
        &[owner.uid.as_bytes().into(), owner.side.to_wire().into()],
        |row| Ok(i32::try_from(row.int(0)?).ok().and_then(Part::from_wire)),
    )?;
    Ok(parts.into_iter().flatten().collect())
}

/// Drops every version of every part of an owner but these.
pub(crate) fn drop_but(tx: &mut Tx<'_>, owner: Owner, kept: PartSet) -> Result<(), Error> {
    let mut places = [0; 5];
    for (place, part) in places.iter_mut().zip(kept.iter()) {
        *place = part.to_wire();
    }
    let [first, second, third, fourth, fifth] = places;
    tx.execute(
        "DELETE FROM referral_content WHERE owner = $1 AND holder = $2 AND part NOT IN ($3, $4, $5, $6, $7)",
        &[
            owner.uid.as_bytes().into(),
            owner.side.to_wire().into(),
            first.into(),
            second.into(),
            third.into(),
            fourth.into(),
            fifth.into(),
        ],
    )?;
    Ok(())
}

//! Parts of what was told, as they lie at rest.

use nhipcau_domain::referral::Part;
use nhipcau_messaging::store::{Error, Tx};

use super::handover::Held;

/// Table under whose name bodies are bound to their rows.
pub(crate) const TABLE: &str = "switchboard_handover_part";

/// A part at rest.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub(crate) part: Part,
    pub(crate) digest: [u8; 32],
    pub(crate) body: Vec<u8>,
}

/// The parts that a side holds, every version, oldest first.
pub(crate) fn all(tx: &mut Tx<'_>, held: Held) -> Result<Vec<Sealed>, Error> {
    tx.query(
        "SELECT part, digest, body FROM switchboard_handover_part WHERE handover = $1 AND holder = $2 \
         ORDER BY part, version",
        &[held.handover.as_bytes().into(), held.side.to_wire().into()],
        |row| {
            let number = i32::try_from(row.int(0)?).ok();
            let part = number.and_then(Part::from_wire).ok_or(Error::Corrupt("a part that does not exist"))?;
            Ok(Sealed { part, digest: row.array(1)?, body: row.blob(2)? })
        },
    )
}

/// Adds the newest version of a part.
pub(crate) fn add(tx: &mut Tx<'_>, held: Held, sealed: &Sealed) -> Result<(), Error> {
    let newest = tx.query_one(
        "SELECT COALESCE(MAX(version), 0) FROM switchboard_handover_part \
         WHERE handover = $1 AND holder = $2 AND part = $3",
        &[held.handover.as_bytes().into(), held.side.to_wire().into(), sealed.part.to_wire().into()],
        |row| row.int(0),
    )?;
    tx.execute(
        "INSERT INTO switchboard_handover_part (handover, holder, part, version, digest, body) \
         VALUES ($1, $2, $3, $4, $5, $6)",
        &[
            held.handover.as_bytes().into(),
            held.side.to_wire().into(),
            sealed.part.to_wire().into(),
            (newest.unwrap_or(0) + 1).into(),
            (&sealed.digest).into(),
            sealed.body.as_slice().into(),
        ],
    )?;
    Ok(())
}

/// Drops everything that a side holds of what was told.
pub(crate) fn drop(tx: &mut Tx<'_>, held: Held) -> Result<(), Error> {
    tx.execute(
        "DELETE FROM switchboard_handover_part WHERE handover = $1 AND holder = $2",
        &[held.handover.as_bytes().into(), held.side.to_wire().into()],
    )?;
    Ok(())
}

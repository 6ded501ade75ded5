//! Requests that were answered.

use nhipcau_messaging::store::{Error, Tx};
use uuid::Uuid;

/// Table under whose name answers are bound to their rows.
pub(crate) const TABLE: &str = "switchboard_request";

/// The contact that a request was about, and the answer at rest.
pub(crate) fn find(tx: &mut Tx<'_>, system: &str, request_id: &str) -> Result<Option<(Uuid, Vec<u8>)>, Error> {
    tx.query_one(
        "SELECT contact, answer FROM switchboard_request WHERE system = $1 AND request_id = $2",
        &[system.into(), request_id.into()],
        |row| Ok((Uuid::from_bytes(row.array(0)?), row.blob(1)?)),
    )
}

/// Remembers what a request was answered with.
pub(crate) fn remember(
    tx: &mut Tx<'_>,
    system: &str,
    request_id: &str,
    contact: Uuid,
    answer: &[u8],
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO switchboard_request (system, request_id, contact, answer) VALUES ($1, $2, $3, $4)",
        &[system.into(), request_id.into(), contact.as_bytes().into(), answer.into()],
    )?;
    Ok(())
}

//! Requests that were answered.

use nhipcau_messaging::store::{Error, Tx};
use uuid::Uuid;

/// Table under whose name digests are bound to their rows.
pub(crate) const TABLE: &str = "referral_request";

/// What a request was answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answered {
    pub(crate) case: Uuid,
    /// Digest of the request, encrypted under the key of the case.
    pub(crate) digest: Vec<u8>,
    pub(crate) referral: Uuid,
    /// The one branch of the answer; `None` when it is the whole referral.
    pub(crate) branch: Option<Uuid>,
}

/// What a request was answered with, if it was.
pub(crate) fn find(tx: &mut Tx<'_>, system: &str, request_id: &str) -> Result<Option<Answered>, Error> {
    tx.query_one(
        "SELECT case_uid, digest, referral, branch FROM referral_request WHERE system = $1 AND request_id = $2",
        &[system.into(), request_id.into()],
        |row| {
            Ok(Answered {
                case: Uuid::from_bytes(row.array(0)?),
                digest: row.blob(1)?,
                referral: Uuid::from_bytes(row.array(2)?),
                branch: Uuid::from_slice(&row.blob(3)?).ok(),
            })
        },
    )
}

/// Remembers what a request was answered with.
pub(crate) fn remember(tx: &mut Tx<'_>, system: &str, request_id: &str, answered: &Answered) -> Result<(), Error> {
    let branch = answered.branch.as_ref().map_or(&[] as &[u8], |branch| branch.as_bytes());
    tx.execute(
        "INSERT INTO referral_request (system, request_id, case_uid, digest, referral, branch) \
         VALUES ($1, $2, $3, $4, $5, $6)",
        &[
            system.into(),
            request_id.into(),
            answered.case.as_bytes().into(),
            answered.digest.as_slice().into(),
            answered.referral.as_bytes().into(),
            branch.into(),
        ],
    )?;
    Ok(())
}

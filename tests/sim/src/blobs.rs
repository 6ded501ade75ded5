//! What a store holds of blobs: the rows that say which are whole, and the bytes that the engine hands over.

use std::collections::BTreeSet;

use nhipcau_messaging::{
    blob,
    engine::{Engine, Error},
    store::{self, Tx},
};

use crate::{
    adapter::Stop,
    directory,
    history::{Blob, Fact},
    payload::correlation,
    plan::blob_of,
    reading::point,
};

/// The blobs that the store calls whole.
pub(crate) fn whole(tx: &mut Tx<'_>) -> Result<BTreeSet<Blob>, store::Error> {
    let sql = "SELECT sender, correlation, digest, size_bytes FROM blob WHERE whole = 1";
    let rows = tx.query(sql, &[], |row| {
        let case = row.blob(1)?.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
        Ok(Blob { sender: point(&row.text(0)?), case, digest: row.array(2)?, size: row.number(3)? })
    })?;
    Ok(rows.into_iter().collect())
}

/// What has become whole since before, or is no longer there. Every byte that the engine hands over is looked at.
pub(crate) fn read(
    engine: &mut Engine,
    before: &mut BTreeSet<Blob>,
    facts: &mut Vec<Fact>,
    tx: &mut Tx<'_>,
) -> Result<(), Stop> {
    let now = whole(tx)?;
    facts.extend(before.difference(&now).map(|blob| Fact::Gone(*blob)));
    for blob in now.difference(before) {
        let is_true = hands_over(engine, blob, tx)? == Some(true);
        facts.push(Fact::Whole { blob: *blob, is_true });
    }
    *before = now;
    Ok(())
}

/// Whether the engine hands over a blob as it should be; `None` when it says that it has not all of it.
pub(crate) fn hands_over(engine: &mut Engine, blob: &Blob, tx: &mut Tx<'_>) -> Result<Option<bool>, Stop> {
    let (sender, case, named) = (directory::access_point(blob.sender), correlation(blob.case), blob.named());
    Ok(match engine.blob(&sender, case.as_ref(), named, tx).map_err(Error::from)? {
        blob::Blob::Held(bytes) => Some(blob_of(&bytes) == named),
        blob::Blob::Awaited { .. } => None,
    })
}

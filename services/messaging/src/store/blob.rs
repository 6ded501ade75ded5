//! The SQL of blobs: what arrived of them, by sender, case and digest.

use nhipcau_domain::id::AccessPointId;

use super::{Error, Row, Tx};
use crate::{
    blob::Standing,
    message::{BlobRef, Correlation},
    pae,
};

/// A blob of a sender within a case; without a case it belongs to none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner<'o> {
    pub(crate) sender: &'o AccessPointId,
    pub(crate) case: Option<&'o Correlation>,
    pub(crate) blob: BlobRef,
}

impl Owner<'_> {
    fn case(&self) -> &[u8] {
        self.case.map_or(&[], |case| case.as_slice())
    }

    /// What a chunk's encryption at rest is bound to.
    pub(crate) fn row(&self, position: u64) -> Vec<u8> {
        let mut row = self.blob.digest.to_vec();
        row.extend(position.to_be_bytes());
        row.extend(self.sender.as_str().as_bytes());
        row
    }
}

/// How far a blob has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) size_bytes: u64,
    pub(crate) arrived: u64,
    pub(crate) is_whole: bool,
    /// Everything came and had another digest; nothing is kept of it.
    pub(crate) is_refused: bool,
}

impl Progress {
    fn read(row: &Row<'_>) -> Result<Self, Error> {
        let whole = row.int(2)?;
        Ok(Self {
            size_bytes: row.number(0)?,
            arrived: row.number(1)?,
            is_whole: whole == 1,
            is_refused: whole == REFUSED,
        })
    }

    pub(crate) const fn standing(self) -> Standing {
        match self {
            Self { is_whole: true, .. } => Standing::Whole,
            Self { is_refused: true, .. } => Standing::Refused,
            Self { arrived, .. } => Standing::Awaited { arrived },
        }
    }
}

/// `whole` of a blob that was refused.
const REFUSED: i64 = 2;

pub(crate) fn progress(tx: &mut Tx<'_>, owner: &Owner<'_>) -> Result<Option<Progress>, Error> {
    tx.query_one(
        "SELECT size_bytes, arrived, whole FROM blob WHERE sender = $1 AND correlation = $2 AND digest = $3",
        &[owner.sender.as_str().into(), owner.case().into(), (&owner.blob.digest).into()],
        Progress::read,
    )
}

/// What is furthest of a blob of a case, and whose it is; `None` when nothing of it has come.
pub(crate) fn furthest(
    tx: &mut Tx<'_>,
    case: &Correlation,
    blob: BlobRef,
) -> Result<Option<(AccessPointId, Progress)>, Error> {
    tx.query_one(
        "SELECT size_bytes, arrived, whole, sender FROM blob WHERE correlation = $1 AND digest = $2 \
         AND size_bytes = $3 ORDER BY CASE whole WHEN 1 THEN 0 ELSE 1 END, arrived DESC LIMIT 1",
        &[case.into(), (&blob.digest).into(), blob.size_bytes.into()],
        |row| {
            let sender = AccessPointId::new(&row.text(3)?).map_err(|_| Error::Corrupt("the sender of a blob"))?;
            Ok((sender, Progress::read(row)?))
        },
    )
}

/// How many blobs of a sender are awaited, and how many bytes they will have.
pub(crate) fn awaited(tx: &mut Tx<'_>, sender: &AccessPointId) -> Result<(u64, u64), Error> {
    let counted = tx.query_one(
        "SELECT COUNT(*), CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) FROM blob WHERE sender = $1 AND whole = 0",
        &[sender.as_str().into()],
        |row| Ok((row.number(0)?, row.number(1)?)),
    );
    Ok(counted?.unwrap_or_default())
}

/// Begins a blob of which nothing has arrived.
pub(crate) fn begin(tx: &mut Tx<'_>, owner: &Owner<'_>) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO blob (sender, correlation, digest, size_bytes, arrived, whole) VALUES ($1, $2, $3, $4, 0, 0)",
        &[owner.sender.as_str().into(), owner.case().into(), (&owner.blob.digest).into(), owner.blob.size_bytes.into()],
    )?;
    Ok(())
}

pub(crate) fn has_chunk(tx: &mut Tx<'_>, owner: &Owner<'_>, position: u64) -> Result<bool, Error> {
    let found = tx.query_one(
        "SELECT 1 FROM blob_chunk WHERE sender = $1 AND correlation = $2 AND digest = $3 AND position = $4",
        &[owner.sender.as_str().into(), owner.case().into(), (&owner.blob.digest).into(), position.into()],
        |row| row.int(0),
    )?;
    Ok(found.is_some())
}

/// Adds a chunk that was not there.
pub(crate) fn add_chunk(
    tx: &mut Tx<'_>,
    owner: &Owner<'_>,
    position: u64,
    bytes: u64,
    stored: &[u8],
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO blob_chunk (sender, correlation, digest, position, data) VALUES ($1, $2, $3, $4, $5)",
        &[
            owner.sender.as_str().into(),
            owner.case().into(),
            (&owner.blob.digest).into(),
            position.into(),
            stored.into(),
        ],
    )?;
    tx.execute(
        "UPDATE blob SET arrived = arrived + $1 WHERE sender = $2 AND correlation = $3 AND digest = $4",
        &[bytes.into(), owner.sender.as_str().into(), owner.case().into(), (&owner.blob.digest).into()],
    )?;
    Ok(())
}

/// The stored chunk at a place.
pub(crate) fn chunk(tx: &mut Tx<'_>, owner: &Owner<'_>, position: u64) -> Result<Option<Vec<u8>>, Error> {
    tx.query_one(
        "SELECT data FROM blob_chunk WHERE sender = $1 AND correlation = $2 AND digest = $3 AND position = $4",
        &[owner.sender.as_str().into(), owner.case().into(), (&owner.blob.digest).into(), position.into()],
        |row| row.blob(0),
    )
}

/// Notes that all of a blob is there and is what its digest says.
pub(crate) fn complete(tx: &mut Tx<'_>, owner: &Owner<'_>) -> Result<(), Error> {
    tx.execute(
        "UPDATE blob SET whole = 1 WHERE sender = $1 AND correlation = $2 AND digest = $3",
        &[owner.sender.as_str().into(), owner.case().into(), (&owner.blob.digest).into()],
    )?;
    Ok(())
}

/// Takes everything of a blob away that is not what it should be, and notes that.
pub(crate) fn refuse(tx: &mut Tx<'_>, owner: &Owner<'_>) -> Result<(), Error> {
    let of_blob = [owner.sender.as_str().into(), owner.case().into(), (&owner.blob.digest).into()];
    tx.execute("DELETE FROM blob_chunk WHERE sender = $1 AND correlation = $2 AND digest = $3", &of_blob)?;
    begin_again(tx, owner, REFUSED)
}

/// Has a blob that was refused begin anew.
pub(crate) fn reopen(tx: &mut Tx<'_>, owner: &Owner<'_>) -> Result<(), Error> {
    begin_again(tx, owner, 0)
}

fn begin_again(tx: &mut Tx<'_>, owner: &Owner<'_>, whole: i64) -> Result<(), Error> {
    tx.execute(
        "UPDATE blob SET whole = $1, arrived = 0, size_bytes = $2 WHERE sender = $3 AND correlation = $4 AND digest = $5",
        &[
            whole.into(),
            owner.blob.size_bytes.into(),
            owner.sender.as_str().into(),
            owner.case().into(),
            (&owner.blob.digest).into(),
        ],
    )?;
    Ok(())
}

/// Takes a blob of a case away, whoever sent it.
pub(crate) fn forget(tx: &mut Tx<'_>, case: &Correlation, digest: &pae::Digest) -> Result<(), Error> {
    let of_blob = [case.into(), digest.into()];
    tx.execute("DELETE FROM blob_chunk WHERE correlation = $1 AND digest = $2", &of_blob)?;
    tx.execute("DELETE FROM blob WHERE correlation = $1 AND digest = $2", &of_blob)?;
    Ok(())
}

/// Takes every blob of a case away.
pub(crate) fn erase(tx: &mut Tx<'_>, case: &Correlation) -> Result<(), Error> {
    tx.execute("DELETE FROM blob_chunk WHERE correlation = $1", &[case.into()])?;
    tx.execute("DELETE FROM blob WHERE correlation = $1", &[case.into()])?;
    Ok(())
}

//! The SQL of uploads, and of what the parts of an owner name.

use jiff::Timestamp;
use nhipcau_domain::{
    id::PartyId,
    referral::{Attachment, Part, PartSet, Side},
};
use nhipcau_messaging::store::{Error, Row, Tx};
use uuid::Uuid;

use super::content::Owner;

/// Table under whose name chunks are bound to their rows.
pub(crate) const TABLE: &str = "referral_upload_chunk";

/// A statement that reads uploads.
macro_rules! uploads {
    ($($which:literal)*) => {
        concat!(
            "SELECT upload, party, case_uid, digest, size_bytes, media_type, committed, state, \
             COALESCE(due_time, -1) FROM referral_upload WHERE ",
            $($which),*
        )
    };
}

/// Where an upload stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Open = 1,
    Finished = 2,
    Refused = 3,
}

/// An upload without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Upload {
    pub(crate) uid: Uuid,
    pub(crate) party: PartyId,
    pub(crate) case: Uuid,
    pub(crate) digest: [u8; 32],
    pub(crate) size_bytes: u64,
    /// The contract's number.
    pub(crate) media_type: i32,
    pub(crate) committed: u64,
    pub(crate) state: State,
    /// When it is given up; `None` once a referral names it.
    pub(crate) due: Option<Timestamp>,
}

impl Upload {
    fn read(row: &Row<'_>) -> Result<Self, Error> {
        let corrupt = Error::Corrupt("an upload");
        let state = match row.int(7)? {
            1 => State::Open,
            2 => State::Finished,
            3 => State::Refused,
            _ => return Err(corrupt),
        };
        Ok(Self {
            uid: Uuid::from_bytes(row.array(0)?),
            party: PartyId::new(&row.text(1)?).map_err(|_| Error::Corrupt("the party of an upload"))?,
            case: Uuid::from_bytes(row.array(2)?),
            digest: row.array(3)?,
            size_bytes: row.number(4)?,
            media_type: i32::try_from(row.int(5)?).map_err(|_| corrupt)?,
            committed: row.number(6)?,
            state,
            due: Some(row.int(8)?).filter(|due| *due >= 0).and_then(|due| Timestamp::from_microsecond(due).ok()),
        })
    }
}

pub(crate) fn add(tx: &mut Tx<'_>, upload: &Upload) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO referral_upload (upload, party, case_uid, digest, size_bytes, media_type, committed, state, \
         due_time) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &[
            upload.uid.as_bytes().into(),
            upload.party.as_str().into(),
            upload.case.as_bytes().into(),
            (&upload.digest).into(),
            upload.size_bytes.into(),
            upload.media_type.into(),
            upload.committed.into(),
            (upload.state as i32).into(),
            upload.due.map(Timestamp::as_microsecond).into(),
        ],
    )?;
    Ok(())
}

pub(crate) fn find(tx: &mut Tx<'_>, uid: Uuid) -> Result<Option<Upload>, Error> {
    tx.query_one(uploads!("upload = $1"), &[uid.as_bytes().into()], Upload::read)
}

/// What a party finished in a case under a digest.
pub(crate) fn finished(
    tx: &mut Tx<'_>,
    case: Uuid,
    party: &PartyId,
    digest: &[u8; 32],
) -> Result<Option<Upload>, Error> {
    tx.query_one(
        uploads!("case_uid = $1 AND digest = $2 AND party = $3 AND state = 2 LIMIT 1"),
        &[case.as_bytes().into(), digest.into(), party.as_str().into()],
        Upload::read,
    )
}

/// What a party has handed over, or is handing over, in a case as a request says it; the furthest.
pub(crate) fn same(tx: &mut Tx<'_>, upload: &Upload) -> Result<Option<Upload>, Error> {
    tx.query_one(
        uploads!(
            "case_uid = $1 AND digest = $2 AND party = $3 AND size_bytes = $4 AND media_type = $5 "
            "AND state <> 3 ORDER BY committed DESC, state DESC LIMIT 1"
        ),
        &[
            upload.case.as_bytes().into(),
            (&upload.digest).into(),
            upload.party.as_str().into(),
            upload.size_bytes.into(),
            upload.media_type.into(),
        ],
        Upload::read,
    )
}

/// Whether a party has an upload in a case.
pub(crate) fn has(tx: &mut Tx<'_>, case: Uuid, party: &PartyId) -> Result<bool, Error> {
    let found = tx.query_one(
        "SELECT 1 FROM referral_upload WHERE case_uid = $1 AND party = $2 LIMIT 1",
        &[case.as_bytes().into(), party.as_str().into()],
        |row| row.int(0),
    )?;
    Ok(found.is_some())
}

/// Whether anybody has an upload in a case.
pub(crate) fn has_any(tx: &mut Tx<'_>, case: Uuid) -> Result<bool, Error> {
    let of_case = [case.as_bytes().into()];
    let found =
        tx.query_one("SELECT 1 FROM referral_upload WHERE case_uid = $1 LIMIT 1", &of_case, |row| row.int(0))?;
    Ok(found.is_some())
}

/// How many uploads of a party no referral names, and how many bytes they will have.
pub(crate) fn waiting(tx: &mut Tx<'_>, party: &PartyId) -> Result<(u64, u64), Error> {
    let counted = tx.query_one(
        "SELECT COUNT(*), CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) FROM referral_upload \
         WHERE party = $1 AND due_time IS NOT NULL",
        &[party.as_str().into()],
        |row| Ok((row.number(0)?, row.number(1)?)),
    )?;
    Ok(counted.unwrap_or_default())
}

/// Bytes of a party that referrals name within a case.
pub(crate) fn named_bytes(tx: &mut Tx<'_>, case: Uuid, party: &PartyId) -> Result<u64, Error> {
    let sum = tx.query_one(
        "SELECT CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) FROM referral_upload \
         WHERE case_uid = $1 AND party = $2 AND due_time IS NULL",
        &[case.as_bytes().into(), party.as_str().into()],
        |row| row.number(0),
    )?;
    Ok(sum.unwrap_or_default())
}

/// Bytes that what a party sent names within a case, at its recipients here.
pub(crate) fn awaited_bytes(tx: &mut Tx<'_>, case: Uuid, origin: &PartyId) -> Result<u64, Error> {
    let sum = tx.query_one(
        "SELECT CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) FROM (SELECT DISTINCT a.digest, a.size_bytes \
         FROM referral_attachment a JOIN referral_branch b ON b.branch = a.owner AND b.holder = a.holder \
         WHERE a.case_uid = $1 AND a.holder = $2 AND b.origin = $3) AS named",
        &[case.as_bytes().into(), Side::Recipient.to_wire().into(), origin.as_str().into()],
        |row| row.number(0),
    )?;
    Ok(sum.unwrap_or_default())
}

/// Writes where an upload stands.
pub(crate) fn update(tx: &mut Tx<'_>, upload: &Upload) -> Result<(), Error> {
    tx.execute(
        "UPDATE referral_upload SET committed = $1, state = $2, due_time = $3 WHERE upload = $4",
        &[
            upload.committed.into(),
            (upload.state as i32).into(),
            upload.due.map(Timestamp::as_microsecond).into(),
            upload.uid.as_bytes().into(),
        ],
    )?;
    Ok(())
}

pub(crate) fn add_chunk(tx: &mut Tx<'_>, upload: Uuid, position: u64, body: &[u8]) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO referral_upload_chunk (upload, position, body) VALUES ($1, $2, $3)",
        &[upload.as_bytes().into(), position.into(), body.into()],
    )?;
    Ok(())
}

pub(crate) fn chunk(tx: &mut Tx<'_>, upload: Uuid, position: u64) -> Result<Option<Vec<u8>>, Error> {
    tx.query_one(
        "SELECT body FROM referral_upload_chunk WHERE upload = $1 AND position = $2",
        &[upload.as_bytes().into(), position.into()],
        |row| row.blob(0),
    )
}

/// Takes the bytes of an upload away.
pub(crate) fn empty(tx: &mut Tx<'_>, upload: Uuid) -> Result<(), Error> {
    tx.execute("DELETE FROM referral_upload_chunk WHERE upload = $1", &[upload.as_bytes().into()])?;
    Ok(())
}

/// Takes an upload away.
pub(crate) fn remove(tx: &mut Tx<'_>, upload: Uuid) -> Result<(), Error> {
    empty(tx, upload)?;
    tx.execute("DELETE FROM referral_upload WHERE upload = $1", &[upload.as_bytes().into()])?;
    Ok(())
}

/// The first upload whose time has come, put off until later.
pub(crate) fn take_due(tx: &mut Tx<'_>, now: Timestamp, later: Timestamp) -> Result<Option<Uuid>, Error> {
    let due = tx.query_one(
        "SELECT upload FROM referral_upload WHERE due_time <= $1 ORDER BY due_time, upload LIMIT 1",
        &[now.as_microsecond().into()],
        |row| Ok(Uuid::from_bytes(row.array(0)?)),
    )?;
    if let Some(upload) = due {
        tx.execute(
            "UPDATE referral_upload SET due_time = $1 WHERE upload = $2",
            &[later.as_microsecond().into(), upload.as_bytes().into()],
        )?;
    }
    Ok(due)
}

/// Notes that a part of an owner names an attachment; at its origin what was uploaded for it is kept with it.
pub(crate) fn name(
    tx: &mut Tx<'_>,
    case: Uuid,
    (owner, part): (Owner, Part),
    attachment: &Attachment,
) -> Result<(), Error> {
    // To find it by; it goes with the part.
    let digest = attachment.digest.expose();
    tx.execute(
        "INSERT INTO referral_attachment (owner, holder, part, digest, size_bytes, case_uid) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (owner, holder, part, digest) DO NOTHING",
        &[
            owner.uid.as_bytes().into(),
            owner.side.to_wire().into(),
            part.to_wire().into(),
            digest.into(),
            attachment.size_bytes.into(),
            case.as_bytes().into(),
        ],
    )?;
    if owner.side == Side::Origin {
        tx.execute(
            "UPDATE referral_upload SET due_time = NULL WHERE case_uid = $1 AND digest = $2 AND state = 2",
            &[case.as_bytes().into(), digest.into()],
        )?;
    }
    Ok(())
}

/// Whether a side names an attachment within a case.
pub(crate) fn is_named(tx: &mut Tx<'_>, case: Uuid, side: Side, digest: &[u8; 32]) -> Result<bool, Error> {
    let found = tx.query_one(
        "SELECT 1 FROM referral_attachment WHERE case_uid = $1 AND digest = $2 AND holder = $3 LIMIT 1",
        &[case.as_bytes().into(), digest.into(), side.to_wire().into()],
        |row| row.int(0),
    )?;
    Ok(found.is_some())
}

/// The branches of a case whose recipient holds a part that names an attachment.
pub(crate) fn awaiting(
    tx: &mut Tx<'_>,
    case: Uuid,
    (digest, size_bytes): (&[u8; 32], u64),
) -> Result<Vec<Uuid>, Error> {
    tx.query(
        "SELECT DISTINCT owner FROM referral_attachment WHERE case_uid = $1 AND digest = $2 AND holder = $3 \
         AND size_bytes = $4",
        &[case.as_bytes().into(), digest.into(), Side::Recipient.to_wire().into(), size_bytes.into()],
        |row| Ok(Uuid::from_bytes(row.array(0)?)),
    )
}

/// Drops what the parts of an owner name but these; gives their digests.
pub(crate) fn drop_but(tx: &mut Tx<'_>, owner: Owner, kept: PartSet) -> Result<Vec<[u8; 32]>, Error> {
    let mut dropped = Vec::new();
    for part in Part::KNOWN.iter().filter(|part| !kept.contains(**part)) {
        let of_part = [owner.uid.as_bytes().into(), owner.side.to_wire().into(), part.to_wire().into()];
        dropped.extend(tx.query(
            "SELECT digest FROM referral_attachment WHERE owner = $1 AND holder = $2 AND part = $3",
            &of_part,
            |row| row.array(0),
        )?);
        tx.execute("DELETE FROM referral_attachment WHERE owner = $1 AND holder = $2 AND part = $3", &of_part)?;
    }
    Ok(dropped)
}

/// Drops everything of a case.
pub(crate) fn erase(tx: &mut Tx<'_>, case: Uuid) -> Result<(), Error> {
    let of_case = [case.as_bytes().into()];
    tx.execute(
        "DELETE FROM referral_upload_chunk WHERE upload IN (SELECT upload FROM referral_upload WHERE case_uid = $1)",
        &of_case,
    )?;
    tx.execute("DELETE FROM referral_upload WHERE case_uid = $1", &of_case)?;
    tx.execute("DELETE FROM referral_attachment WHERE case_uid = $1", &of_case)?;
    Ok(())
}

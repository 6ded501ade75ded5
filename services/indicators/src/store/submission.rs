//! Submissions, their content, and the requests that made them.
//!
//! Submissions are numbered as this store took them in, which is the order that cursors follow; their content is kept
//! as it came, so that it can be sent or applied again.

use nhipcau_messaging::store::{Error, Row, Tx};
use uuid::Uuid;

/// A submission as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Submission {
    pub(crate) serial: u64,
    pub(crate) new: NewSubmission,
}

/// What is known of a submission before it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewSubmission {
    pub(crate) provider: String,
    pub(crate) id: Uuid,
    pub(crate) structure: String,
    pub(crate) dataflow: String,
    pub(crate) ordinal: u64,
    pub(crate) publish_time: i64,
    pub(crate) observation_count: u64,
    pub(crate) submitter: String,
    pub(crate) access_point: String,
    pub(crate) envelope: [u8; 16],
    pub(crate) position: u64,
    pub(crate) store_time: i64,
}

fn read(row: &Row<'_>) -> Result<Submission, Error> {
    Ok(Submission {
        serial: row.number(0)?,
        new: NewSubmission {
            provider: row.text(1)?,
            id: Uuid::from_bytes(row.array(2)?),
            structure: row.text(3)?,
            dataflow: row.text(4)?,
            ordinal: row.number(5)?,
            publish_time: row.int(6)?,
            observation_count: row.number(7)?,
            submitter: row.text(8)?,
            access_point: row.text(9)?,
            envelope: row.array(10)?,
            position: row.number(11)?,
            store_time: row.int(12)?,
        },
    })
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT serial, provider, id, structure, dataflow, ordinal, publish_time, observation_count, submitter, ",
            "access_point, envelope, position, store_time FROM indicator_submission ",
            $rest
        )
    };
}

/// Stores a submission without its content and gives its serial.
pub(crate) fn insert(tx: &mut Tx<'_>, new: &NewSubmission) -> Result<u64, Error> {
    let serial = last_serial(tx)? + 1;
    tx.execute(
        "INSERT INTO indicator_submission (serial, provider, id, structure, dataflow, ordinal, publish_time, \
         observation_count, submitter, access_point, envelope, position, store_time) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        &[
            serial.into(),
            new.provider.as_str().into(),
            new.id.as_bytes().into(),
            new.structure.as_str().into(),
            new.dataflow.as_str().into(),
            new.ordinal.into(),
            new.publish_time.into(),
            new.observation_count.into(),
            new.submitter.as_str().into(),
            new.access_point.as_str().into(),
            (&new.envelope).into(),
            new.position.into(),
            new.store_time.into(),
        ],
    )?;
    Ok(serial)
}

/// Adds a piece of what a submission said.
pub(crate) fn add_content(tx: &mut Tx<'_>, serial: u64, position: u64, bytes: &[u8]) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO indicator_content (submission, position, bytes) VALUES ($1, $2, $3)",
        &[serial.into(), position.into(), bytes.into()],
    )?;
    Ok(())
}

/// Gives a submission the stamp and origin of an earlier publication of it.
pub(crate) fn move_to(tx: &mut Tx<'_>, serial: u64, earlier: &NewSubmission) -> Result<(), Error> {
    tx.execute(
        "UPDATE indicator_submission SET publish_time = $1, ordinal = $2, access_point = $3, envelope = $4, \
         position = $5 WHERE serial = $6",
        &[
            earlier.publish_time.into(),
            earlier.ordinal.into(),
            earlier.access_point.as_str().into(),
            (&earlier.envelope).into(),
            earlier.position.into(),
            serial.into(),
        ],
    )?;
    Ok(())
}

/// A piece of what a submission said.
pub(crate) fn content_at(tx: &mut Tx<'_>, serial: u64, position: u64) -> Result<Option<Vec<u8>>, Error> {
    tx.query_one(
        "SELECT bytes FROM indicator_content WHERE submission = $1 AND position = $2",
        &[serial.into(), position.into()],
        |row| row.blob(0),
    )
}

/// What a submission said, in order.
pub(crate) fn content(tx: &mut Tx<'_>, serial: u64) -> Result<Vec<Vec<u8>>, Error> {
    tx.query("SELECT bytes FROM indicator_content WHERE submission = $1 ORDER BY position", &[serial.into()], |row| {
        row.blob(0)
    })
}

/// The serial of the submission stored last; 0 before the first.
pub(crate) fn last_serial(tx: &mut Tx<'_>) -> Result<u64, Error> {
    let last = tx.query_one("SELECT COALESCE(MAX(serial), 0) FROM indicator_submission", &[], |row| row.number(0))?;
    Ok(last.unwrap_or(0))
}

/// The highest ordinal and publishing time of a provider; zeros before its first submission.
pub(crate) fn last_of(tx: &mut Tx<'_>, provider: &str) -> Result<(u64, i64), Error> {
    let last = tx.query_one(
        "SELECT COALESCE(MAX(ordinal), 0), COALESCE(MAX(publish_time), 0) FROM indicator_submission WHERE provider = $1",
        &[provider.into()],
        |row| Ok((row.number(0)?, row.int(1)?)),
    )?;
    Ok(last.unwrap_or((0, 0)))
}

/// A submission by its name.
pub(crate) fn by_name(tx: &mut Tx<'_>, provider: &str, id: Uuid) -> Result<Option<Submission>, Error> {
    tx.query_one(select!("WHERE provider = $1 AND id = $2"), &[provider.into(), id.as_bytes().into()], read)
}

/// A submission by its serial.
pub(crate) fn by_serial(tx: &mut Tx<'_>, serial: u64) -> Result<Option<Submission>, Error> {
    tx.query_one(select!("WHERE serial = $1"), &[serial.into()], read)
}

/// The submissions of a provider and structure from a place in their order on.
pub(crate) fn from_place(
    tx: &mut Tx<'_>,
    provider: &str,
    structure: &str,
    publish_time: i64,
    id: Uuid,
) -> Result<Vec<Submission>, Error> {
    tx.query(
        select!("WHERE provider = $1 AND structure = $2 AND (publish_time, id) >= ($3, $4) ORDER BY publish_time, id"),
        &[provider.into(), structure.into(), publish_time.into(), id.as_bytes().into()],
        read,
    )
}

/// The first submission of a structure stored after a serial.
pub(crate) fn next(tx: &mut Tx<'_>, after: u64, structure: &str) -> Result<Option<Submission>, Error> {
    tx.query_one(
        select!("WHERE serial > $1 AND structure = $2 ORDER BY serial LIMIT 1"),
        &[after.into(), structure.into()],
        read,
    )
}

/// What a request was answered with: its digest and the submission's serial.
pub(crate) fn remembered(tx: &mut Tx<'_>, system: &str, request_id: &str) -> Result<Option<([u8; 32], u64)>, Error> {
    tx.query_one(
        "SELECT digest, submission FROM indicator_request WHERE system = $1 AND request_id = $2",
        &[system.into(), request_id.into()],
        |row| Ok((row.array(0)?, row.number(1)?)),
    )
}

/// Remembers what a request was answered with.
pub(crate) fn remember(
    tx: &mut Tx<'_>,
    system: &str,
    request_id: &str,
    digest: &[u8; 32],
    serial: u64,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO indicator_request (system, request_id, digest, submission) VALUES ($1, $2, $3, $4)",
        &[system.into(), request_id.into(), digest.into(), serial.into()],
    )?;
    Ok(())
}

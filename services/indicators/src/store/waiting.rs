//! What waits: uploads for their commit, pieces for their event, events for their pieces.
//!
//! SQL only. Who may upload, how much and for how long is decided by the callers.

use nhipcau_messaging::store::{Error, Tx};

/// Keeps a piece of a bulk load, or keeps it longer.
pub(crate) fn hold_upload(
    tx: &mut Tx<'_>,
    party: &str,
    digest: &[u8; 32],
    bytes: &[u8],
    now: i64,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO indicator_upload (party, digest, bytes, upload_time) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (party, digest) DO UPDATE SET upload_time = excluded.upload_time",
        &[party.into(), digest.into(), bytes.into(), now.into()],
    )?;
    Ok(())
}

/// Drops pieces uploaded before a time.
pub(crate) fn purge_uploads(tx: &mut Tx<'_>, before: i64) -> Result<(), Error> {
    tx.execute("DELETE FROM indicator_upload WHERE upload_time < $1", &[before.into()])?;
    Ok(())
}

/// How many pieces of a party wait.
pub(crate) fn uploads_waiting(tx: &mut Tx<'_>, party: &str) -> Result<u64, Error> {
    let count =
        tx.query_one("SELECT COUNT(*) FROM indicator_upload WHERE party = $1", &[party.into()], |row| row.number(0))?;
    Ok(count.unwrap_or(0))
}

/// The pieces of a bulk load, each where it is held.
pub(crate) fn uploads(tx: &mut Tx<'_>, party: &str, digests: &[[u8; 32]]) -> Result<Vec<Option<Vec<u8>>>, Error> {
    digests
        .iter()
        .map(|digest| {
            tx.query_one(
                "SELECT bytes FROM indicator_upload WHERE party = $1 AND digest = $2",
                &[party.into(), digest.into()],
                |row| row.blob(0),
            )
        })
        .collect()
}

/// Keeps a published piece.
pub(crate) fn hold_piece(tx: &mut Tx<'_>, sender: &str, digest: &[u8; 32], bytes: &[u8]) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO indicator_piece (sender, digest, bytes) VALUES ($1, $2, $3) ON CONFLICT (sender, digest) DO NOTHING",
        &[sender.into(), digest.into(), bytes.into()],
    )?;
    Ok(())
}

/// How many published pieces of a sender are held.
pub(crate) fn pieces_held(tx: &mut Tx<'_>, sender: &str) -> Result<u64, Error> {
    let count =
        tx.query_one("SELECT COUNT(*) FROM indicator_piece WHERE sender = $1", &[sender.into()], |row| row.number(0))?;
    Ok(count.unwrap_or(0))
}

/// How many events of a sender wait.
pub(crate) fn events_waiting(tx: &mut Tx<'_>, sender: &str) -> Result<u64, Error> {
    let count = tx
        .query_one("SELECT COUNT(*) FROM indicator_waiting WHERE sender = $1", &[sender.into()], |row| row.number(0))?;
    Ok(count.unwrap_or(0))
}

/// The published pieces of these digests; none unless all are held.
pub(crate) fn pieces(tx: &mut Tx<'_>, sender: &str, digests: &[[u8; 32]]) -> Result<Option<Vec<Vec<u8>>>, Error> {
    digests
        .iter()
        .map(|digest| {
            tx.query_one(
                "SELECT bytes FROM indicator_piece WHERE sender = $1 AND digest = $2",
                &[sender.into(), digest.into()],
                |row| row.blob(0),
            )
        })
        .collect()
}

/// Drops published pieces whose submission is stored.
pub(crate) fn drop_pieces(tx: &mut Tx<'_>, sender: &str, digests: &[[u8; 32]]) -> Result<(), Error> {
    for digest in digests {
        tx.execute("DELETE FROM indicator_piece WHERE sender = $1 AND digest = $2", &[sender.into(), digest.into()])?;
    }
    Ok(())
}

/// An event that waits.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(crate) envelope: [u8; 16],
    pub(crate) position: u64,
    pub(crate) event: Vec<u8>,
}

/// Lets an event wait.
pub(crate) fn wait(tx: &mut Tx<'_>, sender: &str, waiting: &Waiting) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO indicator_waiting (sender, envelope, position, event) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (sender, envelope) DO NOTHING",
        &[sender.into(), (&waiting.envelope).into(), waiting.position.into(), (&waiting.event).into()],
    )?;
    Ok(())
}

/// The events of a sender that wait.
pub(crate) fn waiting(tx: &mut Tx<'_>, sender: &str) -> Result<Vec<Waiting>, Error> {
    tx.query(
        "SELECT envelope, position, event FROM indicator_waiting WHERE sender = $1 ORDER BY position, envelope",
        &[sender.into()],
        |row| Ok(Waiting { envelope: row.array(0)?, position: row.number(1)?, event: row.blob(2)? }),
    )
}

/// Ends the waiting of an event.
pub(crate) fn stop_waiting(tx: &mut Tx<'_>, sender: &str, envelope: &[u8; 16]) -> Result<(), Error> {
    tx.execute("DELETE FROM indicator_waiting WHERE sender = $1 AND envelope = $2", &[sender.into(), envelope.into()])?;
    Ok(())
}

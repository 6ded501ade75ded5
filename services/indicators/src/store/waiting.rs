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

/// Keeps a published piece, or keeps it longer.
pub(crate) fn hold_piece(
    tx: &mut Tx<'_>,
    sender: &str,
    digest: &[u8; 32],
    bytes: &[u8],
    now: i64,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO indicator_piece (sender, digest, bytes, hold_time) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (sender, digest) DO UPDATE SET hold_time = excluded.hold_time",
        &[sender.into(), digest.into(), bytes.into(), now.into()],
    )?;
    tx.execute(
        "UPDATE indicator_named SET held = 1 WHERE sender = $1 AND digest = $2",
        &[sender.into(), digest.into()],
    )?;
    Ok(())
}

/// Whether a published piece is held.
pub(crate) fn holds_piece(tx: &mut Tx<'_>, sender: &str, digest: &[u8; 32]) -> Result<bool, Error> {
    let found = tx.query_one(
        "SELECT 1 FROM indicator_piece WHERE sender = $1 AND digest = $2",
        &[sender.into(), digest.into()],
        |row| row.int(0),
    )?;
    Ok(found.is_some())
}

/// A published piece.
pub(crate) fn piece(tx: &mut Tx<'_>, sender: &str, digest: &[u8; 32]) -> Result<Option<Vec<u8>>, Error> {
    tx.query_one(
        "SELECT bytes FROM indicator_piece WHERE sender = $1 AND digest = $2",
        &[sender.into(), digest.into()],
        |row| row.blob(0),
    )
}

/// How many pieces of a sender are held.
pub(crate) fn pieces_held(tx: &mut Tx<'_>, sender: &str) -> Result<u64, Error> {
    let count =
        tx.query_one("SELECT COUNT(*) FROM indicator_piece WHERE sender = $1", &[sender.into()], |row| row.number(0))?;
    Ok(count.unwrap_or(0))
}

/// Drops a sender's pieces from before a time that no waiting event names.
pub(crate) fn purge_pieces(tx: &mut Tx<'_>, sender: &str, before: i64) -> Result<(), Error> {
    tx.execute(
        "DELETE FROM indicator_piece WHERE sender = $1 AND hold_time < $2 AND digest NOT IN \
         (SELECT digest FROM indicator_named WHERE sender = $1)",
        &[sender.into(), before.into()],
    )?;
    Ok(())
}

/// Drops published pieces whose submission is stored, but those that another event waits with.
pub(crate) fn drop_pieces(tx: &mut Tx<'_>, sender: &str, digests: &[[u8; 32]]) -> Result<(), Error> {
    for digest in digests {
        tx.execute(
            "DELETE FROM indicator_piece WHERE sender = $1 AND digest = $2 AND NOT EXISTS \
             (SELECT 1 FROM indicator_named WHERE sender = $1 AND digest = $2)",
            &[sender.into(), digest.into()],
        )?;
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

/// Lets an event wait for the pieces of these digests; with each, whether it is held.
pub(crate) fn wait(tx: &mut Tx<'_>, sender: &str, waiting: &Waiting, pieces: &[([u8; 32], bool)]) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO indicator_waiting (sender, envelope, position, event) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (sender, envelope) DO NOTHING",
        &[sender.into(), (&waiting.envelope).into(), waiting.position.into(), (&waiting.event).into()],
    )?;
    for (digest, held) in pieces {
        tx.execute(
            "INSERT INTO indicator_named (sender, digest, envelope, held) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (sender, digest, envelope) DO NOTHING",
            &[sender.into(), digest.into(), (&waiting.envelope).into(), i64::from(*held).into()],
        )?;
    }
    Ok(())
}

/// How many pieces the waiting events of a sender name.
pub(crate) fn pieces_named(tx: &mut Tx<'_>, sender: &str) -> Result<u64, Error> {
    let count =
        tx.query_one("SELECT COUNT(*) FROM indicator_named WHERE sender = $1", &[sender.into()], |row| row.number(0))?;
    Ok(count.unwrap_or(0))
}

/// Whether a waiting event names a piece.
pub(crate) fn names_piece(tx: &mut Tx<'_>, sender: &str, digest: &[u8; 32]) -> Result<bool, Error> {
    let found = tx.query_one(
        "SELECT 1 FROM indicator_named WHERE sender = $1 AND digest = $2 LIMIT 1",
        &[sender.into(), digest.into()],
        |row| row.int(0),
    )?;
    Ok(found.is_some())
}

/// The waiting events that name a piece and miss none.
pub(crate) fn whole(tx: &mut Tx<'_>, sender: &str, digest: &[u8; 32]) -> Result<Vec<Waiting>, Error> {
    tx.query(
        "SELECT w.envelope, w.position, w.event FROM indicator_named n \
         JOIN indicator_waiting w ON w.sender = n.sender AND w.envelope = n.envelope \
         WHERE n.sender = $1 AND n.digest = $2 AND NOT EXISTS (SELECT 1 FROM indicator_named m \
         WHERE m.sender = n.sender AND m.envelope = n.envelope AND m.held = 0) ORDER BY w.position, w.envelope",
        &[sender.into(), digest.into()],
        |row| Ok(Waiting { envelope: row.array(0)?, position: row.number(1)?, event: row.blob(2)? }),
    )
}

/// Ends the waiting of an event.
pub(crate) fn stop_waiting(tx: &mut Tx<'_>, sender: &str, envelope: &[u8; 16]) -> Result<(), Error> {
    tx.execute("DELETE FROM indicator_waiting WHERE sender = $1 AND envelope = $2", &[sender.into(), envelope.into()])?;
    tx.execute("DELETE FROM indicator_named WHERE sender = $1 AND envelope = $2", &[sender.into(), envelope.into()])?;
    Ok(())
}

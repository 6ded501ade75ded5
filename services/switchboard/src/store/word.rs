//! The SQL of words: what desks said of enquiries that were asked from here, and who was told of each. No decisions;
//! whoever calls holds the transaction.

use jiff::Timestamp;
use nhipcau_messaging::store::{Error, Tx};
use nhipcau_runtime::{book, waking::Book};
use uuid::Uuid;

/// Who was told of which word. What waits no more is forgotten at once, so that of what is there the last of a word
/// counts: whoever was put down before could not be reached.
pub static WORDS: Book = book!(
    b"nhipcau/1/placement-word-notice",
    "switchboard_word",
    "switchboard_word_notice",
    "word",
    "n.step = (SELECT MAX(step) FROM switchboard_word_notice WHERE word = n.word)"
);

/// Puts down a word of a desk, and when it is looked at for whom to tell.
pub(crate) fn add(tx: &mut Tx<'_>, word: Uuid, placement: Uuid, ordinal: u64, due: Timestamp) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO switchboard_word (word, due_time, placement, ordinal) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (word) DO NOTHING",
        &[word.as_bytes().into(), due.as_microsecond().into(), placement.as_bytes().into(), ordinal.into()],
    )?;
    Ok(())
}

/// Of which enquiry it is, and where it stands in the log of the desk.
pub(crate) fn of(tx: &mut Tx<'_>, word: Uuid) -> Result<Option<(Uuid, u64)>, Error> {
    tx.query_one(
        "SELECT placement, ordinal FROM switchboard_word WHERE word = $1 AND placement IS NOT NULL",
        &[word.as_bytes().into()],
        |row| Ok((Uuid::from_bytes(row.array(0)?), row.number(1)?)),
    )
}

/// Whether somebody was told of it.
pub(crate) fn is_told(tx: &mut Tx<'_>, word: Uuid) -> Result<bool, Error> {
    let found = tx.query_one(
        "SELECT 1 FROM switchboard_word_notice WHERE word = $1 AND sent_time IS NOT NULL LIMIT 1",
        &[word.as_bytes().into()],
        |row| row.int(0),
    )?;
    Ok(found.is_some())
}

/// Has everything looked at that waits: what was said by a clock that was ahead does not stand.
pub(crate) fn hasten_all(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), Error> {
    let sql = "UPDATE switchboard_word SET due_time = $1 WHERE due_time > $1";
    tx.execute(sql, &[now.as_microsecond().into()])?;
    Ok(())
}

/// Forgets every word of an enquiry, and whoever was to be told.
pub(crate) fn forget(tx: &mut Tx<'_>, placement: Uuid) -> Result<(), Error> {
    for delete in [
        "DELETE FROM switchboard_word_notice WHERE word IN (SELECT word FROM switchboard_word WHERE placement = $1)",
        "DELETE FROM switchboard_word WHERE placement = $1",
    ] {
        tx.execute(delete, &[placement.as_bytes().into()])?;
    }
    Ok(())
}

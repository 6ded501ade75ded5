//! Series and the revisions of their observations.
//!
//! What an observation was at any time is read from the revisions that had been stored by then. Series and sets of
//! attributes are kept once and named by a number of this store, which means nothing elsewhere.

use nhipcau_messaging::store::{Error, Row, Tx};
use uuid::Uuid;

use crate::observation::State;

/// A series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Series {
    pub(crate) serial: u64,
    pub(crate) key: String,
}

/// What an observation became through a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Revision {
    /// Place of the period in the order of periods.
    pub(crate) order: i64,
    pub(crate) period: String,
    pub(crate) submission: u64,
    /// None when it was deleted.
    pub(crate) state: Option<State>,
}

/// The serial of a series, which is made when it is new.
pub(crate) fn intern(tx: &mut Tx<'_>, structure: &str, provider: &str, key: &str) -> Result<u64, Error> {
    let known = tx.query_one(
        "SELECT serial FROM indicator_series WHERE structure = $1 AND provider = $2 AND key = $3",
        &[structure.into(), provider.into(), key.into()],
        |row| row.number(0),
    )?;
    if let Some(serial) = known {
        return Ok(serial);
    }
    let serial = tx
        .query_one("SELECT COALESCE(MAX(serial), 0) + 1 FROM indicator_series", &[], |row| row.number(0))?
        .unwrap_or(1);
    tx.execute(
        "INSERT INTO indicator_series (serial, structure, provider, key) VALUES ($1, $2, $3, $4)",
        &[serial.into(), structure.into(), provider.into(), key.into()],
    )?;
    Ok(serial)
}

/// The serial of a set of attributes, which is made when it is new.
pub(crate) fn attributes(tx: &mut Tx<'_>, text: &str) -> Result<u64, Error> {
    let known =
        tx.query_one("SELECT serial FROM indicator_attributes WHERE text = $1", &[text.into()], |row| row.number(0))?;
    if let Some(serial) = known {
        return Ok(serial);
    }
    let serial = tx
        .query_one("SELECT COALESCE(MAX(serial), 0) + 1 FROM indicator_attributes", &[], |row| row.number(0))?
        .unwrap_or(1);
    tx.execute("INSERT INTO indicator_attributes (serial, text) VALUES ($1, $2)", &[serial.into(), text.into()])?;
    Ok(serial)
}

/// Notes what an observation became, over what the same submission made of it before.
pub(crate) fn record(tx: &mut Tx<'_>, series: u64, revision: &Revision, attributes: u64) -> Result<(), Error> {
    let value = revision.state.as_ref().and_then(|state| state.value.as_deref()).unwrap_or_default();
    tx.execute(
        "INSERT INTO indicator_revision (series, period, submission, period_text, deleted, value, attributes) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (series, period, submission) DO UPDATE SET \
         deleted = excluded.deleted, value = excluded.value, attributes = excluded.attributes",
        &[
            series.into(),
            revision.order.into(),
            revision.submission.into(),
            revision.period.as_str().into(),
            i64::from(revision.state.is_none()).into(),
            value.into(),
            attributes.into(),
        ],
    )?;
    Ok(())
}

fn read(row: &Row<'_>) -> Result<Revision, Error> {
    let state = match row.int(3)? {
        0 => Some(State::stored(&row.text(4)?, &row.text(5)?)?),
        _ => None,
    };
    Ok(Revision { order: row.int(0)?, period: row.text(1)?, submission: row.number(2)?, state })
}

/// What the newest submission made of an observation, as far as submissions have applied.
pub(crate) fn current(tx: &mut Tx<'_>, series: u64, order: i64) -> Result<Option<State>, Error> {
    let newest = tx.query_one(
        "SELECT r.period, r.period_text, r.submission, r.deleted, r.value, a.text FROM indicator_revision r \
         JOIN indicator_submission s ON s.serial = r.submission JOIN indicator_attributes a ON a.serial = r.attributes \
         WHERE r.series = $1 AND r.period = $2 ORDER BY s.publish_time DESC, s.id DESC LIMIT 1",
        &[series.into(), order.into()],
        read,
    )?;
    Ok(newest.and_then(|revision| revision.state))
}

/// Which revisions of a series to read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slice {
    /// From this place in the order of periods on.
    pub(crate) from: i64,
    /// Of submissions stored up to this serial.
    pub(crate) snapshot: u64,
    /// Of submissions published up to this time.
    pub(crate) as_of: i64,
}

impl Slice {
    /// Everything.
    pub(crate) const ALL: Self = Self { from: i64::MIN, snapshot: i64::MAX as u64, as_of: i64::MAX };
}

/// Revisions of a series, by period and in the order in which their submissions apply.
pub(crate) fn revisions(tx: &mut Tx<'_>, series: u64, slice: Slice) -> Result<Vec<Revision>, Error> {
    tx.query(
        "SELECT r.period, r.period_text, r.submission, r.deleted, r.value, a.text FROM indicator_revision r \
         JOIN indicator_submission s ON s.serial = r.submission JOIN indicator_attributes a ON a.serial = r.attributes \
         WHERE r.series = $1 AND r.period >= $2 AND r.submission <= $3 AND s.publish_time <= $4 \
         ORDER BY r.period, s.publish_time, s.id",
        &[series.into(), slice.from.into(), slice.snapshot.into(), slice.as_of.into()],
        read,
    )
}

/// Takes back what the submissions of a provider and structure did from a place in their order on. Reads the whole
/// table, which is why it is for the rare case of a publisher that was restored.
pub(crate) fn clear_from(
    tx: &mut Tx<'_>,
    provider: &str,
    structure: &str,
    publish_time: i64,
    id: Uuid,
) -> Result<(), Error> {
    tx.execute(
        "DELETE FROM indicator_revision WHERE submission IN (SELECT serial FROM indicator_submission \
         WHERE provider = $1 AND structure = $2 AND (publish_time, id) >= ($3, $4))",
        &[provider.into(), structure.into(), publish_time.into(), id.as_bytes().into()],
    )?;
    Ok(())
}

/// The providers that have series of a structure.
pub(crate) fn providers(tx: &mut Tx<'_>, structure: &str) -> Result<Vec<String>, Error> {
    tx.query(
        "SELECT DISTINCT provider FROM indicator_series WHERE structure = $1 ORDER BY provider",
        &[structure.into()],
        |row| row.text(0),
    )
}

/// The next series of a provider whose keys begin with a prefix, from a key on.
pub(crate) fn series_after(
    tx: &mut Tx<'_>,
    structure: &str,
    provider: &str,
    prefix: &str,
    from: &str,
    limit: u64,
) -> Result<Vec<Series>, Error> {
    // Codes are ASCII, so that nothing with the prefix lies beyond this.
    let end = format!("{prefix}\u{7f}");
    tx.query(
        "SELECT serial, key FROM indicator_series WHERE structure = $1 AND provider = $2 AND key >= $3 AND key < $4 \
         ORDER BY key LIMIT $5",
        &[structure.into(), provider.into(), from.max(prefix).into(), end.as_str().into(), limit.into()],
        |row| Ok(Series { serial: row.number(0)?, key: row.text(1)? }),
    )
}

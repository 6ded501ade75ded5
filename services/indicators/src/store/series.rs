//! Series and the revisions of their observations.
//!
//! What an observation was at any time is read from the revisions that had been stored by then. They lie in segments: a
//! row, or a few, holds by columns what a submission made of observations of one series. Series are kept once and named
//! by a number of this store, which means nothing elsewhere.

use nhipcau_domain::indicator::Period;
use nhipcau_messaging::store::{Error, Tx};
use nhipcau_proto::indicator::v1 as pb;
use prost::Message as _;
use uuid::Uuid;

use crate::{
    content,
    observation::{self, State},
};

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
    pub(crate) period: Period,
    /// The period as it is written.
    pub(crate) text: String,
    pub(crate) submission: u64,
    /// None when it was deleted.
    pub(crate) state: Option<State>,
}

/// What a submission made of observations of a series, by columns.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) series: u64,
    pub(crate) submission: u64,
    /// Counted within the submission: of two that name the same observation the later one says what became of it.
    pub(crate) part: u64,
    /// First and last place in the order of periods.
    pub(crate) span: (i64, i64),
    pub(crate) block: pb::SeriesBlock,
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

/// Adds what a submission made of observations of a series.
pub(crate) fn add_segment(tx: &mut Tx<'_>, segment: &Segment) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO indicator_segment (series, submission, part, first_period, last_period, block) \
         VALUES ($1, $2, $3, $4, $5, $6)",
        &[
            segment.series.into(),
            segment.submission.into(),
            segment.part.into(),
            segment.span.0.into(),
            segment.span.1.into(),
            (&segment.block.encode_to_vec()).into(),
        ],
    )?;
    Ok(())
}

/// Which revisions of a series to read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slice {
    /// First and last place in the order of periods.
    pub(crate) span: (i64, i64),
    /// Of submissions stored up to this serial.
    pub(crate) snapshot: u64,
    /// Of submissions published up to this time.
    pub(crate) as_of: i64,
}

impl Slice {
    /// Everything.
    pub(crate) const ALL: Self = Self { span: (i64::MIN, i64::MAX), snapshot: i64::MAX as u64, as_of: i64::MAX };
}

/// Revisions of a series, by period and in the order in which their submissions apply.
pub(crate) fn revisions(tx: &mut Tx<'_>, series: u64, slice: Slice) -> Result<Vec<Revision>, Error> {
    let (first, last) = slice.span;
    let segments = tx.query(
        "SELECT g.submission, g.block FROM indicator_segment g JOIN indicator_submission s ON s.serial = g.submission \
         WHERE g.series = $1 AND g.first_period <= $2 AND g.last_period >= $3 AND g.submission <= $4 \
         AND s.publish_time <= $5 ORDER BY s.publish_time, s.id, g.part",
        &[series.into(), last.into(), first.into(), slice.snapshot.into(), slice.as_of.into()],
        |row| Ok((row.number(0)?, row.blob(1)?)),
    )?;
    let (mut revisions, count) = (Vec::new(), segments.len());
    for (submission, block) in segments {
        let block = pb::SeriesBlock::decode(block.as_slice()).map_err(|_| Error::Corrupt("a segment"))?;
        for (text, state) in content::rows(block) {
            let period = content::period(&text)?;
            let order = observation::order(period);
            if (first..=last).contains(&order) {
                let state = Some(state).filter(|state| !state.is_nothing());
                revisions.push(Revision { order, period, text, submission, state });
            }
        }
    }
    if count > 1 {
        // Stable: what one submission says of an observation stays together, the last word last.
        revisions.sort_by_key(|revision| revision.order);
        revisions.dedup_by(|later, kept| {
            let is_same = (later.order, later.submission) == (kept.order, kept.submission);
            if is_same {
                std::mem::swap(later, kept);
            }
            is_same
        });
    }
    Ok(revisions)
}

/// Of revisions by period, the last of each.
pub(crate) fn newest(mut revisions: Vec<Revision>) -> Vec<Revision> {
    revisions.dedup_by(|later, kept| {
        let is_same = later.order == kept.order;
        if is_same {
            std::mem::swap(later, kept);
        }
        is_same
    });
    revisions
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
        "DELETE FROM indicator_segment WHERE submission IN (SELECT serial FROM indicator_submission \
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

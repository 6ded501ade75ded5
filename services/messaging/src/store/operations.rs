//! SQL for those who operate an access point: what waits, what was refused, and the receipts. Writes nothing.

use nhipcau_domain::id::AccessPointId;

use super::{Error, Row, Tx, waiting};
use crate::message::{Lane, Recipient};

/// What an outgoing channel waits for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outgoing {
    /// Last position that a receipt covers.
    pub receipted: u64,
    /// Messages that nothing has concluded; of a broadcast, those without a position.
    pub backlog: u64,
    /// When the oldest of them was accepted, in microseconds since 1970.
    pub oldest: Option<i64>,
    /// Messages refused for good.
    pub refused: u64,
}

/// Reads what an outgoing channel waits for.
///
/// # Errors
/// [`Error`] when the store cannot be read.
pub fn outgoing(tx: &mut Tx<'_>, recipient: &Recipient, lane: Lane) -> Result<Outgoing, Error> {
    let channel = [recipient.as_str().into(), lane.number().into()];
    let receipted = tx.query_one(
        "SELECT COALESCE(MAX(last_sequence), 0) FROM receipt_held WHERE recipient = $1 AND lane = $2",
        &channel,
        |row| row.number(0),
    )?;
    let refused = tx.query_one(
        "SELECT COUNT(*) FROM outbox WHERE recipient = $1 AND lane = $2 AND state IN (3, 5) AND state = 3",
        &channel,
        |row| row.number(0),
    )?;
    let is_broadcast = *recipient == Recipient::All;
    let (backlog, oldest) = if is_broadcast {
        let drafts = tx.query_one(
            "SELECT COUNT(*), COALESCE(MIN(create_time), -1) FROM outbox WHERE recipient = $1 AND lane = $2 \
             AND state IN (0, 1, 4) AND state = 0",
            &channel,
            |row| Ok((row.number(0)?, row.int(1)?)),
        )?;
        let (count, oldest) = drafts.unwrap_or_default();
        (count, (count > 0).then_some(oldest))
    } else {
        let open = tx.query_one(
            "SELECT COUNT(*) FROM outbox WHERE recipient = $1 AND lane = $2 AND state IN (0, 1, 4)",
            &channel,
            |row| row.number(0),
        )?;
        (open.unwrap_or(0), waiting::oldest(tx, recipient, lane)?)
    };
    Ok(Outgoing { receipted: receipted.unwrap_or(0), backlog, oldest, refused: refused.unwrap_or(0) })
}

/// How many positions of an incoming channel were refused.
///
/// # Errors
/// [`Error`] when the store cannot be read.
pub fn refused(tx: &mut Tx<'_>, sender: &AccessPointId, recipient: &str, lane: Lane) -> Result<u64, Error> {
    let found = tx.query_one(
        "SELECT COUNT(*) FROM received WHERE sender = $1 AND recipient = $2 AND lane = $3 AND outcome <> 0 \
         AND branch = 0",
        &[sender.as_str().into(), recipient.into(), lane.number().into()],
        |row| row.number(0),
    )?;
    Ok(found.unwrap_or(0))
}

/// How much that came under a sender's subject could not be believed, as far as it is remembered.
///
/// # Errors
/// [`Error`] when the store cannot be read.
pub fn quarantined(tx: &mut Tx<'_>, sender: &AccessPointId) -> Result<u64, Error> {
    let sql = "SELECT COUNT(*) FROM quarantine WHERE subject_sender = $1";
    let found = tx.query_one(sql, &[sender.as_str().into()], |row| row.number(0))?;
    Ok(found.unwrap_or(0))
}

/// Whether the store has a table, such as one of a service that may not be served here.
///
/// # Errors
/// [`Error`] when the store cannot be read.
pub fn has_table(tx: &mut Tx<'_>, name: &str) -> Result<bool, Error> {
    tx.has_table(name)
}

/// Where a receipt stands among all, by time and then by channel.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReceiptPlace {
    /// When its positions were on disk, in microseconds since 1970, by its issuer's clock.
    pub time: i64,
    /// The other side: whose envelopes it covers, or who issued it.
    pub peer: String,
    /// The channel's recipient: an access point or `all`.
    pub recipient: String,
    /// The channel's lane.
    pub lane: i64,
    /// Series.
    pub series: u64,
    /// Number in the series.
    pub number: u64,
    /// Whether it was issued here.
    pub issued: bool,
}

/// A receipt as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReceipt {
    /// Where it stands.
    pub place: ReceiptPlace,
    /// First position covered.
    pub first: u64,
    /// Last position covered.
    pub last: u64,
    /// The signed original.
    pub receipt: Vec<u8>,
}

/// Which receipts are read.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Only of channels with this access point.
    pub peer: Option<String>,
    /// Only those issued here, or only those held from others.
    pub issued: Option<bool>,
    /// Only what stands before this.
    pub before: Option<ReceiptPlace>,
}

/// Reads receipts, newest first.
///
/// # Errors
/// [`Error`] when the store cannot be read.
pub fn receipts(tx: &mut Tx<'_>, wanted: &Wanted, limit: u64) -> Result<Vec<StoredReceipt>, Error> {
    let mut found = Vec::new();
    for issued in [false, true] {
        if wanted.issued.is_none_or(|only| only == issued) {
            found.extend(receipts_of(tx, wanted, issued, limit)?);
        }
    }
    found.sort_by(|a, b| b.place.cmp(&a.place));
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(found)
}

fn receipts_of(tx: &mut Tx<'_>, wanted: &Wanted, issued: bool, limit: u64) -> Result<Vec<StoredReceipt>, Error> {
    let sql = if issued {
        "SELECT receive_time, sender, recipient, lane, series, number, first_sequence, last_sequence, receipt \
         FROM receipt_issued WHERE (receive_time, sender, recipient, lane, series, number) \
         < ($1, $2, $3, $4, $5, $6) AND ($7 = '' OR sender = $8) \
         ORDER BY receive_time DESC, sender DESC, recipient DESC, lane DESC, series DESC, number DESC LIMIT $9"
    } else {
        "SELECT receive_time, issuer, recipient, lane, series, number, first_sequence, last_sequence, receipt \
         FROM receipt_held WHERE (receive_time, issuer, recipient, lane, series, number) \
         < ($1, $2, $3, $4, $5, $6) AND ($7 = '' OR issuer = $8) \
         ORDER BY receive_time DESC, issuer DESC, recipient DESC, lane DESC, series DESC, number DESC LIMIT $9"
    };
    let newest = ReceiptPlace {
        time: i64::MAX,
        peer: String::new(),
        recipient: String::new(),
        lane: 0,
        series: 0,
        number: 0,
        issued: false,
    };
    let before = wanted.before.as_ref().unwrap_or(&newest);
    // Of two that differ in nothing else, the one that was issued here stands first.
    let number = before.number + u64::from(!issued && before.issued);
    let peer = wanted.peer.as_deref().unwrap_or_default();
    tx.query(
        sql,
        &[
            before.time.into(),
            before.peer.as_str().into(),
            before.recipient.as_str().into(),
            before.lane.into(),
            before.series.into(),
            number.into(),
            peer.into(),
            peer.into(),
            limit.into(),
        ],
        |row| stored(row, issued),
    )
}

fn stored(row: &Row<'_>, issued: bool) -> Result<StoredReceipt, Error> {
    Ok(StoredReceipt {
        place: ReceiptPlace {
            time: row.int(0)?,
            peer: row.text(1)?,
            recipient: row.text(2)?,
            lane: row.int(3)?,
            series: row.number(4)?,
            number: row.number(5)?,
            issued,
        },
        first: row.number(6)?,
        last: row.number(7)?,
        receipt: row.blob(8)?,
    })
}

/// How many case keys lie under a key-encryption key, and how many under those whose names sort behind it.
///
/// # Errors
/// [`Error`] when the store cannot be read.
pub fn case_keys_under(tx: &mut Tx<'_>, kek: &str) -> Result<(u64, u64), Error> {
    let mut count =
        |sql: &'static str| Ok::<_, Error>(tx.query_one(sql, &[kek.into()], |row| row.number(0))?.unwrap_or_default());
    let under = count("SELECT COUNT(*) FROM case_key WHERE kek = $1")?;
    Ok((under, count("SELECT COUNT(*) FROM case_key WHERE kek > $1")?))
}

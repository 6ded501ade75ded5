//! SQL that reads the positions of a channel as one side has them. Writes nothing; works through readers.

use nhipcau_domain::{flow::Flow, id::AccessPointId};

use super::{Error, Row, Tx, outbox::flow_of};
use crate::{
    message::{Lane, MessageId},
    pae::Digest,
};

/// The largest position that a store can hold.
pub(crate) const WITHOUT_END: u64 = i64::MAX as u64;

/// A channel of two access points as the store of one of them has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Channel<'c> {
    /// Whose store it is.
    pub(crate) me: &'c AccessPointId,
    /// The other side.
    pub(crate) peer: &'c AccessPointId,
    /// Lane.
    pub(crate) lane: Lane,
    /// Whether it is the broadcast of the side that sends.
    pub(crate) broadcast: bool,
    /// Whether this side sends.
    pub(crate) is_sent: bool,
}

impl<'c> Channel<'c> {
    fn recipient(&self) -> &'c str {
        match (self.broadcast, self.is_sent) {
            (true, _) => "all",
            (false, true) => self.peer.as_str(),
            (false, false) => self.me.as_str(),
        }
    }
}

/// A position with what stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) sequence: u64,
    pub(crate) id: MessageId,
    pub(crate) digest: Digest,
    pub(crate) flow: Flow,
    /// Sent, and no receipt of the peer covers it.
    pub(crate) unreceipted: bool,
}

fn position(row: &Row<'_>, unreceipted: bool) -> Result<Position, Error> {
    let (id, digest) = (MessageId(row.array(1)?), row.array(2)?);
    Ok(Position { sequence: row.number(0)?, id, digest, flow: flow_of(row, 3)?, unreceipted })
}

/// Goes through positions `first` to `last`, at most `limit` of them, in order.
pub(crate) fn walk(
    tx: &mut Tx<'_>,
    channel: Channel<'_>,
    (first, last, limit): (u64, u64, u64),
    mut each: impl FnMut(Position),
) -> Result<(), Error> {
    let (peer, recipient, lane) = (channel.peer.as_str(), channel.recipient(), channel.lane.number());
    if channel.is_sent {
        tx.query(
            "SELECT sequence, id, digest, contract, kind, EXISTS (SELECT 1 FROM receipt_held r WHERE r.issuer = $1 \
             AND r.recipient = $2 AND r.lane = $3 AND r.last_sequence >= s.sequence \
             AND r.first_sequence <= s.sequence) FROM sent s WHERE s.recipient = $4 AND s.lane = $5 \
             AND s.sequence >= $6 AND s.sequence <= $7 ORDER BY s.sequence LIMIT $8",
            &[
                peer.into(),
                recipient.into(),
                lane.into(),
                recipient.into(),
                lane.into(),
                first.into(),
                last.into(),
                limit.into(),
            ],
            |row| {
                each(position(row, row.int(5)? == 0)?);
                Ok(())
            },
        )?;
    } else {
        tx.query(
            "SELECT sequence, id, digest, contract, kind FROM received WHERE sender = $1 AND recipient = $2 \
             AND lane = $3 AND branch = 0 AND sequence >= $4 AND sequence <= $5 ORDER BY sequence LIMIT $6",
            &[peer.into(), recipient.into(), lane.into(), first.into(), last.into(), limit.into()],
            |row| {
                each(position(row, false)?);
                Ok(())
            },
        )?;
    }
    Ok(())
}

/// The last position; 0 when there is none.
pub(crate) fn last(tx: &mut Tx<'_>, channel: Channel<'_>) -> Result<u64, Error> {
    let (peer, recipient, lane) = (channel.peer.as_str(), channel.recipient(), channel.lane.number());
    let found = if channel.is_sent {
        tx.query_one(
            "SELECT sequence FROM sent WHERE recipient = $1 AND lane = $2 ORDER BY sequence DESC LIMIT 1",
            &[recipient.into(), lane.into()],
            |row| row.number(0),
        )
    } else {
        tx.query_one(
            "SELECT sequence FROM received WHERE sender = $1 AND recipient = $2 AND lane = $3 AND branch = 0 \
             ORDER BY sequence DESC LIMIT 1",
            &[peer.into(), recipient.into(), lane.into()],
            |row| row.number(0),
        )
    };
    Ok(found?.unwrap_or(0))
}

/// The position from which on a sent channel was signed at a time or later; one beyond the last when nothing was. A
/// position that is missing belongs to what follows it. Found by halves, as if the clock had never gone back.
pub(crate) fn signed_from(tx: &mut Tx<'_>, channel: Channel<'_>, micros: i64) -> Result<u64, Error> {
    let (mut low, mut high) = (1, last(tx, channel)? + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let time = tx.query_one(
            "SELECT sign_time FROM sent WHERE recipient = $1 AND lane = $2 AND sequence >= $3 ORDER BY sequence LIMIT 1",
            &[channel.recipient().into(), channel.lane.number().into(), middle.into()],
            |row| row.int(0),
        )?;
        if time.is_none_or(|time| time >= micros) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(low)
}

/// How many positions of a sent channel say that what was to stand there is not sent, by the flow of that.
pub(crate) fn skipped(
    tx: &mut Tx<'_>,
    channel: Channel<'_>,
    (first, last): (u64, u64),
) -> Result<Vec<(Flow, u64)>, Error> {
    let (recipient, lane) = (channel.recipient(), channel.lane.number());
    // A message's last position is the skip; those before it were the message.
    tx.query(
        "SELECT o.contract, o.kind, COUNT(*) FROM outbox o WHERE o.recipient = $1 AND o.lane = $2 \
         AND o.state IN (3, 5) AND o.state = 5 \
         AND (SELECT MAX(s.sequence) FROM sent s WHERE s.id = o.id) BETWEEN $3 AND $4 GROUP BY o.contract, o.kind \
         UNION ALL SELECT o.contract, o.kind, COUNT(*) FROM outbox o WHERE o.recipient = $5 AND o.lane = $6 \
         AND o.state IN (0, 1, 4) AND o.state = 1 AND o.reason <> 0 \
         AND (SELECT MAX(s.sequence) FROM sent s WHERE s.id = o.id) BETWEEN $7 AND $8 GROUP BY o.contract, o.kind",
        &[
            recipient.into(),
            lane.into(),
            first.into(),
            last.into(),
            recipient.into(),
            lane.into(),
            first.into(),
            last.into(),
        ],
        |row| Ok((flow_of(row, 0)?, row.number(2)?)),
    )
}

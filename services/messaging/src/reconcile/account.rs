//! The side that is asked: what its store has of a span.

use jiff::Timestamp;
use nhipcau_domain::id::AccessPointId;
use nhipcau_proto::envelope::v1::{HeldPosition, PositionRange, Span, SpanAccount};

use super::{POSITIONS, RANGES, sum::Sum, tally::Tally};
use crate::{
    envelope::time,
    message::Lane,
    store::{
        Error, Tx,
        positions::{self, Channel, Position, WITHOUT_END},
    },
};

/// What `me` has of a span that `peer` asks for. The span is well formed, as [`verify_inquiry`](super::verify_inquiry)
/// checks.
///
/// # Errors
/// [`Error`] when the store cannot be read.
pub fn account(me: &AccessPointId, peer: &AccessPointId, span: &Span, tx: &mut Tx<'_>) -> Result<SpanAccount, Error> {
    let lane = Lane::from_number(i64::from(span.lane)).unwrap_or(Lane::Bulk);
    let channel = Channel { me, peer, lane, broadcast: span.broadcast, is_sent: span.sent_by_asked };
    let (start, end) = (time(span.start_time.as_ref()), time(span.end_time.as_ref()));
    let asked = (span.first_sequence, span.last_sequence);
    let Some((first, last)) = bounds(tx, channel, asked, start, end)? else { return Ok(SpanAccount::default()) };
    let to = if last == 0 { WITHOUT_END } else { last };
    let mut found = Vec::new();
    positions::walk(tx, channel, (first, to, POSITIONS as u64 + 1), |position| found.push(position))?;
    let is_many = found.len() > POSITIONS;
    let mut tally = Tally::default();
    let ranges = if is_many { ranges(tx, channel, (first, last), &mut tally)? } else { Vec::new() };
    if !is_many {
        found.iter().for_each(|position| tally.add(&position.flow));
    }
    if channel.is_sent {
        tally.add_skipped(tx, channel, (first, to))?;
    }
    let (flows, skipped_count) = (tally.encode(), tally.skipped());
    let held = |position: &Position| held(position, if flows.is_empty() { 0 } else { tally.number(&position.flow) });
    let positions = if is_many { Vec::new() } else { found.iter().map(held).collect() };
    Ok(SpanAccount { first_sequence: first, last_sequence: last, skipped_count, positions, ranges, flows })
}

/// The part of a span that was signed in a period, as first and last position, or nothing; a last of 0 is without end.
pub(super) fn bounds(
    tx: &mut Tx<'_>,
    channel: Channel<'_>,
    (first, last): (u64, u64),
    start: Option<Timestamp>,
    end: Option<Timestamp>,
) -> Result<Option<(u64, u64)>, Error> {
    let first = match start {
        Some(start) => first.max(positions::signed_from(tx, channel, start.as_microsecond())?),
        None => first,
    };
    let after = match end {
        Some(end) => positions::signed_from(tx, channel, end.as_microsecond())?,
        None => u64::MAX,
    };
    // As long as nothing was signed after the period, what comes next belongs to it.
    if after > positions::last(tx, channel)? {
        return Ok((last == 0 || first <= last).then_some((first, last)));
    }
    let last = if last == 0 { after - 1 } else { last.min(after - 1) };
    Ok((first <= last).then_some((first, last)))
}

fn ranges(
    tx: &mut Tx<'_>,
    channel: Channel<'_>,
    (first, last): (u64, u64),
    tally: &mut Tally,
) -> Result<Vec<PositionRange>, Error> {
    let end = if last == 0 { positions::last(tx, channel)? } else { last };
    let width = (end + 1 - first).div_ceil(RANGES);
    let mut sums = Vec::new();
    let mut at = first;
    while at <= end {
        sums.push((at, Sum::default()));
        at += width;
    }
    positions::walk(tx, channel, (first, end, WITHOUT_END), |position| {
        tally.add(&position.flow);
        let index = usize::try_from((position.sequence - first) / width).unwrap_or(usize::MAX);
        if let Some((_, sum)) = sums.get_mut(index) {
            sum.add(&position);
        }
    })?;
    let count = sums.len();
    let range = |(index, (first_sequence, sum)): (usize, (u64, Sum))| PositionRange {
        first_sequence,
        last_sequence: if index + 1 == count { last } else { first_sequence + width - 1 },
        count: sum.count,
        unreceipted_count: sum.unreceipted,
        digest: sum.digest().to_vec(),
    };
    Ok(sums.into_iter().enumerate().map(range).collect())
}

fn held(position: &Position, flow: u32) -> HeldPosition {
    HeldPosition {
        sequence: position.sequence,
        id: position.id.0.to_vec(),
        digest: position.digest.to_vec(),
        unreceipted: position.unreceipted,
        flow,
    }
}

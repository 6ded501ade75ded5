//! The side that asks: what it wants to know next, and what it concludes from the answers.

use std::collections::{BTreeSet, VecDeque};

use nhipcau_domain::{
    flow::{Flow, Wanted},
    id::AccessPointId,
};
use nhipcau_proto::envelope::v1::{HeldPosition, PositionRange, Span, SpanAccount};

use super::{
    Difference, DifferenceKind, Error, Flowed, Query, Reconciled,
    account::bounds,
    sum::Sum,
    tally::{self, Tally},
};
use crate::{
    envelope::timestamp,
    message::{Lane, MessageId},
    store::{
        self, Tx,
        positions::{self, Channel, Position, WITHOUT_END},
    },
};

/// The comparison of one channel, step by step: [`next`](Self::next) gives a span to ask for, and
/// [`hear`](Self::hear) takes the account of it.
#[derive(Debug)]
pub struct Comparison {
    me: AccessPointId,
    peer: AccessPointId,
    lane: Lane,
    broadcast: bool,
    is_sent: bool,
    wanted: Option<Wanted>,
    limit: usize,
    asked: VecDeque<Asked>,
    result: Reconciled,
    differences: BTreeSet<Difference>,
}

/// A span to ask for; the first one of a channel is also counted.
#[derive(Debug, Clone)]
struct Asked {
    span: Span,
    is_whole: bool,
}

impl Comparison {
    /// Prepares the comparison of every channel between two access points that the query names.
    ///
    /// # Errors
    /// [`store::Error`] when the store cannot be read.
    pub fn of_pair(
        me: &AccessPointId,
        peer: &AccessPointId,
        query: &Query,
        tx: &mut Tx<'_>,
    ) -> Result<Vec<Self>, store::Error> {
        let mut all = Vec::new();
        for is_sent in [true, false] {
            for (broadcast, lane) in [(false, Lane::Messages), (false, Lane::Bulk), (true, Lane::Bulk)] {
                if query.lane.is_none_or(|only| only == lane) {
                    all.push(Self::prepare(me, peer, (lane, broadcast, is_sent), query, tx)?);
                }
            }
        }
        Ok(all)
    }

    fn prepare(
        me: &AccessPointId,
        peer: &AccessPointId,
        (lane, broadcast, is_sent): (Lane, bool, bool),
        query: &Query,
        tx: &mut Tx<'_>,
    ) -> Result<Self, store::Error> {
        let channel = Channel { me, peer, lane, broadcast, is_sent };
        let span = |first_sequence, last_sequence| Span {
            lane: lane.number(),
            broadcast,
            sent_by_asked: !is_sent,
            first_sequence,
            last_sequence,
            ..Span::default()
        };
        // The sender's clock decides what belongs to the period: the own one here, else the other side answers by its.
        let span = if is_sent {
            bounds(tx, channel, (1, 0), query.start, query.end)?.map(|(first, last)| span(first, last))
        } else {
            let (start_time, end_time) = (query.start.map(timestamp), query.end.map(timestamp));
            Some(Span { start_time, end_time, ..span(1, 0) })
        };
        let result = Reconciled {
            lane,
            broadcast,
            is_sent,
            sent: 0,
            held: 0,
            skipped: 0,
            flows: Vec::new(),
            difference_count: 0,
            differences: Vec::new(),
        };
        Ok(Self {
            me: me.clone(),
            peer: peer.clone(),
            lane,
            broadcast,
            is_sent,
            wanted: query.flows.clone(),
            limit: query.limit,
            asked: span.into_iter().map(|span| Asked { span, is_whole: true }).collect(),
            result,
            differences: BTreeSet::new(),
        })
    }

    /// What is to be asked next; nothing when the channel is compared.
    #[must_use]
    pub fn next(&self) -> Option<&Span> {
        self.asked.front().map(|asked| &asked.span)
    }

    /// Takes the account of the span that [`next`](Self::next) gave.
    ///
    /// # Errors
    /// [`Error::Misleading`] when the account is of another span; [`Error::NotCounted`] when flows are wanted and it
    /// does not count by them; [`Error::Store`].
    pub fn hear(&mut self, account: &SpanAccount, tx: &mut Tx<'_>) -> Result<(), Error> {
        let Some(Asked { span, is_whole }) = self.asked.pop_front() else { return Err(Error::Misleading) };
        let is_dated = span.start_time.is_some() || span.end_time.is_some();
        let (first, last) = (account.first_sequence, account.last_sequence);
        if !is_dated && (first, last) != (span.first_sequence, span.last_sequence) {
            return Err(Error::Misleading);
        }
        if first == 0 {
            return Ok(());
        }
        let said = tally::said(account);
        if said.is_none() && self.wanted.is_some() {
            return Err(Error::NotCounted);
        }
        let to = if last == 0 { WITHOUT_END } else { last };
        if is_whole {
            self.count(account, said, (first, to), tx)?;
        }
        if account.ranges.is_empty() {
            self.compare_positions(account, (first, to), tx)?;
        }
        for range in &account.ranges {
            self.compare_range(range, &span, tx)?;
        }
        Ok(())
    }

    /// How the channel compares, once nothing is to be asked any more.
    #[must_use]
    pub fn result(mut self) -> Reconciled {
        self.result.differences = self.differences.into_iter().collect();
        self.result
    }

    fn channel(&self) -> Channel<'_> {
        let Self { me, peer, lane, broadcast, is_sent, .. } = self;
        Channel { me, peer, lane: *lane, broadcast: *broadcast, is_sent: *is_sent }
    }

    fn walk(&self, (first, to): (u64, u64), tx: &mut Tx<'_>, each: impl FnMut(Position)) -> Result<(), store::Error> {
        positions::walk(tx, self.channel(), (first, to, WITHOUT_END), each)
    }

    fn count(
        &mut self,
        account: &SpanAccount,
        said: Option<Tally>,
        (first, to): (u64, u64),
        tx: &mut Tx<'_>,
    ) -> Result<(), store::Error> {
        let (mut mine, mut own) = (0, Tally::default());
        self.walk((first, to), tx, |position| {
            mine += 1;
            own.add(&position.flow);
        })?;
        if self.is_sent {
            own.add_skipped(tx, self.channel(), (first, to))?;
        }
        let theirs = tally::total(account);
        let result = &mut self.result;
        (result.sent, result.held) = if self.is_sent { (mine, theirs) } else { (theirs, mine) };
        result.skipped = if self.is_sent { own.skipped() } else { account.skipped_count };
        let Some(said) = said else { return Ok(()) };
        result.flows = if self.is_sent { tally::together(&own, &said) } else { tally::together(&said, &own) };
        if let Some(wanted) = &self.wanted {
            let of = |count: fn(&Flowed) -> u64| {
                let covered = result.flows.iter().filter(|flowed| wanted.covers(&flowed.flow));
                covered.map(count).fold(0, u64::saturating_add)
            };
            let sums = (of(|flowed| flowed.sent), of(|flowed| flowed.held), of(|flowed| flowed.skipped));
            (result.sent, result.held, result.skipped) = sums;
            result.flows.retain(|flowed| wanted.covers(&flowed.flow) || !flowed.flow.is_known());
        }
        Ok(())
    }

    fn compare_range(&mut self, range: &PositionRange, span: &Span, tx: &mut Tx<'_>) -> Result<(), store::Error> {
        let (first, last) = (range.first_sequence, range.last_sequence);
        let to = if last == 0 { WITHOUT_END } else { last };
        let mut sum = Sum::default();
        self.walk((first, to), tx, |position| sum.add(&position))?;
        let unreceipted = if self.is_sent { sum.unreceipted } else { range.unreceipted_count };
        let count = sum.count;
        let is_same = count == range.count && sum.digest().as_slice() == range.digest;
        if is_same && unreceipted == 0 {
            return Ok(());
        }
        if is_same && (self.is_sent || unreceipted == count) {
            // Which of them lack a receipt is known here.
            let mut lacking = Vec::new();
            let all = !self.is_sent;
            self.walk((first, to), tx, |position| {
                if all || position.unreceipted {
                    lacking.push(position);
                }
            })?;
            // Of what could not be opened here, the sender knows the flow.
            if self.is_sent || lacking.iter().all(|position| position.flow.is_known()) {
                lacking.into_iter().for_each(|p| self.differ((p.sequence, p.id, p.flow), DifferenceKind::Unreceipted));
                return Ok(());
            }
        }
        if range.count == 0 {
            return self.compare_positions(&SpanAccount::default(), (first, to), tx);
        }
        let (first_sequence, last_sequence) = (first, last);
        let span = Span { first_sequence, last_sequence, start_time: None, end_time: None, ..*span };
        self.asked.push_back(Asked { span, is_whole: false });
        Ok(())
    }

    fn compare_positions(
        &mut self,
        account: &SpanAccount,
        (first, to): (u64, u64),
        tx: &mut Tx<'_>,
    ) -> Result<(), store::Error> {
        let mut mine = Vec::new();
        self.walk((first, to), tx, |position| mine.push(position))?;
        let (only_mine, only_theirs) = if self.is_sent {
            (DifferenceKind::Missing, DifferenceKind::UnknownToSender)
        } else {
            (DifferenceKind::UnknownToSender, DifferenceKind::Missing)
        };
        let other =
            |position: &HeldPosition| (position.sequence, id_of(position), tally::named(account, position.flow));
        let mut theirs = account.positions.iter().peekable();
        for position in mine {
            while let Some(before) = theirs.next_if(|other| other.sequence < position.sequence) {
                self.differ(other(before), only_theirs);
            }
            let beside = theirs.next_if(|other| other.sequence == position.sequence);
            let kind = match beside {
                None => only_mine,
                Some(other) if other.digest != position.digest || other.id != position.id.0 => DifferenceKind::Digest,
                Some(other) if position.unreceipted || other.unreceipted => DifferenceKind::Unreceipted,
                Some(_) => continue,
            };
            let by_sender = beside.filter(|_| !self.is_sent).map(|other| tally::named(account, other.flow));
            // Of which flow it is the sender knows; what is of a wanted flow here is not talked out of it.
            let is_asked = |flow: &Flow| self.wanted.as_ref().is_none_or(|wanted| wanted.covers(flow));
            let by_sender = by_sender.filter(|flow| flow.is_known() && (is_asked(flow) || !is_asked(&position.flow)));
            let flow = by_sender.unwrap_or(position.flow);
            self.differ((position.sequence, position.id, flow), kind);
        }
        theirs.for_each(|after| self.differ(other(after), only_theirs));
        Ok(())
    }

    /// Counts a difference, if it is of a flow that is wanted or may be, and keeps it if it is one of the first.
    fn differ(&mut self, (sequence, id, flow): (u64, MessageId, Flow), kind: DifferenceKind) {
        if self.wanted.as_ref().is_some_and(|wanted| !wanted.may_cover(&flow)) {
            return;
        }
        self.result.difference_count += 1;
        self.differences.insert(Difference { sequence, id, kind, flow });
        if self.differences.len() > self.limit {
            self.differences.pop_last();
        }
    }
}

fn id_of(position: &HeldPosition) -> MessageId {
    MessageId(position.id.as_slice().try_into().unwrap_or_default())
}

//! Positions by flow: how many one side has of each, as counted here, and as the other side says.

use std::collections::BTreeMap;

use nhipcau_domain::flow::Flow;
use nhipcau_proto::envelope::v1::{FlowCount, SpanAccount};

use super::{FLOWS, Flowed};
use crate::store::{
    Error, Tx,
    positions::{self, Channel},
};

/// What one side has of each flow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tally(BTreeMap<Flow, Counted>);

/// Positions of a flow, and messages of it that a skip stands for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counted {
    positions: u64,
    skipped: u64,
}

impl Tally {
    /// One position more.
    pub(super) fn add(&mut self, flow: &Flow) {
        match self.0.get_mut(flow) {
            Some(counted) => counted.positions += 1,
            None => drop(self.0.insert(flow.clone(), Counted { positions: 1, skipped: 0 })),
        }
    }

    /// What a sender has skipped of a channel.
    pub(super) fn add_skipped(
        &mut self,
        tx: &mut Tx<'_>,
        channel: Channel<'_>,
        range: (u64, u64),
    ) -> Result<(), Error> {
        for (flow, count) in positions::skipped(tx, channel, range)? {
            self.0.entry(flow).or_default().skipped += count;
        }
        Ok(())
    }

    /// Messages for which there is a skip, of all flows.
    pub(super) fn skipped(&self) -> u64 {
        self.0.values().map(|counted| counted.skipped).sum()
    }

    /// The number of a flow in an account, from 1; 0 when it is not there.
    pub(super) fn number(&self, flow: &Flow) -> u32 {
        let place = self.0.keys().position(|known| known == flow);
        place.and_then(|place| u32::try_from(place + 1).ok()).unwrap_or(0)
    }

    /// As an account says it; nothing when there are more flows than it may name.
    pub(super) fn encode(&self) -> Vec<FlowCount> {
        if self.0.len() > FLOWS {
            return Vec::new();
        }
        let flow = |(flow, counted): (&Flow, &Counted)| FlowCount {
            contract: flow.contract().to_owned(),
            kind: flow.kind().to_owned(),
            count: counted.positions,
            skipped_count: counted.skipped,
        };
        self.0.iter().map(flow).collect()
    }
}

/// What an account says of flows; `None` when it has positions and does not count them by flow.
pub(super) fn said(account: &SpanAccount) -> Option<Tally> {
    let read = |said: &FlowCount| {
        let counted = Counted { positions: said.count, skipped: said.skipped_count };
        Flow::read(said.contract.clone(), said.kind.clone()).map(|flow| (flow, counted))
    };
    let tally = Tally(account.flows.iter().filter_map(read).collect());
    (!tally.0.is_empty() || total(account) == 0).then_some(tally)
}

/// The flow of a position by its number in the account.
pub(super) fn named(account: &SpanAccount, number: u32) -> Flow {
    let place = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    let said = place.and_then(|place| account.flows.get(place));
    said.and_then(|said| Flow::read(said.contract.clone(), said.kind.clone())).unwrap_or_default()
}

/// How many positions an account has, one by one or in sum.
pub(super) fn total(account: &SpanAccount) -> u64 {
    let listed = account.positions.len() as u64;
    account.ranges.iter().fold(listed, |sum, range| sum.saturating_add(range.count))
}

/// Whether the flows of an account are flows, in order, and count its positions and skips.
pub(super) fn is_well_formed(account: &SpanAccount) -> bool {
    let flows = &account.flows;
    if flows.is_empty() {
        return account.positions.iter().all(|position| position.flow == 0);
    }
    if flows.len() > FLOWS {
        return false;
    }
    let read = |said: &FlowCount| Flow::read(said.contract.clone(), said.kind.clone());
    let Some(read) = flows.iter().map(read).collect::<Option<Vec<_>>>() else { return false };
    let sum = |count: fn(&FlowCount) -> u64| flows.iter().fold(0, |sum: u64, said| sum.saturating_add(count(said)));
    let listed = |number: u32| account.positions.iter().filter(|position| position.flow == number).count() as u64;
    let counts = |said: &[FlowCount]| (1..).zip(said).all(|(number, said)| listed(number) == said.count);
    read.is_sorted_by(|a, b| a < b)
        && sum(|said| said.count) == total(account)
        && sum(|said| said.skipped_count) == account.skipped_count
        && (!account.ranges.is_empty() || counts(flows))
}

/// What two sides have of each flow, in order.
pub(super) fn together(sent: &Tally, held: &Tally) -> Vec<Flowed> {
    let mut all: BTreeMap<&Flow, Flowed> = BTreeMap::new();
    let entry = |flow: &Flow| Flowed { flow: flow.clone(), sent: 0, held: 0, skipped: 0 };
    for (flow, counted) in &sent.0 {
        let flowed = all.entry(flow).or_insert_with(|| entry(flow));
        (flowed.sent, flowed.skipped) = (counted.positions, counted.skipped);
    }
    for (flow, counted) in &held.0 {
        all.entry(flow).or_insert_with(|| entry(flow)).held = counted.positions;
    }
    all.into_values().collect()
}

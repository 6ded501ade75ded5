//! The faults there are, by family, and what describes one.

use std::pin::Pin;

use anyhow::Result;

use crate::{
    broker, certificates, clocks, cluster, damage, keys, kills, links, peers, power, releases, rollbacks, storage,
    tools::Need, trial::Trial,
};

/// One way to break something.
pub(crate) struct Fault {
    /// Its name on the command line and in the table.
    pub(crate) name: &'static str,
    /// What is broken, in a line.
    pub(crate) about: &'static str,
    /// What it is broken in.
    pub(crate) setting: Setting,
    /// Runs in a campaign.
    pub(crate) runs: u32,
    /// Runs beside the other tests; such a fault needs nothing that a machine may lack.
    pub(crate) selected: u32,
    /// Breaks it once and heals it, while callers call.
    pub(crate) strike: fn(&mut Trial) -> Strike<'_>,
}

/// A strike under way.
pub(crate) type Strike<'t> = Pin<Box<dyn Future<Output = Result<()>> + 't>>;

/// The world that a fault needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    /// Access points that take part.
    pub(crate) members: &'static [&'static str],
    /// Places below the world's home that are file systems of their own, and how many MiB each holds.
    pub(crate) disks: &'static [(&'static str, u64)],
    /// Whether every access point reaches the broker through a link of its own that can be cut.
    pub(crate) linked: bool,
    /// Whether somebody at the broker may do everything there.
    pub(crate) insider: bool,
    /// Whether the broker is three nodes.
    pub(crate) nodes: bool,
    /// Whether nobody calls at the moment, and nothing is owed: for what takes away all since a copy.
    pub(crate) quiet: bool,
    /// What the machine must have.
    pub(crate) needs: &'static [Need],
    /// What must have been seen at least once over all runs: else the fault did not happen.
    pub(crate) shows: &'static [&'static str],
}

/// A publisher, a switchboard and a commune, on plain disks at one broker.
pub(crate) const PLAIN: Setting = Setting {
    members: &["moha", "moh", "hanoi"],
    disks: &[],
    linked: false,
    insider: false,
    nodes: false,
    quiet: false,
    needs: &[],
    shows: &[],
};

/// Every fault, in the order of the table.
pub(crate) const FAULTS: &[&[Fault]] = &[
    kills::FAULTS,
    broker::FAULTS,
    power::FAULTS,
    damage::FAULTS,
    storage::FAULTS,
    links::FAULTS,
    cluster::FAULTS,
    peers::FAULTS,
    clocks::FAULTS,
    rollbacks::FAULTS,
    keys::FAULTS,
    certificates::FAULTS,
    releases::FAULTS,
];

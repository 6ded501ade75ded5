//! The deterministic simulation: many access points, a misbehaving broker, disks, clocks and enemies, all from one
//! seed, around the unchanged engine of messaging.
//!
//! # Reading it
//! A [`world::World`] is one run. [`queue`] is its time, [`prng`] its chance, [`bus`] its broker, [`injection`] its
//! enemy, [`directory`] its programme. An access point's process is an [`adapter::Node`]: a store in memory and an
//! engine, fed in groups, each of which commits or dies. A commit is a simulated fsync: only then does anything go out.
//! [`handler`] is the service under test; what it writes, together with the rows of messaging, are the
//! [`history::Fact`]s that the [`checker`] holds against everything committed so far, commit by commit, and once
//! more when every fault is healed and everything has drained.
//!
//! # Running it
//! `make sim SEEDS=1000` runs seeds; from 200 on it also fails when a fault or a branch of recovery fired less than
//! 100 times over all of them. A failing seed prints the command that replays it with its event trace. The trace holds
//! no random bytes of the cryptography, so that a seed has one trace for ever; nothing in the simulation decides by
//! such bytes either.
//!
//! # What counts
//! A message counts from the commit that accepted it. A store that is put back to an older copy may take a message
//! away only when no other disk and no broker held it any more at that moment; all others must come to their one
//! effect, a signed final refusal, or a skip that a person was told of.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a simulator stops at what cannot be: its panics are failures of a run, with the seed beside them"
)]

pub mod adapter;
mod blobs;
pub mod bus;
pub mod checker;
pub mod coverage;
pub mod directory;
pub mod handler;
pub mod history;
mod holds;
pub mod injection;
mod ladder;
mod limits;
pub mod payload;
pub mod plan;
pub mod prng;
pub mod queue;
mod reading;
pub mod reconciling;
pub mod report;
pub mod trace;
pub mod wording;
pub mod world;

/// An access point, by its number in the run.
pub type Point = usize;

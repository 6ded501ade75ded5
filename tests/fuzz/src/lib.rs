//! Everything that reads foreign bytes, each under one property: it never panics, what it accepts means the same when
//! it is written and read again, and what it answers is bounded.
//!
//! A [`Reader`] has one property, held in two places: by libFuzzer for as long as one likes (`make fuzz`, a target of
//! the same name in `targets`), and in every test run over [`Reader::seeds`], the kept inputs in `corpus` and random
//! edits of both (`tests/held.rs`). Signatures, digests and keys would stop any fuzzer at the first check; so a
//! property tries the bytes as they came and once more as their sender could have signed them.
//!
//! Leaves out what only reads the operator's own files on the command line, and everything below: protobuf, CSV and
//! TOML are their libraries'.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a property fails by panicking: that is what the fuzzer sees"
)]

mod ceremony;
mod listener;
mod programme;

pub mod alarm;
pub mod area_table;
pub mod bundle;
pub mod case_file;
pub mod code_table;
pub mod config;
pub mod content;
pub mod duty_page;
pub mod envelope;
pub mod event;
pub mod evidence;
pub mod handover;
pub mod name;
pub mod notices;
pub mod part;
pub mod placement;
pub mod receipt;
pub mod reconciliation;
pub mod release;
pub mod request;
pub mod revocation;
pub mod sdmx;
pub mod signal;
pub mod structure;
pub mod submission;

/// Something that reads foreign bytes.
#[derive(Debug, Clone, Copy)]
pub struct Reader {
    /// Its name, and that of its target and of its directory in `corpus`.
    pub name: &'static str,
    /// What holds for all bytes; panics where it does not.
    pub property: fn(&[u8]),
    /// Real bytes to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

macro_rules! readers {
    ($($name:ident)*) => {
        [$(Reader { name: stringify!($name), property: $name::property, seeds: $name::seeds }),*]
    };
}

/// All of them.
pub const READERS: [Reader; 25] = readers! {
    alarm area_table bundle case_file code_table config content duty_page envelope event evidence handover name notices
    part placement receipt reconciliation release request revocation sdmx signal structure submission
};

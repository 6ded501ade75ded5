//! The memory of a process, read page by page while it is stopped: what a core dump of it would hold.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt as _,
};

use anyhow::{Context as _, Result, ensure};
use nhipcau_tests::process::Process;
use rustix::process::Signal;

use crate::search::{Finder, Found};

/// Bytes that are read at once.
const PIECE: u64 = 1 << 20;

/// Searches all that a process of ours can read or write.
pub(crate) fn search(process: &Process, label: &str, finder: &Finder) -> Result<Found> {
    process.signal(Signal::STOP)?;
    let found = stopped(process.id(), label, finder);
    process.signal(Signal::CONT)?;
    found
}

fn stopped(id: u32, label: &str, finder: &Finder) -> Result<Found> {
    let memory = File::open(format!("/proc/{id}/mem")).context("the memory of a process that was started here")?;
    let mut found = Found::default();
    for line in fs::read_to_string(format!("/proc/{id}/maps"))?.lines() {
        let mut words = line.split_whitespace();
        let (range, rights) = (words.next().context("a range")?, words.next().context("rights")?);
        // The kernel's own pages cannot be read.
        if !rights.starts_with('r') || line.contains("[v") {
            continue;
        }
        let (from, to) = range.split_once('-').context("a range")?;
        let (mut at, end) = (u64::from_str_radix(from, 16)?, u64::from_str_radix(to, 16)?);
        while at < end {
            let mut piece = vec![0; usize::try_from(PIECE.min(end - at))?];
            // What a file no longer backs is not there.
            let Ok(read) = memory.read_at(&mut piece, at) else { break };
            ensure!(read > 0, "memory that cannot be read");
            finder.look(&format!("{label} {at:x}"), &piece[..read], &mut found);
            let next = at + read as u64;
            at = if next < end { next - finder.overlap() as u64 } else { next };
        }
    }
    Ok(found)
}

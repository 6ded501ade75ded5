//! Half the rate for a long time: what becomes of delays, memory, descriptors and disks. Ten stretches, so that what
//! creeps up shows as a row of figures and not as one mean.

use std::{fs, path::Path, time::Duration};

use anyhow::Result;
use nhipcau_tests::{process::resident, world::World};

use crate::{referrals::Callers, report::Report};

const STRETCHES: u32 = 10;
/// The access points between which cases go.
const BUSY: [&str; 3] = ["moh", "vwu", "hanoi"];

/// Keeps a rate for a time and notes each stretch of it.
pub(crate) async fn run(
    world: &mut World,
    callers: &mut Callers,
    per_second: f64,
    time: Duration,
    report: &mut Report,
) -> Result<()> {
    for stretch in 1..=STRETCHES {
        let (rate, delay) = callers.pace(per_second, time / STRETCHES).await?;
        let first = (stretch > 1).then_some("soak, stretch 1");
        report.add(&format!("soak, stretch {stretch}"), rate, Some(delay), first);
        for name in BUSY {
            let process = world.running(name)?.id();
            report.fact(&format!("MiB of {name} after stretch {stretch:02}"), resident(process)? >> 10);
            let descriptors = fs::read_dir(format!("/proc/{process}/fd"))?.count();
            report.fact(&format!("descriptors of {name} after stretch {stretch:02}"), descriptors);
        }
    }
    for name in BUSY {
        let files = fs::read_dir(world.path(Path::new(name).join("store")))?;
        let bytes: u64 = files.map(|file| Ok(file?.metadata()?.len())).sum::<std::io::Result<u64>>()?;
        report.fact(&format!("MiB of the store of {name} at the end"), bytes >> 20);
    }
    Ok(())
}

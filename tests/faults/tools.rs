//! What the machine must have for some faults, and how to get it. Looked at before anything runs: a fault is never
//! skipped because a tool is missing.

use std::{
    collections::BTreeSet,
    env,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};
use rustix::process::geteuid;

use crate::campaign::Fault;

/// Set for the process that has file systems of its own.
const APART: &str = "FAULTS_APART";

/// Something that a machine may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Need {
    /// To be root: to mount file systems, to follow processes.
    Root,
    /// Loop devices, the tools for ext4, and those for a place and a network of one's own.
    Ext4,
    /// strace, which makes system calls fail.
    Strace,
    /// libfaketime, which tells a process another time.
    Faketime,
    /// prlimit, which starts a process with fewer descriptors.
    Prlimit,
}

/// What is missing for these faults, each with the command that brings it.
pub(crate) fn missing(chosen: &[&Fault]) -> Vec<String> {
    let needs: BTreeSet<Need> = chosen.iter().flat_map(|fault| fault.setting.needs).copied().collect();
    needs.into_iter().filter_map(lacking).collect()
}

fn lacking(need: Need) -> Option<String> {
    let package = |name: &str| Some(format!("  {need:?} is missing: apt-get install {name}"));
    match need {
        Need::Root => (!geteuid().is_root()).then(|| "  some of these faults need root: run as root".to_owned()),
        Need::Ext4 if !["mkfs.ext4", "mount", "umount", "unshare", "ip"].iter().all(|name| on_path(name).is_some()) => {
            package("e2fsprogs iproute2 mount util-linux")
        }
        Need::Strace if on_path("strace").is_none() => package("strace"),
        Need::Prlimit if on_path("prlimit").is_none() => package("util-linux"),
        Need::Faketime if faketime().is_err() => package("libfaketime"),
        _ => None,
    }
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let beside = ["/sbin", "/usr/sbin"].map(PathBuf::from);
    env::split_paths(&path).chain(beside).map(|place| place.join(name)).find(|file| file.is_file())
}

/// The library that tells another time to a process of several threads.
pub(crate) fn faketime() -> Result<PathBuf> {
    let places = ["/usr/lib/x86_64-linux-gnu/faketime", "/usr/lib64/faketime", "/usr/lib/faketime"];
    let files = places.iter().map(|place| Path::new(place).join("libfaketimeMT.so.1"));
    files.into_iter().find(|file| file.is_file()).context("libfaketime is not there")
}

/// Goes on in a process whose mounts nobody else sees and which go away with it, whatever ends it, and whose ports
/// nobody else takes while something that listened there is down. Does nothing for faults without file systems of their
/// own.
pub(crate) fn apart(chosen: &[&Fault]) -> Result<()> {
    let has_disks = chosen.iter().any(|fault| !fault.setting.disks.is_empty());
    if !has_disks || env::var_os(APART).is_some() {
        return Ok(());
    }
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "--net", "sh", "-c"]);
    command.arg("ip link set lo up && exec \"$0\" \"$@\"").arg(env::current_exe()?).args(env::args_os().skip(1));
    bail!("cannot go on apart: {}", command.env(APART, "1").exec())
}

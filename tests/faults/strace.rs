//! System calls of a running process that fail or take long, by strace, which holds on to it until it is let go, and
//! which writes down what it has struck.

use std::{fs, path::PathBuf, process::Command};

use anyhow::Result;
use nhipcau_tests::{process::Process, wait};
use rustix::process::Signal;
use tempfile::TempDir;

/// A process in which something goes wrong; it is let go when this is dropped.
pub(crate) struct Tampered {
    strace: Process,
    calls: PathBuf,
    _home: TempDir,
}

impl Tampered {
    /// Tampers with system calls, such as `fsync,fdatasync` with `error=EIO:when=1`.
    pub(crate) async fn with(process: u32, calls: &str, how: &str) -> Result<Self> {
        let home = tempfile::tempdir()?;
        let written = home.path().join("calls");
        let mut command = Command::new("strace");
        command.args(["-f", "-y", "-qq", "-e", &format!("trace={calls}"), "-o"]).arg(&written);
        command.args(["-e", &format!("inject={calls}:{how}"), "-p", &process.to_string()]);
        let strace = Process::start("strace", command, &home.path().join("log"))?;
        let status = format!("/proc/{process}/status");
        let is_held = || {
            let status = fs::read_to_string(&status).unwrap_or_default();
            (!status.contains("TracerPid:\t0")).then_some(())
        };
        wait::until("strace to hold the process", is_held).await?;
        Ok(Self { strace, calls: written, _home: home })
    }

    /// How many calls on files below a place were struck so far.
    pub(crate) fn struck(&self, place: &str) -> usize {
        let calls = fs::read(&self.calls).unwrap_or_default();
        let calls = String::from_utf8_lossy(&calls).into_owned();
        let is_struck = |call: &&str| (call.contains("INJECTED") || call.contains("DELAYED")) && call.contains(place);
        calls.lines().filter(is_struck).count()
    }

    /// Lets the process go on as it was.
    pub(crate) async fn end(mut self) -> Result<()> {
        // It has ended already when the process has.
        drop(self.strace.signal(Signal::TERM));
        self.strace.ended().await.map(drop)
    }
}

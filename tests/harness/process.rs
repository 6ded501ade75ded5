//! A process of the program under test: known by its own id, its output kept, ended when dropped.
//!
//! Only what a test started is ever ended, by its id. The program is the one that was built beside the tests and gets
//! nothing of the tests' own settings.

use std::{
    env, fs,
    fs::OpenOptions,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::wait;

/// The program as `make test` built it, with nothing of this process's settings.
///
/// # Errors
/// When it is not there; the message says how to build it.
pub fn program() -> Result<Command> {
    let named = env::var_os("NHIPCAU_BIN").map(PathBuf::from);
    // Tests are built into `deps`, beside which the programs lie.
    let beside = || Some(env::current_exe().ok()?.parent()?.parent()?.join("nhipcau"));
    let path = named.or_else(beside).filter(|path| path.is_file());
    let path = path.context("the program nhipcau is not built: run `make test`, or name it by NHIPCAU_BIN")?;
    let mut command = Command::new(path);
    for (name, _) in env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"NHIPCAU_") {
            command.env_remove(name);
        }
    }
    Ok(command)
}

/// Runs a command to its end and keeps what it wrote.
///
/// # Errors
/// When it cannot be started.
pub fn output(command: &mut Command) -> Result<Output> {
    Ok(command.stdin(Stdio::null()).output()?)
}

/// Runs a command that must succeed.
///
/// # Errors
/// When it cannot be started, or fails.
pub fn done(command: &mut Command) -> Result<()> {
    let output = output(command).with_context(|| format!("{command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// What a process holds in memory, in KiB.
///
/// # Errors
/// When it does not run.
pub fn resident(process: u32) -> Result<u64> {
    memory(process, "VmRSS:")
}

/// The most that a process has held in memory, in KiB.
///
/// # Errors
/// When it does not run.
pub fn peak(process: u32) -> Result<u64> {
    memory(process, "VmHWM:")
}

fn memory(process: u32, field: &str) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default();
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// A running process; dropping it kills it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a process whose output goes to the end of a log.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(name: &str, mut command: Command, log: &Path) -> Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(log)?;
        let child = command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).spawn();
        Ok(Self { name: name.to_owned(), child: child.with_context(|| name.to_owned())?, log: log.to_owned() })
    }

    /// Waits until it is ready, which `probe` says.
    ///
    /// # Errors
    /// When it ends before, or is not ready in time; the message holds its log.
    pub async fn ready<F: Future<Output = bool>>(&mut self, mut probe: impl FnMut() -> F) -> Result<()> {
        let name = self.name.clone();
        let child = &mut self.child;
        let awaited = format!("{name} to be ready");
        let ready = wait::until_answered(&awaited, async || match child.try_wait() {
            Ok(None) => probe().await.then_some(None),
            Ok(Some(status)) => Some(Some(status)),
            Err(_) => None,
        });
        match ready.await {
            Ok(None) => Ok(()),
            Ok(Some(status)) => bail!("{name} ended with {status}\n{}", self.log()),
            Err(error) => Err(error.context(self.log())),
        }
    }

    /// Kills it in the middle of whatever it does.
    pub fn kill(&mut self) {
        // Nothing is left to do about a failure here; a process that is gone already is what is wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// Its process id, for what watches or disturbs it from outside.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// When it has ended already.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).context("a process id")?;
        Ok(kill_process(id, signal)?)
    }

    /// Asks it to end and waits for it.
    ///
    /// # Errors
    /// When it does not end in time; the message holds its log.
    pub async fn stop(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.ended().await
    }

    /// Waits until it has ended by itself.
    ///
    /// # Errors
    /// When it does not end in time; the message holds its log.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        let (name, child) = (&self.name, &mut self.child);
        let awaited = format!("{name} to end");
        let ended = wait::until(&awaited, || child.try_wait().ok().flatten()).await;
        ended.map_err(|error| error.context(self.log()))
    }

    /// What it wrote, and what was written by processes before it under the same name.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

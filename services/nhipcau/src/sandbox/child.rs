//! A process that the sandbox started: known by its own id, logging into a file, ended in order or not at all left
//! behind.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

use super::error::Error;

/// How much of a log an error shows.
const TAIL: usize = 12;
/// How many bytes of its end are read for that.
const LOOKED_AT: u64 = 16 << 10;
/// Between two looks at something that is not ready.
const PAUSE: Duration = Duration::from_millis(50);

/// A running process. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Running {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts a process whose output goes to the end of a log.
    pub(super) fn start(name: &str, mut command: std::process::Command, log: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Start { name: name.to_owned(), source };
        let output = OpenOptions::new().create(true).append(true).open(log).map_err(failed)?;
        let errors = output.try_clone().map_err(failed)?;
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let mut command = Command::from(command);
        // In a group of its own, so that Ctrl-C at the terminal reaches the sandbox alone, which then ends them in
        // order.
        let child = command.process_group(0).kill_on_drop(true).spawn().map_err(failed)?;
        Ok(Self { name: name.to_owned(), child, log: log.to_owned() })
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn ended(&mut self) -> Error {
        match self.child.wait().await {
            Ok(status) => self.failure(status),
            Err(source) => Error::Start { name: self.name.clone(), source },
        }
    }

    /// Looks again and again until it is ready.
    ///
    /// # Errors
    /// With the end of its log, when it has ended or is not ready in time.
    pub(super) async fn ready<F: Future<Output = bool>>(
        &mut self,
        within: Duration,
        mut is_ready: impl FnMut() -> F,
    ) -> Result<(), Error> {
        let deadline = Instant::now() + within;
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(self.failure(status));
            }
            if is_ready().await {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let (name, log, tail) = (self.name.clone(), self.log.clone(), tail(&self.log));
                return Err(Error::NotReady { name, seconds: within.as_secs(), log, tail });
            }
            sleep(PAUSE).await;
        }
    }

    /// Has it read its files anew.
    pub(super) fn reload(&self) -> Result<(), Error> {
        let failed = |source: io::Error| Error::Start { name: self.name.clone(), source };
        self.id().map_or(Ok(()), |id| kill_process(id, Signal::HUP).map_err(|error| failed(error.into())))
    }

    fn id(&self) -> Option<Pid> {
        self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw)
    }

    /// Kills it and waits until it is gone.
    pub(crate) async fn kill(&mut self) -> Result<(), Error> {
        self.child.kill().await.map_err(|source| Error::Start { name: self.name.clone(), source })
    }

    /// Asks it to end, and kills it when it does not in time.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub(crate) async fn stop(mut self, within: Duration) -> io::Result<ExitStatus> {
        if let Some(id) = self.id() {
            kill_process(id, Signal::TERM)?;
        }
        match timeout(within, self.child.wait()).await {
            Ok(status) => status,
            Err(_) => {
                self.child.kill().await?;
                self.child.wait().await
            }
        }
    }

    fn failure(&self, status: ExitStatus) -> Error {
        Error::Ended { name: self.name.clone(), status, log: self.log.clone(), tail: tail(&self.log) }
    }
}

/// The last lines of a log, which may be long.
fn tail(log: &Path) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LOOKED_AT)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let text = read().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(TAIL)..).unwrap_or_default().join("\n")
}

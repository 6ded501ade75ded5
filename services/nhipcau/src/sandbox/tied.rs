//! How a process of the sandbox ends with the sandbox, however that ends: even `kill -9` must not leave a broker and
//! four access points behind that hold ports and stores.
//!
//! The sandbox starts this program with a hidden command, which asks the kernel for a signal at the end of its parent
//! and then becomes the process that is wanted, under the same id. Only for the sandbox; a real access point has
//! systemd.

use std::{
    ffi::OsString,
    io,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{self, Command},
};

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

use crate::exit::{Code, Failure};

/// Name of the hidden command.
const NAME: &str = "tied";

/// Arguments of the hidden command.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Who started it.
    #[arg(long)]
    parent: i32,
    /// What it becomes.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

/// A command that ends with this process. `nhipcau` is this program. To be started from a thread that lives as long as
/// the process, such as a worker of the runtime and not one for blocking work: the kernel goes by the thread.
pub(super) fn command(nhipcau: &Path, wanted: &Path) -> Command {
    let mut command = Command::new(nhipcau);
    command.arg(NAME).arg("--parent").arg(process::id().to_string()).arg("--").arg(wanted);
    command
}

/// Becomes what is wanted. Returns only when that fails.
pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::because(Code::Failed, error);
    set_parent_process_death_signal(Some(Signal::TERM)).map_err(|error| failed(error.into()))?;
    // It may have ended before it was asked for.
    if getppid() != Pid::from_raw(args.parent) {
        return Err(Failure::because(Code::Failed, "the sandbox has ended"));
    }
    let mut command = args.command.into_iter();
    let program = command.next().unwrap_or_default();
    Err(failed(Command::new(program).args(command).exec()))
}

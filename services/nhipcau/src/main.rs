//! `nhipcau`: serves an access point, and does by command line what operators, calling systems and auditors do.
//!
//! Here is only which commands there are and how the program ends. Each command is a module with its `Args` and its
//! `run`; each says by a [`exit::Failure`] why it did not do what was asked, and the exit code follows from that.

mod alarm;
mod areas;
mod channels;
mod check;
mod client;
mod contact;
mod demo;
mod directory;
mod doctor;
mod duty;
mod evidence;
mod exit;
mod indicators;
mod keys;
mod placement;
mod provision;
mod reconcile;
mod referral;
mod registry;
mod sandbox;
mod serve;
mod settings;
mod store;
mod story;
mod terminal;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::exit::{Code, Failure, OrExit as _};

/// Work on messages is many small allocations of two threads. The writer spent an eighth of its time in the system's
/// allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The interagency message bus of the child-protection and gender-equality programme.
#[derive(Debug, Parser)]
#[command(name = "nhipcau", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 usage, 3 configuration, 4 nobody answers, 5 refused by the \
                        other side, 6 differences found or a person has to decide. docs/cli.md describes every command.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves an access point until it is told to stop.
    Serve(serve::Args),
    /// Makes and shows the keys of an access point.
    Keys(keys::Args),
    /// Makes, signs, shows and verifies releases of the directory.
    Directory(directory::Args),
    /// Brings the broker to what the directory says.
    Provision(provision::Args),
    /// Checks, signs, installs and shows who is on duty at units.
    Duty(duty::Args),
    /// Looks at everything that an access point stands on and says what to do.
    Doctor(doctor::Args),
    /// Brings figures in and out.
    Indicators(indicators::Args),
    /// Registers alarm keys, takes their presses and ends their alarms.
    Alarm(alarm::Args),
    /// Records the contacts of a switchboard and sends them.
    Contact(contact::Args),
    /// Asks intake desks whether somebody can be taken in, and answers for one.
    Placement(placement::Args),
    /// Submits, follows and answers referrals.
    Referral(referral::Args),
    /// Says what administrative units of older lists are today.
    Areas(areas::Args),
    /// Shows where the channels to the other access points stand.
    Channels(channels::Args),
    /// Compares what was sent with what the other side holds.
    Reconcile(reconcile::Args),
    /// Writes the evidence of one case into a file.
    Evidence(evidence::Args),
    /// Verifies the evidence in an access point's directory, or in a file of one case.
    Verify(verify::Args),
    /// Carries a store from a file to a PostgreSQL server or back.
    Store(store::Args),
    /// Makes and runs four access points with a broker on this machine.
    Sandbox(sandbox::Args),
    /// Tells a story over the sandbox and records what each party holds.
    Demo(demo::Args),
    /// Becomes a process that ends with the one that started it.
    #[command(hide = true)]
    Tied(sandbox::tied::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().or_exit(Code::Failed)?;
        let done = runtime.block_on(run(cli.command));
        // Whatever still runs was told to end and had its time; a blocked thread must not hold the exit up.
        runtime.shutdown_background();
        done
    };
    match done() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

async fn run(command: Command) -> Result<(), Failure> {
    // Boxed, because the largest command would otherwise make every one as large on the stack.
    match command {
        Command::Serve(args) => Box::pin(serve::run(args)).await,
        Command::Keys(args) => Box::pin(keys::run(args)).await,
        Command::Directory(args) => Box::pin(directory::run(args)).await,
        Command::Provision(args) => Box::pin(provision::run(args)).await,
        Command::Duty(args) => Box::pin(duty::run(args)).await,
        Command::Doctor(args) => Box::pin(doctor::run(args)).await,
        Command::Indicators(args) => Box::pin(indicators::run(args)).await,
        Command::Alarm(args) => Box::pin(alarm::run(args)).await,
        Command::Contact(args) => Box::pin(contact::run(args)).await,
        Command::Placement(args) => Box::pin(placement::run(args)).await,
        Command::Referral(args) => Box::pin(referral::run(args)).await,
        Command::Areas(args) => Box::pin(areas::run(args)).await,
        Command::Channels(args) => Box::pin(channels::run(args)).await,
        Command::Reconcile(args) => Box::pin(reconcile::run(args)).await,
        Command::Evidence(args) => Box::pin(evidence::run(args)).await,
        Command::Verify(args) => Box::pin(verify::run(args)).await,
        Command::Store(args) => Box::pin(store::run(args)).await,
        Command::Sandbox(args) => Box::pin(sandbox::run(args)).await,
        Command::Demo(args) => Box::pin(demo::run(args)).await,
        Command::Tied(args) => sandbox::tied::run(args),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn every_command_is_well_formed() {
        Cli::command().debug_assert();
    }
}

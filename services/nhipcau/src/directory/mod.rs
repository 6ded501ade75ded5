//! `nhipcau directory`: draws up, signs, shows, verifies and installs releases of the directory, with offline keys.
//!
//! Each step is one person's on one machine, and hands on a file: signers make keys and send their public halves; the
//! programme office draws up the root, whose fingerprint everybody compares out of band, and releases from a source
//! that people edit; two signers review and sign; operators verify and install. A party alone revokes its own keys.
//! Nothing is trusted for having been made here: what counts is what every access point verifies by itself.

pub(crate) mod author;
mod commands;
mod error;
mod facts;
pub(crate) mod files;
pub(crate) mod install;
pub(crate) mod key_file;
pub(crate) mod problem;
pub(crate) mod release;
mod revoke;
pub(crate) mod root;
mod route;
mod show;
pub(crate) mod source;
mod tables;
#[cfg(test)]
mod tests;

use clap::Subcommand;

pub(crate) use self::error::Error;
use crate::exit::{Code, Failure, OrExit as _};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes an offline key: of a signer, or of a party that can then revoke.
    #[command(subcommand)]
    Key(commands::Key),
    /// Draws up the first root, or another one, and shows its fingerprint.
    #[command(subcommand)]
    Root(commands::Root),
    /// Draws up a release from its source and lists everything that is wrong with it.
    Author(commands::Author),
    /// Reviews a release and signs it with one signer's key.
    Sign(commands::Sign),
    /// Brings the signatures of copies of one release together.
    Merge(commands::Merge),
    /// Shows what a release says, and what changes against another.
    Show(commands::Show),
    /// Verifies an access point's directory from its first release on.
    Verify(commands::Verify),
    /// Verifies a release or revocation and puts it into an access point's directory.
    Install(commands::Install),
    /// Revokes keys of one's own access point at once, without the other signers.
    Revoke(commands::Revoke),
    /// Says which unit serves a service in an area at a time, and why each that was looked at fits or not.
    Route(route::Args),
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    // Files only, and some of them large: not on a thread that others wait for.
    let done = tokio::task::spawn_blocking(move || match args.command {
        Command::Key(command) => command.run(),
        Command::Root(command) => command.run(),
        Command::Author(command) => command.run(),
        Command::Sign(command) => command.run(),
        Command::Merge(command) => command.run(),
        Command::Show(command) => command.run(),
        Command::Verify(command) => command.run(),
        Command::Install(command) => command.run(),
        Command::Revoke(command) => command.run(),
        Command::Route(command) => command.run(),
    });
    done.await.or_exit(Code::Failed)?
}

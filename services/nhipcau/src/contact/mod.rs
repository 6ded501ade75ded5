//! `nhipcau contact`: the calls and messages of a switchboard by command line, from the first ring to the referral.
//!
//! Every change has a request id, which is told before the call is made: whoever does not learn the answer repeats the
//! command with `--request-id` and the etag that was told, and gets the first one.

mod change;
mod read;
mod show;

pub(crate) use change::{amend, record, send};
use clap::Subcommand;
pub(crate) use read::{get, route};

use crate::exit::Failure;

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Records a contact. Only how and when it was received has to be known.
    Record(change::Record),
    /// Adds to what is known or corrects it.
    Amend(change::Amend),
    /// Notes that a person counselled the caller.
    Counsel(change::Counsel),
    /// Says who would get it and why.
    Route(read::Route),
    /// Sends what is known to the unit that serves, or to units that a person chose.
    Send(change::Send),
    /// Closes a contact.
    Close(change::Close),
    /// Shows a contact.
    Show(read::Show),
    /// Lists contacts, newest first.
    List(read::List),
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    match args.command {
        Command::Record(args) => Box::pin(change::run_record(args)).await,
        Command::Amend(args) => Box::pin(change::run_amend(args)).await,
        Command::Counsel(args) => Box::pin(change::run_counsel(args)).await,
        Command::Route(args) => Box::pin(read::run_route(args)).await,
        Command::Send(args) => Box::pin(change::run_send(args)).await,
        Command::Close(args) => Box::pin(change::run_close(args)).await,
        Command::Show(args) => Box::pin(read::run_show(args)).await,
        Command::List(args) => Box::pin(read::run_list(args)).await,
    }
}

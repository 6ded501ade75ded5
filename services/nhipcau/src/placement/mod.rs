//! `nhipcau placement`: asks intake desks whether somebody can be taken in, before there is a case, and answers for a
//! desk.
//!
//! Every change has a request id, which is told before the call is made: whoever does not learn the answer repeats the
//! command with `--request-id` and the etag that was told, and gets the first one.

mod change;
mod read;
mod show;

pub(crate) use change::{Deed, ask, make};
use clap::Subcommand;
pub(crate) use read::{get, list};

use crate::exit::Failure;

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Asks an intake desk. Several desks are asked one by one.
    Ask(change::Ask),
    /// Answers for an intake desk.
    Answer(change::Answer),
    /// Says for which referral the desk holds it.
    Confirm(change::Confirm),
    /// Needs what is held no more.
    Release(change::Target),
    /// Takes an enquiry back before there was a yes or no.
    Withdraw(change::Target),
    /// Lists enquiries, newest first.
    List(read::List),
    /// Shows an enquiry.
    Get(read::Get),
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    match args.command {
        Command::Ask(args) => Box::pin(change::run_ask(args)).await,
        Command::Answer(args) => Box::pin(change::run_answer(args)).await,
        Command::Confirm(args) => Box::pin(change::run_confirm(args)).await,
        Command::Release(target) => Box::pin(change::run(target, Deed::Release)).await,
        Command::Withdraw(target) => Box::pin(change::run(target, Deed::Withdraw)).await,
        Command::List(args) => Box::pin(read::run_list(args)).await,
        Command::Get(args) => Box::pin(read::run_get(args)).await,
    }
}
